import re

import pytest

from llmguide.cli import experiments as command
from llmguide.cli.main import main
from llmguide.experiments import find_experiment
from llmguide.experiments.check import Outcome
from llmguide.experiments.records import ClaimResult, load

NAME = "tokenization-vocabulary-size"


@pytest.fixture
def check_finds(monkeypatch):
    def install(outcome):
        monkeypatch.setattr(command, "check", lambda experiment, results, rerun: outcome)

    return install


def test_list_shows_name_state_and_title(capsys, tmp_path):
    assert main(["experiments", "list"]) == 0
    assert f"{NAME}  fresh" in re.sub(" +", "  ", capsys.readouterr().out)
    assert main(["experiments", "list", NAME, "--results", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{NAME}  missing {find_experiment(NAME).title}\n"


def test_check_of_fresh_results_passes(capsys):
    assert main(["experiments", "check", NAME]) == 0
    assert capsys.readouterr().out == f"{NAME}: fresh\n"


def test_check_without_a_record_fails_with_the_remedy(capsys, tmp_path):
    assert main(["experiments", "check", NAME, "--results", str(tmp_path)]) == 1
    assert f"llmguide experiments run {NAME}" in capsys.readouterr().out


def test_check_tells_of_a_new_stamp(capsys, check_finds):
    check_finds(Outcome(NAME, restamped=True))
    assert main(["experiments", "check", NAME]) == 0
    assert "re-stamped" in capsys.readouterr().out


def test_check_fails_if_any_experiment_does(capsys, check_finds):
    check_finds(Outcome(NAME, ("claim 'x' fails",)))
    assert main(["experiments", "check"]) == 1
    assert f"{NAME}: claim 'x' fails" in capsys.readouterr().out


@pytest.mark.parametrize(("holds", "code", "verdict"), [(True, 0, "holds"), (False, 1, "FAILS")])
def test_run_prints_how_each_claim_came_out(capsys, monkeypatch, holds, code, verdict):
    from dataclasses import replace

    claims = {"fair": ClaimResult("Fair.", 0.5, {"0": 0.25, "1": 0.75}, holds)}
    record = replace(load(NAME), claims=claims)
    monkeypatch.setattr(command, "run_all", lambda experiments, results, fresh: [(experiments[0], record)])
    assert main(["experiments", "run", NAME]) == code
    assert capsys.readouterr().out == f"{NAME}: fair {verdict} (effects 0.25, 0.75; at least 0.5 wanted)\n"


def test_an_unknown_name_is_bad_usage(capsys):
    assert main(["experiments", "run", "tokenisation"]) == 2
    assert "no experiment 'tokenisation'; there are:" in capsys.readouterr().err


def test_help_teaches(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["experiments", "--help"])
    printed = capsys.readouterr().out
    for words in ("LLMGUIDE_RESULTS", "examples:", "Exit codes:", "goes on where it stopped"):
        assert words in printed
