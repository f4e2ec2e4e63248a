r"""Causal attention in linear time: without softmax, the past fits into a state of fixed size.

Softmax attention has to look back at every key. If the weight of a key is a product of features instead,
:math:`\phi(q)^\top \phi(k)`, the sum over the past can be carried along: each position adds :math:`\phi(k) v^\top` to a
matrix, the state, and a query reads it. The state may fade on the way. :func:`mix_at_once`, :func:`mix_in_steps` and
:func:`mix_in_chunks` compute the same: all positions in one product, one position after the other, and both together.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

Features: TypeAlias = Callable[[Tensor], Tensor]
"""From queries or keys to their features, along the last axis."""


def positive_features(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    r"""Make every number positive: :math:`\phi(x) = \operatorname{elu}(x) + 1`, that is :math:`e^x` or :math:`x + 1`.

    Args:
        x: Queries or keys.

    Returns:
        As many features. Below 0 nothing is subtracted and added again, so that :math:`e^{-50}` does not become 0.

    Source: :cite:t:`katharopoulos2020transformers`, equation 7.

    Example:
        >>> positive_features(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([0.3679, 1.0000, 3.0000])
    """
    return x.clamp(max=0).exp() + x.relu()


def decay_matrix(decays: Float[Tensor, "*batch positions"]) -> Float[Tensor, "*batch positions positions"]:
    r"""Say how much of what each position wrote is left when each position reads.

    .. math:: L_{ij} = a_{j+1} a_{j+2} \cdots a_i \text{ for } j \le i, \text{ else } 0

    Args:
        decays: What the state is multiplied by before each position writes, :math:`a_i`, above 0 and at most 1.

    Returns:
        One matrix for each row of decays: reading positions by writing positions. Ones on the diagonal.

    Example:
        >>> decay_matrix(torch.tensor([0.9, 0.5, 0.5]))
        tensor([[1.0000, 0.0000, 0.0000],
                [0.5000, 1.0000, 0.0000],
                [0.2500, 0.5000, 1.0000]])
    """
    return _spread(decays.log())


def mix_at_once(
    queries: Float[Tensor, "batch heads positions d_head"],
    keys: Float[Tensor, "batch heads positions d_head"],
    values: Float[Tensor, "batch heads positions d_value"],
    decays: Float[Tensor, "batch heads positions"] | None = None,
) -> Float[Tensor, "batch heads positions d_value"]:
    r"""Mix the values in one product with a matrix over all pairs of positions, as attention does.

    .. math:: (Q K^\top \odot L)\, V

    Args:
        queries: Features of what each position looks for.
        keys: Features of what each position offers to be found by.
        values: What each position hands over.
        decays: See :func:`decay_matrix`; ``None`` for a state that does not fade.

    Returns:
        The mixed values: sums, not averages.

    Raises:
        ValueError: If a decay is not above 0 and at most 1, or the shapes do not fit.

    Source: :cite:t:`dao2024transformers`, section 4.3: the masked and the recurrent form are each other's dual.
    """
    decays, _ = _prepare(queries, keys, values, decays)
    return (queries @ keys.mT * decay_matrix(decays)) @ values


def mix_in_steps(
    queries: Float[Tensor, "batch heads positions d_head"],
    keys: Float[Tensor, "batch heads positions d_head"],
    values: Float[Tensor, "batch heads positions d_value"],
    decays: Float[Tensor, "batch heads positions"] | None = None,
    state: Float[Tensor, "batch heads d_head d_value"] | None = None,
) -> tuple[Float[Tensor, "batch heads positions d_value"], Float[Tensor, "batch heads d_head d_value"]]:
    r"""Mix the values one position after the other, as a recurrent network does.

    .. math:: S_i = a_i S_{i-1} + k_i v_i^\top, \qquad o_i = S_i^\top q_i

    Args:
        queries: As for :func:`mix_at_once`.
        keys: As for :func:`mix_at_once`.
        values: As for :func:`mix_at_once`.
        decays: As for :func:`mix_at_once`.
        state: What earlier positions left behind; ``None`` if there are none.

    Returns:
        The mixed values, and the state after the last position.

    Raises:
        ValueError: As :func:`mix_at_once`.

    Source: :cite:t:`katharopoulos2020transformers`, section 3.4; with one constant decay for each head, the retention
    of :cite:t:`sun2023retentive`.
    """
    decays, state = _prepare(queries, keys, values, decays, state)
    mixed = torch.empty_like(values)
    for i in range(queries.shape[-2]):
        state = decays[..., i, None, None] * state + keys[..., i, :, None] * values[..., i, None, :]
        mixed[..., i, :] = (queries[..., i, None, :] @ state).squeeze(-2)
    return mixed, state


def mix_in_chunks(
    queries: Float[Tensor, "batch heads positions d_head"],
    keys: Float[Tensor, "batch heads positions d_head"],
    values: Float[Tensor, "batch heads positions d_value"],
    decays: Float[Tensor, "batch heads positions"] | None = None,
    state: Float[Tensor, "batch heads d_head d_value"] | None = None,
    *,
    chunk: int = 64,
) -> tuple[Float[Tensor, "batch heads positions d_value"], Float[Tensor, "batch heads d_head d_value"]]:
    """Mix the values at once within a chunk of positions, and carry the state from chunk to chunk.

    So the work is in matrix products, and yet grows with the number of positions and not with its square.

    Args:
        queries: As for :func:`mix_at_once`.
        keys: As for :func:`mix_at_once`.
        values: As for :func:`mix_at_once`.
        decays: As for :func:`mix_at_once`.
        state: As for :func:`mix_in_steps`.
        chunk: How many positions to mix at once.

    Returns:
        As :func:`mix_in_steps`.

    Raises:
        ValueError: As :func:`mix_at_once`, or if ``chunk`` is not positive.

    Source: :cite:t:`dao2024transformers`, section 6.
    """
    decays, state = _prepare(queries, keys, values, decays, state)
    return _chunk_by_chunk(queries, keys, values, lambda part: decays[..., part].log(), state, chunk=chunk)


def mix_fading(
    queries: Float[Tensor, "batch heads positions d_head"],
    keys: Float[Tensor, "batch heads positions d_head"],
    values: Float[Tensor, "batch heads positions d_value"],
    log_decays: Float[Tensor, "batch heads positions"],
    state: Float[Tensor, "batch heads d_head d_value"] | None = None,
    *,
    chunk: int = 64,
) -> tuple[Float[Tensor, "batch heads positions d_value"], Float[Tensor, "batch heads d_head d_value"]]:
    """Do the same as :func:`mix_in_chunks` where the decays come as logarithms.

    A state may fade so fast that its decay is 0 in floating point, of which there is no logarithm and no gradient.

    Args:
        queries: As for :func:`mix_at_once`.
        keys: As for :func:`mix_at_once`.
        values: As for :func:`mix_at_once`.
        log_decays: Logarithms of the decays, at most 0.
        state: As for :func:`mix_in_steps`.
        chunk: As for :func:`mix_in_chunks`.

    Returns:
        As :func:`mix_in_steps`.

    Raises:
        ValueError: As :func:`mix_in_chunks`.
    """
    _, state = _prepare(queries, keys, values, None, state)
    if log_decays.shape != (expected := values.shape[:-1]):
        raise ValueError(f"log_decays {tuple(log_decays.shape)} must have one number for each of {tuple(expected)}")
    if not bool((log_decays <= 0).all()):
        raise ValueError("log_decays must be at most 0")
    return _chunk_by_chunk(queries, keys, values, lambda part: log_decays[..., part], state, chunk=chunk)


def attend_linear(
    queries: Float[Tensor, "batch heads positions d_head"],
    keys: Float[Tensor, "batch heads positions d_head"],
    values: Float[Tensor, "batch heads positions d_value"],
    decays: Float[Tensor, "batch heads positions"] | None = None,
    state: Float[Tensor, "batch heads d_features d_value+1"] | None = None,
    *,
    features: Features = positive_features,
    chunk: int = 64,
) -> tuple[Float[Tensor, "batch heads positions d_value"], Float[Tensor, "batch heads d_features d_value+1"]]:
    r"""Attend to the past with weights that are products of features, and divide by their sum.

    .. math:: \frac{\sum_{j \le i} \phi(q_i)^\top \phi(k_j)\, v_j}{\sum_{j \le i} \phi(q_i)^\top \phi(k_j)}

    The sum below is the sum above for values that are all 1. So the values get one more column, of ones.

    Args:
        queries: What each position looks for.
        keys: What each position offers to be found by.
        values: What each position hands over when it is found.
        decays: See :func:`decay_matrix`; ``None`` for a state that does not fade.
        state: What a call for earlier positions returned; ``None`` if there are none.
        features: :math:`\phi`. Must be positive, or the sum of the weights may be zero.
        chunk: How many positions to mix at once; 1 is the recurrent form, and all of them the quadratic one.

    Returns:
        The mixed values, averages of the values up to each position, and the state to go on with.

    Raises:
        ValueError: As :func:`mix_in_chunks`.

    Source: :cite:t:`katharopoulos2020transformers`, equations 8 to 12.

    Example:
        >>> x = torch.zeros(1, 1, 4, 2)  # all keys alike: the mean of the values so far
        >>> mixed, state = attend_linear(x, x, torch.tensor([4.0, 2.0, 0.0, 6.0]).reshape(1, 1, 4, 1))
        >>> mixed.flatten().tolist(), tuple(state.shape)
        ([4.0, 3.0, 2.0, 3.0], (1, 1, 2, 2))
    """
    ones = torch.ones_like(values[..., :1])
    sums, state = mix_in_chunks(
        features(queries), features(keys), torch.cat([values, ones], -1), decays, state, chunk=chunk
    )
    return sums[..., :-1] / sums[..., -1:], state


def _chunk_by_chunk(
    queries: Tensor, keys: Tensor, values: Tensor, logs_of: Callable[[slice], Tensor], state: Tensor, *, chunk: int
) -> tuple[Tensor, Tensor]:
    """Mix within each chunk and with the state; the logarithms of the decays are made for one chunk at a time."""
    if chunk < 1:
        raise ValueError(f"chunk ({chunk}) must be at least 1")
    mixed = torch.empty_like(values)
    for start in range(0, queries.shape[-2], chunk):
        part = slice(start, start + chunk)
        q, k, v, left = queries[..., part, :], keys[..., part, :], values[..., part, :], _spread(logs_of(part))
        left_of_state = logs_of(part).cumsum(-1).exp()[..., None]
        mixed[..., part, :] = (q @ k.mT * left) @ v + left_of_state * (q @ state)
        state = left_of_state[..., -1:, :] * state + (k * left[..., -1, :, None]).mT @ v
    return mixed, state


def _spread(log_decays: Tensor) -> Tensor:
    """Add up the logarithms between each two positions, term by term: a difference of two long sums loses digits."""
    positions = log_decays.shape[-1]
    past = torch.ones(positions, positions, dtype=torch.bool, device=log_decays.device).tril(-1)
    sums = log_decays[..., :, None].expand(*log_decays.shape, positions).masked_fill(~past, 0.0).cumsum(-2)
    return sums.masked_fill(past.mT, -torch.inf).exp()


def _prepare(
    queries: Tensor, keys: Tensor, values: Tensor, decays: Tensor | None, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Check what fits together; fill in decays of 1 and a state of zeros."""
    if queries.shape != keys.shape:
        raise ValueError(f"queries {tuple(queries.shape)} and keys {tuple(keys.shape)} must have the same shape")
    if keys.shape[:-1] != values.shape[:-1]:
        raise ValueError(
            f"there must be one value for each key, not {tuple(values.shape[:-1])} for {tuple(keys.shape[:-1])}"
        )
    if decays is None:
        decays = torch.ones_like(values[..., 0])
    if decays.shape != values.shape[:-1]:
        raise ValueError(f"decays {tuple(decays.shape)} must have one number for each of {tuple(values.shape[:-1])}")
    if not bool(((decays > 0) & (decays <= 1)).all()):
        raise ValueError("decays must be above 0 and at most 1")
    shape = (*keys.shape[:-2], keys.shape[-1], values.shape[-1])
    if state is None:
        state = values.new_zeros(shape)
    if state.shape != shape:
        raise ValueError(f"state {tuple(state.shape)} must have the shape {shape}, as an earlier call returned it")
    return decays, state
