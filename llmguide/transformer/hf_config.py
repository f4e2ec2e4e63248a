"""Between ``config.json``, in which ``transformers`` describes a model, and our choice of parts.

The file names an architecture, ``model_type``, and gives its numbers; it may also switch on variants that this package
does not have. Those are refused by name, because a model that leaves out a step runs and gives wrong logits.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from llmguide.transformer.architectures import bert, gpt2, llama
from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.hf_rope import read_rotation, require, write_rotation
from llmguide.transformer.json_files import JsonObject
from llmguide.transformer.masks import MaskConfig
from llmguide.transformer.model import HeadKind, ModelConfig
from llmguide.transformer.norms import NormConfig
from llmguide.transformer.positions import RotaryPositions

Activation = Literal["gelu", "gelu_tanh", "relu", "silu"]

ACTIVATIONS: dict[str, Activation] = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
}
"""The activation functions by the names that ``transformers`` gives them."""

ARCHITECTURES: dict[str, str] = {
    "gpt2": "GPT2LMHeadModel",
    "bert": "BertForMaskedLM",
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
}
"""The architectures that this package loads and saves, and the class of ``transformers`` for each."""

# Far above any model; they keep what is computed before the weights are looked at small.
_MOST_WIDTH, _MOST_HEADS, _MOST_LAYERS, _MOST_TOKENS = 2**20, 2**16, 2**16, 2**24


def read_config(config: JsonObject) -> ModelConfig:
    """Turn what ``config.json`` says into a choice of parts.

    Args:
        config: The content of the file.

    Returns:
        The configuration.

    Raises:
        ValueError: If the architecture or a variant of it is not one of ours, or a value is missing or wrong; the
            message names the key.

    Example:
        >>> numbers = {"vocab_size": 8, "n_positions": 16, "n_embd": 4, "n_layer": 1, "n_head": 2}
        >>> read_config(JsonObject({"model_type": "gpt2", **numbers}, "config.json")) == gpt2(
        ...     vocab_size=8, context_length=16, d_model=4, n_layers=1, n_heads=2
        ... )
        True
    """
    kind = config.text("model_type")
    if kind not in ARCHITECTURES:
        raise ValueError(
            f"{config.source}: 'model_type' is {kind[:60]!r}; this package loads {', '.join(ARCHITECTURES)}"
        )
    if "quantization_config" in config:
        raise ValueError(
            f"{config.source}: 'quantization_config' is set; this package loads quantized weights from GGUF alone"
        )
    if kind == "gpt2":
        return _read_gpt2(config)
    return _read_bert(config) if kind == "bert" else _read_llama(config, kind)


def _activation(config: JsonObject, key: str, default: str) -> Activation:
    """Look up an activation function."""
    name = config.text(key, default)
    if name not in ACTIVATIONS:
        raise ValueError(f"{config.source}: {key!r} is {name[:60]!r}; this package has {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]


def _read_gpt2(config: JsonObject) -> ModelConfig:
    for key, expected in {
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "add_cross_attention": False,
    }.items():
        require(config, key, expected)
    d_model = config.integer("n_embd", least=1, most=_MOST_WIDTH)
    base = gpt2(
        vocab_size=config.integer("vocab_size", least=1, most=_MOST_TOKENS),
        context_length=config.integer("n_positions", least=1),
        d_model=d_model,
        n_layers=config.integer("n_layer", least=1, most=_MOST_LAYERS),
        n_heads=config.integer("n_head", least=1, most=_MOST_HEADS),
    )
    d_hidden = config.integer("n_inner", 4 * d_model, least=1, most=_MOST_TOKENS)
    return replace(
        base,
        feedforward=FeedForwardConfig(d_hidden, _activation(config, "activation_function", "gelu_new")),
        norm=NormConfig("layer", config.number("layer_norm_epsilon", 1e-5)),
        head="tied" if config.flag("tie_word_embeddings", True) else "linear",
    )


def _read_bert(config: JsonObject) -> ModelConfig:
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
        vocab_size=config.integer("vocab_size", least=1, most=_MOST_TOKENS),
        context_length=config.integer("max_position_embeddings", least=1),
        d_model=config.integer("hidden_size", least=1, most=_MOST_WIDTH),
        n_layers=config.integer("num_hidden_layers", least=1, most=_MOST_LAYERS),
        n_heads=config.integer("num_attention_heads", least=1, most=_MOST_HEADS),
        d_hidden=config.integer("intermediate_size", least=1, most=_MOST_TOKENS),
        token_types=config.integer("type_vocab_size", 2, least=1, most=_MOST_TOKENS),
        head=heads[classes[0]],
    )
    norm = NormConfig("layer", config.number("layer_norm_eps", 1e-12))
    feedforward = replace(base.feedforward, activation=_activation(config, "hidden_act", "gelu"))
    return replace(base, feedforward=feedforward, norm=norm, embedding_norm=norm)


def _read_llama(config: JsonObject, kind: str) -> ModelConfig:
    """Read Llama and what differs from it by a few choices: Mistral, Qwen 2 and Qwen 3."""
    d_model = config.integer("hidden_size", least=1, most=_MOST_WIDTH)
    n_heads = config.integer("num_attention_heads", least=1, most=_MOST_HEADS)
    n_kv_heads = config.integer("num_key_value_heads", n_heads, least=1, most=_MOST_HEADS)
    d_head = config.integer("head_dim", 128 if kind == "qwen3" else d_model // n_heads, least=1, most=_MOST_WIDTH)
    epsilon = config.number("rms_norm_eps", 1e-6)
    rotation = read_rotation(config)
    model = llama(
        vocab_size=config.integer("vocab_size", least=1, most=_MOST_TOKENS),
        context_length=config.integer("max_position_embeddings", least=1),
        d_model=d_model,
        n_layers=config.integer("num_hidden_layers", least=1, most=_MOST_LAYERS),
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        d_hidden=config.integer("intermediate_size", least=1, most=_MOST_TOKENS),
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
            model.feedforward,
            activation=_activation(config, "hidden_act", "silu"),
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


def write_config(config: ModelConfig) -> dict[str, Any]:
    """Describe a model as ``config.json`` does.

    Args:
        config: The configuration.

    Returns:
        The content of the file, from which :func:`read_config` gives the same configuration.

    Raises:
        ValueError: If the choices are those of none of the architectures that ``transformers`` has.

    Example:
        >>> config = llama(
        ...     vocab_size=8, context_length=16, d_model=4, n_layers=1, n_heads=2, n_kv_heads=1, d_hidden=8
        ... )
        >>> write_config(config)["architectures"]
        ['LlamaForCausalLM']
    """
    kind = architecture_of(config)
    document = {
        "architectures": ["BertModel" if config.head == "none" else ARCHITECTURES[kind]],
        "model_type": kind,
        "dtype": "float32",
        "vocab_size": config.vocab_size,
        "tie_word_embeddings": config.head != "linear",
        **(_write_gpt2(config) if kind == "gpt2" else _write_wide(config, kind)),
    }
    # What the file cannot say would be lost; then what is read back differs.
    if read_config(JsonObject(document, "config.json")) != config:
        raise ValueError(f"no architecture of transformers makes these choices; the nearest is {kind}: {config}")
    return document


def architecture_of(config: ModelConfig) -> str:
    """Tell which architecture has these choices, or the nearest ones.

    Args:
        config: The configuration.

    Returns:
        One of ``ARCHITECTURES``.
    """
    if not isinstance(config.positions, RotaryPositions):
        return "gpt2" if config.norm_placement == "pre" else "bert"
    if config.attention.qk_norm is not None:
        return "qwen3"
    if config.attention.bias and not config.attention.output_bias:
        return "qwen2"
    return "llama" if config.mask.window is None else "mistral"


def _name_of(activation: str) -> str:
    return next(name for name, ours in ACTIVATIONS.items() if ours == activation)


def _write_gpt2(config: ModelConfig) -> Mapping[str, Any]:
    return {
        "n_positions": config.context_length,
        "n_embd": config.d_model,
        "n_layer": config.n_layers,
        "n_head": config.attention.n_heads,
        "n_inner": config.feedforward.d_hidden,
        "activation_function": _name_of(config.feedforward.activation),
        "layer_norm_epsilon": config.norm.epsilon,
    }


def _write_wide(config: ModelConfig, kind: str) -> Mapping[str, Any]:
    """Write what all architectures but GPT-2 call by the same names, and then their own."""
    common = {
        "max_position_embeddings": config.context_length,
        "hidden_size": config.d_model,
        "num_hidden_layers": config.n_layers,
        "num_attention_heads": config.attention.n_heads,
        "intermediate_size": config.feedforward.d_hidden,
        "hidden_act": _name_of(config.feedforward.activation),
    }
    if kind == "bert":
        return common | {"layer_norm_eps": config.norm.epsilon, "type_vocab_size": config.token_types}
    assert isinstance(config.positions, RotaryPositions)
    own: dict[str, Any] = {}
    if kind in ("llama", "qwen3"):
        own["attention_bias"] = config.attention.bias
    if kind == "llama":
        own["mlp_bias"] = config.feedforward.bias
    if kind != "llama":
        own["sliding_window"] = config.mask.window
    if kind in ("qwen2", "qwen3"):
        windowed = config.mask.window is not None
        own |= {"use_sliding_window": windowed, "max_window_layers": 0 if windowed else config.n_layers}
    return {
        **common,
        "num_key_value_heads": config.attention.n_kv_heads,
        "head_dim": config.attention.d_head,
        "rms_norm_eps": config.norm.epsilon,
        "rope_parameters": write_rotation(config.positions),
        **own,
    }
