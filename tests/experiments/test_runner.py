import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from llmguide.experiments import runner
from llmguide.experiments.records import load
from llmguide.experiments.runner import run_all, run_experiment

ROOT = Path(__file__).parents[2]

PROGRAM = """
import sys
import coin_flips
from llmguide.experiments.runner import run_experiment
run_experiment(coin_flips.EXPERIMENT, sys.argv[1])
"""


def without_time(record):
    return [{key: value for key, value in metrics.items() if key != "ms"} for metrics in record.per_seed.values()]


def kill_during_seed_one(sample, results, log):
    """Start a full run in a process of its own and kill it while it is busy with seed 1."""
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT}:{sample.file.parent}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "COIN_FLIPS_LOG": str(log),
        "COIN_FLIPS_WAIT_AT": "1",
    }
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(results)], env=environment, stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 60
        while not (log.exists() and "1000 1\n" in log.read_text()):
            assert process.poll() is None, "the run ended before it was killed"
            assert time.monotonic() < deadline, "seed 1 never began"
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def test_a_killed_run_goes_on_where_it_was(sample, results, tmp_path, monkeypatch):
    log = tmp_path / "log"
    kill_during_seed_one(sample, results, log)
    assert [file.name for file in results.iterdir()] == ["coin-flips.json.partial"]

    log.unlink()
    monkeypatch.setenv("COIN_FLIPS_LOG", str(log))
    lines = []
    record = run_experiment(sample.experiment, results, progress=lines.append)
    assert log.read_text().splitlines() == ["1000 1", "1000 2", "10 0"]  # not seed 0 again; the reduced case last
    assert lines[0] == "coin-flips: seed 0 (1 of 3) was finished before the interruption"
    assert [file.name for file in results.iterdir()] == ["coin-flips.json"]
    whole = run_experiment(sample.experiment, tmp_path / "elsewhere", progress=lines.append)
    assert without_time(record) == without_time(whole)
    assert record.claims == whole.claims


@pytest.mark.parametrize("change", ["source", "settings", "fresh"])
def test_what_was_finished_under_other_circumstances_is_not_taken_up(sample, results, tmp_path, monkeypatch, change):
    log = tmp_path / "log"
    kill_during_seed_one(sample, results, log)
    log.unlink()
    monkeypatch.setenv("COIN_FLIPS_LOG", str(log))
    if change == "source":
        sample.edit("< 0.5", "<= 0.5")
    elif change == "settings":
        sample.edit("flips: int = 1000", "flips: int = 1000  # as before\n    coins: int = 1")
    run_experiment(sample.experiment, results, fresh=change == "fresh", progress=lambda line: None)
    assert log.read_text().splitlines() == ["1000 0", "1000 1", "1000 2", "10 0"]


def test_progress_goes_to_stderr(sample, results, capsys):
    run_experiment(sample.experiment, results)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "coin-flips: seed 2 (3 of 3) took" in printed.err


def test_wall_time_counts_the_seeds_of_both_attempts(sample, results):
    run_experiment(sample.experiment, results, progress=lambda line: None)
    partial = results / "coin-flips.json.partial"
    record = json.loads((results / "coin-flips.json").read_text())
    header = {"fingerprint": record["fingerprint"], "config": record["config"]}
    finished = {"0": {"metrics": record["per_seed"]["0"], "seconds": 100.0}}
    partial.write_text(json.dumps({**header, "finished": finished}))
    assert run_experiment(sample.experiment, results, progress=lambda line: None).wall_seconds >= 100


def test_metrics_that_no_path_could_reach_are_refused(sample, results):
    sample.edit('"flips": config.flips', '"per": {"1.5": 2}')
    with pytest.raises(ValueError, match=r"coin-flips\.per: the key '1\.5' has a dot"):
        run_experiment(sample.experiment, results, progress=lambda line: None)


def test_metrics_that_are_not_finite_are_refused(sample, results):
    sample.edit('"flips": config.flips', '"loss": float("inf")')
    with pytest.raises(ValueError, match=r"coin-flips, seed 0: .*JSON"):
        run_experiment(sample.experiment, results, progress=lambda line: None)


def test_a_slow_reduced_case_is_complained_of(sample, monkeypatch):
    monkeypatch.setattr(runner, "REDUCED_SECONDS", -1.0)
    lines = []
    runner.run_reduced(sample.experiment, lines.append)
    assert "the reduced case took" in lines[0]


def test_the_machine_is_described_without_its_name(monkeypatch):
    import platform

    described = runner._machine()
    assert described.endswith(f", {platform.system()}")
    assert platform.node() not in described
    monkeypatch.setattr(runner.Path, "is_file", lambda path: False)
    assert runner._machine() == f"{platform.processor() or platform.machine()}, {platform.system()}"


def test_a_processor_without_a_model_name_is_described_by_its_kind(monkeypatch):
    monkeypatch.setattr(runner.Path, "is_file", lambda path: True)
    monkeypatch.setattr(runner.Path, "read_text", lambda path, encoding: "processor : 0\n")
    assert runner._machine().partition(",")[0] != ""


def test_an_interrupted_call_goes_on_after_the_experiments_that_it_finished(sample, results, tmp_path, monkeypatch):
    log = tmp_path / "log"
    monkeypatch.setenv("COIN_FLIPS_LOG", str(log))
    first, second = sample.experiment, replace(sample.experiment, name="coins-again")
    lines = []
    interrupted = run_all([first, second], results, progress=lines.append)
    next(interrupted)
    next(interrupted)  # the second is recorded, and noted
    interrupted.close()
    assert sorted(file.name for file in results.iterdir()) == [
        "coin-flips.json", "coins-again.json", "runs.json.partial",
    ]  # fmt: skip
    log.unlink()
    done = {each.name: record for each, record in run_all([first, second], results, progress=lines.append)}
    assert not log.exists()
    assert lines[-2:] == [f"{name} was finished before the interruption" for name in ("coin-flips", "coins-again")]
    assert done == {name: load(name, results) for name in ("coin-flips", "coins-again")}
    assert not (results / "runs.json.partial").exists()


@pytest.mark.parametrize("change", ["fresh", "others", "source"])
def test_a_call_under_other_circumstances_runs_everything(sample, results, tmp_path, monkeypatch, change):
    second = replace(sample.experiment, name="coins-again")
    chosen = [sample.experiment, second]
    next(run_all(chosen, results, progress=lambda line: None))
    if change == "source":
        sample.edit("< 0.5", "<= 0.5")
    log = tmp_path / "log"
    monkeypatch.setenv("COIN_FLIPS_LOG", str(log))
    now = chosen[:1] if change == "others" else chosen
    assert len(list(run_all(now, results, fresh=change == "fresh", progress=lambda line: None))) == len(now)
    assert log.read_text().splitlines() == ["1000 0", "1000 1", "1000 2", "10 0"] * len(now)
