"""What the terminal shows, and that nothing else is shown anything."""

import io

from llmguide.training.progress import Progress


class Terminal(io.StringIO):
    """A terminal that remembers what it was told."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def test_the_line_has_the_loss_the_speed_and_the_time_left() -> None:
    terminal, clock = Terminal(), Clock()
    progress = Progress(1000, done=400, stream=terminal, clock=clock)
    clock.now += 30
    progress.update(500, 2.34567, 60_000)
    # A hundred steps took 30 seconds; 500 are left.
    assert terminal.getvalue() == "\r\033[Kstep 500 of 1,000  loss 2.346  2,000 tokens/s  2 min 30 s left"
    progress.close()
    assert terminal.getvalue().endswith("left\r\033[K")


def test_it_is_shown_ten_times_a_second_and_at_the_end() -> None:
    terminal, clock = Terminal(), Clock()
    progress = Progress(100, stream=terminal, clock=clock)
    for step in range(1, 101):
        clock.now += 0.03
        progress.update(step, 1.0, 10)
    lines = terminal.getvalue().count("step")
    assert 20 <= lines <= 31
    assert "step 100 of 100  loss 1.000  333 tokens/s  0 s left" in terminal.getvalue()


def test_what_is_no_terminal_stays_empty() -> None:
    stream = io.StringIO()
    progress = Progress(2, stream=stream)
    progress.update(1, 1.0, 10)
    progress.close()
    assert stream.getvalue() == ""
