"""The batch of a step."""

from dataclasses import dataclass

from jaxtyping import Int
from torch import Tensor


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
