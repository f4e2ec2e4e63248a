"""The published encoder-decoders as choices of parts: the first transformer and T5."""

from dataclasses import replace
from typing import Literal

from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.config import ModelConfig, Scales
from llmguide.transformer.encoder_decoder import EncoderDecoderConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.masks import MaskConfig
from llmguide.transformer.norms import NormConfig
from llmguide.transformer.positions import RelativePositions, SinusoidalPositions

T5_POSITIONS = RelativePositions(buckets=32, distance=128)
"""Those of all published T5."""


def first_transformer(
    *, vocab_size: int, context_length: int, d_model: int, n_layers: int, n_heads: int, d_hidden: int
) -> EncoderDecoderConfig:
    r"""Return the choices of 2017: LayerNorm after each sum, sines for places, ReLU, one matrix for all embeddings.

    What is embedded is multiplied by :math:`\sqrt{d_{model}}`, and the same matrix turns vectors into logits.

    Args:
        vocab_size: Number of tokens of both languages together.
        context_length: How many positions the decoder is made for; sines set no limit.
        d_model: Width of both streams.
        n_layers: Number of blocks of each stack.
        n_heads: Number of heads.
        d_hidden: Width of the feed-forward part.

    Returns:
        The configuration.

    Raises:
        ValueError: If the numbers do not fit together.

    Source: :cite:t:`vaswani2017attention`, section 3.
    """
    if n_heads < 1 or d_model % n_heads:
        raise ValueError(f"d_model ({d_model}) must be divisible by n_heads ({n_heads})")
    attention = AttentionConfig(n_heads, n_heads, d_model // n_heads)
    encoder = ModelConfig(
        vocab_size=vocab_size,
        context_length=context_length,
        d_model=d_model,
        n_layers=n_layers,
        attention=attention,
        feedforward=FeedForwardConfig(d_hidden, "relu"),
        norm=NormConfig("layer", 1e-5),
        norm_placement="post",
        mask=MaskConfig("bidirectional"),
        positions=SinusoidalPositions(),
        scales=Scales(embedding=d_model**0.5),
        head="none",
    )
    return EncoderDecoderConfig(encoder, replace(encoder, mask=MaskConfig("causal"), head="tied"), attention)


def t5(
    *,
    vocab_size: int,
    d_model: int,
    n_layers: int,
    n_heads: int,
    d_head: int,
    d_hidden: int,
    n_decoder_layers: int | None = None,
    context_length: int = 512,
    positions: RelativePositions = T5_POSITIONS,
    epsilon: float = 1e-6,
    version: Literal["1.0", "1.1"] = "1.0",
) -> EncoderDecoderConfig:
    r"""Return T5's choices: RMSNorm before each part, relative positions, no biases, scores that are not scaled.

    What others divide by :math:`\sqrt{d_{head}}` T5 leaves out: its queries start out that much smaller.

    Args:
        vocab_size: Number of tokens.
        d_model: Width of both streams.
        n_layers: Number of blocks of the encoder.
        n_heads: Number of heads.
        d_head: Width of a head; all heads together need not be as wide as the model.
        d_hidden: Width of the feed-forward part.
        n_decoder_layers: Number of blocks of the decoder; by default as many as of the encoder.
        context_length: How many positions the model was trained with; relative positions set no limit.
        positions: Buckets of the relative positions.
        epsilon: Added to the mean square in the norms.
        version: ``1.0`` has ReLU and turns vectors into logits by the embedding matrix, after a division by
            :math:`\sqrt{d_{model}}`; ``1.1`` has a gated GELU and a matrix of its own for the logits.

    Returns:
        The configuration.

    Raises:
        ValueError: If the numbers do not fit together, or the version is unknown.

    Source: :cite:t:`raffel2020exploring`; :cite:t:`shazeer2020glu` for the gated GELU.
    """
    if version not in ("1.0", "1.1"):
        raise ValueError(f"version must be '1.0' or '1.1', not {version!r}")
    first = version == "1.0"
    attention = AttentionConfig(n_heads, n_heads, d_head, scale=1.0)
    encoder = ModelConfig(
        vocab_size=vocab_size,
        context_length=context_length,
        d_model=d_model,
        n_layers=n_layers,
        attention=attention,
        feedforward=FeedForwardConfig(d_hidden, "relu" if first else "gelu_tanh", gated=not first, bias=False),
        norm=NormConfig("rms", epsilon),
        norm_placement="pre",
        mask=MaskConfig("bidirectional"),
        positions=positions,
        head="none",
    )
    decoder = replace(
        encoder,
        n_layers=n_layers if n_decoder_layers is None else n_decoder_layers,
        mask=MaskConfig("causal"),
        head="tied" if first else "linear",
        scales=Scales(logits=d_model**-0.5 if first else 1.0),
    )
    return EncoderDecoderConfig(encoder, decoder, cross_attention=attention)
