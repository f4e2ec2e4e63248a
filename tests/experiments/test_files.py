import json
import math
import os
from pathlib import Path

import pytest

from llmguide.experiments import files

CHECKOUT = Path(__file__).parents[2]


def test_directory_is_the_argument_then_the_variable_then_the_checkout(tmp_path, monkeypatch):
    assert files.results_directory() == CHECKOUT / "book" / "results"
    monkeypatch.setenv("LLMGUIDE_RESULTS", str(tmp_path))
    assert files.results_directory() == tmp_path
    assert files.results_directory("elsewhere") == Path("elsewhere")


def test_without_a_checkout_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "__file__", str(tmp_path / "llmguide" / "experiments" / "files.py"))
    with pytest.raises(FileNotFoundError, match=r"set LLMGUIDE_RESULTS to the book/results of a checkout"):
        files.results_directory()


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_writing_is_all_or_nothing(tmp_path, monkeypatch, failing):
    file = tmp_path / "record.json"
    files.write_json(file, {"version": 1})

    def fail(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(*((os, "fsync", fail) if failing == "fsync" else (Path, "replace", fail)))
    with pytest.raises(KeyboardInterrupt):
        files.write_json(file, {"version": 2})
    assert json.loads(file.read_text()) == {"version": 1}
    assert list(tmp_path.iterdir()) == [file]


def test_others_can_read_what_was_written(tmp_path):
    files.write_json(tmp_path / "a" / "record.json", {})
    assert (tmp_path / "a" / "record.json").stat().st_mode & 0o777 == 0o644


def test_numbers_that_json_cannot_hold_are_refused(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(tmp_path / "record.json", {"loss": math.nan})
    assert list(tmp_path.iterdir()) == []
