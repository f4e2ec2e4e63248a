"""Mixtral in the files of ``transformers``: its settings and its names."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from llmguide.transformer.config import ModelConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.hf_common import MOST_HEADS
from llmguide.transformer.hf_dense import LLAMA, read_llama, write_wide
from llmguide.transformer.hf_names import Naming
from llmguide.transformer.json_files import JsonObject
from llmguide.transformer.moe import ExpertsConfig

_ATTENTION = {ours: theirs for ours, theirs in LLAMA.inner.items() if not ours.startswith("feedforward.")}

# What ``transformers`` itself calls the weights, with all experts of a block in one tensor. It saves so when it is told
# not to save the original format.
_STACKED = replace(
    LLAMA,
    inner={
        **_ATTENTION,
        "feedforward.router": ("mlp.gate",),
        "feedforward.experts.{}.gate_up": ("mlp.experts.gate_up_proj[{}]",),
        "feedforward.experts.{}.down": ("mlp.experts.down_proj[{}]",),
    },
)

NAMING: Naming = replace(
    LLAMA,
    inner={
        **_ATTENTION,
        "feedforward.router": ("block_sparse_moe.gate",),
        "feedforward.experts.{}.gate_up": ("block_sparse_moe.experts.{}.w1", "block_sparse_moe.experts.{}.w3"),
        "feedforward.experts.{}.down": ("block_sparse_moe.experts.{}.w2",),
    },
    other=_STACKED,
)
"""What Mixtral's files call the weights: those that Mistral AI published, and what ``transformers`` saves by default.

:meta hide-value:
"""

# What a missing key means, where it does not mean the same as for Mistral.
_DEFAULTS = {"rope_theta": 1_000_000.0, "rms_norm_eps": 1e-5, "num_key_value_heads": 8}


def read(config: JsonObject) -> ModelConfig:
    """Read Mixtral. What only training needs, such as the coefficient of the balance loss, is passed over.

    Args:
        config: The content of ``config.json``.

    Returns:
        The configuration.

    Raises:
        ValueError: If a variant is not ours, or a value is missing or wrong.
    """
    config = JsonObject({**_DEFAULTS, **config.values}, config.source)
    base = read_llama(config, "mistral")
    assert isinstance(base.feedforward, FeedForwardConfig)
    n_experts = config.integer("num_local_experts", 8, least=1, most=MOST_HEADS)
    n_active = config.integer("num_experts_per_tok", 2, least=1, most=n_experts)
    return replace(base, feedforward=ExpertsConfig(n_experts, n_active, base.feedforward))


def write(config: ModelConfig) -> Mapping[str, Any]:
    """Write Mixtral.

    Args:
        config: The configuration, whose feed-forward part is a mixture of experts.

    Returns:
        Entries of ``config.json``.
    """
    experts = config.feedforward
    assert isinstance(experts, ExpertsConfig)
    return {
        **write_wide(replace(config, feedforward=experts.expert), "mistral"),
        "num_local_experts": experts.n_experts,
        "num_experts_per_tok": experts.n_active,
    }
