"""Masks by their definition, position by position."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from llmguide.transformer.masks import (
    MaskConfig,
    causal_mask,
    document_mask,
    padding_mask,
    positions_of,
    prefix_mask,
    window_mask,
)


@given(st.data())
def test_every_mask_is_its_definition(data: st.DataObject) -> None:
    keys = data.draw(st.integers(1, 9))
    queries = data.draw(st.integers(1, keys))
    window, sinks, prefix = (data.draw(st.integers(low, 10)) for low in (1, 0, 0))
    causal, near, opened = (
        causal_mask(queries, keys),
        window_mask(queries, keys, window, sinks),
        prefix_mask(prefix, queries, keys),
    )
    for row in range(queries):
        query = keys - queries + row
        for key in range(keys):
            before = key <= query
            assert causal[row, key] == before
            assert near[row, key] == (before and (query - key < window or key < sinks))
            assert opened[row, key] == (before or key < prefix)


@pytest.mark.parametrize(
    ("config", "mask"),
    [
        (MaskConfig("bidirectional"), None),
        (MaskConfig("causal"), causal_mask(3, 5)),
        (MaskConfig("causal", 2), window_mask(3, 5, 2)),
        (MaskConfig("causal", 2, 1), window_mask(3, 5, 2, 1)),
    ],
)
def test_a_configuration_builds_its_mask(config: MaskConfig, mask: torch.Tensor | None) -> None:
    built = config.build(3, 5)
    assert (built is None and mask is None) or (built is not None and mask is not None and torch.equal(built, mask))


def test_one_query_at_the_end_needs_a_mask_only_for_a_window() -> None:
    assert MaskConfig("causal").build(1, 5) is None
    assert MaskConfig("causal", 5).build(1, 5) is None
    assert MaskConfig("causal", 4).build(1, 5) is not None
    assert MaskConfig("causal", 5).is_causal_for(5)
    assert not MaskConfig("causal", 4).is_causal_for(5)


def test_packed_documents_do_not_see_each_other() -> None:
    documents = torch.tensor([[7, 7, 8, 8, 8]])
    seen = document_mask(documents)[0, 0] & causal_mask(5, 5)
    assert seen.int().tolist() == [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 1, 1, 0], [0, 0, 1, 1, 1]]


def test_places_count_from_the_first_real_token() -> None:
    real = torch.tensor([[False, True, True], [True, True, False]])
    assert positions_of(real).tolist() == [[0, 0, 1], [0, 1, 1]]
    assert padding_mask(real).shape == (2, 1, 1, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: causal_mask(3, 2), r"queries \(3\) must be at least 1 and at most keys \(2\)"),
        (lambda: window_mask(1, 2, 0), "window must be at least 1, not 0"),
        (lambda: prefix_mask(-1, 1, 1), "prefix must be at least 0, not -1"),
        (lambda: MaskConfig("diagonal"), "kind must be 'causal' or 'bidirectional', not 'diagonal'"),  # type: ignore[arg-type]
        (lambda: MaskConfig("bidirectional", 4), "window needs a causal mask"),
        (lambda: MaskConfig("causal", 0), "at least 1 position, not causal and 0"),
        (lambda: MaskConfig("causal", None, 2), r"sinks \(2\) must be at least 0, and stand beside a window"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_a_mask_that_cannot_be_is_refused(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=message):
        call()
