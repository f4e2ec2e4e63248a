"""Multi-head latent attention: the keys and values of all heads are made from one short vector of each position."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from llmguide.transformer.attention import Sight, gather, weigh
from llmguide.transformer.cache import LayerCache
from llmguide.transformer.norms import NormConfig
from llmguide.transformer.positions import rotate
from llmguide.transformer.trace import NO_TAP, AnyTap

_NORM = NormConfig("rms", 1e-6)


@dataclass(frozen=True)
class LatentAttentionConfig:
    """How many heads attend, how wide their parts are, and how short the vectors that they are made from.

    A head's query and key have a part without and a part with positions. The rotated part of the key is one for all
    heads, since a rotation between the query and the matrix that makes a key would keep the two from being multiplied.

    Args:
        n_heads: How many heads attend.
        d_nope: Width of the part of queries and keys that knows nothing of positions.
        d_rope: Width of the part that is rotated.
        d_value: Width of a head's values.
        kv_rank: Width of the latent vector that keys and values are made from, and that the cache keeps.
        query_rank: Width of the latent vector that queries are made from; ``None`` makes them of the input.
        norm: Normalizes the latent vectors.
        scale: By what scores are multiplied; ``None`` for one over the root of ``d_nope + d_rope``.

    Raises:
        ValueError: If a number is not positive.

    Source: :cite:t:`deepseek2024v2`, section 2.1.

    Example:
        >>> config = LatentAttentionConfig(n_heads=128, d_nope=128, d_rope=64, d_value=128, kv_rank=512)
        >>> cache = config.new_cache(batch=1, capacity=1000)
        >>> cache.keys.numel() + cache.values.numel()  # 512 + 64 a position, and not 128 x (192 + 128)
        576000
    """

    n_heads: int
    d_nope: int
    d_rope: int
    d_value: int
    kv_rank: int
    query_rank: int | None = None
    norm: NormConfig = _NORM
    scale: float | None = None

    def __post_init__(self) -> None:
        for name in ("n_heads", "d_nope", "d_rope", "d_value", "kv_rank"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.query_rank is not None and self.query_rank < 1:
            raise ValueError(f"query_rank must be at least 1, or None for queries of the input, not {self.query_rank}")
        if self.scale is not None and not self.scale > 0:
            raise ValueError(f"scale must be greater than 0, or None for 1/sqrt(d_nope + d_rope), not {self.scale}")

    @property
    def d_rotary(self) -> int:
        """Width of what rotary positions turn."""
        return self.d_rope

    def build(self, d_model: int) -> "LatentAttention":
        """Return the layer for a model of width ``d_model``."""
        return LatentAttention(d_model, self)

    def new_cache(
        self, batch: int, capacity: int, dtype: torch.dtype = torch.float32, device: torch.device | None = None
    ) -> LayerCache:
        """Return an empty cache of one layer for ``batch`` rows of up to ``capacity`` positions.

        Its ``keys`` are the latent vectors, and its ``values`` the rotated keys that all heads share.
        """
        return LayerCache.empty((batch, 1, capacity, self.kv_rank), (batch, 1, capacity, self.d_rope), dtype, device)

    def multiplications(self, queries: int, keys: int) -> tuple[int, int]:
        """Count the multiplications of one head between the latent vectors and what its queries gather.

        The expanded form makes a key and a value of each latent vector. The absorbed form carries each query into the
        space of the latent vectors, where every score and every mixture is wider.

        Args:
            queries: How many positions ask.
            keys: How many they ask.

        Returns:
            Those of the expanded form, and those of the absorbed one.

        Example:
            >>> config = LatentAttentionConfig(n_heads=128, d_nope=128, d_rope=64, d_value=128, kv_rank=512)
            >>> config.multiplications(1, 1000)
            (131392000, 1219072)
        """
        widths = self.d_nope + self.d_value
        expanded = keys * self.kv_rank * widths + queries * keys * (widths + self.d_rope)
        absorbed = queries * self.kv_rank * widths + queries * keys * (2 * self.kv_rank + self.d_rope)
        return expanded, absorbed

    def absorbing_is_cheaper(self, queries: int, keys: int) -> bool:
        """Tell whether the absorbed form has fewer :meth:`multiplications`, as it has for few queries.

        Args:
            queries: How many positions ask.
            keys: How many they ask.

        Returns:
            Whether the absorbed form is the cheaper one.
        """
        expanded, absorbed = self.multiplications(queries, keys)
        return absorbed < expanded


def score_latents(
    queries: Float[Tensor, "batch heads queries d_head"],
    latents: Float[Tensor, "batch 1 keys kv_rank"],
    shared: Float[Tensor, "batch 1 keys d_rope"],
    up_keys: Float[Tensor, "heads d_nope kv_rank"],
    *,
    bias: Float[Tensor, "#batch #heads queries keys"] | None = None,
    scale: float | None = None,
) -> Float[Tensor, "batch heads queries keys"]:
    r"""Say how well each query matches each key, without making the keys.

    .. math:: q_t^\top (W^{UK} c_s) = ({W^{UK}}^\top q_t)^\top c_s

    Args:
        queries: Each head's queries: first the part without positions, then the rotated part.
        latents: What keys are made from, :math:`c_s`.
        shared: The rotated part of the keys, one for all heads.
        up_keys: What makes a head's key of a latent vector, :math:`W^{UK}`.
        bias: What is added to the scores.
        scale: By what the products are multiplied; ``None`` for one over the root of the queries' width.

    Returns:
        One number for each pair, the same as :func:`~llmguide.transformer.attention.score` for the keys.

    Raises:
        ValueError: If the queries are not as wide as both parts of a key; the message gives the widths.

    Example:
        >>> up_keys = torch.tensor([[[1.0, 2], [0, 1], [3, 1], [1, -1]]])  # keys of 4 numbers, latent vectors of 2
        >>> latents, shared = torch.tensor([[[[3.0, -1]]]]), torch.tensor([[[[5.0]]]])  # the key (1, -1, 8, 4 | 5)
        >>> query = torch.tensor([[[[1.0, 1, 0, 2, 1]]]])
        >>> score_latents(query, latents, shared, up_keys, scale=1.0).item()  # 1 - 1 + 0 + 8 = 8, and 5
        13.0
    """
    widths = [up_keys.shape[1], shared.shape[-1]]
    if sum(widths) != queries.shape[-1]:
        raise ValueError(
            f"queries have {queries.shape[-1]} numbers; a key has {widths[0]} without positions and {widths[1]} rotated"
        )
    plain, turned = torch.split(queries, widths, dim=-1)
    carried = torch.einsum("bhqd,hdr->bhqr", plain, up_keys)
    products = torch.einsum("bhqr,bskr->bhqk", carried, latents) + torch.einsum("bhqd,bskd->bhqk", turned, shared)
    scores = products / math.sqrt(queries.shape[-1]) if scale is None else products * scale
    return scores if bias is None else scores + bias


def mix_latents(
    weights: Float[Tensor, "batch heads queries keys"],
    latents: Float[Tensor, "batch 1 keys kv_rank"],
    up_values: Float[Tensor, "heads d_value kv_rank"],
) -> Float[Tensor, "batch heads queries d_value"]:
    r"""Mix the values, without making one for each position: mix the latent vectors, and make one of the mixture.

    .. math:: \sum_s a_s W^{UV} c_s = W^{UV} \sum_s a_s c_s

    Args:
        weights: From :func:`~llmguide.transformer.attention.weigh`.
        latents: What values are made from, :math:`c_s`.
        up_values: What makes a head's value of a latent vector, :math:`W^{UV}`.

    Returns:
        What each query gathers.

    Example:
        >>> latents = torch.tensor([[[[4.0, 0], [0, 2]]]])  # two positions
        >>> up_values = torch.tensor([[[1.0, 1], [0, 1], [1, -1]]])
        >>> mix_latents(torch.tensor([[[[0.5, 0.5]]]]), latents, up_values).flatten().tolist()  # of (2, 1)
        [3.0, 1.0, 1.0]
    """
    mixture = torch.einsum("bhqk,bskr->bhqr", weights, latents)
    return torch.einsum("bhqr,hdr->bhqd", mixture, up_values)


class LatentAttention(nn.Module):
    """Heads whose keys and values are made from one latent vector of each position, and one rotated key for all.

    Two forms give the same. The *expanded* form makes every head's keys and values and attends as usual; it is for
    training and for reading a text. The *absorbed* form, :func:`score_latents` and :func:`mix_latents`, works on the
    latent vectors that the cache keeps; it is for writing token by token.

    Args:
        d_model: Width of the model.
        config: Heads, widths and norms.

    Source: :cite:t:`deepseek2024v2`, appendix C; the paper leaves out the norms of the latent vectors.
    """

    def __init__(self, d_model: int, config: LatentAttentionConfig) -> None:
        super().__init__()
        self.config = config
        asked = config.n_heads * (config.d_nope + config.d_rope)
        self.query: nn.Linear | None = None
        self.query_down: nn.Linear | None = None
        if config.query_rank is None:
            self.query = nn.Linear(d_model, asked, bias=False)
        else:
            self.query_down = nn.Linear(d_model, config.query_rank, bias=False)
            self.query_norm = config.norm.build(config.query_rank)
            self.query_up = nn.Linear(config.query_rank, asked, bias=False)
        # One product for both: the first rows make the latent vector, the last ones the shared key.
        self.kv_down = nn.Linear(d_model, config.kv_rank + config.d_rope, bias=False)
        self.kv_norm = config.norm.build(config.kv_rank)
        # Of each head, the rows of its keys and then those of its values.
        self.kv_up = nn.Linear(config.kv_rank, config.n_heads * (config.d_nope + config.d_value), bias=False)
        self.output = nn.Linear(config.n_heads * config.d_value, d_model, bias=False)

    def forward(
        self,
        x: Float[Tensor, "batch queries d_model"],
        sight: Sight,
        cache: LayerCache | None = None,
        tap: AnyTap = NO_TAP,
    ) -> Float[Tensor, "batch queries d_model"]:
        """Let each position gather from those that it may see.

        Args:
            x: The positions that ask.
            sight: Who may see whom, and how far apart they are.
            cache: Latent vectors and shared keys of the positions before, to which those of ``x`` are added. With
                one, the form runs that has less to multiply; without, the expanded one.
            tap: Sees the named tensors. With one, the readable path runs and not the fused one.

        Returns:
            What each position gathered, as wide as the model.
        """
        config = self.config
        queries = tap("queries", self._queries(x, tap))
        latents, shared = self.kv_down(x)[:, None].split([config.kv_rank, config.d_rope], dim=-1)
        latents = tap("latents", self.kv_norm(latents))
        if sight.rotation is not None:
            cos, sin = sight.rotation
            plain, turned = torch.split(queries, [config.d_nope, config.d_rope], dim=-1)
            turned = tap("queries_rotated", rotate(turned, cos, sin, sight.pairing))
            queries = torch.cat([plain, turned], dim=-1)
            shared = tap("keys_rotated", rotate(shared, cos, sin, sight.pairing))
        if cache is not None:
            latents, shared = cache.append(latents, shared)
        absorb = cache is not None and not sight.causal and config.absorbing_is_cheaper(x.shape[1], latents.shape[2])
        attend = self.gather_absorbed if absorb else self.gather_expanded
        mixed = attend(queries, latents, shared, sight, tap)
        return tap("output", self.output(mixed.transpose(1, 2).flatten(-2)))

    def _queries(
        self, x: Float[Tensor, "batch queries d_model"], tap: AnyTap
    ) -> Float[Tensor, "batch heads queries d_head"]:
        """Make each head's queries, of the input or of a latent vector of its own."""
        if self.query is not None:
            made: Tensor = self.query(x)
        else:
            assert self.query_down is not None
            made = self.query_up(tap("query_latents", self.query_norm(self.query_down(x))))
        return torch.unflatten(made, -1, (self.config.n_heads, -1)).transpose(1, 2)

    def gather_expanded(
        self,
        queries: Float[Tensor, "batch heads queries d_head"],
        latents: Float[Tensor, "batch 1 keys kv_rank"],
        shared: Float[Tensor, "batch 1 keys d_rope"],
        sight: Sight,
        tap: AnyTap = NO_TAP,
    ) -> Float[Tensor, "batch heads queries d_value"]:
        """Make each head's keys and values, and attend as usual.

        Args:
            queries: Each head's queries, rotated.
            latents: What keys and values are made from.
            shared: The rotated part of the keys.
            sight: Who may see whom.
            tap: Sees the named tensors.

        Returns:
            What each head's queries gather.
        """
        config = self.config
        made = self.kv_up(latents[:, 0]).unflatten(-1, (config.n_heads, -1)).transpose(1, 2)
        keys, values = made.split([config.d_nope, config.d_value], dim=-1)
        keys = tap("keys", torch.cat([keys, shared.expand(-1, config.n_heads, -1, -1)], dim=-1))
        values = tap("values", values)
        return gather(queries, keys, values, sight, scale=config.scale, tap=tap)

    def gather_absorbed(
        self,
        queries: Float[Tensor, "batch heads queries d_head"],
        latents: Float[Tensor, "batch 1 keys kv_rank"],
        shared: Float[Tensor, "batch 1 keys d_rope"],
        sight: Sight,
        tap: AnyTap = NO_TAP,
    ) -> Float[Tensor, "batch heads queries d_value"]:
        """Attend to the latent vectors, as one key and one value that all heads share.

        Args:
            queries: Each head's queries, rotated.
            latents: What keys and values are made from.
            shared: The rotated part of the keys.
            sight: Who may see whom, by a mask and not by ``causal``.
            tap: Sees the named tensors.

        Returns:
            What each head's queries gather.
        """
        config = self.config
        ups = torch.unflatten(self.kv_up.weight, 0, (config.n_heads, -1))
        up_keys, up_values = torch.split(ups, [config.d_nope, config.d_value], dim=1)
        scores = tap("scores", score_latents(queries, latents, shared, up_keys, bias=sight.bias, scale=config.scale))
        weights = tap("weights", weigh(scores, sight.mask))
        return tap("mixed", mix_latents(weights, latents, up_values))
