"""Latent attention: its two forms against each other, by hand, and against the layer of `transformers`."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode
from transformers import DeepseekV3Config
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3Attention

from llmguide.transformer.attention import AttentionConfig, Sight, attend, score
from llmguide.transformer.latent_attention import (
    LatentAttention,
    LatentAttentionConfig,
    mix_latents,
    score_latents,
)
from llmguide.transformer.masks import causal_mask
from llmguide.transformer.positions import Pairing, rotation
from llmguide.transformer.rope_scaling import rotary_frequencies
from llmguide.transformer.trace import NO_TAP, Tap

SMALL = LatentAttentionConfig(n_heads=3, d_nope=5, d_rope=4, d_value=6, kv_rank=7, query_rank=8)


def drawn(seed: int, *shape: int) -> Tensor:
    """Return normal numbers in double precision."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def layer(config: LatentAttentionConfig, seed: int = 0) -> LatentAttention:
    """Draw a layer in double precision; its norms, too."""
    torch.manual_seed(seed)
    made = LatentAttention(10, config).double()
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return made


def sight(start: int, end: int, pairing: Pairing = "neighbours") -> Sight:
    """Let the positions from ``start`` to ``end`` see what is before them."""
    cos, sin = rotation(torch.arange(start, end)[None], rotary_frequencies(SMALL.d_rope, 100.0))
    mask = causal_mask(end - start, end)[None, None]
    return Sight(mask=mask, rotation=(cos.double(), sin.double()), pairing=pairing)


# Latent vectors of two numbers, keys of four (no rotated part but one zero), values of three, and one head.
LATENTS = torch.tensor([[[[3.0, -1.0], [1.0, 1.0]]]])
UP_KEYS = torch.tensor([[[1.0, 2.0], [0.0, 1.0], [3.0, 1.0], [1.0, -1.0]]])  # keys (1, -1, 8, 4) and (3, 1, 4, 0)
UP_VALUES = torch.tensor([[[1.0, 1.0], [0.0, 1.0], [1.0, -1.0]]])  # values (2, -1, 4) and (2, 1, 0)


def test_both_forms_by_hand() -> None:
    query, shared = torch.tensor([[[[1.0, 1.0, 0.0, 2.0, 1.0]]]]), torch.tensor([[[[0.0], [2.0]]]])
    scores = score_latents(query, LATENTS, shared, UP_KEYS, scale=1.0)
    assert scores.flatten().tolist() == [8.0, 6.0]  # 1 - 1 + 0 + 8, and 3 + 1 + 0 + 0 with 2 of the shared key
    weights = torch.tensor([[[[0.75, 0.25]]]])
    assert mix_latents(weights, LATENTS, UP_VALUES).flatten().tolist() == [2.0, -0.5, 3.0]  # of (2.5, -0.5)
    # The whole, with a scale for which e^8 and e^6 become 3 to 1.
    config = LatentAttentionConfig(1, d_nope=4, d_rope=1, d_value=3, kv_rank=2, scale=math.log(3) / 2)
    attention = LatentAttention(2, config)
    with torch.no_grad():
        attention.kv_up.weight.copy_(torch.cat([UP_KEYS[0], UP_VALUES[0]]))
    for gather in (attention.gather_expanded, attention.gather_absorbed):
        found = gather(query, LATENTS, shared, Sight())
        torch.testing.assert_close(found.flatten(), torch.tensor([2.0, -0.5, 3.0]))


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 5), st.integers(0, 5), st.integers(0, 2**30))
def test_absorbed_is_expanded(batch: int, heads: int, queries: int, before: int, seed: int) -> None:
    config = LatentAttentionConfig(heads, d_nope=5, d_rope=4, d_value=3, kv_rank=6, scale=0.4 if seed % 2 else None)
    attention, keys = layer(config, seed), queries + before
    q, latents, shared = drawn(seed, batch, heads, queries, 9), drawn(1, batch, 1, keys, 6), drawn(2, batch, 1, keys, 4)
    mask = causal_mask(queries, keys)[None, None].expand(batch, 1, -1, -1)
    look = Sight(mask=mask, bias=drawn(3, 1, heads, queries, keys) if seed % 3 else None)
    expanded = attention.gather_expanded(q, latents, shared, look)
    torch.testing.assert_close(attention.gather_absorbed(q, latents, shared, look), expanded)
    torch.testing.assert_close(attention.gather_expanded(q, latents, shared, look, Tap()), expanded)


