"""Stretch rotary positions beyond the length that a model was trained at: linear, NTK-aware, YaRN and Llama 3."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


def rotary_frequencies(d_head: int, base: float) -> Float[Tensor, " half"]:
    r"""Return the angle, in radians, by which each pair of coordinates turns from one position to the next.

    .. math:: \theta_i = b^{-2i / d_{head}}, \qquad i = 0, \dots, d_{head}/2 - 1

    Args:
        d_head: Width of a head.
        base: The number :math:`b` whose powers give the frequencies.

    Returns:
        From one radian per position down to nearly ``1 / base``.

    Raises:
        ValueError: If ``d_head`` is odd or not positive, or the base is not greater than 1.

    Source: :cite:t:`su2024roformer`.

    Example:
        >>> rotary_frequencies(4, 10_000.0).tolist()
        [1.0, 0.009999999776482582]
    """
    if d_head < 2 or d_head % 2:
        raise ValueError(f"d_head must be even for rotary positions, because coordinates turn in pairs; it is {d_head}")
    if not base > 1:
        raise ValueError(f"base must be greater than 1, not {base}")
    # The library that most checkpoints were trained with computes these in float32.
    return 1.0 / (base ** (torch.arange(0, d_head, 2, dtype=torch.float32) / d_head))


def yarn_magnitude(factor: float, coefficient: float = 1.0) -> float:
    r"""Return the factor of queries and keys that YaRN recommends: ``0.1 coefficient ln(factor) + 1``.

    Args:
        factor: By how much the length grows.
        coefficient: Weakens or strengthens it; files call it ``mscale``.

    Returns:
        1 if the length stays.

    Source: :cite:t:`peng2024yarn`, equation 22.
    """
    return 0.1 * coefficient * math.log(factor) + 1.0


def _check_factor(factor: float) -> None:
    if not factor >= 1:
        raise ValueError(f"factor must be at least 1 (by how much the length grows), not {factor}")


@dataclass(frozen=True)
class LinearScaling:
    """Position interpolation: divide every frequency by the factor, so that longer texts fit into the old range.

    Args:
        factor: By how much the length grows.

    Raises:
        ValueError: If the factor is below 1.

    Source: :cite:t:`chen2023extending`.
    """

    factor: float

    def __post_init__(self) -> None:
        _check_factor(self.factor)

    @property
    def magnitude(self) -> float:
        """Factor of queries and keys: 1."""
        return 1.0

    def frequencies(self, d_head: int, base: float) -> Float[Tensor, " half"]:
        """Return the scaled frequencies of :func:`rotary_frequencies`."""
        return rotary_frequencies(d_head, base) / self.factor


@dataclass(frozen=True)
class NtkScaling:
    """NTK-aware scaling: raise the base, so that slow pairs are stretched by the factor and fast ones hardly.

    Args:
        factor: By how much the length grows.

    Raises:
        ValueError: If the factor is below 1.

    Source: described by :cite:t:`peng2024yarn`, section 3.1.
    """

    factor: float

    def __post_init__(self) -> None:
        _check_factor(self.factor)

    @property
    def magnitude(self) -> float:
        """Factor of queries and keys: 1."""
        return 1.0

    def frequencies(self, d_head: int, base: float) -> Float[Tensor, " half"]:
        """Return the frequencies of :func:`rotary_frequencies` for the raised base."""
        rotary_frequencies(d_head, base)
        if d_head == 2:
            raise ValueError("NTK-aware scaling needs at least two pairs of coordinates, so d_head of 4 or more, not 2")
        return rotary_frequencies(d_head, base * self.factor ** (d_head / (d_head - 2)))


@dataclass(frozen=True)
class YarnScaling:
    """YaRN: pairs that turn often within the old length stay, slow ones are interpolated, and between there is a ramp.

    In the paper the ramp is linear in the number of turns. Here, as in the code of its authors and in ``transformers``,
    it is linear in the index of the pair, between the pairs of ``beta_fast`` (rounded down) and of ``beta_slow``
    (rounded up), a difference asked about in :cite:t:`yarn2024ramp`.

    Args:
        factor: By how much the length grows.
        original_length: The length that the model was trained at.
        beta_fast: Pairs that turn at least this often within that length stay as they are.
        beta_slow: Pairs that turn at most this often are divided by the factor.
        attention_factor: Factor of queries and keys; by default ``0.1 ln(factor) + 1``.

    Raises:
        ValueError: If the factor is below 1, the length is not positive, or the betas are out of order.

    Source: :cite:t:`peng2024yarn`, section 3.2 and 3.4.
    """

    factor: float
    original_length: int
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    attention_factor: float | None = None

    def __post_init__(self) -> None:
        _check_factor(self.factor)
        if self.original_length < 1:
            raise ValueError(f"original_length must be at least 1, not {self.original_length}")
        if not 0 < self.beta_slow < self.beta_fast:
            raise ValueError(f"need 0 < beta_slow < beta_fast, not {self.beta_slow} and {self.beta_fast}")

    @property
    def magnitude(self) -> float:
        """Factor of queries and keys, which sharpens or softens the attention of the stretched model."""
        return yarn_magnitude(self.factor) if self.attention_factor is None else self.attention_factor

    def _pair_that_turns(self, times: float, d_head: int, base: float) -> float:
        """Return the (fractional) index of the pair that turns ``times`` often within the original length."""
        return d_head * math.log(self.original_length / (times * 2 * math.pi)) / (2 * math.log(base))

    def frequencies(self, d_head: int, base: float) -> Float[Tensor, " half"]:
        """Return the frequencies of :func:`rotary_frequencies`, each kept, divided by the factor or in between."""
        unscaled = rotary_frequencies(d_head, base)
        low = max(math.floor(self._pair_that_turns(self.beta_fast, d_head, base)), 0)
        high = min(math.ceil(self._pair_that_turns(self.beta_slow, d_head, base)), d_head - 1)
        width = high - low or 0.001
        kept = 1 - ((torch.arange(d_head // 2, dtype=torch.float32) - low) / width).clamp(0, 1)
        return unscaled / self.factor * (1 - kept) + unscaled * kept


@dataclass(frozen=True)
class Llama3Scaling:
    """Llama 3.1's scaling: by wavelength, short waves stay, long ones are divided, those between are mixed.

    Args:
        factor: By how much the length grows.
        low_frequency_factor: Waves longer than ``original_length`` over this are divided by the factor.
        high_frequency_factor: Waves shorter than ``original_length`` over this stay as they are.
        original_length: The length that the model was trained at.

    Raises:
        ValueError: If the factor is below 1, the length is not positive, or the two factors are out of order.

    Source: ``apply_scaling`` of :cite:t:`meta2024llamamodels`.
    """

    factor: float
    low_frequency_factor: float
    high_frequency_factor: float
    original_length: int

    def __post_init__(self) -> None:
        _check_factor(self.factor)
        if self.original_length < 1:
            raise ValueError(f"original_length must be at least 1, not {self.original_length}")
        if not 0 < self.low_frequency_factor < self.high_frequency_factor:
            raise ValueError(
                f"need 0 < low_frequency_factor < high_frequency_factor, "
                f"not {self.low_frequency_factor} and {self.high_frequency_factor}"
            )

    @property
    def magnitude(self) -> float:
        """Factor of queries and keys: 1."""
        return 1.0

    def frequencies(self, d_head: int, base: float) -> Float[Tensor, " half"]:
        """Return the frequencies of :func:`rotary_frequencies`, each kept, divided by the factor or mixed."""
        unscaled = rotary_frequencies(d_head, base)
        waves_in_length = self.original_length * unscaled / (2 * math.pi)
        low, high = self.low_frequency_factor, self.high_frequency_factor
        kept = ((waves_in_length - low) / (high - low)).clamp(0, 1)
        return (1 - kept) * unscaled / self.factor + kept * unscaled


Scaling = LinearScaling | NtkScaling | YarnScaling | Llama3Scaling
"""Any of them."""
