"""What a model costs, worked out from its configuration: parameters, operations, and memory.

Each function returns one number for each part; the sum of the values is the whole. What a single part of a block costs
is in :mod:`~llmguide.transformer.part_costs`, and what it keeps for the backward pass in
:mod:`~llmguide.transformer.activation_costs`.

Example:
    >>> from llmguide.transformer import gpt2
    >>> small = gpt2(vocab_size=50257, context_length=1024, d_model=768, n_layers=12, n_heads=12)
    >>> sum(parameters(small).values())
    124439808
"""

from typing import Literal

from llmguide.transformer.activation_costs import kept_by_stack, kept_by_two_stacks
from llmguide.transformer.config import ModelConfig
from llmguide.transformer.encoder_decoder import EncoderDecoderConfig
from llmguide.transformer.part_costs import (
    Span,
    cached_bytes,
    feedforward_flops,
    feedforward_parameters,
    idle_parameters,
    linear_parameters,
    mixer_flops,
    mixer_norm_parameters,
    mixer_parameters,
    norm_parameters,
)
from llmguide.transformer.positions import LearnedPositions, RelativePositions

AnyConfig = ModelConfig | EncoderDecoderConfig
"""A model of one stack or of two."""

Precision = Literal["float32", "mixed"]
"""In which numbers a model learns: all in float32, or weights and gradients in bfloat16 beside a copy in float32."""


def parameters(config: AnyConfig) -> dict[str, int]:
    """Count the learned numbers.

    Args:
        config: A choice of parts.

    Returns:
        ``embedding`` (of tokens, learned positions and token types), ``attention`` (of all layers, or what stands in
        its place), ``feedforward`` (of all layers, with all experts and their routers), ``norms`` (of all kinds), and
        ``head``: what it adds, so 0 where it is tied to the embedding. The norm of a masked head counts as part of
        the head. A router's correction is not learned by gradients and does not count.

    Example:
        >>> from llmguide.transformer import gpt2
        >>> parameters(gpt2(vocab_size=50257, context_length=1024, d_model=768, n_layers=12, n_heads=12))
        {'embedding': 39383808, 'attention': 28348416, 'feedforward': 56669184, 'norms': 38400, 'head': 0}
    """
    if isinstance(config, EncoderDecoderConfig):
        return _parameters_of_two_stacks(config)
    d, layers = config.d_model, config.layers
    relative = (
        config.positions.buckets * config.attention.n_heads if isinstance(config.positions, RelativePositions) else 0
    )
    learned = config.positions.length if isinstance(config.positions, LearnedPositions) else 0
    norm = norm_parameters(config.norm, d)
    return {
        "embedding": (config.vocab_size + learned + config.token_types) * d,
        "attention": relative + sum(mixer_parameters(block.mixer, d) for block in layers),
        "feedforward": sum(feedforward_parameters(block.feedforward, d) for block in layers),
        "norms": sum(2 * norm + mixer_norm_parameters(block.mixer) for block in layers)
        + norm_parameters(config.embedding_norm, d)
        + (norm if config.norm_placement == "pre" else 0),
        "head": {
            "tied": 0,
            "linear": config.vocab_size * d,
            "masked": linear_parameters(d, d, bias=True) + norm + config.vocab_size,
            "none": 0,
        }[config.head],
    }


def active_parameters(config: AnyConfig) -> dict[str, int]:
    """Count the learned numbers that work for one token: all but those of the experts that are not chosen for it.

    The embedding counts as a whole, though a token reads one row of it: so do most who publish such counts.

    Args:
        config: A choice of parts.

    Returns:
        The same parts as :func:`parameters` has.

    Example:
        >>> from llmguide.transformer.catalogue import MODELS
        >>> mixtral = MODELS["mixtral-8x7b"].config
        >>> sum(parameters(mixtral).values()), sum(active_parameters(mixtral).values())
        (46702792704, 12879925248)
    """
    stacks = (config.encoder, config.decoder) if isinstance(config, EncoderDecoderConfig) else (config,)
    idle = sum(idle_parameters(block.feedforward, config.d_model) for stack in stacks for block in stack.layers)
    every = parameters(config)
    return {**every, "feedforward": every["feedforward"] - idle}


