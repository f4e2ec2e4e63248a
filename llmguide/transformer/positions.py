"""How a model knows where a token stands: learned and sinusoidal vectors, rotary and relative positions, ALiBi."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from llmguide.transformer.rope_scaling import Scaling, rotary_frequencies

Pairing = Literal["halves", "neighbours"]
"""Which coordinates turn together: ``halves`` pairs i with i + d/2, ``neighbours`` pairs 2i with 2i + 1."""


@dataclass(frozen=True)
class NoPositions:
    """No information on the place beyond what the mask gives away."""


@dataclass(frozen=True)
class LearnedPositions:
    """A learned vector for each place, added to the token's.

    Args:
        length: How many places there are vectors for.

    Raises:
        ValueError: If ``length`` is not positive.
    """

    length: int

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ValueError(f"length must be at least 1, not {self.length}")


@dataclass(frozen=True)
class SinusoidalPositions:
    """A fixed vector of sines and cosines for each place, added to the token's: :func:`sinusoids`."""


@dataclass(frozen=True)
class RotaryPositions:
    """Queries and keys are turned by an angle that grows with the place: :func:`rotate`.

    Args:
        base: The number whose powers give the frequencies.
        scaling: How the frequencies are stretched for longer texts.
        pairing: Which coordinates turn together.

    Raises:
        ValueError: If the base is not greater than 1 or the pairing is unknown.
    """

    base: float = 10_000.0
    scaling: Scaling | None = None
    pairing: Pairing = "halves"

    def __post_init__(self) -> None:
        if not self.base > 1:
            raise ValueError(f"base must be greater than 1, not {self.base}")
        if self.pairing not in ("halves", "neighbours"):
            raise ValueError(f"pairing must be 'halves' or 'neighbours', not {self.pairing!r}")

    def frequencies(self, d_head: int) -> Float[Tensor, " half"]:
        """Return the angle per position of each pair, after scaling."""
        if self.scaling is None:
            return rotary_frequencies(d_head, self.base)
        return self.scaling.frequencies(d_head, self.base)

    @property
    def magnitude(self) -> float:
        """Factor of the turned queries and keys: 1 but for YaRN."""
        return 1.0 if self.scaling is None else self.scaling.magnitude


@dataclass(frozen=True)
class AlibiPositions:
    """A penalty on the scores that grows with the distance: :func:`alibi_bias`."""


@dataclass(frozen=True)
class RelativePositions:
    """A learned number for each head and each kind of distance is added to the scores: :func:`relative_bias`.

    Args:
        buckets: How many kinds of distance there are, those to the right included.
        distance: From how far on all distances are alike.

    Raises:
        ValueError: If ``buckets`` is not a multiple of 4, or ``distance`` lies within the exact distances.

    Source: :cite:t:`raffel2020exploring`, section 2.1; :cite:t:`shaw2018self` for the idea.
    """

    buckets: int = 32
    distance: int = 128

    def __post_init__(self) -> None:
        if self.buckets < 4 or self.buckets % 4:
            raise ValueError(
                f"buckets must be a multiple of 4, not {self.buckets}: two directions have a half each, "
                "of which one half is for exact distances"
            )
        if self.distance <= self.buckets // 2:
            raise ValueError(
                f"distance must be greater than buckets / 2 ({self.buckets // 2}), not {self.distance}: "
                "as many distances have a bucket of their own"
            )


Positions = NoPositions | LearnedPositions | SinusoidalPositions | RotaryPositions | AlibiPositions | RelativePositions
"""Any of them."""


