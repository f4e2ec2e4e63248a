"""A run that is killed, at any moment and while it writes, ends with the same bytes as one that is not."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_run import files_of

from llmguide.training.metrics import read_metrics

KILLS = 20
"""How many runs are killed at a random moment, and as many at a random change of the disk."""


class Server:
    """Makes runs in processes of their own, each by the same program."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("small_run.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def run(self, directory: Path, *, after: float | None = None, at: int | None = None) -> int:
        """Make a run and kill it after so many seconds, or at a change of the disk; return how it ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"directory": str(directory), "at": at}) + "\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        if after is not None:
            time.sleep(after)
            # A process that ended before is still there to be waited for, or has been waited for and is not.
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End the program."""
        self._process.communicate("")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def test_killed_runs_end_like_one_that_was_not(server: Server, quick_path: Path) -> None:
    whole = quick_path / "whole"
    server.run(whole)  # the first one is slower
    directory = quick_path / "again"
    start = time.monotonic()
    assert server.run(directory) == 0
    seconds = time.monotonic() - start
    expected = files_of(whole)
    assert files_of(directory) == expected
    changes = int(whole.with_suffix(".count").read_text())

    chance = random.Random(20261129)
    by_time = by_change = resumed = number = 0
    while min(by_time, by_change) < KILLS:
        number += 1
        assert number < 8 * KILLS, "the runs are too short to be killed"
        directory = quick_path / f"run-{number}"
        killed_by_time = server.run(directory, after=chance.uniform(0, seconds)) == -signal.SIGKILL
        if directory.exists():
            lines = read_metrics(directory / "metrics.jsonl") if (directory / "metrics.jsonl").exists() else []
            assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
        killed_by_change = server.run(directory, at=chance.randint(1, changes)) == -signal.SIGKILL
        by_time += killed_by_time
        by_change += killed_by_change
        resumed += any((directory / "checkpoints").glob("step-*"))
        assert server.run(directory) == 0
        assert files_of(directory) == expected, f"run {number}"
    assert resumed > KILLS // 2
