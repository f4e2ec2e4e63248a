"""A file is written as a whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmguide.atomic import alone_in, written


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with written(path) as unfinished:
        unfinished.write_text("new")
        assert path.read_text() == "old"
        assert unfinished.parent == tmp_path
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("failing", ["block", "fsync", "replace"])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    match failing:
        case "fsync":
            monkeypatch.setattr(os, "fsync", fail)
        case "replace":
            monkeypatch.setattr(Path, "replace", fail)

    def write() -> None:
        with written(path) as unfinished:
            unfinished.write_text("half of the")
            if failing == "block":
                fail()

    with pytest.raises(KeyboardInterrupt):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_has_the_usual_rights(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with written(tmp_path / "file") as unfinished:
            unfinished.touch()
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_two_writers_do_not_share_a_name(tmp_path: Path) -> None:
    with written(tmp_path / "file") as first, written(tmp_path / "file") as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "file").read_text() == "first"


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), written(tmp_path / "file"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_one_program_at_a_time_is_in_a_directory(tmp_path: Path) -> None:
    with alone_in(tmp_path):
        code = f"from llmguide.atomic import alone_in\nwith alone_in({str(tmp_path)!r}): pass"
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert f"BlockingIOError: another program is writing in {tmp_path}" in other.stderr
    with alone_in(tmp_path):
        assert not list(tmp_path.iterdir())
