"""Between ``config.json``, in which ``transformers`` describes a model, and our choice of parts.

The file names an architecture, ``model_type``, and gives its numbers; it may also switch on variants that this package
does not have. Those are refused by name, because a model that leaves out a step runs and gives wrong logits.
"""

from collections.abc import Callable, Mapping
from typing import Any

from llmguide.transformer import hf_deepseek, hf_granite, hf_mixtral
from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.config import ModelConfig
from llmguide.transformer.hf_dense import BERT, GPT2, LLAMA, read_bert, read_gpt2, read_llama, write_gpt2, write_wide
from llmguide.transformer.json_files import JsonObject
from llmguide.transformer.latent_attention import LatentAttentionConfig
from llmguide.transformer.moe import ExpertsConfig
from llmguide.transformer.positions import RotaryPositions
from llmguide.transformer.state_space import StateSpaceConfig

ARCHITECTURES: dict[str, str] = {
    "gpt2": "GPT2LMHeadModel",
    "bert": "BertForMaskedLM",
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "deepseek_v3": "DeepseekV3ForCausalLM",
    "mixtral": "MixtralForCausalLM",
    "granitemoehybrid": "GraniteMoeHybridForCausalLM",
}
"""The architectures that this package loads and saves, and the class of ``transformers`` for each."""

NAMINGS = {
    "gpt2": GPT2,
    "bert": BERT,
    "llama": LLAMA,
    "mistral": LLAMA,
    "qwen2": LLAMA,
    "qwen3": LLAMA,
    "deepseek_v3": hf_deepseek.NAMING,
    "mixtral": hf_mixtral.NAMING,
    "granitemoehybrid": hf_granite.NAMING,
}
"""What ``transformers`` calls the weights of each architecture.

:meta hide-value:
"""

_READERS: Mapping[str, Callable[[JsonObject], ModelConfig]] = {
    "gpt2": read_gpt2,
    "bert": read_bert,
    "deepseek_v3": hf_deepseek.read,
    "mixtral": hf_mixtral.read,
    "granitemoehybrid": hf_granite.read,
}
_WRITERS: Mapping[str, Callable[[ModelConfig], Mapping[str, Any]]] = {
    "gpt2": write_gpt2,
    "deepseek_v3": hf_deepseek.write,
    "mixtral": hf_mixtral.write,
    "granitemoehybrid": hf_granite.write,
}


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
        >>> from llmguide.transformer import gpt2
        >>> numbers = {"vocab_size": 8, "n_positions": 16, "n_embd": 4, "n_layer": 1, "n_head": 2}
        >>> read_config(JsonObject({"model_type": "gpt2", **numbers}, "config.json")) == gpt2(
        ...     vocab_size=8, context_length=16, d_model=4, n_layers=1, n_heads=2
        ... )
        True
    """
    kind = config.text("model_type")
    if kind == "t5":
        raise ValueError(f"{config.source}: 'model_type' is 't5', a model of two stacks; use load_encoder_decoder")
    if kind not in ARCHITECTURES:
        raise ValueError(
            f"{config.source}: 'model_type' is {kind[:60]!r}; this package loads {', '.join(ARCHITECTURES)}"
        )
    if "quantization_config" in config:
        raise ValueError(
            f"{config.source}: 'quantization_config' is set; this package loads quantized weights from GGUF alone"
        )
    return _READERS[kind](config) if kind in _READERS else read_llama(config, kind)


def write_config(config: ModelConfig) -> dict[str, Any]:
    """Describe a model as ``config.json`` does.

    Args:
        config: The configuration.

    Returns:
        The content of the file, from which :func:`read_config` gives the same configuration.

    Raises:
        ValueError: If the choices are those of none of the architectures that ``transformers`` has.

    Example:
        >>> from llmguide.transformer import llama
        >>> config = llama(
        ...     vocab_size=8, context_length=16, d_model=4, n_layers=1, n_heads=2, n_kv_heads=1, d_hidden=8
        ... )
        >>> write_config(config)["architectures"]
        ['LlamaForCausalLM']
    """
    kind = architecture_of(config)
    own = _WRITERS[kind](config) if kind in _WRITERS else write_wide(config, kind)
    document = {
        "architectures": ["BertModel" if config.head == "none" else ARCHITECTURES[kind]],
        "model_type": kind,
        "dtype": "float32",
        "vocab_size": config.vocab_size,
        "tie_word_embeddings": config.head != "linear",
        **own,
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
    if isinstance(config.attention, LatentAttentionConfig):
        return "deepseek_v3"
    scaled = isinstance(config.attention, AttentionConfig) and config.attention.scale is not None
    if scaled or any(isinstance(block.mixer, StateSpaceConfig) for block in config.layers):
        return "granitemoehybrid"
    if not isinstance(config.positions, RotaryPositions):
        return "gpt2" if config.norm_placement == "pre" else "bert"
    if isinstance(config.feedforward, ExpertsConfig):
        return "mixtral"
    if config.attention.qk_norm is not None:
        return "qwen3"
    if config.attention.bias and not config.attention.output_bias:
        return "qwen2"
    return "llama" if config.mask.window is None else "mistral"
