"""The ten bugs of "When attention goes wrong": each fails the test that the page gives for it; the model passes."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from llmguide.transformer import Tap, Transformer, gpt2, initialize, llama
from llmguide.transformer.attention import attend, attend_fused, repeat_heads, score, weigh
from llmguide.transformer.masks import causal_mask, document_mask
from llmguide.transformer.positions import RotaryPositions

LENGTH = 12
SMALL = {"vocab_size": 28, "context_length": 24, "d_model": 32}


def _drawn(model: Transformer) -> Transformer:
    """Give a model weights that are large enough for its attention to have favourites."""
    initialize(model, torch.Generator().manual_seed(0), std=0.5)
    return model.requires_grad_(False)


@pytest.fixture(scope="module")
def learned() -> Transformer:
    return _drawn(Transformer(gpt2(n_layers=2, n_heads=4, **SMALL)))


@pytest.fixture(scope="module")
def turned() -> Transformer:
    return _drawn(Transformer(llama(n_layers=2, n_heads=4, n_kv_heads=2, d_hidden=64, **SMALL)))


@pytest.fixture(scope="module", params=["learned", "turned"])
def model(request: pytest.FixtureRequest) -> Transformer:
    drawn: Transformer = request.getfixturevalue(request.param)
    return drawn


@pytest.fixture(scope="module")
def ids() -> Tensor:
    return torch.randint(26, (1, LENGTH), generator=torch.Generator().manual_seed(1))


def _same(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, atol=1e-3)


def _leaks(model: Transformer, ids: Tensor, mask: Tensor | None = None, tap: Tap | None = None) -> bool:
    """Tell whether a logit moves when a later token changes."""
    before = model(ids, mask=mask, tap=tap)
    for place in range(1, ids.shape[1]):
        changed = ids.clone()
        changed[:, place] = (changed[:, place] + 1) % 26
        if not _same(before[:, :place], model(changed, mask=mask, tap=tap)[:, :place]):
            return True
    return False


def test_no_logit_moves_with_a_later_token(model, ids):
    assert not _leaks(model, ids)


def test_a_mask_that_is_off_by_one_leaks(model, ids):
    assert _leaks(model, ids, torch.ones(LENGTH, LENGTH).tril(diagonal=1).bool()[None, None])


def test_an_inverted_mask_leaks(model, ids):
    assert _leaks(model, ids, ~causal_mask(LENGTH, LENGTH)[None, None])


def test_true_means_visible_as_in_the_fused_function_and_unlike_the_layer():
    draws = torch.randn(3, 1, 2, 5, 8, generator=torch.Generator().manual_seed(0))
    visible = causal_mask(5, 5)[None, None]
    assert _same(attend(*draws, visible)[0], torch.nn.functional.scaled_dot_product_attention(*draws, visible))
    layer = torch.nn.MultiheadAttention(8, 1, batch_first=True)
    x = torch.randn(1, 5, 8, generator=torch.Generator().manual_seed(1))
    _, weights = layer(x, x, x, attn_mask=~visible[0, 0])
    assert torch.equal(weights[0] > 0, visible[0, 0])


def test_a_query_that_sees_nothing_gathers_nothing_and_spoils_no_other():
    visible = torch.tensor([[False, False], [False, True]])[None, None]
    careless = torch.zeros(1, 1, 2, 2).masked_fill(~visible, -math.inf).softmax(-1)
    assert careless[0, 0, 0].isnan().all()
    assert (careless @ (careless @ torch.ones(1, 1, 2, 1))).isnan().all()
    assert weigh(torch.zeros(1, 1, 2, 2), visible).tolist() == [[[[0.0, 0.0], [0.0, 1.0]]]]
    draws = torch.randn(3, 1, 1, 2, 8, generator=torch.Generator().manual_seed(0))
    assert _same(attend_fused(*draws, visible), attend(*draws, visible)[0])


def test_a_row_of_padding_alone_leaves_no_nan(model, ids):
    rows = torch.cat([ids, torch.full_like(ids, 27)])
    real = rows != 27
    tap = Tap()
    logits = model(rows, real=real, tap=tap)
    assert not any(tensor.isnan().any() for tensor in tap.tensors.values())
    assert not model(rows, real=real).isnan().any()
    assert _same(logits[:1], model(ids))


def test_pairs_of_the_other_custom_need_permuted_rows(turned, ids):
    other = Transformer(replace(turned.config, positions=RotaryPositions(pairing="neighbours")))
    other.load_state_dict(turned.state_dict())
    other.requires_grad_(False)
    assert not _same(other(ids), turned(ids))
    assert _same(other(ids[:, :1]), turned(ids[:, :1])), "at the first position nothing turns"
    for block in other.blocks:
        config = block.attention.config
        turning = block.attention.qkv.weight.unflatten(0, (-1, config.d_head))[: config.n_heads + config.n_kv_heads]
        turning.copy_(torch.stack(turning.chunk(2, dim=1), dim=2).flatten(1, 2))
    assert _same(other(ids), turned(ids))


def test_a_padded_row_is_answered_like_the_row_alone(model, ids):
    padded = torch.cat([torch.full((1, 5), 27), ids], dim=1)
    alone = model(ids)
    assert _same(model(padded, real=padded != 27)[:, 5:], alone)
    assert not _same(model(padded)[:, 5:], alone), "padding that is seen"


def test_places_from_the_edge_of_the_batch_harm_learned_positions_only(learned, turned, ids):
    padded = torch.cat([torch.full((1, 5), 27), ids], dim=1)
    edge = torch.arange(LENGTH + 5)[None]
    assert not _same(learned(padded, real=padded != 27, positions=edge)[:, 5:], learned(ids))
    assert _same(turned(padded, real=padded != 27, positions=edge)[:, 5:], turned(ids))


@pytest.mark.parametrize("steps", [[12], [1] * 12, [5, 1, 6], [7, 5]])
def test_a_cache_changes_nothing_however_the_text_is_cut(model, ids, steps):
    cache = model.new_cache(batch=1)
    parts = [model(part, cache=cache) for part in ids.split(steps, dim=1)]
    assert _same(torch.cat(parts, dim=1), model(ids))


@pytest.mark.parametrize("wrong", [lambda length: length + 1, lambda length: length - 1, lambda length: 0])
def test_a_cache_that_has_lost_count_is_found(model, ids, wrong):
    cache = model.new_cache(batch=1)
    model(ids[:, :-1], cache=cache)
    places = torch.tensor([[wrong(LENGTH - 1)]])
    assert not _same(model(ids[:, -1:], cache=cache, positions=places), model(ids)[:, -1:])


def test_one_query_before_a_cache_is_the_last_and_not_the_first():
    draws = torch.randn(2, 1, 1, 5, 8, generator=torch.Generator().manual_seed(0))
    query = draws[0][:, :, -1:]
    upper_left = torch.nn.functional.scaled_dot_product_attention(query, *draws, is_causal=True)
    assert _same(upper_left, draws[1][:, :, :1])
    assert causal_mask(1, 5).all()


@pytest.mark.parametrize("factor", [8**0.5, 8**-0.5])
def test_scores_are_scaled_once(model, ids, factor):
    queries, keys = torch.randn(2, 1, 1, 500, 64, generator=torch.Generator().manual_seed(0))
    assert score(queries, keys).std() == pytest.approx(1, abs=0.02)
    edits = {f"blocks.{block}.attention.scores": lambda scores: scores * factor for block in range(2)}
    assert not _same(model(ids, tap=Tap([], edits)), model(ids))


def test_weights_of_a_query_sum_to_one(model, ids):
    tap = Tap(["*.weights"])
    model(ids, tap=tap)
    assert len(tap.tensors) == 2
    assert all(_same(weights.sum(-1), torch.ones(1, 4, LENGTH)) for weights in tap.tensors.values())


def test_a_softmax_of_columns_leaks(model, ids):
    kept: dict[str, Tensor] = {}

    def keep(scores: Tensor) -> Tensor:
        kept["scores"] = scores
        return scores

    def columns(weights: Tensor) -> Tensor:
        return kept["scores"].masked_fill(~causal_mask(LENGTH, LENGTH), -math.inf).softmax(dim=-2)

    name = "blocks.0.attention"
    assert _leaks(model, ids, tap=Tap([], {f"{name}.scores": keep, f"{name}.weights": columns}))


def test_heads_are_shared_by_neighbours(turned, ids):
    draws = torch.randn(3, 2, 4, 5, 8, generator=torch.Generator().manual_seed(0))
    queries, keys, values = draws[0], draws[1][:, :2], draws[2][:, :2]
    by_loop = torch.cat(
        [attend(queries[:, [h]], keys[:, [h * 2 // 4]], values[:, [h * 2 // 4]])[0] for h in range(4)], dim=1
    )
    assert _same(attend_fused(queries, keys, values), by_loop)
    assert _same(attend(queries, repeat_heads(keys, 4), repeat_heads(values, 4))[0], by_loop)
    tiled = attend(queries, keys.repeat(1, 2, 1, 1), values.repeat(1, 2, 1, 1))[0]
    assert not _same(tiled, by_loop)
    swapped = [0, 2, 1, 3]
    edits = {f"blocks.0.attention.{name}": lambda x: x[:, swapped] for name in ("queries_rotated", "mixed")}
    assert not _same(turned(ids, tap=Tap([], edits)), turned(ids))


def test_a_packed_document_is_answered_like_the_document_alone(model, ids):
    row = torch.cat([ids.flip(1), ids], dim=1)
    documents = torch.tensor([[0] * LENGTH + [1] * LENGTH])
    apart = causal_mask(2 * LENGTH, 2 * LENGTH) & document_mask(documents)
    places = torch.arange(LENGTH).repeat(2)[None]
    alone = model(ids)
    assert _same(model(row, mask=apart, positions=places)[:, LENGTH:], alone)
    assert not _same(model(row, positions=places)[:, LENGTH:], alone)
