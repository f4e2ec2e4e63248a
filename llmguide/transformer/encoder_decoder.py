"""A model of two stacks: an encoder reads one text, a decoder writes another and looks at what was read.

The encoder sees its text from both sides. The decoder sees what it has written, and by cross-attention all of the
encoder's states. Both are choices of parts like any other model.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from llmguide.transformer.attention import AttentionConfig, Sight
from llmguide.transformer.block import Block
from llmguide.transformer.cache import KvCache
from llmguide.transformer.config import HeadKind, ModelConfig
from llmguide.transformer.cross_attention import CrossBlock, Memory
from llmguide.transformer.masks import MaskConfig, padding_mask, positions_of
from llmguide.transformer.model import Embedding, check_ids
from llmguide.transformer.positions import AlibiPositions, RelativePositions, RotaryPositions, relative_bias
from llmguide.transformer.trace import NO_TAP, AnyTap, Tap


@dataclass(frozen=True)
class EncoderDecoderConfig:
    """Two choices of parts and what ties them together.

    Args:
        encoder: The choices for the stack that reads. It sees both sides and has no head.
        decoder: The choices for the stack that writes. It is causal; its head and its scale of the logits count.
        cross_attention: The choices for the decoder's attention to the encoder's states.

    Raises:
        ValueError: If the two do not fit together; the message says in what.
    """

    encoder: ModelConfig
    decoder: ModelConfig
    cross_attention: AttentionConfig

    def __post_init__(self) -> None:
        for name in ("vocab_size", "d_model", "positions", "token_types", "embedding_norm"):
            first, second = getattr(self.encoder, name), getattr(self.decoder, name)
            if first != second:
                raise ValueError(f"encoder and decoder share an embedding; {name} must be the same: {first}, {second}")
        if (first := self.encoder.scales.embedding) != (second := self.decoder.scales.embedding):
            raise ValueError(f"encoder and decoder share an embedding; its scale must be the same: {first}, {second}")
        if self.encoder.mask != MaskConfig("bidirectional") or self.encoder.head != "none":
            raise ValueError(
                "the encoder must see both sides and have the head 'none', "
                f"not {self.encoder.mask} and {self.encoder.head!r}"
            )
        if self.decoder.mask != MaskConfig("causal") or self.decoder.head not in ("tied", "linear"):
            raise ValueError(
                "the decoder must be causal without a window and have the head 'tied' or 'linear', "
                f"not {self.decoder.mask} and {self.decoder.head!r}"
            )
        if isinstance(self.encoder.positions, RotaryPositions | AlibiPositions) or self.encoder.token_types:
            raise ValueError(
                "an encoder-decoder has relative, learned, sinusoidal or no positions and no kinds of token, "
                f"not {self.encoder.positions} and {self.encoder.token_types}"
            )

    @property
    def vocab_size(self) -> int:
        """Number of tokens."""
        return self.decoder.vocab_size

    @property
    def d_model(self) -> int:
        """Width of both streams."""
        return self.decoder.d_model

    @property
    def n_layers(self) -> int:
        """Number of blocks of both stacks."""
        return self.encoder.n_layers + self.decoder.n_layers

    @property
    def context_length(self) -> int:
        """How many positions the decoder was made for."""
        return self.decoder.context_length

    @property
    def head(self) -> HeadKind:
        """How the decoder's vectors become logits."""
        return self.decoder.head


