"""The catalogue, against the figures that were published and the library's configurations of the same models."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch
import transformers
from published_twins import require
from torch import nn

from llmguide.constants import get
from llmguide.transformer.accounting import active_parameters, parameters
from llmguide.transformer.catalogue import MODELS, Agreement, PublishedModel, agreement
from llmguide.transformer.config import ModelConfig
from llmguide.transformer.encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from llmguide.transformer.model import Transformer

COUNTS: dict[str, tuple[int, Agreement]] = {
    "bert-base": (109_514_298, "rounded"),
    "gpt2-small": (124_439_808, "rounded"),
    "smollm2-135m": (134_515_008, "rounded"),
    "t5-base": (222_903_552, "rounded"),
    "bert-large": (335_174_458, "rounded"),
    "gpt2-xl": (1_557_611_200, "rounded"),
    "gemma-2b": (2_506_434_560, "exact"),
    "granite4-h-micro": (3_191_396_096, "rounded"),
    "llama-7b": (6_738_415_616, "rounded"),
    "granite4-h-tiny": (6_939_037_248, "rounded"),
    "mistral-7b": (7_241_732_096, "differs"),
    "qwen25-7b": (7_615_616_512, "cut off"),
    "llama3-8b": (8_030_261_248, "rounded"),
    "gemma-7b": (8_538_074_112, "exact"),
    "t5-11b": (11_307_321_344, "rounded"),
    "qwen3-30b-a3b": (30_532_122_624, "rounded"),
    "granite4-h-small": (32_207_337_984, "rounded"),
    "qwen3-32b": (32_762_123_264, "rounded"),
    "mixtral-8x7b": (46_702_792_704, "rounded"),
    "llama-65b": (65_285_660_672, "cut off"),
    "llama2-70b": (68_976_648_192, "differs"),
    "llama3-70b": (70_553_706_496, "cut off"),
    "mixtral-8x22b": (140_620_634_112, "rounded"),
    "gpt3": (174_604_259_328, "rounded"),
    "qwen3-235b-a22b": (235_093_634_560, "rounded"),
    "llama3-405b": (405_853_388_800, "cut off"),
    "deepseek-v3": (671_026_404_352, "rounded"),
}
"""What each configuration gives, and how the published figure relates to it."""

ACTIVE: dict[str, tuple[int, Agreement]] = {
    "granite4-h-tiny": (1_465_470_528, "rounded"),
    "qwen3-30b-a3b": (3_353_032_704, "cut off"),
    "granite4-h-small": (8_803_121_664, "rounded"),
    "mixtral-8x7b": (12_879_925_248, "rounded"),
    "mixtral-8x22b": (39_152_031_744, "rounded"),
    "qwen3-235b-a22b": (22_190_763_520, "rounded"),
    "deepseek-v3": (37_552_282_624, "cut off"),
}
"""The same of the parameters that work for one token."""

each_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())


def test_every_model_is_pinned_smallest_first() -> None:
    assert list(COUNTS) == list(MODELS)
    sizes = [size for size, _ in COUNTS.values()]
    assert sizes == sorted(sizes)
    assert len(MODELS) >= 12
    assert sizes[0] < 0.2e9
    assert sizes[-1] > 600e9
    assert set(ACTIVE) == {key for key, model in MODELS.items() if model.active}


@each_model
def test_the_published_figures_are_reproduced(model: PublishedModel) -> None:
    count = sum(parameters(model.config).values())
    assert (count, agreement(count, model.parameters)) == COUNTS[model.key]
    active = sum(active_parameters(model.config).values())
    if model.active is None:
        assert active == count
    else:
        assert (active, agreement(active, model.active)) == ACTIVE[model.key]


def count(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def count_built(config: ModelConfig) -> int:
    """Count the weights of the real modules, built without memory: of blocks that are alike, one stands for all."""
    kinds = Counter(config.layers)
    with torch.device("meta"):
        model = Transformer(replace(config, n_layers=len(kinds), blocks=tuple(kinds)))
    again = sum((times - 1) * count(block) for block, times in zip(model.blocks, kinds.values(), strict=True))
    return count(model) + again


@each_model
def test_counts_are_those_of_our_modules(model: PublishedModel) -> None:
    if isinstance(model.config, EncoderDecoderConfig):
        with torch.device("meta"):
            found = count(EncoderDecoder(model.config))
    else:
        found = count_built(model.config)
    assert found == COUNTS[model.key][0]


def test_outside_of_embedding_and_head_too() -> None:
    """The cards of Qwen's models and Gemma's report give these counts."""
    for key, rest in {"qwen25-7b": 6.53e9, "qwen3-30b-a3b": 29.9e9, "qwen3-32b": 31.2e9}.items():
        found = parameters(MODELS[key].config)
        assert round(sum(found.values()) - found["embedding"] - found["head"], -7 if key == "qwen25-7b" else -8) == rest
    for key, embedding in {"gemma-2b": 524_550_144, "gemma-7b": 786_825_216}.items():
        assert parameters(MODELS[key].config)["embedding"] == embedding


def test_what_the_notes_say_of_active_parameters() -> None:
    found = active_parameters(MODELS["deepseek-v3"].config)
    assert round(found["embedding"] / 1e9, 2) == round(found["head"] / 1e9, 2) == 0.93
    assert round((sum(found.values()) - found["embedding"]) / 1e9) == 37
    assert round(active_parameters(MODELS["qwen3-30b-a3b"].config)["embedding"] / 1e9, 2) == 0.31


def theirs(model_type: str, **options: object) -> nn.Module:
    config = transformers.AutoConfig.for_model(model_type, **options)
    auto: dict[str, Any] = {"bert": transformers.AutoModelForMaskedLM, "t5": transformers.AutoModelForSeq2SeqLM}
    auto["gpt2"] = transformers.AutoModelForCausalLM
    with torch.device("meta"):
        model: nn.Module = auto.get(model_type, auto["gpt2"]).from_config(config)
    return model


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("bert-base", "bert"), ("gpt2-small", "gpt2"), ("gemma-7b", "gemma"), ("llama-7b", "llama"),
        ("mistral-7b", "mistral"), ("mixtral-8x7b", "mixtral"), ("deepseek-v3", "deepseek_v3"),
    ],
)  # fmt: skip
def test_the_librarys_defaults_are_these_models(key: str, kind: str) -> None:
    """Gemma's report counts 128 tokens more than the released vocabulary of 256,000 has."""
    published = MODELS[key].config
    assert isinstance(published, ModelConfig)
    missing = 128 * published.d_model if kind == "gemma" else 0
    assert count(theirs(kind)) == COUNTS[key][0] - missing


