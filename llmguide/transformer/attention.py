"""Attention: each position gathers from others what it looks for."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from llmguide.transformer.cache import LayerCache
from llmguide.transformer.norms import NormConfig
from llmguide.transformer.positions import Pairing, rotate
from llmguide.transformer.trace import NO_TAP, AnyTap


@dataclass(frozen=True)
class AttentionConfig:
    """How many heads attend, how wide they are, and what their projections add.

    Args:
        n_heads: How many heads ask.
        n_kv_heads: How many heads of keys and values they share: as many for multi-head attention, one for
            multi-query attention, a number between for grouped-query attention.
        d_head: Width of a head.
        bias: Whether the projections to queries, keys and values add a bias.
        output_bias: Whether the projection back adds one.
        qk_norm: Normalizes each head's queries and keys.
        scale: By what scores are multiplied; ``None`` for one over the root of ``d_head``.

    Raises:
        ValueError: If a number is not positive, or ``n_heads`` is not a multiple of ``n_kv_heads``.

    Source: :cite:t:`vaswani2017attention`; :cite:t:`ainslie2023gqa` for the groups.
    """

    n_heads: int
    n_kv_heads: int
    d_head: int
    bias: bool = False
    output_bias: bool = False
    qk_norm: NormConfig | None = None
    scale: float | None = None

    def __post_init__(self) -> None:
        for name in ("n_heads", "n_kv_heads", "d_head"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.n_heads % self.n_kv_heads:
            raise ValueError(f"n_heads ({self.n_heads}) must be divisible by n_kv_heads ({self.n_kv_heads})")
        if self.scale is not None and not self.scale > 0:
            raise ValueError(f"scale must be greater than 0, or None for 1/sqrt(d_head), not {self.scale}")

    @property
    def d_rotary(self) -> int:
        """Width of what rotary positions turn: the whole head."""
        return self.d_head

    def build(self, d_model: int) -> "Attention":
        """Return the layer for a model of width ``d_model``."""
        return Attention(d_model, self)

    def new_cache(
        self, batch: int, capacity: int, dtype: torch.dtype = torch.float32, device: torch.device | None = None
    ) -> LayerCache:
        """Return an empty cache of one layer for ``batch`` rows of up to ``capacity`` positions."""
        shape = (batch, self.n_kv_heads, capacity, self.d_head)
        return LayerCache.empty(shape, shape, dtype, device)


@dataclass(frozen=True)
class Sight:
    """What the heads of every layer know of the places: who may see whom, and how far apart they are.

    Args:
        causal: In place of a mask: there are as many queries as keys and the mask is causal, which the fused path
            can do without one.
        mask: True where a query may look at a key; None where it may look everywhere.
        bias: What is added to the scores.
        rotation: Cosines and sines of the queries' places, for rotary positions.
        pairing: Which coordinates turn together.
        real: False where a position only fills up its row; None where all are real.
    """

    causal: bool = False
    mask: Bool[Tensor, "#batch #heads #queries keys"] | None = None
    bias: Float[Tensor, "#batch heads queries keys"] | None = None
    rotation: tuple[Float[Tensor, "#batch 1 queries half"], Float[Tensor, "#batch 1 queries half"]] | None = None
    pairing: Pairing = "halves"
    real: Bool[Tensor, "batch queries"] | None = None


def score(
    queries: Float[Tensor, "batch heads queries d_head"],
    keys: Float[Tensor, "batch heads keys d_head"],
    bias: Float[Tensor, "#batch #heads queries keys"] | None = None,
    scale: float | None = None,
) -> Float[Tensor, "batch heads queries keys"]:
    r"""Say how well each query matches each key.

    .. math:: S = Q K^\top / \sqrt{d_{head}}

    Args:
        queries: What each position looks for.
        keys: What each position offers to be found by.
        bias: What is added to the scores, for example :func:`~llmguide.transformer.positions.alibi_bias`.
        scale: By what the products are multiplied instead of :math:`1 / \sqrt{d_{head}}`.

    Returns:
        One number for each pair.

    Raises:
        ValueError: If ``d_head`` differs between ``queries`` and ``keys``; the message gives both.
    """
    if queries.shape[-1] != keys.shape[-1]:
        raise ValueError(f"queries have d_head {queries.shape[-1]} and keys {keys.shape[-1]}; they must be the same")
    products = queries @ keys.mT
    scores = products / math.sqrt(queries.shape[-1]) if scale is None else products * scale
    return scores if bias is None else scores + bias


def weigh(
    scores: Float[Tensor, "batch heads queries keys"], mask: Bool[Tensor, "#batch #heads #queries keys"] | None = None
) -> Float[Tensor, "batch heads queries keys"]:
    r"""Turn each query's scores into weights that sum to one.

    .. math:: A_{ij} = \frac{e^{S_{ij}}}{\sum_{k \text{ visible}} e^{S_{ik}}}

    Args:
        scores: From :func:`score`.
        mask: True where a query may look at a key. ``None`` lets every query see every key.

    Returns:
        The weights: each row sums to one, or is all zeros where a query may see nothing.

    Example:
        >>> import torch
        >>> weigh(torch.zeros(1, 1, 1, 4), torch.tensor([True, True, False, False])[None, None, None])
        tensor([[[[0.5000, 0.5000, 0.0000, 0.0000]]]])
    """
    if mask is None:
        return scores.softmax(dim=-1)
    weights = scores.masked_fill(~mask, -math.inf).softmax(dim=-1)
    # A row without a visible key is 0/0: it gathers nothing.
    return weights.masked_fill(~mask.any(dim=-1, keepdim=True), 0.0)


def attend(
    queries: Float[Tensor, "batch heads queries d_head"],
    keys: Float[Tensor, "batch heads keys d_head"],
    values: Float[Tensor, "batch heads keys d_value"],
    mask: Bool[Tensor, "#batch #heads #queries keys"] | None = None,
    bias: Float[Tensor, "#batch #heads queries keys"] | None = None,
) -> tuple[Float[Tensor, "batch heads queries d_value"], Float[Tensor, "batch heads queries keys"]]:
    r"""Mix the values by how well each query matches each key.

    .. math:: \operatorname{softmax}\bigl(Q K^\top / \sqrt{d_{head}}\bigr)\, V

    Args:
        queries: What each position looks for.
        keys: What each position offers to be found by.
        values: What each position hands over when it is found.
        mask: True where a query may look at a key. ``None`` lets every query see every key.
        bias: What is added to the scores.

    Returns:
        The mixed values, and the weights: each row sums to one, or is all zeros where a query may see nothing.

    Raises:
        ValueError: If ``d_head`` differs between ``queries`` and ``keys``; the message gives both.

    Source: :cite:t:`vaswani2017attention`, equation 1.

    Example:
        >>> import torch
        >>> identity = torch.eye(3)[None, None] * 50
        >>> mixed, weights = attend(identity, identity, torch.arange(3.0).reshape(1, 1, 3, 1))
        >>> mixed.flatten().round().tolist()  # each query finds its own key
        [0.0, 1.0, 2.0]
    """
    weights = weigh(score(queries, keys, bias), mask)
    return weights @ values, weights


def attend_fused(
    queries: Float[Tensor, "batch heads queries d_head"],
    keys: Float[Tensor, "batch kv_heads keys d_head"],
    values: Float[Tensor, "batch kv_heads keys d_value"],
    mask: Bool[Tensor, "#batch #heads #queries keys"] | None = None,
    bias: Float[Tensor, "#batch #heads queries keys"] | None = None,
    *,
    causal: bool = False,
    scale: float | None = None,
) -> Float[Tensor, "batch heads queries d_value"]:
    """Do the same as :func:`attend` by torch's fused function, which has kernels that keep no matrix of weights.

    Where it has none for the case, it computes as :func:`attend` does.

    Args:
        queries: What each position looks for.
        keys: What each position offers to be found by; several heads of queries may share one.
        values: What each position hands over when it is found.
        mask: True where a query may look at a key.
        bias: What is added to the scores.
        causal: Whether to apply the causal mask of as many queries as keys, instead of ``mask``.
        scale: By what the products are multiplied; ``None`` for one over the root of ``d_head``.

    Returns:
        The mixed values.

    Raises:
        ValueError: If ``d_head`` differs between ``queries`` and ``keys``; the message gives both.
    """
    if queries.shape[-1] != keys.shape[-1]:
        raise ValueError(f"queries have d_head {queries.shape[-1]} and keys {keys.shape[-1]}; they must be the same")
    heads, kv_heads = queries.shape[1], keys.shape[1]
    seen = mask if bias is None else bias if mask is None else bias.masked_fill(~mask, -math.inf)
    if heads != kv_heads and queries.shape[2] == 1 and (seen is None or seen.shape[1] == 1):
        # One query a head: the heads that share keys ask them like several queries, and nothing is copied.
        grouped = queries.reshape(queries.shape[0], kv_heads, heads // kv_heads, -1)
        seen = None if seen is None else seen.expand(-1, -1, heads // kv_heads, -1)
        return F.scaled_dot_product_attention(grouped, keys, values, seen, scale=scale).reshape(*queries.shape[:3], -1)
    keys, values = repeat_heads(keys, heads), repeat_heads(values, heads)
    return F.scaled_dot_product_attention(queries, keys, values, seen, is_causal=causal, scale=scale)


def repeat_heads(
    x: Float[Tensor, "batch kv_heads keys d_head"], n_heads: int
) -> Float[Tensor, "batch heads keys d_head"]:
    """Give each head of queries a copy of the keys or values that it shares.

    Args:
        x: Keys or values.
        n_heads: Number of heads of queries.

    Returns:
        Each head ``n_heads / kv_heads`` times, neighbours first: 0, 0, 1, 1 and not 0, 1, 0, 1.

    Raises:
        ValueError: If ``n_heads`` is not a multiple of the heads of ``x``.

    Example:
        >>> import torch
        >>> repeat_heads(torch.tensor([1.0, 2.0]).reshape(1, 2, 1, 1), 4).flatten().tolist()
        [1.0, 1.0, 2.0, 2.0]
    """
    if n_heads % x.shape[1]:
        raise ValueError(f"n_heads ({n_heads}) must be divisible by the heads of keys and values ({x.shape[1]})")
    return x if n_heads == x.shape[1] else x.repeat_interleave(n_heads // x.shape[1], dim=1)


def gather(
    queries: Float[Tensor, "batch heads queries d_head"],
    keys: Float[Tensor, "batch kv_heads keys d_head"],
    values: Float[Tensor, "batch kv_heads keys d_value"],
    sight: Sight,
    *,
    scale: float | None = None,
    tap: AnyTap = NO_TAP,
) -> Float[Tensor, "batch heads queries d_value"]:
    """Mix the values on the fused path or, where a tap looks, step by step.

    Args:
        queries: What each position looks for.
        keys: What each position offers to be found by.
        values: What each position hands over when it is found.
        sight: Who may see whom, and how far apart they are.
        scale: By what the products are multiplied; ``None`` for one over the root of ``d_head``.
        tap: Sees ``scores``, ``weights`` and ``mixed``.

    Returns:
        The mixed values.
    """
    if tap is NO_TAP:
        return attend_fused(queries, keys, values, sight.mask, sight.bias, causal=sight.causal, scale=scale)
    keys, values = repeat_heads(keys, queries.shape[1]), repeat_heads(values, queries.shape[1])
    scores = tap("scores", score(queries, keys, sight.bias, scale))
    weights = tap("weights", weigh(scores, sight.mask))
    return tap("mixed", weights @ values)


class Attention(nn.Module):
    """Several heads that attend side by side, between a projection to queries, keys and values and one back.

    Args:
        d_model: Width of the model.
        config: Heads, widths and biases.
    """

    def __init__(self, d_model: int, config: AttentionConfig) -> None:
        super().__init__()
        self.config = config
        # One product for all three; the rows are the queries' heads, then the keys', then the values'.
        self.qkv = nn.Linear(d_model, (config.n_heads + 2 * config.n_kv_heads) * config.d_head, config.bias)
        self.output = nn.Linear(config.n_heads * config.d_head, d_model, config.output_bias)
        self.query_norm = config.qk_norm.build(config.d_head) if config.qk_norm else None
        self.key_norm = config.qk_norm.build(config.d_head) if config.qk_norm else None

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
            cache: Keys and values of the positions before, to which those of ``x`` are added.
            tap: Sees the named tensors. With one, the readable path runs and not the fused one.

        Returns:
            What each position gathered, as wide as the model.
        """
        config = self.config
        heads = self.qkv(x).unflatten(-1, (-1, config.d_head)).transpose(1, 2)
        queries, keys, values = heads.split([config.n_heads, config.n_kv_heads, config.n_kv_heads], dim=1)
        if self.query_norm is not None and self.key_norm is not None:
            queries, keys = self.query_norm(queries), self.key_norm(keys)
        queries, keys, values = tap("queries", queries), tap("keys", keys), tap("values", values)
        if sight.rotation is not None:
            cos, sin = sight.rotation
            queries = tap("queries_rotated", rotate(queries, cos, sin, sight.pairing))
            keys = tap("keys_rotated", rotate(keys, cos, sin, sight.pairing))
        if cache is not None:
            keys, values = cache.append(keys, values)
        mixed = gather(queries, keys, values, sight, scale=config.scale, tap=tap)
        return tap("output", self.output(mixed.transpose(1, 2).flatten(-2)))
