"""Cross-attention: the positions of one text gather from those of another, as a translation from its source."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from llmguide.transformer.attention import AttentionConfig, Sight, gather
from llmguide.transformer.block import BlockConfig, NormPlacement
from llmguide.transformer.cache import LayerCache
from llmguide.transformer.masks import padding_mask
from llmguide.transformer.norms import NormConfig
from llmguide.transformer.trace import NO_TAP, AnyTap


class KeysValues(NamedTuple):
    """What one layer of the decoder makes of the encoder's states.

    Attributes:
        keys: What each position of the source offers to be found by.
        values: What it hands over when it is found.
    """

    keys: Float[Tensor, "batch kv_heads keys d_head"]
    values: Float[Tensor, "batch kv_heads keys d_head"]


@dataclass(frozen=True)
class Memory:
    """What the encoder made of a text, and the decoder reads at each step: it is computed once.

    Args:
        states: The encoder's last vectors.
        keys_values: What each layer of the decoder makes of them.
        real: False where a position only fills up its row; None where all are real.
    """

    states: Float[Tensor, "batch keys d_model"]
    keys_values: tuple[KeysValues, ...]
    real: Bool[Tensor, "batch keys"] | None = None

    @property
    def sight(self) -> Sight:
        """Who may see what: every position of the decoder all that is no padding, however far it is."""
        return Sight(mask=None if self.real is None else padding_mask(self.real))

    def keep(self, rows: Int[Tensor, " rows"]) -> "Memory":
        """Keep some of the rows, in the order given, and drop the others.

        Args:
            rows: Their numbers; one may be named twice.

        Returns:
            The memory of these rows.
        """
        return Memory(
            self.states[rows],
            tuple(KeysValues(keys[rows], values[rows]) for keys, values in self.keys_values),
            None if self.real is None else self.real[rows],
        )


class CrossAttention(nn.Module):
    r"""Attention whose queries come from one text and whose keys and values come from another.

    .. math:: \operatorname{softmax}\bigl((X W_Q) (M W_K)^\top / \sqrt{d_{head}}\bigr)\, M W_V

    with the decoder's stream :math:`X` and the encoder's states :math:`M`.

    Args:
        d_model: Width of the model.
        config: Heads, widths and biases.

    Source: :cite:t:`vaswani2017attention`, section 3.2.3.

    Example:
        >>> layer = CrossAttention(2, AttentionConfig(n_heads=1, n_kv_heads=1, d_head=2, scale=1.0))
        >>> identity = torch.eye(2)
        >>> names = ["queries.weight", "keys_values.weight", "output.weight"]
        >>> _ = layer.load_state_dict(dict(zip(names, [identity, torch.cat([identity, 8 * identity]), identity])))
        >>> memory = layer.remember(identity[None])  # a source of two tokens
        >>> layer(torch.tensor([[[3.0, 1.0]]]).log(), memory, Sight())  # weights 3 : 1, values (8, 0) and (0, 8)
        tensor([[[6.0000, 2.0000]]], grad_fn=<UnsafeViewBackward0>)
    """

    def __init__(self, d_model: int, config: AttentionConfig) -> None:
        super().__init__()
        self.config = config
        self.queries = nn.Linear(d_model, config.n_heads * config.d_head, config.bias)
        # One product for both; the rows are the keys' heads, then the values'.
        self.keys_values = nn.Linear(d_model, 2 * config.n_kv_heads * config.d_head, config.bias)
        self.output = nn.Linear(config.n_heads * config.d_head, d_model, config.output_bias)
        self.query_norm = config.qk_norm.build(config.d_head) if config.qk_norm else None
        self.key_norm = config.qk_norm.build(config.d_head) if config.qk_norm else None

    def remember(self, states: Float[Tensor, "batch keys d_model"], tap: AnyTap = NO_TAP) -> KeysValues:
        """Make keys and values of the encoder's states, for all queries to come.

        Args:
            states: The encoder's last vectors.
            tap: Sees ``keys`` and ``values``.

        Returns:
            Keys and values.
        """
        heads = self.keys_values(states).unflatten(-1, (-1, self.config.d_head)).transpose(1, 2)
        keys, values = heads.chunk(2, dim=1)
        keys = keys if self.key_norm is None else self.key_norm(keys)
        return KeysValues(tap("keys", keys), tap("values", values))

    def forward(
        self,
        x: Float[Tensor, "batch queries d_model"],
        keys_values: KeysValues,
        sight: Sight,
        tap: AnyTap = NO_TAP,
    ) -> Float[Tensor, "batch queries d_model"]:
        """Let each position gather from the other text.

        Args:
            x: The positions that ask.
            keys_values: From :meth:`remember`.
            sight: Which positions of the other text may be seen.
            tap: Sees the named tensors. With one, the readable path runs and not the fused one.

        Returns:
            What each position gathered, as wide as the model.
        """
        queries = self.queries(x).unflatten(-1, (-1, self.config.d_head)).transpose(1, 2)
        queries = tap("queries", queries if self.query_norm is None else self.query_norm(queries))
        mixed = gather(queries, *keys_values, sight, scale=self.config.scale, tap=tap)
        return tap("output", self.output(mixed.transpose(1, 2).flatten(-2)))


class CrossBlock(nn.Module):
    r"""A decoder's block: attention to itself, attention to the encoder's states :math:`M`, then feed-forward.

    .. math::
        h = x + \operatorname{Attn}(\operatorname{Norm}(x)), \quad
        c = h + \operatorname{Cross}(\operatorname{Norm}(h), M), \quad
        y = c + \operatorname{FFN}(\operatorname{Norm}(c))

    for ``pre``; for ``post`` the norms stand behind the sums, as in :class:`~llmguide.transformer.block.Block`.

    Args:
        d_model: Width of the model.
        config: The parts that a block has without an encoder.
        cross_attention: The choices for the attention to the encoder's states.
        norm: The normalization.
        placement: Where it stands.
        scale: By what is multiplied what each part adds.

    Source: :cite:t:`vaswani2017attention`, figure 1.
    """

    def __init__(
        self,
        d_model: int,
        config: BlockConfig,
        cross_attention: AttentionConfig,
        norm: NormConfig,
        placement: NormPlacement,
        *,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.attention_norm = norm.build(d_model)
        self.attention = config.mixer.build(d_model)
        self.cross_norm = norm.build(d_model)
        self.cross_attention = CrossAttention(d_model, cross_attention)
        self.feedforward_norm = norm.build(d_model)
        self.feedforward = config.feedforward.build(d_model)
        self.placement, self.scale = placement, scale

    def forward(
        self,
        x: Float[Tensor, "batch positions d_model"],
        sight: Sight,
        keys_values: KeysValues,
        across: Sight,
        *,
        cache: LayerCache | None = None,
        tap: AnyTap = NO_TAP,
    ) -> Float[Tensor, "batch positions d_model"]:
        """Add to the stream what the three parts find.

        Args:
            x: The stream.
            sight: Who may see whom in the decoder, and how far apart they are.
            keys_values: What this layer makes of the encoder's states.
            across: Which of the encoder's positions may be seen.
            cache: Keys and values of the decoder's positions before.
            tap: Sees the named tensors.

        Returns:
            The stream after the three parts.
        """
        own, other, feed = tap.inside("attention"), tap.inside("cross_attention"), tap.inside("feedforward")
        if self.placement == "pre":
            normed = tap("attention_norm", self.attention_norm(x))
            x = tap("attended", self._add(x, self.attention(normed, sight, cache, own)))
            normed = tap("cross_norm", self.cross_norm(x))
            x = tap("crossed", self._add(x, self.cross_attention(normed, keys_values, across, other)))
            normed = tap("feedforward_norm", self.feedforward_norm(x))
            return tap("output", self._add(x, feed("output", self.feedforward(normed, feed))))
        x = tap("attended", self._add(x, self.attention(x, sight, cache, own)))
        x = tap("attention_norm", self.attention_norm(x))
        x = tap("crossed", self._add(x, self.cross_attention(x, keys_values, across, other)))
        x = tap("cross_norm", self.cross_norm(x))
        x = self._add(x, feed("output", self.feedforward(x, feed)))
        return tap("output", tap("feedforward_norm", self.feedforward_norm(x)))

    def _add(
        self, x: Float[Tensor, "batch positions d_model"], found: Float[Tensor, "batch positions d_model"]
    ) -> Float[Tensor, "batch positions d_model"]:
        return torch.add(x, found, alpha=self.scale)