class Stack(nn.Module):
    """Blocks one after the other, what they share of positions, and the norm behind them.

    Args:
        config: The choices for the stack.
        blocks: The blocks.
    """

    def __init__(self, config: ModelConfig, blocks: Iterable[nn.Module]) -> None:
        super().__init__()
        self.config = config
        self.relative: nn.Embedding | None = None
        if isinstance(config.positions, RelativePositions):
            self.relative = nn.Embedding(config.positions.buckets, config.attention.n_heads)
        self.blocks = nn.ModuleList(blocks)
        self.final_norm = config.norm.build(config.d_model) if config.norm_placement == "pre" else None

    def sight(self, queries: int, keys: int, real: Bool[Tensor, "batch keys"] | None, device: torch.device) -> Sight:
        """Work out once, for all layers, who may see whom and how far apart they are.

        Args:
            queries: How many positions ask. They are the last ones.
            keys: How many positions there are in all.
            real: False where a position only fills up its row.
            device: Where to build it.

        Returns:
            What the heads of every layer know of the places.
        """
        built = self.config.mask.build(queries, keys, device)
        mask = None if built is None else built[None, None]
        if real is not None:
            mask = padding_mask(real) if mask is None else mask & padding_mask(real)
        bias = None
        if self.relative is not None and isinstance(self.config.positions, RelativePositions):
            # The distance of two columns is that of the tokens in them, on whichever side the row is filled up.
            places = torch.arange(keys, device=device)[None]
            bias = relative_bias(
                self.relative.weight,
                places[:, keys - queries :],
                places,
                self.config.positions.distance,
                bidirectional=self.config.mask.kind == "bidirectional",
            )
        return Sight(mask=mask, bias=bias, real=None if real is None else real[:, keys - queries :])


