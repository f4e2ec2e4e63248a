r"""Softmax in one pass, and exact attention in tiles that never holds all the scores at once.

Softmax seems to need the whole row: its maximum, so that no exponential overflows, and its sum. But what is known of
two parts of a row tells what is true of both together: the part with the smaller maximum is scaled down to the larger
one. So scores can come a few at a time, be used, and be forgotten.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True)
class Partial:
    r"""Attention to some of the keys, in a form that goes on to the others.

    Attributes:
        maximum: The largest score :math:`m` of each query so far; minus infinity if it has seen no key.
        total: The sum of :math:`e^{s - m}` over the scores so far.
        mixed: The sum of the values so far, each times its :math:`e^{s - m}`: not yet divided by the total.
    """

    maximum: Float[Tensor, "*batch queries 1"]
    total: Float[Tensor, "*batch queries 1"]
    mixed: Float[Tensor, "*batch queries d_value"]

    def __add__(self, other: "Partial") -> "Partial":
        """Put together what two sets of keys gave; in whatever order and grouping, the result is the same."""
        maximum = torch.maximum(self.maximum, other.maximum)
        mine, others = _exp(self.maximum, maximum), _exp(other.maximum, maximum)
        return Partial(maximum, self.total * mine + other.total * others, self.mixed * mine + other.mixed * others)

    def finish(self) -> Float[Tensor, "*batch queries d_value"]:
        """Divide by the total.

        Returns:
            The mixed values; zeros where a query saw no key.
        """
        return self.mixed / self.total.masked_fill(self.total == 0, 1)


def attend_to_some(
    scores: Float[Tensor, "*batch queries keys"], values: Float[Tensor, "*batch keys d_value"]
) -> Partial:
    """Attend to the keys of one tile.

    Args:
        scores: Of each query and each key of the tile; minus infinity where the query may not look.
        values: Of the keys of the tile.

    Returns:
        What to add to the results of other tiles.
    """
    maximum = scores.amax(-1, keepdim=True)
    weights = _exp(scores, maximum)
    return Partial(maximum, weights.sum(-1, keepdim=True), weights @ values)


def online_softmax(scores: Float[Tensor, "*batch keys"]) -> Float[Tensor, "*batch keys"]:
    """Take the softmax over the last axis, with one pass for the maximum and the sum.

    Args:
        scores: One row for each distribution; minus infinity gets no weight.

    Returns:
        The weights: each row sums to one, or is all zeros if all its scores are minus infinity.

    Source: :cite:t:`milakov2018online`, algorithm 3.

    Example:
        >>> online_softmax(torch.tensor([1000.0, 1000.0, 0.0])).tolist()  # exp(1000) overflows
        [0.5, 0.5, 0.0]
    """
    maximum = scores.new_full(scores.shape[:-1], -torch.inf)
    total = torch.zeros_like(maximum)
    for score in scores.unbind(-1):
        larger = torch.maximum(maximum, score)
        total = total * _exp(maximum, larger) + _exp(score, larger)
        maximum = larger
    return _exp(scores, maximum[..., None]) / total.masked_fill(total == 0, 1)[..., None]


def attend_tiled(
    queries: Float[Tensor, "batch heads queries d_head"],
    keys: Float[Tensor, "batch heads keys d_head"],
    values: Float[Tensor, "batch heads keys d_value"],
    mask: Bool[Tensor, "#batch #heads queries keys"] | None = None,
    *,
    causal: bool = False,
    tile: int = 128,
) -> Float[Tensor, "batch heads queries d_value"]:
    """Attend as :func:`~llmguide.transformer.attention.attend` does, a tile of queries and keys at a time.

    No tensor that is made on the way is larger than :func:`largest_intermediate` says, however long the text. That is
    true of the pass forward only: for the gradients, PyTorch's record of the pass keeps what every tile made, and
    a fused kernel computes the tiles anew instead.

    Args:
        queries: What each position looks for.
        keys: What each position offers to be found by.
        values: What each position hands over when it is found.
        mask: True where a query may look at a key. ``None`` lets every query see every key.
        causal: Whether a query may look only at the keys up to its own position, the last query being at the place of
            the last key. That needs no mask in memory, and tiles that lie wholly in the future are not computed.
        tile: How many queries meet how many keys at once.

    Returns:
        The mixed values; zeros where a query may see nothing.

    Raises:
        ValueError: If ``tile`` is not positive, or the shapes do not fit.

    Source: :cite:t:`dao2022flashattention`, algorithm 1, with the loops the other way round, as in
    :cite:t:`dao2024flashattention2`: the queries outside. That the memory need not grow with the square of the length
    was shown before by :cite:t:`rabe2021self`.

    Example:
        >>> identity = torch.eye(3)[None, None] * 50
        >>> attend_tiled(identity, identity, torch.arange(3.0).reshape(1, 1, 3, 1), tile=2).flatten().tolist()
        [0.0, 1.0, 2.0]
    """
    _check(queries, keys, values, tile)
    n_queries, n_keys = queries.shape[-2], keys.shape[-2]
    mixed = values.new_empty(*queries.shape[:-1], values.shape[-1])
    for rows in _tiles(n_queries, tile):
        partial = _nothing_yet(mixed[..., rows, :])
        # The first key that the last query of the tile may not see.
        future = max(0, rows.stop + n_keys - n_queries) if causal else n_keys
        for columns in _tiles(future, tile):
            scores = queries[..., rows, :] @ keys[..., columns, :].mT / math.sqrt(queries.shape[-1])
            if mask is not None:
                scores.masked_fill_(~mask[..., rows, columns], -torch.inf)
            if causal:
                row, column = (torch.arange(part.start, part.stop, device=scores.device) for part in (rows, columns))
                scores.masked_fill_(column > row[:, None] + n_keys - n_queries, -torch.inf)
            partial = partial + attend_to_some(scores, values[..., columns, :])
        mixed[..., rows, :] = partial.finish()
    return mixed


def largest_intermediate(batch: int, heads: int, d_value: int, tile: int) -> int:
    """Say how large the largest tensor is that :func:`attend_tiled` makes on the way to its result.

    Args:
        batch: How many texts.
        heads: How many heads.
        d_value: Width of a value.
        tile: How many queries meet how many keys at once.

    Returns:
        How many numbers it holds: the scores of one tile, or the mixed values of its queries where these are wider.
        The lengths of the texts play no part.

    Example:
        >>> largest_intermediate(batch=1, heads=8, d_value=64, tile=128), 8 * 4096 * 4096  # or all scores at once
        (131072, 134217728)
    """
    return batch * heads * tile * max(tile, d_value)


def _exp(scores: Tensor, maximum: Tensor) -> Tensor:
    """Take exponentials relative to a maximum; minus infinity gives 0 even if the maximum is minus infinity, too."""
    return torch.exp(scores - maximum.masked_fill(maximum == -torch.inf, 0))


def _nothing_yet(mixed: Float[Tensor, "*batch queries d_value"]) -> Partial:
    """Give what attention to no key gives: adding it changes nothing."""
    total = mixed.new_zeros(*mixed.shape[:-1], 1)
    return Partial(torch.full_like(total, -torch.inf), total, torch.zeros_like(mixed))


def _tiles(length: int, tile: int) -> Iterator[slice]:
    return (slice(start, min(start + tile, length)) for start in range(0, length, tile))


def _check(queries: Tensor, keys: Tensor, values: Tensor, tile: int) -> None:
    if tile < 1:
        raise ValueError(f"tile ({tile}) must be at least 1")
    if queries.shape[-1] != keys.shape[-1]:
        raise ValueError(f"queries have d_head {queries.shape[-1]} and keys {keys.shape[-1]}; they must be the same")
    if keys.shape[-2] != values.shape[-2]:
        raise ValueError(f"there must be one value for each key, not {values.shape[-2]} for {keys.shape[-2]}")
