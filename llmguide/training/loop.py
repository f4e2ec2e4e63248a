"""A training loop for small models: AdamW, warm-up and cosine decay, clipped gradients."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from llmguide.training.optimizers import adamw
from llmguide.training.schedules import warmup_cosine
from llmguide.transformer.model import Transformer

IGNORED = -100
"""A target that does not count in the loss; torch's own convention."""


def next_token_loss(
    logits: Float[Tensor, "batch positions vocab"], targets: Int[Tensor, "batch positions"]
) -> Float[Tensor, ""]:
    r"""Return the mean cross-entropy of the targets, in nats.

    .. math:: L = -\frac{1}{n} \sum_t \log \operatorname{softmax}(z_t)_{y_t}

    Args:
        logits: The model's output :math:`z`.
        targets: The token :math:`y_t` that should follow each position; those that are :data:`IGNORED` do not count.

    Returns:
        The mean over the targets that count.
    """
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)


def train(
    model: Transformer,
    batch: Callable[[int], tuple[Int[Tensor, "batch positions"], Int[Tensor, "batch positions"]]],
    *,
    steps: int,
    learning_rate: float = 1e-3,
    warmup: int | None = None,
    weight_decay: float = 0.01,
    clip: float = 1.0,
) -> list[float]:
    """Train a model on batches that a function makes.

    The same batches and the same initial weights give the same losses on the same machine.

    Args:
        model: The model, whose weights change.
        batch: From the number of a step to ids and targets.
        steps: How many steps to take.
        learning_rate: The highest learning rate.
        warmup: Number of steps on the way up to it; by default a twentieth of all.
        weight_decay: AdamW's decay of the matrices.
        clip: The largest norm that the gradients of a step may have together.

    Returns:
        The loss of each step, before its update.

    Raises:
        ValueError: If a number is out of range, or the loss is no longer a number.

    Source: :cite:t:`loshchilov2019decoupled`.
    """
    if steps < 1 or learning_rate <= 0 or clip <= 0 or weight_decay < 0:
        raise ValueError(
            f"steps ({steps}), learning_rate ({learning_rate}) and clip ({clip}) must be greater than 0, "
            f"and weight_decay ({weight_decay}) at least 0"
        )
    rise = max(1, steps // 20) if warmup is None else warmup
    optimizer = adamw(model, learning_rate=learning_rate, weight_decay=weight_decay)
    losses = []
    model.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = warmup_cosine(step, steps=steps, peak=learning_rate, warmup=min(rise, steps - 1))
        ids, targets = batch(step)
        loss = next_token_loss(model(ids), targets)
        if not math.isfinite(value := loss.item()):
            raise ValueError(f"the loss is {value} at step {step}; lower learning_rate ({learning_rate})")
        losses.append(value)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
    model.eval()
    return losses
