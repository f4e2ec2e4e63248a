"""The scores of heads against loops over single weights, and switching off against weights set to zero."""

import pytest
import torch

from llmguide.interpret.heads import (
    first_token_scores,
    induction_scores,
    previous_token_scores,
    repeated_random_ids,
    switch_off,
)
from llmguide.transformer import Tap, Transformer, initialize, llama

WEIGHTS = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)).tril()


def average(place: int, first: int) -> list[float]:
    """Loop over heads, rows and queries; ``place`` is how far the key lies before the query."""
    return [
        sum(float(WEIGHTS[row, head, t, t - place]) for row in range(2) for t in range(first, 8)) / (2 * (8 - first))
        for head in range(3)
    ]


@pytest.mark.parametrize("skip", [1, 2, 7])
def test_the_score_of_the_previous_token_is_a_mean_of_single_weights(skip: int) -> None:
    torch.testing.assert_close(previous_token_scores(WEIGHTS, skip), torch.tensor(average(1, skip)))


@pytest.mark.parametrize("skip", [1, 4])
def test_the_score_of_the_first_token_is_a_mean_of_single_weights(skip: int) -> None:
    expected = [
        sum(float(WEIGHTS[row, head, t, 0]) for row in range(2) for t in range(skip, 8)) / (2 * (8 - skip))
        for head in range(3)
    ]
    torch.testing.assert_close(first_token_scores(WEIGHTS, skip), torch.tensor(expected))


@pytest.mark.parametrize("period", [2, 4, 7])
def test_the_score_of_induction_is_a_mean_of_single_weights(period: int) -> None:
    torch.testing.assert_close(induction_scores(WEIGHTS, period), torch.tensor(average(period - 1, period)))


@pytest.mark.parametrize("score", [previous_token_scores, first_token_scores])
@pytest.mark.parametrize("skip", [0, 8])
def test_a_skip_that_leaves_nothing_is_refused(score: object, skip: int) -> None:
    with pytest.raises(ValueError, match=rf"skip \({skip}\) must be at least 1 and leave some of the 8 queries"):
        score(WEIGHTS, skip)  # type: ignore[operator]


def test_weights_of_a_cached_step_are_refused() -> None:
    with pytest.raises(ValueError, match="weights have 1 queries and 8 keys; they must be as many"):
        first_token_scores(WEIGHTS[:, :, -1:])


def test_a_period_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="period must be at least 2, not 1"):
        induction_scores(WEIGHTS, 1)


def test_rows_of_random_ids_repeat_themselves_and_nothing_else_in_them_does() -> None:
    ids = repeated_random_ids(5, 50, rows=4, period=20, generator=torch.Generator().manual_seed(1))
    assert ids.shape == (4, 40)
    assert torch.equal(ids[:, :20], ids[:, 20:])
    assert all(len(set(row.tolist())) == 20 for row in ids)
    assert 5 <= int(ids.min()) <= int(ids.max()) < 50
    assert not torch.equal(ids[0], ids[1])


def test_too_few_ids_are_refused() -> None:
    with pytest.raises(ValueError, match=r"there are 3 ids from 7 to below 10, fewer than period \(4\)"):
        repeated_random_ids(7, 10, 1, 4, torch.Generator())


def small_model() -> Transformer:
    """Two blocks of four heads with random weights."""
    config = llama(vocab_size=16, context_length=16, d_model=16, n_layers=2, n_heads=4, n_kv_heads=2, d_hidden=32)
    model = Transformer(config)
    initialize(model, torch.Generator().manual_seed(0))
    return model


@torch.no_grad()
def test_a_head_that_is_off_equals_one_whose_columns_of_the_output_are_zero() -> None:
    model, ids = small_model(), torch.tensor([[3, 1, 4, 1, 5]])
    edited = model(ids, tap=Tap([], switch_off([(0, 1), (1, 0), (1, 3)])))
    assert not torch.allclose(edited, model(ids))
    for block, head in ((0, 1), (1, 0), (1, 3)):
        model.blocks[block].attention.output.weight[:, 4 * head : 4 * head + 4] = 0.0  # type: ignore[union-attr,operator,index]
    torch.testing.assert_close(edited, model(ids))


def test_a_head_that_the_block_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no head 4; the block has 4, from 0 on"):
        small_model()(torch.tensor([[1, 2]]), tap=Tap([], switch_off([(0, 4)])))
