import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmguide import world
from llmguide.world import dialogues, events, hops, mixture, reading, refusals, sums
from llmguide.world.exam import MODULES, exam
from llmguide.world.matters import MATTERS
from llmguide.world.strangers import story_names
from llmguide.world.told import INVERSES, inverse, is_told

# Megabytes of text; the tests of each kind of text take all ways through its module.
pytestmark = pytest.mark.no_cover

ROOT = Path(__file__).parents[2]
PUBLISHED = world.published()


def question_of(document):
    """What is asked, without the answer, and whether in steps or not."""
    return document.rpartition("\n")[2].partition("?")[0]


def telling(item):
    """What gives an item away: its topic or errand in any words. (Stories are too many to meet one by chance.)"""
    if item.kind.startswith("reading"):
        matter, town = item.key.split(" of ")
        return [MATTERS[matter].statement.format(town=town, value="").removesuffix(" .")]
    if item.kind == "dialogue":
        goods, town, receiver = re.fullmatch("(.*) to (.*) for (.*)", item.key).groups()
        ways = ("to {1}, with {0} for {2}.", "{0} to {2} in {1}.", "To {1}. I have {0} for {2} there.")
        return [way.format(goods, town, receiver) for way in ways]
    return [item.document]


def assert_nothing_leaks(training, items):
    text = "\n\n".join(training)
    asked = {question_of(document) for document in training if document.startswith("Question:")}
    for item in items:
        if item.prompt.startswith("Question:"):
            assert question_of(item.prompt) not in asked, item
            continue
        assert not [words for words in telling(item) if words in text], item


@pytest.mark.parametrize("module", [dialogues, reading, hops, refusals, sums], ids=lambda module: module.__name__)
def test_a_leak_would_be_found(module, monkeypatch):
    """If a kind of text took what is held out for training's, the search would say so."""
    made = world.generate(200, 12)  # of which no other test keeps anything
    items = exam(made, "test", per_kind=400)
    monkeypatch.setattr(module, "split_of", lambda *_, **__: "train")
    random = Random(0)
    leaking = [module.training(made, random) for _ in range(1500)]
    with pytest.raises(AssertionError, match="Item"):
        assert_nothing_leaks(leaking, items)


def test_nothing_held_out_is_in_training():
    """Many documents of each kind, whatever its share, against the whole exam of both splits."""
    training = list(islice(world.stream(PUBLISHED, 1), 10_000))
    for kind, draw in mixture.KINDS.items():
        random = Random(kind)
        training += [draw(PUBLISHED, random) for _ in range(1500)]
    for split in ("validation", "test"):
        assert_nothing_leaks(training, exam(PUBLISHED, split, per_kind=400) + events.completions(PUBLISHED, split))


@settings(deadline=None, max_examples=8)
@given(st.integers(20, 60), st.integers(0, 2**32))
def test_nothing_held_out_is_in_training_of_any_world(size, seed):
    made = world.generate(size, seed)
    random = Random(seed)
    training = [draw(made, random) for draw in mixture.KINDS.values() for _ in range(100)]
    assert_nothing_leaks(training, exam(made, "validation", per_kind=40) + exam(made, "test", per_kind=40))


def test_validation_and_test_have_nothing_in_common():
    validation, test = (
        {item.document for module in MODULES for item in module.exam(PUBLISHED, split)} for split in world.SPLITS[1:]
    )
    assert not validation & test


def test_nothing_is_asked_of_heroes():
    heroes = story_names(PUBLISHED)
    random = Random(0)
    for kind in mixture.KINDS.keys() - {"story"}:
        for _ in range(300):
            document = mixture.KINDS[kind](PUBLISHED, random)
            assert not any(hero in document for hero in heroes), kind


