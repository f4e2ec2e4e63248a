"""A block: attention and feed-forward, each added to the stream that runs through the model."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from jaxtyping import Float
from torch import Tensor, nn

from llmguide.transformer.attention import AttentionConfig, Sight
from llmguide.transformer.cache import LayerCache, StateCache
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.latent_attention import LatentAttentionConfig
from llmguide.transformer.moe import ExpertsConfig
from llmguide.transformer.norms import NormConfig
from llmguide.transformer.state_space import StateSpaceConfig
from llmguide.transformer.trace import NO_TAP, AnyTap

NormPlacement = Literal["pre", "post"]
"""Whether a part normalizes what it reads (``pre``) or the stream after its sum was added (``post``)."""


Mixer: TypeAlias = AttentionConfig | LatentAttentionConfig | StateSpaceConfig
"""What lets positions exchange what they know."""


@dataclass(frozen=True)
class BlockConfig:
    """The parts of a block.

    Args:
        mixer: What lets positions exchange what they know.
        feedforward: What each position computes for itself.
    """

    mixer: Mixer
    feedforward: FeedForwardConfig | ExpertsConfig


class Block(nn.Module):
    r"""Attention, then feed-forward, around which the residual stream runs on.

    .. math::
        h = x + \operatorname{Attn}(\operatorname{Norm}(x)), \quad y = h + \operatorname{FFN}(\operatorname{Norm}(h))

    for ``pre``, and for ``post``

    .. math::
        h = \operatorname{Norm}(x + \operatorname{Attn}(x)), \quad y = \operatorname{Norm}(h + \operatorname{FFN}(h)).

    Args:
        d_model: Width of the model.
        config: The parts.
        norm: The normalization.
        placement: Where it stands.
        scale: By what is multiplied what each part adds.

    Source: :cite:t:`vaswani2017attention` for ``post``, :cite:t:`xiong2020layer` for ``pre``.
    """

    def __init__(
        self,
        d_model: int,
        config: BlockConfig,
        norm: NormConfig,
        placement: NormPlacement,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.attention_norm = norm.build(d_model)
        self.attention = config.mixer.build(d_model)
        self.feedforward_norm = norm.build(d_model)
        self.feedforward = config.feedforward.build(d_model)
        self.placement, self.scale = placement, scale

    def forward(
        self,
        x: Float[Tensor, "batch positions d_model"],
        sight: Sight,
        cache: LayerCache | StateCache | None = None,
        tap: AnyTap = NO_TAP,
    ) -> Float[Tensor, "batch positions d_model"]:
        """Add to the stream what the two parts find.

        Args:
            x: The stream.
            sight: Who may see whom, and how far apart they are.
            cache: What the mixer keeps of the positions before.
            tap: Sees the named tensors.

        Returns:
            The stream after both parts.
        """
        inside_attention, inside_feedforward = tap.inside("attention"), tap.inside("feedforward")
        if self.placement == "pre":
            normed = tap("attention_norm", self.attention_norm(x))
            x = tap("attended", self._add(x, self.attention(normed, sight, cache, inside_attention)))
            normed = tap("feedforward_norm", self.feedforward_norm(x))
            return tap(
                "output", self._add(x, inside_feedforward("output", self.feedforward(normed, inside_feedforward)))
            )
        x = tap("attended", self._add(x, self.attention(x, sight, cache, inside_attention)))
        x = tap("attention_norm", self.attention_norm(x))
        x = self._add(x, inside_feedforward("output", self.feedforward(x, inside_feedforward)))
        return tap("output", tap("feedforward_norm", self.feedforward_norm(x)))

    def _add(
        self, x: Float[Tensor, "batch positions d_model"], found: Float[Tensor, "batch positions d_model"]
    ) -> Float[Tensor, "batch positions d_model"]:
        return x + (found if self.scale == 1.0 else self.scale * found)
