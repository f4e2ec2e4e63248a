"""Whole models from folders: what belongs to them, and refusals of what does not fit together."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from allocations import LargestTensor
from safetensors.torch import load_file, save_file
from transformer_twins import MAIN, build, draw, logits_apart, ours

from llmguide.tokenizers import BERT, GPT2, Bpe, Tokenizer, train_tokenizer
from llmguide.tokenizers.gguf import GappedBpe
from llmguide.transformer.architectures import bert, llama
from llmguide.transformer.checkpoints import GenerationConfig, Loaded, load_folder, save_folder
from llmguide.transformer.hf_dense import GPT2 as GPT2_NAMES
from llmguide.transformer.hf_names import load_weights
from llmguide.transformer.model import Transformer
from llmguide.transformer.rope_scaling import NtkScaling
from llmguide.transformer.safetensors_files import SINGLE

TEXTS = ["the newest and the lowest, the widest and the slowest", "She sells sea shells.", "Ünïcode — 東京 🙂"]
TEMPLATE = "{% for message in messages %}<{{ message.role }}>{{ message.content }}\n{% endfor %}"


def small(vocab_size: int) -> Transformer:
    """Draw a small Llama."""
    torch.manual_seed(0)
    return Transformer(
        llama(
            vocab_size=vocab_size, context_length=64, d_model=16, n_layers=2, n_heads=4, n_kv_heads=2, d_hidden=24,
        )
    )  # fmt: skip


@pytest.fixture(scope="module")
def byte_level() -> Tokenizer:
    """A byte-level tokenizer with special tokens."""
    return train_tokenizer(TEXTS, vocab_size=290, pretokenizer=GPT2, special_tokens=("<|start|>", "<|end|>", "<|pad|>"))


def test_everything_comes_back(tmp_path: Path, byte_level: Tokenizer) -> None:
    ids = byte_level.model.ids
    loaded = Loaded(
        small(byte_level.vocab_size + 6),
        byte_level,
        GenerationConfig(ids["<|start|>"], (ids["<|end|>"], 3), ids["<|pad|>"], True, 0.7, 40, 0.9),
        TEMPLATE,
    )
    save_folder(loaded, tmp_path / "new" / "folder")
    again = load_folder(tmp_path / "new" / "folder")
    assert again.generation == loaded.generation
    assert again.chat_template == TEMPLATE
    assert again.tokenizer is not None
    assert [again.tokenizer.encode_ids(text) for text in TEXTS] == [byte_level.encode_ids(text) for text in TEXTS]
    assert again.model.config == loaded.model.config
    assert all(
        torch.equal(weight, again.model.state_dict()[name]) for name, weight in loaded.model.state_dict().items()
    )
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".tmp")]


def test_a_model_alone_comes_back(tmp_path: Path) -> None:
    save_folder(Loaded(small(20)), tmp_path)
    again = load_folder(tmp_path)
    assert (again.tokenizer, again.chat_template, again.generation) == (None, None, GenerationConfig())
    assert all(weight.requires_grad for weight in again.model.parameters())


def test_the_library_reads_tokenizer_template_and_ids(tmp_path: Path, byte_level: Tokenizer) -> None:
    ids = byte_level.model.ids
    generation = GenerationConfig(ids["<|start|>"], (ids["<|end|>"],), ids["<|pad|>"], True, 0.7, 40, 0.9)
    save_folder(Loaded(small(byte_level.vocab_size), byte_level, generation, TEMPLATE), tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in TEXTS:
        assert theirs(text)["input_ids"] == byte_level.encode_ids(text)
        assert theirs.decode(byte_level.encode_ids(text)) == text
    assert (theirs.bos_token, theirs.eos_token, theirs.pad_token) == ("<|start|>", "<|end|>", "<|pad|>")
    assert theirs.apply_chat_template([{"role": "user", "content": "hi"}], tokenize=False) == "<user>hi\n"
    read = transformers.GenerationConfig.from_pretrained(tmp_path)
    assert (read.bos_token_id, read.eos_token_id, read.pad_token_id) == tuple(
        ids[token] for token in ("<|start|>", "<|end|>", "<|pad|>")
    )
    assert (read.do_sample, read.temperature, read.top_k, read.top_p) == (True, 0.7, 40, 0.9)


def test_the_library_reads_the_tokenizer_of_a_bert(tmp_path: Path) -> None:
    tokens = ("[PAD]", "[CLS]", "[SEP]", "[MASK]")
    tokenizer = train_tokenizer(
        TEXTS, vocab_size=80, algorithm="wordpiece", pretokenizer=BERT, special_tokens=tokens, unknown="[UNK]"
    )
    torch.manual_seed(0)
    config = bert(vocab_size=tokenizer.vocab_size, context_length=32, d_model=8, n_layers=1, n_heads=2)
    save_folder(
        Loaded(Transformer(config), tokenizer, GenerationConfig(padding_id=tokenizer.model.ids["[PAD]"])), tmp_path
    )
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert theirs("the sea shells?")["input_ids"] == tokenizer.encode_ids("the sea shells?")
    assert (theirs.unk_token, theirs.pad_token) == ("[UNK]", "[PAD]")


def test_what_is_saved_in_float64_stays_so(tmp_path: Path) -> None:
    model = small(20).double()
    save_folder(Loaded(model), tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == "float64"
    assert torch.equal(load_folder(tmp_path, torch.float64).model(draw(1, 3) % 20), model(draw(1, 3) % 20))


def test_a_model_that_no_file_can_describe_is_not_half_saved(tmp_path: Path) -> None:
    config = llama(
        vocab_size=8, context_length=8, d_model=8, n_layers=1, n_heads=2, n_kv_heads=1, d_hidden=8,
        scaling=NtkScaling(2.0),
    )  # fmt: skip
    with pytest.raises(ValueError, match="no architecture of transformers makes these choices"):
        save_folder(Loaded(Transformer(config)), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_tokenizer_that_no_file_can_describe_is_not_half_saved(tmp_path: Path) -> None:
    tokenizer = Tokenizer(GappedBpe(Bpe(("a", "b"), ())))
    with pytest.raises(ValueError, match=r"tokenizer\.json has no way to say a GappedBpe"):
        save_folder(Loaded(small(20), tokenizer), tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"tokenizer_config.json": "{}"}, None),
        ({"tokenizer_config.json": '{"chat_template": "old"}'}, "old"),
        ({"tokenizer_config.json": '{"chat_template": "old"}', "chat_template.jinja": "new"}, "new"),
        (
            {
                "tokenizer_config.json": '{"chat_template": [{"name": "tools", "template": "t"}, '
                '{"name": "default", "template": "d"}]}'
            },
            "d",
        ),
        ({"tokenizer_config.json": '{"chat_template": [{"name": "tools", "template": "t"}]}'}, None),
    ],
)
def test_the_chat_template_is_where_it_was_written(tmp_path: Path, files: dict[str, str], expected: str | None) -> None:
    save_folder(Loaded(small(20)), tmp_path)
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert load_folder(tmp_path).chat_template == expected


def test_ids_are_taken_from_the_configuration_where_there_is_no_file_for_them(tmp_path: Path) -> None:
    save_folder(Loaded(small(20), generation=GenerationConfig(1, (2,), 3)), tmp_path)
    (tmp_path / "generation_config.json").unlink()
    assert load_folder(tmp_path).generation == GenerationConfig(1, (2,), 3)


def edit(path: Path, **changes: object) -> None:
    """Change some members of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "{", r"config\.json: not JSON"),
        ("config.json", '{"model_type": "t5"}', r"config\.json: 'model_type' is 't5'"),
        ("generation_config.json", '{"eos_token_id": ["x"]}', r"generation_config\.json: 'eos_token_id' has 'x' at 0"),
        ("generation_config.json", '{"temperature": "hot"}', "'temperature' is 'hot'; expected a number"),
        ("tokenizer.json", "{}", r"tokenizer\.json: not a tokenizer\.json"),
        ("tokenizer_config.json", '{"chat_template": 1}', r"tokenizer_config\.json: 'chat_template' is 1"),
        ("chat_template.jinja", "x" * (2**20 + 1), r"chat_template\.jinja has more than 1048576 bytes"),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_name(tmp_path: Path, name: str, content: str, message: str) -> None:
    save_folder(Loaded(small(20)), tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message) as refusal:
        load_folder(tmp_path)
    assert str(refusal.value).count(name) <= 2


