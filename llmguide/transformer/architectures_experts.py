"""The published architectures with a mixture of experts as choices of parts: Mixtral."""

from dataclasses import replace

from llmguide.transformer.architectures import mistral
from llmguide.transformer.config import HeadKind, ModelConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.moe import ExpertsConfig
from llmguide.transformer.rope_scaling import Scaling


def mixtral(
    *,
    vocab_size: int,
    context_length: int,
    d_model: int,
    n_layers: int,
    n_heads: int,
    n_kv_heads: int,
    d_hidden: int,
    n_experts: int = 8,
    n_active: int = 2,
    d_head: int | None = None,
    window: int | None = None,
    rope_base: float = 1_000_000.0,
    scaling: Scaling | None = None,
    epsilon: float = 1e-5,
    head: HeadKind = "linear",
) -> ModelConfig:
    """Return Mixtral's choices: Mistral's, with experts in the place of each feed-forward part, two for each token.

    Args:
        vocab_size: Number of tokens.
        context_length: How many positions the model was made for.
        d_model: Width of the residual stream.
        n_layers: Number of blocks.
        n_heads: Number of heads of queries.
        n_kv_heads: Number of heads of keys and values.
        d_hidden: Width of an expert.
        n_experts: Number of experts in each block.
        n_active: How many of them each token uses.
        d_head: Width of a head; by default ``d_model / n_heads``.
        window: How many positions back a query may look; Mixtral looks back to the first.
        rope_base: Base of the rotary frequencies.
        scaling: How they are stretched.
        epsilon: Added to the mean square in the norms.
        head: ``linear`` or ``tied``.

    Returns:
        The configuration.

    Raises:
        ValueError: If the numbers do not fit together.

    Source: :cite:t:`jiang2024mixtral`.

    Example:
        >>> mixtral(
        ...     vocab_size=8, context_length=16, d_model=4, n_layers=1, n_heads=2, n_kv_heads=1, d_hidden=8
        ... ).feedforward.n_experts
        8
    """
    base = mistral(
        vocab_size=vocab_size,
        context_length=context_length,
        d_model=d_model,
        n_layers=n_layers,
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        d_hidden=d_hidden,
        window=window,
        d_head=d_head,
        rope_base=rope_base,
        scaling=scaling,
        epsilon=epsilon,
        head=head,
    )
    expert = FeedForwardConfig(d_hidden, "silu", gated=True, bias=False)
    return replace(base, feedforward=ExpertsConfig(n_experts, n_active, expert))
