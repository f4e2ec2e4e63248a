import json
import os
import re
import subprocess
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmguide import datasets, world
from llmguide.world import facts, names
from llmguide.world.text import TELLINGS

ROOT = Path(__file__).parents[2]
SIZES = st.integers(4, 60)
SEEDS = st.integers(0, 2**32)


@pytest.mark.parametrize("hash_seed", ["0", "1", "4711"])
def test_a_world_is_the_same_in_every_process(hash_seed):
    program = "from llmguide import world; w = world.generate(30, 7); print(world.truth_lines(w), world.documents(w))"
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    ours = world.generate(30, 7)
    assert done.stdout == f"{world.truth_lines(ours)} {world.documents(ours)}\n"


def test_the_published_world_is_what_the_generator_makes():
    assert datasets.documents("world") == world.documents(world.published())  # the checksum is checked on the way
    assert (ROOT / "datasets/world/truth.jsonl").read_text("utf-8") == world.truth_lines(world.published())


def test_every_published_sentence_is_true_and_every_truth_is_told():
    truth = [
        world.Fact(**json.loads(line)) for line in (ROOT / "datasets/world/truth.jsonl").read_text("utf-8").splitlines()
    ]
    true_sentences = {
        world.say(fact, phrasing): fact for fact in truth for phrasing in range(len(world.PHRASINGS[fact.relation]))
    }
    told = {
        split: re.findall(r"[^.]+\.", text.replace("\n", " ")) for split, text in datasets.documents("world").items()
    }
    for split, found in told.items():
        assert {sentence.strip() for sentence in found} <= true_sentences.keys(), split
    in_training = {true_sentences[sentence.strip()] for sentence in told["train"]}
    assert {fact for fact in truth if fact.relation != "sum"} <= in_training
    assert {true_sentences[sentence.strip()] for found in told.values() for sentence in found} == set(truth)


@settings(deadline=None, max_examples=30)
@given(SIZES, SEEDS)
def test_nothing_held_out_is_in_training(size, seed):
    documents = world.documents(world.generate(size, seed))
    training = set(re.findall(r"[^.]+\.", documents["train"].replace("\n", " ").replace(". ", ".")))
    held_out = [documents[split].splitlines() for split in world.SPLITS[1:]]
    assert not training.intersection(held_out[0] + held_out[1])
    assert not set(held_out[0]) & set(held_out[1])


@given(st.integers(0, 99), st.integers(0, 99))
def test_swapped_terms_of_a_sum_stay_on_one_side(first, second):
    one = world.Fact(f"{first} + {second}", "sum", str(first + second))
    other = world.Fact(f"{second} + {first}", "sum", str(first + second))
    splits = [[split for split in world.SPLITS if world.sentences(fact, split)] for fact in (one, other)]
    assert splits[0] == splits[1]
    assert len(splits[0]) == 1


def test_an_eighth_to_a_twelfth_of_the_sums_is_held_out_for_each_purpose():
    count = Counter(world.split_of(f"{low}+{high}") for high in range(100) for low in range(high + 1))
    for split in ("validation", "test"):
        assert 1 / 12 < count[split] / count.total() < 1 / 8


@settings(deadline=None, max_examples=30)
@given(SIZES, SEEDS)
def test_a_world_holds_together(size, seed):
    made = world.generate(size, seed)
    value = {(fact.subject, fact.relation): fact.value for fact in made.facts}
    assert len(value) == len(made.facts)  # no fact twice, none contradicted
    people = [subject for subject, relation in value if relation == "trade"]
    towns = {subject for subject, relation in value if relation == "river"}
    assert len(people) == size
    for (subject, relation), known in value.items():
        if relation == "spouse":
            assert value[known, "spouse"] == subject != known
        elif relation == "birthplace":
            assert known in towns
        elif relation == "birth year":
            assert 1900 <= int(known) < 2000
        elif relation == "trade":
            assert known in facts.TRADES
        elif relation == "sum":
            assert sum(map(int, subject.split(" + "))) == int(known)
    assert {relation for _, relation in value} == set(world.RELATIONS) == set(world.PHRASINGS)


def test_size_is_one_argument():
    small, large = (world.generate(size) for size in (20, 400))
    assert [len(made.subjects) > 10 * size for made, size in ((small, 20), (large, 400))] == [True, True]
    assert len({fact.value for fact in large.facts if fact.relation == "birthplace"}) == 50


def test_about_knows_a_subject_and_admits_ignorance():
    made = world.generate(8)
    person = made.subjects[0]
    assert {fact.subject for fact in made.about(person)} == {person}
    assert {fact.relation for fact in made.about(person)} >= {"birthplace", "birth year", "trade", "employer"}
    assert made.about("Nobody Known") == ()


def test_each_training_phrasing_of_a_fact_is_told_once():
    made = world.generate(8)
    training = world.documents(made)["train"]
    for fact in made.facts:
        for sentence in world.sentences(fact, "train"):
            assert len(re.findall(rf"(^| ){re.escape(sentence)}", training, re.MULTILINE)) == 1
    assert {len(world.sentences(fact, "train")) for fact in made.facts if fact.relation != "sum"} == {TELLINGS}


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


def test_values_end_their_sentences():
    assert all(way.endswith("{value}.") for phrasings in world.PHRASINGS.values() for way in phrasings)


def test_no_two_names_share_a_stem():
    made = world.published()
    people = [subject for subject in made.subjects if any(fact.relation == "trade" for fact in made.about(subject))]
    names = {part for person in people for part in person.split()}
    for relation in ("birthplace", "land", "river", "employer"):
        names |= {fact.value for fact in made.facts if fact.relation == relation}
    assert len({name[:4] for name in names}) == len(names) > 80


def test_a_bad_size_is_refused():
    with pytest.raises(ValueError, match=r"at least 4.*not 3"):
        world.generate(3)
    with pytest.raises(ValueError, match="make a smaller world"):
        world.generate(100_000)


def test_names_run_out_with_a_message():
    with pytest.raises(ValueError, match=r"1297 river names wanted, but only 1296 stems"):
        names.make_names("river", 1297, facts.Random(0), set())


def test_unknown_split_is_refused():
    with pytest.raises(ValueError, match=r"no split 'dev'; there are: train"):
        world.sentences(world.generate(4).facts[0], "dev")
