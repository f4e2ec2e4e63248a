"""What one part of a block costs: its learned numbers, its operations, and what it keeps, of the past or for learning.

:mod:`~llmguide.transformer.accounting` adds the parts up.
"""

from dataclasses import dataclass

from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.latent_attention import LatentAttentionConfig
from llmguide.transformer.moe import ExpertsConfig
from llmguide.transformer.norms import NormConfig
from llmguide.transformer.state_space import StateSpaceConfig

MixerConfig = AttentionConfig | LatentAttentionConfig | StateSpaceConfig
"""Any of the layers that let positions exchange what they know."""


@dataclass(frozen=True)
class Span:
    """Which positions are computed.

    Args:
        batch: Number of rows.
        positions: Number of positions that are computed in each.
        cached: Number of positions before them, of which a cache holds what is needed.

    Raises:
        ValueError: If a number is out of range.
    """

    batch: int
    positions: int
    cached: int = 0

    def __post_init__(self) -> None:
        if self.batch < 1 or self.positions < 1 or self.cached < 0:
            raise ValueError(
                f"batch ({self.batch}) and positions ({self.positions}) must be at least 1, "
                f"and cached ({self.cached}) at least 0"
            )

    @property
    def tokens(self) -> int:
        """How many positions are computed in all rows together."""
        return self.batch * self.positions

    @property
    def keys(self) -> int:
        """How many positions a row has up to its last."""
        return self.cached + self.positions


def linear_parameters(inputs: int, outputs: int, bias: bool) -> int:
    """Count the parameters of a linear layer: a matrix, and a bias or none."""
    return inputs * outputs + (outputs if bias else 0)


def norm_parameters(norm: NormConfig | None, width: int) -> int:
    """Count the parameters of a norm: a scale, and for LayerNorm a bias."""
    return 0 if norm is None else width * (2 if norm.kind == "layer" else 1)


def mixer_parameters(mixer: MixerConfig, d_model: int) -> int:
    """Count the parameters of what lets positions exchange, but for its norms.

    Args:
        mixer: The choices for it.
        d_model: Width of the model.

    Returns:
        The number.

    Example:
        >>> mixer_parameters(AttentionConfig(n_heads=4, n_kv_heads=2, d_head=16), d_model=64)  # 64 x 128 and 64 x 64
        12288
    """
    match mixer:
        case AttentionConfig():
            projected = (mixer.n_heads + 2 * mixer.n_kv_heads) * mixer.d_head
            asking = mixer.n_heads * mixer.d_head
            return linear_parameters(d_model, projected, mixer.bias) + linear_parameters(
                asking, d_model, mixer.output_bias
            )
        case LatentAttentionConfig():
            return _latent_down(mixer, d_model) + _latent_up(mixer) + mixer.n_heads * mixer.d_value * d_model
        case StateSpaceConfig():
            # Of each head: what is added to its step, its decay, and how much of its input passes by the state.
            return (
                linear_parameters(d_model, _projected_by_state_space(mixer), mixer.bias)
                + mixer.d_convolved * (mixer.d_conv + mixer.conv_bias)
                + 3 * mixer.n_heads
                + linear_parameters(mixer.d_values, d_model, mixer.bias)
            )


def mixer_norm_parameters(mixer: MixerConfig) -> int:
    """Count the parameters of the norms inside of what lets positions exchange."""
    match mixer:
        case AttentionConfig():
            return 2 * norm_parameters(mixer.qk_norm, mixer.d_head)
        case LatentAttentionConfig():
            return norm_parameters(mixer.norm, mixer.kv_rank + (mixer.query_rank or 0))
        case StateSpaceConfig():
            return mixer.d_values