class EncoderDecoder(nn.Module):
    """A transformer of two stacks: T5, by its configuration, or the first transformer.

    Args:
        config: The choice of parts. Weights are torch's defaults; see
            :func:`~llmguide.transformer.initialization.initialize` and
            :func:`~llmguide.transformer.checkpoints.load_encoder_decoder`.

    Source: :cite:t:`vaswani2017attention`, figure 1.

    Example:
        >>> from llmguide.transformer import t5
        >>> model = EncoderDecoder(t5(vocab_size=8, d_model=4, n_layers=1, n_heads=2, d_head=2, d_hidden=8))
        >>> memory = model.encode(torch.tensor([[5, 6, 7, 1]]))  # read once
        >>> model.decode(torch.tensor([[0, 3]]), memory).shape
        torch.Size([1, 2, 8])
    """

    def __init__(self, config: EncoderDecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = Embedding(config.encoder)
        encoder, decoder = config.encoder, config.decoder
        self.encoder = Stack(
            encoder,
            (
                Block(encoder.d_model, layer, encoder.norm, encoder.norm_placement, encoder.scales.residual)
                for layer in encoder.layers
            ),
        )
        self.decoder = Stack(
            decoder,
            (
                CrossBlock(
                    decoder.d_model,
                    layer,
                    config.cross_attention,
                    decoder.norm,
                    decoder.norm_placement,
                    scale=decoder.scales.residual,
                )
                for layer in decoder.layers
            ),
        )
        self.head = nn.Linear(config.d_model, config.vocab_size, bias=False) if decoder.head == "linear" else None

    def new_cache(self, batch: int, capacity: int | None = None) -> KvCache:
        """Make an empty cache for the decoder's own positions; those of the encoder are in the memory.

        Args:
            batch: Number of rows.
            capacity: For how many positions; by default ``context_length``.

        Returns:
            The cache.
        """
        weight, capacity = self.embedding.tokens.weight, capacity or self.config.context_length
        return KvCache(
            [
                layer.mixer.new_cache(batch, capacity, weight.dtype, weight.device)
                for layer in self.config.decoder.layers
            ]
        )

    def forward(
        self,
        sources: Int[Tensor, "batch keys"],
        targets: Int[Tensor, "batch positions"],
        *,
        sources_real: Bool[Tensor, "batch keys"] | None = None,
        targets_real: Bool[Tensor, "batch positions"] | None = None,
        tap: Tap | None = None,
    ) -> Float[Tensor, "batch positions vocab"]:
        """Return the logits of each position of the targets.

        Args:
            sources: The ids that are read.
            targets: The ids that are written, behind one that begins them.
            sources_real: False where a position of the sources only fills up its row.
            targets_real: The same of the targets.
            tap: Sees the named tensors. With one, attention takes the readable path.

        Returns:
            The logits.

        Raises:
            ValueError: If an argument's shape or an id does not fit; the message says which.
        """
        return self.decode(targets, self.encode(sources, real=sources_real, tap=tap), real=targets_real, tap=tap)

    def encode(
        self,
        ids: Int[Tensor, "batch keys"],
        *,
        real: Bool[Tensor, "batch keys"] | None = None,
        tap: Tap | None = None,
    ) -> Memory:
        """Read a text.

        Args:
            ids: Its ids.
            real: False where a position only fills up its row.
            tap: Sees the named tensors; its edits are checked by :meth:`decode`.

        Returns:
            What the decoder needs of it.

        Raises:
            ValueError: If an argument's shape or an id does not fit; the message says which.
        """
        look: AnyTap = NO_TAP if tap is None else tap
        x = self._embed(self.config.encoder, ids, real, 0, look.inside("encoder"))
        sight = self.encoder.sight(ids.shape[1], ids.shape[1], real, ids.device)
        for index, block in enumerate(self.encoder.blocks):
            x = block(x, sight, None, look.inside(f"encoder.blocks.{index}"))
        if self.encoder.final_norm is not None:
            x = look("encoder.final_norm", self.encoder.final_norm(x))
        keys_values = []
        for index, block in enumerate(self.decoder.blocks):
            assert isinstance(block, CrossBlock)
            inside = look.inside(f"decoder.blocks.{index}.cross_attention")
            keys_values.append(block.cross_attention.remember(x, inside))
        return Memory(x, tuple(keys_values), real)

    def decode(
        self,
        ids: Int[Tensor, "batch positions"],
        memory: Memory,
        *,
        real: Bool[Tensor, "batch keys"] | None = None,
        cache: KvCache | None = None,
        tap: Tap | None = None,
        last_only: bool = False,
    ) -> Float[Tensor, "batch out vocab"]:
        """Return the logits of what is written.

        Args:
            ids: The ids that are written, behind one that begins them; with a cache those since the last call.
            memory: What was read.
            real: False where a position of the decoder only fills up its row, for the cached positions and these.
            cache: Keys and values of the decoder's positions before, to which these are added.
            tap: Sees the named tensors. With one, attention takes the readable path.
            last_only: Whether to compute the logits of the last position alone.

        Returns:
            The logits.

        Raises:
            ValueError: If an argument's shape or an id does not fit; the message says which.
        """
        if len(ids) != len(memory.states):
            raise ValueError(f"ids has {len(ids)} rows and memory {len(memory.states)}; they must be the same")
        look: AnyTap = NO_TAP if tap is None else tap
        cached = 0 if cache is None else cache.length
        x = self._embed(self.config.decoder, ids, real, cached, look.inside("decoder"))
        sight = self.decoder.sight(ids.shape[1], cached + ids.shape[1], real, ids.device)
        across = memory.sight
        for index, (block, keys_values) in enumerate(zip(self.decoder.blocks, memory.keys_values, strict=True)):
            layer, inside = None if cache is None else cache.layers[index], look.inside(f"decoder.blocks.{index}")
            x = block(x, sight, keys_values, across, cache=layer, tap=inside)
        if self.decoder.final_norm is not None:
            x = look("decoder.final_norm", self.decoder.final_norm(x))
        logits = look("logits", self.project(x[:, -1:] if last_only else x))
        if tap is not None:
            tap.check()
        return logits

    def project(self, x: Float[Tensor, "batch positions d_model"]) -> Float[Tensor, "batch positions vocab"]:
        """Turn the decoder's last vectors into logits."""
        x = x * self.config.decoder.scales.logits
        return F.linear(x, self.embedding.tokens.weight if self.head is None else self.head.weight)

    def _embed(
        self,
        config: ModelConfig,
        ids: Int[Tensor, "batch positions"],
        real: Bool[Tensor, "batch keys"] | None,
        cached: int,
        tap: AnyTap,
    ) -> Float[Tensor, "batch positions d_model"]:
        """Check the ids and turn them into vectors; places are counted from each row's first real token."""
        keys = cached + ids.shape[1]
        check_ids(config, ids, real, keys)
        places = torch.arange(keys, device=ids.device)[None] if real is None else positions_of(real)
        return tap("embedding", self.embedding(ids, places[:, cached:]))
