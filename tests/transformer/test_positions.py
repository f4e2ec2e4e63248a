"""Positions against the library's own, and by the properties that they were made for."""

import math

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.gptj.modeling_gptj import apply_rotary_pos_emb as rotate_neighbours
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb as rotate_halves
from transformers.models.t5.modeling_t5 import T5Attention

from llmguide.transformer.positions import (
    LearnedPositions,
    RelativePositions,
    RotaryPositions,
    alibi_bias,
    alibi_slopes,
    relative_bias,
    relative_buckets,
    rotate,
    rotation,
    sinusoids,
)
from llmguide.transformer.rope_scaling import (
    LinearScaling,
    Llama3Scaling,
    NtkScaling,
    Scaling,
    YarnScaling,
    rotary_frequencies,
)

D_HEAD = 16
X = torch.randn(2, 3, 5, D_HEAD, generator=torch.Generator().manual_seed(0))
PLACES = torch.tensor([[0, 1, 2, 3, 4], [7, 8, 9, 10, 11]])


def library_frequencies(kind: str, **settings: object) -> tuple[torch.Tensor, float]:
    """Return what the library computes for a Llama of one head."""
    config = transformers.LlamaConfig(
        hidden_size=D_HEAD,
        num_attention_heads=1,
        max_position_embeddings=256,
        rope_parameters={"rope_type": kind, "rope_theta": 5_000.0, **settings},
    )
    frequencies, magnitude = ROPE_INIT_FUNCTIONS[kind](config, torch.device("cpu"))
    return frequencies, float(magnitude)


@pytest.mark.parametrize(
    ("scaling", "kind", "settings"),
    [
        (LinearScaling(4.0), "linear", {"factor": 4.0}),
        (YarnScaling(8.0, 64), "yarn", {"factor": 8.0, "original_max_position_embeddings": 64}),
        (
            YarnScaling(8.0, 2048, 16.0, 2.0, 1.25),
            "yarn",
            {
                "factor": 8.0,
                "original_max_position_embeddings": 2048,
                "beta_fast": 16.0,
                "beta_slow": 2.0,
                "attention_factor": 1.25,
            },
        ),
        (
            Llama3Scaling(8.0, 1.0, 4.0, 64),
            "llama3",
            {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64},
        ),
    ],
)
def test_scaled_frequencies_are_the_library_s(scaling: Scaling, kind: str, settings: dict[str, object]) -> None:
    frequencies, magnitude = library_frequencies(kind, **settings)
    rotary = RotaryPositions(5_000.0, scaling)
    torch.testing.assert_close(rotary.frequencies(D_HEAD), frequencies, rtol=2e-6, atol=0)
    assert rotary.magnitude == pytest.approx(magnitude, rel=1e-12)


def test_ntk_scaling_leaves_the_fastest_pair_and_divides_the_slowest_by_the_factor() -> None:
    plain, scaled = rotary_frequencies(D_HEAD, 5_000.0), NtkScaling(4.0).frequencies(D_HEAD, 5_000.0)
    assert scaled[0] == plain[0]
    assert float(plain[-1] / scaled[-1]) == pytest.approx(4.0, rel=1e-5)
    assert NtkScaling(4.0).magnitude == LinearScaling(4.0).magnitude == Llama3Scaling(2.0, 1.0, 4.0, 9).magnitude == 1


def test_rotation_is_the_library_s_in_either_pairing() -> None:
    cos, sin = rotation(PLACES, rotary_frequencies(D_HEAD, 10_000.0))
    doubled = [torch.cat([part, part], -1)[:, 0] for part in (cos, sin)]
    queries, keys = rotate_halves(X, X + 1, *doubled)
    torch.testing.assert_close(rotate(X, cos, sin), queries)
    torch.testing.assert_close(rotate(X + 1, cos, sin), keys)
    # GPT-J keeps positions before heads.
    theirs = rotate_neighbours(X.transpose(1, 2), sin[:, 0], cos[:, 0]).transpose(1, 2)
    torch.testing.assert_close(rotate(X, cos, sin, "neighbours"), theirs)


@given(st.integers(0, 2000), st.integers(0, 2000), st.integers(0, 2000), st.sampled_from(["halves", "neighbours"]))
def test_a_score_depends_on_the_distance_alone(first: int, second: int, shift: int, pairing: str) -> None:
    frequencies = rotary_frequencies(D_HEAD, 10_000.0).double()
    query, key = X[:1, :1, :1].double(), X[:1, :1, 1:2].double()

    def score(at: int, other: int) -> float:
        turned = [
            rotate(x, *rotation(torch.tensor([[place]]), frequencies), pairing)  # type: ignore[arg-type]
            for x, place in ((query, at), (key, other))
        ]
        return float((turned[0] * turned[1]).sum())

    assert score(first, second) == pytest.approx(score(first + shift, second + shift), abs=1e-9)


