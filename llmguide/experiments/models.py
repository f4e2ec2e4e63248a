"""The modules that an experiment on a transformer depends on, for its declaration."""


def modules(floor: str, names: str) -> tuple[str, ...]:
    """Name modules of one floor of the package.

    Args:
        floor: The floor.
        names: Its modules, between white space.

    Returns:
        Their whole names.
    """
    return tuple(f"llmguide.{floor}.{name}" for name in names.split())


MODEL = (
    "llmguide.experiments.models",
    *modules(
        "transformer",
        """
        architectures attention block cache config cross_attention encoder_decoder feedforward latent_attention
        linear_attention masks model moe norms positions rope_scaling state_space trace
        """,
    ),
)
"""The modules with which a model of any architecture is built and run.

:meta hide-value:
"""

PACKAGE = (
    "llmguide.transformer",
    *modules(
        "transformer",
        "architectures_encoder_decoder architectures_experts architectures_hybrid architectures_latent initialization",
    ),
    *MODEL,
)
"""What comes with the names that :mod:`llmguide.transformer` hands on.

:meta hide-value:
"""

SMOLLM2 = (
    "llmguide.atomic",
    *modules(
        "tokenizers",
        """
        alphabet binary bpe decoders fast_merging gguf interop interop_models interop_steps lattice models normalizers
        pretokenizers protobuf published ranked_bpe ranks scored_bpe sentencepiece sentencepiece_normalizer special
        tekken tokenizer unigram wordpiece
        """,
    ),
    *MODEL,
    *modules(
        "transformer",
        """
        architectures_encoder_decoder architectures_hybrid architectures_latent checkpoints dequantize gguf_models
        gguf_weights hf_common hf_config hf_deepseek hf_dense hf_granite hf_mixtral hf_names hf_rope hf_t5 json_files
        published safetensors_files
        """,
    ),
)
"""The modules with which SmolLM2 is loaded and run.

:meta hide-value:
"""
