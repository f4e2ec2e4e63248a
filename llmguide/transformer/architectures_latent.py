"""The published architecture with latent attention as a choice of parts: DeepSeek-V3."""

from llmguide.transformer.block import BlockConfig
from llmguide.transformer.config import HeadKind, ModelConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.latent_attention import LatentAttentionConfig
from llmguide.transformer.masks import MaskConfig
from llmguide.transformer.moe import ExpertsConfig, RouterConfig
from llmguide.transformer.norms import NormConfig
from llmguide.transformer.positions import Pairing, RotaryPositions
from llmguide.transformer.rope_scaling import Scaling


def deepseek_v3(
    *,
    vocab_size: int,
    context_length: int,
    d_model: int,
    n_layers: int,
    n_heads: int,
    d_nope: int,
    d_rope: int,
    d_value: int,
    kv_rank: int,
    query_rank: int | None,
    d_hidden: int,
    n_dense: int,
    n_experts: int,
    n_active: int,
    d_expert: int,
    n_shared: int = 1,
    n_groups: int = 1,
    n_active_groups: int = 1,
    expert_scale: float = 2.5,
    scale: float | None = None,
    rope_base: float = 10_000.0,
    scaling: Scaling | None = None,
    pairing: Pairing = "neighbours",
    epsilon: float = 1e-6,
    head: HeadKind = "linear",
) -> ModelConfig:
    """Return DeepSeek-V3's choices: Llama's, with latent attention and, behind the first blocks, experts.

    Args:
        vocab_size: Number of tokens.
        context_length: How many positions the model was made for.
        d_model: Width of the residual stream.
        n_layers: Number of blocks.
        n_heads: Number of heads.
        d_nope: Width of the part of queries and keys without positions.
        d_rope: Width of the rotated part.
        d_value: Width of a head's values.
        kv_rank: Width of the latent vectors that keys and values are made from.
        query_rank: Width of those that queries are made from; ``None`` makes queries of the stream.
        d_hidden: Width of the feed-forward part in the first blocks.
        n_dense: How many first blocks have one feed-forward part for all tokens and no experts.
        n_experts: Number of experts in each other block.
        n_active: How many of them each token uses, beside the shared ones.
        d_expert: Width of an expert.
        n_shared: How many experts every token uses; together they are one layer of so many times the width.
        n_groups: Into how many groups the experts are divided.
        n_active_groups: From how many groups a token's experts may come.
        expert_scale: Factor on the weights of the chosen experts.
        scale: By what scores are multiplied; ``None`` for one over the root of ``d_nope + d_rope``.
        rope_base: Base of the rotary frequencies.
        scaling: How they are stretched. With YaRN, DeepSeek puts its factor on the whole score, the part without
            positions included: ``attention_factor`` is 1 there, and ``scale`` holds the factor's square, see
            :func:`~llmguide.transformer.rope_scaling.yarn_magnitude`.
        pairing: Which coordinates turn together.
        epsilon: Added to the mean square in the norms of the stream; those of the latent vectors have ``1e-6``.
        head: ``linear`` or ``tied``.

    Returns:
        The configuration.

    Raises:
        ValueError: If the numbers do not fit together.

    Source: :cite:t:`deepseek2024v3`.

    Example:
        >>> heads = {"n_heads": 2, "d_nope": 4, "d_rope": 2, "d_value": 4, "kv_rank": 3, "query_rank": None}
        >>> experts = {"d_hidden": 16, "n_dense": 1, "n_experts": 4, "n_active": 2, "d_expert": 4}
        >>> config = deepseek_v3(vocab_size=8, context_length=16, d_model=8, n_layers=3, **heads, **experts)
        >>> [type(layer.feedforward).__name__ for layer in config.layers]
        ['FeedForwardConfig', 'ExpertsConfig', 'ExpertsConfig']
    """
    if not 0 <= n_dense <= n_layers:
        raise ValueError(f"n_dense must be from 0 to n_layers ({n_layers}), not {n_dense}")
    if n_shared < 1:
        raise ValueError(f"n_shared must be at least 1, not {n_shared}")
    norm = NormConfig("rms", epsilon)
    attention = LatentAttentionConfig(n_heads, d_nope, d_rope, d_value, kv_rank, query_rank, scale=scale)
    dense = FeedForwardConfig(d_hidden, "silu", gated=True, bias=False)
    experts = ExpertsConfig(
        n_experts,
        n_active,
        expert=FeedForwardConfig(d_expert, "silu", gated=True, bias=False),
        shared=FeedForwardConfig(n_shared * d_expert, "silu", gated=True, bias=False),
        router=RouterConfig("sigmoid", True, n_groups, n_active_groups, expert_scale, correction=True),
    )
    blocks = [BlockConfig(attention, dense)] * n_dense + [BlockConfig(attention, experts)] * (n_layers - n_dense)
    return ModelConfig(
        vocab_size=vocab_size,
        context_length=context_length,
        d_model=d_model,
        n_layers=n_layers,
        attention=attention,
        feedforward=experts if n_dense < n_layers else dense,
        norm=norm,
        norm_placement="pre",
        mask=MaskConfig("causal"),
        positions=RotaryPositions(rope_base, scaling, pairing),
        head=head,
        blocks=tuple(blocks) if 0 < n_dense < n_layers else (),
    )
