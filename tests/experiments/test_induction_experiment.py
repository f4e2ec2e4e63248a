"""The measures of the experiment on induction, against cases worked by hand."""

from math import log

import pytest
import torch

from llmguide.experiments.attention_induction import (
    Config,
    _fastest,
    build,
    measure,
    repeat_stretches,
    run,
)
from llmguide.transformer.attention import Attention


def test_stretches_repeat_and_hold_each_token_once():
    config = Config(batch=64, vocab_size=20, shortest=3, longest=5)
    ids = repeat_stretches(config, torch.Generator().manual_seed(0))
    assert ids.shape == (64, 10)
    periods = set()
    for row in ids.tolist():
        period = len(set(row))
        assert row == (row[:period] * 4)[:10]
        periods.add(period)
    assert periods == {3, 4, 5}


def test_both_models_have_as_many_parameters():
    sizes = {
        name: sum(p.numel() for p in build(Config(), name, torch.Generator()).parameters()) for name in ("one", "two")
    }
    assert sizes["two"] <= sizes["one"] < 1.01 * sizes["two"]
    assert [len(build(Config(), name, torch.Generator()).blocks) for name in ("one", "two")] == [1, 2]


def test_a_model_that_knows_nothing_is_at_chance():
    config = Config(vocab_size=16)
    model = build(config, "two", torch.Generator())
    torch.nn.init.zeros_(model.head.weight)
    ids = torch.arange(8).repeat(3, 2)
    assert measure(model, ids)["loss"] == pytest.approx(log(16))


def test_only_the_second_copy_counts():
    class Oracle(torch.nn.Module):
        """Says what followed four positions ago, and nonsense before."""

        def forward(self, ids, tap=None):
            said = ids.roll(3, dims=1)
            said[:, :4] = 0
            return 50 * torch.nn.functional.one_hot(said, 10).float()

    ids = torch.tensor([[5, 6, 7, 8, 5, 6, 7, 8]])
    measured = measure(Oracle(), ids)
    assert measured["accuracy"] == 1.0
    assert measured["loss"] == pytest.approx(0, abs=1e-6)


def test_the_steepest_fifth_is_found():
    values = [0.0, 0.0, 0.1, 0.7, 0.8, 0.8, 0.8, 0.8, 0.8, 1.0]
    assert _fastest({"curves": {"two": {"accuracy": values}}}) == pytest.approx(0.7)


def test_a_run_gives_what_it_says():
    config = Config(batch=4, steps=2, every=1, measured=8)
    measured = run(config, 3)
    model = build(config, "two", torch.Generator().manual_seed(3))
    assert isinstance(model.blocks[0].attention, Attention)
    assert len(measured["curves"]["one"]["loss"]) == 3
    assert set(measured["ablation"]) == {
        "none",
        "previous",
        "induction",
        "beside_previous",
        "beside_induction",
        "first_layer",
    }
    rows = measured["map"]
    assert len(rows) == 16
    assert all(sum(row) == pytest.approx(1, abs=0.01) for row in rows)
    assert all(weight == 0 for query, row in enumerate(rows) for weight in row[query + 1 :])
