"""The training loop that chapters and users share: it can be killed at any moment and goes on as if it had not been."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from llmguide.training.batches import Batch
from llmguide.training.workers import OneWorker, Workers
from llmguide.transformer.model import Transformer


@dataclass(frozen=True)
class TrainingConfig:
    """How to train: everything that decides the numbers of a run, and how often to look and to save.

    Args:
        steps: How many updates to make.
        learning_rate: The highest learning rate.
        schedule: How the rate falls: along a ``cosine`` over all steps, or ``wsd``: constant, then down in a line over
            the last ``decay`` steps.
        warmup: Number of steps on the way up.
        decay: Number of steps on the way down, for ``wsd``.
        floor: What is left of the rate at the end, as a part of the highest.
        weight_decay: AdamW's decay of the matrices.
        beta1: How slowly AdamW forgets gradients.
        beta2: How slowly AdamW forgets squared gradients.
        clip: The largest norm that the gradients of a step may have together.
        accumulation: In how many parts to work through the rows of a step, to save memory. It changes no result.
        precision: ``bfloat16`` multiplies matrices in that precision where the hardware can; the weights stay float32.
        evaluate_every: After how many steps to measure the loss on the held-out rows; 0 for the last step only.
        checkpoint_every: After how many steps to save; 0 for the last step only.
        keep: How many checkpoints to keep.

    Raises:
        ValueError: If a number is out of range; the message says which.
    """

    steps: int
    learning_rate: float = 1e-3
    schedule: Literal["cosine", "wsd"] = "cosine"
    warmup: int = 0
    decay: int = 0
    floor: float = 0.1
    weight_decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.95
    clip: float = 1.0
    accumulation: int = 1
    precision: Literal["float32", "bfloat16"] = "float32"
    evaluate_every: int = 0
    checkpoint_every: int = 0
    keep: int = 2


@dataclass(frozen=True)
class TrainingResult:
    """What came of a run.

    Attributes:
        losses: The loss of each step before its update, those from before a resume included.
        held_out_loss: The loss on the held-out rows after the last step, if there are any.
        tokens: How many tokens counted in the losses.
        resumed_at: The step of the checkpoint that the run went on from, or 0.
        seconds: How long this process took.
    """

    losses: tuple[float, ...]
    held_out_loss: float | None
    tokens: int
    resumed_at: int
    seconds: float


def train_run(
    model: Transformer,
    batches: Callable[[int], Batch],
    config: TrainingConfig,
    directory: str | Path,
    *,
    held_out: Sequence[Batch] = (),
    workers: Workers | None = None,
    tensorboard: bool = False,
    progress: bool = True,
) -> TrainingResult:
    """Train a model, or go on with a run that was stopped.

    The directory gets ``metrics.jsonl`` with one line a step, and ``checkpoints``. If there are checkpoints already,
    the run goes on from the newest that is whole; every number and every file ends the same as without the stop, on
    the same machine with the same number of threads and processes. At the end the model has its final weights, which
    are also in the last checkpoint; :func:`~llmguide.transformer.checkpoints.save_folder` writes them for others.

    Args:
        model: The model with its initial weights, which change. Where its parameters are, the work is done.
        batches: From the number of a step, from 0, to all rows of that step, the same whenever it is asked; see
            :class:`~llmguide.training.batches.PackedBatches`. Each process takes its part of the rows.
        config: How to train.
        directory: Where to keep the run; it is made if need be.
        held_out: Batches that are only measured.
        workers: The processes that share the run; by default this one alone.
        tensorboard: Whether to write the metrics for TensorBoard, too, which must be installed.
        progress: Whether to show a line with the loss, tokens per second and the time left, if standard error is a
            terminal.

    Returns:
        What came of it.

    Raises:
        OSError: If a file cannot be written; what was saved before stays whole.
        ValueError: If the directory holds a run of another model, other batches or another configuration, if the rows
            of a step are fewer than the processes times the accumulation, or if the loss is no longer a number.
    """
    workers = OneWorker() if workers is None else workers
    raise NotImplementedError
