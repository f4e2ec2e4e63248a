"""Routers in bfloat16, against `transformers`: which steps have more digits, and what is chosen for that reason."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from transformer_twins import MAIN, build
from transformers import AutoModelForCausalLM, DeepseekV3Config
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3TopkRouter

from llmguide.transformer.checkpoints import load_folder, save_folder
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.model import Transformer
from llmguide.transformer.moe import Experts, ExpertsConfig, Router, RouterConfig, route

ROUNDING = 2.0**-8
"""By which part a number changes at the most when it is rounded to the 8 binary digits of bfloat16."""


def layers(model: Transformer) -> list[Experts]:
    return [module for module in model.modules() if isinstance(module, Experts)]


def gates(model: Any) -> list[Any]:
    return [module for module in model.modules() if type(module).__name__.lower().endswith("topkrouter")]


def tokens(width: int, count: int = 1024) -> Tensor:
    return torch.randn(1, count, width, generator=torch.Generator().manual_seed(1)).bfloat16()


def spread(chosen: Tensor, weights: Tensor, n_experts: int) -> Tensor:
    """Write the weights of the chosen among the zeros of the others."""
    return torch.zeros(*chosen.shape[:-1], n_experts).scatter(-1, chosen, weights.float())


@pytest.mark.no_cover
@pytest.mark.parametrize("name", ["mixtral", "deepseek_v3", "granite-experts"])
@pytest.mark.parametrize("how", ["loaded", "converted"])
@torch.no_grad()
def test_experts_and_weights_are_the_library_s(tmp_path: Path, name: str, how: str) -> None:
    """Granite rounds the weights to bfloat16, Mixtral and DeepSeek do not; ours stay in float32."""
    theirs = build(MAIN[name], scale=3.0)
    theirs.save_pretrained(tmp_path)
    if how == "loaded":
        theirs = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.bfloat16)
        ours = load_folder(tmp_path, torch.bfloat16).model
    else:
        theirs, ours = theirs.bfloat16(), load_folder(tmp_path).model.bfloat16()
    assert len(gates(theirs)) == len(layers(ours)) > 0
    for gate, layer in zip(gates(theirs), layers(ours), strict=True):
        x, config = tokens(ours.config.d_model), layer.config
        logits, weights, indices = gate(x[0])
        found = layer.router(x)
        chosen, shares = route(found, config.n_active, config.router, layer.router.correction)
        assert torch.equal(found[0].float(), logits.float())
        assert torch.equal(chosen[0].sort().values, indices.sort().values)
        ours_spread, expected = (
            spread(one, of, config.n_experts) for one, of in ((chosen[0], shares[0]), (indices, weights))
        )
        bound = ROUNDING if weights.dtype == torch.bfloat16 else 0.0
        torch.testing.assert_close(ours_spread, expected, rtol=bound + 4 * torch.finfo(torch.float32).eps, atol=0)


@torch.no_grad()
def test_rounded_logits_would_choose_others() -> None:
    """Among 256 experts many scores lie close: a product in bfloat16 would give many tokens other experts."""
    library = DeepseekV3Config(
        hidden_size=64, n_routed_experts=256, num_experts_per_tok=8, n_group=8, topk_group=4, routed_scaling_factor=2.5
    )
    gate, how = DeepseekV3TopkRouter(library), RouterConfig("sigmoid", True, 8, 4, 2.5, correction=True)
    torch.manual_seed(0)
    gate.weight.normal_(0.0, 0.1)
    gate.e_score_correction_bias.normal_(0.0, 0.01)
    router = Router(64, ExpertsConfig(256, 8, FeedForwardConfig(8, "silu"), router=how))
    router.load_state_dict({"weight": gate.weight, "correction": gate.e_score_correction_bias})
    x = tokens(64)
    _, weights, indices = gate(x[0])
    chosen, shares = route(router(x)[0], 8, how, router.correction)
    assert torch.equal(chosen.sort().values, indices.sort().values)
    torch.testing.assert_close(spread(chosen, shares, 256), spread(indices, weights, 256), rtol=1e-6, atol=0)
    rounded, _ = route(F.linear(x, router.weight.bfloat16())[0], 8, how, router.correction)
    assert (rounded.sort().values != indices.sort().values).any(-1).sum() > 20


def test_routers_that_score_by_a_sigmoid_are_read_in_float32(tmp_path: Path) -> None:
    build(MAIN["deepseek_v3"]).save_pretrained(tmp_path / "theirs")
    exact, loaded = load_folder(tmp_path / "theirs"), load_folder(tmp_path / "theirs", torch.bfloat16)
    first, state = exact.model.state_dict(), loaded.model.state_dict()
    wide = {name for name, weight in state.items() if weight.dtype == torch.float32}
    assert wide == {name for name in state if ".router." in name}
    assert all(torch.equal(state[name], first[name]) for name in wide)
    save_folder(loaded, tmp_path / "ours")
    again = load_folder(tmp_path / "ours", torch.bfloat16).model.state_dict()
    assert all(torch.equal(again[name], weight) for name, weight in state.items())
    double = load_folder(tmp_path / "theirs", torch.float64).model.state_dict()
    assert {weight.dtype for weight in double.values()} == {torch.float64}


@pytest.mark.parametrize("score", ["softmax", "sigmoid"])
@torch.no_grad()
def test_experts_that_agree_give_what_each_gives(score: Any) -> None:
    """Weights that sum to one in float32 do so to the last digit of bfloat16; rounded ones do not."""
    torch.manual_seed(0)
    config = ExpertsConfig(8, 3, FeedForwardConfig(20, "silu", gated=True, bias=False), router=RouterConfig(score))
    layer = Experts(16, config).bfloat16()
    for expert in layer.experts:
        expert.load_state_dict(layer.experts[0].state_dict())
    x = tokens(16)
    found = layer(x)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, layer.experts[0](x))


@torch.no_grad()
def test_float32_and_float64_are_as_they_were() -> None:
    """What has enough digits is not converted."""
    for dtype in (torch.float32, torch.float64):
        torch.manual_seed(0)
        router = Router(16, ExpertsConfig(8, 2, FeedForwardConfig(20, "silu"), router=RouterConfig("sigmoid")))
        x = torch.randn(2, 64, 16, dtype=dtype)
        assert torch.equal(router.to(dtype)(x), F.linear(x, router.weight))
