"""One model, many architectures: a few lines compose the parts that a configuration chooses."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from llmguide.transformer.attention import Sight
from llmguide.transformer.block import Block
from llmguide.transformer.cache import KvCache
from llmguide.transformer.config import ModelConfig
from llmguide.transformer.masks import causal_mask, padding_mask, positions_of
from llmguide.transformer.positions import (
    AlibiPositions,
    LearnedPositions,
    Pairing,
    RelativePositions,
    RotaryPositions,
    SinusoidalPositions,
    alibi_bias,
    alibi_slopes,
    relative_bias,
    rotation,
    sinusoids,
)
from llmguide.transformer.state_space import StateSpaceConfig
from llmguide.transformer.trace import NO_TAP, AnyTap, Tap


def check_ids(
    config: ModelConfig, ids: Int[Tensor, "batch positions"], real: Bool[Tensor, "batch keys"] | None, keys: int
) -> None:
    """Refuse what would end in an error without a name, or in a wrong answer, further down.

    Args:
        config: The model's configuration.
        ids: Token ids.
        real: False where a position only fills up its row.
        keys: How many positions there are with those in the cache.

    Raises:
        ValueError: If an argument's shape or an id does not fit; the message says which.
    """
    if not ids.numel():
        raise ValueError(f"ids has the shape {list(ids.shape)}; there must be at least one row and one token")
    if (low := int(ids.min())) < 0 or (high := int(ids.max())) >= config.vocab_size:
        wrong = low if low < 0 else high
        raise ValueError(f"ids holds {wrong}; the model has tokens 0 to {config.vocab_size - 1}")
    if isinstance(config.positions, LearnedPositions) and keys > config.positions.length:
        raise ValueError(f"{keys} positions exceed the {config.positions.length} learned ones; cut the text")
    if real is not None and real.shape != (ids.shape[0], keys):
        raise ValueError(
            f"real has the shape {list(real.shape)}; it must say of {ids.shape[0]} rows and {keys} keys, "
            "those in the cache included, which are real"
        )


class Embedding(nn.Module):
    """Turns ids into vectors, with what the architecture adds of places and kinds.

    Args:
        config: The model's configuration.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.kind, self.scale = config.positions, config.scales.embedding
        self.tokens = nn.Embedding(config.vocab_size, config.d_model)
        learned = config.positions.length if isinstance(config.positions, LearnedPositions) else None
        self.positions = nn.Embedding(learned, config.d_model) if learned else None
        self.token_types = nn.Embedding(config.token_types, config.d_model) if config.token_types else None
        self.norm = config.embedding_norm.build(config.d_model) if config.embedding_norm else None

    def forward(
        self,
        ids: Int[Tensor, "batch positions"],
        positions: Int[Tensor, "#batch positions"],
        token_types: Int[Tensor, "batch positions"] | None = None,
    ) -> Float[Tensor, "batch positions d_model"]:
        """Return the stream's first state."""
        x: Tensor = self.tokens(ids)
        if self.scale != 1.0:
            x = x * self.scale
        if self.token_types is not None:
            x = x + self.token_types(torch.zeros_like(ids) if token_types is None else token_types)
        if self.positions is not None:
            x = x + self.positions(positions)
        elif isinstance(self.kind, SinusoidalPositions):
            x = x + sinusoids(positions, x.shape[-1]).to(x.dtype)
        return x if self.norm is None else self.norm(x)