def matmul_flops(config: ModelConfig, batch: int, positions: int, cached: int = 0) -> dict[str, int]:
    r"""Count the multiplications and additions in the matrix products of a forward pass.

    The product of an :math:`m \times k` and a :math:`k \times n` matrix is :math:`2mkn` of them. Training takes three
    times as many as the forward pass, if all weights learn: each product :math:`XW` has two products of the same
    size behind it, for the gradient of :math:`X` and for that of :math:`W`. What is not a matrix product (norms,
    activations, softmax) is little in comparison; the convolution of a state-space layer counts as one.

    Args:
        config: A choice of parts.
        batch: Number of rows.
        positions: Number of positions that are computed in each.
        cached: Number of positions before them, of which a cache holds what is needed.

    Returns:
        ``projections`` (to queries, keys and values, and back), ``attention`` (the scores and the mixing of values:
        what grows with the square of the length; for a state-space layer what happens between its projections),
        ``feedforward`` (of the chosen experts, the shared one and the router, where there are experts) and ``head``.
        All pairs of a query and a key count, as the readable path computes them, even those that a mask then hides.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> from llmguide.transformer import gpt2
        >>> small = gpt2(vocab_size=50257, context_length=1024, d_model=768, n_layers=12, n_heads=12)
        >>> {part: round(flops / 1e9) for part, flops in matmul_flops(small, batch=1, positions=1024).items()}
        {'projections': 58, 'attention': 39, 'feedforward': 116, 'head': 79}
    """
    span, d = Span(batch, positions, cached), config.d_model
    mixers = [mixer_flops(block.mixer, d, span) for block in config.layers]
    columns = {"tied": config.vocab_size, "linear": config.vocab_size, "masked": d + config.vocab_size, "none": 0}
    return {
        "projections": sum(projections for projections, _ in mixers),
        "attention": sum(exchange for _, exchange in mixers),
        "feedforward": sum(feedforward_flops(block.feedforward, d, span.tokens) for block in config.layers),
        "head": 2 * span.tokens * d * columns[config.head],
    }


def activation_bytes(
    config: AnyConfig, batch: int, positions: int, bytes_per_number: int = 4, *, sources: int | None = None
) -> dict[str, int]:
    """Count the memory that a forward pass on the readable path leaves behind for the backward pass.

    That is every floating-point tensor, other than a weight, that PyTorch keeps because the gradient of an operation
    needs it, where no position only fills up its row. A tensor that several operations need counts once; token ids,
    masks and the choices of a router do not count. The loss comes on top, above all the logits: batch x positions x
    vocab numbers, and as many probabilities.

    A state-space layer keeps for each chunk of its positions the pairs inside and a state, so what it keeps depends on
    ``chunk`` and grows with the length and not with its square. Its heads have at least two values here: where they
    have one, PyTorch copies a little more.

    Args:
        config: A choice of parts.
        batch: Number of rows.
        positions: Number of positions in each; of a model of two stacks, of the text that is written.
        bytes_per_number: 4 for float32, 8 for float64. In bfloat16 norms, routers and states keep wider numbers.
        sources: Number of positions of the text that a model of two stacks reads.

    Returns:
        ``norms`` (what they read, and their statistics), ``attention`` (inputs of the projections, queries, keys,
        values and what was mixed; of a state-space layer convolution, steps, gate and states too), ``weights`` (of
        attention: one number for each pair of positions and each head; the fused path does not keep them; of a
        state-space layer three for each pair within a chunk), ``feedforward`` (of experts, what the chosen ones keep,
        what they return, and the router's scores) and ``head``.

    Raises:
        ValueError: If a number is out of range, or ``sources`` is not given for two stacks or given for one.

    Example:
        >>> from llmguide.transformer import gpt2
        >>> small = gpt2(vocab_size=50257, context_length=1024, d_model=768, n_layers=12, n_heads=12)
        >>> {part: kept >> 20 for part, kept in activation_bytes(small, batch=1, positions=1024).items()}  # in MiB
        {'norms': 75, 'attention': 180, 'weights': 1152, 'feedforward': 324, 'head': 3}
    """
    span = Span(batch, positions)
    if isinstance(config, EncoderDecoderConfig):
        if sources is None:
            raise ValueError("sources must say how many positions the encoder reads: the model has two stacks")
        kept = kept_by_two_stacks(config, span, sources)
    elif sources is not None:
        raise ValueError(f"sources ({sources}) is for models of two stacks; this one has one")
    else:
        kept = kept_by_stack(config, span)
    return {part: bytes_per_number * kept[part] for part in ("norms", "attention", "weights", "feedforward", "head")}


