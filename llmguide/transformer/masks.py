"""Which query may look at which key: causal, bidirectional, windows, prefixes, packed documents and padding.

A mask is True where a query may look. Masks combine with ``&`` and, where a part is to be opened, with ``|``.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Int
from torch import Tensor


@dataclass(frozen=True)
class MaskConfig:
    """Which keys a model's queries may see.

    Args:
        kind: ``causal`` lets a position see itself and what came before, ``bidirectional`` everything.
        window: With a number, only the last that many positions, itself included.
        sinks: How many of the first positions stay visible beside the window.

    Raises:
        ValueError: If a number is out of range, or there is a window without a causal mask.
    """

    kind: Literal["causal", "bidirectional"]
    window: int | None = None
    sinks: int = 0

    def __post_init__(self) -> None:
        if self.kind not in ("causal", "bidirectional"):
            raise ValueError(f"kind must be 'causal' or 'bidirectional', not {self.kind!r}")
        if self.window is not None and (self.kind != "causal" or self.window < 1):
            raise ValueError(f"window needs a causal mask and at least 1 position, not {self.kind} and {self.window}")
        if self.sinks < 0 or (self.sinks and self.window is None):
            raise ValueError(f"sinks ({self.sinks}) must be at least 0, and stand beside a window")

    def is_causal_for(self, keys: int) -> bool:
        """Tell whether, for this many keys, the mask is the plain causal one."""
        return self.kind == "causal" and (self.window is None or self.window >= keys)

    def build(self, queries: int, keys: int, device: torch.device | None = None) -> Bool[Tensor, "queries keys"] | None:
        """Return the mask for the last ``queries`` of ``keys`` positions, or None where every key is visible.

        Args:
            queries: How many positions ask. They are the last ones.
            keys: How many positions there are in all.
            device: Where to build it.

        Returns:
            True where a query may look.
        """
        if self.kind == "bidirectional" or (queries == 1 and (self.window is None or self.window >= keys)):
            return None
        if self.window is None:
            return causal_mask(queries, keys, device)
        return window_mask(queries, keys, self.window, self.sinks, device)


def _places(
    queries: int, keys: int, device: torch.device | None
) -> tuple[Int[Tensor, " queries"], Int[Tensor, " keys"]]:
    """Return the place of each query, as a column, and of each key."""
    if not 1 <= queries <= keys:
        raise ValueError(f"queries ({queries}) must be at least 1 and at most keys ({keys}): they are the last of them")
    places = torch.arange(keys, device=device)
    return places[keys - queries :], places


def causal_mask(queries: int, keys: int, device: torch.device | None = None) -> Bool[Tensor, "queries keys"]:
    """Let each position see itself and what came before.

    Args:
        queries: How many positions ask. They are the last ones.
        keys: How many positions there are in all.
        device: Where to build it.

    Returns:
        True where a query may look.

    Raises:
        ValueError: If there are more queries than keys, or none.

    Example:
        >>> causal_mask(2, 3).int().tolist()  # the last two of three positions
        [[1, 1, 0], [1, 1, 1]]
    """
    asking, places = _places(queries, keys, device)
    return places <= asking[:, None]


def window_mask(
    queries: int, keys: int, window: int, sinks: int = 0, device: torch.device | None = None
) -> Bool[Tensor, "queries keys"]:
    """Let each position see itself and the ``window - 1`` before it, and the first ``sinks`` positions.

    Args:
        queries: How many positions ask. They are the last ones.
        keys: How many positions there are in all.
        window: How many positions a query sees, itself included.
        sinks: How many of the first positions stay visible.
        device: Where to build it.

    Returns:
        True where a query may look.

    Raises:
        ValueError: If there are more queries than keys, or none, or the window is empty.

    Source: :cite:t:`beltagy2020longformer` for the window, :cite:t:`xiao2024efficient` for the sinks.

    Example:
        >>> window_mask(1, 6, window=2, sinks=1).int().tolist()
        [[1, 0, 0, 0, 1, 1]]
    """
    if window < 1:
        raise ValueError(f"window must be at least 1, not {window}")
    asking, places = _places(queries, keys, device)
    near = places > asking[:, None] - window
    return causal_mask(queries, keys, device) & (near | (places < sinks))


def prefix_mask(
    prefix: int, queries: int, keys: int, device: torch.device | None = None
) -> Bool[Tensor, "queries keys"]:
    """Let every position see the first ``prefix`` ones, and those after them as in a causal mask.

    Args:
        prefix: How many positions see each other in both directions.
        queries: How many positions ask. They are the last ones.
        keys: How many positions there are in all.
        device: Where to build it.

    Returns:
        True where a query may look.

    Raises:
        ValueError: If there are more queries than keys, or none, or ``prefix`` is negative.

    Source: :cite:t:`raffel2020exploring`, figure 3.

    Example:
        >>> prefix_mask(2, 3, 3).int().tolist()
        [[1, 1, 0], [1, 1, 0], [1, 1, 1]]
    """
    if prefix < 0:
        raise ValueError(f"prefix must be at least 0, not {prefix}")
    return causal_mask(queries, keys, device) | (torch.arange(keys, device=device) < prefix)


def document_mask(documents: Int[Tensor, "batch positions"]) -> Bool[Tensor, "batch 1 positions positions"]:
    """Keep texts that share a row from seeing each other.

    Args:
        documents: The number of the document that each position belongs to.

    Returns:
        True where both positions belong to the same document; for a causal model, combine it with
        :func:`causal_mask`.

    Example:
        >>> document_mask(torch.tensor([[0, 0, 1]]))[0, 0].int().tolist()
        [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    """
    return documents[:, None, :, None] == documents[:, None, None, :]


def padding_mask(real: Bool[Tensor, "batch keys"]) -> Bool[Tensor, "batch 1 1 keys"]:
    """Hide the keys that only fill up a row.

    Args:
        real: True where a position holds a token of the text.

    Returns:
        The same, with an axis for the heads and one for the queries.
    """
    return real[:, None, None, :]


def positions_of(real: Bool[Tensor, "batch keys"]) -> Int[Tensor, "batch keys"]:
    """Count the positions of each row from its first real token, wherever the padding stands.

    Args:
        real: True where a position holds a token of the text.

    Returns:
        0 for the first real token and for padding before it, 1 for the second, and so on.

    Example:
        >>> positions_of(torch.tensor([[False, False, True, True]])).tolist()
        [[0, 0, 0, 1]]
    """
    return (real.long().cumsum(-1) - 1).clamp(min=0)
