"""Normalization: LayerNorm and RMSNorm, which keep the numbers of a layer in a range that the next can use."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class NormConfig:
    """Which normalization a model uses.

    Args:
        kind: ``layer`` for LayerNorm, ``rms`` for RMSNorm.
        epsilon: What is added to the mean square before the root, against division by zero.

    Raises:
        ValueError: If the kind is unknown or ``epsilon`` is not positive.
    """

    kind: Literal["layer", "rms"]
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        if self.kind not in ("layer", "rms"):
            raise ValueError(f"kind must be 'layer' or 'rms', not {self.kind!r}")
        if not self.epsilon > 0:
            raise ValueError(f"epsilon must be greater than 0, not {self.epsilon}")

    def build(self, width: int) -> "Norm":
        """Return the layer for vectors of ``width`` numbers."""
        return LayerNorm(width, self.epsilon) if self.kind == "layer" else RmsNorm(width, self.epsilon)


def layer_norm(
    x: Float[Tensor, "*batch width"], scale: Float[Tensor, " width"], bias: Float[Tensor, " width"], epsilon: float
) -> Float[Tensor, "*batch width"]:
    r"""Shift each vector to mean 0, stretch it to variance 1, then scale and shift each coordinate.

    .. math:: \operatorname{LayerNorm}(x) = g \odot \frac{x - \bar{x}}{\sqrt{\operatorname{Var}(x) + \epsilon}} + b

    Args:
        x: The vectors.
        scale: The learned factor of each coordinate, :math:`g`.
        bias: The learned shift of each coordinate, :math:`b`.
        epsilon: Added to the variance.

    Returns:
        The normalized vectors.

    Source: :cite:t:`ba2016layer`.

    Example:
        >>> layer_norm(torch.tensor([1.0, 3.0]), torch.ones(2), torch.zeros(2), 1e-9)
        tensor([-1.,  1.])
    """
    centred = x - x.mean(-1, keepdim=True)
    variance = centred.square().mean(-1, keepdim=True)
    return scale * centred / torch.sqrt(variance + epsilon) + bias


def rms_norm(
    x: Float[Tensor, "*batch width"], scale: Float[Tensor, " width"], epsilon: float
) -> Float[Tensor, "*batch width"]:
    r"""Divide each vector by its root mean square, then scale each coordinate.

    .. math:: \operatorname{RMSNorm}(x) = g \odot \frac{x}{\sqrt{\frac{1}{d}\sum_i x_i^2 + \epsilon}}

    Args:
        x: The vectors.
        scale: The learned factor of each coordinate, :math:`g`.
        epsilon: Added to the mean square.

    Returns:
        The normalized vectors.

    Source: :cite:t:`zhang2019root`.

    Example:
        >>> rms_norm(torch.tensor([3.0, -3.0]), torch.tensor([1.0, 2.0]), 1e-9)
        tensor([ 1., -2.])
    """
    return scale * (x * torch.rsqrt(x.square().mean(-1, keepdim=True) + epsilon))


class LayerNorm(nn.Module):
    """:func:`layer_norm` with its learned scale and bias, by torch's fused function.

    Args:
        width: Length of the vectors.
        epsilon: Added to the variance.
    """

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.epsilon = epsilon

    def forward(self, x: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch width"]:
        """Return the normalized vectors."""
        return F.layer_norm(x, self.scale.shape, self.scale, self.bias, self.epsilon)


class RmsNorm(nn.Module):
    """:func:`rms_norm` with its learned scale, by torch's fused function.

    Args:
        width: Length of the vectors.
        epsilon: Added to the mean square.
    """

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch width"]:
        """Return the normalized vectors."""
        return F.rms_norm(x, self.scale.shape, self.scale, self.epsilon)


Norm = LayerNorm | RmsNorm
"""Either layer."""
