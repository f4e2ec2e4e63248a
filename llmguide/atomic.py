"""Writing so that nobody ever meets half of a file, and no two programs write the same files."""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written(path: str | Path) -> Iterator[Path]:
    """Lend a name beside a file; what is written there takes the file's place at the end.

    A reader, a full disk or a kill meets the old file or the new one. If the block raises, the old file stays and
    nothing else is left behind.

    Args:
        path: Where the file shall be; its directory must exist.

    Yields:
        Where to write it meanwhile, in the same directory: only within one file system does a file change its name in
        one step.

    Raises:
        OSError: If the file cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with written(Path(folder, "a.txt")) as unfinished:
        ...         _ = unfinished.write_text("whole")
        ...     Path(folder, "a.txt").read_text()
        'whole'
    """
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield unfinished
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def alone_in(directory: str | Path) -> Iterator[None]:
    """Keep other programs that ask for the same out of a directory. A program that dies lets go of it.

    Args:
        directory: The directory, which must exist. Nothing is written into it.

    Yields:
        Nothing. On Windows, where a directory cannot be locked, nobody is kept out.

    Raises:
        BlockingIOError: If another program is in there.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, alone_in(folder):
        ...     with alone_in(folder):
        ...         pass
        Traceback (most recent call last):
        BlockingIOError: another program is writing in ...: wait for its end, or give another directory
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl  # noqa: PLC0415 (not there on Windows)

    handle = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BlockingIOError(
                f"another program is writing in {directory}: wait for its end, or give another directory"
            ) from error
        yield
    finally:
        os.close(handle)