def test_a_template_that_is_no_text_is_refused(tmp_path: Path) -> None:
    save_folder(Loaded(small(20)), tmp_path)
    (tmp_path / "chat_template.jinja").write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"chat_template\.jinja: 'utf-8' codec"):
        load_folder(tmp_path)


def test_a_folder_without_a_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"config\.json"):
        load_folder(tmp_path)


def test_a_tokenizer_too_large_for_the_model_is_refused(tmp_path: Path, byte_level: Tokenizer) -> None:
    save_folder(Loaded(small(20), byte_level), tmp_path)
    with pytest.raises(ValueError, match=r"tokenizer\.json: the tokenizer has 290 tokens and the model 20"):
        load_folder(tmp_path)


def test_what_a_tokenizer_says_about_batches_is_left_out(tmp_path: Path, byte_level: Tokenizer) -> None:
    save_folder(Loaded(small(290), byte_level), tmp_path)
    edit(tmp_path / "tokenizer.json", padding={"strategy": {"Fixed": 128}}, truncation={"max_length": 128})
    tokenizer = load_folder(tmp_path).tokenizer
    assert tokenizer is not None
    assert tokenizer.encode_ids(TEXTS[0]) == byte_level.encode_ids(TEXTS[0])


def change(path: Path, **changes: torch.Tensor | None) -> None:
    """Replace, add or take out tensors."""
    tensors = load_file(path)
    for name, tensor in changes.items():
        if tensor is None:
            del tensors[name]
        else:
            tensors[name] = tensor
    save_file(tensors, path)


