"""Selective state spaces: by hand, each form against the other, and against the two layers of `transformers`."""

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode
from transformer_twins import true_float64
from transformers import GraniteMoeHybridConfig, Mamba2Config
from transformers.models.granitemoehybrid.modeling_granitemoehybrid import GraniteMoeHybridMambaLayer
from transformers.models.mamba2.modeling_mamba2 import Mamba2Mixer

from llmguide.decoding.generation import generate
from llmguide.transformer import MaskConfig, Tap, Transformer, initialize
from llmguide.transformer.architectures_hybrid import granite_hybrid
from llmguide.transformer.attention import AttentionConfig, Sight
from llmguide.transformer.cache import KvCache, StateCache
from llmguide.transformer.linear_attention import mix_in_steps
from llmguide.transformer.state_space import GatedNorm, StateSpace, StateSpaceConfig
from llmguide.transformer.trace import InnerTap

SMALL = StateSpaceConfig(n_heads=4, d_head=3, d_state=5, n_groups=2, chunk=8)
EVERYWHERE = Sight()

HYBRID = granite_hybrid(
    vocab_size=31,
    context_length=40,
    d_model=12,
    layers=["state space", "attention", "state space"],
    attention=AttentionConfig(2, 1, 6),
    state_space=replace(SMALL, d_head=6),
    d_hidden=20,
)


def drawn(seed: int, *shape: int) -> Tensor:
    """Return normal numbers in double precision."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def built(config: StateSpaceConfig = SMALL, d_model: int = 10, seed: int = 0) -> StateSpace:
    """Draw a layer in double precision, in which heads remember for long and for short."""
    torch.manual_seed(seed)
    layer = StateSpace(d_model, config).double()
    with torch.no_grad():
        for weight in layer.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
        layer.step_bias.copy_(torch.linspace(-4, 2, config.n_heads))
    return layer


def close(found: Tensor, expected: Tensor) -> None:
    """Compare to many digits."""
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-11)


# One number for everything. silu(ONE) = 1, and softplus(log(e - 1)) = 1.
ONE = 1.2784645427610738


def test_a_layer_by_hand() -> None:
    layer = StateSpace(1, StateSpaceConfig(1, 1, 1, d_conv=1, bias=True, epsilon=1e-12))
    with torch.no_grad():
        # Keys and queries are always 1. A token of 1 is a value of 1 that takes a step of 1; a token of 0 takes none.
        layer.input.weight.copy_(torch.tensor([[ONE], [1.0], [0.0], [0.0], [math.log(math.e - 1) + 40]]))
        layer.input.bias.copy_(torch.tensor([0.0, 0.0, ONE, ONE, -40.0]))
        layer.convolution.weight.copy_(torch.tensor([ONE, 1.0, 1.0])[:, None, None])
        layer.convolution.bias.zero_()
        layer.step_bias.zero_()
        layer.log_rate.fill_(math.log(math.log(2)))  # a step of 1 halves the state
        layer.skip.fill_(3.0)
        layer.output.weight.fill_(5.0)
        layer.output.bias.fill_(0.5)
    tap, cache = Tap(), layer.config.new_cache(1, 9)
    found = layer(torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0]).reshape(1, 5, 1), EVERYWHERE, cache, tap)
    # States 1, 1, 1, 1/2 + 1, 3/4 + 1: what takes no step is ignored and lets nothing fade. To it, thrice the value.
    torch.testing.assert_close(tap.tensors["steps"].flatten(), torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0]))
    torch.testing.assert_close(tap.tensors["mixed"].flatten(), torch.tensor([4.0, 1.0, 1.0, 4.5, 4.75]))
    torch.testing.assert_close(cache.state.flatten(), torch.tensor([1.75]))
    # The gate is 0 for tokens of 0; of a single number the norm leaves the sign.
    torch.testing.assert_close(found.flatten(), torch.tensor([5.5, 0.5, 0.5, 5.5, 5.5]))
    assert cache.length == 5


def test_the_gate_goes_first_and_groups_are_normalized_apart() -> None:
    norm = GatedNorm(4, 2, 1e-12)
    with torch.no_grad():
        norm.scale.copy_(torch.tensor([1.0, 1.0, 1.0, 2.0]))
    gate = torch.tensor([[ONE, ONE, ONE, 0.0]])
    found = norm(torch.tensor([[3.0, -3.0, 7.0, 9.0]]), gate)
    torch.testing.assert_close(found, torch.tensor([[1.0, -1.0, math.sqrt(2), 0.0]]))


def theirs(kind: str, **options: Any) -> tuple[Any, StateSpaceConfig]:
    """Draw a layer of the library, and describe it."""
    ours = replace(SMALL, n_heads=4, d_head=5, **options)
    torch.manual_seed(3)
    if kind == "mamba2":
        layer: Any = Mamba2Mixer(
            Mamba2Config(
                hidden_size=10, num_heads=4, head_dim=5, state_size=ours.d_state, n_groups=ours.n_groups,
                conv_kernel=ours.d_conv, use_bias=ours.bias, use_conv_bias=ours.conv_bias, chunk_size=ours.chunk,
                num_hidden_layers=1,
            ),
            0,
        )  # fmt: skip
    else:
        config = GraniteMoeHybridConfig(
            hidden_size=10, num_attention_heads=1, num_hidden_layers=1, mamba_n_heads=4, mamba_d_state=ours.d_state,
            mamba_n_groups=ours.n_groups, mamba_d_conv=ours.d_conv, mamba_proj_bias=ours.bias,
            mamba_conv_bias=ours.conv_bias, mamba_chunk_size=ours.chunk, rms_norm_eps=ours.epsilon,
        )  # fmt: skip
        layer = GraniteMoeHybridMambaLayer(config, 0)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    return layer, ours


NAMES = {"input": "in_proj", "convolution": "conv1d", "norm.scale": "norm.weight", "output": "out_proj"} | {
    "step_bias": "dt_bias",
    "log_rate": "A_log",
    "skip": "D",
}


def same(layer: Any, config: StateSpaceConfig, dtype: torch.dtype) -> StateSpace:
    """Make our layer with the library's weights."""
    ours, weights = StateSpace(10, config), layer.state_dict()
    renamed = {}
    for name in ours.state_dict():
        known = next(known for known in NAMES if name.startswith(known))
        renamed[name] = weights.pop(name.replace(known, NAMES[known]))
    assert not weights
    ours.load_state_dict(renamed)
    return ours.to(dtype)


