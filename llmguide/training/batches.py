"""The batch of a step: which rows it takes depends on a seed and the number of the step, and on nothing else.

A run that goes on after a stop needs no memory of what it has read: it asks for the batch of the next step.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from llmguide.training.loop import IGNORED
from llmguide.training.packing import FILLER, Packed
from llmguide.transformer.masks import MaskConfig, document_mask
from llmguide.transformer.model import Transformer


@dataclass(frozen=True)
class Batch:
    """Rows of tokens and what should follow each.

    Attributes:
        ids: The tokens.
        targets: What should follow each; :data:`~llmguide.training.loop.IGNORED` does not count.
        documents: The number of the document that each position belongs to: positions see only their own. ``None``
            lets a row be one text.
        positions: The place of each token in its document. ``None`` counts from the row's first.
    """

    ids: Int[Tensor, "batch positions"]
    targets: Int[Tensor, "batch positions"]
    documents: Int[Tensor, "batch positions"] | None = None
    positions: Int[Tensor, "batch positions"] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def tokens(self) -> int:
        """The number of targets that count."""
        return int((self.targets != IGNORED).sum())

    def part(self, number: int, parts: int) -> "Batch":
        """Take a part of the rows, nearly as many as any other part.

        Args:
            number: Which part, from 0.
            parts: How many parts there are.

        Returns:
            Neighbouring rows.

        Raises:
            ValueError: If there are fewer rows than parts.
        """
        if len(self) < parts:
            raise ValueError(f"{len(self)} rows cannot be shared among {parts} parts; take more rows a step")
        here = slice(len(self) * number // parts, len(self) * (number + 1) // parts)
        return replace(self, **{name: tensor[here] for name, tensor in self.tensors()})

    def to(self, device: torch.device) -> "Batch":
        """Return the same batch on a device."""
        return replace(self, **{name: tensor.to(device) for name, tensor in self.tensors()})

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the names and tensors that there are."""
        for name in ("ids", "targets", "documents", "positions"):
            tensor = getattr(self, name)
            if tensor is not None:
                yield name, tensor


def batch_of(packed: Packed, rows: Int[Tensor, " batch"]) -> Batch:
    """Make a batch of packed rows: each token is to be followed by the next of its document.

    Args:
        packed: The rows.
        rows: The numbers of those to take.

    Returns:
        The batch. The last token of a document, and filler, has nothing to be followed by.

    Example:
        >>> from llmguide.training.packing import pack
        >>> batch = batch_of(pack([[5, 6], [8]], length=6, end=0), torch.tensor([0]))
        >>> batch.ids.tolist(), batch.targets.tolist()
        ([[5, 6, 0, 8, 0, 0]], [[6, 0, -100, 0, -100, -100]])
    """
    ids, documents = packed.ids[rows].long(), packed.documents[rows].long()
    targets = torch.full_like(ids, IGNORED)
    follows = (documents[:, 1:] == documents[:, :-1]) & (documents[:, 1:] != FILLER)
    targets[:, :-1] = torch.where(follows, ids[:, 1:], IGNORED)
    return Batch(ids, targets, documents, packed.positions[rows].long())


class PackedBatches:
    """Batches of packed rows, in a new order every epoch.

    The rows of all epochs form one endless line, from which each step takes the next ``size``.

    Args:
        packed: The rows.
        size: Number of rows of a step.
        seed: Decides the orders.

    Raises:
        ValueError: If there are no rows to take.
    """

    def __init__(self, packed: Packed, size: int, seed: int) -> None:
        if size < 1 or not len(packed):
            raise ValueError(f"need at least one row, and size ({size}) >= 1")
        self.packed, self.size, self.seed = packed, size, seed
        self._order = lru_cache(maxsize=2)(self._shuffled)

    def __call__(self, step: int) -> Batch:
        """Return the batch of a step.

        Args:
            step: Number of the step, from 0.

        Returns:
            Its rows.
        """
        places = range(step * self.size, (step + 1) * self.size)
        rows = [self._order(place // len(self.packed))[place % len(self.packed)] for place in places]
        return batch_of(self.packed, torch.tensor(rows))

    def _shuffled(self, epoch: int) -> list[int]:
        order = list(range(len(self.packed)))
        random.Random(f"{self.seed} {epoch}").shuffle(order)
        return order


def in_order(packed: Packed, size: int) -> list[Batch]:
    """Make batches of all rows in their order, to measure a model on.

    Args:
        packed: The rows.
        size: Number of rows of a batch; the last one may have fewer.

    Returns:
        The batches.
    """
    return [batch_of(packed, rows) for rows in torch.split(torch.arange(len(packed)), size)]


def batch_logits(model: Transformer, batch: Batch) -> Float[Tensor, "batch positions vocab"]:
    """Return the model's logits for a batch, each document as if it stood alone.

    Args:
        model: The model.
        batch: The rows.

    Returns:
        Logits.
    """
    mask = None if batch.documents is None else _packed_mask(batch.documents, model.config.mask)
    logits: Tensor = model(batch.ids, mask=mask, positions=batch.positions)
    return logits


def _packed_mask(
    documents: Int[Tensor, "batch positions"], config: MaskConfig
) -> Bool[Tensor, "batch 1 positions positions"]:
    """Let positions see those of their document that the model's own mask shows them."""
    length = documents.shape[1]
    if config.sinks:
        raise ValueError("the sinks of a model are the first places of its row, which packed documents do not share")
    own = config.build(length, length, documents.device)
    return document_mask(documents) if own is None else document_mask(documents) & own
