"""Edits that leave something out of a model, to see what it was good for."""

import torch
from jaxtyping import Float
from torch import Tensor

from llmguide.transformer.trace import Edit


def silence(part: str, n_layers: int) -> dict[str, Edit]:
    """Make edits for a :class:`~llmguide.transformer.trace.Tap` with which a part adds nothing, in any block.

    Args:
        part: ``attention`` or ``feedforward``.
        n_layers: Number of blocks.

    Returns:
        For the output of the part in each block, what takes its place: zeros.

    Raises:
        ValueError: If a block has no such part.

    Example:
        >>> list(silence("attention", 2))
        ['blocks.0.attention.output', 'blocks.1.attention.output']
    """
    if part not in ("attention", "feedforward"):
        raise ValueError(f"part must be 'attention' or 'feedforward', not {part!r}")
    return {f"blocks.{index}.{part}.output": torch.zeros_like for index in range(n_layers)}


def replace_stream(n_layers: int) -> dict[str, Edit]:
    """Make edits with which what a part returns takes the place of the stream, to which it would be added.

    Args:
        n_layers: Number of blocks, with their norms in front.

    Returns:
        For each part of each block, an edit that keeps what it returns, and one that puts this in place of the sum.

    Example:
        >>> list(replace_stream(1))
        ['blocks.0.attention.output', 'blocks.0.attended', 'blocks.0.feedforward.output', 'blocks.0.output']
    """
    kept: list[Tensor] = []

    def keep(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        kept[:] = [x]
        return x

    def put(_: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return kept[0]

    parts = (("attention.output", keep), ("attended", put), ("feedforward.output", keep), ("output", put))
    return {f"blocks.{index}.{name}": edit for index in range(n_layers) for name, edit in parts}
