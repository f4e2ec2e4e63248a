"""Reading the weights of a GGUF file: the table of its tensors, and each tensor when it is asked for.

Behind the metadata, which :mod:`llmguide.tokenizers.gguf` reads, stands a table: each tensor's name, shape, format and
place. Then come the numbers, each tensor at a multiple of the alignment. The table is compared with the size of the
file before any memory is taken, so that a damaged file, or one made to do harm, is refused at once.

Source: the specification :cite:p:`ggml2023gguf`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from llmguide.tokenizers.binary import Reader, mapped
from llmguide.tokenizers.gguf import Value, parse_header
from llmguide.transformer.dequantize import FORMATS, Format

_LONGEST_NAME = 64  # bytes
_MOST_AXES = 4
_SMALLEST_ROW = 8 + 4 + 8 + 4 + 8  # a name's length, the number of axes, one axis, the format and the place


@dataclass(frozen=True)
class GgufEntry:
    """What the table says about a tensor.

    Attributes:
        shape: Its shape, in the order of torch: the last axis is the one whose numbers lie side by side.
        format: How its numbers are stored.
        start: The byte of the file at which they begin.
    """

    shape: tuple[int, ...]
    format: Format
    start: int

    @property
    def bytes(self) -> int:
        """How many bytes it takes in the file."""
        return math.prod(self.shape) // self.format.weights * self.format.bytes


@dataclass(frozen=True)
class GgufWeights:
    """The tensors of a GGUF file, each read when it is asked for.

    Attributes:
        path: The file.
        metadata: Its key-value pairs.
        entries: What the table says, by the tensors' names.
    """

    path: Path
    metadata: Mapping[str, Value]
    entries: Mapping[str, GgufEntry]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each tensor."""
        return {name: entry.shape for name, entry in self.entries.items()}

    def load(self, name: str) -> Float32[Tensor, "..."]:
        """Read a tensor and dequantize it. Only its own part of the file is looked at.

        Args:
            name: Its name.

        Returns:
            The tensor, in memory of its own.

        Raises:
            KeyError: If there is none of that name.
            OSError: If the file cannot be read any more.
            ValueError: If the file has become shorter.
        """
        entry = self.entries[name]
        kind = entry.format
        blocks = np.memmap(self.path, np.uint8, "r", entry.start, (entry.bytes // kind.bytes, kind.bytes))
        return torch.from_numpy(np.array(kind.dequantize(np.asarray(blocks)))).reshape(entry.shape)


def read_gguf(path: str | Path) -> GgufWeights:
    """Read the metadata and the table of a GGUF file, and check the table against the file.

    Args:
        path: The file.

    Returns:
        Its metadata, and its tensors, not read yet.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is not a GGUF file of version 2 or 3, is cut short or damaged, or has a tensor in a format
            that this package does not read; the message says which.
    """
    path = Path(path)
    with mapped(path, "a GGUF file") as content:
        metadata, count, reader = parse_header(content)
        return GgufWeights(path, metadata, _read_table(reader, count, metadata, len(content)))


def _read_table(reader: Reader, count: int, metadata: Mapping[str, Value], size: int) -> dict[str, GgufEntry]:
    """Read the table and find where the numbers begin."""
    alignment = metadata.get("general.alignment", 32)
    if type(alignment) is not int or alignment < 1 or alignment & (alignment - 1):
        raise ValueError(f"general.alignment is {str(alignment)[:60]}; expected a power of two")
    reader.check(count, _SMALLEST_ROW, "tensors")
    entries: dict[str, GgufEntry] = {}
    for _ in range(count):
        name, entry = _read_row(reader)
        if name in entries:
            raise ValueError(f"the tensor {name!r} is given twice; each must be unique")
        if entry.start % alignment:
            raise ValueError(f"the tensor {name!r} is at {entry.start}; expected a multiple of {alignment}")
        entries[name] = entry
    begin = -(-reader.place // alignment) * alignment
    _check_places(entries, size - begin)
    return {name: GgufEntry(entry.shape, entry.format, begin + entry.start) for name, entry in entries.items()}


def _read_row(reader: Reader) -> tuple[str, GgufEntry]:
    """Read what the table says about one tensor, with its place counted from where the numbers begin."""
    name = reader.text("a tensor's name")
    if len(name.encode()) > _LONGEST_NAME:
        raise ValueError(f"the tensor {name[:80]!r} has a name of {len(name)} characters; expected at most 64 bytes")
    if not 1 <= (axes := reader.number("I", f"the number of axes of {name!r}")) <= _MOST_AXES:
        raise ValueError(f"the tensor {name!r} has {axes} axes; expected 1 to {_MOST_AXES}")
    shape = tuple(reader.number("Q", f"an axis of {name!r}") for _ in range(axes))[::-1]
    kind = reader.number("I", f"the format of {name!r}")
    if kind not in FORMATS:
        known = ", ".join(f"{number} ({known.name})" for number, known in FORMATS.items())
        raise ValueError(f"the tensor {name!r} has the format {kind}; this package reads {known}")
    if not all(shape) or shape[-1] % FORMATS[kind].weights:
        raise ValueError(
            f"the tensor {name!r} has the shape {shape}; expected no empty axis, and a last axis that is a multiple "
            f"of {FORMATS[kind].weights} for {FORMATS[kind].name}"
        )
    return name, GgufEntry(shape, FORMATS[kind], reader.number("Q", f"the place of {name!r}"))


def _check_places(entries: Mapping[str, GgufEntry], size: int) -> None:
    """Raise if a tensor lies outside of the file or over another one."""
    end = 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1].start):
        if entry.start < end:
            raise ValueError(f"the tensor {name!r} begins at {entry.start}, before another one ends at {end}")
        end = entry.start + entry.bytes
        if end > size:
            raise ValueError(
                f"the tensor {name!r} of shape {entry.shape} in {entry.format.name} ends {end} bytes behind the table, "
                f"and the file {max(size, 0)}: it is cut short or damaged; get it again"
            )