@pytest.mark.parametrize("length", [1, 3, 7, 8, 9, 16, 29])
@pytest.mark.parametrize("kind", ["mamba2", "granite"])
@torch.no_grad()
def test_the_layer_is_the_library_s(kind: str, length: int) -> None:
    layer, config = theirs(kind)
    x = drawn(length, 2, length, 10)
    single = same(layer, config, torch.float32)(x.float(), EVERYWHERE)
    torch.testing.assert_close(single, layer(x.float()), rtol=0, atol=2e-6)
    ours = same(layer, config, torch.float64)
    with true_float64():
        close(ours(x, EVERYWHERE), layer.double()(x))


@pytest.mark.parametrize(
    "options",
    [
        {"n_groups": 1},
        {"n_groups": 4, "bias": True},
        {"conv_bias": False, "d_conv": 1},
        {"d_conv": 6, "chunk": 1},
        {"chunk": 256, "d_state": 1},
    ],
)
@pytest.mark.parametrize("kind", ["mamba2", "granite"])
@torch.no_grad()
def test_each_choice_is_the_library_s(kind: str, options: dict[str, Any]) -> None:
    layer, config = theirs(kind, **options)
    ours, x = same(layer, config, torch.float64), drawn(0, 3, 21, 10)
    with true_float64():
        close(ours(x, EVERYWHERE), layer.double()(x))


