"""Between the metadata and the names of a GGUF file and our choice of parts, for the architecture ``llama``."""

from collections.abc import Mapping

from llmguide.tokenizers.gguf import Value
from llmguide.transformer.architectures import llama
from llmguide.transformer.config import ModelConfig
from llmguide.transformer.hf_names import Naming
from llmguide.transformer.hf_rope import require
from llmguide.transformer.json_files import JsonObject

# What GGUF calls the weights of a Llama.
GGUF_LLAMA = Naming(
    outer={"embedding.tokens": "token_embd", "final_norm": "output_norm", "head": "output"},
    block="blk.{}.",
    inner={
        "attention_norm": ("attn_norm",),
        "attention.qkv": ("attn_q", "attn_k", "attn_v"),
        "attention.output": ("attn_output",),
        "feedforward_norm": ("ffn_norm",),
        "feedforward.gate_up": ("ffn_gate", "ffn_up"),
        "feedforward.down": ("ffn_down",),
    },
    # llama.cpp turns neighbours, and the rows were brought into that order when the file was made.
    neighbours=("attn_q", "attn_k"),
)


def read_gguf_config(metadata: Mapping[str, Value], shapes: Mapping[str, tuple[int, ...]], source: str) -> ModelConfig:
    """Turn the metadata of a GGUF file into a choice of parts.

    Args:
        metadata: The key-value pairs of the file.
        shapes: The shapes of its tensors; the metadata does not always say how many tokens there are, nor whether the
            output has a matrix of its own.
        source: Where they come from, for messages.

    Returns:
        The configuration.

    Raises:
        ValueError: If the architecture or a variant of it is not one of ours, or a value is missing or wrong; the
            message names the key.
    """
    values = JsonObject(metadata, source)
    if (kind := values.text("general.architecture")) != "llama":
        raise ValueError(f"{source}: general.architecture is {kind[:60]!r}; this package reads 'llama' from GGUF")
    for key, expected in {"llama.rope.scaling.type": "none", "llama.expert_count": 0}.items():
        require(values, key, expected)
    d_model = values.integer("llama.embedding_length", least=1, most=2**20)
    n_heads = values.integer("llama.attention.head_count", least=1, most=2**16)
    d_head = values.integer("llama.attention.key_length", d_model // n_heads, least=1, most=2**20)
    for key in ("llama.rope.dimension_count", "llama.attention.value_length"):
        require(values, key, d_head)
    embedded = shapes.get("token_embd.weight", (0,))[0]
    return llama(
        vocab_size=values.integer("llama.vocab_size", embedded, least=1, most=2**24),
        context_length=values.integer("llama.context_length", least=1),
        d_model=d_model,
        n_layers=values.integer("llama.block_count", least=1, most=2**16),
        n_heads=n_heads,
        n_kv_heads=values.integer("llama.attention.head_count_kv", n_heads, least=1, most=2**16),
        d_hidden=values.integer("llama.feed_forward_length", least=1, most=2**24),
        d_head=d_head,
        rope_base=values.number("llama.rope.freq_base", 10_000.0),
        epsilon=values.number("llama.attention.layer_norm_rms_epsilon"),
        head="linear" if "output.weight" in shapes else "tied",
    )
