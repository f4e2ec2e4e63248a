"""What a model costs, worked out from its configuration: parameters, operations, and memory.

Each function returns one number for each part; the sum of the values is the whole.

Example:
    >>> from llmguide.transformer import gpt2
    >>> small = gpt2(vocab_size=50257, context_length=1024, d_model=768, n_layers=12, n_heads=12)
    >>> sum(parameters(small).values())
    124439808
"""

from llmguide.transformer.config import ModelConfig
from llmguide.transformer.norms import NormConfig
from llmguide.transformer.positions import LearnedPositions, RotaryPositions


def parameters(config: ModelConfig) -> dict[str, int]:
    """Count the learned numbers.

    Args:
        config: A choice of parts.

    Returns:
        ``embedding`` (of tokens, learned positions and token types), ``attention`` and ``feedforward`` (of all layers),
        ``norms``, and ``head``: what it adds, so 0 where it is tied to the embedding. The norm of a masked head
        counts as part of the head.

    Example:
        >>> from llmguide.transformer import gpt2
        >>> parameters(gpt2(vocab_size=50257, context_length=1024, d_model=768, n_layers=12, n_heads=12))
        {'embedding': 39383808, 'attention': 28348416, 'feedforward': 56669184, 'norms': 38400, 'head': 0}
    """
    d, attention, feedforward = config.d_model, config.attention, config.feedforward
    learned = config.positions.length if isinstance(config.positions, LearnedPositions) else 0
    asking = attention.n_heads * attention.d_head
    projected = (attention.n_heads + 2 * attention.n_kv_heads) * attention.d_head
    up = (2 if feedforward.gated else 1) * feedforward.d_hidden
    norms = config.n_layers * (2 * _norm(config.norm, d) + 2 * _norm(attention.qk_norm, attention.d_head))
    norms += _norm(config.embedding_norm, d) + (_norm(config.norm, d) if config.norm_placement == "pre" else 0)
    return {
        "embedding": (config.vocab_size + learned + config.token_types) * d,
        "attention": config.n_layers
        * (_linear(d, projected, attention.bias) + _linear(asking, d, attention.output_bias)),
        "feedforward": config.n_layers
        * (_linear(d, up, feedforward.bias) + _linear(feedforward.d_hidden, d, feedforward.bias)),
        "norms": norms,
        "head": {
            "tied": 0,
            "linear": config.vocab_size * d,
            "masked": _linear(d, d, bias=True) + _norm(config.norm, d) + config.vocab_size,
            "none": 0,
        }[config.head],
    }


def matmul_flops(config: ModelConfig, batch: int, positions: int, cached: int = 0) -> dict[str, int]:
    r"""Count the multiplications and additions in the matrix products of a forward pass.

    The product of an :math:`m \times k` and a :math:`k \times n` matrix is :math:`2mkn` of them. Training takes three
    times as many as the forward pass, if all weights learn: each product :math:`XW` has two products of the same
    size behind it, for the gradient of :math:`X` and for that of :math:`W`. What is not a matrix product (norms,
    activations, softmax) is little in comparison.

    Args:
        config: A choice of parts.
        batch: Number of rows.
        positions: Number of positions that are computed in each.
        cached: Number of positions before them, whose keys and values are in a cache.

    Returns:
        ``projections`` (to queries, keys and values, and back), ``attention`` (the scores and the mixing of values:
        what grows with the square of the length), ``feedforward`` and ``head``. All pairs of a query and a key count,
        as the readable path computes them, even those that a mask then hides.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> from llmguide.transformer import gpt2
        >>> small = gpt2(vocab_size=50257, context_length=1024, d_model=768, n_layers=12, n_heads=12)
        >>> {part: round(flops / 1e9) for part, flops in matmul_flops(small, batch=1, positions=1024).items()}
        {'projections': 58, 'attention': 39, 'feedforward': 116, 'head': 79}
    """
    _check(batch, positions, cached)
    d, attention, feedforward = config.d_model, config.attention, config.feedforward
    tokens = batch * positions
    asking = attention.n_heads * attention.d_head
    projected = (attention.n_heads + 2 * attention.n_kv_heads) * attention.d_head
    matrices = 3 if feedforward.gated else 2
    columns = {"tied": config.vocab_size, "linear": config.vocab_size, "masked": d + config.vocab_size, "none": 0}
    return {
        "projections": config.n_layers * 2 * tokens * d * (projected + asking),
        "attention": config.n_layers * 2 * 2 * tokens * (cached + positions) * asking,
        "feedforward": config.n_layers * 2 * tokens * d * feedforward.d_hidden * matrices,
        "head": 2 * tokens * d * columns[config.head],
    }


