"""Attention in tiles, against torch's own attention and softmax, and against what it may hold in memory."""

from typing import Any

import jaxtyping
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from llmguide.transformer.tiled_attention import (
    Partial,
    attend_tiled,
    attend_to_some,
    largest_intermediate,
    online_softmax,
)


def draw(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


class LargestTensor(TorchDispatchMode):
    """Records the size of the largest tensor that an operation makes."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        known = {part.untyped_storage().data_ptr() for part in args if isinstance(part, Tensor)}
        if (
            isinstance(out, Tensor)
            and out.untyped_storage().data_ptr() not in known
            and func.name() != "aten::new_empty"
        ):
            self.numbers = max(self.numbers, out.numel())
        return out


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(1, 9), st.integers(0, 99), st.sampled_from([1.0, 1e3]))
def test_one_pass_gives_torchs_softmax(rows: int, keys: int, seed: int, scale: float) -> None:
    scores = draw(rows, keys, seed=seed, scale=scale)
    close(online_softmax(scores), scores.softmax(-1))


def test_scores_of_minus_infinity_get_no_weight() -> None:
    nothing, inf = [0.0, 0.0, 0.0], torch.inf
    scores = torch.tensor([[-inf, 0.0, 0.0], [0.0, -inf, -inf], [-inf, -inf, -inf]])
    assert online_softmax(scores).tolist() == [[0.0, 0.5, 0.5], [1.0, 0.0, 0.0], nothing]


def test_softmax_worked_by_hand() -> None:
    # The maximum rises at the third score: what was summed up so far shrinks by e^(2 - 3).
    first = attend_to_some(torch.tensor([[1.0, 2.0]]).double(), torch.tensor([[10.0], [20.0]]).double())
    assert first.maximum.item() == 2
    assert first.total.item() == pytest.approx(1 + 0.36787944)
    both = first + attend_to_some(torch.tensor([[3.0]]).double(), torch.tensor([[30.0]]).double())
    assert both.maximum.item() == 3
    assert both.total.item() == pytest.approx(1 + 0.36787944 + 0.13533528)
    assert both.finish().item() == pytest.approx((30 + 20 * 0.36787944 + 10 * 0.13533528) / 1.50321472)


@settings(deadline=None)
@given(st.integers(0, 99))
def test_results_of_tiles_add_in_any_order_and_grouping(seed: int) -> None:
    scores, values = draw(2, 12, seed=seed, scale=9.0), draw(12, 3, seed=seed + 1)
    parts = [attend_to_some(scores[:, i : i + 4], values[i : i + 4]) for i in (0, 4, 8)]
    a, b, c = parts
    one, other = (a + b) + c, c + (a + b)
    for together in (one, other, a + (c + b)):
        close(together.finish(), scores.softmax(-1) @ values)
        close(together.maximum, one.maximum)


shapes = st.tuples(*(st.integers(1, limit) for limit in (2, 3, 17, 17, 5, 5)))


@pytest.mark.no_cover
@settings(deadline=None)
@given(shapes, st.integers(1, 20), st.booleans(), st.sampled_from(["none", "broadcast", "full"]), st.integers(0, 99))
def test_tiles_give_what_torch_gives(shape: tuple[int, ...], tile: int, causal: bool, masked: str, seed: int) -> None:
    batch, heads, queries, keys, d_head, d_value = shape
    q, k = draw(batch, heads, queries, d_head, seed=seed), draw(batch, heads, keys, d_head, seed=seed + 1)
    v = draw(batch, heads, keys, d_value, seed=seed + 2)
    wide = (batch, heads) if masked == "full" else (1, 1)
    mask = draw(*wide, queries, keys, seed=seed + 3) > 0 if masked != "none" else None
    allowed = torch.ones(queries, keys, dtype=torch.bool) if mask is None else mask
    if causal:
        allowed = allowed & torch.ones(queries, keys, dtype=torch.bool).tril(keys - queries)
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
    # torch gives NaN or zeros for rows that may look at nothing, depending on its kernel; zeros are our contract.
    expected = expected.masked_fill(~allowed.any(-1)[..., None], 0)
    close(attend_tiled(q, k, v, mask, causal=causal, tile=tile), expected)


def test_a_query_that_may_see_nothing_gets_zeros_and_no_nan_in_the_gradients() -> None:
    q, k, v = (draw(1, 1, 3, 2, seed=seed).requires_grad_() for seed in range(3))
    mask = torch.tensor([[True, False, False], [False, False, False], [True, True, True]])[None, None]
    mixed = attend_tiled(q, k, v, mask, tile=2)
    assert mixed[0, 0, 1].tolist() == [0, 0]
    mixed.sum().backward()
    assert all(x.grad is not None and x.grad.isfinite().all() for x in (q, k, v))


def test_gradients_are_those_of_torch() -> None:
    ours, theirs = ([draw(2, 2, 7, 3, seed=seed).requires_grad_() for seed in range(3)] for _ in range(2))
    weight = draw(2, 2, 7, 3, seed=3)
    (attend_tiled(*ours, causal=True, tile=3) * weight).sum().backward()
    (F.scaled_dot_product_attention(*theirs, is_causal=True) * weight).sum().backward()
    for x, y in zip(ours, theirs, strict=True):
        assert x.grad is not None
        assert y.grad is not None
        close(x.grad, y.grad)


@pytest.mark.parametrize(("length", "tile", "d_head"), [(40, 8, 4), (80, 8, 4), (40, 4, 16), (33, 8, 4)])
def test_no_tensor_on_the_way_is_larger_than_said(length: int, tile: int, d_head: int) -> None:
    q, k, v = (draw(2, 3, length, d_head, seed=seed) for seed in range(3))
    with LargestTensor() as largest:
        attend_tiled(q, k, v, causal=True, tile=tile)
    assert largest.numbers == largest_intermediate(2, 3, d_head, tile) < 2 * 3 * length * length


def test_all_scores_at_once_would_be_found_out() -> None:
    q, k = (draw(2, 3, 10, 4, seed=seed) for seed in range(2))
    with LargestTensor() as largest:
        _ = q @ k.mT
    assert largest.numbers == 2 * 3 * 10 * 10


def test_nothing_seen_yet_changes_nothing() -> None:
    seen = attend_to_some(draw(2, 3), draw(3, 4))
    empty = Partial(torch.full((2, 1), -torch.inf), torch.zeros(2, 1), torch.zeros(2, 4))
    for both in (seen + empty, empty + seen):
        close(both.finish(), seen.finish())
    assert (empty + empty).finish().tolist() == [[0] * 4] * 2


@pytest.mark.parametrize(
    ("shapes", "tile", "message"),
    [
        (((1, 1, 2, 3), (1, 1, 2, 3), (1, 1, 2, 3)), 0, r"tile \(0\) must be at least 1"),
        (((1, 1, 2, 3), (1, 1, 2, 4), (1, 1, 2, 4)), 1, "queries have d_head 3 and keys 4; they must be the same"),
        (((1, 1, 2, 3), (1, 1, 2, 3), (1, 1, 5, 3)), 1, "one value for each key, not 5 for 2"),
    ],
)
def test_what_does_not_fit_is_named(
    monkeypatch: pytest.MonkeyPatch, shapes: tuple[tuple[int, ...], ...], tile: int, message: str
) -> None:
    q, k, v = (draw(*shape) for shape in shapes)
    # Outside tests nobody checks the shapes in signatures, and our own message is what a reader gets.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ValueError, match=message):
        attend_tiled(q, k, v, tile=tile)
