"""T5 in the files of ``transformers``: its settings and its names."""

from dataclasses import replace
from typing import Any

import torch

from llmguide.transformer.architectures_encoder_decoder import t5
from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.config import Scales
from llmguide.transformer.encoder_decoder import EncoderDecoderConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.hf_common import ACTIVATIONS, MOST_HEADS, MOST_LAYERS, MOST_TOKENS, MOST_WIDTH
from llmguide.transformer.hf_common import write_activation as name_of
from llmguide.transformer.hf_names import Naming, Weights
from llmguide.transformer.hf_rope import require
from llmguide.transformer.json_files import JsonObject
from llmguide.transformer.positions import RelativePositions


def _stack(name: str, last: int, inner: dict[str, tuple[str, ...]]) -> Naming:
    """Name a stack whose blocks end with the feed-forward part, their layer ``last``."""
    return Naming(
        outer={
            "relative": f"{name}.block.0.layer.0.SelfAttention.relative_attention_bias",
            "final_norm": f"{name}.final_layer_norm",
        },
        block=f"{name}.block.{{}}.",
        inner={
            "attention_norm": ("layer.0.layer_norm",),
            "attention.qkv": ("layer.0.SelfAttention.q", "layer.0.SelfAttention.k", "layer.0.SelfAttention.v"),
            "attention.output": ("layer.0.SelfAttention.o",),
            **inner,
            "feedforward_norm": (f"layer.{last}.layer_norm",),
            "feedforward.up": (f"layer.{last}.DenseReluDense.wi",),
            "feedforward.gate_up": (f"layer.{last}.DenseReluDense.wi_0", f"layer.{last}.DenseReluDense.wi_1"),
            "feedforward.down": (f"layer.{last}.DenseReluDense.wo",),
        },
    )


_CROSS: dict[str, tuple[str, ...]] = {
    "cross_norm": ("layer.1.layer_norm",),
    "cross_attention.queries": ("layer.1.EncDecAttention.q",),
    "cross_attention.keys_values": ("layer.1.EncDecAttention.k", "layer.1.EncDecAttention.v"),
    "cross_attention.output": ("layer.1.EncDecAttention.o",),
}

NAMING = Naming(
    outer={"embedding.tokens": "shared", "head": "lm_head"},
    block="",
    inner={},
    stacks={"encoder": _stack("encoder", 1, {}), "decoder": _stack("decoder", 2, _CROSS)},
    # Copies of the embedding, and a table that the first files have and no model reads.
    ignored=r"(encoder|decoder)\.embed_tokens\.weight"
    r"|decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight",
)
"""What ``transformers`` calls the weights of T5.

:meta hide-value:
"""


def read(config: JsonObject) -> EncoderDecoderConfig:
    """Read T5.

    Args:
        config: The content of ``config.json``.

    Returns:
        The configuration.

    Raises:
        ValueError: If a variant is not ours, or a value is missing or wrong.
    """
    for key, expected in {"is_decoder": False, "is_encoder_decoder": True, "tie_encoder_decoder": False}.items():
        require(config, key, expected)
    classes = config.list_of("architectures", str, ["T5ForConditionalGeneration"])
    if classes not in (["T5ForConditionalGeneration"], ["T5WithLMHeadModel"]):
        raise ValueError(
            f"{config.source}: 'architectures' is {str(classes)[:80]}; expected T5ForConditionalGeneration"
        )
    d_model = config.integer("d_model", least=1, most=MOST_WIDTH)
    n_layers = config.integer("num_layers", least=1, most=MOST_LAYERS)
    feedforward = _read_feedforward(config)
    base = t5(
        vocab_size=config.integer("vocab_size", least=1, most=MOST_TOKENS),
        d_model=d_model,
        n_layers=n_layers,
        n_heads=config.integer("num_heads", least=1, most=MOST_HEADS),
        d_head=config.integer("d_kv", least=1, most=MOST_WIDTH),
        d_hidden=feedforward.d_hidden,
        n_decoder_layers=config.integer("num_decoder_layers", n_layers, least=1, most=MOST_LAYERS),
        context_length=config.integer("n_positions", 512, least=1),
        positions=RelativePositions(
            config.integer("relative_attention_num_buckets", 32, most=MOST_TOKENS),
            config.integer("relative_attention_max_distance", 128),
        ),
        epsilon=config.number("layer_norm_epsilon", 1e-6),
    )
    tied = config.flag("tie_word_embeddings", True)
    scaled = config.flag("scale_decoder_outputs", tied)
    decoder = replace(
        base.decoder,
        feedforward=feedforward,
        head="tied" if tied else "linear",
        scales=Scales(logits=d_model**-0.5 if scaled else 1.0),
    )
    return replace(base, encoder=replace(base.encoder, feedforward=feedforward), decoder=decoder)