def mixer_flops(mixer: MixerConfig, d_model: int, span: Span) -> tuple[int, int]:
    """Count the operations in the matrix products of what lets positions exchange.

    Args:
        mixer: The choices for it.
        d_model: Width of the model.
        span: Which positions are computed.

    Returns:
        Those of the projections, whose number grows with the positions, and those of the exchange itself.
    """
    match mixer:
        case AttentionConfig():
            asking = mixer.n_heads * mixer.d_head
            projected = (mixer.n_heads + 2 * mixer.n_kv_heads) * mixer.d_head
            return 2 * span.tokens * d_model * (projected + asking), 2 * 2 * span.tokens * span.keys * asking
        case LatentAttentionConfig():
            return _latent_flops(mixer, d_model, span)
        case StateSpaceConfig():
            projected = _projected_by_state_space(mixer) + mixer.d_values
            return 2 * span.tokens * d_model * projected, _state_space_flops(mixer, span)


def cached_bytes(mixer: MixerConfig, batch: int, positions: int, bytes_per_number: int) -> int:
    """Count the memory for what a layer keeps of the positions before.

    Args:
        mixer: The choices for what lets positions exchange.
        batch: Number of rows.
        positions: For how many positions there is room.
        bytes_per_number: 4 for float32, 2 for bfloat16. A state is kept in float32 at least: it is a sum over the
            whole text.

    Returns:
        Bytes of keys and values; or of latent vectors and the rotated keys that all heads share; or of a state and the
        last inputs of a convolution, the same for any number of positions.
    """
    match mixer:
        case AttentionConfig():
            return 2 * batch * positions * mixer.n_kv_heads * mixer.d_head * bytes_per_number
        case LatentAttentionConfig():
            return batch * positions * (mixer.kv_rank + mixer.d_rope) * bytes_per_number
        case StateSpaceConfig():
            state = mixer.d_values * mixer.d_state * max(4, bytes_per_number)
            return batch * (state + mixer.d_convolved * (mixer.d_conv - 1) * bytes_per_number)


def feedforward_parameters(feedforward: FeedForwardConfig | ExpertsConfig, d_model: int) -> int:
    """Count the parameters of what each position computes for itself: all experts, and their router.

    Args:
        feedforward: The choices for it.
        d_model: Width of the model.

    Returns:
        The number.
    """
    match feedforward:
        case FeedForwardConfig(d_hidden=hidden, bias=bias):
            up = (2 if feedforward.gated else 1) * hidden
            return linear_parameters(d_model, up, bias) + linear_parameters(hidden, d_model, bias)
        case ExpertsConfig(shared=shared):
            router = feedforward.n_experts * d_model
            always = 0 if shared is None else feedforward_parameters(shared, d_model)
            return router + always + feedforward.n_experts * feedforward_parameters(feedforward.expert, d_model)


def idle_parameters(feedforward: FeedForwardConfig | ExpertsConfig, d_model: int) -> int:
    """Count the parameters that do nothing for a token: those of the experts that were not chosen for it."""
    match feedforward:
        case FeedForwardConfig():
            return 0
        case ExpertsConfig(n_experts=experts, n_active=active):
            return (experts - active) * feedforward_parameters(feedforward.expert, d_model)


def feedforward_flops(feedforward: FeedForwardConfig | ExpertsConfig, d_model: int, tokens: int) -> int:
    """Count the operations in the matrix products of what each position computes for itself.

    Args:
        feedforward: The choices for it.
        d_model: Width of the model.
        tokens: How many positions are computed.

    Returns:
        The number: of the chosen experts, the shared one and the router.
    """
    match feedforward:
        case FeedForwardConfig():
            return 2 * tokens * d_model * feedforward.d_hidden * (3 if feedforward.gated else 2)
        case ExpertsConfig(shared=shared):
            router = 2 * tokens * d_model * feedforward.n_experts
            always = 0 if shared is None else feedforward_flops(shared, d_model, tokens)
            return router + always + feedforward_flops(feedforward.expert, d_model, tokens * feedforward.n_active)


