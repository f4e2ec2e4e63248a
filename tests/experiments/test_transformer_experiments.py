"""The experiments on the transformer's parts: their texts, models and measures, against cases worked by hand."""

from dataclasses import replace
from itertools import pairwise
from math import log

import pytest
import torch

from llmguide.experiments import transformer_balance as balance
from llmguide.experiments import transformer_latent_cache as latent
from llmguide.experiments import transformer_length as length
from llmguide.experiments import transformer_norm_placement as placement
from llmguide.experiments import transformer_swiglu as swiglu
from llmguide.experiments import transformer_tying as tying
from llmguide.experiments.world_words import END, PIECES, draw_windows, held_out_loss, world_words
from llmguide.transformer import Transformer, gpt2
from llmguide.transformer.accounting import parameters
from llmguide.transformer.attention import Sight
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.trace import Tap
from llmguide.world.facts import generate
from llmguide.world.mixture import stream


def size(config):
    return sum(parameter.numel() for parameter in Transformer(config).parameters())


def test_the_text_is_the_worlds_and_what_is_held_out_was_not_read():
    words = world_words(20, 3000, 1000)
    assert (len(words.train), len(words.held_out)) == (3000, 1000)
    assert int(torch.cat([words.train, words.held_out]).max()) < words.vocab_size
    first = next(stream(generate(20), seed=0))
    pieces = PIECES.findall(first)
    ids = words.train[: len(pieces) + 1].tolist()
    assert ids[-1] == END
    assert ids.index(END) == len(pieces)
    assert [ids[i] == ids[j] for i, j in pairwise(range(len(pieces)))] == [a == b for a, b in pairwise(pieces)]

    def documents(text):
        ends = (text == END).nonzero().flatten().tolist()
        return {tuple(text[start + 1 : end].tolist()) for start, end in pairwise([-1, *ends])}

    assert not documents(words.train) & documents(words.held_out)


def test_windows_are_stretches_and_what_follows():
    text = torch.arange(50)
    ids, targets = draw_windows(text, rows=4, length=6, seed=3)(0)
    assert ids.shape == (4, 6)
    assert torch.equal(ids + 1, targets)
    assert torch.equal(ids[:, 1:], targets[:, :-1])
    draw, again = draw_windows(text, 4, 6, 3), draw_windows(text, 4, 6, 3)
    assert all(torch.equal(draw(step)[0], again(step)[0]) for step in range(3))
    assert not torch.equal(ids, draw_windows(text, 4, 6, 4)(0)[0])


def test_a_model_that_knows_nothing_loses_the_logarithm_of_the_words():
    model = Transformer(gpt2(vocab_size=12, context_length=8, d_model=4, n_layers=1, n_heads=1))
    torch.nn.init.zeros_(model.embedding.tokens.weight)
    assert held_out_loss(model, torch.arange(12).repeat(3), 8) == pytest.approx(log(12))
    assert length.loss_by_position(model, torch.arange(12).repeat(3), 8, 4) == pytest.approx([log(12)] * 2)


def test_both_placements_begin_with_the_same_weights():
    config = placement.EXPERIMENT.reduced
    pre, post = (placement.build(config, 30, 3, place, seed=1) for place in ("pre", "post"))
    assert pre.final_norm is not None
    assert post.final_norm is None
    for name, weight in post.named_parameters():
        assert torch.equal(weight, pre.get_parameter(name))
    assert pre.blocks[2].feedforward.down.weight.std().item() == pytest.approx(config.d_model**-0.5, rel=0.1)


def test_gradients_are_those_of_each_block():
    config = replace(placement.EXPERIMENT.reduced, rows=2, length=8)
    words = world_words(config.people, config.tokens, config.length)
    model = placement.build(config, words.vocab_size, 2, "post", seed=4)
    ids, targets = draw_windows(words.train, 2, 8, 4)(0)
    chances = model(ids).log_softmax(-1).gather(-1, targets[..., None])
    (-chances.mean()).backward()
    expected = [block.feedforward.down.weight.grad.norm().item() for block in model.blocks]
    assert placement.first_gradients(config, words, 2, "post", seed=4) == pytest.approx(expected, rel=1e-4)


@pytest.mark.no_cover
def test_every_way_is_tried_at_every_rate_and_both_depths():
    config = replace(placement.EXPERIMENT.reduced, depths=(1, 2), steps=4, last=2)
    measured = placement.run(config, 0)
    assert measured == placement.run(config, 0)
    assert measured["gradients"]["pre"]["last"]["2"] == measured["gradients"]["pre"]["blocks"]["2"][-1]
    for depth in ("shallow", "deep"):
        assert set(measured[depth]) == set(placement.WAYS)
        for way in measured[depth].values():
            assert list(way) == [placement.rate_name(rate) for rate in config.rates]
    rate = placement.rate_name(config.rates[-1])
    assert measured["deep"]["post"][rate] != measured["deep"]["post_warm"][rate]


def test_models_compared_for_the_feedforward_part_have_as_many_parameters():
    chosen = swiglu.choose_parts(swiglu.Config(), 100)
    assert len({size(parts) for parts in chosen.values()}) == 1
    assert chosen["swiglu"].feedforward.d_hidden * 3 == chosen["gelu"].feedforward.d_hidden * 2


def test_models_compared_for_tying_have_the_parameters_that_they_should():
    config = tying.Config()
    chosen = tying.choose_parts(config, 1000)
    sizes = {name: size(parts) for name, parts in chosen.items()}
    assert sizes == {name: sum(parameters(parts).values()) for name, parts in chosen.items()}
    assert sizes["untied"] - sizes["tied"] == 1000 * config.d_model
    assert sizes["untied"] == sizes["wide"]
    assert 0.95 * sizes["tied"] < sizes["narrow"] <= sizes["tied"]
    assert [parts.head for parts in chosen.values()] == ["tied", "linear", "tied", "linear"]


