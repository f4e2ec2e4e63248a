"""What a forward pass leaves behind for the backward pass, in numbers, by what keeps it.

:mod:`~llmguide.transformer.accounting` turns the numbers into bytes. A tensor that several operations need counts once,
and a view with the numbers that it shows, though what it looks at may be larger.
"""

from collections import Counter
from typing import TypeAlias

from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.config import ModelConfig
from llmguide.transformer.encoder_decoder import EncoderDecoderConfig
from llmguide.transformer.latent_attention import LatentAttentionConfig
from llmguide.transformer.part_costs import MixerConfig, Span, kept_by_feedforward, kept_by_norm
from llmguide.transformer.positions import RotaryPositions
from llmguide.transformer.state_space import StateSpaceConfig

Kept: TypeAlias = Counter[str]
"""How many numbers are kept, by part: ``norms``, ``attention``, ``weights``, ``feedforward`` and ``head``."""


def kept_by_stack(config: ModelConfig, span: Span) -> Kept:
    """Count what the gradient of one stack of blocks needs, from the embedding to the head.

    Args:
        config: The choices of parts.
        span: Which positions are computed.

    Returns:
        The numbers of each part.
    """
    d, tokens = config.d_model, span.tokens
    kept = Counter(norms=kept_by_norm(config.embedding_norm, tokens, d))
    for block in config.layers:
        kept["norms"] += 2 * kept_by_norm(config.norm, tokens, d)
        kept["feedforward"] += kept_by_feedforward(block.feedforward, tokens, d)
        kept.update(kept_by_mixer(block.mixer, d, span, masked=config.mask.kind == "causal" and span.positions > 1))
    if config.norm_placement == "pre":
        kept["norms"] += kept_by_norm(config.norm, tokens, d)
    rotating = any(not isinstance(block.mixer, StateSpaceConfig) for block in config.layers)
    if isinstance(config.positions, RotaryPositions) and rotating:
        # The cosines and sines of all layers are the same tensors.
        kept["attention"] += span.positions * config.attention.d_rotary
    if config.head == "masked":
        kept["norms"] += kept_by_norm(config.norm, tokens, d)
    kept["head"] = {"tied": 1, "linear": 1, "masked": 3, "none": 0}[config.head] * tokens * d
    return kept


def kept_by_two_stacks(config: EncoderDecoderConfig, span: Span, sources: int) -> Kept:
    """Count what the gradient of reading one text and writing another needs.

    Args:
        config: The choices of parts.
        span: Which positions are written.
        sources: Number of positions of the text that is read.

    Returns:
        The numbers of each part, of both stacks and of the attention between them.
    """
    cross, decoder, d = config.cross_attention, config.decoder, config.d_model
    read = Span(span.batch, sources)
    kept = kept_by_stack(config.encoder, read)
    kept.update(kept_by_stack(decoder, span))
    kept["attention"] += read.tokens * d  # the encoder's states, of which all layers make keys and values
    each = kept_by_norm(cross.qk_norm, span.tokens * cross.n_heads + read.tokens * cross.n_kv_heads, cross.d_head)
    kept["norms"] += decoder.n_layers * (kept_by_norm(decoder.norm, span.tokens, d) + each)
    # What asks, and its queries and what they mixed; the keys and the values, a copy for each head.
    asking = span.tokens * (d + 2 * cross.n_heads * cross.d_head)
    kept["attention"] += decoder.n_layers * (asking + 2 * read.tokens * cross.n_heads * cross.d_head)
    kept["weights"] += decoder.n_layers * span.tokens * sources * cross.n_heads
    return kept


def kept_by_mixer(mixer: MixerConfig, d_model: int, span: Span, *, masked: bool) -> Kept:
    """Count what the gradient of what lets positions exchange needs.

    Args:
        mixer: The choices for it.
        d_model: Width of the model.
        span: Which positions are computed.
        masked: Whether a mask hides some pairs of them.

    Returns:
        The numbers of its ``norms``, of its ``weights`` for pairs of positions, and of all else, ``attention``.
    """
    tokens, kept = span.tokens, Counter[str]()
    if isinstance(mixer, StateSpaceConfig):
        return _kept_by_state_space(mixer, d_model, span)
    # Kept as what a softmax made and, where there is a mask, again after rows without a visible key were emptied.
    kept["weights"] = (2 if masked else 1) * tokens * span.positions * mixer.n_heads
    if isinstance(mixer, AttentionConfig):
        kept["norms"] = kept_by_norm(mixer.qk_norm, tokens * (mixer.n_heads + mixer.n_kv_heads), mixer.d_head)
        kept["attention"] = tokens * (d_model + 4 * mixer.n_heads * mixer.d_head)
        return kept
    return _kept_by_latents(mixer, d_model, tokens, kept)


def _kept_by_latents(mixer: LatentAttentionConfig, d_model: int, tokens: int, kept: Kept) -> Kept:
    """Add what is read, the latent vectors, and each head's queries, keys, values and mixture."""
    for rank in (mixer.kv_rank, mixer.query_rank or 0):
        kept["norms"] += kept_by_norm(mixer.norm, tokens if rank else 0, rank)
        kept["attention"] += tokens * rank
    kept["attention"] += tokens * (d_model + 2 * mixer.n_heads * (mixer.d_nope + mixer.d_rope + mixer.d_value))
    return kept


def _kept_by_state_space(mixer: StateSpaceConfig, d_model: int, span: Span) -> Kept:
    """Add up what is kept before the chunks, by each of them, and behind them."""
    tokens, heads = span.tokens, mixer.n_heads
    convolution = span.batch * mixer.d_convolved * (mixer.d_conv - 1 + 2 * span.positions)  # its input, its output
    steps = 2 * tokens * heads + 2 * heads  # before and after softplus; the rates, and the same with a minus
    values = 2 * tokens * mixer.d_values  # as they are, and times the steps
    gate = 4 * tokens * mixer.d_values  # before and after SiLU; what it multiplies; what the last projection reads
    kept = Counter(
        norms=tokens * (2 * mixer.d_values + mixer.n_groups),  # an RMSNorm of each group
        attention=tokens * d_model + convolution + steps + values + gate,
    )
    for start in range(0, span.positions, mixer.chunk):
        length, last = min(mixer.chunk, span.positions - start), start + mixer.chunk >= span.positions
        for part, numbers in _kept_by_chunk(mixer, length, first=start == 0, last=last, alone=span.batch == 1).items():
            kept[part] += span.batch * heads * numbers
    return kept


def _kept_by_chunk(mixer: StateSpaceConfig, length: int, *, first: bool, last: bool, alone: bool) -> dict[str, int]:
    """Count for one head of one row what is kept of a chunk."""
    pairs = 3 * length**2  # products of queries and keys, what is left of each key, and the one times the other
    keys = length * mixer.d_state  # or queries, of which there are as many
    state = mixer.d_state * mixer.d_head + length * mixer.d_head + length  # the state, what is read, what is left of it
    # The state behind the last chunk is of no use to the loss. What is left at the end of a chunk are views of numbers
    # that are kept already, and the same tensors where the chunk has one position; no gradient reaches the first state.
    handed_on = 0 if last else keys + (0 if length == 1 else length + (0 if first else 1))
    # Heads that share no keys have theirs as views of a wider tensor, which the products of several rows copy.
    copies = 0 if alone or mixer.n_groups < mixer.n_heads or mixer.n_heads == 1 else (2 - first - last) * keys
    return {"weights": pairs, "attention": 2 * keys + state + handed_on + copies}
