r"""Selective state space: a layer that keeps of the past a state of fixed size, and chooses what to keep (Mamba-2)."""

from dataclasses import dataclass


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
