"""A small training run for the tests of resuming; as a program, it is killed (see test_kill.py).

The program reads a line of JSON for each run, forks a process that makes the run, and says how it ended. It forks, as
importing torch takes longer than such a run.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from llmguide.training import checkpoint_folder, metrics
from llmguide.training.batches import Batch, PackedBatches, in_order
from llmguide.training.optimizers import adamw
from llmguide.training.packing import Packed, pack
from llmguide.training.run import TrainingConfig, TrainingResult, train_run
from llmguide.transformer import Transformer, initialize, llama

CONFIG = TrainingConfig(
    steps=24, learning_rate=0.01, warmup=3, checkpoint_every=3, evaluate_every=4, keep=2, accumulation=2
)
MODEL = llama(vocab_size=16, context_length=16, d_model=16, n_layers=1, n_heads=2, n_kv_heads=1, d_hidden=24)


def packed() -> Packed:
    """Pack documents that count."""
    return pack([[1 + (number + place) % 15 for place in range(2 + number % 9)] for number in range(60)], 16, 0)


def model_with_dropout() -> Transformer:
    """Return a model that draws random numbers, so that their state matters as well."""
    model = Transformer(MODEL)
    initialize(model, torch.Generator().manual_seed(0))

    def drop(module: torch.nn.Module, _: tuple[Any, ...], x: torch.Tensor) -> torch.Tensor:
        return F.dropout(x, 0.1, module.training)

    model.embedding.register_forward_hook(drop)
    return model


def run(
    directory: Path,
    config: TrainingConfig = CONFIG,
    *,
    batches: Callable[[int], Batch] | None = None,
    held_out: Sequence[Batch] | None = None,
) -> TrainingResult:
    """Make the run, or go on with it."""
    torch.manual_seed(5)
    rows = packed()
    return train_run(
        model_with_dropout(),
        batches or PackedBatches(rows, 4, seed=1),
        config,
        directory,
        held_out=in_order(rows, 8)[:2] if held_out is None else held_out,
    )


def files_of(directory: Path) -> dict[str, bytes]:
    """Return every file below a directory, also such as should not be there."""
    return {
        str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()
    }


def watch(event: Callable[[str, Callable[[], Any]], Any]) -> list[tuple[object, str, Any]]:
    """Let a function see each change of the disk that a run makes, and make half of it.

    Args:
        event: Is given the name of the change, and a function that makes the first half of it. If it returns, the
            change is made as a whole.

    Returns:
        What was replaced, as arguments of ``setattr`` that put it back.
    """
    before: list[tuple[object, str, Any]] = []

    def wrap(owner: Any, name: str, half: Callable[..., Any]) -> None:
        whole = getattr(owner, name)

        def wrapped(*arguments: Any, **options: Any) -> Any:
            event(name, lambda: half(*arguments))
            return whole(*arguments, **options)

        before.append((owner, name, whole))
        setattr(owner, name, wrapped)

    def nothing(*_: Any) -> None:
        pass

    def remove_half(path: Path, *_: Any) -> None:
        for file in sorted(path.iterdir())[::2]:
            file.unlink()

    wrap(checkpoint_folder, "_write", lambda path, content: path.write_bytes(content[: len(content) // 2]))
    wrap(checkpoint_folder, "_sync", nothing)
    wrap(Path, "mkdir", nothing)
    wrap(Path, "rename", nothing)
    wrap(shutil, "rmtree", lambda path, *_: remove_half(path) if path.exists() else None)
    wrap(metrics.MetricsFile, "append", lambda file, _: file._file.write(b'{"step": 7, "lo'))
    return before


def _serve() -> None:
    """Make the runs that standard input asks for."""
    torch.set_num_threads(1)
    adamw(model_with_dropout(), learning_rate=0.1)  # torch imports a great deal when it builds its first optimizer
    for line in sys.stdin:
        asked = json.loads(line)
        if child := os.fork():
            sys.stdout.write(f"{child}\n")
            sys.stdout.flush()
            status = os.waitpid(child, 0)[1]
            sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
            sys.stdout.flush()
            continue
        count = 0

        def die(_: str, half: Callable[[], Any], at: int | None = asked["at"]) -> None:
            nonlocal count
            count += 1
            if count == at:
                half()
                os.kill(os.getpid(), signal.SIGKILL)

        watch(die)
        run(Path(asked["directory"]))
        Path(asked["directory"]).with_suffix(".count").write_text(str(count))
        os._exit(0)


if __name__ == "__main__":
    _serve()
