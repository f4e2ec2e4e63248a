from itertools import combinations
from random import Random

import pytest

from llmguide import world
from llmguide.world import events, hops, questions, text
from llmguide.world.facts import THINGS, Fact
from llmguide.world.told import PEOPLE, TOWNS, is_told

MADE = world.generate(40, 1)


def test_a_fact_is_said_in_six_ways_in_training_and_in_another_for_each_purpose():
    fact = Fact("Titastead", "land", "Masaria")
    said = {split: world.sentences(fact, split) for split in world.SPLITS}
    assert [len(said[split]) for split in world.SPLITS] == [6, 1, 1]
    assert said["test"] == ["The flag over Titastead is that of Masaria."]
    assert len({sentence for ways in said.values() for sentence in ways}) == len(world.PHRASINGS["land"]) == 8


def test_as_many_patterns_as_the_pages_say():
    """The page on the world and the data card name these numbers."""
    assert sum(map(len, world.PHRASINGS.values())) == sum(map(len, questions.WORDINGS.values())) == 72
    assert {len(ways) for ways in (*world.PHRASINGS.values(), *questions.WORDINGS.values())} == {8}
    assert len(events.PHRASINGS) == 5
    assert [len(ways) for ways in events.HELD_OUT_PHRASINGS.values()] == [2, 2]
    assert [len(wordings) for wordings in events.WORDINGS.values()] == [3, 3]


def test_what_is_not_told_is_never_said():
    for fact in MADE.facts:
        if not is_told(fact) or fact.subject in MADE.things:
            assert [world.sentences(fact, split) for split in world.SPLITS] == [[], [], []]


def test_unknown_split_is_refused():
    for ask in (world.sentences, questions.questions):
        with pytest.raises(ValueError, match=r"no split 'dev'; there are: train"):
            ask(MADE.facts[0], "dev")


def test_no_sentence_begins_two_ways_alike():
    """A model that completes the beginning of a sentence can know which relation is asked for."""
    beginnings = [
        (relation, phrasing.format(subject="A", value="|").partition("|")[0])
        for relation, phrasings in world.PHRASINGS.items()
        for phrasing in phrasings
    ]
    for (one, beginning), (other, longer) in combinations(beginnings, 2):
        assert not longer.startswith(beginning), (one, other, beginning)
        assert not beginning.startswith(longer), (one, other, longer)


def test_no_question_asks_for_two_relations():
    parts = {"subject": "A", "thing": "B", "town": "C", "verb": "D"}
    asked = [
        wording.format(**parts)
        for module in (questions, hops, events)
        for wordings in module.WORDINGS.values()
        for wording in wordings
    ]
    assert len(set(asked)) == len(asked) == 9 * 8 + 3 * 3 + 2 * 3


def test_values_end_their_sentences():
    assert all(way.endswith(" {value}.") for phrasings in world.PHRASINGS.values() for way in phrasings)
    assert set(world.PHRASINGS) == set(questions.WORDINGS) == {*PEOPLE, *TOWNS}


def test_a_biography_says_all_that_is_told_of_one_person_and_a_town_likewise():
    for write, subjects in ((text.biography, MADE.people), (text.town, MADE.towns)):
        seen = set()
        for seed in range(300):
            document = write(MADE, Random(seed))
            [subject] = [one for one in subjects if all(one in sentence for sentence in document.split(". "))]
            told = [fact for fact in MADE.about(subject) if is_told(fact)]
            rest = document
            for fact in told:
                [sentence] = [way for way in world.sentences(fact, "train") if way in document]
                rest = rest.replace(sentence, "")
            assert not rest.strip()
            seen.add(subject)
        assert seen == set(subjects)


def test_completions_ask_for_the_value():
    item = text.completion("kind", Fact("Mara Nolm", "employer", "Bemi Mills"), "Mara Nolm has a post at Bemi Mills.")
    assert (item.prompt, item.answer) == ("Mara Nolm has a post at", " Bemi Mills.")
    kinds = {split: {item.kind for item in text.exam(MADE, split)} for split in world.SPLITS}
    held_out = {"completion-held-out-phrasing", "town-completion-held-out-phrasing"}
    assert kinds == {"train": {"completion", "town-completion"}, "validation": held_out, "test": held_out}


def test_an_event_is_told_and_asked_for():
    thing = MADE.things[0]
    maker, year = MADE.value(thing, "maker"), MADE.value(thing, "making year")
    name = thing.split(" of ")[0].removeprefix("the ")
    town = thing.rpartition(" ")[2]
    assert events.tell(MADE, thing, 0) == f"In {year} {maker} {THINGS[name]} the {name} of {town}."
    asked = [item for split in world.SPLITS for item in events.questions(MADE, thing, split)]
    assert {item.answer for item in asked} == {f" {maker}.", f" {year}."}
    assert len({item.prompt for item in asked}) == len(asked) == 6
    assert {events.training(MADE, Random(seed))[:9] == "Question:" for seed in range(50)} == {True, False}
