"""What a run makes small, and how it is measured: the mean loss over tokens, in the precision that the hardware has."""

import logging
from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from llmguide.training.batches import Batch, batch_logits
from llmguide.training.loop import IGNORED
from llmguide.training.workers import OneWorker, Workers
from llmguide.transformer.model import Transformer

_LOG = logging.getLogger(__name__)


def summed_loss(model: Transformer, batch: Batch, precision: torch.autocast | None = None) -> Float[Tensor, ""]:
    """Return the sum of the losses of all targets that count, in nats.

    Sums of parts add up to the sum of the whole, as means do not: that is why a step may be worked through in parts, by
    several processes, and still have the gradient of its mean over all tokens.

    Args:
        model: The model.
        batch: The rows.
        precision: In which precision to compute the logits; by default that of the weights.

    Returns:
        The sum.
    """
    batch = batch.to(next(model.parameters()).device)
    if precision is None:
        logits = batch_logits(model, batch)
    else:
        with precision:
            logits = batch_logits(model, batch)
    return F.cross_entropy(logits.float().flatten(0, 1), batch.targets.flatten(), ignore_index=IGNORED, reduction="sum")


def evaluate(
    model: Transformer,
    batches: Sequence[Batch],
    workers: Workers | None = None,
    precision: torch.autocast | None = None,
) -> float:
    """Measure the mean loss over all tokens of some batches.

    Args:
        model: The model, which stays as it is.
        batches: The rows.
        workers: The processes that share them; by default this one alone.
        precision: In which precision to compute; by default that of the weights.

    Returns:
        The loss in nats per token.

    Raises:
        ValueError: If no token counts.
    """
    workers = OneWorker() if workers is None else workers
    if not (tokens := sum(batch.tokens for batch in batches)):
        raise ValueError("no token of the batches counts; give rows with a document of at least one token")
    training, total = model.training, 0.0
    model.eval()
    with torch.inference_mode():
        for batch in batches:
            parts = min(workers.size, len(batch))
            if workers.rank < parts:
                own = batch.part(workers.rank, parts)
                total += summed_loss(model, own, precision).item()
    model.train(training)
    return workers.add(total) / tokens


def find_device(name: Literal["cpu", "cuda"]) -> torch.device:
    """Find a device by its name.

    Args:
        name: The processor, or an accelerator that torch calls ``cuda``.

    Returns:
        The device.

    Raises:
        ValueError: If it is ``cuda`` and torch finds none.

    Example:
        >>> find_device("cpu")
        device(type='cpu')
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is 'cuda', and torch finds none on this machine; take device = \"cpu\"")
    return torch.device(name)


def bfloat16(device: torch.device) -> torch.autocast | None:
    """Return how to multiply matrices in bfloat16, with weights, sums and losses in float32.

    Args:
        device: Where the model is.

    Returns:
        What to compute in, or ``None``, with a warning, where the hardware would only imitate it.
    """
    if not has_bfloat16(device):
        _LOG.warning("this hardware does not multiply in bfloat16: going on in float32")
        return None
    return torch.autocast(device.type, torch.bfloat16)


def has_bfloat16(device: torch.device) -> bool:
    """Tell whether a device multiplies matrices in bfloat16 by itself, not by way of float32.

    Args:
        device: The device.

    Returns:
        Whether it does.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
