import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmguide.experiments import records
from llmguide.experiments.records import Status, lookup, mean, number, spread
from llmguide.experiments.runner import run_experiment


@pytest.fixture
def record(sample, results):
    return run_experiment(sample.experiment, results, progress=lambda line: None)


def rewrite(results, change):
    """Edit the recorded file the way a careless hand would."""
    file = results / "coin-flips.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def test_what_was_saved_is_what_is_loaded(record, results):
    assert records.load("coin-flips", results) == record


def test_a_record_has_exactly_the_agreed_keys(record, results):
    content = json.loads((results / "coin-flips.json").read_text())
    assert list(content) == [
        "experiment",
        "title",
        "command",
        "config",
        "seeds",
        "metrics",
        "spread",
        "per_seed",
        "claims",
        "versions",
        "machine",
        "wall_seconds",
        "date",
        "fingerprint",
        "reduced",
        "tolerance",
    ]
    assert content["claims"]["fair"].keys() == {"statement", "smallest_effect", "effects", "holds"}
    assert content["versions"].keys() == {"python", "llmguide", "regex"}
    assert content["command"] == "llmguide experiments run coin-flips"
    assert content["per_seed"].keys() == {"0", "1", "2"}


def test_missing_record_names_the_command_that_makes_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="llmguide experiments run coin-flips"):
        records.load("coin-flips", tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not a recorded result"),
        ("[]", "is not a recorded result"),
        ('{"experiment": "x"}', "missing or unknown keys: claims, command"),
    ],
)
def test_a_file_that_is_no_record_is_refused(tmp_path, content, message):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        records.load("x", tmp_path)
    assert records.status("x", tmp_path) is Status.BROKEN


def test_a_claim_with_a_key_too_many_is_refused(record, results):
    rewrite(results, lambda content: content["claims"]["fair"].update(p_value=0.05))
    with pytest.raises(ValueError, match="p_value"):
        records.load("coin-flips", results)


NESTED = {"a": {"b": [1, {"c": 2.5}]}, "name": "x"}


def test_lookup_follows_keys_and_indices():
    assert lookup(NESTED, "a.b.0") == 1
    assert lookup(NESTED, "a.b.1.c") == 2.5


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a.c", "no 'c' in 'a.c'; at a there is: b"),
        ("z", "at the top there is: a, name"),
        ("a.b.2", r"no '2' in 'a.b.2'; at a.b there is: \[1"),
        ("a.b.x", "no 'x'"),
        ("name.0", "no '0' in 'name.0'"),
        ("a.b.-1", "no '-1'"),
    ],
)
def test_lookup_of_nothing_says_what_there_is(path, message):
    with pytest.raises(LookupError, match=message):
        lookup(NESTED, path)


def test_lookup_in_a_record_means_its_metrics(record):
    assert lookup(record, "coin.name") == "penny"
    assert lookup(record.spread, "heads") == pytest.approx(0.0137, abs=0.02)


def test_number_refuses_what_is_none():
    assert number(NESTED, "a.b.0") == 1
    with pytest.raises(TypeError, match="'name' is 'x', not a number"):
        number(NESTED, "name")
    with pytest.raises(TypeError, match="not a number"):
        number({"flag": True}, "flag")


def test_mean_and_spread_of_a_hand_worked_example():
    runs = [
        {"loss": 1.0, "steps": 10, "name": "a", "seed_name": "x", "curve": [1, 2], "shape": [1], "only": 1, "ok": True},
        {"loss": 2.0, "steps": 10, "name": "a", "seed_name": "y", "curve": [3, 2], "shape": [1, 2], "ok": True},
        {"loss": 6.0, "steps": 10, "name": "a", "seed_name": "z", "curve": [5, 2], "shape": [1], "ok": True},
    ]
    assert mean(runs) == {"loss": 3.0, "steps": 10, "name": "a", "curve": [3.0, 2], "ok": True}
    assert isinstance(mean(runs)["steps"], int)
    assert spread(runs) == {"loss": math.sqrt(7), "steps": 0.0, "curve": [2.0, 0.0]}


def test_one_seed_has_no_spread():
    assert spread([{"loss": 1.0}]) == {}


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=5))
def test_mean_lies_between_and_spread_is_not_negative(values):
    runs = [{"x": value} for value in values]
    assert min(values) - 1e-6 <= mean(runs)["x"] <= max(values) + 1e-6
    assert spread(runs)["x"] >= 0


def test_status_of_a_good_record_is_fresh(record, results):
    assert records.status("coin-flips", results) is Status.FRESH


def test_status_without_a_record_is_missing(results):
    assert records.status("coin-flips", results) is Status.MISSING


def test_an_edited_source_makes_a_record_stale(record, results, sample):
    sample.edit("< 0.5", "<= 0.5")
    assert records.changed_sources(record) == ["coin_flips"]
    assert records.status("coin-flips", results) is Status.STALE


def test_better_wording_makes_no_record_stale(record, results, sample):
    sample.edit('"""Flip coins."""', '"""Flip several coins."""  # and count heads')
    assert records.status("coin-flips", results) is Status.FRESH


EDITS = {
    "a mean": lambda content: content["metrics"].update(heads=0.99),
    "a spread": lambda content: content["spread"].update(heads=0.0),
    "a seed's number": lambda content: content["per_seed"]["1"].update(heads=0.99),
    "a claim's verdict": lambda content: content["claims"]["fair"].update(holds=False),
    "a claim's effect": lambda content: content["claims"]["fair"]["effects"].update({"0": 0.1}),
    "the seeds": lambda content: content.update(seeds=[0, 1]),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_a_number_edited_by_hand_is_noticed(record, results, edit):
    rewrite(results, edit)
    assert records.status("coin-flips", results) is Status.BROKEN


def test_a_claim_that_fails_shows_in_the_status(sample, results):
    sample.edit("0.4, lambda", "0.9, lambda")
    failed = run_experiment(sample.experiment, results, progress=lambda line: None)
    assert not failed.claims["fair"].holds
    assert records.status("coin-flips", results) is Status.FAILING
