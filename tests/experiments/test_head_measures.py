"""The measures of attention heads, on cases worked by hand and on a model of a few weights."""

from random import Random

import pytest
import torch
from torch.nn import functional as F

from llmguide.experiments.attention_heads import EXPERIMENT
from llmguide.experiments.head_measures import (
    draw_passages,
    others_of_the_same_blocks,
    second_half,
    strongest,
    summary,
    value_ratio,
    watch,
)
from llmguide.experiments.runner import run_case
from llmguide.tokenizers.published import load
from llmguide.transformer import Transformer, initialize, llama

SCORES = torch.tensor([[0.1, 0.2, 0.3], [0.9, 0.4, 0.5]])


def small_model() -> Transformer:
    """Two blocks of three heads with random weights."""
    config = llama(
        vocab_size=32, context_length=16, d_model=12, n_layers=2, n_heads=3, n_kv_heads=1, d_hidden=16, d_head=4
    )
    model = Transformer(config)
    initialize(model, torch.Generator().manual_seed(0))
    return model


def test_a_summary_names_the_first_block_that_reaches_the_threshold() -> None:
    found = summary(SCORES, 0.5)
    assert (found["count"], found["first_block"]) == (2, 1)
    assert found["share"] == pytest.approx(2 / 6)
    assert found["best"] == pytest.approx(0.9)
    assert found["head"]["1"]["2"] == 0.5
    assert summary(SCORES, 0.95)["first_block"] == 2


def test_the_strongest_heads_come_first() -> None:
    assert strongest(SCORES, 3) == [(1, 0), (1, 2), (1, 1)]


def test_others_are_of_the_same_blocks_as_long_as_there_are_some() -> None:
    others = others_of_the_same_blocks([(0, 1), (1, 0), (1, 2)], 3, Random(0))
    assert [block for block, _ in others] == [0, 1]
    assert not {(0, 1), (1, 0), (1, 2)} & set(others)


def test_the_ratio_compares_the_first_value_with_those_behind_the_skip() -> None:
    values = torch.ones(1, 1, 4, 4)
    values[:, :, 0] = 0.5
    values[:, :, 1] = 100.0
    assert value_ratio([values, values], SCORES, threshold=0.5, skip=2) == pytest.approx(0.5)
    assert value_ratio([values, values], SCORES, threshold=0.95, skip=2) == 1.0


def test_passages_begin_with_a_line_and_have_the_length_asked_for() -> None:
    tokenizer = load("gpt2")
    ids = draw_passages(tokenizer, rows=3, length=20, random=Random(4))
    assert ids.shape == (3, 20)
    assert not any(tokenizer.decode(row.tolist())[0].isspace() for row in ids)


def test_a_prediction_is_scored_on_the_second_half_alone() -> None:
    model, ids = small_model(), torch.arange(16).reshape(2, 8)
    logits, _ = watch(model, ids, [])
    found = second_half(logits, ids)
    expected = F.cross_entropy(logits[:, 4:7].flatten(0, 1), ids[:, 5:].flatten())
    assert found["loss"] == pytest.approx(float(expected), rel=1e-5)
    first = F.cross_entropy(logits[:, :3].flatten(0, 1), ids[:, 1:4].flatten())
    assert found["before"] == pytest.approx(float(first), rel=1e-5)
    assert found["accuracy"] == pytest.approx(float((logits[:, 4:7].argmax(-1) == ids[:, 5:]).float().mean()))


def test_a_watched_model_gives_its_tensors_block_by_block_and_its_logits_without_some_heads() -> None:
    model, ids = small_model(), torch.tensor([[1, 2, 3]])
    logits, (weights, values) = watch(model, ids, ["*.weights", "*.values"])
    assert [list(tensor.shape) for tensor in weights] == [[1, 3, 3, 3]] * 2
    assert [list(tensor.shape) for tensor in values] == [[1, 1, 3, 4]] * 2
    with torch.no_grad():
        torch.testing.assert_close(logits, model(ids))
    changed, _ = watch(model, ids, [], [(0, 0), (1, 2)])
    assert not torch.allclose(changed, logits)


@pytest.mark.no_cover
def test_the_scores_of_heads_are_parts_of_the_weight() -> None:
    metrics = run_case(EXPERIMENT, EXPERIMENT.reduced, 0)
    for pattern in ("previous", "first", "induction"):
        found = metrics[pattern]
        assert isinstance(found, dict)
        assert len(found["head"]) == 30
        assert all(0 <= score <= 1 for block in found["head"].values() for score in block.values())
