"""The numbers of a run, a line of JSON for each step, and for TensorBoard if wanted.

Only numbers that depend on the run alone are written, no times: the file of a run that was stopped and went on is the
same, byte for byte, as that of one that was not.
"""

import json
import logging
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmguide.transformer.json_files import parse_json_object

_LOG = logging.getLogger(__name__)


class MetricsFile:
    """A file of JSON lines to which the steps of a run are added.

    Args:
        path: The file. Lines of steps that will be made again are cut off, with all that is not whole.
        done: How many steps of the file are to stay.

    Raises:
        OSError: If the file cannot be read or written.
    """

    def __init__(self, path: str | Path, done: int = 0) -> None:
        self.path = Path(path)
        self.before, length = _read(self.path, done)
        if len(self.before) < done:
            _LOG.warning("%s has only %d of the %d steps made so far", self.path, len(self.before), done)
        self._file = self.path.open("ab", buffering=0)
        os.ftruncate(self._file.fileno(), length)

    def append(self, values: Mapping[str, int | float]) -> None:
        """Add a line.

        Args:
            values: The numbers of a step, by name; ``step`` is among them.

        Raises:
            OSError: If the disk is full. The file ends with a whole line all the same.
        """
        line = (json.dumps(dict(values)) + "\n").encode()
        length = os.fstat(self._file.fileno()).st_size
        try:
            written = self._file.write(line)
            if written != len(line):
                self._file.write(line[written:])  # says why the rest found no room
        except OSError as error:
            os.ftruncate(self._file.fileno(), length)
            raise OSError(
                error.errno, f"cannot write step {values['step']} into {self.path}: {error.strerror}"
            ) from error

    def sync(self) -> None:
        """See the lines on the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_metrics(path: str | Path) -> list[dict[str, int | float]]:
    """Read the metrics of a run, which may still be going on.

    Args:
        path: The file.

    Returns:
        The numbers of each step by name, up to a line that is not whole.

    Raises:
        OSError: If the file cannot be read.
    """
    Path(path).stat()
    return _read(Path(path), math.inf)[0]


def _read(path: Path, done: int | float) -> tuple[list[dict[str, int | float]], int]:
    """Read the lines of the steps done, and how many bytes they take."""
    lines: list[dict[str, int | float]] = []
    length = previous = 0
    for line in (path.read_bytes() if path.exists() else b"").splitlines(keepends=True):
        try:
            values = parse_json_object(line, str(path))
            step = values.integer("step")
        except ValueError:
            break
        if not line.endswith(b"\n") or not previous < step <= done:
            break
        previous = step
        lines.append(dict(values.values))
        length += len(line)
    return lines, length


class TensorBoard:
    """Writes the numbers of a run for TensorBoard.

    Args:
        directory: Where to.
        done: How many steps were made before; what the directory says of later ones does not count any more.

    Raises:
        ImportError: If TensorBoard is not installed.
    """

    def __init__(self, directory: str | Path, done: int = 0) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 (an optional extra)
        except ImportError as error:
            raise ImportError("writing for TensorBoard needs its package: pip install tensorboard") from error
        self._writer: Any = SummaryWriter(str(directory), purge_step=done + 1)

    def append(self, values: Mapping[str, int | float]) -> None:
        """Add the numbers of a step.

        Args:
            values: The numbers by name; ``step`` is among them.
        """
        for name, value in values.items():
            if name != "step":
                self._writer.add_scalar(name, value, int(values["step"]))

    def sync(self) -> None:
        """Hand what was added to the disk."""
        self._writer.flush()

    def close(self) -> None:
        """Close the files."""
        self._writer.close()
