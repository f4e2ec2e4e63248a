"""The training loop that chapters and users share: it can be killed at any moment and goes on as if it had not been."""

import hashlib
import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from llmguide.atomic import alone_in
from llmguide.training.batches import Batch
from llmguide.training.checkpoint_folder import Checkpoint, CheckpointFolder
from llmguide.training.metrics import MetricsFile, TensorBoard
from llmguide.training.objective import bfloat16, evaluate, find_device, summed_loss
from llmguide.training.optimizers import adamw, optimizer_tensors, restore_optimizer
from llmguide.training.progress import Progress
from llmguide.training.schedules import warmup_cosine, warmup_stable_decay
from llmguide.training.workers import OneWorker, Workers
from llmguide.transformer.model import Transformer

_HARMLESS = frozenset({"checkpoint_every", "keep"})  # settings that change no number


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
        device: Where to compute: on the processor, or on an accelerator that torch calls ``cuda``.
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
    device: Literal["cpu", "cuda"] = "cpu"
    evaluate_every: int = 0
    checkpoint_every: int = 0
    keep: int = 2

    def __post_init__(self) -> None:
        for name, least in {
            "steps": 1,
            "accumulation": 1,
            "keep": 1,
            "evaluate_every": 0,
            "checkpoint_every": 0,
        }.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")
        for name in ("learning_rate", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be greater than 0, not {getattr(self, name)}")
        for name in ("floor", "beta1", "beta2"):
            if not 0 <= getattr(self, name) <= 1 - (name != "floor") * 1e-9:
                raise ValueError(
                    f"{name} must be from 0 to {'1' if name == 'floor' else 'below 1'}, not {getattr(self, name)}"
                )
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"weight_decay must be at least 0, not {self.weight_decay}")
        if self.schedule not in ("cosine", "wsd"):
            raise ValueError(f"schedule must be 'cosine' or 'wsd', not {self.schedule!r}")
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision must be 'float32' or 'bfloat16', not {self.precision!r}")
        if self.device not in ("cpu", "cuda"):
            raise ValueError(f"device must be 'cpu' or 'cuda', not {self.device!r}")
        if self.schedule == "cosine" and self.decay:
            raise ValueError(f"decay ({self.decay}) belongs to the schedule 'wsd'; a cosine takes all steps")
        self.rate(0)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        if self.schedule == "cosine":
            return warmup_cosine(step, steps=self.steps, peak=self.learning_rate, warmup=self.warmup, floor=self.floor)
        return warmup_stable_decay(
            step, steps=self.steps, peak=self.learning_rate, warmup=self.warmup, decay=self.decay, floor=self.floor
        )

    def due(self, every: int, step: int) -> bool:
        """Tell whether what is done so often, and after the last step, is due after this many steps."""
        return step == self.steps or (every > 0 and step % every == 0)


@dataclass(frozen=True)
class TrainingResult:
    """What came of a run.

    Attributes:
        losses: The loss of each step before its update, those from before a resume included.
        held_out_loss: The loss on the held-out rows after the last step, if there are any.
        tokens: How many tokens counted in the losses.
        resumed_at: The step of the checkpoint that the run went on from, or 0.
        seconds: How long this process took.
        finished: Whether all steps are made; otherwise the run was asked to stop.
    """

    losses: tuple[float, ...]
    held_out_loss: float | None
    tokens: int
    resumed_at: int
    seconds: float
    finished: bool = True


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
    stop: Callable[[], bool] | None = None,
) -> TrainingResult:
    """Train a model, or go on with a run that was stopped.

    The directory gets ``metrics.jsonl`` with one line a step, and ``checkpoints``. If there are checkpoints already,
    the run goes on from the newest that is whole; every number and every file ends the same as without the stop, on
    the same machine with the same number of threads and processes. At the end the model has its final weights, which
    are also in the last checkpoint; :func:`~llmguide.transformer.checkpoints.save_folder` writes them for others.

    Args:
        model: The model with its initial weights, which change. It is moved to the device of the configuration.
        batches: From the number of a step, from 0, to all rows of that step, the same whenever it is asked; see
            :class:`~llmguide.training.batches.PackedBatches`. Each process takes its part of the rows.
        config: How to train.
        directory: Where to keep the run; it is made if need be.
        held_out: Batches that are only measured.
        workers: The processes that share the run; by default this one alone.
        tensorboard: Whether to write the metrics for TensorBoard, too, which must be installed.
        progress: Whether to show a line with the loss, tokens per second and the time left, if standard error is a
            terminal.
        stop: Asked after each step whether to save a checkpoint and end early; a True in one process ends all.

    Returns:
        What came of it.

    Raises:
        OSError: If a file cannot be written; what was saved before stays whole. If another run is writing there, a
            BlockingIOError.
        ValueError: If there is no such device or several processes would share it, if the directory holds a run of
            another model, other batches or another configuration, if the rows of a step are fewer than the processes
            times the accumulation, or if the loss is no longer a number.
    """
    start = time.monotonic()
    workers = OneWorker() if workers is None else workers
    directory, device = Path(directory), find_device(config.device)
    if device.type == "cuda" and workers.size > 1:
        raise ValueError('several processes would share one accelerator; take device = "cpu"')
    model.to(device)
    precision = bfloat16(device) if config.precision == "bfloat16" else None
    optimizer = adamw(
        model,
        learning_rate=config.learning_rate,
        beta1=config.beta1,
        beta2=config.beta2,
        weight_decay=config.weight_decay,
    )
    told = {"config": asdict(config), "batches": _digest(batches(0))}
    if writing := workers.rank == 0:
        directory.mkdir(parents=True, exist_ok=True)
    with alone_in(directory) if writing else nullcontext():
        checkpoints = CheckpointFolder(directory / "checkpoints", config.keep)
        found = checkpoints.newest()
        tokens = 0 if found is None else _restore(found, model, optimizer, told)
        done = reached = 0 if found is None else found.step
        losses: list[float] = []
        held_out_loss: float | None = None
        sinks: list[MetricsFile | TensorBoard] = []
        if writing:
            checkpoints.tidy(done)
            sinks.append(metrics := MetricsFile(directory / "metrics.jsonl", done))
            losses = [line["loss"] for line in metrics.before]
            held_out_loss = metrics.before[-1].get("held_out_loss") if metrics.before else None
            if tensorboard:
                sinks.append(TensorBoard(directory / "tensorboard", done))
        line = Progress(config.steps, done) if writing and progress else None
        try:
            model.train()
            for step in range(done, config.steps):
                batch = batches(step)
                loss, norm = _update(
                    model, batch, optimizer, step=step, config=config, workers=workers, precision=precision
                )
                tokens += batch.tokens
                losses.append(loss)
                values: dict[str, int | float] = {
                    "step": step + 1,
                    "loss": loss,
                    "learning_rate": config.rate(step),
                    "gradient_norm": norm,
                    "tokens": tokens,
                }
                if held_out and config.due(config.evaluate_every, step + 1):
                    values["held_out_loss"] = held_out_loss = evaluate(model, held_out, workers, precision)
                for sink in sinks:
                    sink.append(values)
                stopping = bool(workers.add(float(stop is not None and stop())))
                if stopping or config.due(config.checkpoint_every, step + 1):
                    for sink in sinks:
                        sink.sync()
                    if writing:
                        checkpoints.save(step + 1, _tensors(model, optimizer), {**told, "tokens": tokens})
                    workers.wait()
                if line is not None:
                    line.update(step + 1, loss, batch.tokens)
                reached = step + 1
                if stopping:
                    break
        finally:
            model.eval()
            for sink in sinks:
                sink.close()
            if line is not None:
                line.close()
    seconds = time.monotonic() - start
    return TrainingResult(tuple(losses), held_out_loss, tokens, done, seconds, reached == config.steps)


