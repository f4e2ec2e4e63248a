"""Reading numbers, texts and stretches of bytes one after the other from a file that may claim anything.

Each count and each length is compared with what is left of the file before anything is read or reserved.
"""

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def mapped(path: Path, kind: str) -> Iterator[mmap.mmap]:
    """Open a file as bytes of which only what is looked at is read, and name it in what is said against it.

    Args:
        path: The file.
        kind: What it should be, for the message.

    Yields:
        Its content, until the block ends.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is empty, or the block raises one; the message begins with the file.
    """
    with path.open("rb") as file:
        if not path.stat().st_size:
            raise ValueError(f"{path} is empty; expected {kind}")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            try:
                yield content
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from error


class Reader:
    r"""A place in the bytes of a file, moving forwards. Numbers have their lowest byte first.

    Args:
        content: The file.

    Attributes:
        place: How many bytes have been read.

    Example:
        >>> reader = Reader(b"\x02\x00\x00\x00\x00\x00\x00\x00hi")
        >>> reader.text("a greeting"), reader.place
        ('hi', 10)
    """

    def __init__(self, content: "bytes | mmap.mmap") -> None:
        self._content = content
        self.place = 0

    def check(self, count: int, size: int, what: str) -> None:
        """Raise if the rest of the file is too short for some things.

        Args:
            count: How many.
            size: The number of bytes that each has at least.
            what: What they are, for messages.

        Raises:
            ValueError: If it is; the message says where and how much is missing.
        """
        left = len(self._content) - self.place
        if count * size > left:
            raise ValueError(
                f"{count} {what} at byte {self.place} need {count * size} bytes, and {left} are left: "
                "the file is cut short or damaged; get it again"
            )

    def take(self, size: int, what: str) -> bytes:
        """Read so many bytes.

        Args:
            size: How many.
            what: What they are, for messages.

        Returns:
            The bytes.

        Raises:
            ValueError: If fewer are left.
        """
        self.check(size, 1, f"bytes of {what}")
        taken = self._content[self.place : self.place + size]
        self.place += size
        return taken

    def number(self, code: str, what: str) -> int:
        """Read a whole number.

        Args:
            code: Its kind, as ``struct`` calls it.
            what: What it is, for messages.

        Returns:
            The number.

        Raises:
            ValueError: If the file ends before it does.
        """
        return int(struct.unpack(f"<{code}", self.take(struct.calcsize(code), what))[0])

    def text(self, what: str) -> str:
        """Read a length, in eight bytes, and so many bytes of UTF-8.

        Args:
            what: What it is, for messages.

        Returns:
            The text.

        Raises:
            ValueError: If the file ends before it does, or it is not UTF-8.
        """
        start = self.place
        content = self.take(self.number("Q", f"the length of {what}"), what)
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{what} at byte {start} is not UTF-8: {error.reason}") from error