def kept_by_norm(norm: NormConfig | None, rows: int, width: int) -> int:
    """Count what the gradient of a norm needs: what it reads and its statistics."""
    if norm is None:
        return 0
    # LayerNorm keeps each row's mean and deviation; RMSNorm the root mean square, and the rows divided by it.
    return rows * (width + 2) if norm.kind == "layer" else rows * (2 * width + 1)


def kept_by_feedforward(part: FeedForwardConfig | ExpertsConfig, tokens: int, d_model: int) -> int:
    """Count what the gradient of a feed-forward part needs, the input that a router and a shared expert share once."""
    if isinstance(part, FeedForwardConfig):
        # What goes into the activation, what comes out, and what goes into the last product; for ReLU only the latter.
        kept = (4 if part.gated else 2) - (part.activation == "relu")
        return tokens * (d_model + kept * part.d_hidden)
    # Each chosen expert has a copy of its input; its weight, what it returned, and their product are kept as well.
    chosen = tokens * part.n_active
    experts = kept_by_feedforward(part.expert, chosen, d_model) + chosen * (2 * d_model + 1)
    shared = 0 if part.shared is None else kept_by_feedforward(part.shared, tokens, d_model) - tokens * d_model
    # The router keeps its input and all scores and, to divide by their sum, those of the chosen and the sum, before and
    # after it is kept away from zero.
    divided = chosen + 2 * tokens if part.router.normalize else 0
    return tokens * (d_model + part.n_experts) + divided + experts + shared


def _latent_down(mixer: LatentAttentionConfig, d_model: int) -> int:
    """Count what makes the latent vectors and the shared key of the stream, or the queries where they have none."""
    queries = mixer.n_heads * (mixer.d_nope + mixer.d_rope) if mixer.query_rank is None else mixer.query_rank
    return d_model * (queries + mixer.kv_rank + mixer.d_rope)


def _latent_up(mixer: LatentAttentionConfig) -> int:
    """Count what makes queries, keys and values of the latent vectors."""
    queries = (mixer.query_rank or 0) * mixer.n_heads * (mixer.d_nope + mixer.d_rope)
    return queries + mixer.kv_rank * mixer.n_heads * (mixer.d_nope + mixer.d_value)


def _latent_flops(mixer: LatentAttentionConfig, d_model: int, span: Span) -> tuple[int, int]:
    """Count by the form that runs: with a cache, the one that has less to multiply; without, the expanded one."""
    heads, up = mixer.n_heads, mixer.kv_rank * (mixer.d_nope + mixer.d_value)
    queries = (mixer.query_rank or 0) * heads * (mixer.d_nope + mixer.d_rope)
    ever = span.tokens * (_latent_down(mixer, d_model) + queries + heads * mixer.d_value * d_model)
    if span.cached and mixer.absorbing_is_cheaper(span.positions, span.keys):
        each = 2 * mixer.kv_rank + mixer.d_rope
        return 2 * (ever + span.tokens * heads * up), 2 * span.tokens * span.keys * heads * each
    each = mixer.d_nope + mixer.d_rope + mixer.d_value
    return 2 * (ever + span.batch * span.keys * heads * up), 2 * span.tokens * span.keys * heads * each


def _projected_by_state_space(mixer: StateSpaceConfig) -> int:
    """Width of what the first projection makes: a gate, what is convolved, and a step for each head."""
    return mixer.d_values + mixer.d_convolved + mixer.n_heads


def _state_space_flops(mixer: StateSpaceConfig, span: Span) -> int:
    """Count the convolution, and of each chunk: all pairs inside it, the way from the state, and the way to it."""
    chunks, rest = divmod(span.positions, mixer.chunk)
    pairs = chunks * mixer.chunk**2 + rest**2
    inside = pairs * mixer.n_heads * (mixer.d_state + mixer.d_head)
    through_state = 2 * span.positions * mixer.d_values * mixer.d_state
    return 2 * span.batch * (inside + through_state + span.positions * mixer.d_convolved * mixer.d_conv)
