"""One model, many architectures: a configuration is a choice of parts."""

from dataclasses import dataclass
from typing import Literal

from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.block import BlockConfig, NormPlacement
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.latent_attention import LatentAttentionConfig
from llmguide.transformer.masks import MaskConfig
from llmguide.transformer.moe import ExpertsConfig
from llmguide.transformer.norms import NormConfig
from llmguide.transformer.positions import LearnedPositions, Positions, RotaryPositions, SinusoidalPositions
from llmguide.transformer.state_space import StateSpaceConfig

HeadKind = Literal["tied", "linear", "masked", "none"]
"""How vectors become logits: by the embedding matrix (``tied``), by one of their own (``linear``), by BERT's layer,
norm and biased embedding matrix (``masked``), or not at all (``none``)."""


@dataclass(frozen=True)
class Scales:
    """Factors by which some architectures multiply what others leave as it is.

    Args:
        embedding: Of the embedded tokens.
        residual: Of what each part of a block adds to the stream.
        logits: Of the final vectors, before they become logits.

    Raises:
        ValueError: If a factor is not positive.
    """

    embedding: float = 1.0
    residual: float = 1.0
    logits: float = 1.0

    def __post_init__(self) -> None:
        for name in ("embedding", "residual", "logits"):
            if not getattr(self, name) > 0:
                raise ValueError(f"scale of {name} must be greater than 0, not {getattr(self, name)}")


@dataclass(frozen=True)
class ModelConfig:
    """A choice of parts.

    Args:
        vocab_size: Number of tokens.
        context_length: How many positions the model was made for.
        d_model: Width of the residual stream.
        n_layers: Number of blocks.
        attention: The choices for attention, to which ``positions`` refer.
        feedforward: The choices for the feed-forward part, or for the experts in its place.
        norm: The normalization.
        norm_placement: Before each part, or after its sum.
        mask: Which keys a query may see.
        positions: How a token's place enters.
        token_types: Number of kinds of token (BERT's sentence A and B), or 0 for none.
        embedding_norm: Normalizes the embedded tokens.
        head: How vectors become logits.
        blocks: The parts of each block, where blocks differ. Where it is empty, every block has ``attention`` and
            ``feedforward``.
        scales: Factors on the stream and the logits.

    Raises:
        ValueError: If a number is out of range, or two choices do not fit together.
    """

    vocab_size: int
    context_length: int
    d_model: int
    n_layers: int
    attention: AttentionConfig | LatentAttentionConfig
    feedforward: FeedForwardConfig | ExpertsConfig
    norm: NormConfig
    norm_placement: NormPlacement
    mask: MaskConfig
    positions: Positions
    token_types: int = 0
    embedding_norm: NormConfig | None = None
    head: HeadKind = "tied"
    blocks: tuple[BlockConfig, ...] = ()
    scales: Scales = Scales()

    def __post_init__(self) -> None:
        for name in ("vocab_size", "context_length", "d_model", "n_layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.token_types < 0:
            raise ValueError(f"token_types must be at least 0, not {self.token_types}")
        if self.norm_placement not in ("pre", "post"):
            raise ValueError(f"norm_placement must be 'pre' or 'post', not {self.norm_placement!r}")
        if self.head not in ("tied", "linear", "masked", "none"):
            raise ValueError(f"head must be 'tied', 'linear', 'masked' or 'none', not {self.head!r}")
        if len(self.blocks) not in (0, self.n_layers):
            raise ValueError(
                f"blocks describes {len(self.blocks)} blocks; there must be n_layers ({self.n_layers}), or 0"
            )
        recurrent = any(isinstance(block.mixer, StateSpaceConfig) for block in self.blocks)
        if recurrent and self.mask.kind != "causal":
            raise ValueError(f"mask must be causal: a state space never sees what comes later; it is {self.mask.kind}")
        match self.positions:
            case LearnedPositions(length) if length < self.context_length:
                raise ValueError(f"{length} learned positions do not reach context_length ({self.context_length})")
            case RotaryPositions() as rotary:
                rotary.frequencies(self.attention.d_rotary)
            case SinusoidalPositions() if self.d_model % 2:
                raise ValueError(f"d_model must be even for sinusoidal positions, not {self.d_model}")

    @property
    def layers(self) -> tuple[BlockConfig, ...]:
        """The parts of each block, whether they differ or not."""
        return self.blocks or (BlockConfig(self.attention, self.feedforward),) * self.n_layers