def _update(
    model: Transformer,
    batch: Batch,
    optimizer: torch.optim.Optimizer,
    *,
    step: int,
    config: TrainingConfig,
    workers: Workers,
    precision: torch.autocast | None,
) -> tuple[float, float]:
    """Make one update, and return the loss before it and the norm of the gradient."""
    if not (tokens := batch.tokens):
        raise ValueError(f"no token of the batch of step {step} counts; give rows with longer documents")
    own = batch.part(workers.rank, workers.size)
    optimizer.zero_grad()
    total = 0.0
    for number in range(config.accumulation):
        loss = summed_loss(model, own.part(number, config.accumulation), precision) / tokens
        torch.autograd.backward(loss)
        total += loss.item()
    workers.add_gradients(model.parameters())
    mean = workers.add(total)
    norm = nn.utils.clip_grad_norm_(model.parameters(), config.clip).item()
    if not (math.isfinite(mean) and math.isfinite(norm)):
        raise ValueError(
            f"the loss is {mean} and the gradient's norm {norm} at step {step}; lower learning_rate "
            f"({config.learning_rate}) or lengthen warmup ({config.warmup})"
        )
    for group in optimizer.param_groups:
        group["lr"] = config.rate(step)
    optimizer.step()
    return mean, norm


def _tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, dict[str, Tensor]]:
    """Return what a checkpoint holds, by file."""
    random = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        random["cuda"] = torch.cuda.get_rng_state()
    return {"model": dict(model.state_dict()), "optimizer": optimizer_tensors(model, optimizer), "random": random}


def _restore(found: Checkpoint, model: nn.Module, optimizer: torch.optim.Optimizer, told: dict[str, Any]) -> int:
    """Put back what a checkpoint holds, and return how many tokens were learned from."""
    before, now = {"device": "cpu", **found.state.child("config").values}, told["config"]  # older ones do not name it
    if changed := [name for name in now if name not in _HARMLESS and before.get(name) != now[name]]:
        raise ValueError(
            f"{found.folder} belongs to a run with {changed[0]} = {before.get(changed[0])!r}, not {now[changed[0]]!r}: "
            "give the same configuration or another directory"
        )
    if found.state.text("batches") != told["batches"]:
        raise ValueError(f"{found.folder} belongs to a run on other batches: give the same or another directory")
    weights, expected = dict(found.tensors["model"]), model.state_dict()
    if {name: tensor.shape for name, tensor in weights.items()} != {
        name: each.shape for name, each in expected.items()
    }:
        raise ValueError(f"{found.folder} belongs to another model: give the same or another directory")
    model.load_state_dict(weights)
    restore_optimizer(model, optimizer, dict(found.tensors["optimizer"]))
    torch.set_rng_state(found.tensors["random"]["cpu"])
    if "cuda" in found.tensors["random"] and torch.cuda.is_available():
        torch.cuda.set_rng_state(found.tensors["random"]["cuda"])
    return found.state.integer("tokens", most=2**62)


def _digest(batch: Batch) -> str:
    """Tell batches apart by what is in the first."""
    digest = hashlib.sha256()
    for name, tensor in batch.tensors():
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode() + tensor.cpu().numpy().tobytes())
    return digest.hexdigest()
