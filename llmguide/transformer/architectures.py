"""The published architectures as choices of parts: GPT-2, BERT, Llama, Mistral, Qwen 2 and Qwen 3."""

from dataclasses import replace

from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.config import HeadKind, ModelConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.masks import MaskConfig
from llmguide.transformer.norms import NormConfig
from llmguide.transformer.positions import LearnedPositions, RotaryPositions
from llmguide.transformer.rope_scaling import Scaling


def _head_width(d_model: int, n_heads: int) -> int:
    """Divide the model's width among the heads."""
    if n_heads < 1 or d_model % n_heads:
        raise ValueError(f"d_model ({d_model}) must be divisible by n_heads ({n_heads}), or give d_head")
    return d_model // n_heads


def gpt2(
    *, vocab_size: int, context_length: int, d_model: int, n_layers: int, n_heads: int, d_hidden: int | None = None
) -> ModelConfig:
    """Return GPT-2's choices: LayerNorm before each part, learned positions, GELU, biases, tied embeddings.

    Args:
        vocab_size: Number of tokens.
        context_length: Number of learned positions.
        d_model: Width of the residual stream.
        n_layers: Number of blocks.
        n_heads: Number of heads.
        d_hidden: Width of the feed-forward part; by default four times ``d_model``.

    Returns:
        The configuration.

    Raises:
        ValueError: If the numbers do not fit together.

    Source: :cite:t:`radford2019language`.
    """
    return ModelConfig(
        vocab_size=vocab_size,
        context_length=context_length,
        d_model=d_model,
        n_layers=n_layers,
        attention=AttentionConfig(n_heads, n_heads, _head_width(d_model, n_heads), bias=True, output_bias=True),
        feedforward=FeedForwardConfig(d_hidden or 4 * d_model, "gelu_tanh"),
        norm=NormConfig("layer", 1e-5),
        norm_placement="pre",
        mask=MaskConfig("causal"),
        positions=LearnedPositions(context_length),
        head="tied",
    )


def bert(
    *,
    vocab_size: int,
    context_length: int,
    d_model: int,
    n_layers: int,
    n_heads: int,
    d_hidden: int | None = None,
    token_types: int = 2,
    head: HeadKind = "masked",
) -> ModelConfig:
    """Return BERT's choices: LayerNorm after each sum, every position sees every other, two kinds of token.

    Args:
        vocab_size: Number of tokens.
        context_length: Number of learned positions.
        d_model: Width of the residual stream.
        n_layers: Number of blocks.
        n_heads: Number of heads.
        d_hidden: Width of the feed-forward part; by default four times ``d_model``.
        token_types: Number of kinds of token.
        head: ``masked`` for the masked language model, ``none`` for the vectors.

    Returns:
        The configuration.

    Raises:
        ValueError: If the numbers do not fit together.

    Source: :cite:t:`devlin2019bert`.
    """
    norm = NormConfig("layer", 1e-12)
    return ModelConfig(
        vocab_size=vocab_size,
        context_length=context_length,
        d_model=d_model,
        n_layers=n_layers,
        attention=AttentionConfig(n_heads, n_heads, _head_width(d_model, n_heads), bias=True, output_bias=True),
        feedforward=FeedForwardConfig(d_hidden or 4 * d_model, "gelu"),
        norm=norm,
        norm_placement="post",
        mask=MaskConfig("bidirectional"),
        positions=LearnedPositions(context_length),
        token_types=token_types,
        embedding_norm=norm,
        head=head,
    )


def llama(
    *,
    vocab_size: int,
    context_length: int,
    d_model: int,
    n_layers: int,
    n_heads: int,
    n_kv_heads: int,
    d_hidden: int,
    d_head: int | None = None,
    rope_base: float = 10_000.0,
    scaling: Scaling | None = None,
    epsilon: float = 1e-5,
    head: HeadKind = "linear",
) -> ModelConfig:
    """Return Llama's choices: RMSNorm before each part, rotary positions, grouped queries, SwiGLU, no biases.

    Args:
        vocab_size: Number of tokens.
        context_length: How many positions the model was made for.
        d_model: Width of the residual stream.
        n_layers: Number of blocks.
        n_heads: Number of heads of queries.
        n_kv_heads: Number of heads of keys and values.
        d_hidden: Width of the feed-forward part.
        d_head: Width of a head; by default ``d_model / n_heads``.
        rope_base: Base of the rotary frequencies.
        scaling: How they are stretched; Llama 3.1 has
            :class:`~llmguide.transformer.rope_scaling.Llama3Scaling`.
        epsilon: Added to the mean square in the norms.
        head: ``linear`` or ``tied``.

    Returns:
        The configuration.

    Raises:
        ValueError: If the numbers do not fit together.

    Source: :cite:t:`touvron2023llama`; :cite:t:`grattafiori2024llama3`.
    """
    return ModelConfig(
        vocab_size=vocab_size,
        context_length=context_length,
        d_model=d_model,
        n_layers=n_layers,
        attention=AttentionConfig(n_heads, n_kv_heads, d_head or _head_width(d_model, n_heads)),
        feedforward=FeedForwardConfig(d_hidden, "silu", gated=True, bias=False),
        norm=NormConfig("rms", epsilon),
        norm_placement="pre",
        mask=MaskConfig("causal"),
        positions=RotaryPositions(rope_base, scaling),
        head=head,
    )