def activation_bytes(config: ModelConfig, batch: int, positions: int, bytes_per_number: int = 4) -> dict[str, int]:
    """Count the memory that a forward pass on the readable path leaves behind for the backward pass.

    That is every floating-point tensor, other than a weight, that PyTorch keeps because the gradient of an operation
    needs it. A tensor that several operations need counts once; token ids and masks do not count. The loss comes on
    top, above all the logits: batch x positions x vocab numbers, and as many probabilities.

    Args:
        config: A choice of parts.
        batch: Number of rows.
        positions: Number of positions in each.
        bytes_per_number: 4 for float32.

    Returns:
        ``norms`` (what they read, and their statistics), ``attention`` (inputs of the projections, queries, keys,
        values and what was mixed), ``weights`` (of attention: one number for each pair of positions and each head;
        the fused path does not keep them), ``feedforward`` and ``head``.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> from llmguide.transformer import gpt2
        >>> small = gpt2(vocab_size=50257, context_length=1024, d_model=768, n_layers=12, n_heads=12)
        >>> {part: kept >> 20 for part, kept in activation_bytes(small, batch=1, positions=1024).items()}  # in MiB
        {'norms': 75, 'attention': 180, 'weights': 1152, 'feedforward': 324, 'head': 3}
    """
    _check(batch, positions, cached=0)
    d, attention, feedforward = config.d_model, config.attention, config.feedforward
    tokens, layers = batch * positions, config.n_layers
    asking = tokens * attention.n_heads * attention.d_head
    heads = attention.n_heads + attention.n_kv_heads

    norms = 2 * layers * _kept_by_norm(config.norm, tokens, d)
    norms += layers * _kept_by_norm(attention.qk_norm, tokens * heads, attention.d_head)
    norms += _kept_by_norm(config.embedding_norm, tokens, d)
    norms += _kept_by_norm(config.norm, tokens, d) if config.norm_placement == "pre" else 0

    # Kept as what a softmax made and, where there is a mask, again after rows without a visible key were emptied.
    masked = config.mask.build(positions, positions) is not None
    weights = (2 if masked else 1) * batch * attention.n_heads * positions * positions
    # The cosines and sines of all layers are the same tensors.
    rotation = positions * attention.d_head if isinstance(config.positions, RotaryPositions) else 0

    # What goes into the activation, what comes out, and what goes into the last product. ReLU needs its output only.
    hidden = (4 if feedforward.gated else 2) - (feedforward.activation == "relu")
    head = {
        "tied": tokens * d,
        "linear": tokens * d,
        "masked": 3 * tokens * d + _kept_by_norm(config.norm, tokens, d),
        "none": 0,
    }
    numbers = {
        "norms": norms,
        "attention": layers * (tokens * d + 4 * asking) + rotation,
        "weights": layers * weights,
        "feedforward": layers * tokens * (d + hidden * feedforward.d_hidden),
        "head": head[config.head],
    }
    return {part: bytes_per_number * number for part, number in numbers.items()}


def cache_bytes(config: ModelConfig, batch: int, positions: int, bytes_per_number: int = 4) -> int:
    """Count the memory of the keys and values that a model keeps while it writes.

    Args:
        config: A choice of parts.
        batch: Number of rows.
        positions: Number of positions that the cache has room for. A window makes no difference here: our
            :class:`~llmguide.transformer.cache.KvCache` keeps what no query will see again.
        bytes_per_number: 4 for float32, 2 for bfloat16.

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
    _check(batch, positions, cached=0)
    attention = config.attention
    return 2 * config.n_layers * batch * attention.n_kv_heads * positions * attention.d_head * bytes_per_number


def _linear(inputs: int, outputs: int, bias: bool) -> int:
    """Count the parameters of a linear layer."""
    return inputs * outputs + (outputs if bias else 0)


def _norm(norm: NormConfig | None, width: int) -> int:
    """Count the parameters of a norm: a scale, and for LayerNorm a bias."""
    return 0 if norm is None else width * (2 if norm.kind == "layer" else 1)


def _kept_by_norm(norm: NormConfig | None, rows: int, width: int) -> int:
    """Count what the gradient of a norm needs: what it reads and its statistics."""
    if norm is None:
        return 0
    # LayerNorm keeps each row's mean and deviation; RMSNorm the root mean square, and the rows divided by it.
    return rows * (width + 2) if norm.kind == "layer" else rows * (2 * width + 1)


def _check(batch: int, positions: int, cached: int) -> None:
    if batch < 1 or positions < 1 or cached < 0:
        raise ValueError(
            f"batch ({batch}) and positions ({positions}) must be at least 1, and cached ({cached}) at least 0"
        )
