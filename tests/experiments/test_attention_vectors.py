"""The bytes that vectors and scores are kept in, and the record against the model itself."""

from base64 import b64decode

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from llmguide.experiments.attention_sentence import (
    EXPERIMENT,
    HEADS,
    LONG,
    SHORT,
    head_weights,
    lengths_of_values,
    watch,
)
from llmguide.experiments.attention_vectors import (
    head_vectors,
    keep,
    pack_numbers,
    pack_vectors,
    unpack_numbers,
    unpack_vectors,
)
from llmguide.experiments.records import load, number
from llmguide.transformer.published import smollm2


@given(st.lists(st.floats(-32, 32), max_size=20))
def test_numbers_come_back_to_within_half_a_thousandth(numbers):
    kept = torch.tensor(numbers)
    assert len(b64decode(pack_numbers(kept))) == 2 * len(numbers)
    torch.testing.assert_close(unpack_numbers(pack_numbers(kept)), kept, rtol=0, atol=5.1e-4)


def test_a_number_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"32.8 is too large to be kept in 16 bits: at most 32.767"):
        pack_numbers(torch.tensor([1.0, -32.8]))


@given(st.integers(1, 5), st.integers(1, 9), st.floats(0, 7), st.integers(0, 99))
def test_vectors_come_back_to_within_half_a_step(count, width, size, seed):
    vectors = size * torch.randn(count, width, generator=torch.Generator().manual_seed(seed)).clamp(-4, 4)
    packed = pack_vectors(vectors)
    assert len(b64decode(packed)) == count * (2 + width)
    half_a_step = (vectors.abs().amax(-1, keepdim=True) + 1e-3) / 254
    assert ((unpack_vectors(packed, width) - vectors).abs() <= half_a_step + 1e-6).all()


def test_vectors_of_another_width_are_refused():
    with pytest.raises(ValueError, match="vectors of 4 entries take 6 bytes each, but packed holds 10 bytes"):
        unpack_vectors(pack_vectors(torch.ones(2, 3)), 4)


def test_heads_find_their_own_vectors_among_all():
    shapes = {"queries_rotated": (3, 4, 2, 5), "keys_rotated": (3, 2, 2, 5), "values": (3, 2, 2, 5)}
    draw = torch.Generator().manual_seed(0)
    watched = {name: torch.randn(shape, generator=draw) for name, shape in shapes.items()}
    watched["scores"] = torch.randn(3, 4, 2, 2, generator=draw)
    kept = keep(watched, [2, 0])
    queries = unpack_vectors(kept["queries_rotated"], 5).reshape(2, 4, 2, 5)
    assert (queries - watched["queries_rotated"][[2, 0]]).abs().max() < 0.02
    scores = unpack_numbers(kept["scores"]).reshape(2, 4, 3)
    torch.testing.assert_close(scores[0, 3], watched["scores"][2, 3][[0, 1, 1], [0, 0, 1]], rtol=0, atol=1e-3)


@pytest.mark.no_cover
@pytest.mark.parametrize(("name", "text"), [("short", SHORT), ("long", LONG)])
def test_the_record_holds_what_the_model_computes(name, text):
    _, watched = watch(smollm2(), text)
    record = load("attention-sentence")
    for layer in EXPERIMENT.config.vectors[name]:
        for head in range(HEADS):
            found, shared = head_vectors(record, name, layer, head), head // 3
            for kept, want in (
                (found.queries, watched["queries_rotated"][layer, head]),
                (found.keys, watched["keys_rotated"][layer, shared]),
            ):
                half_a_step = (want.abs().amax(-1, keepdim=True) + 1e-3) / 254
                assert ((kept - want).abs() <= half_a_step + 1e-4).all(), (layer, head)
            assert (found.scores - watched["scores"][layer, head].tril()).abs().max() <= 6e-4
            assert (found.value_lengths - watched["values"][layer, shared].norm(dim=-1)).abs().max() <= 6e-4


def test_scores_give_the_recorded_weights_and_products_the_scores():
    record = load("attention-sentence")
    future = torch.ones(5, 5, dtype=torch.bool).triu(diagonal=1)
    for layer in range(30):
        for head in range(HEADS):
            found = head_vectors(record, "short", layer, head)
            _, weights = head_weights(record, "short", layer, head)
            from_scores = found.scores.masked_fill(future, -torch.inf).softmax(dim=-1)
            assert (from_scores - weights).abs().max() <= 1 / 510 + 1e-3
            products = (found.queries @ found.keys.T / 8).tril()
            assert (products - found.scores).abs().max() < 0.3  # 64 rounded products


def test_layers_that_are_not_kept_are_refused():
    with pytest.raises(ValueError, match=r"of the text 'long' the vectors of layer 3 are not kept; kept are \[17\]"):
        head_vectors(load("attention-sentence"), "long", 3, 0)


@pytest.mark.no_cover
def test_what_counts_most_is_measured_with_the_values():
    record = load("attention-sentence")
    _, watched = watch(smollm2(), SHORT)
    all_handed = watched["weights"] * lengths_of_values(watched)
    same = [
        weights.argmax() == counts.argmax()
        for weights, counts in zip(
            watched["weights"][:, :, 1:].flatten(0, 2), all_handed[:, :, 1:].flatten(0, 2), strict=True
        )
    ]
    assert number(record, "texts.short.elsewhere") == pytest.approx(1 - sum(map(int, same)) / len(same), abs=2e-3)
    handed = all_handed[24, 4, 4]
    assert [handed.argmax(), watched["weights"][24, 4, 4].argmax()] == [2, 0]
    assert number(record, "resting.times") == pytest.approx(float(handed[2] / handed[0]), rel=1e-3)
