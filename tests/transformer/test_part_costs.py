"""The costs of experts, latents and states, against models: their parameters, gradients, operations and caches."""

from dataclasses import replace

import pytest
import torch
from saved_tensors import kept
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from llmguide.transformer import Tap, Transformer, gpt2, llama, mistral
from llmguide.transformer.accounting import (
    activation_bytes,
    active_parameters,
    cache_bytes,
    matmul_flops,
    parameters,
    weight_bytes,
)
from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.block import BlockConfig
from llmguide.transformer.catalogue import MODELS
from llmguide.transformer.config import ModelConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.latent_attention import LatentAttentionConfig
from llmguide.transformer.moe import Experts, ExpertsConfig, RouterConfig
from llmguide.transformer.part_costs import feedforward_parameters, idle_parameters, mixer_parameters
from llmguide.transformer.positions import NoPositions, RelativePositions
from llmguide.transformer.state_space import StateSpaceConfig

GPT2 = gpt2(vocab_size=101, context_length=64, d_model=32, n_layers=2, n_heads=4)
LLAMA = llama(vocab_size=101, context_length=64, d_model=32, n_layers=2, n_heads=4, n_kv_heads=2, d_hidden=56)
MISTRAL = mistral(
    vocab_size=101, context_length=64, d_model=32, n_layers=2, n_heads=4, n_kv_heads=1, d_hidden=56, window=8
)
SWIGLU = FeedForwardConfig(24, "silu", gated=True, bias=False)
MOE = replace(MISTRAL, feedforward=ExpertsConfig(6, 2, SWIGLU))
LATENT = LatentAttentionConfig(n_heads=4, d_nope=6, d_rope=4, d_value=8, kv_rank=5, query_rank=7)
DEEPSEEK = replace(
    LLAMA,
    attention=LATENT,
    blocks=(
        BlockConfig(LATENT, LLAMA.feedforward),
        BlockConfig(LATENT, ExpertsConfig(8, 3, SWIGLU, SWIGLU, RouterConfig("sigmoid", n_groups=2, correction=True))),
    ),
)
STATES = StateSpaceConfig(n_heads=6, d_head=8, d_state=5, n_groups=2, chunk=6)
HYBRID = replace(
    LLAMA,
    positions=NoPositions(),
    n_layers=3,
    blocks=(
        BlockConfig(STATES, LLAMA.feedforward),
        BlockConfig(
            LLAMA.attention, ExpertsConfig(5, 1, SWIGLU, FeedForwardConfig(40, "silu", gated=True, bias=False))
        ),
        BlockConfig(replace(STATES, bias=True, conv_bias=False, n_groups=1), LLAMA.feedforward),
    ),
)
MIXED = {
    "experts": MOE,
    "latents and experts": DEEPSEEK,
    "queries of the input": replace(DEEPSEEK, attention=replace(LATENT, query_rank=None), blocks=()),
    "state space and attention": HYBRID,
    "relative positions": replace(GPT2, positions=RelativePositions(8, 16)),
}
"""Blocks of other parts than attention and one feed-forward layer, or blocks that differ."""
mixed_config = pytest.mark.parametrize("config", MIXED.values(), ids=MIXED.keys())


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def flops_of(counter: FlopCounterMode, *endings: str) -> int:
    counts = counter.get_flop_counts()
    return sum(sum(ops.values()) for name, ops in counts.items() if name.endswith(endings))


@mixed_config
def test_parameters_are_those_of_the_model(config: ModelConfig) -> None:
    model = Transformer(config)
    found = parameters(config)
    norms = sum(count(layer) for name, layer in model.named_modules() if name.endswith("norm"))
    assert sum(found.values()) == count(model)
    assert found["norms"] == norms
    assert found["feedforward"] == sum(
        count(part) for name, part in model.named_modules() if name.endswith(".feedforward")
    )


@mixed_config
def test_parameters_that_work_for_a_token_are_those_that_its_gradient_reaches(config: ModelConfig) -> None:
    torch.manual_seed(0)
    model = Transformer(config)
    model(torch.tensor([[1]]), tap=Tap([])).sum().backward()
    idle = sum(
        count(expert)
        for layer in model.modules()
        if isinstance(layer, Experts)
        for expert in layer.experts
        if all(weight.grad is None for weight in expert.parameters())
    )
    assert sum(active_parameters(config).values()) == count(model) - idle
    assert (idle > 0) == any(isinstance(block.feedforward, ExpertsConfig) for block in config.layers)


@pytest.mark.no_cover
@mixed_config
@pytest.mark.parametrize(("batch", "positions"), [(3, 16), (1, 1), (2, 6)])
def test_flops_are_those_that_torch_counts(config: ModelConfig, batch: int, positions: int) -> None:
    model = Transformer(config)
    counter = FlopCounterMode(display=False)
    with counter:
        model(torch.arange(batch * positions).reshape(batch, positions), tap=Tap([]))
    flops = matmul_flops(config, batch, positions)
    assert sum(flops.values()) == counter.get_total_flops()
    assert flops["projections"] + flops["attention"] == flops_of(counter, ".attention")
    assert flops["feedforward"] == flops_of(counter, ".feedforward")


