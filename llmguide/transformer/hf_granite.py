"""Granite 4.0 in the files of ``transformers``, which call it ``granitemoehybrid``: its settings and its names."""

from dataclasses import replace
from typing import Any

from llmguide.transformer.architectures_hybrid import LayerKind, granite_hybrid
from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.config import ModelConfig, Scales
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.hf_common import MOST_HEADS, MOST_LAYERS, MOST_TOKENS, MOST_WIDTH
from llmguide.transformer.hf_dense import LLAMA
from llmguide.transformer.hf_rope import read_rotation, require, write_rotation
from llmguide.transformer.json_files import JsonObject
from llmguide.transformer.moe import ExpertsConfig
from llmguide.transformer.positions import NoPositions, Positions, RotaryPositions
from llmguide.transformer.state_space import StateSpaceConfig

_INNER = {
    "attention_norm": ("input_layernorm",),
    "attention.qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "attention.output": ("self_attn.o_proj",),
    "state_space": ("mamba",),
    "state_space.input": ("mamba.in_proj",),
    "state_space.convolution": ("mamba.conv1d",),
    "state_space.norm": ("mamba.norm",),
    "state_space.output": ("mamba.out_proj",),
    "feedforward_norm": ("post_attention_layernorm",),
    "feedforward.gate_up": ("shared_mlp.input_linear",),
    "feedforward.down": ("shared_mlp.output_linear",),
    "feedforward.shared.gate_up": ("shared_mlp.input_linear",),
    "feedforward.shared.down": ("shared_mlp.output_linear",),
    "feedforward.router": ("block_sparse_moe.router.layer",),
    "feedforward.experts.{}.gate_up": ("block_sparse_moe.input_linear.weight[{}]",),
    "feedforward.experts.{}.down": ("block_sparse_moe.output_linear.weight[{}]",),
}

_PUBLISHED = replace(
    LLAMA, inner=_INNER, leaves={"scale": "weight", "step_bias": "dt_bias", "log_rate": "A_log", "skip": "D"}
)

NAMING = replace(
    _PUBLISHED,
    other=replace(
        _PUBLISHED,
        inner=_INNER
        | {
            "feedforward.router": ("block_sparse_moe.router",),
            "feedforward.experts.{}.gate_up": ("block_sparse_moe.experts.gate_up_proj[{}]",),
            "feedforward.experts.{}.down": ("block_sparse_moe.experts.down_proj[{}]",),
        },
    ),
)
"""What Granite's files call the weights: those that IBM published, and those that ``transformers`` saves.

:meta hide-value:
"""

_KINDS: dict[str, LayerKind] = {
    "attention": "attention",
    "full_attention": "attention",
    "linear_attention": "state space",
    "mamba": "state space",
}


