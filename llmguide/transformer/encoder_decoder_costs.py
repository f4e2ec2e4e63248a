"""What a model of two stacks costs where that differs from one stack: reading a text once, and writing another."""

from llmguide.transformer.accounting import matmul_flops
from llmguide.transformer.encoder_decoder import EncoderDecoderConfig
from llmguide.transformer.part_costs import Span, linear_parameters


def reading_flops(config: EncoderDecoderConfig, batch: int, sources: int) -> dict[str, int]:
    """Count the operations in the matrix products of reading a text, which is done once.

    Args:
        config: The choices of parts.
        batch: Number of rows.
        sources: Number of positions of the text that is read.

    Returns:
        The parts of :func:`~llmguide.transformer.accounting.matmul_flops`. The keys and values that the decoder's
        layers make of the encoder's states are among the ``projections``; there is no head.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> from llmguide.transformer import t5
        >>> base = t5(vocab_size=32128, d_model=768, n_layers=12, n_heads=12, d_head=64, d_hidden=3072)
        >>> {part: round(flops / 1e9) for part, flops in reading_flops(base, 1, sources=512).items()}
        {'projections': 43, 'attention': 10, 'feedforward': 58, 'head': 0}
    """
    cross = config.cross_attention
    made = linear_parameters(config.d_model, 2 * cross.n_kv_heads * cross.d_head, bias=False)
    flops = matmul_flops(config.encoder, batch, sources)
    flops["projections"] += config.decoder.n_layers * 2 * batch * sources * made
    return flops


def writing_flops(
    config: EncoderDecoderConfig, batch: int, positions: int, sources: int, cached: int = 0
) -> dict[str, int]:
    """Count the operations in the matrix products of writing, after a text was read.

    Args:
        config: The choices of parts.
        batch: Number of rows.
        positions: Number of positions that are computed in each.
        sources: Number of positions of the text that was read.
        cached: Number of positions of the decoder before them, of which a cache holds what is needed.

    Returns:
        The parts of :func:`~llmguide.transformer.accounting.matmul_flops`, cross-attention included.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> from llmguide.transformer import t5
        >>> base = t5(vocab_size=32128, d_model=768, n_layers=12, n_heads=12, d_head=64, d_hidden=3072)
        >>> {part: round(flops / 1e6) for part, flops in writing_flops(base, 1, 1, sources=512).items()}
        {'projections': 85, 'attention': 19, 'feedforward': 113, 'head': 49}
    """
    Span(batch, sources)
    cross, tokens = config.cross_attention, batch * positions
    asking = cross.n_heads * cross.d_head
    flops = matmul_flops(config.decoder, batch, positions, cached)
    flops["projections"] += config.decoder.n_layers * 2 * tokens * 2 * config.d_model * asking
    flops["attention"] += config.decoder.n_layers * 2 * 2 * tokens * sources * asking
    return flops


def memory_bytes(config: EncoderDecoderConfig, batch: int, sources: int, bytes_per_number: int = 4) -> int:
    """Count the memory for what the decoder needs of a text that was read: states, and each layer's keys and values.

    What the decoder keeps of its own positions is :func:`~llmguide.transformer.accounting.cache_bytes` of
    ``config.decoder``.

    Args:
        config: The choices of parts.
        batch: Number of rows.
        sources: Number of positions of the text that was read.
        bytes_per_number: 4 for float32, 2 for bfloat16.

    Returns:
        Bytes.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> from llmguide.transformer import t5
        >>> base = t5(vocab_size=32128, d_model=768, n_layers=12, n_heads=12, d_head=64, d_hidden=3072)
        >>> memory_bytes(base, 1, sources=1)  # 768 numbers, and twice 12 layers of 768
        76800
    """
    cross = config.cross_attention
    each = config.d_model + config.decoder.n_layers * 2 * cross.n_kv_heads * cross.d_head
    return Span(batch, sources).tokens * each * bytes_per_number