LAYER = "model.layers.1.mlp.up_proj.weight"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({LAYER: None}, "the model needs tensors that are not there: layers.1.mlp.up_proj.weight"),
        ({"score.weight": torch.ones(1)}, "tensors that have no place in the model: score.weight"),
        (
            {LAYER: torch.ones(16, 24)},
            rf"'{LAYER}' has the shape \(16, 24\); the configuration says \(24, 16\)",
        ),
        (
            {"layers.1.mlp.up_proj.weight": torch.ones(24, 16)},
            "'model.layers.1.mlp.up_proj.weight' and '.*' are the same tensor|'layers.1.* are the same tensor",
        ),
    ],
)
def test_tensors_that_do_not_fit_are_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    save_folder(Loaded(small(20)), tmp_path)
    change(tmp_path / SINGLE, **changes)
    with pytest.raises(ValueError, match=message):
        load_folder(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_hidden_layers": 60_000}, "21 tensors are too few for the 60000 layers announced"),
        ({"num_hidden_layers": 4}, r"not there: layers\.2\.\S+, .* and \d+ more"),
        ({"num_hidden_layers": 1}, r"no place in the model: layers\.1\."),
        ({"vocab_size": 2**24}, r"'model\.embed_tokens\.weight' has the shape \(20, 16\); the .* \(16777216, 16\)"),
        ({"hidden_size": 2**20, "head_dim": 2**20}, "has the shape"),
        ({"num_attention_heads": 2**16, "num_key_value_heads": 2**16, "head_dim": 2**20}, "has the shape"),
        ({"intermediate_size": 2**24, "hidden_size": 2**20}, "has the shape"),
        ({"tie_word_embeddings": True, "model_type": "qwen2"}, r"not there: .*self_attn\.k_proj\.bias"),
    ],
)
def test_a_configuration_that_the_weights_contradict_takes_no_memory(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    save_folder(Loaded(small(20)), tmp_path)
    edit(tmp_path / "config.json", **changes)
    with LargestTensor() as largest, pytest.raises(ValueError, match=message):
        load_folder(tmp_path)
    # At most the frequencies of one head, which the configuration works out to check itself.
    assert largest.n_bytes <= 8 * changes.get("head_dim", 8)


def test_the_memory_that_a_model_takes_is_seen(tmp_path: Path) -> None:
    save_folder(Loaded(small(20)), tmp_path)
    with LargestTensor() as largest:
        model = load_folder(tmp_path).model
    assert largest.n_bytes >= max(weight.nbytes for weight in model.parameters())
    with LargestTensor() as drawn:
        small(20)
    assert drawn.n_bytes >= max(weight.nbytes for weight in model.parameters())


def test_a_tied_output_may_lie_there_twice(tmp_path: Path) -> None:
    model = small(20)
    save_folder(Loaded(model), tmp_path)
    edit(tmp_path / "config.json", tie_word_embeddings=True)
    tied = load_folder(tmp_path).model
    assert tied.config == replace(model.config, head="tied")


def test_tensors_under_their_oldest_names_are_found(tmp_path: Path) -> None:
    theirs = build(MAIN["bert"])
    expected = ours(theirs, tmp_path).state_dict()
    tensors = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in load_file(tmp_path / SINGLE).items()
    }
    surplus = {"bert.pooler.dense.weight": torch.ones(1), "cls.seq_relationship.bias": torch.ones(2)}
    save_file(tensors | surplus, tmp_path / SINGLE)
    assert all(torch.equal(weight, expected[name]) for name, weight in load_folder(tmp_path).model.state_dict().items())


def test_a_gpt2_without_prefix_and_with_its_masks_is_read(tmp_path: Path) -> None:
    theirs = build(MAIN["gpt2"])
    expected = ours(theirs, tmp_path)
    tensors = {name.removeprefix("transformer."): tensor for name, tensor in load_file(tmp_path / SINGLE).items()}
    save_file(tensors | {"h.0.attn.bias": torch.ones(1, 1, 64, 64)}, tmp_path / SINGLE)
    assert logits_apart(theirs, load_folder(tmp_path).model) == logits_apart(theirs, expected)


def test_tensors_of_no_use_are_not_read(tmp_path: Path) -> None:
    theirs = build(MAIN["gpt2"])
    model = ours(theirs, tmp_path)
    asked = []

    class Watched:
        shapes = {name: tuple(tensor.shape) for name, tensor in load_file(tmp_path / SINGLE).items()} | {
            "h.0.attn.masked_bias": ()
        }

        def load(self, name: str) -> torch.Tensor:
            asked.append(name)
            return load_file(tmp_path / SINGLE)[name]

    load_weights(model.config, Watched(), GPT2_NAMES, "a test")
    assert "h.0.attn.masked_bias" not in asked
    assert len(asked) == len(set(asked)) == len(Watched.shapes) - 1
