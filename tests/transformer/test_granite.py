"""Granite 4.0 in the files of `transformers`: what is said in several ways, comes back, or is refused."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from transformer_twins import MAIN, build, draw, greatest, logits_apart, ours
from transformers import GraniteMoeHybridConfig

from llmguide.transformer.architectures_hybrid import granite_hybrid
from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.checkpoints import load_folder
from llmguide.transformer.config import BlockConfig, ModelConfig, Scales
from llmguide.transformer.hf_config import read_config, write_config
from llmguide.transformer.hf_granite import NAMING
from llmguide.transformer.hf_names import to_tensors
from llmguide.transformer.json_files import JsonObject
from llmguide.transformer.moe import ExpertsConfig
from llmguide.transformer.positions import NoPositions, RotaryPositions
from llmguide.transformer.state_space import StateSpaceConfig

SIZES: dict[str, Any] = {
    "vocab_size": 20,
    "context_length": 32,
    "d_model": 16,
    "attention": AttentionConfig(4, 2, 4),
    "state_space": StateSpaceConfig(4, 8, 6, n_groups=2, chunk=8),
    "d_hidden": 24,
}
HYBRID = granite_hybrid(**SIZES, layers=["state space", "attention"])
EXPERTS = granite_hybrid(**SIZES, layers=["attention", "state space"], n_experts=4, n_active=2, d_expert=6)


def described(values: dict[str, Any]) -> JsonObject:
    """Make the content of a file."""
    return JsonObject(values, "config.json")


# What the file of Granite 4.0-H-350M says.
PUBLISHED: dict[str, Any] = {
    "architectures": ["GraniteMoeHybridForCausalLM"],
    "attention_bias": False,
    "attention_multiplier": 0.015625,
    "embedding_multiplier": 12,
    "hidden_act": "silu",
    "hidden_size": 768,
    "init_method": "mup",
    "intermediate_size": 2048,
    "layer_types": ["attention" if layer in (10, 13, 17, 27) else "mamba" for layer in range(32)],
    "logits_scaling": 3,
    "mamba_chunk_size": 256,
    "mamba_conv_bias": True,
    "mamba_d_conv": 4,
    "mamba_d_head": 32,
    "mamba_d_state": 128,
    "mamba_expand": 2,
    "mamba_n_groups": 1,
    "mamba_n_heads": 48,
    "mamba_proj_bias": False,
    "max_position_embeddings": 32768,
    "model_type": "granitemoehybrid",
    "normalization_function": "rmsnorm",
    "num_attention_heads": 12,
    "num_experts_per_tok": 0,
    "num_hidden_layers": 32,
    "num_key_value_heads": 4,
    "num_local_experts": 0,
    "position_embedding_type": "nope",
    "residual_multiplier": 0.246,
    "rms_norm_eps": 1e-05,
    "rope_theta": 10000,
    "shared_intermediate_size": 2048,
    "tie_word_embeddings": True,
    "vocab_size": 100352,
}


def test_a_published_file_is_read() -> None:
    config = read_config(described(PUBLISHED))
    assert config.positions == NoPositions()
    assert config.attention == AttentionConfig(12, 4, 64, scale=0.015625)
    assert config.scales == Scales(12.0, 0.246, 1 / 3)
    assert [layer for layer, block in enumerate(config.layers) if isinstance(block.mixer, AttentionConfig)] == [
        10,
        13,
        17,
        27,
    ]
    assert config.layers[0].mixer == StateSpaceConfig(48, 32, 128)
    assert read_config(described(write_config(config))) == config
    # The library sees in what we write what it sees in the published file.
    theirs, again = (GraniteMoeHybridConfig(**values).to_dict() for values in (PUBLISHED, write_config(config)))
    for key in again.keys() & PUBLISHED.keys() - {"architectures", "num_experts_per_tok", "rope_theta"}:
        assert again[key] == pytest.approx(theirs[key]), key


@pytest.mark.parametrize("name", ["granite", "granite-experts"])
@pytest.mark.parametrize("options", [{}, {"save_original_format": False}])
def test_both_ways_to_name_things_are_read(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    theirs = build(MAIN[name])
    theirs.save_pretrained(tmp_path, **options, max_shard_size="20KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 3
    assert logits_apart(theirs, load_folder(tmp_path).model) <= 1e-5


def test_what_is_written_has_the_published_names(tmp_path: Path) -> None:
    theirs = build(MAIN["granite-experts"])
    model = ours(theirs, tmp_path)
    written, expected = to_tensors(model, NAMING), load_file(tmp_path / "model.safetensors")
    assert written.keys() == expected.keys()
    assert "model.layers.0.block_sparse_moe.input_linear.weight" in written
    assert all(torch.equal(written[name], tensor) for name, tensor in expected.items())


@torch.no_grad()
def test_a_text_of_many_chunks_is_the_library_s(tmp_path: Path) -> None:
    theirs = build(MAIN["granite"], scale=3.0)
    model, ids = ours(theirs, tmp_path), draw(1, 500)
    assert greatest(model(ids), theirs(ids).logits) <= 1e-5


@torch.no_grad()
def test_padding_does_not_enter_by_a_bias(tmp_path: Path) -> None:
    """In the library it does: the projection makes something of nothing, and the convolution sees it."""
    case = replace(MAIN["granite"], options=MAIN["granite"].options | {"mamba_proj_bias": True})
    theirs = build(case)
    for layer in theirs.model.layers[::2]:
        layer.mamba.in_proj.bias.add_(1.0)
    model, ids = ours(theirs, tmp_path), draw(1, 9)
    alone = model(ids)
    assert greatest(alone, theirs(ids).logits) <= 1e-5
    real = torch.tensor([[False] * 3 + [True] * 9])
    padded = torch.cat([draw(1, 3, seed=1), ids], 1)
    assert greatest(model(padded, real=real)[:, 3:], alone) <= 1e-5
    assert greatest(theirs(padded, attention_mask=real.long()).logits[:, 3:], alone) > 1e-3


@pytest.mark.no_cover
@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["state space", "attention"]), min_size=1, max_size=4),
    st.sampled_from([NoPositions(), RotaryPositions(5e5)]),
    st.tuples(*[st.floats(1e-3, 1e3)] * 4),
    st.booleans(),
    st.integers(0, 3),
)
def test_every_choice_that_a_file_can_say_comes_back(
    layers: Any, positions: Any, factors: tuple[float, ...], flag: bool, n_experts: int
) -> None:
    embedding, residual, divisor, scale = factors
    config = granite_hybrid(
        **SIZES
        | {
            "attention": AttentionConfig(4, 2, 8, bias=flag, output_bias=flag, scale=scale),
            "state_space": StateSpaceConfig(4, 4, 3, d_conv=2, bias=flag, conv_bias=not flag),
        },
        layers=layers,
        n_experts=n_experts,
        n_active=1,
        d_expert=5,
        positions=positions,
        scales=Scales(embedding, residual, 1 / divisor),
        epsilon=1e-4,
        head="tied" if flag else "linear",
    )
    written = write_config(config)
    assert written["model_type"] == "granitemoehybrid"
    assert read_config(described(json.loads(json.dumps(written)))) == config
    GraniteMoeHybridConfig(**written)  # checks whether its numbers fit together


@pytest.mark.parametrize(
    "config",
    [
        replace(HYBRID, attention=replace(HYBRID.attention, scale=None)),
        replace(HYBRID, norm=replace(HYBRID.norm, epsilon=1e-3)),
        granite_hybrid(**SIZES | {"state_space": StateSpaceConfig(1, 8, 6)}, layers=["state space"]),
        replace(EXPERTS, feedforward=replace(EXPERTS.feedforward, shared=None)),
        replace(HYBRID, blocks=tuple(BlockConfig(StateSpaceConfig(4, 8, n), HYBRID.feedforward) for n in (5, 6))),
        replace(HYBRID, blocks=(BlockConfig(HYBRID.layers[0].mixer, EXPERTS.feedforward), HYBRID.blocks[1])),
    ],
)
def test_choices_of_our_own_cannot_be_written(config: ModelConfig) -> None:
    with pytest.raises(ValueError, match=r"granitemoehybrid|'mamba_expand' is 0"):
        write_config(config)


GRANITE = write_config(HYBRID)
WITH_EXPERTS = write_config(EXPERTS)


def test_what_a_missing_key_means() -> None:
    def left(values: dict[str, Any], *keys: str) -> ModelConfig:
        return read_config(described({key: value for key, value in values.items() if key not in keys}))

    assert left(GRANITE, "mamba_d_head", "mamba_expand", "mamba_d_conv", "position_embedding_type") == HYBRID
    assert left(GRANITE | {"mamba_d_head": "auto"}) == HYBRID
    assert left(GRANITE | {"layers_block_type": ["mamba", "attention"]}, "layer_types") == HYBRID
    only = left(GRANITE, "layer_types", "num_key_value_heads", "head_dim", "attention_multiplier", "logits_scaling")
    assert only.attention == AttentionConfig(4, 4, 4, scale=1.0)
    assert all(isinstance(block.mixer, StateSpaceConfig) for block in only.layers)
    assert left(GRANITE | {"time_step_limit": [0.0, {"__float__": "Infinity"}]}) == HYBRID
    assert left(WITH_EXPERTS, "num_experts_per_tok") == EXPERTS
    assert isinstance(EXPERTS.feedforward, ExpertsConfig)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"hidden_act": "gelu"}, "'hidden_act' is gelu, a variant"),
        ({"normalization_function": "layernorm"}, "'normalization_function' is layernorm, a variant"),
        ({"time_step_limit": [0.0, 0.1]}, "'time_step_limit' is .*, a variant"),
        ({"layer_types": ["mamba", "conv"]}, "'layer_types' has 'conv'; a layer of ours is one of attention,"),
        ({"layer_types": ["mamba"]}, "'layer_types' has 1 entries; 'num_hidden_layers' is 2"),
        ({"layer_types": None, "layers_block_type": ["mamba"]}, "'layers_block_type' has 1 entries"),
        ({"mamba_n_heads": 5}, r"'mamba_n_heads' \(5\) times 'mamba_d_head' \(8\) must be .* 'hidden_size' \(32\)"),
        ({"mamba_d_head": "wide"}, "'mamba_d_head' is 'wide'; expected a whole number"),
        ({"mamba_n_groups": 3}, r"n_heads \(4\) must be divisible by n_groups \(3\)"),
        ({"mamba_d_conv": 0}, "'mamba_d_conv' is 0; expected 1 to"),
        ({"logits_scaling": 0}, r"scale of logits must be greater than 0, not 0\.0"),
        ({"residual_multiplier": -1.0}, r"scale of residual must be greater than 0, not -1\.0"),
        ({"attention_multiplier": 0.0}, "scale must be greater than 0"),
        ({"num_local_experts": 4, "num_experts_per_tok": 5}, "'num_experts_per_tok' is 5; expected 1 to 4"),
        ({"position_embedding_type": "rope", "rope_parameters": 1}, "'rope_parameters' is 1; expected an object"),
        ({"position_embedding_type": "alibi"}, "'position_embedding_type' is 'alibi'; this package has nope and rope"),
        ({"hidden_size": 0}, "'hidden_size' is 0; expected 1 to"),
    ],
)
def test_what_is_wrong_or_not_ours_is_refused(extra: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_config(described(GRANITE | extra))


def test_a_weight_of_the_wrong_size_is_refused(tmp_path: Path) -> None:
    build(MAIN["granite"]).save_pretrained(tmp_path)
    file = tmp_path / "config.json"
    file.write_text(file.read_text("utf-8").replace('"mamba_d_state": 10', '"mamba_d_state": 12'), "utf-8")
    with pytest.raises(ValueError, match=r"layers.0.mamba.in_proj.weight' has the shape \(.*; the configuration says"):
        load_folder(tmp_path)
