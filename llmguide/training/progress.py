"""A line on the terminal that says how far a run is: loss, speed and the time left."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

_WIPE = "\r\033[K"  # to the beginning of the line, and clear it


class Progress:
    """Shows the line, and nothing where the stream is not a terminal.

    Args:
        steps: Number of steps of the run.
        done: How many were made before this process.
        stream: Where to show it; by default standard error.
        clock: Tells the time in seconds.
    """

    def __init__(
        self, steps: int, done: int = 0, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._shown = self._stream.isatty()
        self._steps, self._before, self._clock = steps, done, clock
        self._start = self._next = clock()
        self._tokens = 0

    def update(self, step: int, loss: float, tokens: int) -> None:
        """Show how far the run is; ten times a second at most.

        Args:
            step: How many updates have been made.
            loss: The loss of the last of them.
            tokens: How many tokens it took.
        """
        self._tokens += tokens
        now = self._clock()
        if not self._shown or (now < self._next and step < self._steps):
            return
        self._next = now + 0.1
        seconds = max(now - self._start, 1e-9)
        left = seconds / (step - self._before) * (self._steps - step)
        self._stream.write(
            f"{_WIPE}step {step:,} of {self._steps:,}  loss {loss:.3f}  {self._tokens / seconds:,.0f} tokens/s  "
            f"{duration(left)} left"
        )
        self._stream.flush()

    def close(self) -> None:
        """Wipe the line away."""
        if self._shown:
            self._stream.write(_WIPE)
            self._stream.flush()


def duration(seconds: float | int) -> str:
    """Say how long something takes, in the two largest units.

    Args:
        seconds: The time.

    Returns:
        The time in words.

    Example:
        >>> duration(42), duration(125), duration(3 * 3600 + 65)
        ('42 s', '2 min 05 s', '3 h 01 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
