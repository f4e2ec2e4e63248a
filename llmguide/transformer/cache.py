"""The key-value cache: what a model that writes token by token need not compute again."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor


class LayerCache:
    """Keys and values of one layer, with room for more.

    Args:
        keys: Where to keep keys; the first ``length`` places are taken.
        values: Where to keep values.
        length: How many places are taken.
    """

    def __init__(
        self,
        keys: Float[Tensor, "batch kv_heads capacity d_head"],
        values: Float[Tensor, "batch kv_heads capacity d_value"],
        length: int = 0,
    ) -> None:
        self.keys, self.values, self.length = keys, values, length

    @classmethod
    def empty(
        cls,
        keys: tuple[int, int, int, int],
        values: tuple[int, int, int, int],
        dtype: torch.dtype = torch.float32,
        device: torch.device | None = None,
    ) -> "LayerCache":
        """Take the memory for keys and values.

        Args:
            keys: Batch, heads, capacity and width of the keys.
            values: The same of the values.
            dtype: Type of the numbers, that of the model.
            device: Where to keep them, that of the model.

        Returns:
            A cache with no place taken.

        Raises:
            ValueError: If a number is not positive.
        """
        if min(*keys, *values) < 1:
            raise ValueError(f"batch, heads, capacity and width must be at least 1, not {keys} and {values}")
        return cls(torch.empty(keys, dtype=dtype, device=device), torch.empty(values, dtype=dtype, device=device))

    @property
    def capacity(self) -> int | None:
        """For how many positions there is room."""
        return self.keys.shape[2]

    @property
    def n_bytes(self) -> int:
        """How much memory it takes, full or not."""
        return self.keys.nbytes + self.values.nbytes

    def append(
        self,
        keys: Float[Tensor, "batch kv_heads queries d_head"],
        values: Float[Tensor, "batch kv_heads queries d_value"],
    ) -> tuple[Float[Tensor, "batch kv_heads keys d_head"], Float[Tensor, "batch kv_heads keys d_value"]]:
        """Add the keys and values of new positions.

        Args:
            keys: Keys, after positions were applied.
            values: Values.

        Returns:
            All keys and values up to and with the new ones, as views of the cache.

        Raises:
            ValueError: If there is no room, or the number of rows differs.
        """
        end = self.length + keys.shape[2]
        if end > self.keys.shape[2]:
            raise ValueError(
                f"the cache holds {self.keys.shape[2]} positions, and {self.length} + {keys.shape[2]} are needed; "
                "make it with a larger capacity"
            )
        if keys.shape[0] != self.keys.shape[0]:
            raise ValueError(f"the cache was made for a batch of {self.keys.shape[0]}, not of {keys.shape[0]}")
        self.keys[:, :, self.length : end] = keys
        self.values[:, :, self.length : end] = values
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def truncate(self, length: int) -> None:
        """Forget what came after the first ``length`` positions, of which there must be as many."""
        self.length = length

    def keep(self, rows: Int[Tensor, " rows"]) -> None:
        """Keep some of the rows, in the order given, and drop the others."""
        self.keys, self.values = self.keys[rows], self.values[rows]


class StateCache:
    """What a layer knows of the positions before: its state, and what its convolution still sees.

    Args:
        state: What the heads keep.
        window: The last inputs of the convolution.
        length: How many positions were read.
    """

    def __init__(
        self,
        state: Float[Tensor, "batch heads d_state d_head"],
        window: Float[Tensor, "batch inputs d_convolved"],
        length: int = 0,
    ) -> None:
        self.state, self.window, self.length = state, window, length

    @property
    def capacity(self) -> None:
        """For how many positions there is room: for any number."""
        return None

    @property
    def n_bytes(self) -> int:
        """How much memory it takes."""
        return self.state.nbytes + self.window.nbytes

    def truncate(self, length: int) -> None:
        """Refuse to forget what came after the first ``length`` positions, unless that is nothing.

        Args:
            length: How many positions to keep.

        Raises:
            ValueError: If it is not the number of positions that were read: a state cannot be taken apart.
        """
        if length != self.length:
            raise ValueError(
                f"a state of {self.length} positions cannot go back to {length}; read the first {length} again"
            )

    def keep(self, rows: Int[Tensor, " rows"]) -> None:
        """Keep some of the rows, in the order given, and drop the others.

        Args:
            rows: Their numbers; one may be named twice.
        """
        self.state, self.window = self.state[rows], self.window[rows]


class KvCache:
    """What every layer keeps. The model fills it; a second call with the same cache goes on where it stood.

    Args:
        layers: The cache of each layer; :meth:`~llmguide.transformer.model.Transformer.new_cache` makes them.

    Raises:
        ValueError: If there are none.

    Attributes:
        layers: The cache of each layer.
    """

    def __init__(self, layers: Sequence[LayerCache | StateCache]) -> None:
        if not layers:
            raise ValueError("a cache needs at least one layer")
        self.layers = list(layers)

    @property
    def length(self) -> int:
        """How many positions are in it."""
        return self.layers[-1].length

    @property
    def capacity(self) -> int | None:
        """For how many positions there is room; None if no layer sets a limit."""
        return min((layer.capacity for layer in self.layers if layer.capacity is not None), default=None)

    @property
    def n_bytes(self) -> int:
        """How much memory it takes, full or not."""
        return sum(layer.n_bytes for layer in self.layers)

    def truncate(self, length: int) -> None:
        """Forget what came after the first ``length`` positions.

        Args:
            length: How many positions to keep.

        Raises:
            ValueError: If there are fewer, or a layer keeps a state, which cannot forget.
        """
        if not 0 <= length <= self.length:
            raise ValueError(f"the cache has {self.length} positions; it cannot be cut to {length}")
        for layer in sorted(self.layers, key=lambda layer: isinstance(layer, LayerCache)):
            layer.truncate(length)  # a state first: if it refuses, nothing is cut

    def keep(self, rows: Int[Tensor, " rows"]) -> None:
        """Keep some of the rows, in the order given, and drop the others.

        Args:
            rows: Their numbers; one may be named twice.
        """
        for layer in self.layers:
            layer.keep(rows)