@pytest.mark.no_cover
@settings(deadline=None, max_examples=40)
@given(st.integers(1, 25), st.lists(st.integers(1, 24), max_size=4), st.sampled_from([1, 3, 8, 256]), st.integers(1, 5))
def test_all_forms_agree(length: int, cuts: list[int], chunk: int, d_conv: int) -> None:
    layer, x = built(replace(SMALL, chunk=chunk, d_conv=d_conv)), drawn(length, 2, length, 10)
    with torch.no_grad():
        at_once = layer(x, EVERYWHERE)
        # What the layer mixes, by the recurrence of linear attention.
        tap = Tap()
        close(layer(x, EVERYWHERE, None, tap), at_once)
        seen = tap.tensors
        each = {name: seen[name].repeat_interleave(2, 1) for name in ("queries", "keys")}
        values = seen["values"]
        mixed, state = mix_in_steps(
            each["queries"], each["keys"], seen["steps"][..., None] * values, seen["log_decays"].exp()
        )
        close(seen["mixed"], mixed + layer.skip[:, None, None] * values)
        # In pieces, with what a cache keeps.
        edges = sorted({0, length, *(cut for cut in cuts if cut < length)})
        cache = layer.config.new_cache(2, 1, torch.float64)
        pieces = [layer(x[:, a:b], EVERYWHERE, cache) for a, b in pairwise(edges)]
        close(torch.cat(pieces, 1), at_once)
        close(cache.state, state)
        assert cache.length == length


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**20), st.integers(1, 12), st.integers(0, 12))
def test_what_fills_a_row_up_is_not_there(seed: int, length: int, cut: int) -> None:
    layer, x = built(), drawn(seed, 3, length, 10)
    real = torch.rand(3, length, generator=torch.Generator().manual_seed(seed)) < 0.7
    with torch.no_grad():
        whole = layer(x, Sight(real=real))
        cache = layer.config.new_cache(3, length, torch.float64)
        edges = sorted({0, min(cut, length), length})
        pieces = [layer(x[:, a:b], Sight(real=real[:, a:b]), cache) for a, b in pairwise(edges)]
        for row in range(3):
            if not real[row].any():
                continue
            short = layer(x[row, real[row]][None], EVERYWHERE)
            close(whole[row, real[row]][None], short)
            close(torch.cat(pieces, 1)[row, real[row]][None], short)


def test_a_step_costs_the_same_however_long_the_text() -> None:
    layer, costs = built().float(), []
    for length in (1, 300):
        cache = layer.config.new_cache(1, 1)
        with torch.no_grad():
            layer(torch.randn(1, length, 10), EVERYWHERE, cache)
            with FlopCounterMode(display=False) as counter:
                layer(torch.randn(1, 1, 10), EVERYWHERE, cache)
        costs.append((counter.get_total_flops(), cache.n_bytes))
    assert costs[0] == costs[1]
    assert costs[0][1] == 4 * (4 * 5 * 3 + 3 * (4 * 3 + 2 * 2 * 5))
    assert cache.capacity is None


def test_gradients_are_those_of_differences() -> None:
    layer = built(replace(SMALL, n_heads=2, d_head=2, d_state=2, chunk=3), d_model=3)
    names, weights = zip(*layer.named_parameters(), strict=True)

    def run(x: Tensor, *values: Tensor) -> Any:
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x, EVERYWHERE))

    assert torch.autograd.gradcheck(run, (drawn(0, 1, 5, 3).requires_grad_(), *weights))


def test_a_state_may_be_lost_at_once() -> None:
    layer = built().float()
    with torch.no_grad():
        layer.log_rate.fill_(6.0)
        layer.step_bias.fill_(5.0)  # a decay of exp(-2000), which no number can be
    x = torch.randn(1, 20, 10, requires_grad=True)
    found = layer(x, EVERYWHERE)
    found.sum().backward()
    assert found.isfinite().all()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in (x, *layer.parameters()))


def test_half_precision_sums_in_single() -> None:
    layer, x = built().to(torch.bfloat16), drawn(0, 2, 40, 10).bfloat16()
    cache, tap = layer.config.new_cache(2, 40, torch.bfloat16), Tap()
    with torch.no_grad():
        found = layer(x, EVERYWHERE, cache, tap)
        exact = layer.double()(x.double(), EVERYWHERE)
    assert found.dtype == cache.window.dtype == torch.bfloat16
    assert cache.state.dtype == tap.tensors["mixed"].dtype == torch.float32
    assert (found - exact).norm() < 0.02 * exact.norm()


def test_a_position_without_a_step_is_passed_over() -> None:
    layer, x, kept = built(), drawn(0, 1, 6, 10), [0, 1, 3, 4, 5]
    steps_taken = torch.tensor([1.0, 1.0, 0.0, 1.0, 1.0, 1.0])
    tap = Tap(edits={"layer.steps": lambda steps: steps * steps_taken})
    with torch.no_grad():
        layer(x, EVERYWHERE, None, InnerTap(tap, "layer"))
        seen = {name.removeprefix("layer."): tensor[:, :, kept] for name, tensor in tap.tensors.items()}
        queries, keys = (seen[name].repeat_interleave(2, 1) for name in ("queries", "keys"))
        values = seen["steps"][..., None] * seen["values"]
        mixed, _ = mix_in_steps(queries, keys, values, seen["log_decays"].exp())
        close(seen["mixed"], mixed + layer.skip[:, None, None] * seen["values"])