class MaskedHead(nn.Module):
    """BERT's way from vectors to logits: a layer, GELU, a norm, then the embedding matrix and a bias.

    Args:
        config: The model's configuration.

    Source: :cite:t:`devlin2019bert`.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.d_model, config.d_model)
        self.norm = config.norm.build(config.d_model)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def forward(
        self, x: Float[Tensor, "batch positions d_model"], tokens: Float[Tensor, "vocab d_model"]
    ) -> Float[Tensor, "batch positions vocab"]:
        """Return the logits; ``tokens`` is the embedding matrix."""
        return F.linear(self.norm(F.gelu(self.dense(x))), tokens, self.bias)


class Transformer(nn.Module):
    """A transformer of one stack of blocks: GPT-2, BERT, Llama, Mistral or Qwen, by its configuration.

    Args:
        config: The choice of parts. Weights are torch's defaults; see
            :func:`~llmguide.transformer.initialization.initialize` and
            :func:`~llmguide.transformer.checkpoints.load_folder`.

    Example:
        >>> from llmguide.transformer import gpt2
        >>> model = Transformer(gpt2(vocab_size=8, context_length=8, d_model=4, n_layers=1, n_heads=2))
        >>> model(torch.tensor([[1, 2, 3]])).shape
        torch.Size([1, 3, 8])
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = Embedding(config)
        self.relative: nn.Embedding | None = None  # one table for all blocks
        if isinstance(config.positions, RelativePositions):
            self.relative = nn.Embedding(config.positions.buckets, config.attention.n_heads)
        self.blocks = nn.ModuleList(
            Block(config.d_model, layer, config.norm, config.norm_placement, config.scales.residual)
            for layer in config.layers
        )
        self.final_norm = config.norm.build(config.d_model) if config.norm_placement == "pre" else None
        self.head: nn.Linear | MaskedHead | None = None
        if config.head == "linear":
            self.head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        elif config.head == "masked":
            self.head = MaskedHead(config)

    def new_cache(self, batch: int, capacity: int | None = None) -> KvCache:
        """Make an empty cache for this model.

        Args:
            batch: Number of rows.
            capacity: For how many positions; by default ``context_length``.

        Returns:
            The cache.

        Raises:
            ValueError: If the model is not causal, so that earlier positions would change with later ones.
        """
        if self.config.mask.kind != "causal":
            raise ValueError("a bidirectional model has no use for a cache: each new token changes every position")
        weight = self.embedding.tokens.weight
        capacity = capacity or self.config.context_length
        return KvCache(
            [layer.mixer.new_cache(batch, capacity, weight.dtype, weight.device) for layer in self.config.layers]
        )

    def forward(
        self,
        ids: Int[Tensor, "batch positions"],
        *,
        real: Bool[Tensor, "batch keys"] | None = None,
        mask: Bool[Tensor, "#batch #heads positions keys"] | None = None,
        positions: Int[Tensor, "#batch positions"] | None = None,
        token_types: Int[Tensor, "batch positions"] | None = None,
        cache: KvCache | None = None,
        tap: Tap | None = None,
        last_only: bool = False,
    ) -> Float[Tensor, "batch out width"]:
        """Return the logits of each position, or its vector where the model has no head.

        Args:
            ids: Token ids.
            real: False where a position only fills up its row, for the cached positions and these. Places are
                counted from each row's first real token.
            mask: True where a query may look at a key, instead of what the configuration says. Padding stays hidden.
            positions: The place of each token, where it is not the default.
            token_types: The kind of each token; by default 0.
            cache: Keys and values of the positions before, to which these are added.
            tap: Sees the named tensors. With one, attention takes the readable path.
            last_only: Whether to compute the logits of the last position alone.

        Returns:
            Logits, or vectors of width ``d_model`` where the head is ``none``.

        Raises:
            ValueError: If an argument's shape or an id does not fit; the message says which.
        """
        x = self.hidden(ids, real=real, mask=mask, positions=positions, token_types=token_types, cache=cache, tap=tap)
        x = self.project(x[:, -1:] if last_only else x)
        if tap is not None:
            x = tap("logits", x)
            tap.check()
        return x

    def project(self, x: Float[Tensor, "batch positions d_model"]) -> Float[Tensor, "batch positions width"]:
        """Turn final vectors into logits, by the head that the configuration names."""
        if self.config.head == "none":
            return x
        if self.config.scales.logits != 1.0:
            x = x * self.config.scales.logits
        tokens = self.embedding.tokens.weight
        match self.head:
            case MaskedHead():
                logits: Tensor = self.head(x, tokens)
            case nn.Linear():
                logits = self.head(x)
            case _:
                logits = F.linear(x, tokens)
        return logits

    def hidden(
        self,
        ids: Int[Tensor, "batch positions"],
        *,
        real: Bool[Tensor, "batch keys"] | None = None,
        mask: Bool[Tensor, "#batch #heads positions keys"] | None = None,
        positions: Int[Tensor, "#batch positions"] | None = None,
        token_types: Int[Tensor, "batch positions"] | None = None,
        cache: KvCache | None = None,
        tap: Tap | None = None,
    ) -> Float[Tensor, "batch positions d_model"]:
        """Return each position's vector after the last block and the final norm; arguments as in :meth:`forward`."""
        cached = 0 if cache is None else cache.length
        keys = cached + ids.shape[1]
        check_ids(self.config, ids, real, keys)
        if mask is not None and any(isinstance(block.mixer, StateSpaceConfig) for block in self.config.layers):
            raise ValueError("mask is given, and a state space cannot look away; leave it out")
        look: AnyTap = NO_TAP if tap is None else tap
        places = torch.arange(keys, device=ids.device)[None] if real is None else positions_of(real)
        here = places[:, cached:] if positions is None else positions
        if positions is not None and not cached:
            places = positions
        sight = self._sight(here, places, real, mask, readable=tap is not None)
        x = look("embedding", self.embedding(ids, here, token_types))
        for index, block in enumerate(self.blocks):
            x = block(x, sight, None if cache is None else cache.layers[index], look.inside(f"blocks.{index}"))
        return x if self.final_norm is None else look("final_norm", self.final_norm(x))

    def _sight(
        self,
        here: Int[Tensor, "#batch positions"],
        places: Int[Tensor, "#batch keys"],
        real: Bool[Tensor, "batch keys"] | None,
        mask: Bool[Tensor, "#batch #heads positions keys"] | None,
        *,
        readable: bool,
    ) -> Sight:
        """Work out once, for all layers, who may see whom and how queries and keys are turned."""
        config, dtype = self.config, self.embedding.tokens.weight.dtype
        queries, keys = here.shape[1], places.shape[1]
        bias = cos_sin = None
        pairing: Pairing = "halves"
        if isinstance(config.positions, RotaryPositions):
            frequencies = config.positions.frequencies(config.attention.d_rotary).to(here.device)
            cos, sin = rotation(here, frequencies, config.positions.magnitude)
            cos_sin, pairing = (cos.to(dtype), sin.to(dtype)), config.positions.pairing
        elif isinstance(config.positions, AlibiPositions):
            slopes = alibi_slopes(config.attention.n_heads).to(here.device, dtype)
            bias = alibi_bias(slopes, here, places)
        elif isinstance(config.positions, RelativePositions) and self.relative is not None:
            to_the_right = config.mask.kind == "bidirectional"
            bias = relative_bias(
                self.relative.weight, here, places, config.positions.distance, bidirectional=to_the_right
            )
        plain = mask is None and real is None and bias is None and config.mask.is_causal_for(keys)
        if plain and not readable and queries == keys > 1:
            return Sight(causal=True, rotation=cos_sin, pairing=pairing)
        if mask is None:
            built = config.mask.build(queries, keys, here.device)
            mask = None if built is None else built[None, None]
            if mask is not None and config.mask.sinks and real is not None:
                # The first places are those of the text, behind the padding.
                first = (places < config.mask.sinks)[:, None, None, :]
                mask = mask | (first & causal_mask(queries, keys, here.device))
        if real is not None:
            mask = padding_mask(real) if mask is None else mask & padding_mask(real)
        here_real = None if real is None else real[:, keys - queries :]
        return Sight(mask=mask, bias=bias, rotation=cos_sin, pairing=pairing, real=here_real)
