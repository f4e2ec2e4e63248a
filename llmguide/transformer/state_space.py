r"""Selective state space (Mamba-2): a layer that keeps of the past a state of fixed size, and chooses what to keep.

It is :mod:`linear attention <llmguide.transformer.linear_attention>` whose state fades, by how much depends on the
token. So there are two ways to compute the same: a text at once, chunk by chunk in matrix products, and one position
after the other. The second costs the same for each new token, however long the text is.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from llmguide.transformer.attention import Sight, repeat_heads
from llmguide.transformer.cache import StateCache
from llmguide.transformer.linear_attention import mix_fading
from llmguide.transformer.trace import NO_TAP, AnyTap


@dataclass(frozen=True)
class StateSpaceConfig:
    """How many heads keep a state, how large it is, and what is computed around them.

    Args:
        n_heads: How many heads keep a state each.
        d_head: Width of a head's values.
        d_state: For each of them, how many numbers the state has: the width of keys and queries.
        n_groups: How many groups of heads share keys and queries, and a norm.
        d_conv: How many positions the convolution sees, the last of them its own.
        bias: Whether the projections at both ends add a bias.
        conv_bias: Whether the convolution adds one.
        chunk: How many positions are computed at once; changes the speed and not the result.
        epsilon: What the norm adds to the mean square before the root.

    Raises:
        ValueError: If a number is not positive, or ``n_heads`` is not a multiple of ``n_groups``.

    Source: :cite:t:`dao2024transformers`, section 7.
    """

    n_heads: int
    d_head: int
    d_state: int
    n_groups: int = 1
    d_conv: int = 4
    bias: bool = False
    conv_bias: bool = True
    chunk: int = 256
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        for name in ("n_heads", "d_head", "d_state", "n_groups", "d_conv", "chunk"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.n_heads % self.n_groups:
            raise ValueError(f"n_heads ({self.n_heads}) must be divisible by n_groups ({self.n_groups})")
        if not self.epsilon > 0:
            raise ValueError(f"epsilon must be greater than 0, not {self.epsilon}")

    @property
    def d_values(self) -> int:
        """Width of the values of all heads, and of the gate: ``n_heads * d_head``."""
        return self.n_heads * self.d_head

    @property
    def d_convolved(self) -> int:
        """Width of what passes the convolution: values of all heads, keys and queries of all groups."""
        return self.d_values + 2 * self.n_groups * self.d_state

    def build(self, d_model: int) -> "StateSpace":
        """Return the layer for a model of width ``d_model``."""
        return StateSpace(d_model, self)

    def new_cache(
        self, batch: int, capacity: int, dtype: torch.dtype = torch.float32, device: torch.device | None = None
    ) -> StateCache:
        """Return the state before the first position; its size does not depend on ``capacity``."""
        wide = torch.promote_types(dtype, torch.float32)
        return StateCache(
            torch.zeros(batch, self.n_heads, self.d_state, self.d_head, dtype=wide, device=device),
            torch.zeros(batch, self.d_conv - 1, self.d_convolved, dtype=dtype, device=device),
        )


class GatedNorm(nn.Module):
    r"""Lets a gate multiply the vectors, then divides each group of coordinates by its root mean square.

    .. math:: g \odot \operatorname{RMSNorm}_{group}(x \odot \operatorname{silu}(z))

    Args:
        width: Length of the vectors.
        n_groups: How many groups are normalized, each for itself.
        epsilon: Added to the mean square.
    """

    def __init__(self, width: int, n_groups: int, epsilon: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))
        self.n_groups, self.epsilon = n_groups, epsilon

    def forward(
        self, x: Float[Tensor, "*batch width"], gate: Float[Tensor, "*batch width"]
    ) -> Float[Tensor, "*batch width"]:
        """Return the gated and normalized vectors, in the precision of the gate."""
        gated = x * F.silu(gate.to(x.dtype))
        groups = gated.reshape(*gated.shape[:-1], self.n_groups, -1)
        return self.scale * F.rms_norm(groups, groups.shape[-1:], None, self.epsilon).flatten(-2).to(gate.dtype)


class StateSpace(nn.Module):
    r"""Heads that each keep a state, write to it what a position offers, let it fade, and read it.

    .. math::
        S_i = e^{-a \Delta_i} S_{i-1} + k_i\, (\Delta_i v_i)^\top, \qquad o_i = S_i^\top q_i + D v_i

    This is linear attention with a decay. The papers write :math:`B` for the keys, :math:`C` for the queries, :math:`x`
    for the values and :math:`h` for the state. The step :math:`\Delta_i`, one number for each head, comes from the
    position itself: with a step of 0 the state stays as it is, and a large one lets it fade and writes much. The rate
    :math:`a` and the skip :math:`D` are learned numbers of each head. Before that, a short convolution lets each
    position see its last neighbours; after it, a gate decides what passes.

    Args:
        d_model: Width of the model.
        config: Heads, widths and biases.

    Source: :cite:t:`gu2024mamba` for steps that depend on the input; :cite:t:`dao2024transformers` for this layer.
    """

    def __init__(self, d_model: int, config: StateSpaceConfig) -> None:
        super().__init__()
        self.config = config
        # One product for all; the rows are the gate's, then the values', keys' and queries', then the steps'.
        self.input = nn.Linear(d_model, config.d_values + config.d_convolved + config.n_heads, config.bias)
        self.convolution = nn.Conv1d(
            config.d_convolved, config.d_convolved, config.d_conv, groups=config.d_convolved, bias=config.conv_bias
        )
        self.step_bias = nn.Parameter(torch.empty(config.n_heads))
        self.log_rate = nn.Parameter(torch.empty(config.n_heads))
        self.skip = nn.Parameter(torch.ones(config.n_heads))
        self.norm = GatedNorm(config.d_values, config.n_groups, config.epsilon)
        self.output = nn.Linear(config.d_values, d_model, config.bias)
        self.draw()

    @torch.no_grad()
    def draw(self, generator: torch.Generator | None = None) -> None:
        """Draw how fast the heads forget, rates between 1 and 16 and steps between 0.001 and 0.1, and the convolution.

        Args:
            generator: The source of randomness; by default torch's own.

        Source: the code of :cite:t:`dao2024transformers`.
        """
        self.log_rate.uniform_(1.0, 16.0, generator=generator).log_()
        steps = self.step_bias.uniform_(math.log(0.001), math.log(0.1), generator=generator).exp_()
        steps.copy_(steps + torch.log(-torch.expm1(-steps)))  # from which softplus makes the steps
        self.skip.fill_(1.0)
        self.norm.scale.fill_(1.0)
        bound = 1 / math.sqrt(self.config.d_conv)
        for weight in self.convolution.parameters():
            weight.uniform_(-bound, bound, generator=generator)

    def forward(
        self,
        x: Float[Tensor, "batch positions d_model"],
        sight: Sight,
        cache: StateCache | None = None,
        tap: AnyTap = NO_TAP,
    ) -> Float[Tensor, "batch positions d_model"]:
        """Let each position write to the state and read it.

        Args:
            x: The positions.
            sight: Which of them are real; the others leave the state as it is. The order is all that is known of
                places, and no mask is looked at.
            cache: The state after the positions before, which is replaced.
            tap: Sees the named tensors.

        Returns:
            What each position read, as wide as the model.

        Raises:
            ValueError: If the cache was made for another number of rows.
        """
        config, real = self.config, sight.real
        if cache is not None and len(cache.state) != len(x):
            raise ValueError(f"the cache was made for a batch of {len(cache.state)}, not of {len(x)}")
        gate, inputs, steps = self.input(x).split([config.d_values, config.d_convolved, config.n_heads], -1)
        inputs = F.silu(self._convolve(inputs, real, cache))
        wide = torch.promote_types(x.dtype, torch.float32)  # sums over a whole text need the digits
        values, keys, queries = (
            part.reshape(*part.shape[:-1], heads, -1).transpose(1, 2).to(wide)
            for part, heads in zip(
                torch.split(inputs, [config.d_values, *[config.n_groups * config.d_state] * 2], -1),
                (config.n_heads, config.n_groups, config.n_groups),
                strict=True,
            )
        )
        queries, keys, values = tap("queries", queries), tap("keys", keys), tap("values", values)
        steps = F.softplus(steps.to(wide) + self.step_bias.to(wide)).mT
        if real is not None:
            steps = steps.masked_fill(~real[:, None], 0.0)
        steps = tap("steps", steps)
        log_decays = tap("log_decays", -self.log_rate.to(wide).exp()[:, None] * steps)
        mixed, state = mix_fading(
            repeat_heads(queries, config.n_heads),
            repeat_heads(keys, config.n_heads),
            steps[..., None] * values,
            log_decays,
            None if cache is None else cache.state,
            chunk=config.chunk,
        )
        mixed = tap("mixed", mixed + self.skip.to(wide)[:, None, None] * values)
        if cache is not None:
            cache.state, cache.length = state, cache.length + x.shape[1]
        return tap("output", self.output(self.norm(mixed.transpose(1, 2).flatten(-2), tap("gate", gate))))

    def _convolve(
        self,
        inputs: Float[Tensor, "batch positions d_convolved"],
        real: Bool[Tensor, "batch positions"] | None,
        cache: StateCache | None,
    ) -> Float[Tensor, "batch positions d_convolved"]:
        """Mix each coordinate of a position with the same of the real positions just before it."""
        before, (batch, positions, width) = self.config.d_conv - 1, inputs.shape
        window = inputs.new_zeros(batch, before, width) if cache is None else cache.window
        inputs = torch.cat([window, inputs], 1)
        if real is not None:
            # What fills a row up moves to its front, where nothing real sees it.
            order = F.pad(real, (before, 0), value=True).int().argsort(dim=1, stable=True)
            inputs = inputs.gather(1, order[..., None].expand(-1, -1, width))
        if cache is not None:
            cache.window = inputs[:, positions:]
        convolved: Tensor = self.convolution(inputs.mT).mT
        if real is not None:
            back = (order.argsort(1)[:, before:] - before).clamp(min=0)
            convolved = convolved.gather(1, back[..., None].expand(-1, -1, width))
        return convolved
