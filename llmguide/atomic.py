"""Writing a file so that nobody ever meets half of it."""

import os
import secrets
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