@mixed_config
@pytest.mark.parametrize("positions", [1, 5])
def test_flops_with_a_cache(config: ModelConfig, positions: int) -> None:
    """One query takes the absorbed form of latent attention, as its latents here are short; five do not always."""
    model = Transformer(config)
    cache = model.new_cache(batch=2)
    ids = torch.arange(2 * 16).reshape(2, 16)
    with torch.no_grad():
        model(ids[:, :11], cache=cache)
        with FlopCounterMode(display=False) as counter:
            model(ids[:, 11 : 11 + positions], cache=cache, tap=Tap([]))
    assert sum(matmul_flops(config, 2, positions, cached=11).values()) == counter.get_total_flops()


def test_both_forms_of_latent_attention_are_counted() -> None:
    wide = LatentAttentionConfig(n_heads=4, d_nope=6, d_rope=4, d_value=8, kv_rank=400)
    assert LATENT.absorbing_is_cheaper(1, 12)
    assert not wide.absorbing_is_cheaper(5, 16)
    for attention, positions in ((LATENT, 1), (wide, 5)):
        test_flops_with_a_cache(replace(DEEPSEEK, attention=attention, blocks=()), positions)


@mixed_config
def test_cache_bytes_are_those_of_a_cache(config: ModelConfig) -> None:
    model = Transformer(config)
    assert cache_bytes(config, 3, 64) == model.new_cache(batch=3).n_bytes
    assert cache_bytes(config, 2, 50, bytes_per_number=2) == model.bfloat16().new_cache(2, capacity=50).n_bytes


def test_a_state_takes_as_much_for_any_number_of_positions() -> None:
    states = replace(HYBRID, n_layers=1, blocks=HYBRID.blocks[:1])
    assert cache_bytes(states, 1, 1) == cache_bytes(states, 1, 1000) == 4 * (6 * 8 * 5 + 3 * (48 + 2 * 2 * 5))


def alike(mixer: StateSpaceConfig) -> ModelConfig:
    """Give two blocks the same state space; the positions turn nothing."""
    return replace(LLAMA, blocks=(BlockConfig(mixer, SWIGLU),) * 2)


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "config",
    [
        *MIXED.values(),
        replace(MOE, feedforward=ExpertsConfig(6, 3, SWIGLU, router=RouterConfig(normalize=False))),
        replace(MOE, feedforward=ExpertsConfig(6, 1, FeedForwardConfig(24, "relu"), SWIGLU, RouterConfig(scale=2.0))),
        replace(LLAMA, attention=LATENT, positions=NoPositions()),
        alike(STATES),
        alike(replace(STATES, n_groups=6, d_conv=1)),
        alike(replace(STATES, n_heads=1, n_groups=1, chunk=4)),
        alike(replace(STATES, n_groups=6, chunk=1)),
    ],
)
@pytest.mark.parametrize(("batch", "positions"), [(3, 16), (1, 16), (2, 1), (2, 7), (1, 12)])
def test_activations_are_what_autograd_keeps(config: ModelConfig, batch: int, positions: int) -> None:
    torch.manual_seed(0)
    ids = torch.randint(config.vocab_size, (batch, positions))
    assert sum(activation_bytes(config, batch, positions).values()) == kept(Transformer(config), ids, tap=Tap([]))


def test_activations_of_states_in_float64() -> None:
    model, ids = Transformer(HYBRID).double(), torch.zeros(2, 9, dtype=torch.int64)
    assert sum(activation_bytes(HYBRID, 2, 9, bytes_per_number=8).values()) == kept(model, ids, tap=Tap([]))


def test_pairs_within_a_chunk_by_hand() -> None:
    """Six heads of two rows; chunks of 6, 6 and 4 positions; three numbers a pair in each of two layers."""
    assert activation_bytes(alike(STATES), 2, 16)["weights"] == 4 * 2 * 6 * 3 * 2 * (6**2 + 6**2 + 4**2)
    first, second, third = (sum(activation_bytes(alike(STATES), 1, n).values()) for n in (600, 1200, 1800))
    assert third - second == second - first  # no square of the length


@pytest.mark.parametrize("key", ["granite4-h-micro", "granite4-h-small"])
def test_only_attention_keeps_more_than_twice_as_much_of_twice_the_text(key: str) -> None:
    config = MODELS[key].config
    assert isinstance(config, ModelConfig)
    short, long = (activation_bytes(config, 1, n) for n in (4096, 8192))
    attending = [block.mixer for block in config.layers if isinstance(block.mixer, AttentionConfig)]
    squares = 2 * sum(mixer.n_heads for mixer in attending) * (8192**2 - 2 * 4096**2)
    assert len(attending) == 4
    assert long["weights"] - 2 * short["weights"] == 4 * squares


def test_two_stacks_need_two_lengths() -> None:
    with pytest.raises(ValueError, match="sources must say how many positions the encoder reads"):
        activation_bytes(MODELS["t5-base"].config, 1, 4)
    with pytest.raises(ValueError, match=r"sources \(4\) is for models of two stacks"):
        activation_bytes(GPT2, 1, 4, sources=4)


def test_every_expert_takes_memory() -> None:
    assert weight_bytes(MOE, 16) == 2 * count(Transformer(MOE))


def test_parts_by_hand() -> None:
    assert mixer_parameters(AttentionConfig(4, 2, 16), d_model=64) == 64 * (64 + 32 + 32) + 64 * 64
    one = 3 * 32 * 24
    experts = ExpertsConfig(6, 2, SWIGLU, SWIGLU)
    assert feedforward_parameters(SWIGLU, 32) == one
    assert feedforward_parameters(experts, 32) == 6 * 32 + 7 * one
    assert idle_parameters(experts, 32) == 4 * one
