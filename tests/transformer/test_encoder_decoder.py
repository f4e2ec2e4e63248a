"""Encoder-decoders: T5 against `transformers`, the first transformer against torch's, and what holds for all."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from encoder_decoder_twins import (
    CASES,
    build,
    cached_apart,
    draw_pair,
    float64_apart,
    gradients_apart,
    ours,
    padded_apart,
    saved_apart,
    scaled_apart,
    states_apart,
)
from torch import nn

from llmguide.transformer import (
    AttentionConfig,
    EncoderDecoder,
    EncoderDecoderConfig,
    FeedForwardConfig,
    MaskConfig,
    NormConfig,
    Tap,
    Transformer,
    initialize,
    t5,
)
from llmguide.transformer.architectures_encoder_decoder import T5_POSITIONS, first_transformer
from llmguide.transformer.attention import Sight
from llmguide.transformer.block import BlockConfig
from llmguide.transformer.config import Scales
from llmguide.transformer.cross_attention import CrossAttention, CrossBlock
from llmguide.transformer.positions import LearnedPositions, NoPositions, RotaryPositions

SMALL = t5(vocab_size=61, d_model=16, n_layers=2, n_heads=2, d_head=5, d_hidden=24)


def model_of(config: EncoderDecoderConfig = SMALL) -> EncoderDecoder:
    """Make a model with weights so large that each token matters."""
    model = EncoderDecoder(config).double()
    initialize(model, torch.Generator().manual_seed(3), std=0.3, scale_residual=False)
    return model


FIRST = first_transformer(vocab_size=61, context_length=64, d_model=12, n_layers=3, n_heads=3, d_hidden=20)


@pytest.mark.no_cover
@pytest.mark.parametrize("name", CASES)
def test_states_and_logits_are_the_library_s(tmp_path: Path, name: str) -> None:
    theirs = build(name)
    model = ours(theirs, tmp_path)
    assert model.config.head == ("linear" if name == "t5-1.1" else "tied")
    assert max(states_apart(theirs, model)) <= 1e-5
    assert padded_apart(theirs, model) <= 1e-5
    assert cached_apart(theirs, model) <= 1e-5
    assert gradients_apart(theirs, model) <= 1e-5


@pytest.mark.parametrize("name", CASES)
def test_in_float64_the_two_are_the_same(tmp_path: Path, name: str) -> None:
    assert float64_apart(name, tmp_path) <= 1e-10


@pytest.mark.parametrize("name", CASES)
def test_large_weights_add_no_more_than_the_library_s_own_rounding(tmp_path: Path, name: str) -> None:
    found, own = scaled_apart(name, tmp_path)
    assert found <= 2 * own


@pytest.mark.parametrize(("name", "largest"), [("t5-1.0", 20_000), ("t5-1.1", 20_000), ("t5-uneven", None)])
def test_the_library_loads_what_is_saved(tmp_path: Path, name: str, largest: int | None) -> None:
    assert saved_apart(name, tmp_path, largest) <= 1e-5
    assert (len(list((tmp_path / "ours").glob("model-*.safetensors"))) > 3) == (largest is not None)


def test_shards_and_one_file_give_the_same_model(tmp_path: Path) -> None:
    theirs = build("t5-1.1")
    whole = ours(theirs, tmp_path / "whole").state_dict()
    spread = ours(theirs, tmp_path / "spread", "20KB").state_dict()
    assert len(list((tmp_path / "spread").glob("*.safetensors"))) > 1
    assert all(torch.equal(weight, spread[name]) for name, weight in whole.items())


@torch.no_grad()
def test_the_first_transformer_is_torch_s() -> None:
    model = model_of(FIRST)
    options = {"dim_feedforward": 20, "dropout": 0.0, "batch_first": True, "dtype": torch.float64}
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(12, 3, **options), 3, enable_nested_tensor=False)
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(12, 3, **options), 3)
    names = {
        "self_attn.in_proj_": ["attention.qkv."],
        "self_attn.out_proj.": ["attention.output."],
        "multihead_attn.in_proj_": ["cross_attention.queries.", "cross_attention.keys_values."],
        "multihead_attn.out_proj.": ["cross_attention.output."],
        "linear1.": ["feedforward.up."],
        "linear2.": ["feedforward.down."],
    }
    generator = torch.Generator().manual_seed(1)
    for weight in model.parameters():
        weight.add_(0.1 * torch.randn(weight.shape, generator=generator, dtype=torch.float64))
    weights = model.state_dict()
    for stack, theirs, norms in (
        ("encoder", encoder, {"norm1.": ["attention_norm."], "norm2.": ["feedforward_norm."]}),
        (
            "decoder",
            decoder,
            {"norm1.": ["attention_norm."], "norm2.": ["cross_norm."], "norm3.": ["feedforward_norm."]},
        ),
    ):
        state = {}
        for name, weight in theirs.state_dict().items():
            _, number, rest = name.split(".", 2)
            start = next(start for start in names | norms if rest.startswith(start))
            leaf = rest.removeprefix(start)
            leaf = "scale" if "norm" in start and leaf == "weight" else leaf
            found = [f"{stack}.blocks.{number}.{module}{leaf}" for module in (names | norms)[start]]
            # Torch adds biases to attention; the paper has none.
            absent = "attn" in start and leaf == "bias"
            state[name] = torch.zeros_like(weight) if absent else torch.cat([weights[name] for name in found])
        theirs.load_state_dict(state)
    sources, targets = draw_pair(3, 9, 7)
    real = torch.arange(9) < torch.tensor([[9], [5], [1]])
    places = torch.arange(9)[None]
    states = encoder(model.embedding(sources, places), src_key_padding_mask=~real)
    future = torch.ones(7, 7, dtype=torch.bool).triu(1)
    expected = decoder(model.embedding(targets, places[:, :7]), states, tgt_mask=future, memory_key_padding_mask=~real)
    memory = model.encode(sources, real=real)
    torch.testing.assert_close(memory.states[real], states[real], rtol=0, atol=1e-12)
    torch.testing.assert_close(model.decode(targets, memory), model.project(expected), rtol=0, atol=1e-12)


def test_cross_attention_by_hand() -> None:
    layer = CrossAttention(2, AttentionConfig(1, 1, 2, scale=1.0))
    with torch.no_grad():
        layer.queries.weight.copy_(torch.eye(2))
        layer.keys_values.weight.copy_(torch.cat([torch.eye(2), torch.tensor([[8.0, 0.0], [0.0, 4.0]])]))
        layer.output.weight.copy_(torch.eye(2))
    memory = layer.remember(torch.eye(2)[None])  # keys (1, 0) and (0, 1), values (8, 0) and (0, 4)
    asking = torch.tensor([[[3.0, 1.0], [1.0, 1.0]]]).log()  # scores log 3 and 0: 3/4 and 1/4; then 0 and 0: halves
    expected = torch.tensor([[[6.0, 1.0], [4.0, 2.0]]])
    torch.testing.assert_close(layer(asking, memory, Sight()), expected)
    only_second = Sight(mask=torch.tensor([False, True])[None, None, None])
    torch.testing.assert_close(layer(asking, memory, only_second), torch.tensor([[[0.0, 4.0], [0.0, 4.0]]]))


def test_keys_and_values_of_a_text_are_made_once() -> None:
    model = model_of()
    sources, targets = draw_pair(2, 6, 5)
    with torch.no_grad():
        memory, cache = model.encode(sources), model.new_cache(2, 5)
        expected = model(sources, targets)
        for block in model.decoder.blocks:
            assert isinstance(block, CrossBlock)
            block.cross_attention.keys_values.weight.zero_()
        for block in model.encoder.blocks:
            block.requires_grad_(False).apply(lambda part: [weight.zero_() for weight in part.parameters()])
        found = [model.decode(targets[:, [place]], memory, cache=cache) for place in range(5)]
    torch.testing.assert_close(torch.cat(found, 1), expected, rtol=0, atol=1e-12)
    assert cache.length == 5


@torch.no_grad()
def test_each_row_is_what_it_is_alone_and_padding_is_not_looked_at() -> None:
    model = model_of(replace(SMALL, cross_attention=AttentionConfig(4, 2, 3, qk_norm=NormConfig("rms"))))
    sources, targets = draw_pair(3, 8, 6)
    real, written = torch.arange(8) >= torch.tensor([[0], [2], [7]]), torch.arange(6) < torch.tensor([[6], [1], [4]])
    found = model(sources, targets, sources_real=real, targets_real=written)
    others = torch.where(real, sources, 60 - sources), torch.where(written, targets, 60 - targets)
    again = model(*others, sources_real=real, targets_real=written)
    torch.testing.assert_close(again[written], found[written], rtol=0, atol=1e-12)
    memory = model.encode(sources, real=real)
    for row in range(3):
        alone = model(sources[row, real[row]][None], targets[row, written[row]][None])
        torch.testing.assert_close(found[row, written[row]], alone[0], rtol=0, atol=1e-12)
        kept = memory.keep(torch.tensor([row]))
        same = model.decode(targets[[row]], kept, real=written[[row]])
        torch.testing.assert_close(same[written[[row]]], alone[0], rtol=0, atol=1e-12)
    assert model.encode(sources).keep(torch.tensor([1])).real is None


@torch.no_grad()
@pytest.mark.parametrize("positions", [T5_POSITIONS, LearnedPositions(512), NoPositions()])
def test_the_encoder_sees_both_sides_and_the_decoder_what_it_has_written(positions: object) -> None:
    encoder, decoder = replace(SMALL.encoder, positions=positions), replace(SMALL.decoder, positions=positions)
    model = model_of(EncoderDecoderConfig(encoder, decoder, SMALL.cross_attention))
    sources, targets = draw_pair(1, 6, 5)
    later = targets.clone()
    later[0, 3] = (later[0, 3] + 1) % 61
    memory = model.encode(sources)
    found, changed = model.decode(targets, memory), model.decode(later, memory)
    assert torch.equal(found[:, :3], changed[:, :3])
    assert not torch.isclose(found[:, 3:], changed[:, 3:]).all(-1).any()
    sources[0, 5] = (sources[0, 5] + 1) % 61
    assert not torch.isclose(model.encode(sources).states, memory.states).all(-1).any()


@torch.no_grad()
@pytest.mark.parametrize("config", [SMALL, FIRST], ids=["pre", "post"])
def test_tensors_have_the_names_of_the_diagram_and_can_be_changed(config: EncoderDecoderConfig) -> None:
    model = model_of(config)
    sources, targets = draw_pair(1, 6, 5)
    tap = Tap()
    expected = model(sources, targets)
    torch.testing.assert_close(model(sources, targets, tap=tap), expected, rtol=0, atol=1e-12)
    heads = config.cross_attention.n_heads
    assert tap.tensors["encoder.blocks.1.attention.weights"].shape == (1, heads, 6, 6)
    across = tap.tensors["decoder.blocks.1.cross_attention.weights"]
    assert across.shape == (1, heads, 5, 6)
    torch.testing.assert_close(across.sum(-1), torch.ones(1, heads, 5).double())
    for name in ("encoder.embedding", "decoder.embedding", "decoder.blocks.0.crossed", "decoder.blocks.0.cross_norm"):
        assert name in tap.tensors
    assert torch.equal(tap.tensors["logits"], expected) or torch.isclose(tap.tensors["logits"], expected).all()
    blind = {f"decoder.blocks.{n}.cross_attention.output": torch.zeros_like for n in range(config.decoder.n_layers)}
    without = model(sources, targets, tap=Tap([], blind))
    torch.testing.assert_close(model(60 - sources, targets, tap=Tap([], blind)), without)
    with pytest.raises(ValueError, match=r"no tensor is called 'decoder\.blocks\.9\.crossed'"):
        model(sources, targets, tap=Tap([], {"decoder.blocks.9.crossed": torch.zeros_like}))


@torch.no_grad()
def test_a_model_of_one_stack_may_have_relative_positions() -> None:
    pair = model_of()
    encoder = Transformer(SMALL.encoder).double()
    encoder.load_state_dict(
        {
            name.removeprefix("encoder."): x
            for name, x in pair.state_dict().items()
            if name[:7] in ("encoder", "embeddi")
        }
    )
    sources, _ = draw_pair(2, 150, 1)
    torch.testing.assert_close(encoder(sources), pair.encode(sources).states, rtol=0, atol=1e-12)
    decoder = Transformer(SMALL.decoder).double()
    initialize(decoder, torch.Generator().manual_seed(0), std=0.3)
    cache = decoder.new_cache(2)
    pieces = [decoder(piece, cache=cache) for piece in sources.split([20, 1, 1, 128], 1)]
    torch.testing.assert_close(torch.cat(pieces, 1), decoder(sources), rtol=0, atol=1e-12)


def test_what_is_drawn_is_divided_by_the_number_of_sums_of_its_stack() -> None:
    config = t5(vocab_size=8, d_model=64, n_layers=2, n_heads=8, d_head=16, d_hidden=256, n_decoder_layers=3)
    model = EncoderDecoder(config)
    initialize(model, torch.Generator().manual_seed(0), std=0.1)
    read, written = model.encoder.blocks[1], model.decoder.blocks[2]
    for layer, expected in (
        (read.attention.output, 0.1 / 4**0.5),
        (read.feedforward.down, 0.1 / 4**0.5),
        (written.attention.output, 0.1 / 9**0.5),
        (written.cross_attention.output, 0.1 / 9**0.5),
        (written.feedforward.down, 0.1 / 9**0.5),
        (written.cross_attention.queries, 0.1),
        (model.decoder.relative, 0.1),
    ):
        assert layer.weight.std().item() == pytest.approx(expected, rel=0.15)


def test_what_a_block_adds_may_be_scaled_and_blocks_may_differ() -> None:
    wide = BlockConfig(SMALL.decoder.attention, FeedForwardConfig(40, "silu", gated=True))
    decoder = replace(SMALL.decoder, blocks=(SMALL.decoder.layers[0], wide), scales=Scales(residual=1e-9))
    model = model_of(replace(SMALL, decoder=decoder))
    assert isinstance(model.decoder.blocks[1], CrossBlock)
    assert model.decoder.blocks[1].feedforward.down.weight.shape == (16, 40)
    tap = Tap()
    model(*draw_pair(1, 3, 3), tap=tap)
    torch.testing.assert_close(tap.tensors["decoder.blocks.1.output"], tap.tensors["decoder.embedding"])


@pytest.mark.parametrize(
    ("side", "changes", "said"),
    [
        ("encoder", {"vocab_size": 62}, "vocab_size must be the same: 62, 61"),
        ("decoder", {"d_model": 8}, "d_model must be the same: 16, 8"),
        ("decoder", {"positions": NoPositions()}, "positions must be the same"),
        ("decoder", {"scales": Scales(embedding=4.0)}, "its scale must be the same: 1.0, 4.0"),
        ("encoder", {"mask": MaskConfig("causal")}, "must see both sides"),
        ("encoder", {"head": "tied"}, "have the head 'none'"),
        ("decoder", {"mask": MaskConfig("causal", 3)}, "without a window"),
        ("decoder", {"head": "masked"}, "not .* and 'masked'"),
        ("both", {"positions": RotaryPositions()}, "relative, learned, sinusoidal or no positions"),
        ("both", {"token_types": 2}, "no kinds of token, not .* and 2"),
    ],
)
def test_stacks_that_do_not_fit_together_are_refused(side: str, changes: dict[str, object], said: str) -> None:
    attention = AttentionConfig(2, 2, 4)
    encoder, decoder = replace(SMALL.encoder, attention=attention), replace(SMALL.decoder, attention=attention)
    if side in ("encoder", "both"):
        encoder = replace(encoder, **changes)
    if side in ("decoder", "both"):
        decoder = replace(decoder, **changes)
    with pytest.raises(ValueError, match=said):
        EncoderDecoderConfig(encoder, decoder, attention)


@pytest.mark.usefixtures("unchecked")
def test_what_does_not_fit_the_model_is_refused() -> None:
    model = EncoderDecoder(SMALL)
    sources, targets = draw_pair(2, 4, 3)
    memory = model.encode(sources)
    with pytest.raises(ValueError, match="ids has 1 rows and memory 2"):
        model.decode(targets[:1], memory)
    with pytest.raises(ValueError, match="ids holds 61; the model has tokens 0 to 60"):
        model.encode(sources + 61 - sources.max())
    with pytest.raises(ValueError, match="at least one row and one token"):
        model.decode(targets[:, :0], memory)
    with pytest.raises(ValueError, match=r"real has the shape \[2, 3\]; it must say of 2 rows and 4 keys"):
        model.encode(sources, real=torch.ones(2, 3, dtype=torch.bool))
    with pytest.raises(ValueError, match="the cache holds 2 positions"):
        model.decode(targets, memory, cache=model.new_cache(2, 2))
    learned = LearnedPositions(8)
    short = EncoderDecoderConfig(
        replace(SMALL.encoder, positions=learned, context_length=8),
        replace(SMALL.decoder, positions=learned, context_length=8),
        SMALL.cross_attention,
    )
    with pytest.raises(ValueError, match="9 positions exceed the 8 learned ones"):
        EncoderDecoder(short).encode(torch.zeros(1, 9, dtype=torch.long))
    with pytest.raises(ValueError, match=r"d_model \(10\) must be divisible by n_heads \(3\)"):
        first_transformer(vocab_size=8, context_length=8, d_model=10, n_layers=1, n_heads=3, d_hidden=8)
    with pytest.raises(ValueError, match=r"version must be '1\.0' or '1\.1', not '2'"):
        t5(vocab_size=8, d_model=4, n_layers=1, n_heads=1, d_head=4, d_hidden=8, version="2")  # type: ignore[arg-type]
