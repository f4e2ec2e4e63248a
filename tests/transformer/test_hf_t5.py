"""What `config.json` says of a T5, and what only its weights say."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from encoder_decoder_twins import build, states_apart
from safetensors.torch import load_file, save_file

from llmguide.transformer import EncoderDecoder, initialize, t5
from llmguide.transformer.checkpoints import GenerationConfig, Loaded, load_encoder_decoder, load_folder, save_folder
from llmguide.transformer.config import Scales
from llmguide.transformer.encoder_decoder import EncoderDecoderConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.hf_t5 import read, write
from llmguide.transformer.json_files import JsonObject
from llmguide.transformer.positions import NoPositions, RelativePositions

SIZES: dict[str, Any] = {"vocab_size": 11, "d_model": 8, "d_kv": 3, "d_ff": 12, "num_layers": 2, "num_heads": 2}
OURS = {"vocab_size": 11, "d_model": 8, "n_layers": 2, "n_heads": 2, "d_head": 3, "d_hidden": 12}


def read_values(**values: object) -> EncoderDecoderConfig:
    return read(JsonObject({"model_type": "t5", **SIZES, **values}, "config.json"))


def test_a_file_without_choices_is_t5_1_0() -> None:
    assert read_values() == t5(**OURS)


def test_what_published_files_say_is_read() -> None:
    """Flan-T5's choices, with the sizes of a toy."""
    said = {
        "architectures": ["T5ForConditionalGeneration"], "dense_act_fn": "gelu_new", "feed_forward_proj": "gated-gelu",
        "is_encoder_decoder": True, "is_gated_act": True, "n_positions": 512, "num_decoder_layers": 3,
        "relative_attention_max_distance": 100, "relative_attention_num_buckets": 16, "tie_word_embeddings": False,
    }  # fmt: skip
    expected = t5(**OURS, n_decoder_layers=3, positions=RelativePositions(16, 100), version="1.1")
    assert read_values(**said) == expected


def test_what_the_fifth_version_of_the_library_makes_of_t5_1_1_is_read() -> None:
    found = read_values(feed_forward_proj="gated-gelu", tie_word_embeddings=True, scale_decoder_outputs=False)
    assert found.decoder.scales == Scales()
    assert found.head == "tied"


@pytest.mark.parametrize(
    "config",
    [
        t5(**OURS),
        t5(**OURS, version="1.1", context_length=99, epsilon=1e-3),
        t5(**OURS, n_decoder_layers=5, positions=RelativePositions(8, 20)),
        *(read_values(feed_forward_proj=name) for name in ("gelu", "gelu_new", "silu", "gated-silu", "gated-relu")),
        read_values(tie_word_embeddings=False, scale_decoder_outputs=True),
        read_values(tie_word_embeddings=True, scale_decoder_outputs=False),
    ],
)
def test_what_is_written_is_read_back(config: EncoderDecoderConfig) -> None:
    assert read(JsonObject(json.loads(json.dumps(write(config))), "config.json")) == config


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"is_decoder": True}, "'is_decoder' is True"),
        ({"tie_encoder_decoder": True}, "'tie_encoder_decoder' is True"),
        ({"is_encoder_decoder": False}, "'is_encoder_decoder' is False"),
        ({"architectures": ["T5EncoderModel"]}, "'architectures' is .*T5EncoderModel.*; expected T5For"),
        ({"feed_forward_proj": "gated-tanh"}, "'feed_forward_proj' is 'gated-tanh'; this package has gelu, gated-gelu"),
        ({"feed_forward_proj": "gated-gelu", "dense_act_fn": "relu"}, "'dense_act_fn' is relu"),
        ({"feed_forward_proj": "relu", "is_gated_act": True}, "'is_gated_act' is True"),
        ({"relative_attention_num_buckets": 30}, "buckets must be a multiple of 4, not 30"),
        ({"relative_attention_max_distance": 16}, "distance must be greater"),
        ({"d_model": None}, "'d_model' is missing"),
        ({"num_layers": 0}, "'num_layers' is 0; expected 1 to"),
    ],
)
def test_variants_that_are_not_ours_are_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_values(**values)