def read(config: JsonObject) -> ModelConfig:
    """Read Granite 4.0, with or without state spaces.

    Args:
        config: The content of ``config.json``.

    Returns:
        The configuration.

    Raises:
        ValueError: If a variant is not ours, or a value is missing or wrong.
    """
    for key, expected in {
        "hidden_act": "silu",
        "normalization_function": "rmsnorm",
        "time_step_limit": [0.0, {"__float__": "Infinity"}],
    }.items():
        require(config, key, expected)
    d_model = config.integer("hidden_size", least=1, most=MOST_WIDTH)
    n_heads = config.integer("num_attention_heads", least=1, most=MOST_HEADS)
    bias = config.flag("attention_bias", False)
    attention = AttentionConfig(
        n_heads,
        config.integer("num_key_value_heads", n_heads, least=1, most=MOST_HEADS),
        config.integer("head_dim", d_model // n_heads, least=1, most=MOST_WIDTH),
        bias=bias,
        output_bias=bias,
        scale=config.number("attention_multiplier", 1.0),
    )
    layers, experts = _read_layers(config), {}
    if n_experts := config.integer("num_local_experts", 8, most=MOST_HEADS):
        experts = {
            "n_experts": n_experts,
            "n_active": config.integer("num_experts_per_tok", 2, least=1, most=n_experts),
            "d_expert": config.integer("intermediate_size", 11008, least=1, most=MOST_TOKENS),
        }
    return granite_hybrid(
        vocab_size=config.integer("vocab_size", least=1, most=MOST_TOKENS),
        context_length=config.integer("max_position_embeddings", least=1),
        d_model=d_model,
        layers=layers,
        attention=attention,
        state_space=_read_state_space(config, d_model) if "state space" in layers else None,
        d_hidden=config.integer("shared_intermediate_size", 1024, least=1, most=MOST_TOKENS),
        **experts,
        positions=_read_positions(config),
        scales=Scales(
            embedding=config.number("embedding_multiplier", 1.0),
            residual=config.number("residual_multiplier", 1.0),
            logits=_inverse(config.number("logits_scaling", 1.0)),
        ),
        epsilon=config.number("rms_norm_eps", 1e-6),
        head="tied" if config.flag("tie_word_embeddings", False) else "linear",
    )


def _read_positions(config: JsonObject) -> Positions:
    match config.text("position_embedding_type", "nope"):
        case "rope":
            return read_rotation(config)
        case "nope":
            return NoPositions()
        case other:
            raise ValueError(
                f"{config.source}: 'position_embedding_type' is {other[:60]!r}; this package has nope and rope"
            )


def _inverse(x: float) -> float:
    """Divide 1 by it; the file divides the logits, we multiply. A 0 stays one, and is refused where scales are."""
    return 1 / x if x else x


def _read_layers(config: JsonObject) -> list[LayerKind]:
    """Read what each layer has; files have called it by several names."""
    n_layers = config.integer("num_hidden_layers", least=1, most=MOST_LAYERS)
    key = "layer_types" if "layer_types" in config else "layers_block_type"
    names = config.list_of(key, str, ["linear_attention"] * n_layers)
    if unknown := sorted(set(names) - _KINDS.keys()):
        raise ValueError(
            f"{config.source}: {key!r} has {unknown[0][:60]!r}; a layer of ours is one of {', '.join(_KINDS)}"
        )
    if len(names) != n_layers:
        raise ValueError(f"{config.source}: {key!r} has {len(names)} entries; 'num_hidden_layers' is {n_layers}")
    return [_KINDS[name] for name in names]


def _read_state_space(config: JsonObject, d_model: int) -> StateSpaceConfig:
    n_heads = config.integer("mamba_n_heads", 128, least=1, most=MOST_HEADS)
    d_values = config.integer("mamba_expand", 2, least=1, most=MOST_HEADS) * d_model
    d_head = d_values // n_heads
    if config.values.get("mamba_d_head") != "auto":
        d_head = config.integer("mamba_d_head", d_head, least=1, most=MOST_WIDTH)
    if n_heads * d_head != d_values:
        raise ValueError(
            f"{config.source}: 'mamba_n_heads' ({n_heads}) times 'mamba_d_head' ({d_head}) must be 'mamba_expand' "
            f"times 'hidden_size' ({d_values})"
        )
    return StateSpaceConfig(
        n_heads,
        d_head,
        config.integer("mamba_d_state", 256, least=1, most=MOST_WIDTH),
        n_groups=config.integer("mamba_n_groups", 1, least=1, most=MOST_HEADS),
        d_conv=config.integer("mamba_d_conv", 4, least=1, most=MOST_HEADS),
        bias=config.flag("mamba_proj_bias", False),
        conv_bias=config.flag("mamba_conv_bias", True),
        chunk=config.integer("mamba_chunk_size", 256, least=1),
    )


def write(config: ModelConfig) -> dict[str, Any]:
    """Write what only Granite 4.0 calls so.

    Args:
        config: The configuration.

    Returns:
        Entries of ``config.json``.
    """
    attention, scales, positions = config.attention, config.scales, config.positions
    recurrent = [isinstance(block.mixer, StateSpaceConfig) for block in config.layers]
    assert isinstance(attention, AttentionConfig)
    return {
        "max_position_embeddings": config.context_length,
        "hidden_size": config.d_model,
        "num_hidden_layers": config.n_layers,
        "layer_types": ["linear_attention" if each else "full_attention" for each in recurrent],
        "num_attention_heads": attention.n_heads,
        "num_key_value_heads": attention.n_kv_heads,
        "head_dim": attention.d_head,
        "attention_bias": attention.bias,
        "attention_multiplier": attention.scale,
        **(
            {"position_embedding_type": "rope", "rope_parameters": write_rotation(positions)}
            if isinstance(positions, RotaryPositions)
            else {"position_embedding_type": "nope"}
        ),
        **_write_feedforward(config.feedforward),
        "rms_norm_eps": config.norm.epsilon,
        "embedding_multiplier": scales.embedding,
        "residual_multiplier": scales.residual,
        "logits_scaling": 1 / scales.logits,
        **_write_state_space(config),
    }


def _write_feedforward(feedforward: FeedForwardConfig | ExpertsConfig) -> dict[str, Any]:
    n_experts = n_active = 0
    shared = expert = feedforward
    if isinstance(feedforward, ExpertsConfig):
        n_experts, n_active = feedforward.n_experts, feedforward.n_active
        shared, expert = feedforward.shared or feedforward.expert, feedforward.expert
    assert isinstance(shared, FeedForwardConfig)
    assert isinstance(expert, FeedForwardConfig)
    return {
        "hidden_act": "silu",
        "shared_intermediate_size": shared.d_hidden,
        "intermediate_size": expert.d_hidden,
        "num_local_experts": n_experts,
        "num_experts_per_tok": n_active,
    }


def _write_state_space(config: ModelConfig) -> dict[str, Any]:
    for block in config.layers:
        if isinstance(mixer := block.mixer, StateSpaceConfig):
            return {
                "mamba_n_heads": mixer.n_heads,
                "mamba_d_head": mixer.d_head,
                "mamba_expand": mixer.d_values // config.d_model,
                "mamba_d_state": mixer.d_state,
                "mamba_n_groups": mixer.n_groups,
                "mamba_d_conv": mixer.d_conv,
                "mamba_proj_bias": mixer.bias,
                "mamba_conv_bias": mixer.conv_bias,
                "mamba_chunk_size": mixer.chunk,
            }
    # No layer has one, but transformers checks that the numbers fit together.
    return {"mamba_n_heads": 1, "mamba_d_head": config.d_model, "mamba_expand": 1}