def sinusoids(positions: Int[Tensor, "*batch"], d_model: int) -> Float[Tensor, "*batch d_model"]:
    r"""Return the fixed position vectors of the first transformer.

    .. math:: p_{2i} = \sin(t\, \theta_i), \quad p_{2i+1} = \cos(t\, \theta_i), \quad \theta_i = 10000^{-2i/d}

    Args:
        positions: The places :math:`t`.
        d_model: Length :math:`d` of the vectors.

    Returns:
        One vector for each place.

    Raises:
        ValueError: If ``d_model`` is odd.

    Source: :cite:t:`vaswani2017attention`, section 3.5.

    Example:
        >>> sinusoids(torch.tensor([0, 1]), 2)
        tensor([[0.0000, 1.0000],
                [0.8415, 0.5403]])
    """
    if d_model < 2 or d_model % 2:
        raise ValueError(f"d_model must be even for sinusoidal positions, not {d_model}")
    frequencies = rotary_frequencies(d_model, 10_000.0).to(positions.device)
    angles = positions[..., None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)


def rotation(
    positions: Int[Tensor, "batch positions"], frequencies: Float[Tensor, " half"], magnitude: float = 1.0
) -> tuple[Float[Tensor, "batch 1 positions half"], Float[Tensor, "batch 1 positions half"]]:
    """Return the cosine and the sine of each pair's angle at each place, with an axis for the heads.

    Args:
        positions: The places.
        frequencies: The angle per position of each pair.
        magnitude: A factor of both.

    Returns:
        Cosines and sines.
    """
    angles = positions[:, None, :, None] * frequencies
    return angles.cos() * magnitude, angles.sin() * magnitude


def rotate(
    x: Float[Tensor, "batch heads positions d_head"],
    cos: Float[Tensor, "#batch 1 positions half"],
    sin: Float[Tensor, "#batch 1 positions half"],
    pairing: Pairing = "halves",
) -> Float[Tensor, "batch heads positions d_head"]:
    r"""Turn each pair of coordinates by the angle of its place.

    .. math:: \begin{pmatrix} x'_u \\ x'_w \end{pmatrix} =
        \begin{pmatrix} \cos t\theta_i & -\sin t\theta_i \\ \sin t\theta_i & \cos t\theta_i \end{pmatrix}
        \begin{pmatrix} x_u \\ x_w \end{pmatrix}

    Args:
        x: Queries or keys.
        cos: Cosines from :func:`rotation`.
        sin: Sines from :func:`rotation`.
        pairing: Which coordinates :math:`u, w` form pair :math:`i`: with ``halves`` :math:`i` and
            :math:`i + d_{head}/2`, with ``neighbours`` :math:`2i` and :math:`2i + 1`. A checkpoint knows one of
            them; with the other the model runs and talks nonsense.

    Returns:
        The turned vectors, as long as before.

    Source: :cite:t:`su2024roformer`, equation 34.

    Example:
        >>> quarter = torch.tensor([[[[torch.pi / 2]]]])
        >>> rotate(torch.tensor([[[[1.0, 0.0]]]]), quarter.cos(), quarter.sin()).round().tolist()
        [[[[-0.0, 1.0]]]]
    """
    if pairing == "halves":
        first, second = x.chunk(2, dim=-1)
        return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)
    first, second = x[..., 0::2], x[..., 1::2]
    return torch.stack([first * cos - second * sin, second * cos + first * sin], dim=-1).flatten(-2)


def alibi_slopes(n_heads: int) -> Float[Tensor, " heads"]:
    r"""Return how fast the penalty grows with the distance in each head.

    Args:
        n_heads: Number of heads. For a power of two the slopes are :math:`2^{-8/n}, 2^{-16/n}, \dots, 2^{-8}`; for
            another number those of the power below, and every other one of the power above.

    Returns:
        One slope for each head.

    Raises:
        ValueError: If there is no head.

    Source: :cite:t:`press2022train`.

    Example:
        >>> alibi_slopes(4).tolist()
        [0.25, 0.0625, 0.015625, 0.00390625]
    """
    if n_heads < 1:
        raise ValueError(f"n_heads must be at least 1, not {n_heads}")
    below = 2 ** math.floor(math.log2(n_heads))
    slopes = [2.0 ** (-8 * (head + 1) / below) for head in range(below)]
    slopes += [2.0 ** (-4 * (head + 1) / below) for head in range(0, 2 * (n_heads - below), 2)]
    return torch.tensor(slopes)