def test_choices_that_are_not_t5_s_are_not_written() -> None:
    config = t5(**OURS)
    bare = replace(
        config,
        encoder=replace(config.encoder, positions=NoPositions()),
        decoder=replace(config.decoder, positions=NoPositions()),
    )
    with pytest.raises(ValueError, match="T5 has relative positions"):
        write(bare)
    exact = FeedForwardConfig(12, "gelu", gated=True, bias=False)  # 'gated-gelu' means the approximation
    both = replace(
        config, encoder=replace(config.encoder, feedforward=exact), decoder=replace(config.decoder, feedforward=exact)
    )
    with pytest.raises(ValueError, match="T5 does not make these choices"):
        write(both)
    with pytest.raises(ValueError, match="T5 does not make these choices"):
        write(replace(config, cross_attention=replace(config.cross_attention, scale=None)))


def saved(folder: Path, version: str = "1.0", generation: GenerationConfig | None = None) -> EncoderDecoder:
    """Save a small model of ours."""
    model = EncoderDecoder(t5(**OURS, version=version))  # type: ignore[arg-type]
    initialize(model, torch.Generator().manual_seed(0))
    save_folder(Loaded(model, generation=generation or GenerationConfig()), folder)
    return model


def change(folder: Path, tensors: dict[str, torch.Tensor], **values: object) -> None:
    """Add tensors to a saved model, and change what its description says."""
    found = load_file(folder / "model.safetensors")
    save_file({**found, **tensors}, folder / "model.safetensors")
    described = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**described, **values}))


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_saved_model_is_loaded_as_it_was(tmp_path: Path, version: str) -> None:
    generation = GenerationConfig(stop_ids=(1,), padding_id=0, start_id=0)
    model = saved(tmp_path, version, generation)
    loaded = load_encoder_decoder(tmp_path, torch.float64)
    assert loaded.model.config == model.config
    assert loaded.generation == generation
    for name, weight in loaded.model.state_dict().items():
        assert torch.equal(weight, model.state_dict()[name].double())


def test_copies_of_the_embedding_are_left_out(tmp_path: Path) -> None:
    shared = saved(tmp_path).embedding.tokens.weight.detach()
    copies = {f"{stack}.embed_tokens.weight": shared.clone() for stack in ("encoder", "decoder")}
    unused = {"decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight": torch.zeros(32, 2)}
    change(tmp_path, {**copies, **unused, "lm_head.weight": shared.clone()})
    assert load_encoder_decoder(tmp_path).model.config == t5(**OURS)


def test_a_head_that_differs_from_the_embedding_counts_whatever_the_description_says(tmp_path: Path) -> None:
    """As for the library, which forgets the difference when it saves."""
    theirs = build("t5-1.1")
    theirs.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["tie_word_embeddings"]
    model = load_encoder_decoder(tmp_path).model
    assert model.config.head == "linear"
    assert max(states_apart(theirs, model)) <= 1e-5


def test_files_that_contradict_themselves_are_refused(tmp_path: Path) -> None:
    shared = saved(tmp_path).embedding.tokens.weight.detach()
    change(tmp_path, {"encoder.embed_tokens.weight": shared + 1})
    with pytest.raises(ValueError, match=r"'encoder.embed_tokens.weight' differs from 'shared.weight'"):
        load_encoder_decoder(tmp_path)
    saved(tmp_path)
    change(tmp_path, {}, tie_word_embeddings=False)
    with pytest.raises(ValueError, match=r"needs tensors that are not there: lm_head.weight"):
        load_encoder_decoder(tmp_path)
    saved(tmp_path)
    change(tmp_path, {}, num_decoder_layers=3)
    with pytest.raises(ValueError, match=r"not there: decoder.block.2.layer.0.SelfAttention.k.weight"):
        load_encoder_decoder(tmp_path)
    saved(tmp_path)
    change(tmp_path, {}, d_ff=13)
    with pytest.raises(ValueError, match="the configuration says"):
        load_encoder_decoder(tmp_path)
    saved(tmp_path)
    change(tmp_path, {"decoder.extra.weight": torch.zeros(1)})
    with pytest.raises(ValueError, match=r"no place in the model: decoder\.extra\.weight"):
        load_encoder_decoder(tmp_path)


def test_each_kind_of_model_is_loaded_by_its_function(tmp_path: Path) -> None:
    saved(tmp_path)
    with pytest.raises(ValueError, match="'model_type' is 't5', a model of two stacks; use load_encoder_decoder"):
        load_folder(tmp_path)
    change(tmp_path, {}, model_type="bart")
    with pytest.raises(ValueError, match="'model_type' is 'bart'; of encoder-decoders this package loads t5"):
        load_encoder_decoder(tmp_path)
