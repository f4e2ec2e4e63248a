"""DeepSeek-V3 in the files of ``transformers``: its settings and its names."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from llmguide.transformer.architectures_latent import deepseek_v3
from llmguide.transformer.block import BlockConfig
from llmguide.transformer.config import ModelConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.hf_common import (
    MOST_HEADS,
    MOST_LAYERS,
    MOST_TOKENS,
    MOST_WIDTH,
    read_activation,
    write_activation,
)
from llmguide.transformer.hf_dense import LLAMA
from llmguide.transformer.hf_names import Naming
from llmguide.transformer.hf_rope import read_rotation, require, write_rotation
from llmguide.transformer.json_files import JsonObject
from llmguide.transformer.latent_attention import LatentAttentionConfig
from llmguide.transformer.moe import ExpertsConfig
from llmguide.transformer.positions import RotaryPositions
from llmguide.transformer.rope_scaling import YarnScaling, yarn_magnitude

_INNER = {
    "attention_norm": ("input_layernorm",),
    "attention.query": ("self_attn.q_proj",),
    "attention.query_down": ("self_attn.q_a_proj",),
    "attention.query_norm": ("self_attn.q_a_layernorm",),
    "attention.query_up": ("self_attn.q_b_proj",),
    "attention.kv_down": ("self_attn.kv_a_proj_with_mqa",),
    "attention.kv_norm": ("self_attn.kv_a_layernorm",),
    "attention.kv_up": ("self_attn.kv_b_proj",),
    "attention.output": ("self_attn.o_proj",),
    "feedforward_norm": ("post_attention_layernorm",),
    "feedforward.gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "feedforward.down": ("mlp.down_proj",),
    "feedforward.router": ("mlp.gate",),
    "feedforward.shared.gate_up": ("mlp.shared_experts.gate_proj", "mlp.shared_experts.up_proj"),
    "feedforward.shared.down": ("mlp.shared_experts.down_proj",),
}

# What ``transformers`` itself calls the weights, with all experts of a block in one tensor. It saves so when it is told
# not to save the original format.
_STACKED = replace(
    LLAMA,
    inner={
        **_INNER,
        "feedforward.experts.{}.gate_up": ("mlp.experts.gate_up_proj[{}]",),
        "feedforward.experts.{}.down": ("mlp.experts.down_proj[{}]",),
    },
    # The module that predicts a second token lies behind the 61 layers of DeepSeek-V3; ``transformers`` drops it, too.
    ignored=LLAMA.ignored + r"|layers\.61\..*",
    leaves={**LLAMA.leaves, "correction": "e_score_correction_bias"},
)

NAMING: Naming = replace(
    _STACKED,
    inner={
        **_INNER,
        "feedforward.experts.{}.gate_up": ("mlp.experts.{}.gate_proj", "mlp.experts.{}.up_proj"),
        "feedforward.experts.{}.down": ("mlp.experts.{}.down_proj",),
    },
    other=_STACKED,
)
"""What DeepSeek-V3's files call the weights: those that were published, and what ``transformers`` saves by default.

:meta hide-value:
"""


def read(config: JsonObject) -> ModelConfig:
    """Read DeepSeek-V3. What only training needs is passed over, and the module that predicts a second token as well.

    Args:
        config: The content of ``config.json``.

    Returns:
        The configuration.

    Raises:
        ValueError: If a variant is not ours, or a value is missing or wrong.
    """
    n_heads = config.integer("num_attention_heads", least=1, most=MOST_HEADS)
    for key, expected in {
        "attention_bias": False,
        "num_key_value_heads": n_heads,
        # Of the code that came with the weights:
        "moe_layer_freq": 1,
        "scoring_func": "sigmoid",
        "topk_method": "noaux_tc",
    }.items():
        require(config, key, expected)
    n_layers = config.integer("num_hidden_layers", least=1, most=MOST_LAYERS)
    n_experts = config.integer("n_routed_experts", 256, least=1, most=MOST_HEADS)
    n_groups = config.integer("n_group", 8, least=1, most=n_experts)
    d_nope, d_rope = (config.integer(key, least=1, most=MOST_WIDTH) for key in ("qk_nope_head_dim", "qk_rope_head_dim"))
    rotation = read_rotation(config)
    # No rank is written as null, and a missing key means the published model's.
    ranked = "q_lora_rank" in config or "q_lora_rank" not in config.values
    model = deepseek_v3(
        vocab_size=config.integer("vocab_size", least=1, most=MOST_TOKENS),
        context_length=config.integer("max_position_embeddings", least=1),
        d_model=config.integer("hidden_size", least=1, most=MOST_WIDTH),
        n_layers=n_layers,
        n_heads=n_heads,
        d_nope=d_nope,
        d_rope=d_rope,
        d_value=config.integer("v_head_dim", 128, least=1, most=MOST_WIDTH),
        kv_rank=config.integer("kv_lora_rank", 512, least=1, most=MOST_WIDTH),
        query_rank=config.integer("q_lora_rank", 1536, least=1, most=MOST_WIDTH) if ranked else None,
        d_hidden=config.integer("intermediate_size", 18_432, least=1, most=MOST_TOKENS),
        n_dense=min(config.integer("first_k_dense_replace", 3), n_layers),
        n_experts=n_experts,
        n_active=config.integer("num_experts_per_tok", 8, least=1, most=n_experts),
        d_expert=config.integer("moe_intermediate_size", 2048, least=1, most=MOST_TOKENS),
        n_shared=config.integer("n_shared_experts", 1, least=1, most=MOST_HEADS),
        n_groups=n_groups,
        n_active_groups=config.integer("topk_group", 4, least=1, most=n_groups),
        expert_scale=config.number("routed_scaling_factor", 2.5),
        scale=_read_scale(config, rotation, d_nope + d_rope),
        rope_base=rotation.base,
        scaling=rotation.scaling,
        pairing="neighbours" if config.flag("rope_interleave", True) else "halves",
        epsilon=config.number("rms_norm_eps", 1e-6),
        head="tied" if config.flag("tie_word_embeddings", False) else "linear",
    )
    activation = read_activation(config, "hidden_act", "silu")

    def settle(part: FeedForwardConfig | ExpertsConfig) -> FeedForwardConfig | ExpertsConfig:
        if isinstance(part, FeedForwardConfig):
            return replace(part, activation=activation)
        assert part.shared is not None
        return replace(
            part,
            expert=replace(part.expert, activation=activation),
            shared=replace(part.shared, activation=activation),
            router=replace(part.router, normalize=config.flag("norm_topk_prob", True)),
        )

    return replace(
        model,
        feedforward=settle(model.feedforward),
        blocks=tuple(BlockConfig(block.mixer, settle(block.feedforward)) for block in model.blocks),
    )


def _read_scale(config: JsonObject, rotation: RotaryPositions, d_head: int) -> float | None:
    """Read YaRN's factor on the scores, the square of which counts as both queries and keys have it."""
    if not isinstance(rotation.scaling, YarnScaling):
        return None
    rope = config.child("rope_parameters" if "rope_parameters" in config else "rope_scaling")
    coefficient = rope.number("mscale_all_dim", 0.0)
    return yarn_magnitude(rotation.scaling.factor, coefficient) ** 2 / math.sqrt(d_head) if coefficient else None