def cache_bytes(config: ModelConfig, batch: int, positions: int, bytes_per_number: int = 4) -> int:
    """Count the memory for what a model that writes keeps of the positions before: keys and values in most.

    Args:
        config: A choice of parts.
        batch: Number of rows.
        positions: Number of positions that the cache has room for. A window makes no difference here: our
            :class:`~llmguide.transformer.cache.KvCache` keeps what no query will see again.
        bytes_per_number: 4 for float32, 2 for bfloat16. The state of a state-space layer is in float32 even then.

    Returns:
        Bytes.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> from llmguide.transformer import llama
        >>> shape = dict(vocab_size=128256, context_length=8192, d_model=4096, n_layers=32, n_heads=32, d_hidden=14336)
        >>> llama3 = llama(**shape, n_kv_heads=8)  # 8B
        >>> cache_bytes(llama3, batch=1, positions=8192, bytes_per_number=2) / 2**30
        1.0
    """
    Span(batch, positions)
    return sum(cached_bytes(block.mixer, batch, positions, bytes_per_number) for block in config.layers)


def weight_bytes(config: AnyConfig, bits_per_weight: int = 32) -> int:
    """Count the memory of the weights.

    Args:
        config: A choice of parts.
        bits_per_weight: 32 for float32, 16 for bfloat16, 8 and 4 for integers, whose scales come on top.

    Returns:
        Bytes, those of all experts included, since any may be chosen for the next token.

    Raises:
        ValueError: If ``bits_per_weight`` is not positive.

    Example:
        >>> from llmguide.transformer import gpt2
        >>> small = gpt2(vocab_size=50257, context_length=1024, d_model=768, n_layers=12, n_heads=12)
        >>> weight_bytes(small), weight_bytes(small, bits_per_weight=4)
        (497759232, 62219904)
    """
    if bits_per_weight < 1:
        raise ValueError(f"bits_per_weight must be at least 1, not {bits_per_weight}")
    return -(-sum(parameters(config).values()) * bits_per_weight // 8)


def training_bytes(config: AnyConfig, precision: Precision = "float32") -> dict[str, int]:
    """Count the memory that learning with Adam takes beside the activations.

    Args:
        config: A choice of parts.
        precision: ``float32``; or ``mixed``, where weights and gradients are in bfloat16 and the optimizer moves a copy
            of the weights in float32.

    Returns:
        Bytes of ``weights``, ``gradients``, ``moments`` (the two averages that Adam keeps, in float32 either way) and
        ``copy``: 16 for each parameter in both cases.

    Raises:
        ValueError: If the precision is unknown.

    Source: :cite:t:`micikevicius2018mixed`; :cite:t:`rajbhandari2020zero`, section 3.1.

    Example:
        >>> from llmguide.transformer import gpt2
        >>> small = gpt2(vocab_size=50257, context_length=1024, d_model=768, n_layers=12, n_heads=12)
        >>> {part: taken >> 20 for part, taken in training_bytes(small, "mixed").items()}  # in MiB
        {'weights': 237, 'gradients': 237, 'moments': 949, 'copy': 474}
    """
    each = {
        "float32": {"weights": 4, "gradients": 4, "moments": 8, "copy": 0},
        "mixed": {"weights": 2, "gradients": 2, "moments": 8, "copy": 4},
    }
    if precision not in each:
        raise ValueError(f"precision must be 'float32' or 'mixed', not {precision!r}")
    count = sum(parameters(config).values())
    return {part: taken * count for part, taken in each[precision].items()}


def _parameters_of_two_stacks(config: EncoderDecoderConfig) -> dict[str, int]:
    """Add up two stacks that share an embedding, and the cross-attention with a norm in each block of the decoder."""
    first, second, d = parameters(config.encoder), parameters(config.decoder), config.d_model
    total = {part: first[part] + second[part] for part in first}
    total["embedding"] -= second["embedding"]
    total["attention"] += config.decoder.n_layers * mixer_parameters(config.cross_attention, d)
    cross_norms = norm_parameters(config.decoder.norm, d) + mixer_norm_parameters(config.cross_attention)
    total["norms"] += config.decoder.n_layers * cross_norms - norm_parameters(config.decoder.embedding_norm, d)
    return total
