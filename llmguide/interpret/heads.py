"""What each attention head looks at: scores for three patterns, and switching heads off to see what depends on them."""

from collections import defaultdict
from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float, Int
from torch import Tensor

Head = tuple[int, int]
"""The number of its block, and its number in the block."""


def _check_places(weights: Tensor, skip: int) -> None:
    """Refuse weights of which no query is left to average over."""
    if weights.shape[-2] != weights.shape[-1]:
        raise ValueError(f"weights have {weights.shape[-2]} queries and {weights.shape[-1]} keys; they must be as many")
    if not 1 <= skip < weights.shape[-2]:
        raise ValueError(f"skip ({skip}) must be at least 1 and leave some of the {weights.shape[-2]} queries")


def previous_token_scores(weights: Float[Tensor, "batch heads queries keys"], skip: int = 1) -> Float[Tensor, " heads"]:
    r"""Return each head's average weight on the position before the query's.

    .. math:: \frac{1}{T - k} \sum_{t = k}^{T - 1} A_{t,\, t - 1}

    Args:
        weights: From :func:`~llmguide.transformer.attention.weigh`; as many queries as keys.
        skip: From which query :math:`k` on to average. The first queries have few keys to choose from.

    Returns:
        One number from 0 to 1 for each head.

    Raises:
        ValueError: If there are not as many queries as keys, or ``skip`` leaves none.

    Source: :cite:t:`clark2019bert`, section 3.1, for the pattern.

    Example:
        >>> weights = torch.tensor([[1.0, 0, 0], [0.5, 0.5, 0], [0, 0.75, 0.25]])[None, None]
        >>> previous_token_scores(weights).tolist()  # the mean of 0.5 and 0.75
        [0.625]
    """
    _check_places(weights, skip)
    before = weights.diagonal(offset=-1, dim1=-2, dim2=-1)
    return before[..., skip - 1 :].mean(dim=(0, -1))


def first_token_scores(weights: Float[Tensor, "batch heads queries keys"], skip: int = 1) -> Float[Tensor, " heads"]:
    r"""Return each head's average weight on the first position.

    .. math:: \frac{1}{T - k} \sum_{t = k}^{T - 1} A_{t,\, 0}

    Args:
        weights: From :func:`~llmguide.transformer.attention.weigh`; as many queries as keys.
        skip: From which query :math:`k` on to average.

    Returns:
        One number from 0 to 1 for each head.

    Raises:
        ValueError: If there are not as many queries as keys, or ``skip`` leaves none.

    Source: :cite:t:`xiao2024efficient`, section 3.1, for the pattern.

    Example:
        >>> weights = torch.tensor([[1.0, 0, 0], [0.5, 0.5, 0], [0, 0.75, 0.25]])[None, None]
        >>> first_token_scores(weights).tolist()
        [0.25]
    """
    _check_places(weights, skip)
    return weights[:, :, skip:, 0].mean(dim=(0, -1))


def induction_scores(weights: Float[Tensor, "batch heads queries keys"], period: int) -> Float[Tensor, " heads"]:
    r"""Return each head's average weight on what followed the last time that the query's token stood here.

    The text repeats itself with the given period :math:`P`, so the token of position :math:`t` stood at :math:`t - P`,
    and what followed it stands at :math:`t - P + 1`.

    .. math:: \frac{1}{T - P} \sum_{t = P}^{T - 1} A_{t,\, t - P + 1}

    Args:
        weights: From :func:`~llmguide.transformer.attention.weigh`; as many queries as keys.
        period: After how many positions the text repeats itself.

    Returns:
        One number from 0 to 1 for each head.

    Raises:
        ValueError: If there are not as many queries as keys, or the period is below 2 or leaves no query.

    Source: :cite:t:`olsson2022context`, for the pattern on repeated random tokens.

    Example:
        >>> weights = torch.zeros(1, 1, 4, 4)
        >>> weights[0, 0, 2, 1] = weights[0, 0, 3, 2] = 0.5  # ABAB: B followed A, A followed B
        >>> induction_scores(weights, period=2).tolist()
        [0.5]
    """
    _check_places(weights, period)
    if period < 2:
        raise ValueError(f"period must be at least 2, not {period}: one token repeated has no other that follows it")
    followed = weights.diagonal(offset=1 - period, dim1=-2, dim2=-1)
    return followed[..., 1:].mean(dim=(0, -1))


def repeated_random_ids(
    low: int, high: int, rows: int, period: int, generator: torch.Generator
) -> Int[Tensor, "rows positions"]:
    """Draw rows of random ids that say everything twice, so that only the context can tell what comes.

    Args:
        low: The smallest id to draw.
        high: The smallest id not to draw.
        rows: Number of rows.
        period: How many ids to draw for each row. Those of one row are distinct.
        generator: Draws them.

    Returns:
        Rows of ``2 * period`` ids.

    Raises:
        ValueError: If there are fewer ids to draw from than ``period``.

    Example:
        >>> ids = repeated_random_ids(10, 20, rows=1, period=3, generator=torch.Generator().manual_seed(0))
        >>> ids[0, :3].tolist() == ids[0, 3:].tolist()
        True
    """
    if high - low < period:
        raise ValueError(f"there are {high - low} ids from {low} to below {high}, fewer than period ({period})")
    once = torch.stack([torch.randperm(high - low, generator=generator)[:period] for _ in range(rows)]) + low
    return torch.cat([once, once], dim=1)


def switch_off(heads: Iterable[Head]) -> dict[str, Callable[[Tensor], Tensor]]:
    """Return the edits for a :class:`~llmguide.transformer.trace.Tap` with which heads contribute nothing.

    Args:
        heads: Block and number of each head.

    Returns:
        By the name of a tensor, a function that sets what these heads have mixed to zero.

    Example:
        >>> edits = switch_off([(0, 1), (3, 0), (3, 2)])
        >>> list(edits)
        ['blocks.0.attention.mixed', 'blocks.3.attention.mixed']
        >>> edits["blocks.3.attention.mixed"](torch.ones(1, 3, 1, 1)).flatten().tolist()
        [0.0, 1.0, 0.0]
    """
    by_block: dict[int, list[int]] = defaultdict(list)
    for block, head in heads:
        by_block[block].append(head)

    def zero(numbers: list[int]) -> Callable[[Tensor], Tensor]:
        def edit(mixed: Tensor) -> Tensor:
            if (most := max(numbers)) >= mixed.shape[1]:
                raise ValueError(f"there is no head {most}; the block has {mixed.shape[1]}, from 0 on")
            return mixed.index_fill(1, torch.tensor(numbers, device=mixed.device), 0.0)

        return edit

    return {f"blocks.{block}.attention.mixed": zero(numbers) for block, numbers in by_block.items()}
