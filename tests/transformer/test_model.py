"""The model: its two paths, its cache, its padding, its taps, and what it refuses."""

from dataclasses import replace

import pytest
import torch

from llmguide.transformer import (
    FeedForwardConfig,
    MaskConfig,
    ModelConfig,
    Tap,
    Transformer,
    bert,
    gpt2,
    initialize,
    llama,
    mistral,
    qwen2,
    qwen3,
)
from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.block import Block, BlockConfig
from llmguide.transformer.config import Scales
from llmguide.transformer.feedforward import GatedMlp
from llmguide.transformer.masks import document_mask, positions_of, prefix_mask
from llmguide.transformer.positions import AlibiPositions, NoPositions, RotaryPositions, SinusoidalPositions

GROUPED = llama(vocab_size=31, context_length=24, d_model=16, n_layers=2, n_heads=4, n_kv_heads=2, d_hidden=20)
CONFIGS = {
    "gpt2": gpt2(vocab_size=31, context_length=24, d_model=16, n_layers=2, n_heads=4),
    "llama": GROUPED,
    "mistral": mistral(
        vocab_size=31, context_length=24, d_model=16, n_layers=2, n_heads=4, n_kv_heads=2, d_hidden=20, window=3
    ),
    "qwen2": qwen2(vocab_size=31, context_length=24, d_model=16, n_layers=2, n_heads=4, n_kv_heads=1, d_hidden=20),
    "qwen3": qwen3(
        vocab_size=31, context_length=24, d_model=16, n_layers=2, n_heads=4, n_kv_heads=2, d_hidden=20, d_head=6
    ),
    "sinks": replace(GROUPED, mask=MaskConfig("causal", 3, 2)),
    "alibi": replace(GROUPED, positions=AlibiPositions()),
    "sinusoids": replace(GROUPED, positions=SinusoidalPositions(), head="tied"),
    "scaled": replace(
        GROUPED, attention=replace(GROUPED.attention, scale=0.7), head="tied", scales=Scales(3.0, 0.5, 0.25)
    ),
    "unlike": replace(
        GROUPED,
        blocks=(
            BlockConfig(AttentionConfig(2, 1, 4), FeedForwardConfig(12, "gelu")),
            BlockConfig(AttentionConfig(4, 4, 4), FeedForwardConfig(8, "silu", gated=True, bias=False)),
        ),
    ),
    "neighbours": replace(GROUPED, positions=RotaryPositions(pairing="neighbours"), norm_placement="post"),
}
IDS = torch.randint(0, 31, (2, 9), generator=torch.Generator().manual_seed(1))


def built(config: ModelConfig) -> Transformer:
    """Return a model whose weights are large enough for every part to matter."""
    model = Transformer(config).double().eval()
    initialize(model, torch.Generator().manual_seed(0), std=0.3)
    return model


@torch.no_grad()
def test_scales_do_what_larger_weights_do() -> None:
    scaled = built(CONFIGS["scaled"])
    plain = built(replace(CONFIGS["scaled"], attention=GROUPED.attention, head="linear", scales=Scales()))
    plain.load_state_dict(scaled.state_dict() | {"head.weight": scaled.embedding.tokens.weight * 0.25})
    plain.embedding.tokens.weight *= 3.0
    for block in plain.blocks:
        assert isinstance(block, Block)
        block.attention.qkv.weight[:16] *= 0.7 * 2  # the queries; the root of d_head is 2
        block.attention.output.weight *= 0.5
        assert isinstance(block.feedforward, GatedMlp)
        block.feedforward.down.weight *= 0.5
    torch.testing.assert_close(scaled(IDS), plain(IDS))


@pytest.mark.parametrize("name", CONFIGS)
@torch.no_grad()
def test_the_fused_path_the_readable_path_and_the_cache_agree(name: str) -> None:
    model = built(CONFIGS[name])
    expected = model(IDS)
    torch.testing.assert_close(model(IDS, tap=Tap()), expected)
    torch.testing.assert_close(model(IDS, last_only=True), expected[:, -1:])
    cache = model.new_cache(2)
    pieces = [model(IDS[:, :4], cache=cache), model(IDS[:, 4:6], cache=cache)]
    pieces += [model(IDS[:, place : place + 1], cache=cache) for place in range(6, 9)]
    torch.testing.assert_close(torch.cat(pieces, 1), expected)
    assert cache.length == 9