def test_the_library_gives_t5_the_same_count() -> None:
    base = theirs("t5", d_model=768, num_layers=12, num_heads=12, d_kv=64, d_ff=3072)
    assert count(base) == COUNTS["t5-base"][0]


def test_the_library_gives_granite_the_same_count() -> None:
    kinds = ["attention" if layer % 10 == 5 else "mamba" for layer in range(40)]
    small = theirs(
        "granitemoehybrid", vocab_size=100_352, hidden_size=4096, intermediate_size=768, num_hidden_layers=40,
        num_attention_heads=32, num_key_value_heads=8, num_local_experts=72, num_experts_per_tok=10,
        shared_intermediate_size=1536, layer_types=kinds, mamba_n_heads=128, mamba_d_state=128, mamba_d_head=64,
        tie_word_embeddings=True,
    )  # fmt: skip
    assert count(small) == COUNTS["granite4-h-small"][0]


@pytest.mark.no_cover
def test_smollm2_is_the_file_that_the_book_reads() -> None:
    from llmguide.transformer.published import smollm2

    require("smollm2")
    found, ours = smollm2().model.config, MODELS["smollm2-135m"].config
    assert isinstance(ours, ModelConfig)
    assert found.norm.epsilon == pytest.approx(ours.norm.epsilon)  # the file has it in float32
    assert replace(found, norm=ours.norm) == ours


def test_agreement_by_hand() -> None:
    published = get("mixtral-8x7b-parameters")  # 46.7 billion
    assert [agreement(count * 10**7, published) for count in (4666, 4665, 4675, 4679, 4680)] == [
        "rounded", "rounded", "rounded", "cut off", "differs",
    ]  # fmt: skip
    assert agreement(2_506_434_561, get("gemma-2b-parameters")) == "differs"