def alibi_bias(
    slopes: Float[Tensor, " heads"], queries: Int[Tensor, "batch queries"], keys: Int[Tensor, "batch keys"]
) -> Float[Tensor, "batch heads queries keys"]:
    """Return what ALiBi adds to the scores: minus the slope times the distance.

    Args:
        slopes: One for each head, from :func:`alibi_slopes`.
        queries: The places of the queries.
        keys: The places of the keys.

    Returns:
        0 for a query's own place, more and more negative with the distance.
    """
    distance = (queries[:, :, None] - keys[:, None, :]).abs()
    return -slopes[None, :, None, None] * distance[:, None]


def relative_buckets(
    offsets: Int[Tensor, "*batch"], buckets: int, distance: int, *, bidirectional: bool
) -> Int[Tensor, "*batch"]:
    r"""Sort distances into buckets: near ones one by one, far ones together, the farther the more.

    Of :math:`n` buckets for one direction the first :math:`n/2` hold one distance each. A greater distance :math:`r`
    has the bucket

    .. math:: \Bigl\lfloor \frac n2 + \frac n2 \cdot \frac{\log(r / \frac n2)}{\log(r_{max} / \frac n2)} \Bigr\rfloor,

    and the last one holds all from :math:`r_{max}` on.

    Args:
        offsets: The place of the key minus that of the query.
        buckets: How many buckets there are.
        distance: The distance :math:`r_{max}`.
        bidirectional: Whether keys to the right have the second half of the buckets. Otherwise all buckets are for keys
            to the left, and those to the right, which a causal mask hides, share the bucket of distance 0.

    Returns:
        A number from 0 to ``buckets - 1`` for each offset.

    Source: :cite:t:`raffel2020exploring`, section 2.1.

    Example:
        >>> relative_buckets(-torch.arange(14), 8, 16, bidirectional=False).tolist()
        [0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 6, 6, 7, 7]
        >>> relative_buckets(torch.tensor([-9, -2, -1, 0, 1, 2, 9]), 8, 8, bidirectional=True).tolist()
        [3, 2, 1, 0, 5, 6, 7]
    """
    if bidirectional:
        buckets //= 2
        first, far = (offsets > 0).long() * buckets, offsets.abs()
    else:
        first, far = torch.zeros_like(offsets), (-offsets).clamp(min=0)
    exact = buckets // 2
    # In float32, as the published models compute it: at the border of two buckets rounding decides.
    ratio = torch.log(far.clamp(min=exact).float() / exact) / math.log(distance / exact)
    together = (exact + (ratio * (buckets - exact)).long()).clamp(max=buckets - 1)
    return first + torch.where(far < exact, far, together)


def relative_bias(
    table: Float[Tensor, "buckets heads"],
    queries: Int[Tensor, "batch queries"],
    keys: Int[Tensor, "batch keys"],
    distance: int,
    *,
    bidirectional: bool,
) -> Float[Tensor, "batch heads queries keys"]:
    """Return what relative positions add to the scores: each head's learned number for the distance's bucket.

    Args:
        table: The learned numbers. All layers of a stack share them.
        queries: The places of the queries.
        keys: The places of the keys.
        distance: From how far on all distances are alike.
        bidirectional: Whether keys to the right have buckets of their own.

    Returns:
        One number for each head and pair; it depends on the difference of the two places alone.

    Example:
        >>> table = torch.tensor([[9.0], [7.0], [5.0], [3.0]])  # one head, four buckets
        >>> places = torch.arange(5)[None]
        >>> relative_bias(table, places, places, 4, bidirectional=False)[0, 0, -1].tolist()  # from the last place
        [3.0, 3.0, 5.0, 7.0, 9.0]
    """
    offsets = keys[:, None, :] - queries[:, :, None]
    return table[relative_buckets(offsets, table.shape[0], distance, bidirectional=bidirectional)].permute(0, 3, 1, 2)
