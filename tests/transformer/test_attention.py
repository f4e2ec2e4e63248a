"""Attention against torch's fused function and by hand, and the cache against no cache."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from llmguide.transformer.attention import (
    Attention,
    AttentionConfig,
    Sight,
    attend,
    attend_fused,
    repeat_heads,
    score,
    weigh,
)
from llmguide.transformer.cache import KvCache, LayerCache


def drawn(seed: int, *shape: int) -> torch.Tensor:
    """Return normal numbers in double precision."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**30))
def test_the_readable_form_is_torch_s(batch: int, heads: int, queries: int, keys: int, seed: int) -> None:
    q, k, v = (
        drawn(seed, batch, heads, queries, 4),
        drawn(seed + 1, batch, heads, keys, 4),
        drawn(seed, batch, heads, keys, 3),
    )
    mask = drawn(seed, batch, 1, queries, keys) > 0
    mask[..., 0] = True
    bias = drawn(seed + 2, 1, heads, queries, keys)
    torch.testing.assert_close(attend(q, k, v)[0], F.scaled_dot_product_attention(q, k, v))
    expected = F.scaled_dot_product_attention(q, k, v, bias.masked_fill(~mask, -torch.inf))
    mixed, weights = attend(q, k, v, mask, bias)
    torch.testing.assert_close(mixed, expected)
    torch.testing.assert_close(weights.sum(-1), torch.ones(batch, heads, queries, dtype=torch.float64))
    torch.testing.assert_close(attend_fused(q, k, v, mask, bias), expected)


@given(st.integers(1, 4), st.integers(1, 5), st.booleans(), st.booleans(), st.integers(0, 2**30))
def test_the_fused_form_shares_heads_as_the_readable_one(
    groups: int, queries: int, masked: bool, biased: bool, seed: int
) -> None:
    q, k, v = drawn(seed, 2, 2 * groups, queries, 4), drawn(seed + 1, 2, 2, 7, 4), drawn(seed + 2, 2, 2, 7, 4)
    mask = (drawn(seed, 2, 1, queries, 7) > 0) if masked else None
    bias = drawn(seed, 1, 2 * groups, queries, 7) if biased else None
    expected, _ = attend(q, repeat_heads(k, 2 * groups), repeat_heads(v, 2 * groups), mask, bias)
    torch.testing.assert_close(attend_fused(q, k, v, mask, bias), expected)


def test_the_causal_switch_is_the_causal_mask() -> None:
    q, k, v = (drawn(seed, 1, 2, 5, 4) for seed in range(3))
    mask = torch.ones(5, 5, dtype=torch.bool).tril()[None, None]
    torch.testing.assert_close(attend_fused(q, k, v, causal=True), attend(q, k, v, mask)[0])


def test_a_query_that_sees_nothing_gathers_nothing() -> None:
    q, k, v = drawn(0, 1, 1, 2, 4), drawn(1, 1, 1, 3, 4), drawn(2, 1, 1, 3, 4)
    mask = torch.tensor([[True, True, False], [False, False, False]])[None, None]
    mixed, weights = attend(q, k, v, mask)
    assert weights[0, 0, 1].tolist() == [0.0, 0.0, 0.0]
    assert mixed[0, 0, 1].tolist() == [0.0] * 4
    torch.testing.assert_close(attend_fused(q, k, v, mask), mixed)


def test_scores_and_weights_by_hand() -> None:
    queries, keys = torch.tensor([[[[2.0, 0.0, 0.0, 0.0]]]]), torch.tensor([[[[3.0, 9, 9, 9], [1.0, 9, 9, 9]]]])
    assert score(queries, keys).tolist() == [[[[3.0, 1.0]]]]  # 2·3/√4 and 2·1/√4
    weights = weigh(torch.log(torch.tensor([[[[3.0, 1.0]]]])))
    torch.testing.assert_close(weights, torch.tensor([[[[0.75, 0.25]]]]))


def test_the_layer_is_torch_s_multi_head_attention() -> None:
    ours = Attention(12, AttentionConfig(3, 3, 4, bias=True, output_bias=True)).double()
    theirs = torch.nn.MultiheadAttention(12, 3, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(ours.qkv.weight)
        theirs.in_proj_bias.copy_(ours.qkv.bias)
        theirs.out_proj.weight.copy_(ours.output.weight)
        theirs.out_proj.bias.copy_(ours.output.bias)
    x = drawn(0, 2, 5, 12)
    torch.testing.assert_close(ours(x, Sight()), theirs(x, x, x, need_weights=False)[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: score(drawn(0, 1, 1, 2, 4), drawn(0, 1, 1, 2, 5)), "queries have d_head 4 and keys 5"),
        (
            lambda: attend_fused(drawn(0, 1, 1, 2, 4), drawn(0, 1, 1, 2, 5), drawn(0, 1, 1, 2, 5)),
            "queries have d_head 4 and keys 5",
        ),
        (lambda: repeat_heads(drawn(0, 1, 2, 1, 1), 5), r"n_heads \(5\) must be divisible by .* \(2\)"),
        (lambda: AttentionConfig(6, 4, 8), r"n_heads \(6\) must be divisible by n_kv_heads \(4\)"),
        (lambda: AttentionConfig(4, 4, 0), "d_head must be at least 1, not 0"),
        (
            lambda: AttentionConfig(1, 1, 1).new_cache(0, 1),
            "must be at least 1, not",
        ),
        (lambda: AttentionConfig(4, 4, 2, scale=0.0), "scale must be greater than 0, or None"),
        (lambda: KvCache([]), "a cache needs at least one layer"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_what_does_not_fit_is_refused(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.usefixtures("unchecked")
def test_a_cache_grows_is_cut_and_keeps_rows() -> None:
    cache = KvCache([AttentionConfig(1, 1, 2).new_cache(batch=2, capacity=4)])
    layer = cache.layers[0]
    assert isinstance(layer, LayerCache)
    first = torch.arange(8.0).reshape(2, 1, 2, 2)
    keys, values = layer.append(first, -first)
    assert torch.equal(keys, first)
    assert torch.equal(values, -first)
    assert (cache.length, cache.capacity, cache.n_bytes) == (2, 4, 2 * 2 * 4 * 2 * 4)
    layer.append(first + 8, first)
    with pytest.raises(ValueError, match=r"holds 4 positions, and 4 \+ 2 are needed"):
        layer.append(first, first)
    cache.truncate(2)
    assert cache.length == 2
    cache.keep(torch.tensor([1]))
    with pytest.raises(ValueError, match="made for a batch of 1, not of 2"):
        layer.append(first, first)
    assert torch.equal(layer.append(first[1:], first[1:])[0][0, 0, :2], first[1, 0])
    with pytest.raises(ValueError, match="has 4 positions; it cannot be cut to 5"):
        cache.truncate(5)