@torch.no_grad()
def test_a_hybrid_writes_rows_of_several_lengths_as_it_writes_each() -> None:
    model = Transformer(HYBRID)
    initialize(model, torch.Generator().manual_seed(0), std=0.4)
    prompts = [[5], [7, 8, 9, 10, 11], [3, 4, 3]]
    together = generate(model, prompts, max_new_tokens=12)
    assert together == [generate(model, [prompt], max_new_tokens=12)[0] for prompt in prompts]


def test_drawing_is_repeatable_and_in_range() -> None:
    model, again = Transformer(HYBRID), Transformer(HYBRID)
    for each in (model, again):
        initialize(each, torch.Generator().manual_seed(7))
    assert all(torch.equal(weight, again.state_dict()[name]) for name, weight in model.state_dict().items())
    layer = model.blocks[0].attention
    assert isinstance(layer, StateSpace)
    layer.draw(torch.Generator().manual_seed(1))
    assert ((layer.log_rate.exp() >= 1) & (layer.log_rate.exp() <= 16.01)).all()
    steps = torch.nn.functional.softplus(layer.step_bias)
    assert ((steps >= 0.00099) & (steps <= 0.101)).all()


def test_a_state_cannot_go_back() -> None:
    model = Transformer(HYBRID)
    cache = model.new_cache(2, 9)
    assert cache.capacity == 9
    ids = torch.arange(10).reshape(2, 5)
    with torch.no_grad():
        model(ids, cache=cache)
        cache.truncate(5)
        with pytest.raises(ValueError, match="a state of 5 positions cannot go back to 3; read the first 3 again"):
            cache.truncate(3)
        assert [layer.length for layer in cache.layers] == [5, 5, 5]
        cache.keep(torch.tensor([1]))
        expected = model(torch.cat([ids[1:], ids[:1, :1]], 1))[:, -1:]
        torch.testing.assert_close(model(ids[:1, :1], cache=cache), expected)
    only = KvCache([SMALL.new_cache(2, 9)])
    assert only.capacity is None
    assert only.n_bytes == only.layers[0].n_bytes
    assert isinstance(only.layers[0], StateCache)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_heads": 0}, "n_heads must be at least 1, not 0"),
        ({"d_conv": 0}, "d_conv must be at least 1, not 0"),
        ({"chunk": -1}, "chunk must be at least 1, not -1"),
        ({"n_groups": 3}, r"n_heads \(4\) must be divisible by n_groups \(3\)"),
        ({"epsilon": 0.0}, r"epsilon must be greater than 0, not 0\.0"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **options)


@pytest.mark.usefixtures("unchecked")
def test_a_call_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="the cache was made for a batch of 1, not of 2"):
        built()(drawn(0, 2, 3, 10), EVERYWHERE, SMALL.new_cache(1, 3, torch.float64))
    with pytest.raises(ValueError, match="mask is given, and a state space cannot look away"):
        Transformer(HYBRID)(torch.ones(1, 3, dtype=torch.long), mask=torch.ones(1, 1, 3, 3, dtype=torch.bool))
    with pytest.raises(ValueError, match="mask must be causal: a state space never sees what comes later"):
        replace(HYBRID, mask=MaskConfig("bidirectional"))


@pytest.mark.usefixtures("unchecked")
def test_a_hybrid_that_lacks_something_is_refused() -> None:
    sizes: dict[str, Any] = {"vocab_size": 9, "context_length": 9, "d_model": 4, "d_hidden": 8}
    with pytest.raises(ValueError, match="layers has 'mamba'; a layer is 'state space' or 'attention'"):
        granite_hybrid(**sizes, layers=["mamba"], attention=AttentionConfig(1, 1, 4), state_space=SMALL)
    with pytest.raises(ValueError, match="layers has 'state space'; say by state_space what it is like"):
        granite_hybrid(**sizes, layers=["state space"], attention=AttentionConfig(1, 1, 4), state_space=None)
    same = granite_hybrid(**sizes, layers=["attention"] * 2, attention=AttentionConfig(1, 1, 4), state_space=None)
    assert same.blocks == ()
    assert same.attention.scale == 0.5
