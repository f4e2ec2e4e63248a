"""Checkpoints that survive what happens to long runs: a kill at any moment, a damaged file, a full disk.

A checkpoint is a folder ``step-00000300`` of safetensors files, a ``state.json``, and ``SHA256SUMS``, which
``sha256sum --check`` reads as well. It is written under another name and takes its own when everything lies on the
disk: a folder that has its name is whole, unless something has damaged it since, which the checksums show.
"""

import hashlib
import json
import logging
import os
import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from llmguide.transformer.json_files import JsonObject, read_json_object
from llmguide.transformer.safetensors_files import read_safetensors

SUMS, STATE = "SHA256SUMS", "state.json"
_NAME = re.compile(r"step-(\d{8,})")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        step: How many updates had been made.
        tensors: The tensors of each file by name, by the file's name without its ending.
        state: The rest.
        folder: Where it lies.
    """

    step: int
    tensors: Mapping[str, Mapping[str, Tensor]]
    state: JsonObject
    folder: Path


class CheckpointFolder:
    """The checkpoints of a run.

    Args:
        directory: Where they lie; it is made when the first is saved.
        keep: How many to keep.

    Raises:
        ValueError: If none is to be kept.
    """

    def __init__(self, directory: str | Path, keep: int = 2) -> None:
        if keep < 1:
            raise ValueError(f"keep must be at least 1, not {keep}")
        self.directory, self.keep = Path(directory), keep

    def steps(self) -> list[int]:
        """Return the steps of which there is a checkpoint, damaged or not, the newest last."""
        if not self.directory.is_dir():
            return []
        names = (_NAME.fullmatch(path.name) for path in self.directory.iterdir())
        return sorted(int(name[1]) for name in names if name)

    def save(self, step: int, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any]) -> Path:
        """Write a checkpoint, and then remove those that are not needed any more.

        Checkpoints of later steps are removed, too: they were damaged, or the run would not have come here again.

        Args:
            step: How many updates have been made.
            tensors: What to write into each safetensors file, by the file's name without its ending.
            state: What to write as JSON.

        Returns:
            The folder of the checkpoint.

        Raises:
            OSError: If it cannot be written, because the disk is full for example. All others stay as they were.
        """
        final = self._path(step)
        unfinished = self._hidden(step)
        try:
            unfinished.mkdir(parents=True)
            contents = {f"{name}.safetensors": _serialized(named) for name, named in tensors.items()}
            contents[STATE] = (json.dumps(dict(state), indent=2) + "\n").encode()
            sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items())
            for name, content in {**contents, SUMS: sums.encode()}.items():
                _write(unfinished / name, content)
            _sync(unfinished)
            if final.exists():
                final.rename(self._hidden(step))
            unfinished.rename(final)
            _sync(self.directory)
        except OSError as error:
            before = self.steps()
            kept = f"the checkpoint of step {before[-1]} is untouched" if before else "there is none before"
            raise OSError(
                error.errno, f"cannot write the checkpoint of step {step} ({error.strerror or error}); {kept}"
            ) from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        self._remove([each for each in self.steps() if each > step])
        self.tidy(step)
        return final

    def newest(self) -> Checkpoint | None:
        """Read the newest checkpoint that is whole, and say so if a newer one is not.

        Returns:
            The checkpoint, or ``None`` if there is none.
        """
        damaged = False
        for step in reversed(self.steps()):
            try:
                found = self._read(step)
            except (OSError, ValueError) as error:
                _LOG.warning("the checkpoint of step %d is damaged: %s", step, error)
                damaged = True
                continue
            if damaged:
                _LOG.warning("going on from the checkpoint of step %d, the newest that is whole", step)
            return found
        if damaged:
            _LOG.warning("no checkpoint in %s is whole: beginning anew", self.directory)
        return None

    def _read(self, step: int) -> Checkpoint:
        """Read a checkpoint after comparing each file with its checksum."""
        folder = self._path(step)
        if not (sums := (folder / SUMS).read_text("ascii")).endswith("\n"):
            raise ValueError(f"{SUMS} is cut short")
        expected = {name: digest for digest, _, name in (line.partition("  ") for line in sums.splitlines())}
        if missing := sorted(expected.keys() - (found := {path.name for path in folder.iterdir()})):
            raise ValueError(f"{missing[0]} is missing")
        if surplus := sorted(found - expected.keys() - {SUMS}):
            raise ValueError(f"{SUMS} does not name {surplus[0]}")
        for name, digest in expected.items():
            with (folder / name).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                    raise ValueError(f"{name} does not have the content that was written")
        tensors = {}
        for name in sorted(found):
            if name.endswith(".safetensors"):
                weights = read_safetensors(folder / name)
                tensors[name.removesuffix(".safetensors")] = {key: weights.load(key) for key in weights.entries}
        return Checkpoint(step, tensors, read_json_object(folder / STATE), folder)

    def tidy(self, step: int) -> None:
        """Remove old checkpoints, and what killed processes left unfinished.

        Args:
            step: Of the last checkpoint of the run. Later ones are left alone.

        Raises:
            OSError: If the directory cannot be changed.
        """
        self._remove([each for each in self.steps() if each <= step][: -self.keep])

    def _remove(self, steps: Sequence[int]) -> None:
        for step in steps:
            # Without its name first: a folder that has its name is whole.
            self._path(step).rename(self._hidden(step))
        for hidden in self.directory.glob(".step-*.tmp"):
            shutil.rmtree(hidden, ignore_errors=True)

    def _path(self, step: int) -> Path:
        return self.directory / f"step-{step:08}"

    def _hidden(self, step: int) -> Path:
        return self.directory / f".step-{step:08}.{secrets.token_hex(4)}.tmp"


def _serialized(tensors: Mapping[str, Tensor]) -> bytes:
    """Return a safetensors file as bytes: the checksum is that of what should be written, not of what was."""
    return safetensors.torch.save({name: tensor.contiguous().cpu() for name, tensor in tensors.items()})


def _write(path: Path, content: bytes) -> None:
    """Write a file and see it on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    """See on the disk which names a directory holds."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