@pytest.mark.parametrize("name", CONFIGS)
@torch.no_grad()
def test_padding_on_either_side_changes_nothing(name: str) -> None:
    model = built(CONFIGS[name])
    alone = model(IDS[:1, :6])
    for left in (True, False):
        ids, real = torch.zeros(2, 9, dtype=torch.long), torch.ones(2, 9, dtype=torch.bool)
        ids[1] = IDS[1]
        text = slice(3, 9) if left else slice(0, 6)
        ids[0, text] = IDS[0, :6]
        real[0] = False
        real[0, text] = True
        padded = model(ids, real=real)
        torch.testing.assert_close(padded[:1, text], alone)
        torch.testing.assert_close(padded[1:], model(IDS[1:]))
        assert padded.isfinite().all()


@torch.no_grad()
def test_left_padding_and_the_cache_go_together() -> None:
    model = built(CONFIGS["sinks"])
    real = torch.ones(2, 9, dtype=torch.bool)
    real[0, :3] = False
    expected, cache = model(IDS, real=real), model.new_cache(2, 9)
    pieces = [model(IDS[:, :5], real=real[:, :5], cache=cache)]
    pieces += [model(IDS[:, place : place + 1], real=real[:, : place + 1], cache=cache) for place in range(5, 9)]
    torch.testing.assert_close(torch.cat(pieces, 1)[0, 3:], expected[0, 3:])


@pytest.mark.parametrize("name", ["gpt2", "llama", "alibi"])
@torch.no_grad()
def test_packed_documents_are_as_alone(name: str) -> None:
    model = built(CONFIGS[name])
    documents = torch.tensor([[0, 0, 0, 0, 1, 1, 1, 1, 1]])
    positions = torch.tensor([[0, 1, 2, 3, 0, 1, 2, 3, 4]])
    mask = document_mask(documents) & torch.ones(9, 9, dtype=torch.bool).tril()
    packed = model(IDS[:1], mask=mask, positions=positions)
    torch.testing.assert_close(packed[:, :4], model(IDS[:1, :4]))
    torch.testing.assert_close(packed[:, 4:], model(IDS[:1, 4:]))


@torch.no_grad()
@pytest.mark.parametrize("name", CONFIGS)
def test_a_prefix_is_read_in_both_directions_and_the_rest_in_one(name: str) -> None:
    model = built(replace(CONFIGS[name], mask=MaskConfig("causal")))
    both_ways = built(replace(model.config, mask=MaskConfig("bidirectional")))
    mask = prefix_mask(4, 9, 9)[None, None]
    found = model(IDS[:1], mask=mask)
    torch.testing.assert_close(found[:, :4], both_ways(IDS[:1, :4]))
    changed = IDS[:1].clone()
    changed[0, 6] = (changed[0, 6] + 1) % model.config.vocab_size
    torch.testing.assert_close(model(changed, mask=mask)[:, :6], found[:, :6])
    changed[0, 3] = (changed[0, 3] + 1) % model.config.vocab_size
    moved = (model(changed, mask=mask) - found).abs().amax(-1)[0]
    assert bool((moved > 1e-4).all())  # the end of the prefix is seen by all


@torch.no_grad()
def test_without_positions_the_order_of_what_came_before_is_lost() -> None:
    model = built(replace(GROUPED, positions=NoPositions(), mask=MaskConfig("bidirectional"), n_layers=1))
    order = torch.tensor([3, 0, 2, 1])
    torch.testing.assert_close(model(IDS[:1, :4][:, order]), model(IDS[:1, :4])[:, order])
    with_places = built(replace(GROUPED, mask=MaskConfig("bidirectional"), n_layers=1))
    assert not torch.allclose(with_places(IDS[:1, :4][:, order]), with_places(IDS[:1, :4])[:, order])


@torch.no_grad()
def test_a_tap_records_in_order_and_an_edit_reaches_the_end() -> None:
    model, tap = built(GROUPED), Tap(["blocks.1.attention.*", "logits"])
    model(IDS, tap=tap)
    names = [name.removeprefix("blocks.1.attention.") for name in tap.tensors]
    rotated = ["queries_rotated", "keys_rotated"]
    assert names == ["queries", "keys", "values", *rotated, "scores", "weights", "mixed", "output", "logits"]
    silent = Tap([], {"blocks.0.output": torch.zeros_like})
    assert torch.equal(model(IDS, tap=silent)[0, 0], model(IDS, tap=silent)[1, 3])  # nothing is left of the tokens
    assert not silent.tensors


@torch.no_grad()
def test_an_edit_that_does_not_fit_is_refused() -> None:
    model = built(GROUPED)
    with pytest.raises(ValueError, match=r"no tensor is called 'blocks.0.scales'; the pass had blocks.0.attended"):
        model(IDS, tap=Tap([], {"blocks.0.scales": torch.zeros_like}))
    with pytest.raises(ValueError, match=r"made \[2\] of \[2, 9, 31\]; keep the shape"):
        model(IDS, tap=Tap([], {"logits": lambda x: x[:, 0, 0]}))