def _read_feedforward(config: JsonObject) -> FeedForwardConfig:
    """Read the activation, which may be gated, and the name ``gated-gelu``, which means the approximation."""
    name = config.text("feed_forward_proj", "relu")
    gated, activation = name.startswith("gated-"), name.removeprefix("gated-")
    activation = "gelu_new" if name == "gated-gelu" else activation
    if activation not in ACTIVATIONS:
        known = ", ".join(f"{name}, gated-{name}" for name in ACTIVATIONS)
        raise ValueError(f"{config.source}: 'feed_forward_proj' is {name[:60]!r}; this package has {known}")
    require(config, "dense_act_fn", activation)
    require(config, "is_gated_act", gated)
    d_hidden = config.integer("d_ff", least=1, most=MOST_TOKENS)
    return FeedForwardConfig(d_hidden, ACTIVATIONS[activation], gated=gated, bias=False)


def settle_head(config: EncoderDecoderConfig, weights: Weights, source: str) -> EncoderDecoderConfig:
    """Look whether a model has a head of its own, which its ``config.json`` does not tell.

    ``transformers`` 5 writes ``"tie_word_embeddings": true`` for every T5 and believes the weights.

    Args:
        config: What the file says.
        weights: The weights beside it.
        source: Where they come from, for messages.

    Returns:
        The configuration, whose head is linear where the weights have one that differs from the embedding.

    Raises:
        ValueError: If encoder and decoder have embeddings that differ.
    """

    def differs(name: str) -> bool:
        there = name in weights.shapes and "shared.weight" in weights.shapes
        return there and not torch.equal(weights.load(name), weights.load("shared.weight"))

    for name in ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight"):
        if differs(name):
            raise ValueError(f"{source}: {name!r} differs from 'shared.weight'; ours have one embedding for both")
    if config.decoder.head == "tied" and differs("lm_head.weight"):
        return replace(config, decoder=replace(config.decoder, head="linear"))
    return config


def write(config: EncoderDecoderConfig) -> dict[str, Any]:
    """Describe T5.

    Args:
        config: The configuration.

    Returns:
        The content of ``config.json``, from which :func:`read` gives the same configuration.

    Raises:
        ValueError: If the choices are not those of a T5.
    """
    encoder, decoder = config.encoder, config.decoder
    feedforward, positions = decoder.feedforward, decoder.positions
    if not isinstance(positions, RelativePositions):
        raise ValueError(f"no encoder-decoder that this package saves has {positions}; T5 has relative positions")
    if not (isinstance(feedforward, FeedForwardConfig) and isinstance(decoder.attention, AttentionConfig)):
        raise ValueError(f"T5 has plain attention and feed-forward parts, not {decoder.attention} and {feedforward}")
    activation = "gelu" if feedforward.gated and feedforward.activation == "gelu_tanh" else None
    tied = decoder.head == "tied"
    document = {
        "architectures": ["T5ForConditionalGeneration"],
        "model_type": "t5",
        "dtype": "float32",
        "is_encoder_decoder": True,
        "vocab_size": config.vocab_size,
        "n_positions": config.context_length,
        "d_model": config.d_model,
        "d_kv": decoder.attention.d_head,
        "d_ff": feedforward.d_hidden,
        "num_layers": encoder.n_layers,
        "num_decoder_layers": decoder.n_layers,
        "num_heads": decoder.attention.n_heads,
        "relative_attention_num_buckets": positions.buckets,
        "relative_attention_max_distance": positions.distance,
        "layer_norm_epsilon": decoder.norm.epsilon,
        "feed_forward_proj": ("gated-" if feedforward.gated else "") + (activation or name_of(feedforward.activation)),
        "tie_word_embeddings": tied,
        "scale_decoder_outputs": decoder.scales.logits != 1.0,
    }
    # What the file cannot say would be lost; then what is read back differs.
    if read(JsonObject(document, "config.json")) != config:
        raise ValueError(f"T5 does not make these choices: {config}")
    return document
