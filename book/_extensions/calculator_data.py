"""What the calculator needs besides its code: the published models, as settings that stand for a choice of parts.

A choice of parts can differ from block to block. The calculator knows how many blocks have what, and no more: that is
all that the costs depend on.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.block import BlockConfig, Mixer
from llmguide.transformer.catalogue import MODELS
from llmguide.transformer.config import HeadKind, ModelConfig
from llmguide.transformer.encoder_decoder import EncoderDecoderConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.latent_attention import LatentAttentionConfig
from llmguide.transformer.masks import MaskConfig
from llmguide.transformer.moe import ExpertsConfig
from llmguide.transformer.norms import NormConfig
from llmguide.transformer.positions import LearnedPositions, NoPositions, Positions, RelativePositions
from llmguide.transformer.state_space import StateSpaceConfig

Settings = dict[str, int | str]
"""What the fields of the calculator hold."""

DEFAULTS: Settings = {
    "vocab": 50_257, "dModel": 768, "layers": 12, "encoderLayers": 0, "learned": 0, "buckets": 0, "tokenTypes": 0,
    "norm": "rms", "placement": "pre", "embeddingNorm": 0, "head": "linear", "bidirectional": 0,
    "attention": "attention", "heads": 12, "kvHeads": 12, "dHead": 64, "qkNorm": 0, "bias": 0, "outputBias": 0,
    "dNope": 128, "dRope": 64, "dValue": 128, "kvRank": 512, "queryRank": 0,
    "stateLayers": 0, "stateHeads": 24, "dStateHead": 64, "dState": 128, "stateGroups": 1, "conv": 4,
    "convBias": 1, "stateBias": 0, "chunk": 256,
    "dHidden": 3072, "gated": 1, "hiddenBias": 0,
    "experts": 0, "active": 2, "dExpert": 1024, "dShared": 0, "denseLayers": 0,
}  # fmt: skip
"""A value of every setting; those of parts that a model does not have make no difference."""


def settings_of(config: ModelConfig | EncoderDecoderConfig) -> Settings:
    """Describe a choice of parts by settings.

    Args:
        config: The choice. Its blocks have at most one kind of attention, of state space, of dense and of other
            feed-forward part.

    Returns:
        The settings.
    """
    if isinstance(config, EncoderDecoderConfig):
        return settings_of(config.decoder) | {"encoderLayers": config.encoder.n_layers}
    settings = DEFAULTS | {
        "vocab": config.vocab_size,
        "dModel": config.d_model,
        "layers": config.n_layers,
        "learned": config.positions.length if isinstance(config.positions, LearnedPositions) else 0,
        "buckets": config.positions.buckets if isinstance(config.positions, RelativePositions) else 0,
        "tokenTypes": config.token_types,
        "norm": config.norm.kind,
        "placement": config.norm_placement,
        "embeddingNorm": int(config.embedding_norm is not None),
        "head": config.head,
        "bidirectional": int(config.mask.kind == "bidirectional"),
        "stateLayers": sum(isinstance(block.mixer, StateSpaceConfig) for block in config.layers),
        "denseLayers": sum(isinstance(block.feedforward, FeedForwardConfig) for block in config.layers),
    }
    for block in set(config.layers):
        settings |= _of_mixer(block.mixer) | _of_feedforward(block.feedforward)
    return settings if settings["experts"] else settings | {"denseLayers": 0}


def _of_mixer(mixer: Mixer) -> Settings:
    match mixer:
        case AttentionConfig():
            return {
                "attention": "attention", "heads": mixer.n_heads, "kvHeads": mixer.n_kv_heads, "dHead": mixer.d_head,
                "qkNorm": int(mixer.qk_norm is not None), "bias": int(mixer.bias),
                "outputBias": int(mixer.output_bias),
            }  # fmt: skip
        case LatentAttentionConfig():
            return {
                "attention": "latent", "heads": mixer.n_heads, "kvHeads": mixer.n_heads, "dNope": mixer.d_nope,
                "dRope": mixer.d_rope, "dValue": mixer.d_value, "kvRank": mixer.kv_rank,
                "queryRank": mixer.query_rank or 0,
            }  # fmt: skip
        case StateSpaceConfig():
            return {
                "stateHeads": mixer.n_heads, "dStateHead": mixer.d_head, "dState": mixer.d_state,
                "stateGroups": mixer.n_groups, "conv": mixer.d_conv, "convBias": int(mixer.conv_bias),
                "stateBias": int(mixer.bias), "chunk": mixer.chunk,
            }  # fmt: skip


def _of_feedforward(feedforward: FeedForwardConfig | ExpertsConfig) -> Settings:
    match feedforward:
        case FeedForwardConfig():
            return {"dHidden": feedforward.d_hidden} | _of_layer(feedforward)
        case ExpertsConfig():
            return {
                "experts": feedforward.n_experts,
                "active": feedforward.n_active,
                "dExpert": feedforward.expert.d_hidden,
                "dShared": feedforward.shared.d_hidden if feedforward.shared else 0,
            } | _of_layer(feedforward.expert)


def _of_layer(layer: FeedForwardConfig) -> Settings:
    return {"gated": int(layer.gated), "hiddenBias": int(layer.bias)}


def config_of(settings: Settings) -> ModelConfig | EncoderDecoderConfig:
    """Make the choice of parts that settings stand for; what the costs do not depend on is made up.

    Args:
        settings: A value for each of :data:`DEFAULTS`.

    Returns:
        The choice of parts.

    Raises:
        ValueError: If the settings do not fit together.
    """
    whole = {name: value for name, value in settings.items() if isinstance(value, int)}
    norm = NormConfig("layer" if settings["norm"] == "layer" else "rms")
    mixers = [_state_space(whole)] * whole["stateLayers"]
    attention = _latent(whole) if settings["attention"] == "latent" else _attention(whole, norm)
    blocks = [*mixers, *[attention] * (whole["layers"] - whole["stateLayers"])]
    dense = _layer(whole, whole["dHidden"])
    feedforward: FeedForwardConfig | ExpertsConfig = dense
    if whole["experts"]:
        shared = _layer(whole, whole["dShared"]) if whole["dShared"] else None
        feedforward = ExpertsConfig(whole["experts"], whole["active"], _layer(whole, whole["dExpert"]), shared)
    parts = [dense if place < whole["denseLayers"] else feedforward for place in range(whole["layers"])]
    positions: Positions = NoPositions()
    if whole["learned"]:
        positions = LearnedPositions(whole["learned"])
    elif whole["buckets"]:
        positions = RelativePositions(whole["buckets"], whole["buckets"])
    config = ModelConfig(
        vocab_size=whole["vocab"],
        context_length=whole["learned"] or 1,
        d_model=whole["dModel"],
        n_layers=whole["layers"],
        attention=attention,
        feedforward=feedforward,
        norm=norm,
        norm_placement="post" if settings["placement"] == "post" else "pre",
        mask=MaskConfig("bidirectional" if whole["bidirectional"] else "causal"),
        positions=positions,
        token_types=whole["tokenTypes"],
        embedding_norm=norm if whole["embeddingNorm"] else None,
        head=_head(settings),
        blocks=tuple(BlockConfig(mixer, part) for mixer, part in zip(blocks, parts, strict=True)),
    )
    if not whole["encoderLayers"]:
        return config
    encoder = replace(
        config,
        n_layers=whole["encoderLayers"],
        blocks=(),
        feedforward=dense,
        head="none",
        mask=MaskConfig("bidirectional"),
    )
    return EncoderDecoderConfig(encoder, config, _attention(whole, norm))


def _head(settings: Settings) -> HeadKind:
    return next(kind for kind in get_args(HeadKind) if kind == settings["head"])


def _attention(whole: dict[str, int], norm: NormConfig) -> AttentionConfig:
    return AttentionConfig(
        whole["heads"], whole["kvHeads"], whole["dHead"], bool(whole["bias"]), bool(whole["outputBias"]),
        norm if whole["qkNorm"] else None,
    )  # fmt: skip


def _latent(whole: dict[str, int]) -> LatentAttentionConfig:
    return LatentAttentionConfig(
        whole["heads"], whole["dNope"], whole["dRope"], whole["dValue"], whole["kvRank"], whole["queryRank"] or None
    )


def _state_space(whole: dict[str, int]) -> StateSpaceConfig:
    return StateSpaceConfig(
        whole["stateHeads"], whole["dStateHead"], whole["dState"], whole["stateGroups"], whole["conv"],
        bool(whole["stateBias"]), bool(whole["convBias"]), whole["chunk"],
    )  # fmt: skip


def _layer(whole: dict[str, int], d_hidden: int) -> FeedForwardConfig:
    return FeedForwardConfig(d_hidden, "relu", bool(whole["gated"]), bool(whole["hiddenBias"]))


def scripts(results: Path) -> dict[str, str]:
    """Return the data by the name of the script; nothing of the book's results is in them."""
    presets = [
        {
            "key": model.key,
            "name": model.name,
            "settings": settings_of(model.config),
            "published": [model.parameters.value, model.parameters.step],
            "active": [model.active.value, model.active.step] if model.active else None,
            "note": model.note,
        }
        for model in MODELS.values()
    ]
    return {"data.js": f"const CALCULATOR_PRESETS = {json.dumps(presets)};\n"}