def test_the_absorbed_scores_are_those_of_the_keys() -> None:
    q, latents, shared, up = drawn(0, 2, 3, 4, 9), drawn(1, 2, 1, 6, 7), drawn(2, 2, 1, 6, 4), drawn(3, 3, 5, 7)
    keys = torch.cat([torch.einsum("bxsr,hdr->bhsd", latents, up), shared.expand(-1, 3, -1, -1)], dim=-1)
    torch.testing.assert_close(score_latents(q, latents, shared, up), score(q, keys))
    up_values = drawn(4, 3, 2, 7)
    mixed, weights = attend(q, keys, torch.einsum("bxsr,hdr->bhsd", latents, up_values))
    torch.testing.assert_close(mix_latents(weights, latents, up_values), mixed)


@pytest.mark.parametrize("rank", [None, 8])
@pytest.mark.parametrize("pairing", ["halves", "neighbours"])
def test_the_layer_is_the_library_s(rank: int | None, pairing: Pairing) -> None:
    torch.manual_seed(0)
    described = DeepseekV3Config(
        hidden_size=10,
        num_attention_heads=3,
        num_key_value_heads=3,
        q_lora_rank=rank,
        kv_lora_rank=7,
        qk_nope_head_dim=5,
        qk_rope_head_dim=4,
        v_head_dim=6,
        rope_interleave=pairing == "neighbours",
    )
    described._attn_implementation = "eager"
    theirs = DeepseekV3Attention(described, 0)
    config = LatentAttentionConfig(3, d_nope=5, d_rope=4, d_value=6, kv_rank=7, query_rank=rank)
    ours = LatentAttention(10, config)
    names = {"kv_down": "kv_a_proj_with_mqa", "kv_norm": "kv_a_layernorm", "kv_up": "kv_b_proj", "output": "o_proj"}
    if rank is None:
        names |= {"query": "q_proj"}
    else:
        names |= {"query_down": "q_a_proj", "query_norm": "q_a_layernorm", "query_up": "q_b_proj"}
    weights = theirs.state_dict()
    assert len(names) == len(weights)
    ours.load_state_dict(
        {f"{our}.{'scale' if 'norm' in our else 'weight'}": weights[f"{their}.weight"] for our, their in names.items()}
    )
    x = drawn(0, 2, 6, 10).float()
    look = sight(0, 6, pairing)
    assert look.rotation is not None
    cos, sin = (torch.cat([part[:, 0], part[:, 0]], -1).float() for part in look.rotation)
    forbidden = torch.zeros(6, 6).masked_fill(~causal_mask(6, 6), -torch.inf)[None, None]
    expected, _ = theirs(x, (cos, sin), forbidden)
    look = Sight(mask=look.mask, rotation=(cos[:, None, :, :2], sin[:, None, :, :2]), pairing=pairing)
    torch.testing.assert_close(ours(x, look), expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("rank", [None, 8])
def test_a_cache_of_latent_vectors_changes_nothing(rank: int | None) -> None:
    config = LatentAttentionConfig(3, d_nope=5, d_rope=4, d_value=6, kv_rank=7, query_rank=rank)
    attention, x = layer(config), drawn(0, 2, 9, 10)
    whole, cache = attention(x, sight(0, 9)), config.new_cache(2, 9, torch.float64)
    pieces = [attention(x[:, a:b], sight(a, b), cache) for a, b in ((0, 4), (4, 5), (5, 8), (8, 9))]
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole)
    assert cache.length == 9
    # What is kept: the normalized latent vectors and the rotated shared key.
    tap = Tap(["latents", "keys_rotated"])
    attention(x, sight(0, 9), None, tap)
    torch.testing.assert_close(cache.keys, tap.tensors["latents"])
    torch.testing.assert_close(cache.values, tap.tensors["keys_rotated"])


def test_a_first_piece_may_come_with_the_causal_switch() -> None:
    attention, x = layer(SMALL), drawn(0, 2, 5, 10)
    look = sight(0, 5)
    switched = Sight(causal=True, rotation=look.rotation, pairing=look.pairing)
    cache = SMALL.new_cache(2, 5, torch.float64)
    torch.testing.assert_close(attention(x, switched, cache), attention(x, look))


def test_gradients_reach_every_weight_and_are_those_of_the_absorbed_form() -> None:
    attention, x = layer(SMALL), drawn(0, 2, 5, 10)
    attention(x, sight(0, 5)).square().sum().backward()
    expanded = {name: weight.grad.clone() for name, weight in attention.named_parameters() if weight.grad is not None}
    assert expanded.keys() == dict(attention.named_parameters()).keys()
    attention.zero_grad()
    attention.gather_expanded = attention.gather_absorbed  # type: ignore[method-assign]
    attention(x, sight(0, 5)).square().sum().backward()
    for name, weight in attention.named_parameters():
        torch.testing.assert_close(weight.grad, expanded[name])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_bytes_of_the_cache(dtype: torch.dtype) -> None:
    # DeepSeek-V3's heads: 512 + 64 numbers a position, where keys and values of every head would be 128 x (192 + 128).
    latent = LatentAttentionConfig(128, d_nope=128, d_rope=64, d_value=128, kv_rank=512, query_rank=1536)
    cache = latent.new_cache(2, 10, dtype)
    kept = cache.keys.untyped_storage().nbytes() + cache.values.untyped_storage().nbytes()
    assert kept == 2 * 10 * 576 * dtype.itemsize == cache.n_bytes
    # As much as grouped-query attention with two and a quarter groups of heads of 128.
    grouped = AttentionConfig(128, 1, 128).new_cache(2, 10, dtype)
    assert kept / grouped.n_bytes == 2.25


