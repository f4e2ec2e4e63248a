"""What the terminal shows, and that nothing else is shown anything."""

import os
import select
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import pytest

from llmguide.training.progress import Progress


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def terminal() -> Iterator[tuple[TextIO, Callable[[], str]]]:
    """Open a terminal, and a function that says what it was told."""
    screen, line = os.openpty()
    with os.fdopen(line, "w") as stream:
        yield stream, lambda: b"".join(_pieces(screen)).decode()
    os.close(screen)


def _pieces(screen: int) -> Iterator[bytes]:
    """Read all that has been shown."""
    while select.select([screen], [], [], 0)[0]:
        yield os.read(screen, 4096)


def test_the_line_has_the_loss_the_speed_and_the_time_left(terminal: tuple[TextIO, Callable[[], str]]) -> None:
    (stream, shown), clock = terminal, Clock()
    progress = Progress(1000, done=400, stream=stream, clock=clock)
    clock.now += 30
    progress.update(500, 2.34567, 60_000)
    # A hundred steps took 30 seconds; 500 are left.
    assert shown() == "\r\033[Kstep 500 of 1,000  loss 2.346  2,000 tokens/s  2 min 30 s left"
    progress.close()
    assert shown() == "\r\033[K"


def test_it_is_shown_ten_times_a_second_and_at_the_end(terminal: tuple[TextIO, Callable[[], str]]) -> None:
    (stream, shown), clock = terminal, Clock()
    progress = Progress(100, stream=stream, clock=clock)
    for step in range(1, 101):
        clock.now += 0.03
        progress.update(step, 1.0, 10)
    lines = shown().split("\r\033[K")[1:]
    assert 20 <= len(lines) <= 31
    assert lines[-1] == "step 100 of 100  loss 1.000  333 tokens/s  0 s left"


def test_what_is_no_terminal_stays_empty(tmp_path: Path) -> None:
    with (tmp_path / "said").open("w") as stream:
        progress = Progress(2, stream=stream)
        progress.update(1, 1.0, 10)
        progress.close()
    assert (tmp_path / "said").read_text() == ""
