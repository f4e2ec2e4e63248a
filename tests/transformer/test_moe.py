"""Mixtures of experts against `transformers`, by hand, and by what must hold for all of them."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from transformer_twins import true_float64
from transformers import DeepseekV3Config, MixtralConfig
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3MoE, DeepseekV3TopkRouter
from transformers.models.mixtral.modeling_mixtral import MixtralSparseMoeBlock, load_balancing_loss_func

from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.moe import (
    Experts,
    ExpertsConfig,
    RouterConfig,
    balance_loss,
    count_load,
    route,
    update_correction,
)
from llmguide.transformer.trace import Tap

SWIGLU = FeedForwardConfig(20, "silu", gated=True, bias=False)
DEEPSEEK = RouterConfig("sigmoid", n_groups=4, n_active_groups=2, scale=2.5, correction=True)


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Draw normal numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def spread(chosen: Tensor, weights: Tensor, n_experts: int) -> Tensor:
    """Write the weights of the chosen among the zeros of the others."""
    return torch.zeros(*weights.shape[:-1], n_experts, dtype=weights.dtype).scatter(-1, chosen, weights)


def redraw(module: torch.nn.Module, seed: int = 0) -> None:
    """Draw all weights and buffers of a module of the library."""
    with torch.no_grad():
        for index, weight in enumerate((*module.parameters(), *module.buffers())):
            weight.copy_(draw(*weight.shape, seed=seed + index) / math.sqrt(weight.shape[-1]))


@torch.no_grad()
def copy(theirs: Any, ours: Experts) -> None:
    """Copy the library's weights, in which all experts lie in one tensor."""
    ours.router.weight.copy_(theirs.gate.weight)
    for index, expert in enumerate(ours.experts):
        expert.gate_up.weight.copy_(theirs.experts.gate_up_proj[index])
        expert.down.weight.copy_(theirs.experts.down_proj[index])
    if ours.shared is not None:
        ours.router.correction.copy_(theirs.gate.e_score_correction_bias)
        gate, up = theirs.shared_experts.gate_proj.weight, theirs.shared_experts.up_proj.weight
        ours.shared.gate_up.weight.copy_(torch.cat([gate, up]))
        ours.shared.down.weight.copy_(theirs.shared_experts.down_proj.weight)


def deepseek(**options: Any) -> DeepseekV3Config:
    """Configure the library's layer."""
    return DeepseekV3Config(
        hidden_size=16,
        moe_intermediate_size=20,
        n_routed_experts=16,
        num_experts_per_tok=4,
        n_shared_experts=2,
        **({"n_group": 4, "topk_group": 2, "routed_scaling_factor": 2.5} | options),
    )


# Routing


def test_route_by_hand() -> None:
    # softmax: 1/2, 1/4, 1/8, 1/8; of the two best, 2/3 and 1/3
    logits = torch.tensor([4.0, 2.0, 1.0, 1.0]).log()
    chosen, weights = route(logits, 2, RouterConfig())
    assert chosen.tolist() == [0, 1]
    torch.testing.assert_close(weights, torch.tensor([2 / 3, 1 / 3]))
    _, weights = route(logits, 2, RouterConfig(normalize=False, scale=4.0))
    torch.testing.assert_close(weights, torch.tensor([2.0, 1.0]))


def test_groups_by_hand() -> None:
    # sigmoid: 3/4, 1/4 | 1/2, 2/3. The second group has the better two, 7/6 against 1, though not the best one.
    logits = torch.tensor([3.0, 1 / 3, 1.0, 2.0]).log()
    config = RouterConfig("sigmoid", n_groups=2, correction=True)
    chosen, weights = route(logits, 2, config)
    assert chosen.tolist() == [3, 2]
    torch.testing.assert_close(weights, torch.tensor([4 / 7, 3 / 7]))
    # A correction of 1/3 for the second expert opens the first group, 4/3; its weight is still that of the score 1/4.
    chosen, weights = route(logits, 2, config, torch.tensor([0.0, 1 / 3, 0.0, 0.0]))
    assert chosen.tolist() == [0, 1]
    torch.testing.assert_close(weights, torch.tensor([3 / 4, 1 / 4]))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"norm_topk_prob": False},
        {"n_group": 1, "topk_group": 1, "routed_scaling_factor": 1.0},
        {"n_group": 8, "topk_group": 3},
    ],
)
def test_routing_is_deepseeks(options: dict[str, Any]) -> None:
    library = deepseek(**options)
    gate = DeepseekV3TopkRouter(library)
    redraw(gate)
    gate.e_score_correction_bias.sub_(0.3)  # some of them below what their score can make good
    x = 3 * draw(512, 16, seed=9)
    logits, expected, indices = gate(x)
    config = RouterConfig(
        "sigmoid",
        normalize=library.norm_topk_prob,
        n_groups=library.n_group,
        n_active_groups=library.topk_group,
        scale=library.routed_scaling_factor,
        correction=True,
    )
    chosen, weights = route(logits, 4, config, gate.e_score_correction_bias)
    assert torch.equal(chosen.sort().values, indices.sort().values)
    torch.testing.assert_close(spread(chosen, weights, 16), spread(indices, expected, 16), rtol=0, atol=1e-6)


