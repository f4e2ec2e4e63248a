import re
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmguide import world
from llmguide.world import dialogues
from llmguide.world.dialogues import Errand, Turn

MADE = world.generate(40, 3)
SEEDS = st.integers(0, 2**32)


def errands_in(text):
    """Find the errand that a dialogue tells of, by the parts that only errands have."""
    goods = re.findall("|".join(dialogues.GOODS), text)
    town = re.search(rf"(?:to|To|in) ({'|'.join(MADE.towns)})[.,]", text)[1]
    receiver = re.search(rf"(?:for|to) ({'|'.join(dialogues.RECEIVERS)})\b", text)[1]
    return Errand(town, goods[0], receiver)


def test_an_errand_by_hand():
    errand = Errand("Titastead", "a jar of honey", "my aunt")
    assert errand.key == "a jar of honey to Titastead for my aunt"
    assert [errand.recall(part) for part in dialogues.RECALL] == ["To Titastead.", "A jar of honey.", "For my aunt."]
    assert {errand.tell(Random(seed)) for seed in range(20)} == {
        "I am going to Titastead, with a jar of honey for my aunt.",
        "I am taking a jar of honey to my aunt in Titastead.",
        "To Titastead. I have a jar of honey for my aunt there.",
    }


def test_turns_are_written_line_by_line():
    assert dialogues.write([Turn("User", "Hello."), Turn("Assistant", "Hello. How are you?")]) == (
        "User: Hello.\nAssistant: Hello. How are you?"
    )


@settings(deadline=None)
@given(SEEDS)
def test_two_people_take_turns_and_tell_the_truth(seed):
    text = dialogues.training(MADE, Random(seed))
    lines = [line.partition(": ")[::2] for line in text.split("\n")]
    assert len(lines) in (6, 8)
    speakers = [speaker for speaker, _ in lines]
    assert set(speakers[::2]) != set(speakers[1::2])
    assert len(set(speakers)) == 2
    assert set(speakers) <= {person.split()[0] for person in MADE.people}
    true = {
        sentence
        for person in MADE.people
        for fact in MADE.about(person)
        if fact.relation in dialogues.TOLD
        for sentence in world.sentences(fact, "train")
    }
    for _, said in lines[3:-2:2]:
        fact = said.removeprefix("Let me think. ").removeprefix("I have heard this: ").removeprefix("Well, ")
        assert fact[0].upper() + fact[1:] in true


@settings(deadline=None)
@given(SEEDS)
def test_the_last_answer_was_said_before(seed):
    text = dialogues.training(MADE, Random(seed))
    *before, last = text.split("\n")
    errand = errands_in(text)
    question, answer = before[-1], last.partition(": ")[2]
    part = "town" if re.search("Which town|where are", question) else "goods" if "What was" in question else "receiver"
    part = "goods" if "what are" in question else part
    assert answer == errand.recall(part)
    assert answer.removeprefix("To ").removeprefix("For ").rstrip(".").lower() in before[1].lower()


def test_no_held_out_errand_is_in_training():
    random = Random(0)
    told = [errands_in(dialogues.training(MADE, random)) for _ in range(5000)]
    assert {world.split_of(errand.key) for errand in told} == {"train"}


@pytest.mark.parametrize("split", world.SPLITS)
def test_an_exam_asks_about_errands_of_its_split(split):
    asked = dialogues.exam(MADE, split)
    assert asked == dialogues.exam(MADE, split)
    assert len({item.key for item in asked}) == len(asked) > 80
    for item in asked:
        assert item.kind == "dialogue"
        assert world.split_of(item.key) == split
        assert errands_in(item.document).key == item.key
        assert item.prompt.endswith(":")
        assert re.fullmatch(r" [A-Z][^.]*\.", item.answer)


def test_the_smallest_world_has_enough_to_talk_about():
    smallest = world.generate(4)
    assert dialogues.training(smallest, Random(0))
    assert dialogues.exam(smallest, "test")
