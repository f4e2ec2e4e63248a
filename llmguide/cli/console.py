"""What the subcommands share: reading texts, writing results, showing progress."""

import sys
import time
from pathlib import Path


def read_text(name: str) -> str:
    """Read a text.

    Args:
        name: A file, or ``-`` for standard input.

    Returns:
        Its text; line ends stay as they are.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is not UTF-8.
    """
    content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        where = "standard input" if name == "-" else name
        raise ValueError(f"{where} is not UTF-8: byte {error.start} is 0x{content[error.start]:02x}") from error


def write_text(text: str) -> None:
    """Write to standard output in UTF-8, whatever the terminal's encoding, and with line ends as they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8"))


def write_piece(text: str) -> None:
    """Write a part of a text, as :func:`write_text` does, and let it be seen at once."""
    write_text(text)
    sys.stdout.buffer.flush()


class ProgressBar:
    """A bar on standard error that shows how far a task is. It shows nothing where standard error is not a terminal.

    Args:
        what: What is counted, for example ``tokens``.
        width: The number of characters of the bar.
    """

    def __init__(self, what: str, width: int = 40) -> None:
        self._what = what
        self._width = width
        self._shown = sys.stderr.isatty()
        self._next = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` are done; ten times a second at most."""
        if self._shown and (time.monotonic() >= self._next or done >= total):
            self._next = time.monotonic() + 0.1
            filled = self._width * done // total
            bar = "#" * filled + "." * (self._width - filled)
            print(f"\r[{bar}] {done:,} of {total:,} {self._what}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Wipe the bar away."""
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
