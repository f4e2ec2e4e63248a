"""The accounts of two stacks, against parameters, torch's counter of operations, what autograd keeps, real caches."""

from dataclasses import replace

import pytest
import torch
from saved_tensors import kept
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from llmguide.transformer import Tap, t5
from llmguide.transformer.accounting import activation_bytes, active_parameters, cache_bytes, parameters, weight_bytes
from llmguide.transformer.encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from llmguide.transformer.encoder_decoder_costs import memory_bytes, reading_flops, writing_flops
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.moe import ExpertsConfig
from llmguide.transformer.norms import NormConfig
from llmguide.transformer.positions import LearnedPositions

SMALL = t5(vocab_size=61, d_model=24, n_layers=2, n_heads=4, d_head=5, d_hidden=40, n_decoder_layers=3)
GATED = t5(vocab_size=61, d_model=24, n_layers=3, n_heads=2, d_head=12, d_hidden=40, version="1.1")
_NORM = NormConfig("layer")
_EXPERTS = ExpertsConfig(4, 1, FeedForwardConfig(8, "relu"))
CLASSIC = EncoderDecoderConfig(
    replace(SMALL.encoder, norm=_NORM, norm_placement="post", positions=LearnedPositions(512), embedding_norm=_NORM),
    replace(
        SMALL.decoder,
        norm=_NORM,
        norm_placement="post",
        positions=LearnedPositions(512),
        embedding_norm=_NORM,
        feedforward=_EXPERTS,
    ),
    replace(SMALL.cross_attention, bias=True, output_bias=True, qk_norm=NormConfig("rms")),
)
CONFIGS = {"first version": SMALL, "gated": GATED, "other choices": CLASSIC}
each_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@each_config
def test_parameters_are_those_of_the_model(config: EncoderDecoderConfig) -> None:
    model = EncoderDecoder(config)
    found = parameters(config)
    assert sum(found.values()) == count(model)
    assert found["norms"] == sum(count(layer) for name, layer in model.named_modules() if name.endswith("norm"))
    assert found["embedding"] == sum(
        count(part) for part in model.embedding.children() if isinstance(part, nn.Embedding)
    )
    assert weight_bytes(config, 16) == 2 * count(model)
    idle = 3 * 3 * count(_EXPERTS.expert.build(24)) if config is CLASSIC else 0
    assert sum(active_parameters(config).values()) == count(model) - idle


@each_config
@pytest.mark.parametrize("cached", [0, 4])
def test_flops_are_those_that_torch_counts(config: EncoderDecoderConfig, cached: int) -> None:
    model, batch, sources = EncoderDecoder(config), 2, 7
    ids, written = torch.arange(batch * sources).reshape(batch, sources), torch.arange(batch * 9).reshape(batch, 9)
    cache = model.new_cache(batch) if cached else None
    with torch.no_grad():
        with FlopCounterMode(display=False) as reading:
            memory = model.encode(ids, tap=Tap([]))
        if cached:
            model.decode(written[:, :cached], memory, cache=cache)
        with FlopCounterMode(display=False) as writing:
            model.decode(written[:, cached:], memory, cache=cache, tap=Tap([]))
    assert sum(reading_flops(config, batch, sources).values()) == reading.get_total_flops()
    found = writing_flops(config, batch, 9 - cached, sources, cached)
    assert sum(found.values()) == writing.get_total_flops()


@each_config
def test_memory_is_that_of_a_text_that_was_read(config: EncoderDecoderConfig) -> None:
    model = EncoderDecoder(config)
    with torch.no_grad():
        memory = model.encode(torch.zeros(3, 11, dtype=torch.int64))
    parts = [memory.states, *(part for layer in memory.keys_values for part in (layer.keys, layer.values))]
    assert memory_bytes(config, 3, 11) == sum(part.nbytes for part in parts)
    assert cache_bytes(config.decoder, 3, 20) == model.new_cache(3, 20).n_bytes


@each_config
@pytest.mark.parametrize(("batch", "positions", "sources"), [(3, 16, 7), (1, 1, 1), (2, 1, 9), (2, 9, 1)])
def test_activations_are_what_autograd_keeps(
    config: EncoderDecoderConfig, batch: int, positions: int, sources: int
) -> None:
    torch.manual_seed(0)
    read, written = (torch.randint(config.vocab_size, (batch, n)) for n in (sources, positions))
    found = activation_bytes(config, batch, positions, sources=sources)
    assert sum(found.values()) == kept(EncoderDecoder(config), read, written, tap=Tap([]))


def test_weights_by_hand() -> None:
    """Four heads: 2 layers that read see 7 x 7 pairs, 3 that write see 9 x 9, masked, and 9 x 7."""
    assert activation_bytes(SMALL, 1, 9, sources=7)["weights"] == 4 * 4 * (2 * 7 * 7 + 3 * (2 * 9 * 9 + 9 * 7))


def test_numbers_out_of_range_are_named() -> None:
    with pytest.raises(ValueError, match=r"positions \(0\) must be at least 1"):
        writing_flops(SMALL, 1, 1, sources=0)
    with pytest.raises(ValueError, match=r"positions \(0\) must be at least 1"):
        activation_bytes(SMALL, 1, 1, sources=0)
