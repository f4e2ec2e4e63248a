"""The key-value cache: what a model that writes token by token need not compute again."""

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
        values: Float[Tensor, "batch kv_heads capacity d_head"],
        length: int = 0,
    ) -> None:
        self.keys, self.values, self.length = keys, values, length

    def append(
        self,
        keys: Float[Tensor, "batch kv_heads queries d_head"],
        values: Float[Tensor, "batch kv_heads queries d_head"],
    ) -> tuple[Float[Tensor, "batch kv_heads keys d_head"], Float[Tensor, "batch kv_heads keys d_head"]]:
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


class KvCache:
    """Keys and values of every layer. The model fills it; a second call with the same cache goes on where it stood.

    Args:
        n_layers: Number of layers.
        batch: Number of rows.
        n_kv_heads: Heads of keys and values.
        capacity: For how many positions there is room. The memory is taken at once.
        d_head: Width of a head.
        dtype: Type of the numbers, that of the model.
        device: Where to keep them, that of the model.

    Raises:
        ValueError: If a number is not positive.

    Attributes:
        layers: One :class:`LayerCache` for each layer.
    """

    def __init__(
        self,
        *,
        n_layers: int,
        batch: int,
        n_kv_heads: int,
        capacity: int,
        d_head: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | None = None,
    ) -> None:
        shape = (batch, n_kv_heads, capacity, d_head)
        if n_layers < 1 or min(shape) < 1:
            raise ValueError(f"layers, batch, heads, capacity and width must be at least 1, not {(n_layers, *shape)}")
        self.layers = [
            LayerCache(torch.empty(shape, dtype=dtype, device=device), torch.empty(shape, dtype=dtype, device=device))
            for _ in range(n_layers)
        ]

    @property
    def length(self) -> int:
        """How many positions are in it."""
        return self.layers[-1].length

    @property
    def capacity(self) -> int:
        """For how many positions there is room."""
        return self.layers[0].keys.shape[2]

    @property
    def n_bytes(self) -> int:
        """How much memory it takes, full or not."""
        return sum(layer.keys.nbytes + layer.values.nbytes for layer in self.layers)

    def truncate(self, length: int) -> None:
        """Forget what came after the first ``length`` positions.

        Args:
            length: How many positions to keep.

        Raises:
            ValueError: If there are fewer.
        """
        if not 0 <= length <= self.length:
            raise ValueError(f"the cache has {self.length} positions; it cannot be cut to {length}")
        for layer in self.layers:
            layer.length = length

    def keep(self, rows: Int[Tensor, " rows"]) -> None:
        """Keep some of the rows, in the order given, and drop the others.

        Args:
            rows: Their numbers; one may be named twice.
        """
        for layer in self.layers:
            layer.keys, layer.values = layer.keys[rows], layer.values[rows]
