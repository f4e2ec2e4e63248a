"""The feed-forward part of a block: what each position computes for itself, between two rounds of attention."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from llmguide.transformer.trace import NO_TAP, AnyTap


def _gelu_tanh(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_tanh": _gelu_tanh,
    "relu": F.relu,
    "silu": F.silu,
}
"""The activation functions by name. ``gelu_tanh`` is the approximation that GPT-2 was trained with."""


@dataclass(frozen=True)
class FeedForwardConfig:
    """The shape of the feed-forward part.

    Args:
        d_hidden: Width between the two matrix products.
        activation: The function in between.
        gated: Whether a second projection multiplies the activated one, as in SwiGLU.
        bias: Whether the projections add a bias.

    Raises:
        ValueError: If ``d_hidden`` is not positive or the activation is unknown.
    """

    d_hidden: int
    activation: Literal["gelu", "gelu_tanh", "relu", "silu"]
    gated: bool = False
    bias: bool = True

    def __post_init__(self) -> None:
        if self.d_hidden < 1:
            raise ValueError(f"d_hidden must be at least 1, not {self.d_hidden}")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(sorted(ACTIVATIONS))}, not {self.activation!r}")

    def build(self, d_model: int) -> "FeedForward":
        """Return the layer for a model of width ``d_model``."""
        return GatedMlp(d_model, self) if self.gated else Mlp(d_model, self)


class Mlp(nn.Module):
    r"""Two matrix products with an activation in between.

    .. math:: \operatorname{FFN}(x) = \sigma(x W_{up} + b_{up})\, W_{down} + b_{down}

    Args:
        d_model: Width of the model.
        config: Width in between, activation and bias.

    Source: :cite:t:`vaswani2017attention`, equation 2.
    """

    def __init__(self, d_model: int, config: FeedForwardConfig) -> None:
        super().__init__()
        self.up = nn.Linear(d_model, config.d_hidden, config.bias)
        self.down = nn.Linear(config.d_hidden, d_model, config.bias)
        self.activation = ACTIVATIONS[config.activation]

    def forward(
        self, x: Float[Tensor, "batch positions d_model"], tap: AnyTap = NO_TAP
    ) -> Float[Tensor, "batch positions d_model"]:
        """Return what each position computes for itself."""
        down: Tensor = self.down(tap("hidden", self.activation(self.up(x))))
        return down


class GatedMlp(nn.Module):
    r"""Three matrix products: a gate, activated, multiplies what goes up, and the product goes down.

    .. math:: \operatorname{FFN}(x) = \bigl(\sigma(x W_{gate}) \odot x W_{up}\bigr)\, W_{down}

    Args:
        d_model: Width of the model.
        config: Width in between, activation and bias. With ``silu`` the layer is SwiGLU.

    Source: :cite:t:`shazeer2020glu`.
    """

    def __init__(self, d_model: int, config: FeedForwardConfig) -> None:
        super().__init__()
        # One product for both: the first half of the rows is the gate.
        self.gate_up = nn.Linear(d_model, 2 * config.d_hidden, config.bias)
        self.down = nn.Linear(config.d_hidden, d_model, config.bias)
        self.activation = ACTIVATIONS[config.activation]

    def forward(
        self, x: Float[Tensor, "batch positions d_model"], tap: AnyTap = NO_TAP
    ) -> Float[Tensor, "batch positions d_model"]:
        """Return what each position computes for itself."""
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        down: Tensor = self.down(tap("hidden", self.activation(gate) * up))
        return down


FeedForward = Mlp | GatedMlp
"""Either layer."""
