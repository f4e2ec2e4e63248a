"""Architectures whose blocks are not all alike: some with attention, most with a state space."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.block import BlockConfig, Mixer
from llmguide.transformer.config import HeadKind, ModelConfig, Scales
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.masks import MaskConfig
from llmguide.transformer.moe import ExpertsConfig
from llmguide.transformer.norms import NormConfig
from llmguide.transformer.positions import NoPositions, Positions
from llmguide.transformer.state_space import StateSpaceConfig

LayerKind = Literal["state space", "attention"]
"""What lets the positions of a block exchange what they know."""


def granite_hybrid(
    *,
    vocab_size: int,
    context_length: int,
    d_model: int,
    layers: Sequence[LayerKind],
    attention: AttentionConfig,
    state_space: StateSpaceConfig | None,
    d_hidden: int,
    n_experts: int = 0,
    n_active: int = 0,
    d_expert: int = 0,
    positions: Positions | None = None,
    scales: Scales | None = None,
    epsilon: float = 1e-5,
    head: HeadKind = "tied",
) -> ModelConfig:
    """Return the choices of Granite 4.0: blocks with a state space, and here and there one with attention.

    A state space reads a text in its order, so attention needs no positions of its own.

    Args:
        vocab_size: Number of tokens.
        context_length: How many positions the model was made for.
        d_model: Width of the residual stream.
        layers: What each block has, from the first to the last.
        attention: The choices for blocks with attention. A ``scale`` that it leaves open is set to the usual one.
        state_space: The choices for the others, whose norms get the same ``epsilon``; None if there are no others.
        d_hidden: Width of the feed-forward part, a SwiGLU; where there are experts, of the one that all tokens share.
        n_experts: How many experts a router chooses from, or 0 for none.
        n_active: How many of them it chooses for each token.
        d_expert: Width of such an expert.
        positions: How a token's place enters attention; by default it does not.
        scales: Factors on the stream and the logits; by default 1.
        epsilon: Added to the mean square in the norms.
        head: ``tied`` or ``linear``.

    Returns:
        The configuration.

    Raises:
        ValueError: If the numbers do not fit together, a layer is of no known kind, or ``state_space`` is missing.

    Source: :cite:t:`ibm2025granite`.

    Example:
        >>> config = granite_hybrid(
        ...     vocab_size=8,
        ...     context_length=16,
        ...     d_model=4,
        ...     layers=["state space", "attention"],
        ...     attention=AttentionConfig(2, 1, 2),
        ...     state_space=StateSpaceConfig(2, 4, 3),
        ...     d_hidden=8,
        ... )
        >>> [type(block.mixer).__name__ for block in config.layers]
        ['StateSpaceConfig', 'AttentionConfig']
    """
    if unknown := sorted(set(layers) - {"state space", "attention"}):
        raise ValueError(f"layers has {unknown[0]!r}; a layer is 'state space' or 'attention'")
    if attention.scale is None:
        attention = replace(attention, scale=1 / math.sqrt(attention.d_head))
    mixers: dict[LayerKind, Mixer] = {"attention": attention}
    if state_space is not None:
        mixers["state space"] = replace(state_space, epsilon=epsilon)
    elif "state space" in layers:
        raise ValueError("layers has 'state space'; say by state_space what it is like")
    shared = FeedForwardConfig(d_hidden, "silu", gated=True, bias=False)
    feedforward: FeedForwardConfig | ExpertsConfig = shared
    if n_experts:
        feedforward = ExpertsConfig(n_experts, n_active, replace(shared, d_hidden=d_expert), shared)
    blocks = tuple(BlockConfig(mixers[layer], feedforward) for layer in layers)
    return ModelConfig(
        vocab_size=vocab_size,
        context_length=context_length,
        d_model=d_model,
        n_layers=len(layers),
        attention=attention,
        feedforward=feedforward,
        norm=NormConfig("rms", epsilon),
        norm_placement="pre",
        mask=MaskConfig("causal"),
        positions=positions or NoPositions(),
        head=head,
        blocks=blocks if "state space" in layers else (),
        scales=scales or Scales(),
    )