def test_initialization_draws_what_it_says() -> None:
    model = Transformer(gpt2(vocab_size=512, context_length=64, d_model=64, n_layers=8, n_heads=4))
    initialize(model, torch.Generator().manual_seed(0))
    block = model.blocks[3]
    assert isinstance(block, Block)
    assert model.embedding.tokens.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert block.attention.output.weight.std().item() == pytest.approx(0.02 / 4, rel=0.05)
    assert block.feedforward.down.weight.std().item() == pytest.approx(0.02 / 4, rel=0.05)
    assert not block.attention.qkv.bias.any()
    initialize(model, torch.Generator().manual_seed(0), scale_residual=False)
    assert block.attention.output.weight.std().item() == pytest.approx(0.02, rel=0.05)
    with pytest.raises(ValueError, match=r"std must be greater than 0, not 0\.0"):
        initialize(model, torch.Generator(), 0.0)


@torch.no_grad()
def test_heads() -> None:
    masked = built(bert(vocab_size=31, context_length=24, d_model=16, n_layers=1, n_heads=2))
    vectors = built(bert(vocab_size=31, context_length=24, d_model=16, n_layers=1, n_heads=2, head="none"))
    assert masked(IDS).shape == (2, 9, 31)
    assert vectors(IDS).shape == (2, 9, 16)
    torch.testing.assert_close(vectors(IDS), vectors.hidden(IDS, token_types=torch.zeros_like(IDS)))
    assert not torch.allclose(vectors(IDS), vectors(IDS, token_types=torch.ones_like(IDS)))
    with pytest.raises(ValueError, match="a bidirectional model has no use for a cache"):
        masked.new_cache(1)


@pytest.mark.parametrize(
    ("ids", "real", "message"),
    [
        (torch.zeros(1, 0, dtype=torch.long), None, r"ids has the shape \[1, 0\]"),
        (torch.tensor([[0, 31]]), None, "ids holds 31; the model has tokens 0 to 30"),
        (torch.tensor([[0, -2]]), None, "ids holds -2; the model has tokens 0 to 30"),
        (torch.zeros(1, 25, dtype=torch.long), None, "25 positions exceed the 24 learned ones; cut the text"),
        (torch.zeros(1, 3, dtype=torch.long), torch.ones(1, 2, dtype=torch.bool), r"real has the shape \[1, 2\]"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_a_call_that_does_not_fit_is_refused(ids: torch.Tensor, real: torch.Tensor | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        built(CONFIGS["gpt2"])(ids, real=real)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_layers": 0}, "n_layers must be at least 1, not 0"),
        ({"token_types": -1}, "token_types must be at least 0, not -1"),
        (
            {"blocks": (BlockConfig(GROUPED.attention, GROUPED.feedforward),)},
            r"blocks describes 1 blocks; there must be n_layers \(2\), or 0",
        ),
        ({"norm_placement": "middle"}, "norm_placement must be 'pre' or 'post', not 'middle'"),
        ({"head": "two"}, "head must be 'tied', 'linear', 'masked' or 'none', not 'two'"),
        ({"context_length": 25}, r"24 learned positions do not reach context_length \(25\)"),
        ({"positions": RotaryPositions(), "attention": replace(GROUPED.attention, d_head=3)}, "d_head must be even"),
        ({"positions": SinusoidalPositions(), "d_model": 15}, "d_model must be even for sinusoidal positions, not 15"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_a_configuration_that_cannot_be_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(CONFIGS["gpt2"], **change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FeedForwardConfig(0, "gelu"), "d_hidden must be at least 1, not 0"),
        (lambda: FeedForwardConfig(4, "swish"), "activation must be one of gelu, gelu_tanh, relu, silu, not 'swish'"),  # type: ignore[arg-type]
        (
            lambda: gpt2(vocab_size=3, context_length=3, d_model=10, n_layers=1, n_heads=3),
            r"d_model \(10\) must be divisible by n_heads \(3\), or give d_head",
        ),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_parts_that_cannot_be_are_refused(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=message):
        call()


def test_places_given_by_hand_are_used() -> None:
    model = built(CONFIGS["gpt2"])
    real = torch.ones(2, 9, dtype=torch.bool)
    with torch.no_grad():
        torch.testing.assert_close(model(IDS, positions=positions_of(real)), model(IDS))
        assert not torch.allclose(model(IDS, positions=positions_of(real) + 1), model(IDS))


def test_scales_are_positive() -> None:
    with pytest.raises(ValueError, match=r"scale of logits must be greater than 0, not 0\.0"):
        Scales(logits=0.0)
