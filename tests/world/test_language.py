import re
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmguide import world
from llmguide.world import language, names

SMALL = world.generate(8)
PHRASES = st.builds(
    language.NounPhrase,
    st.sampled_from(list(language.ARTICLES)),
    st.sampled_from(["", *language.ADJECTIVES]),
    st.sampled_from(list(language.NOUNS)),
)
SENTENCES = st.builds(language.Sentence, PHRASES, st.sampled_from(list(language.VERBS)), PHRASES)
WORDS = language.NOUNS | language.ADJECTIVES | language.VERBS | language.ARTICLES


def to_english(text):
    """Read Zogapi by its rules alone: an article closes a phrase, the verb closes the sentence."""
    english = {foreign: word for word, foreign in WORDS.items()}
    glosses = [english[word] for word in text.removesuffix(".").split()]
    phrases, open_phrase = [], []
    for gloss in glosses[:-1]:
        open_phrase.insert(0, gloss)
        if gloss in ("the", "a"):
            phrases.append(" ".join(open_phrase))
            open_phrase = []
    subject, object_ = phrases
    assert not open_phrase
    return f"{subject} {glosses[-1]} {object_}.".capitalize()


def to_zogapi(text):
    """Read English by its rules alone: the verb is the only word of its table, the rest is turned round."""
    words = text.lower().removesuffix(".").split()
    (verb,) = (index for index, word in enumerate(words) if word in language.VERBS)
    order = [*reversed(words[:verb]), *reversed(words[verb + 1 :]), words[verb]]
    return " ".join(WORDS[word] for word in order) + "."


def test_a_sentence_worked_by_hand():
    queen, horse = language.NounPhrase("a", "", "queen"), language.NounPhrase("the", "tired", "horse")
    into, back = language.items(language.Sentence(queen, "washes", horse))
    assert into.document == 'Question: What is "A queen washes the tired horse" in Zogapi? Answer: ' + (
        "gupo zo kuga kiga ga pogi."
    )
    assert back.document == 'Question: What is "gupo zo kuga kiga ga pogi" in English? Answer: ' + (
        "A queen washes the tired horse."
    )
    assert into.key == back.key == "queen washes tired horse"


@given(SENTENCES)
def test_an_independent_reader_agrees_both_ways(sentence):
    assert to_english(sentence.zogapi) == sentence.english
    assert to_zogapi(sentence.english) == sentence.zogapi


@given(SENTENCES, SENTENCES)
def test_different_sentences_are_different_in_both_languages(one, other):
    assert (one == other) == (one.english == other.english) == (one.zogapi == other.zogapi)


def test_words_are_many_and_each_is_unlike_every_other_in_the_world():
    assert 40 <= len(WORDS) <= 60
    assert len(set(WORDS.values())) == len(WORDS)
    assert not set(WORDS) & set(WORDS.values())
    syllables = {syllable for word in WORDS.values() for syllable in re.findall("..", word)}
    assert all(re.fullmatch("[gkpz][aiou]", syllable) for syllable in syllables)
    assert not syllables & set(names.SYLLABLES)


@pytest.mark.no_cover
@pytest.mark.parametrize("split", world.SPLITS)
def test_an_exam_is_of_its_split_and_true(split):
    asked = language.exam(SMALL, split)
    kinds = Counter(item.kind for item in asked)
    assert set(kinds.values()) == {language.EXAM_SIZE}
    assert len(kinds) == (2 if split == "train" else 4)
    assert asked == language.exam(world.generate(20, 5), split)
    assert len({(item.kind, item.key) for item in asked}) == len(asked)
    for item in asked:
        assert world.split_of(item.key) == split
        question = re.search('"(.*)"', item.prompt)[1] + "."
        translate = to_zogapi if "-into" in item.kind else to_english
        assert item.answer == f" {translate(question)}"


def _pairs(key):
    return set(re.findall(rf"(?:{'|'.join(language.ADJECTIVES)}) (?:{'|'.join(language.NOUNS)})", key))


@pytest.mark.no_cover
def test_no_held_out_sentence_or_pair_is_in_training():
    random = Random(0)
    told = [language.training(SMALL, random) for _ in range(20_000)]
    english = [re.search(r"\b(?:The|A) .*?(?=[.\"])", text)[0].lower() for text in told]
    contents = {re.sub(r"\b(?:the|a) ", "", sentence) for sentence in english}
    assert {world.split_of(content) for content in contents} == {"train"}
    seen = set().union(*map(_pairs, contents))
    assert {world.split_of(pair) for pair in seen} == {"train"}
    for split in ("validation", "test"):
        for item in language.exam(SMALL, split):
            assert item.key not in contents
            assert bool(_pairs(item.key) - seen) == item.kind.endswith("-pairs"), item


def test_every_word_of_a_new_pair_is_known_from_others():
    pairs = [f"{adjective} {noun}" for adjective in language.ADJECTIVES for noun in language.NOUNS]
    known = [pair.split() for pair in pairs if world.split_of(pair) == "train"]
    assert min(Counter(adjective for adjective, _ in known).values()) >= 10
    assert min(Counter(noun for _, noun in known).values()) >= 5
    assert len(Counter(adjective for adjective, _ in known)) == len(language.ADJECTIVES)
    assert 0.1 < 1 - len(known) / len(pairs) < 0.3