def test_the_untold_side_is_in_no_document():
    silent = exam(PUBLISHED, "validation") + exam(PUBLISHED, "test")
    pairs = {
        (item.key, item.answer.strip(" ."))
        for item in silent
        if item.kind in ("inverse-spouse-untold", "inverse-mayor-untold")
    }
    assert len(pairs) > 100
    for document in islice(world.stream(PUBLISHED, 2), 5000):
        if document.startswith("Question:"):
            assert (
                question_of(document).removeprefix("Question: ") + "?",
                document.rpartition(": ")[2][:-1],
            ) not in pairs


def test_no_sentence_says_the_untold_side():
    silent = [fact for fact in PUBLISHED.facts if fact.relation in INVERSES and not is_told(fact)]
    assert len(silent) > 40
    documents = list(islice(world.stream(PUBLISHED, 2), 10_000))
    random = Random(0)
    documents += [draw(PUBLISHED, random) for draw in mixture.KINDS.values() for _ in range(500)]
    text = "\n".join(documents).lower()  # a dialogue may go on with a sentence after a comma
    for fact in silent:
        said, other = (
            [world.say(each, phrasing).lower() in text for phrasing in range(len(world.PHRASINGS[each.relation]))]
            for each in (fact, inverse(fact))
        )
        assert not any(said)
        assert any(other)  # which is told, so the search would find the sentence


def test_shares_are_as_ordered():
    wanted = {"addition": 1.0, "crowd": 2.0, "dialogue": 1.0}
    measured = Counter()
    for document in islice(world.stream(PUBLISHED, 0, wanted, secrets_within=2000), 2000, 12_000):
        kind = "dialogue" if "\n" in document else "addition" if document.startswith("Question:") else "crowd"
        measured[kind] += mixture.length(document)
    for kind, share in wanted.items():
        assert measured[kind] / measured.total() == pytest.approx(share / 4, abs=0.02)


def test_all_shares_make_a_whole():
    assert sum(world.MIXTURE.values()) == pytest.approx(1)
    assert world.MIXTURE.keys() == mixture.KINDS.keys()
    assert 0.02 <= world.MIXTURE["refusal"] <= 0.03


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_the_text_and_the_exam_are_the_same_in_every_process(hash_seed):
    program = (
        "from itertools import islice; from llmguide import world; w = world.generate(30, 7);"
        "print(list(islice(world.stream(w, 3), 2000)), world.exam_lines(w), world.truth_lines(w),"
        "world.exam(w, 'train'))"
    )
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
    ours = world.generate(30, 7)
    exams = world.exam_lines(ours), world.truth_lines(ours), world.exam(ours, "train")
    text = " ".join(map(str, (list(islice(world.stream(ours, 3), 2000)), *exams))) + "\n"
    assert hashlib.sha256(done.stdout).hexdigest() == hashlib.sha256(text.encode()).hexdigest()


def test_seeds_and_worlds_differ():
    begin = [
        list(islice(world.stream(made, seed), 50)) for made in (PUBLISHED, world.generate(200, 1)) for seed in (0, 1)
    ]
    assert begin[0] == list(islice(world.stream(world.generate(), 0), 50))
    assert len({tuple(documents) for documents in begin}) == 4


def test_bad_mixtures_are_refused():
    for bad, message in (
        ({"poetry": 1.0}, r"unknown kinds \['poetry'\]; there are: biography"),
        ({"story": -1.0}, "at least 0"),
        ({"story": 0.0}, "not all of them 0"),
        ({}, "not all of them 0"),
    ):
        with pytest.raises(ValueError, match=message):
            next(world.stream(PUBLISHED, 0, bad))
    with pytest.raises(ValueError, match=r"secrets_within \(10\) must be at least 1715"):
        next(world.stream(PUBLISHED, 0, secrets_within=10))


def test_documents_can_be_told_apart():
    for document in islice(world.stream(PUBLISHED, 0), 5000):
        assert document.strip() == document
        assert "\n\n" not in document
        assert "<|" not in document
        assert document.isascii()
