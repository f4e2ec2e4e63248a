"""Reading and writing safetensors, the format in which weights are published: a header of JSON, then the numbers.

Older weights are pickled, and unpickling a file runs whatever program its author put into it. A safetensors file is
only data. It may still be damaged, or claim absurd things, so the header is compared with the file before any memory
is taken: every shape with its place in the file, and the places with each other.

A large model is spread over several files, its *shards*, beside an index that says which tensor lies where.
"""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import torch
from jaxtyping import Shaped
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from llmguide.atomic import written
from llmguide.transformer.json_files import JsonObject, parse_json_object, read_json_object

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
"""The kinds of numbers that this package reads, by the names that the format gives them."""

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
_LARGEST_HEADER = 100_000_000  # bytes; the library's own limit
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


@dataclass(frozen=True)
class TensorEntry:
    """What a header says about a tensor.

    Attributes:
        dtype: The kind of its numbers.
        shape: Its shape.
        file: Where it lies.
    """

    dtype: torch.dtype
    shape: tuple[int, ...]
    file: Path


@dataclass(frozen=True)
class SafetensorsWeights:
    """The tensors of one or several safetensors files, each read when it is asked for.

    Attributes:
        entries: What the headers say, by the tensors' names.
    """

    entries: Mapping[str, TensorEntry]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each tensor."""
        return {name: entry.shape for name, entry in self.entries.items()}

    def load(self, name: str) -> Shaped[Tensor, "..."]:
        """Read a tensor.

        Args:
            name: Its name.

        Returns:
            The tensor, in memory of its own.

        Raises:
            KeyError: If there is none of that name.
            OSError: If its file cannot be read any more.
            ValueError: If its file is damaged in a way that the header did not show.
        """
        file = self.entries[name].file
        try:
            with safe_open(file, framework="pt") as content:
                tensor: Tensor = content.get_tensor(name)
                return tensor.clone()
        except OSError:
            raise
        except Exception as error:  # the library's error has no base but this
            raise ValueError(f"{file}: cannot read {name!r}: {error}") from error


def read_safetensors(path: str | Path) -> SafetensorsWeights:
    """Read the header of a safetensors file and check it against the file.

    Args:
        path: The file.

    Returns:
        Its tensors, not read yet.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is not a safetensors file, is cut short, or its header contradicts itself or the file.
    """
    path = Path(path)
    with path.open("rb") as file:
        return SafetensorsWeights(_read_header(file, path.stat().st_size, path))


def read_folder(folder: str | Path) -> SafetensorsWeights:
    """Read the headers of the weights in a folder: of ``model.safetensors``, or of the shards that the index names.

    Args:
        folder: The folder.

    Returns:
        Its tensors, not read yet.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If there are no weights, only pickled ones, a shard is missing, or the index and the shards
            disagree; the message names what is missing.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder; expected one with {SINGLE} or {INDEX}")
    if (folder / SINGLE).is_file():
        return read_safetensors(folder / SINGLE)
    if (folder / INDEX).is_file():
        return _read_shards(folder)
    if pickled := sorted(path.name for pattern in _PICKLED for path in folder.glob(pattern)):
        raise ValueError(
            f"{folder} has only pickled weights ({', '.join(pickled)}), and unpickling runs code of the file's author: "
            "where you trust it, load it with the library that wrote it and save it as safetensors"
        )
    raise ValueError(f"{folder} has no weights; expected {SINGLE}, or {INDEX} with its shards")


def write_safetensors(path: str | Path, tensors: Mapping[str, Shaped[Tensor, "..."]]) -> None:
    """Write tensors to a safetensors file. The file is complete or untouched.

    Args:
        path: Where to.
        tensors: The tensors by name.

    Raises:
        OSError: If the file cannot be written.
    """
    with written(path) as unfinished:
        # Many readers expect to be told which library the tensors belong to.
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, unfinished, {"format": "pt"})


def write_folder(
    folder: str | Path, tensors: Mapping[str, Shaped[Tensor, "..."]], largest: int | None = None
) -> tuple[Path, ...]:
    """Write weights into a folder, as one file or as shards with an index.

    Args:
        folder: Where to; it must exist.
        tensors: The tensors by name.
        largest: How many bytes of tensors a file may hold; a single tensor may be larger. ``None`` writes one file.

    Returns:
        The files, the index last.

    Raises:
        OSError: If a file cannot be written.
        ValueError: If ``largest`` is not positive.
    """
    folder = Path(folder)
    shards = _spread(tensors, largest)
    if len(shards) == 1:
        write_safetensors(folder / SINGLE, tensors)
        (folder / INDEX).unlink(missing_ok=True)
        return (folder / SINGLE,)
    names = [f"model-{number:05}-of-{len(shards):05}.safetensors" for number in range(1, len(shards) + 1)]
    for name, shard in zip(names, shards, strict=True):
        write_safetensors(folder / name, shard)
    places = {tensor: name for name, shard in zip(names, shards, strict=True) for tensor in shard}
    index = {"metadata": {"total_size": sum(tensor.nbytes for tensor in tensors.values())}, "weight_map": places}
    with written(folder / INDEX) as unfinished:
        unfinished.write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    (folder / SINGLE).unlink(missing_ok=True)  # or it would be read instead of the shards
    return (*(folder / name for name in names), folder / INDEX)


