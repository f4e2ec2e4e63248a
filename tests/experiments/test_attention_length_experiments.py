"""The experiments on shared keys and values and on the cache: their texts and counts, against cases worked by hand."""

from dataclasses import replace

import pytest
import torch

from llmguide.experiments import attention_cache as caching
from llmguide.experiments import attention_heads_shared as sharing
from llmguide.experiments import attention_sinks as sinks
from llmguide.training.loop import IGNORED
from llmguide.transformer import Transformer, initialize, llama
from llmguide.transformer.masks import causal_mask, window_mask

SMALL = replace(sharing.EXPERIMENT.reduced, steps=2, batch=2, held_out=3, curve=2)


def test_a_text_asks_for_every_key_once_and_expects_the_value_told():
    ids, answers = sharing.draw_texts(SMALL, 5, torch.Generator().manual_seed(0))
    asking = SMALL.n_keys * SMALL.n_values
    assert ids.shape == answers.shape == (5, 2 * SMALL.pairs)
    assert (answers[:, : SMALL.pairs] == IGNORED).all()
    for row, expected in zip(ids.tolist(), answers.tolist(), strict=True):
        memory = dict(divmod(pair, SMALL.n_values) for pair in row[: SMALL.pairs])
        asked = [number - asking for number in row[SMALL.pairs :]]
        assert len(memory) == SMALL.pairs
        assert sorted(memory) == sorted(asked)
        assert [asking + SMALL.n_keys + memory[key] for key in asked] == expected[SMALL.pairs :]
        assert max(expected) < sharing.choose_parts(SMALL, 1).vocab_size


def test_models_differ_in_the_heads_kept_and_not_in_size():
    chosen = [sharing.choose_parts(SMALL, kv_heads) for kv_heads in SMALL.kv_heads]
    sizes = {sum(parameter.numel() for parameter in Transformer(config).parameters()) for config in chosen}
    assert len(sizes) == 1
    assert [config.attention.n_kv_heads for config in chosen] == [8, 4, 2, 1]


def test_every_model_reads_the_same_texts_and_is_measured_on_them():
    measured = sharing.run(SMALL, 0)["heads"]
    assert isinstance(measured, dict)
    assert [measured[kv_heads]["cache_bytes"] for kv_heads in ("8", "4", "2", "1")] == [256, 128, 64, 32]
    assert len({measured[kv_heads]["parameters"] for kv_heads in measured}) == 1
    for result in measured.values():
        assert len(result["curve"]) == 2
        assert 0 <= result["recalled"] <= 0.5  # two steps teach nothing
    assert sharing.run(SMALL, 0) == sharing.run(SMALL, 0)


@pytest.mark.parametrize("length", [8, 32])
def test_the_operations_of_a_cached_token_by_hand(length):
    config = caching.EXPERIMENT.reduced
    measured = caching.run(config, 0)[str(length)]
    assert isinstance(measured, dict)
    heads, kv_heads, d_head = config.n_heads, config.n_kv_heads, config.d_model // config.n_heads
    projections = (heads + 2 * kv_heads) * d_head * config.d_model + heads * d_head * config.d_model
    weights = (
        config.n_layers * (projections + 3 * config.d_model * config.d_hidden) + config.vocab_size * config.d_model
    )
    looking = config.n_layers * 4 * (length + 1) * heads * d_head
    assert measured["flops"] == {"cached": 2 * weights + looking, "anew": (2 * weights + looking) * (length + 1)}
    assert measured["cache_bytes"] == 2 * 4 * config.n_layers * kv_heads * d_head * (length + 1)
    assert measured["agree"] == 1
    assert measured["seconds"]["cached"] > 0


def test_the_loss_counts_where_the_first_position_has_left_the_window():
    config = sinks.Config(passages=2, positions=9, window=3, apart=4)
    shape = {"vocab_size": 20, "context_length": 9, "d_model": 8, "n_layers": 1, "n_heads": 2, "n_kv_heads": 1}
    model = Transformer(llama(**shape, d_hidden=16))
    generator = torch.Generator().manual_seed(0)
    initialize(model, generator, std=0.5)
    passages = torch.randint(20, (2, 9), generator=generator)

    measured = sinks.measure(model, passages, causal_mask(9, 9), config)
    with torch.no_grad():
        chances = model(passages)[:, :-1].log_softmax(-1)
    expected = -chances.gather(-1, passages[:, 1:, None])[..., 0]
    assert measured["loss"] == pytest.approx(expected[:, 3:].mean().item(), abs=1e-5)
    assert measured["curve"] == pytest.approx([expected[:, :4].mean().item(), expected[:, 4:].mean().item()], abs=1e-5)

    windowed = sinks.measure(model, passages, window_mask(9, 9, 3), config)
    assert windowed["loss"] != pytest.approx(measured["loss"], abs=1e-4)
    assert sinks.measure(model, passages, window_mask(9, 9, 9), config) == measured
