import json
from dataclasses import replace

import pytest

from llmguide.experiments import records
from llmguide.experiments.check import check, differing
from llmguide.experiments.runner import run_experiment


def quiet(line):
    """Take a line of progress and say nothing."""


@pytest.fixture
def recorded(sample, results):
    return run_experiment(sample.experiment, results, progress=quiet)


def checked(sample, results, **options):
    return check(sample.experiment, results, progress=quiet, **options)


def test_a_fresh_record_passes_without_running_anything(sample, results, recorded, tmp_path, monkeypatch):
    monkeypatch.setenv("COIN_FLIPS_LOG", str(tmp_path / "log"))
    outcome = checked(sample, results)
    assert (outcome.problems, outcome.restamped) == ((), False)
    assert not (tmp_path / "log").exists()


def test_a_missing_record_is_a_problem_with_a_remedy(sample, results):
    (problem,) = checked(sample, results).problems
    assert "llmguide experiments run coin-flips" in problem


def test_changed_code_with_equal_numbers_is_restamped(sample, results, recorded, tmp_path, monkeypatch):
    monkeypatch.setenv("COIN_FLIPS_LOG", str(tmp_path / "log"))
    sample.edit("for _ in range(config.flips)", "for flip in range(config.flips)")
    lines = []
    outcome = check(sample.experiment, results, progress=lines.append)
    assert (outcome.problems, outcome.restamped) == ((), True)
    assert lines == ["coin-flips: running the reduced case (coin_flips changed)"]
    assert (tmp_path / "log").read_text() == "10 0\n"
    after = records.load("coin-flips", results)
    assert after.fingerprint != recorded.fingerprint
    assert replace(after, fingerprint=recorded.fingerprint) == recorded
    assert records.status("coin-flips", results) is records.Status.FRESH
    assert not checked(sample, results).restamped


def test_changed_code_with_other_numbers_demands_a_full_run(sample, results, recorded):
    sample.edit("< 0.5", "< 0.1")
    outcome = checked(sample, results)
    (problem,) = outcome.problems
    assert "the reduced case gives other numbers (heads: 0.5 recorded, 0.0 now)" in problem
    assert "llmguide experiments run coin-flips" in problem
    assert records.load("coin-flips", results) == recorded


def test_many_differences_are_counted_and_not_listed(sample, results, recorded):
    sample.edit('{"heads"', '{"a": 1, "b": 1, "c": 1, "d": 1, "heads"')
    assert "and 1 more" in checked(sample, results).problems[0]


def test_a_difference_within_the_tolerance_is_none(sample, results):
    sample.edit("packages=", "tolerance=0.7,\n    packages=")
    run_experiment(sample.experiment, results, progress=quiet)
    sample.edit("< 0.5", "< 0.4")
    assert checked(sample, results).problems == ()


def test_numbers_of_the_machine_are_not_compared(sample, results, recorded):
    assert checked(sample, results, rerun=True).problems == ()
    sample.edit('machine_dependent=("ms",),', "")
    assert "ms: " in checked(sample, results, rerun=True).problems[0]


def test_rerun_notices_a_number_that_somebody_made_up(sample, results, recorded):
    file = results / "coin-flips.json"
    content = json.loads(file.read_text())
    content["reduced"]["heads"] = 0.6
    file.write_text(json.dumps(content))
    assert checked(sample, results).problems == ()
    assert "other numbers" in checked(sample, results, rerun=True).problems[0]


def test_other_settings_or_seeds_demand_a_full_run(sample, results, recorded):
    sample.edit("flips: int = 1000", "flips: int = 2000")
    assert "settings or the seeds have changed" in checked(sample, results).problems[0]
    sample.edit("flips: int = 2000", "flips: int = 1000")
    sample.edit("run=run,", "run=run,\n    seeds=(5, 6),")
    assert "settings or the seeds have changed" in checked(sample, results).problems[0]


def test_a_stricter_claim_fails_on_the_recorded_numbers(sample, results, recorded):
    sample.edit("0.4, lambda", "0.9, lambda")
    outcome = checked(sample, results)
    assert outcome.problems[0].startswith("claim 'fair' fails: effects 0.")
    assert "at least 0.9 wanted" in outcome.problems[0]
    assert records.status("coin-flips", results) is records.Status.FAILING


def test_a_new_wording_of_a_claim_reaches_the_record(sample, results, recorded):
    sample.edit("At least four in ten are heads.", "Four in ten or more are heads.")
    assert checked(sample, results).restamped
    assert records.load("coin-flips", results).claims["fair"].statement == "Four in ten or more are heads."


def test_a_claim_on_what_was_not_recorded_demands_a_full_run(sample, results, recorded):
    sample.edit('number(metrics, "heads")', 'number(metrics, "tails")')
    assert "a claim asks for what the record does not hold" in checked(sample, results).problems[0]


def test_a_number_edited_by_hand_is_reported(sample, results, recorded):
    file = results / "coin-flips.json"
    file.write_text(file.read_text().replace('"name": "penny"', '"name": "dime"', 1))
    assert "edited?" in checked(sample, results).problems[0]


def test_a_dependency_that_is_not_declared_is_a_problem(sample, results, recorded):
    sample.edit("import os\n", "import os\nfrom llmguide.tokenizers import alphabet\n")
    assert "does not declare in `depends`: llmguide.tokenizers.alphabet" in checked(sample, results).problems[0]
    sample.edit("run=run,", 'run=run,\n    depends=("llmguide.tokenizers.alphabet",),')
    assert checked(sample, results).problems == ()
    assert "llmguide.tokenizers.alphabet" in records.load("coin-flips", results).fingerprint


def test_a_corpus_is_part_of_the_fingerprint(sample, results):
    sample.edit("run=run,", 'run=run,\n    datasets=("sentences",),')
    record = run_experiment(sample.experiment, results, progress=quiet)
    assert record.fingerprint["dataset:sentences"] != "absent"


@pytest.mark.parametrize(
    ("recorded", "current", "found"),
    [
        ({"a": 1.0}, {"a": 1.0 + 1e-12}, []),
        ({"a": 1.0}, {"a": 1.1}, ["a: 1.0 recorded, 1.1 now"]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, ["a.b.1: 2 recorded, 3 now"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a: [1] recorded, [1, 2] now"]),
        ({"a": "x"}, {"a": "y"}, ["a: 'x' recorded, 'y' now"]),
        ({"a": True}, {"a": 1}, []),
        ({"a": 1}, {}, ["a: 1 recorded, None now"]),
        ({}, {"a": 1}, ["a: None recorded, 1 now"]),
        ({"t": {"ms": 1}}, {"t": {"ms": 2}}, []),
    ],
)
def test_differences_are_named_by_their_path(recorded, current, found):
    assert list(differing(recorded, current, 1e-9, ["t.*"])) == found