def test_sinusoids_are_sines_and_cosines_of_the_formula() -> None:
    vectors = sinusoids(torch.tensor([0, 3]), 6)
    for pair in range(3):
        angle = 3 / 10_000 ** (2 * pair / 6)
        assert vectors[1, 2 * pair].item() == pytest.approx(math.sin(angle), abs=1e-6)
        assert vectors[1, 2 * pair + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)
    assert vectors[0].tolist() == [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize("n_heads", [1, 2, 6, 8, 12, 16])
def test_alibi_is_the_library_s(n_heads: int) -> None:
    from transformers.models.bloom.modeling_bloom import build_alibi_tensor

    places = torch.arange(5)[None]
    theirs = build_alibi_tensor(torch.ones(1, 5, dtype=torch.long), n_heads, torch.float32).reshape(n_heads, 5)
    ours = alibi_bias(alibi_slopes(n_heads), places, places)[0]
    # The library's bias differs by a constant for each query, which the softmax does not see.
    torch.testing.assert_close(ours[:, 4] - ours[:, 4, :1], theirs - theirs[:, :1])
    assert ours[:, 2, 2].tolist() == [0.0] * n_heads


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rotary_frequencies(7, 10_000.0), "d_head must be even for rotary positions"),
        (lambda: rotary_frequencies(8, 1.0), "base must be greater than 1, not 1.0"),
        (lambda: LinearScaling(0.0), r"factor must be at least 1 \(by how much the length grows\), not 0.0"),
        (lambda: NtkScaling(0.5), "factor must be at least 1"),
        (lambda: NtkScaling(2.0).frequencies(2, 100.0), "at least two pairs"),
        (lambda: YarnScaling(2.0, 0), "original_length must be at least 1, not 0"),
        (lambda: YarnScaling(2.0, 8, 1.0, 32.0), "need 0 < beta_slow < beta_fast, not 32.0 and 1.0"),
        (lambda: Llama3Scaling(2.0, 4.0, 1.0, 8), "need 0 < low_frequency_factor < high_frequency_factor"),
        (lambda: Llama3Scaling(2.0, 1.0, 4.0, 0), "original_length must be at least 1, not 0"),
        (lambda: RotaryPositions(0.5), "base must be greater than 1, not 0.5"),
        (lambda: RotaryPositions(pairing="thirds"), "pairing must be 'halves' or 'neighbours', not 'thirds'"),  # type: ignore[arg-type]
        (lambda: LearnedPositions(0), "length must be at least 1, not 0"),
        (lambda: sinusoids(torch.tensor([0]), 5), "d_model must be even"),
        (lambda: alibi_slopes(0), "n_heads must be at least 1, not 0"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_positions_that_cannot_be_are_refused(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize(("buckets", "distance"), [(32, 128), (32, 17), (64, 1000), (8, 16), (4, 3), (256, 50_000)])
def test_buckets_are_the_library_s(buckets: int, distance: int, bidirectional: bool) -> None:
    offsets = torch.cat([torch.arange(-3_000, 3_000), torch.tensor([-(2**30), -100_000, 100_000, 2**30])])
    expected = T5Attention._relative_position_bucket(offsets, bidirectional, buckets, distance)
    found = relative_buckets(offsets, buckets, distance, bidirectional=bidirectional)
    assert torch.equal(found, expected)


@given(st.integers(1, 12), st.integers(1, 200), st.booleans())
def test_buckets_never_fall_with_the_distance_and_the_last_begins_no_later_than_it_must(
    quarter: int, beyond: int, bidirectional: bool
) -> None:
    buckets, distance = 4 * quarter, 2 * quarter + beyond
    RelativePositions(buckets, distance)
    side = buckets // 2 if bidirectional else buckets
    found = relative_buckets(-torch.arange(2 * distance), buckets, distance, bidirectional=bidirectional)
    assert torch.equal(found, found.sort().values)
    assert found[: side // 2].tolist() == list(range(side // 2))  # one by one
    assert set(found[distance + 1 :].tolist()) == {side - 1}
    to_the_right = relative_buckets(torch.arange(2 * distance), buckets, distance, bidirectional=bidirectional)
    # The same with the other half, or, where a mask hides what is to the right, all in the first bucket.
    assert torch.equal(to_the_right[1:], found[1:] + side if bidirectional else torch.zeros(2 * distance - 1).long())


def test_relative_bias_is_the_library_s() -> None:
    config = transformers.T5Config(num_heads=3, d_model=12, d_kv=4, is_decoder=True)
    layer = T5Attention(config, has_relative_attention_bias=True, layer_idx=0)
    table = layer.relative_attention_bias.weight
    queries, keys = torch.arange(290, 300)[None], torch.arange(300)[None]
    expected = layer.compute_bias(10, 300, past_seen_tokens=290)
    assert torch.equal(relative_bias(table, queries, keys, 128, bidirectional=False), expected)
    shifted = relative_bias(table, queries + 50, keys + 50, 128, bidirectional=False)
    assert torch.equal(shifted, expected)


@pytest.mark.parametrize(
    ("buckets", "distance", "said"),
    [(0, 9, "multiple of 4, not 0"), (6, 9, "multiple of 4, not 6"), (8, 4, r"greater than buckets / 2 \(4\), not 4")],
)
def test_relative_positions_without_room_are_refused(buckets: int, distance: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        RelativePositions(buckets, distance)