def test_routing_survives_scores_of_zero() -> None:
    _, weights = route(torch.full((1, 4), -200.0), 2, RouterConfig("sigmoid"))
    assert weights.tolist() == [[0.0, 0.0]]


def test_half_precision_is_routed_in_single() -> None:
    logits = draw(64, 8).bfloat16()
    chosen, weights = route(logits, 2, RouterConfig())
    expected = route(logits.float(), 2, RouterConfig())
    assert weights.dtype == torch.float32
    assert torch.equal(chosen, expected[0])
    assert torch.equal(weights, expected[1])


@given(st.integers(0, 10_000), st.sampled_from(["softmax", "sigmoid"]), st.sampled_from([(1, 1), (2, 1), (4, 2)]))
def test_what_holds_for_every_routing(seed: int, score: Any, groups: tuple[int, int]) -> None:
    config = RouterConfig(score, n_groups=groups[0], n_active_groups=groups[1], scale=1.5, correction=True)
    logits, correction = draw(5, 8, seed=seed), draw(8, seed=seed + 1)
    chosen, weights = route(logits, 3, config, correction)
    assert all(len(set(row)) == 3 for row in chosen.tolist())
    torch.testing.assert_close(weights.sum(-1), torch.full((5,), 1.5))
    assert all(len({expert // (8 // groups[0]) for expert in row}) <= groups[1] for row in chosen.tolist())
    # What all corrections have in common changes nothing.
    shifted, _ = route(logits, 3, config, correction + 0.5)
    assert torch.equal(chosen, shifted)
    # With the choice as given, the weights do not know the correction.
    scores = logits.softmax(-1) if score == "softmax" else logits.sigmoid()
    of_chosen = scores.gather(-1, chosen)
    torch.testing.assert_close(weights, 1.5 * of_chosen / of_chosen.sum(-1, keepdim=True))


@given(st.integers(0, 10_000))
def test_normalized_softmax_is_the_softmax_of_the_chosen(seed: int) -> None:
    logits = draw(4, 8, seed=seed)
    chosen, weights = route(logits, 3, RouterConfig())
    torch.testing.assert_close(weights, logits.gather(-1, chosen).softmax(-1))


# The layer


def test_layer_by_hand() -> None:
    """Two thirds of what triples and one third of what multiplies by six: four times."""
    config = ExpertsConfig(4, 2, FeedForwardConfig(1, "relu", bias=False), shared=FeedForwardConfig(1, "relu"))
    layer = Experts(1, config)
    with torch.no_grad():
        layer.router.weight.copy_(torch.tensor([[4.0], [2.0], [1.0], [1.0]]).log())
        for expert, factor in zip(layer.experts, (3.0, 6.0, 100.0, 100.0), strict=True):
            expert.up.weight.fill_(1.0)
            expert.down.weight.fill_(factor)
        for weight in layer.shared.parameters():
            weight.zero_()
        layer.shared.down.bias.fill_(0.5)
    tap = Tap()
    assert layer(torch.ones(1, 1, 1), tap).item() == pytest.approx(4.5)
    assert tap.tensors["experts"].item() == pytest.approx(4.0)
    assert tap.tensors["shared"].item() == pytest.approx(0.5)
    assert tap.tensors["router"].shape == (1, 1, 4)
    assert tap.tensors["experts.1.hidden"].shape == (1, 1, 1)
    assert "experts.2.hidden" not in tap.tensors
    crowned = Tap(edits={"router": lambda logits: torch.tensor([[[0.0, 0.0, 90.0, 0.0]]])})
    assert layer(torch.ones(1, 1, 1), crowned).item() == pytest.approx(100.5)


@pytest.mark.parametrize("n_active", [1, 2, 8])
def test_layer_is_mixtrals(n_active: int) -> None:
    library = MixtralConfig(hidden_size=16, intermediate_size=20, num_local_experts=8, num_experts_per_tok=n_active)
    theirs, ours = MixtralSparseMoeBlock(library).eval(), Experts(16, ExpertsConfig(8, n_active, SWIGLU))
    redraw(theirs)
    copy(theirs, ours)
    x = draw(3, 7, 16, seed=50)
    torch.testing.assert_close(ours(x), theirs(x.clone()), rtol=0, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"norm_topk_prob": False}, {"n_group": 1, "topk_group": 1}])
def test_layer_is_deepseeks(options: dict[str, Any]) -> None:
    library = deepseek(**options)
    theirs = DeepseekV3MoE(library).eval()
    redraw(theirs)
    router = replace(
        DEEPSEEK,
        normalize=library.norm_topk_prob,
        n_groups=library.n_group,
        n_active_groups=library.topk_group,
    )
    ours = Experts(16, ExpertsConfig(16, 4, SWIGLU, replace(SWIGLU, d_hidden=40), router))
    copy(theirs, ours)
    x = draw(3, 7, 16, seed=50).double()
    with true_float64():  # without normalization the values are large, and so are their roundings in float32
        expected = theirs.double()(x)
    torch.testing.assert_close(ours.double()(x), expected, rtol=0, atol=1e-13)


def test_every_token_goes_through_all_experts_when_all_are_active() -> None:
    layer = Experts(6, ExpertsConfig(3, 3, SWIGLU)).double()
    x = draw(2, 5, 6).double()
    weights = layer.router(x).softmax(-1)
    expected = sum(weights[..., index, None] * expert(x) for index, expert in enumerate(layer.experts))
    torch.testing.assert_close(layer(x), expected, rtol=0, atol=1e-12)


def test_gradients_are_those_of_differences() -> None:
    layer = Experts(4, ExpertsConfig(4, 2, replace(SWIGLU, d_hidden=3), replace(SWIGLU, d_hidden=2), DEEPSEEK_SMALL))
    layer.double()
    x = draw(1, 5, 4).double().requires_grad_()
    names, weights = zip(*layer.named_parameters(), strict=True)
    assert "router.weight" in names
    assert not any("correction" in name for name in names)

    def run(x: Tensor, *values: Tensor) -> Any:
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(run, (x, *weights))


DEEPSEEK_SMALL = replace(DEEPSEEK, n_groups=2, n_active_groups=1)


def test_correction_is_saved_with_the_weights() -> None:
    layer = Experts(4, ExpertsConfig(4, 2, SWIGLU, router=DEEPSEEK_SMALL))
    assert layer.router.correction is not None
    assert "router.correction" in layer.state_dict()
    assert "router.correction" not in Experts(4, ExpertsConfig(4, 2, SWIGLU)).state_dict()


# Balance


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("n_active", [1, 2])
def test_balance_loss_is_the_librarys(n_active: int, padded: bool) -> None:
    logits = 2 * draw(3, 4, 6, 8)  # three layers, four rows of six tokens, eight experts
    logits.requires_grad_()
    real = torch.arange(6) >= torch.tensor([[0], [1], [4], [5]]) if padded else None
    theirs = load_balancing_loss_func(
        tuple(layer.reshape(-1, 8) for layer in logits), 8, n_active, None if real is None else real.long()
    )
    assert isinstance(theirs, Tensor)
    ours = balance_loss(logits, n_active, real)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=0)
    (expected,) = torch.autograd.grad(theirs, logits)
    (found,) = torch.autograd.grad(ours, logits)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-7)


