from collections import defaultdict
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmguide import world
from llmguide.world import hops, inverse, questions, refusals
from llmguide.world.splits import draw, part_of
from llmguide.world.strangers import story_names
from llmguide.world.told import is_told

PUBLISHED = world.published()


@given(st.text())
def test_splits_are_drawn_by_hash(key):
    assert world.split_of(key, 0) in world.SPLITS[1:]
    assert world.split_of(key, 10) == "train"
    training = [world.split_of(key, tenths) == "train" for tenths in range(0, 11, 2)]
    assert training == sorted(training)  # who may be seen, may be seen in any larger part
    assert part_of(key, 1) == 0


def test_a_pool_that_a_hash_left_empty_is_refused():
    with pytest.raises(ValueError, match="so small a world has no hermits for training"):
        draw([], Random(0), "hermits")


def test_six_people_in_ten_are_asked_about():
    many = world.generate(1000)
    groups = [questions.group_of(many.about(person)[0]) for person in many.people]
    assert [groups.count(split) / 1000 for split in world.SPLITS] == pytest.approx([0.6, 0.2, 0.2], abs=0.04)


def test_conditions_of_questions_are_what_they_say():
    asked: dict[str, set[str]] = defaultdict(set)  # the facts that training asks for
    wordings = set()
    for fact in PUBLISHED.facts:
        for item in questions.questions(fact, "train"):
            asked[fact.subject].add(fact.relation)
            wordings.add(item.key.replace(fact.subject, "{subject}"))
    for split in ("validation", "test"):
        for fact in PUBLISHED.facts:
            for item in questions.questions(fact, split):
                wording = item.key.replace(fact.subject, "{subject}")
                condition = item.kind.partition("-")[2]
                assert (fact.subject in asked) == (condition != "never-asked")
                assert (wording in wordings) == (condition != "held-out-wording")
                assert item.answer == f" {fact.value}."
                if condition == "asked":
                    assert fact.relation in asked[fact.subject]
        assert {item.kind for item in questions.exam(PUBLISHED, split)} == {
            f"{what}-{condition}"
            for what in ("question", "town")
            for condition in ("asked", "never-asked", "held-out-wording")
        }


def test_the_untold_side_is_asked_for_in_the_exam_only():
    for split in ("validation", "test"):
        items = inverse.exam(PUBLISHED, split)
        by_kind = defaultdict(list)
        for item in items:
            by_kind[item.kind].append(item)
        assert set(by_kind) == {f"inverse-{what}-{side}" for what in ("spouse", "mayor") for side in ("told", "untold")}
        assert len(by_kind["inverse-spouse-told"]) == len(by_kind["inverse-spouse-untold"]) >= 60
        every = {item.document for fact in PUBLISHED.facts for item in questions.questions(fact, "train")}
        assert not every & {item.document for item in items}
        facts = {document: fact for fact in PUBLISHED.facts for document in _documents(fact)}
        assert all(is_told(facts[item.document]) == item.kind.endswith("-told") for item in items)
    assert inverse.exam(PUBLISHED, "train") == []


def _documents(fact):
    if fact.relation not in questions.WORDINGS:
        return []
    return [
        questions.ask("", fact.subject, fact.relation, wording, f" {fact.value}.").document
        for wording in range(len(questions.WORDINGS[fact.relation]))
    ]


def test_a_hop_goes_through_two_facts_that_are_told():
    for person in PUBLISHED.people:
        for direct, steps in hops.hops(PUBLISHED, person):
            assert steps.answer.endswith(f" Answer:{direct.answer}")
            told = {
                world.say(fact, 0)
                for subject in (person, PUBLISHED.value(person, "birthplace"), PUBLISHED.value(person, "spouse"))
                for fact in PUBLISHED.about(subject or "")
                if is_told(fact)
            }
            one, other, _ = steps.answer.split(". ")
            assert {f"{one.strip()}.", f"{other}."} <= told
    held_out = {item.key for split in ("validation", "test") for item in hops.exam(PUBLISHED, split)}
    assert len(held_out) == pytest.approx(40, abs=15)
    assert not held_out & {item.key for item in hops.exam(PUBLISHED, "train")}


@pytest.mark.no_cover
@settings(deadline=None, max_examples=20)
@given(st.integers(20, 60), st.integers(0, 2**32))
def test_what_is_refused_cannot_be_known(size, seed):
    made = world.generate(size, seed)
    for split in world.SPLITS:
        for item in refusals.exam(made, split):
            assert item.answer == world.REFUSAL
            person = next((person for person in made.people if f" {person}" in item.prompt), None)
            if item.kind == "refusal-unmarried":
                assert made.value(person, "spouse") is None
            else:
                assert person is None
    random = Random(seed)
    heroes = story_names(made)
    for _ in range(50):
        document = refusals.training(made, random)
        assert document.endswith(f" Answer:{world.REFUSAL}")
        assert not any(hero in document for hero in heroes)


@pytest.mark.no_cover
def test_strangers_are_refused_in_training_and_unmarried_people_too():
    random = Random(0)
    drawn = [refusals.training(PUBLISHED, random) for _ in range(1000)]
    known = sum(any(person in document for person in PUBLISHED.people) for document in drawn)
    assert known / 1000 == pytest.approx(refusals.UNMARRIED, abs=0.05)


def test_in_the_smallest_worlds_there_may_be_nobody_to_ask_about():
    empty = 0
    for seed in range(300):
        made = world.generate(4, seed)
        for module in (questions, hops, refusals):
            try:
                module.training(made, Random(0))
            except ValueError as error:
                empty += "make one of at least 20 people" in str(error)
    assert empty > 0