@pytest.mark.no_cover
def test_the_best_weights_count_and_a_seed_decides_all():
    config = replace(tying.EXPERIMENT.reduced, steps=3)
    measured = tying.run(config, 0)
    assert measured == tying.run(config, 0)
    for model in measured.values():
        assert list(model["losses"]) == [tying.thousandths(std) for std in config.stds] == ["20", "60", "180"]
        assert model["loss"] == min(model["losses"].values())


def test_readers_and_parts_alone_are_of_every_kind_and_a_seed_decides_all():
    config = replace(swiglu.EXPERIMENT.reduced, steps=3)
    measured = swiglu.run(config, 0)
    assert measured == swiglu.run(config, 0)
    for task in measured.values():
        assert list(task) == list(swiglu.KINDS)
        assert len({kind["parameters"] for kind in task.values()}) == 1
    assert measured["text"]["gelu"]["loss"] != measured["text"]["relu"]["loss"]


def test_a_part_that_is_silent_misses_the_products_by_one():
    config = replace(swiglu.EXPERIMENT.reduced, product_steps=2, learning_rate=1e-9)

    class Silent(FeedForwardConfig):
        def build(self, d_model):
            part = super().build(d_model)
            part.down.register_forward_hook(lambda _module, _read, said: 0 * said)
            return part

    measured = swiglu.learn_products(config, Silent(8, "relu", bias=False), seed=0)
    assert measured["error"] == pytest.approx(1, abs=0.05)


def test_the_loss_by_position_by_hand():
    torch.manual_seed(0)
    model = Transformer(gpt2(vocab_size=9, context_length=6, d_model=8, n_layers=1, n_heads=2))
    text = torch.randint(9, (13,))
    with torch.no_grad():
        chances = model(torch.stack([text[:6], text[6:12]])).log_softmax(-1)
    expected = -torch.stack([chances[0, range(6), text[1:7]], chances[1, range(6), text[7:13]]]).mean(0)
    assert length.loss_by_position(model, text, 6, 1) == pytest.approx(expected.tolist(), abs=1e-5)
    assert length.loss_by_position(model, text, 6, 3) == pytest.approx(
        [expected[:3].mean().item(), expected[3:].mean().item()], abs=1e-5
    )


def test_the_rise_is_from_the_length_trained_for_to_the_longest():
    config = length.EXPERIMENT.reduced
    measured = length.run(config, 0)
    assert set(measured) == set(length.LABELS) == set(length.ways(config))
    for way in measured.values():
        assert len(way["losses"]) == config.longest // config.apart
        assert way["rise"] == pytest.approx(way["beyond"] - way["trained"])
        half = len(way["losses"]) // 2
        assert way["beyond"] == pytest.approx(sum(way["losses"][half:]) / half)


def test_caches_compared_have_equal_bytes_and_their_models_nearly_equal_sizes():
    config = latent.EXPERIMENT.config
    chosen = latent.choose_parts(config)
    sizes = [size(parts) for parts in chosen.values()]
    assert max(sizes) - min(sizes) < 2 * config.task.d_model
    measured = latent.run(latent.EXPERIMENT.reduced, 0)
    held = {name: model["cache_bytes"] for name, model in measured.items()}
    assert held == {"heads8": 256, "heads2": 64, "heads1": 32, "latent16": 64, "latent8": 32} | {
        "wide16": 64,
        "wide8": 32,
    }
    assert measured == latent.run(latent.EXPERIMENT.reduced, 0)


def test_keys_and_values_of_all_models_begin_about_as_large():
    config = latent.EXPERIMENT.config
    chosen = latent.choose_parts(config)
    torch.manual_seed(0)
    read = torch.randn(1, 500, config.task.d_model)
    sizes = []
    for name in ("heads8", "latent16", "wide8"):
        tap = Tap()
        latent.build(config, chosen[name], seed=0).blocks[0].attention(read, Sight(causal=False), None, tap)
        sizes.append(tap.tensors["values"].std().item())
    assert max(sizes) < 1.25 * min(sizes)


def test_the_violation_is_how_far_the_fullest_expert_lies_above_the_mean():
    assert balance.violation(torch.tensor([[4, 4, 4, 4]])) == 0
    assert balance.violation(torch.tensor([[16, 0, 0, 0], [8, 8, 0, 0]])) == pytest.approx((3 + 1) / 2)


def test_loads_count_the_choices_of_every_block():
    config = balance.EXPERIMENT.reduced
    model = balance.build(config, 20, seed=0, correction=True)
    first, second = balance.layers_of(model)
    first.router.correction[3] = 10.0  # nobody passes it by
    tap = Tap(["*.feedforward.router"])
    model(torch.randint(20, (2, 5)), tap=tap)
    loads = balance.loads_of(model, tap)
    assert loads.shape == (config.n_layers, config.n_experts)
    assert loads.sum(1).tolist() == [10 * config.n_active] * config.n_layers
    assert loads[0, 3] == 10
    assert not second.router.correction.any()


def test_ways_differ_and_a_seed_decides_all():
    config = balance.EXPERIMENT.reduced
    measured = balance.run(config, 0)
    assert measured == balance.run(config, 0)
    assert len({way["loss"] for way in measured.values()}) == len(balance.WAYS)
    for way in measured.values():
        assert sum(way["shares"]) == pytest.approx(1)
        assert way["shares"] == sorted(way["shares"], reverse=True)
        assert 0 <= way["starved"] < 1
