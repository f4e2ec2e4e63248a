"""The metrics of a run: whole lines of JSON whatever happens, cut back to the checkpoint on a resume."""

import errno
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing import event_accumulator

from llmguide.training.metrics import MetricsFile, TensorBoard, read_metrics


def line(step: int) -> dict[str, float | int]:
    """Return the numbers of a step."""
    return {"step": step, "loss": 1 / (step + 2), "tokens": 10 * step}


def written(path: Path, steps: int) -> bytes:
    """Write the lines of some steps, and return the bytes."""
    file = MetricsFile(path)
    for step in range(1, steps + 1):
        file.append(line(step))
    file.sync()
    file.close()
    return path.read_bytes()


def test_each_line_is_json_and_numbers_come_back_exactly(tmp_path: Path) -> None:
    content = written(tmp_path / "m.jsonl", 5)
    assert [json.loads(text) for text in content.splitlines()] == [line(step) for step in range(1, 6)]
    assert read_metrics(tmp_path / "m.jsonl") == [line(step) for step in range(1, 6)]


@pytest.mark.parametrize(
    "torn", [b"", b'{"step": 6, "lo', b'{"step": 6, "loss": 1.0}', b"\x00" * 100, b"[1]\n", b"{}\n"]
)
def test_what_is_no_whole_line_is_left_out(torn: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    content = written(path, 5)
    path.write_bytes(content + torn)
    assert len(read_metrics(path)) == 5
    MetricsFile(path, done=5).close()
    assert path.read_bytes() == content


@pytest.mark.parametrize("done", [0, 3, 5])
def test_a_resume_cuts_off_the_steps_that_will_be_made_again(done: int, tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    content = written(path, 5)
    file = MetricsFile(path, done)
    assert file.before == [line(step) for step in range(1, done + 1)]
    for step in range(done + 1, 6):
        file.append(line(step))
    file.close()
    assert path.read_bytes() == content


def test_lost_lines_are_missed_but_do_not_end_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "m.jsonl"
    written(path, 2)
    file = MetricsFile(path, done=4)
    assert f"{path} has only 2 of the 4 steps made so far" in caplog.text
    file.append(line(5))
    file.close()
    assert [each["step"] for each in read_metrics(path)] == [1, 2, 5]


@pytest.mark.parametrize("first", [0, 7])
def test_a_full_disk_leaves_whole_lines(first: int, tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    content = written(path, 2)
    file = MetricsFile(path, done=2)
    real = file._file

    class Full:
        """A file on a disk that has room for a few bytes."""

        room = first

        def write(self, data: bytes) -> int:
            if not self.room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            done = real.write(data[: self.room])
            self.room = 0
            return done

        def fileno(self) -> int:
            return real.fileno()

    file._file = Full()  # type: ignore[assignment]
    with pytest.raises(OSError, match=f"cannot write step 3 into {path}: No space left on device") as caught:
        file.append(line(3))
    assert caught.value.errno == errno.ENOSPC
    real.close()
    assert path.read_bytes() == content


def test_there_must_be_a_file_to_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_metrics(tmp_path / "none")


def test_tensorboard_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ImportError, match=r"needs its package: pip install tensorboard"):
        TensorBoard(tmp_path)


def test_tensorboard_is_told_each_number_and_what_to_forget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[Any, ...]] = []

    class SummaryWriter:
        """Remembers what it is told."""

        def __init__(self, directory: str, purge_step: int) -> None:
            told.append((directory, purge_step))

        def __getattr__(self, name: str) -> Any:
            return lambda *arguments: told.append((name, *arguments))

    module = type(sys)("torch.utils.tensorboard")
    module.SummaryWriter = SummaryWriter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    board = TensorBoard(tmp_path, done=2)
    board.append({"step": 3, "loss": 0.5, "tokens": 30})
    board.sync()
    board.close()
    assert told == [
        (str(tmp_path), 3),
        ("add_scalar", "loss", 0.5, 3),
        ("add_scalar", "tokens", 30, 3),
        ("flush",),
        ("close",),
    ]


def test_tensorboard_reads_what_a_resumed_run_wrote(tmp_path: Path) -> None:
    for done, last in ((0, 5), (2, 4)):
        board = TensorBoard(tmp_path, done)
        for step in range(done + 1, last + 1):
            board.append({"step": step, "loss": step + done / 10})
        board.sync()
        board.close()
    events = event_accumulator.EventAccumulator(str(tmp_path))
    events.Reload()
    read = [(event.step, round(event.value, 3)) for event in events.Scalars("loss")]
    assert read == [(1, 1.0), (2, 2.0), (3, 3.2), (4, 4.2)]