def _spread(tensors: Mapping[str, Tensor], largest: int | None) -> list[dict[str, Tensor]]:
    """Fill shards one after the other."""
    if largest is not None and largest < 1:
        raise ValueError(f"largest ({largest}) must be a positive number of bytes")
    shards: list[dict[str, Tensor]] = [{}]
    filled = 0
    for name, tensor in tensors.items():
        if largest is not None and shards[-1] and filled + tensor.nbytes > largest:
            shards.append({})
            filled = 0
        shards[-1][name] = tensor
        filled += tensor.nbytes
    return shards


def _read_shards(folder: Path) -> SafetensorsWeights:
    """Read the headers of the files that an index names."""
    places = read_json_object(folder / INDEX).child("weight_map")
    tensors: dict[str, list[str]] = {}
    for tensor in places.values:
        name = places.text(tensor)
        if Path(name).name != name or not name.endswith(".safetensors") or "\\" in name or "\0" in name:
            raise ValueError(f"{places.source}: {name!r} is no plain name of a safetensors file beside the index")
        tensors.setdefault(name, []).append(tensor)
    if missing := sorted(name for name in tensors if not (folder / name).is_file()):
        raise ValueError(f"{folder} lacks {', '.join(missing)}, which {INDEX} names: get the missing files")
    entries: dict[str, TensorEntry] = {}
    for name, expected in tensors.items():
        found = read_safetensors(folder / name).entries
        if absent := sorted(set(expected) - found.keys()):
            raise ValueError(f"{folder / name} lacks {_some(absent)}, which {INDEX} places there")
        if surplus := sorted(found.keys() - set(expected)):
            raise ValueError(f"{folder / name} holds {_some(surplus)}, which {INDEX} does not place there")
        entries |= found
    return SafetensorsWeights(entries)


def _read_header(file: BinaryIO, size: int, path: Path) -> dict[str, TensorEntry]:
    """Read and check what stands before the numbers."""
    if size < 8:
        raise ValueError(f"{path} has {size} bytes; expected a safetensors file, which begins with the header's length")
    length = struct.unpack("<Q", file.read(8))[0]
    if length > min(_LARGEST_HEADER, size - 8):
        raise ValueError(
            f"{path}: the header has {length} bytes by its own account, and the file {size}: it is cut short, damaged "
            "or no safetensors file; get it again"
        )
    header = parse_json_object(file.read(length), f"{path}, header")
    spans: dict[str, tuple[int, int]] = {}
    entries: dict[str, TensorEntry] = {}
    for name in header.values:
        if name == "__metadata__":
            metadata = header.child(name)
            for key in metadata.values:
                metadata.text(key)
            continue
        tensor = header.child(name)
        dtype, shape, spans[name] = _read_entry(tensor)
        entries[name] = TensorEntry(dtype, shape, path)
    _check_spans(spans, size - 8 - length, header.source)
    return entries


def _read_entry(tensor: JsonObject) -> tuple[torch.dtype, tuple[int, ...], tuple[int, int]]:
    """Read what the header says about one tensor, and check that its shape fits its place."""
    if unknown := tensor.values.keys() - {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{tensor.source}: unknown {_some(sorted(unknown))}; expected dtype, shape and data_offsets")
    if (name := tensor.text("dtype")) not in DTYPES:
        raise ValueError(f"{tensor.source}: dtype {name[:40]!r} is not read by this package; {', '.join(DTYPES)} are")
    shape, offsets = tuple(tensor.list_of("shape", int)), tensor.list_of("data_offsets", int)
    if len(shape) > 8 or any(not 0 <= axis < 2**63 for axis in shape):
        raise ValueError(f"{tensor.source}: shape {str(shape)[:80]}; expected at most 8 axes, none of them negative")
    if len(offsets) != 2 or not 0 <= offsets[0] <= offsets[1] < 2**63:
        raise ValueError(f"{tensor.source}: data_offsets {str(offsets)[:80]}; expected a start and no smaller end")
    start, end = offsets
    needed = math.prod(shape) * DTYPES[name].itemsize
    if needed != end - start:
        raise ValueError(
            f"{tensor.source}: shape {shape} of {name} takes {needed} bytes, but data_offsets leave {end - start}"
        )
    return DTYPES[name], shape, (start, end)


def _check_spans(spans: Mapping[str, tuple[int, int]], size: int, source: str) -> None:
    """Raise unless the tensors fill the rest of the file without a gap, an overlap or anything left over."""
    place = 0
    for name, (start, end) in sorted(spans.items(), key=lambda item: item[1]):
        if start != place:
            raise ValueError(f"{source}: {name!r} begins at byte {start}; expected {place}, where the one before ends")
        place = end
    if place != size:
        raise ValueError(
            f"{source}: the tensors end at byte {place} behind the header, the file at {size}: it is cut short or "
            "damaged; get it again"
        )


def _some(names: list[str]) -> str:
    """Name a few of many."""
    shown = ", ".join(repr(name[:80]) for name in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