def write(config: ModelConfig) -> Mapping[str, Any]:
    """Write DeepSeek-V3.

    Args:
        config: The configuration, which has latent attention.

    Returns:
        Entries of ``config.json``.

    Raises:
        ValueError: If its positions are not rotary.
    """
    attention, positions = config.attention, config.positions
    assert isinstance(attention, LatentAttentionConfig)
    if not isinstance(positions, RotaryPositions):
        raise ValueError(f"no architecture of transformers has latent attention without rotary positions: {config}")
    parts = [layer.feedforward for layer in config.layers]
    dense = [part for part in parts if isinstance(part, FeedForwardConfig)]
    mixed = [part for part in parts if isinstance(part, ExpertsConfig)]
    written: dict[str, Any] = {
        "max_position_embeddings": config.context_length,
        "hidden_size": config.d_model,
        "num_hidden_layers": config.n_layers,
        "num_attention_heads": attention.n_heads,
        "num_key_value_heads": attention.n_heads,
        "qk_nope_head_dim": attention.d_nope,
        "qk_rope_head_dim": attention.d_rope,
        "v_head_dim": attention.d_value,
        "kv_lora_rank": attention.kv_rank,
        "q_lora_rank": attention.query_rank,
        "hidden_act": write_activation((dense[0] if dense else mixed[0].expert).activation),
        "rms_norm_eps": config.norm.epsilon,
        "rope_interleave": positions.pairing == "neighbours",
        "rope_parameters": _write_rotation(positions, attention),
        "first_k_dense_replace": len(dense),
    }
    if dense:
        written["intermediate_size"] = dense[0].d_hidden
    if mixed:
        experts, router = mixed[0], mixed[0].router
        written |= {
            "n_routed_experts": experts.n_experts,
            "num_experts_per_tok": experts.n_active,
            "moe_intermediate_size": experts.expert.d_hidden,
            "n_shared_experts": 0 if experts.shared is None else experts.shared.d_hidden // experts.expert.d_hidden,
            "norm_topk_prob": router.normalize,
            "n_group": router.n_groups,
            "topk_group": router.n_active_groups,
            "routed_scaling_factor": router.scale,
        }
    return written


def _write_rotation(positions: RotaryPositions, attention: LatentAttentionConfig) -> dict[str, Any]:
    """Write the rotary positions, with YaRN's factor on the scores as the coefficient that gives it."""
    written, scaling = write_rotation(positions), positions.scaling
    if attention.scale is None or not isinstance(scaling, YarnScaling) or scaling.factor == 1:
        return written
    factor = scaling.factor

    def coefficient(magnitude: float) -> float:
        return round((magnitude - 1.0) / (0.1 * math.log(factor)), 9)

    whole = math.sqrt(attention.scale * math.sqrt(attention.d_nope + attention.d_rope))
    written["mscale_all_dim"] = coefficient(whole)
    if scaling.attention_factor is not None:
        own = coefficient(scaling.attention_factor * whole)
        if own and yarn_magnitude(factor, own) / yarn_magnitude(factor, coefficient(whole)) == scaling.attention_factor:
            # As DeepSeek's own file has it, for programs that know the two coefficients and no other factor.
            del written["attention_factor"]
            written["mscale"] = own
    return written