def mistral(
    *,
    vocab_size: int,
    context_length: int,
    d_model: int,
    n_layers: int,
    n_heads: int,
    n_kv_heads: int,
    d_hidden: int,
    window: int | None,
    d_head: int | None = None,
    rope_base: float = 10_000.0,
    scaling: Scaling | None = None,
    epsilon: float = 1e-5,
    head: HeadKind = "linear",
) -> ModelConfig:
    """Return Mistral's choices: Llama's, and each position sees only the last ``window``.

    Args:
        vocab_size: Number of tokens.
        context_length: How many positions the model was made for.
        d_model: Width of the residual stream.
        n_layers: Number of blocks.
        n_heads: Number of heads of queries.
        n_kv_heads: Number of heads of keys and values.
        d_hidden: Width of the feed-forward part.
        window: How many positions a query sees, itself included; None for all.
        d_head: Width of a head; by default ``d_model / n_heads``.
        rope_base: Base of the rotary frequencies.
        scaling: How they are stretched.
        epsilon: Added to the mean square in the norms.
        head: ``linear`` or ``tied``.

    Returns:
        The configuration.

    Raises:
        ValueError: If the numbers do not fit together.

    Source: :cite:t:`jiang2023mistral`.
    """
    base = llama(
        vocab_size=vocab_size,
        context_length=context_length,
        d_model=d_model,
        n_layers=n_layers,
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        d_hidden=d_hidden,
        d_head=d_head,
        rope_base=rope_base,
        scaling=scaling,
        epsilon=epsilon,
        head=head,
    )
    return replace(base, mask=MaskConfig("causal", window))


def qwen2(
    *,
    vocab_size: int,
    context_length: int,
    d_model: int,
    n_layers: int,
    n_heads: int,
    n_kv_heads: int,
    d_hidden: int,
    rope_base: float = 1_000_000.0,
    scaling: Scaling | None = None,
    epsilon: float = 1e-6,
    head: HeadKind = "linear",
) -> ModelConfig:
    """Return Qwen 2's choices: Llama's, with biases on queries, keys and values.

    Args:
        vocab_size: Number of tokens.
        context_length: How many positions the model was made for.
        d_model: Width of the residual stream.
        n_layers: Number of blocks.
        n_heads: Number of heads of queries.
        n_kv_heads: Number of heads of keys and values.
        d_hidden: Width of the feed-forward part.
        rope_base: Base of the rotary frequencies.
        scaling: How they are stretched.
        epsilon: Added to the mean square in the norms.
        head: ``linear`` or ``tied``.

    Returns:
        The configuration.

    Raises:
        ValueError: If the numbers do not fit together.

    Source: :cite:t:`yang2024qwen2`.
    """
    base = llama(
        vocab_size=vocab_size,
        context_length=context_length,
        d_model=d_model,
        n_layers=n_layers,
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        d_hidden=d_hidden,
        rope_base=rope_base,
        scaling=scaling,
        epsilon=epsilon,
        head=head,
    )
    attention = AttentionConfig(n_heads, n_kv_heads, _head_width(d_model, n_heads), bias=True)
    return replace(base, attention=attention)


def qwen3(
    *,
    vocab_size: int,
    context_length: int,
    d_model: int,
    n_layers: int,
    n_heads: int,
    n_kv_heads: int,
    d_hidden: int,
    d_head: int,
    rope_base: float = 1_000_000.0,
    scaling: Scaling | None = None,
    epsilon: float = 1e-6,
    head: HeadKind = "linear",
) -> ModelConfig:
    """Return Qwen 3's choices: Llama's, and each head's queries and keys are normalized before they are turned.

    Args:
        vocab_size: Number of tokens.
        context_length: How many positions the model was made for.
        d_model: Width of the residual stream.
        n_layers: Number of blocks.
        n_heads: Number of heads of queries.
        n_kv_heads: Number of heads of keys and values.
        d_hidden: Width of the feed-forward part.
        d_head: Width of a head, which need not be ``d_model / n_heads``.
        rope_base: Base of the rotary frequencies.
        scaling: How they are stretched.
        epsilon: Added to the mean square in the norms.
        head: ``linear`` or ``tied``.

    Returns:
        The configuration.

    Raises:
        ValueError: If the numbers do not fit together.

    Source: :cite:t:`yang2025qwen3`.
    """
    base = llama(
        vocab_size=vocab_size,
        context_length=context_length,
        d_model=d_model,
        n_layers=n_layers,
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        d_hidden=d_hidden,
        d_head=d_head,
        rope_base=rope_base,
        scaling=scaling,
        epsilon=epsilon,
        head=head,
    )
    width = d_head or _head_width(d_model, n_heads)
    return replace(base, attention=AttentionConfig(n_heads, n_kv_heads, width, qk_norm=base.norm))
