"""Whole models from GGUF files, with the rows of queries and keys put back, and refusals of what does not fit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from transformer_twins import MAIN, SHAPES, build, draw, greatest, ours

from llmguide.tokenizers.alphabet import BYTE_ALPHABET
from llmguide.transformer.checkpoints import GenerationConfig, load_folder, load_gguf
from llmguide.transformer.gguf_models import GGUF_LLAMA
from llmguide.transformer.gguf_weights import read_gguf
from llmguide.transformer.hf_names import to_tensors

TEMPLATE = "{% for message in messages %}{{ message.content }}{% endfor %}"


def permuted(rows: torch.Tensor, heads: int) -> torch.Tensor:
    """Bring rows into the order of llama.cpp: within each head, first and second half take turns."""
    width = rows.shape[0] // heads
    order = [
        head * width + half * (width // 2) + pair
        for head in range(heads)
        for pair in range(width // 2)
        for half in (0, 1)
    ]
    return rows[order]


def write_gguf(path: Path, theirs: Any, *, tied: bool, **metadata: object) -> None:
    """Write a Llama of the library to a GGUF file, with a vocabulary."""
    config = theirs.config
    writer = gguf.GGUFWriter(path, "llama")
    for key, value in {
        "llama.block_count": config.num_hidden_layers,
        "llama.context_length": config.max_position_embeddings,
        "llama.embedding_length": config.hidden_size,
        "llama.feed_forward_length": config.intermediate_size,
        "llama.attention.head_count": config.num_attention_heads,
        "llama.attention.head_count_kv": config.num_key_value_heads,
        "llama.attention.layer_norm_rms_epsilon": float(config.rms_norm_eps),
        "llama.rope.dimension_count": config.head_dim,
        "tokenizer.ggml.bos_token_id": 256,
        "tokenizer.ggml.eos_token_id": 257,
        "tokenizer.chat_template": TEMPLATE,
        **metadata,
    }.items():
        match value:
            case str():
                writer.add_string(key, value)
            case float():
                writer.add_float32(key, value)
            case int():
                writer.add_uint32(key, value)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([*BYTE_ALPHABET, "<|start|>", "<|end|>", "Ġt"])
    writer.add_token_types([1] * 256 + [3, 3, 1])
    writer.add_token_merges(["Ġ t"])
    names = {
        "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
        "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "model.layers": "blk",
    }  # fmt: skip
    for name, tensor in theirs.state_dict().items():
        if tied and name.startswith("lm_head"):
            continue
        heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
        rows = next((permuted(tensor, count) for part, count in heads.items() if part in name), tensor)
        for before, after in names.items():
            name = name.replace(before, after)  # noqa: PLW2901
        writer.add_tensor(name, rows.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def library_llama(*, tied: bool) -> Any:
    """Draw a Llama of the library that has room for the vocabulary."""
    return build(
        replace(MAIN["llama"], options=MAIN["llama"].options | {"vocab_size": 259, "tie_word_embeddings": tied})
    )


def test_rows_are_put_back_as_they_were(tmp_path: Path) -> None:
    theirs = library_llama(tied=False)
    write_gguf(tmp_path / "a.gguf", theirs, tied=False)
    stored = read_gguf(tmp_path / "a.gguf")
    tensors = to_tensors(load_gguf(tmp_path / "a.gguf").model, GGUF_LLAMA)
    assert tensors.keys() == stored.entries.keys()
    assert all(torch.equal(tensor, stored.load(name)) for name, tensor in tensors.items())


@pytest.mark.parametrize("tied", [False, True])
def test_a_llama_comes_out_of_gguf(tmp_path: Path, tied: bool) -> None:
    theirs = library_llama(tied=tied)
    write_gguf(tmp_path / "a.gguf", theirs, tied=tied)
    loaded = load_gguf(tmp_path / "a.gguf")
    with torch.no_grad():
        for shape in SHAPES:
            assert greatest(loaded.model(draw(*shape)), theirs(draw(*shape)).logits) <= 1e-5
    # The file keeps the epsilon in 32 bits.
    assert (
        replace(loaded.model.config, norm=ours(theirs, tmp_path / "folder").config.norm)
        == load_folder(tmp_path / "folder").model.config
    )
    assert loaded.generation == GenerationConfig(256, (257,))
    assert loaded.chat_template == TEMPLATE
    assert loaded.tokenizer is not None
    assert loaded.tokenizer.encode("a t").tokens == ["a", "Ġt"]


def test_a_gguf_without_a_word_on_writing_has_none(tmp_path: Path) -> None:
    write_gguf(
        tmp_path / "a.gguf", library_llama(tied=True), tied=True,
        **{"tokenizer.chat_template": None, "tokenizer.ggml.bos_token_id": None, "tokenizer.ggml.eos_token_id": None},
    )  # fmt: skip
    loaded = load_gguf(tmp_path / "a.gguf")
    assert (loaded.generation, loaded.chat_template) == (GenerationConfig(), None)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"general.architecture": "gemma"}, "general.architecture is 'gemma'; this package reads 'llama'"),
        ({"llama.rope.scaling.type": "yarn"}, "'llama.rope.scaling.type' is yarn, a variant"),
        ({"llama.expert_count": 8}, "'llama.expert_count' is 8, a variant"),
        ({"llama.rope.dimension_count": 6}, "'llama.rope.dimension_count' is 6, a variant .* expected 12"),
        ({"llama.block_count": 2.5}, "'llama.block_count' is 2.5; expected a whole number"),
        ({"llama.block_count": 4}, r"not there: blk\.3\."),
        ({"llama.vocab_size": 300}, r"'token_embd\.weight' has the shape \(259, 48\); the .* \(300, 48\)"),
        ({"llama.vocab_size": 10}, "the tokenizer has 259 tokens and the model 10"),
        ({"tokenizer.ggml.eos_token_id": 259}, "'tokenizer.ggml.eos_token_id' is 259; expected 0 to 258"),
        ({"tokenizer.chat_template": 5}, "'tokenizer.chat_template' is 5; expected a text"),
    ],
)
def test_a_gguf_that_is_not_ours_or_contradicts_itself_is_refused(
    tmp_path: Path, metadata: dict[str, object], message: str
) -> None:
    path = tmp_path / "bad.gguf"
    architecture = metadata.pop("general.architecture", "llama") if "general.architecture" in metadata else "llama"
    write_gguf(path, library_llama(tied=True), tied=True, **metadata)
    if architecture != "llama":
        path.write_bytes(path.read_bytes().replace(b"\5\0\0\0\0\0\0\0llama", b"\5\0\0\0\0\0\0\0gemma", 1))
    with pytest.raises(ValueError, match=message) as refusal:
        load_gguf(path)
    assert str(refusal.value).count("bad.gguf") == 1
