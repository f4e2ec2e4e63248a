"""GPT-2, BERT, Llama, Mistral, Qwen 2 and Qwen 3 in the files of ``transformers``: their settings and their names."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from llmguide.transformer.architectures import bert, gpt2, llama
from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.config import HeadKind, ModelConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.hf_common import (
    MOST_HEADS,
    MOST_LAYERS,
    MOST_TOKENS,
    MOST_WIDTH,
    read_activation,
    write_activation,
)
from llmguide.transformer.hf_names import Naming
from llmguide.transformer.hf_rope import read_rotation, require, write_rotation
from llmguide.transformer.json_files import JsonObject
from llmguide.transformer.masks import MaskConfig
from llmguide.transformer.moe import ExpertsConfig
from llmguide.transformer.norms import NormConfig
from llmguide.transformer.positions import RotaryPositions

GPT2 = Naming(
    outer={
        "embedding.tokens": "wte",
        "embedding.positions": "wpe",
        "final_norm": "ln_f",
        "head": "lm_head",
    },
    block="h.{}.",
    inner={
        "attention_norm": ("ln_1",),
        "attention.qkv": ("attn.c_attn",),
        "attention.output": ("attn.c_proj",),
        "feedforward_norm": ("ln_2",),
        "feedforward.up": ("mlp.c_fc",),
        "feedforward.down": ("mlp.c_proj",),
    },
    prefix="transformer.",
    heads=("lm_head.",),
    ignored=r"h\.\d+\.attn\.(bias|masked_bias)",  # the causal mask
    transposed=True,
)

BERT = Naming(
    outer={
        "embedding.tokens": "embeddings.word_embeddings",
        "embedding.positions": "embeddings.position_embeddings",
        "embedding.token_types": "embeddings.token_type_embeddings",
        "embedding.norm": "embeddings.LayerNorm",
        "head": "cls.predictions",
        "head.dense": "cls.predictions.transform.dense",
        "head.norm": "cls.predictions.transform.LayerNorm",
    },
    block="encoder.layer.{}.",
    inner={
        "attention.qkv": ("attention.self.query", "attention.self.key", "attention.self.value"),
        "attention.output": ("attention.output.dense",),
        "attention_norm": ("attention.output.LayerNorm",),
        "feedforward.up": ("intermediate.dense",),
        "feedforward.down": ("output.dense",),
        "feedforward_norm": ("output.LayerNorm",),
    },
    prefix="bert.",
    heads=("cls.",),
    # The second of BERT's two tasks, and copies of what is there already.
    ignored=r"embeddings\.position_ids|pooler\..*|cls\.seq_relationship\..*|cls\.predictions\.decoder\..*",
)

LLAMA = Naming(
    outer={"embedding.tokens": "embed_tokens", "final_norm": "norm", "head": "lm_head"},
    block="layers.{}.",
    inner={
        "attention_norm": ("input_layernorm",),
        "attention.qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        "attention.query_norm": ("self_attn.q_norm",),
        "attention.key_norm": ("self_attn.k_norm",),
        "attention.output": ("self_attn.o_proj",),
        "feedforward_norm": ("post_attention_layernorm",),
        "feedforward.gate_up": ("mlp.gate_proj", "mlp.up_proj"),
        "feedforward.down": ("mlp.down_proj",),
    },
    prefix="model.",
    heads=("lm_head.",),
    ignored=r"layers\.\d+\.self_attn\.rotary_emb\.inv_freq",
)


def read_gpt2(config: JsonObject) -> ModelConfig:
    """Read GPT-2.

    Args:
        config: The content of ``config.json``.

    Returns:
        The configuration.

    Raises:
        ValueError: If a variant is not ours, or a value is missing or wrong.
    """
    for key, expected in {
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "add_cross_attention": False,
    }.items():
        require(config, key, expected)
    d_model = config.integer("n_embd", least=1, most=MOST_WIDTH)
    base = gpt2(
        vocab_size=config.integer("vocab_size", least=1, most=MOST_TOKENS),
        context_length=config.integer("n_positions", least=1),
        d_model=d_model,
        n_layers=config.integer("n_layer", least=1, most=MOST_LAYERS),
        n_heads=config.integer("n_head", least=1, most=MOST_HEADS),
    )
    d_hidden = config.integer("n_inner", 4 * d_model, least=1, most=MOST_TOKENS)
    return replace(
        base,
        feedforward=FeedForwardConfig(d_hidden, read_activation(config, "activation_function", "gelu_new")),
        norm=NormConfig("layer", config.number("layer_norm_epsilon", 1e-5)),
        head="tied" if config.flag("tie_word_embeddings", True) else "linear",
    )


def read_bert(config: JsonObject) -> ModelConfig:
    """Read BERT.

    Args:
        config: The content of ``config.json``.

    Returns:
        The configuration.

    Raises:
        ValueError: If a variant is not ours, or a value is missing or wrong.
    """
    for key, expected in {
        "position_embedding_type": "absolute",
        "is_decoder": False,
        "add_cross_attention": False,
        "tie_word_embeddings": True,
    }.items():
        require(config, key, expected)
    classes = config.list_of("architectures", str, ["BertForMaskedLM"])
    heads: dict[str, HeadKind] = {"BertForMaskedLM": "masked", "BertForPreTraining": "masked", "BertModel": "none"}
    if len(classes) != 1 or classes[0] not in heads:
        raise ValueError(f"{config.source}: 'architectures' is {str(classes)[:80]}; expected one of {', '.join(heads)}")
    if heads[classes[0]] == "masked":  # our head has no choice of the function
        require(config, "hidden_act", "gelu")
    base = bert(
        vocab_size=config.integer("vocab_size", least=1, most=MOST_TOKENS),
        context_length=config.integer("max_position_embeddings", least=1),
        d_model=config.integer("hidden_size", least=1, most=MOST_WIDTH),
        n_layers=config.integer("num_hidden_layers", least=1, most=MOST_LAYERS),
        n_heads=config.integer("num_attention_heads", least=1, most=MOST_HEADS),
        d_hidden=config.integer("intermediate_size", least=1, most=MOST_TOKENS),
        token_types=config.integer("type_vocab_size", 2, least=1, most=MOST_TOKENS),
        head=heads[classes[0]],
    )
    norm = NormConfig("layer", config.number("layer_norm_eps", 1e-12))
    feedforward = replace(_dense(base), activation=read_activation(config, "hidden_act", "gelu"))
    return replace(base, feedforward=feedforward, norm=norm, embedding_norm=norm)


def read_llama(config: JsonObject, kind: str) -> ModelConfig:
    """Read Llama and what differs from it by a few choices: Mistral, Qwen 2 and Qwen 3.

    Args:
        config: The content of ``config.json``.
        kind: The architecture.

    Returns:
        The configuration.

    Raises:
        ValueError: If a variant is not ours, or a value is missing or wrong.
    """
    d_model = config.integer("hidden_size", least=1, most=MOST_WIDTH)
    n_heads = config.integer("num_attention_heads", least=1, most=MOST_HEADS)
    n_kv_heads = config.integer("num_key_value_heads", n_heads, least=1, most=MOST_HEADS)
    d_head = config.integer("head_dim", 128 if kind == "qwen3" else d_model // n_heads, least=1, most=MOST_WIDTH)
    epsilon = config.number("rms_norm_eps", 1e-6)
    rotation = read_rotation(config)
    model = llama(
        vocab_size=config.integer("vocab_size", least=1, most=MOST_TOKENS),
        context_length=config.integer("max_position_embeddings", least=1),
        d_model=d_model,
        n_layers=config.integer("num_hidden_layers", least=1, most=MOST_LAYERS),
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        d_hidden=config.integer("intermediate_size", least=1, most=MOST_TOKENS),
        d_head=d_head,
        rope_base=rotation.base,
        scaling=rotation.scaling,
        epsilon=epsilon,
        head="tied" if config.flag("tie_word_embeddings", False) else "linear",
    )
    bias = kind in ("llama", "qwen3") and config.flag("attention_bias", False)
    attention = AttentionConfig(
        n_heads,
        n_kv_heads,
        d_head,
        bias=bias or kind == "qwen2",
        output_bias=bias,
        qk_norm=NormConfig("rms", epsilon) if kind == "qwen3" else None,
    )
    return replace(
        model,
        attention=attention,
        feedforward=replace(
            _dense(model),
            activation=read_activation(config, "hidden_act", "silu"),
            bias=kind == "llama" and config.flag("mlp_bias", False),
        ),
        mask=MaskConfig("causal", _read_window(config, kind, model.n_layers)),
    )


def _read_window(config: JsonObject, kind: str, n_layers: int) -> int | None:
    """Find how far back a query may look; our models look equally far in every layer."""
    if kind == "llama" or "sliding_window" not in config:
        return None
    window = config.integer("sliding_window", least=1)
    if kind == "mistral":
        return window
    if not config.flag("use_sliding_window", False):
        return None
    first = config.integer("max_window_layers", 28)
    default = ["full_attention"] * min(first, n_layers) + ["sliding_attention"] * (n_layers - first)
    kinds = set(config.list_of("layer_types", str, default))
    if kinds not in ({"full_attention"}, {"sliding_attention"}):
        raise ValueError(
            f"{config.source}: 'layer_types' mixes {', '.join(sorted(kinds))[:80]}; this package has models whose "
            "layers all look equally far"
        )
    return window if kinds == {"sliding_attention"} else None


def _dense(config: ModelConfig) -> FeedForwardConfig:
    """Give the feed-forward part of an architecture that has one for all tokens."""
    if isinstance(config.feedforward, ExpertsConfig):
        raise ValueError(f"no architecture of transformers makes these choices with experts: {config}")
    return config.feedforward


def write_gpt2(config: ModelConfig) -> Mapping[str, Any]:
    """Write what only GPT-2 calls so.

    Args:
        config: The configuration.

    Returns:
        Entries of ``config.json``.

    Raises:
        ValueError: If the model has experts.
    """
    feedforward = _dense(config)
    return {
        "n_positions": config.context_length,
        "n_embd": config.d_model,
        "n_layer": config.n_layers,
        "n_head": config.attention.n_heads,
        "n_inner": feedforward.d_hidden,
        "activation_function": write_activation(feedforward.activation),
        "layer_norm_epsilon": config.norm.epsilon,
    }


def write_wide(config: ModelConfig, kind: str) -> Mapping[str, Any]:
    """Write what all architectures but GPT-2 call by the same names, and then their own.

    Args:
        config: The configuration.
        kind: The architecture.

    Returns:
        Entries of ``config.json``.

    Raises:
        ValueError: If the model has experts.
    """
    feedforward = _dense(config)
    common = {
        "max_position_embeddings": config.context_length,
        "hidden_size": config.d_model,
        "num_hidden_layers": config.n_layers,
        "num_attention_heads": config.attention.n_heads,
        "intermediate_size": feedforward.d_hidden,
        "hidden_act": write_activation(feedforward.activation),
    }
    if kind == "bert":
        return common | {"layer_norm_eps": config.norm.epsilon, "type_vocab_size": config.token_types}
    attention = config.attention
    assert isinstance(config.positions, RotaryPositions)
    assert isinstance(attention, AttentionConfig)
    own: dict[str, Any] = {}
    if kind in ("llama", "qwen3"):
        own["attention_bias"] = attention.bias
    if kind == "llama":
        own["mlp_bias"] = feedforward.bias
    if kind != "llama":
        own["sliding_window"] = config.mask.window
    if kind in ("qwen2", "qwen3"):
        windowed = config.mask.window is not None
        own |= {"use_sliding_window": windowed, "max_window_layers": 0 if windowed else config.n_layers}
    return {
        **common,
        "num_key_value_heads": attention.n_kv_heads,
        "head_dim": attention.d_head,
        "rms_norm_eps": config.norm.epsilon,
        "rope_parameters": write_rotation(config.positions),
        **own,
    }
