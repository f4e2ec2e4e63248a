"""The bytes that the recorded attention weights are kept in, and the record against the model itself."""

from base64 import b64decode
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from llmguide.experiments.attention_sentence import HEADS, LAYERS, LONG, head_weights, pack, read, unpack
from llmguide.experiments.records import load
from llmguide.transformer.published import smollm2


def causal_weights(layers, heads, positions, seed):
    scores = 4 * torch.randn(layers, heads, positions, positions, generator=torch.Generator().manual_seed(seed))
    future = torch.ones(positions, positions, dtype=torch.bool).triu(diagonal=1)
    return scores.masked_fill(future, -torch.inf).softmax(dim=-1)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 9), st.integers(0, 99))
def test_weights_come_back_to_within_half_a_step(layers, heads, positions, seed):
    weights = causal_weights(layers, heads, positions, seed)
    packed = pack(weights)
    assert len(b64decode(packed)) == layers * heads * positions * (positions + 1) // 2
    assert (unpack(packed, layers, heads, positions) - weights).abs().max() <= 1 / 510 + 1e-7


def test_bytes_go_by_layer_head_and_query():
    weights = torch.zeros(2, 1, 2, 2)
    weights[0, 0] = torch.tensor([[1.0, 0.0], [0.6, 0.4]])
    weights[1, 0] = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert list(b64decode(pack(weights))) == [255, 153, 102, 255, 0, 255]


def test_a_wrong_number_of_bytes_is_refused():
    packed = pack(causal_weights(1, 2, 3, 0))
    with pytest.raises(ValueError, match="2 layers of 2 heads with 3 tokens have 24 weights, but packed holds 12"):
        unpack(packed, 2, 2, 3)


@pytest.mark.no_cover
def test_a_model_without_a_tokenizer_is_refused():
    with pytest.raises(ValueError, match="no tokenizer"):
        read(replace(smollm2(), tokenizer=None), LONG)


@pytest.mark.no_cover
def test_the_record_holds_what_the_model_does():
    loaded, record = smollm2(), load("attention-sentence")
    tokens, weights = read(loaded, LONG)
    assert weights.shape == (LAYERS, HEADS, 18, 18)
    torch.testing.assert_close(weights.sum(-1), torch.ones(LAYERS, HEADS, 18))
    for layer in range(LAYERS):
        for head in range(HEADS):
            recorded_tokens, recorded = head_weights(record, "long", layer, head)
            assert recorded_tokens == tokens
            assert (recorded - weights[layer, head]).abs().max() <= 1 / 510 + 1e-4, (layer, head)


def test_the_later_tokens_change_nothing_before_them():
    record = load("attention-sentence")
    for layer, head in ((0, 0), (16, 0), (17, 4), (29, 8)):
        _, short = head_weights(record, "short", layer, head)
        _, long = head_weights(record, "long", layer, head)
        assert (short - long[:5, :5]).abs().max() <= 1 / 255 + 1e-6
