"""DeepSeek-V3 between its files and ours: settings, names, what is passed over and what is refused."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformer_twins import MAIN, build, draw, greatest, logits_apart, ours

from llmguide.transformer.architectures_latent import deepseek_v3
from llmguide.transformer.block import BlockConfig
from llmguide.transformer.cache import LayerCache
from llmguide.transformer.checkpoints import load_folder
from llmguide.transformer.config import ModelConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.hf_config import architecture_of, read_config, write_config
from llmguide.transformer.json_files import JsonObject
from llmguide.transformer.latent_attention import LatentAttentionConfig
from llmguide.transformer.model import Transformer
from llmguide.transformer.moe import ExpertsConfig
from llmguide.transformer.positions import AlibiPositions, NoPositions, RotaryPositions
from llmguide.transformer.rope_scaling import LinearScaling, Llama3Scaling, YarnScaling, yarn_magnitude

SIZES: dict[str, Any] = {"vocab_size": 20, "context_length": 32, "d_model": 16, "n_layers": 3, "n_heads": 4}
LATENT: dict[str, Any] = {"d_nope": 8, "d_rope": 4, "d_value": 6, "kv_rank": 10, "query_rank": 12}
EXPERTS: dict[str, Any] = {"d_hidden": 24, "n_dense": 1, "n_experts": 8, "n_active": 2, "d_expert": 6}
SMALL = deepseek_v3(**SIZES, **LATENT, **EXPERTS)

# What the file of DeepSeek-V3 says, without its quantization.
PUBLISHED: dict[str, Any] = {
    "model_type": "deepseek_v3", "vocab_size": 129_280, "hidden_size": 7168, "intermediate_size": 18_432,
    "moe_intermediate_size": 2048, "num_hidden_layers": 61, "num_nextn_predict_layers": 1,
    "num_attention_heads": 128, "num_key_value_heads": 128, "n_shared_experts": 1, "n_routed_experts": 256,
    "ep_size": 1, "routed_scaling_factor": 2.5, "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_rope_head_dim": 64,
    "v_head_dim": 128, "qk_nope_head_dim": 128, "topk_method": "noaux_tc", "n_group": 8, "topk_group": 4,
    "num_experts_per_tok": 8, "moe_layer_freq": 1, "first_k_dense_replace": 3, "norm_topk_prob": True,
    "scoring_func": "sigmoid", "hidden_act": "silu", "max_position_embeddings": 163_840, "rms_norm_eps": 1e-06,
    "rope_theta": 10_000, "attention_bias": False, "attention_dropout": 0.0, "tie_word_embeddings": False,
    "rope_scaling": {
        "beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 1.0, "mscale_all_dim": 1.0,
        "original_max_position_embeddings": 4096, "type": "yarn",
    },
}  # fmt: skip


def described(values: dict[str, Any]) -> JsonObject:
    """Make the content of a file."""
    return JsonObject(values, "config.json")


def test_the_published_file() -> None:
    expected = deepseek_v3(
        vocab_size=129_280,
        context_length=163_840,
        d_model=7168,
        n_layers=61,
        n_heads=128,
        d_nope=128,
        d_rope=64,
        d_value=128,
        kv_rank=512,
        query_rank=1536,
        d_hidden=18_432,
        n_dense=3,
        n_experts=256,
        n_active=8,
        d_expert=2048,
        n_groups=8,
        n_active_groups=4,
        scale=(0.1 * math.log(40) + 1) ** 2 / math.sqrt(192),
        scaling=YarnScaling(40.0, 4096, attention_factor=1.0),
    )
    assert read_config(described(PUBLISHED)) == expected
    # What is written has the two coefficients again, and not the factors that follow from them.
    written = write_config(expected)
    assert written["rope_parameters"]["mscale"] == written["rope_parameters"]["mscale_all_dim"] == 1.0
    assert "attention_factor" not in written["rope_parameters"]
    assert read_config(described(written)) == expected


def test_the_published_widths_have_as_many_parameters_as_the_library_s() -> None:
    options = {key: value for key, value in PUBLISHED.items() if key != "model_type"}
    four_layers = transformers.DeepseekV3Config(**options | {"num_hidden_layers": 4})
    with torch.device("meta"):
        theirs = transformers.DeepseekV3ForCausalLM(four_layers)
        model = Transformer(read_config(described(PUBLISHED | {"num_hidden_layers": 4})))
    counts = [sum(weight.numel() for weight in each.parameters()) for each in (model, theirs)]
    assert counts[0] == counts[1]
    # Three layers without experts and 58 with: 671 billion.
    with_experts = sum(weight.numel() for weight in model.blocks[3].parameters())
    assert round((counts[0] + 57 * with_experts) / 1e9) == 671


@pytest.mark.no_cover
@settings(deadline=None, max_examples=60)
@given(
    factor=st.floats(1, 64),
    own=st.none() | st.floats(0.1, 2),
    whole=st.none() | st.floats(0.1, 2),
    given_factor=st.none() | st.floats(0.5, 2),
)
def test_yarn_s_factors_are_the_library_s(
    factor: float, own: float | None, whole: float | None, given_factor: float | None
) -> None:
    rope = {"rope_type": "yarn", "rope_theta": 100.0, "factor": factor, "original_max_position_embeddings": 8}
    rope |= {"mscale": own, "mscale_all_dim": whole, "attention_factor": given_factor}
    values = write_config(SMALL) | {"rope_parameters": rope}
    config = read_config(described(values))
    theirs = transformers.DeepseekV3ForCausalLM(transformers.DeepseekV3Config(**values | {"num_hidden_layers": 1}))
    model = Transformer(config)
    scaling, attention = model.config.positions, model.config.attention
    assert scaling.magnitude == pytest.approx(theirs.model.rotary_emb.attention_scaling, rel=1e-12)  # type: ignore[union-attr]
    scale = attention.scale or (attention.d_nope + attention.d_rope) ** -0.5  # type: ignore[union-attr]
    assert scale == pytest.approx(theirs.model.layers[0].self_attn.scaling, rel=1e-12)


@pytest.mark.parametrize(
    "config",
    [
        SMALL,
        deepseek_v3(**SIZES, **LATENT | {"query_rank": None}, **EXPERTS | {"n_dense": 0}, pairing="halves"),
        deepseek_v3(**SIZES, **LATENT, **EXPERTS | {"n_dense": 3, "n_groups": 1}, head="tied", epsilon=1e-5),
        deepseek_v3(**SIZES, **LATENT, **EXPERTS, n_shared=3, n_groups=4, n_active_groups=2, expert_scale=1.5),
        deepseek_v3(**SIZES, **LATENT, **EXPERTS, scaling=LinearScaling(2.0), rope_base=500.0),
        deepseek_v3(**SIZES, **LATENT, **EXPERTS, scaling=Llama3Scaling(2.0, 1.0, 4.0, 16)),
        deepseek_v3(**SIZES, **LATENT, **EXPERTS, scaling=YarnScaling(4.0, 16)),
        deepseek_v3(**SIZES, **LATENT, **EXPERTS, scaling=YarnScaling(4.0, 16, attention_factor=0.9)),
        deepseek_v3(
            **SIZES,
            **LATENT,
            **EXPERTS,
            scaling=YarnScaling(4.0, 16, attention_factor=yarn_magnitude(4.0, 0.7) / yarn_magnitude(4.0, 1.2)),
            scale=yarn_magnitude(4.0, 1.2) ** 2 / math.sqrt(12),
        ),
        deepseek_v3(
            **SIZES,
            **LATENT,
            **EXPERTS,
            scaling=YarnScaling(4.0, 16, attention_factor=0.9),
            scale=yarn_magnitude(4.0, 0.5) ** 2 / math.sqrt(12),
        ),
        deepseek_v3(
            **SIZES,
            **LATENT,
            **EXPERTS,
            scaling=YarnScaling(4.0, 16),
            scale=yarn_magnitude(4.0, 0.5) ** 2 / math.sqrt(12),
        ),
    ],
)
def test_what_is_written_is_read_by_both(config: ModelConfig) -> None:
    written = write_config(config)
    assert architecture_of(config) == "deepseek_v3"
    assert read_config(described(written)) == config
    theirs = transformers.DeepseekV3Config(**written)
    assert read_config(described(theirs.to_dict())) == config


def changed(config: ModelConfig, **choices: Any) -> ModelConfig:
    """Change the latent attention of every block."""
    attention = config.attention
    assert isinstance(attention, LatentAttentionConfig)
    attention = replace(attention, **choices)
    blocks = tuple(BlockConfig(attention, block.feedforward) for block in config.blocks)
    return replace(config, attention=attention, blocks=blocks)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (replace(SMALL, positions=NoPositions()), "has latent attention without rotary positions"),
        (replace(SMALL, positions=AlibiPositions()), "has latent attention without rotary positions"),
        (changed(SMALL, scale=0.5), "the nearest is deepseek_v3"),
        (
            changed(replace(SMALL, positions=RotaryPositions(10_000.0, YarnScaling(1.0, 16), "neighbours")), scale=0.5),
            "the nearest is deepseek_v3",
        ),
        (changed(SMALL, norm=replace(SMALL.norm, epsilon=1e-3)), "the nearest is deepseek_v3"),
        (replace(SMALL, blocks=SMALL.blocks[::-1]), "the nearest is deepseek_v3"),
        (replace(SMALL, norm_placement="post"), "the nearest is deepseek_v3"),
        (replace(SMALL, blocks=(), feedforward=FeedForwardConfig(8, "silu")), "the nearest is deepseek_v3"),
        (
            replace(SMALL, blocks=(), feedforward=ExpertsConfig(4, 2, FeedForwardConfig(8, "silu", True, False))),
            "'n_shared_experts' is 0; expected 1",
        ),
    ],
)
def test_choices_of_our_own_cannot_be_written(config: ModelConfig, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_config(config)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"attention_bias": True}, "'attention_bias' is True, a variant that this package does not have"),
        ({"num_key_value_heads": 2}, "'num_key_value_heads' is 2, a variant"),
        ({"moe_layer_freq": 2}, "'moe_layer_freq' is 2, a variant"),
        ({"scoring_func": "softmax"}, "'scoring_func' is softmax, a variant"),
        ({"topk_method": "greedy"}, "'topk_method' is greedy, a variant"),
        ({"quantization_config": {}}, "'quantization_config' is set"),
        ({"hidden_act": "tanh"}, "'hidden_act' is 'tanh'"),
        ({"n_group": 9}, "'n_group' is 9; expected 1 to 8"),
        ({"n_group": 3, "topk_group": 1}, "n_experts .8. must be divisible by n_groups .3."),
        ({"num_experts_per_tok": 9}, "'num_experts_per_tok' is 9; expected 1 to 8"),
        ({"n_shared_experts": 0}, "'n_shared_experts' is 0; expected 1"),
        ({"kv_lora_rank": None, "q_lora_rank": "8"}, "'q_lora_rank' is '8'; expected a whole number"),
        ({"qk_nope_head_dim": None}, "'qk_nope_head_dim' is missing"),
        ({"qk_rope_head_dim": 3}, "d_head must be even for rotary positions"),
        ({"rope_parameters": {"rope_type": "linear", "factor": 2.0, "mscale_all_dim": 1.0}}, "'mscale_all_dim' is 1.0"),
        (
            {"rope_parameters": {"rope_type": "yarn", "factor": 0.5, "mscale": 1.0, "mscale_all_dim": 1.0}},
            "factor must",
        ),
    ],
)
def test_variants_that_are_not_ours_are_refused(extra: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_config(described(write_config(SMALL) | extra))


def test_no_rank_is_null_and_a_missing_key_is_the_published_rank() -> None:
    written = write_config(SMALL)
    without = read_config(described(written | {"q_lora_rank": None})).attention
    assert isinstance(without, LatentAttentionConfig)
    assert without.query_rank is None
    del written["q_lora_rank"]
    published = read_config(described(written)).attention
    assert isinstance(published, LatentAttentionConfig)
    assert published.query_rank == 1536


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"n_dense": 4}, "n_dense must be from 0 to n_layers .3., not 4"),
        ({"n_dense": -1}, "n_dense must be from 0"),
        ({"n_shared": 0}, "n_shared must be at least 1, not 0"),
        ({"n_layers": 0, "n_dense": 0}, "n_layers must be at least 1, not 0"),
        ({"d_rope": 3}, "d_head must be even"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(numbers: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        deepseek_v3(**(SIZES | LATENT | EXPERTS | numbers))


def test_the_module_that_predicts_a_second_token_is_passed_over(tmp_path: Path) -> None:
    theirs = build(MAIN["deepseek_v3"])
    theirs.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    extra = {f"model.layers.61.{name}": torch.ones(2, 2) for name in ("eh_proj.weight", "self_attn.o_proj.weight")}
    save_file(weights | extra, tmp_path / "model.safetensors", {"format": "pt"})
    assert logits_apart(theirs, load_folder(tmp_path).model) <= 1e-5
    save_file(weights | {"model.layers.60.eh_proj.weight": torch.ones(2, 2)}, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"tensors that have no place in the model: layers.60.eh_proj.weight"):
        load_folder(tmp_path)


def test_experts_in_one_tensor_are_read_as_well(tmp_path: Path) -> None:
    theirs = build(MAIN["deepseek_v3"])
    theirs.save_pretrained(tmp_path, save_original_format=False)
    assert any(name.endswith("experts.gate_up_proj") for name in load_file(tmp_path / "model.safetensors"))
    assert logits_apart(theirs, load_folder(tmp_path).model) <= 1e-5


@torch.no_grad()
def test_the_cache_takes_as_many_bytes_as_the_library_s(tmp_path: Path) -> None:
    theirs = build(MAIN["deepseek_v3"])
    model, ids = ours(theirs, tmp_path), draw(2, 24)
    cache, past = model.new_cache(2, 24), transformers.DynamicCache(config=theirs.config)
    found, expected = model(ids, cache=cache), theirs(ids, cache=past).logits
    assert greatest(found, expected) <= 1e-5
    kept: list[Any] = past.layers
    held = [tensor for layer in kept for tensor in (layer.keys, layer.values)]
    options = MAIN["deepseek_v3"].options
    width = options["kv_lora_rank"] + options["qk_rope_head_dim"]
    assert sum(tensor.nbytes for tensor in held) == cache.n_bytes == 3 * 2 * 24 * width * 4
    # And it holds the same; the library stores the two of each pair apart.
    for layer, other in zip(cache.layers, kept, strict=True):
        assert isinstance(layer, LayerCache)
        torch.testing.assert_close(layer.keys, other.keys)
        apart = torch.cat([layer.values[..., 0::2], layer.values[..., 1::2]], dim=-1)
        torch.testing.assert_close(apart, other.values)