@pytest.mark.parametrize("queries", [2, 3, 8])
@pytest.mark.parametrize("before", [0, 1, 9, 40])
@pytest.mark.parametrize("widths", [(2, 3, 4), (8, 8, 4), (16, 12, 2)])
def test_the_cheaper_form_is_the_one_with_fewer_multiplications(
    queries: int, before: int, widths: tuple[int, int, int]
) -> None:
    d_nope, d_value, kv_rank = widths
    config = LatentAttentionConfig(2, d_nope=d_nope, d_rope=2, d_value=d_value, kv_rank=kv_rank)
    attention, keys = layer(config), queries + before
    q, latents, shared = drawn(0, 2, 2, queries, d_nope + 2), drawn(1, 2, 1, keys, kv_rank), drawn(2, 2, 1, keys, 2)
    counts = []
    for gather in (attention.gather_absorbed, attention.gather_expanded):
        with FlopCounterMode(display=False) as counter:
            gather(q, latents, shared, Sight(), Tap())
        counts.append(counter.get_total_flops())
    assert config.absorbing_is_cheaper(queries, keys) == (counts[0] < counts[1])


@pytest.mark.parametrize("piece", [5, 1])
def test_what_a_tap_sees(piece: int) -> None:
    attention, x = layer(SMALL), drawn(0, 2, 5, 10)
    cache = SMALL.new_cache(2, 5, torch.float64)
    if piece < 5:
        attention(x[:, : 5 - piece], sight(0, 5 - piece), cache)
    tap = Tap()
    seen = attention(x[:, 5 - piece :], sight(5 - piece, 5), cache, tap)
    torch.testing.assert_close(seen, attention(x, sight(0, 5))[:, 5 - piece :])
    shapes = {name: tuple(tensor.shape) for name, tensor in tap.tensors.items()}
    expected = {
        "query_latents": (2, piece, 8),
        "queries": (2, 3, piece, 9),
        "latents": (2, 1, piece, 7),
        "queries_rotated": (2, 3, piece, 4),
        "keys_rotated": (2, 1, piece, 4),
        "scores": (2, 3, piece, 5),
        "weights": (2, 3, piece, 5),
        "mixed": (2, 3, piece, 6),
        "output": (2, piece, 10),
    }
    if piece == 5:  # the expanded form
        expected |= {"keys": (2, 3, 5, 9), "values": (2, 3, 5, 6)}
    assert shapes == expected


def test_without_rotation_the_shared_part_knows_no_place() -> None:
    attention, x = layer(SMALL), drawn(0, 1, 4, 10)
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(attention(x[:, order], Sight()), attention(x, Sight())[:, order])
    assert attention(x, Sight(), None, NO_TAP).shape == x.shape


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_heads": 0}, "n_heads must be at least 1, not 0"),
        ({"d_nope": 0}, "d_nope must be at least 1"),
        ({"d_rope": -1}, "d_rope must be at least 1, not -1"),
        ({"d_value": 0}, "d_value must be at least 1"),
        ({"kv_rank": 0}, "kv_rank must be at least 1"),
        ({"query_rank": 0}, "query_rank must be at least 1, or None for queries of the input, not 0"),
        ({"scale": 0.0}, "scale must be greater than 0"),
        ({"scale": math.nan}, "scale must be greater than 0"),
    ],
)
def test_a_configuration_that_cannot_be(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LatentAttentionConfig(
            **({"n_heads": 3, "d_nope": 5, "d_rope": 4, "d_value": 6, "kv_rank": 7} | change)  # type: ignore[arg-type]
        )


def test_queries_as_wide_as_no_key_are_refused() -> None:
    with pytest.raises(ValueError, match="queries have 8 numbers; a key has 5 without positions and 4 rotated"):
        score_latents(drawn(0, 1, 3, 2, 8), drawn(1, 1, 1, 6, 7), drawn(2, 1, 1, 6, 4), drawn(3, 3, 5, 7))


def test_a_cache_without_room_is_refused() -> None:
    attention, cache = layer(SMALL), SMALL.new_cache(1, 3, torch.float64)
    with pytest.raises(ValueError, match="the cache holds 3 positions"):
        attention(drawn(0, 1, 4, 10), sight(0, 4), cache)