def test_balance_loss_by_hand() -> None:
    # Scores 3/4 and 1/4; three of four tokens choose the first: 2 (3/4 * 5/8 + 1/4 * 3/8) = 9/8
    logits = torch.tensor([[3.0, 1.0], [3.0, 1.0], [3.0, 1.0], [1.0, 3.0]]).log()
    assert balance_loss(logits, 1).item() == pytest.approx(9 / 8)
    assert balance_loss(logits, 2).item() == pytest.approx(2.0)  # all experts are always chosen


def test_descent_on_the_balance_loss_balances() -> None:
    x, weight = draw(256, 8), draw(4, 8, seed=1)
    weight[0] += 3 * x.mean(0) / x.mean(0).norm()
    weight.requires_grad_()
    optimizer = torch.optim.SGD([weight], 1.0)
    losses = []
    for _ in range(50):
        loss = balance_loss(x @ weight.T, 1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert losses[-1] == pytest.approx(1.0, abs=0.05)


def test_corrections_balance_a_skewed_router() -> None:
    logits = draw(2000, 8) + torch.linspace(-1.5, 1.5, 8)
    config, correction = RouterConfig("sigmoid", correction=True), torch.zeros(8)

    def load() -> Tensor:
        return count_load(route(logits, 2, config, correction)[0], 8)

    assert load().max() > 1.8 * 500  # even would be 2000 * 2 / 8
    for _ in range(400):
        update_correction(correction, load(), 0.003)
    assert load().max() < 1.1 * 500
    assert load().min() > 0.9 * 500


def test_load_counts_real_tokens() -> None:
    chosen = torch.tensor([[[0, 1], [0, 2]], [[3, 1], [3, 0]]])
    assert count_load(chosen, 5).tolist() == [3, 2, 1, 2, 0]
    real = torch.tensor([[True, False], [True, True]])
    assert count_load(chosen, 5, real).tolist() == [2, 2, 0, 2, 0]


# What is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"score": "tanh"}, "score must be 'softmax' or 'sigmoid', not 'tanh'"),
        ({"n_groups": 0}, "n_groups must be at least 1, not 0"),
        ({"n_active_groups": 2}, r"n_active_groups must be from 1 to n_groups \(1\), not 2"),
        ({"scale": 0.0}, "scale must be a finite number greater than 0, not 0.0"),
        ({"scale": math.inf}, "scale must be a finite number"),
        ({"scale": math.nan}, "scale must be a finite number"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_bad_routers(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RouterConfig(**options)


@pytest.mark.parametrize(
    ("n_experts", "n_active", "groups", "message"),
    [
        (0, 1, (1, 1), "n_experts must be at least 1, not 0"),
        (4, 0, (1, 1), r"n_active must be from 1 to n_experts \(4\), not 0"),
        (4, 5, (1, 1), r"n_active must be from 1 to n_experts \(4\), not 5"),
        (6, 2, (4, 2), r"n_experts \(6\) must be divisible by n_groups \(4\)"),
        (4, 2, (4, 2), r"n_groups \(4\) leaves 1 expert in each group"),
        (8, 5, (4, 2), r"n_active \(5\) exceeds the 4 experts in 2 groups"),
    ],
)
def test_bad_experts(n_experts: int, n_active: int, groups: tuple[int, int], message: str) -> None:
    router = RouterConfig(n_groups=groups[0], n_active_groups=groups[1])
    with pytest.raises(ValueError, match=message):
        ExpertsConfig(n_experts, n_active, SWIGLU, router=router)


@pytest.mark.usefixtures("unchecked")
def test_bad_tensors() -> None:
    with pytest.raises(ValueError, match=r"n_active must be from 1 to n_experts \(4\), not 5"):
        route(draw(2, 4), 5, RouterConfig())
    with pytest.raises(ValueError, match=r"correction has the shape \[1\]; the logits are of 4 experts"):
        route(draw(2, 4), 2, RouterConfig(correction=True), torch.zeros(1))
    with pytest.raises(ValueError, match="n_active must be from 1"):
        balance_loss(draw(2, 4), 5)
    with pytest.raises(ValueError, match=r"real has the shape \[2, 3\]; the tokens are \[2, 5\]"):
        balance_loss(draw(2, 5, 4), 1, torch.ones(2, 3, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"real has the shape \[1, 5\]"):
        count_load(torch.zeros(2, 5, 1, dtype=torch.long), 4, torch.ones(1, 5, dtype=torch.bool))
    with pytest.raises(ValueError, match="rate must be greater than 0, not 0"):
        update_correction(torch.zeros(4), torch.zeros(4, dtype=torch.long), 0)
    with pytest.raises(ValueError, match=r"load has the shape \[1\] and correction \[4\]"):
        update_correction(torch.zeros(4), torch.zeros(1, dtype=torch.long), 0.1)
