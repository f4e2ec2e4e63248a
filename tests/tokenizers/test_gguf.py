"""The metadata and the vocabulary of GGUF files, against the `gguf` package."""

import struct
from pathlib import Path

import pytest
from fuzzing import damaged, read_or_refuse
from gguf import GGUFReader, GGUFValueType, GGUFWriter
from hypothesis import given
from hypothesis import strategies as st
from published_twins import require

from llmguide.tokenizers.alphabet import BYTE_ALPHABET, respell
from llmguide.tokenizers.bpe import Bpe
from llmguide.tokenizers.gguf import GappedBpe, load_gguf, parse_metadata, read_metadata, tokenizer_from_metadata
from llmguide.tokenizers.published import FILES

HEADER = struct.Struct("<4sIQQ")


def text(value: str) -> bytes:
    """Write a text as GGUF does."""
    return struct.pack("<Q", len(value.encode())) + value.encode()


def file(*pairs: bytes, count: int | None = None, version: int = 3) -> bytes:
    """Write a GGUF file without tensors."""
    return HEADER.pack(b"GGUF", version, 0, len(pairs) if count is None else count) + b"".join(pairs)


def pair(key: str, kind: int, value: bytes) -> bytes:
    """Write a key and its value."""
    return text(key) + struct.pack("<I", kind) + value


def array(kind: int, count: int, values: bytes = b"") -> bytes:
    """Write a list."""
    return struct.pack("<IQ", kind, count) + values


def written(path: Path) -> bytes:
    """Let the `gguf` package write a file with a value of each type and a small vocabulary."""
    writer = GGUFWriter(path, "llama")
    for kind, value in {
        "UINT8": 200, "INT8": -100, "UINT16": 60_000, "INT16": -30_000, "UINT32": 4 * 10**9, "INT32": -2 * 10**9,
        "UINT64": 10**19, "INT64": -(10**18), "FLOAT32": 0.5, "FLOAT64": 0.1, "BOOL": True, "STRING": "naïve 🙂",
    }.items():  # fmt: skip
        writer.add_key_value(f"test.{kind.lower()}", value, GGUFValueType[kind])
    writer.add_array("test.numbers", [1, 2, 3])
    writer.add_array("test.texts", ["a", "", "é"])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([*BYTE_ALPHABET, "Ġt", "Ġth", "<|end|>", "<|pad|>"])
    writer.add_token_types([1] * 258 + [3, 5])
    writer.add_token_merges(["Ġ t", "Ġt h"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file written by the `gguf` package."""
    path = tmp_path_factory.mktemp("gguf") / "sample.gguf"
    written(path)
    return path


def the_package_s(path: Path) -> dict[str, object]:
    """Read a file's metadata with the `gguf` package."""
    fields = GGUFReader(path).fields.values()
    found = {field.name: field.contents() for field in fields if not field.name.startswith("GGUF.")}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}


def test_metadata_is_what_the_package_reads(sample: Path) -> None:
    metadata = read_metadata(sample)
    assert metadata == the_package_s(sample)
    assert metadata["test.uint64"] == 10**19
    assert metadata["test.bool"] is True


@pytest.mark.no_cover
def test_metadata_of_a_published_model_is_what_the_package_reads() -> None:
    require("smollm2")
    path = FILES["smollm2"].find()
    assert read_metadata(path) == the_package_s(path)


def test_a_small_vocabulary_becomes_a_tokenizer(sample: Path) -> None:
    tokenizer = load_gguf(sample)
    assert isinstance(tokenizer.model, Bpe)
    assert tokenizer.encode("a the<|end|>").tokens == ["a", "Ġth", "e", *"<|end|>"]
    assert tokenizer.encode("a<|end|>", {"<|end|>"}).ids[-1] == 258
    assert tokenizer.special_tokens == ("<|end|>",)


def test_lists_may_hold_lists() -> None:
    nested = pair("a", 9, array(9, 2, array(0, 2, b"\1\2") + array(8, 1, text("x"))))
    assert parse_metadata(file(nested, version=2)) == {"a": ((1, 2), ("x",))}


DEEP = array(9, 1) * 5 + array(0, 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"GGU", "4 bytes of the magic number at byte 0 need 4 bytes, and 3 are left: the file is cut short"),
        (b"GGML" + bytes(40), "not a GGUF file: it begins with b'GGML'"),
        (file(version=1), "GGUF version 1 is not supported: expected version 2 or 3"),
        (file(version=3 << 24), "version 50331648 is not supported: it is written for big-endian machines"),
        (file(count=2**60), f"{2**60} keys at byte 24 need {13 * 2**60} bytes, and 0 are left"),
        (file(pair("a", 4, b"\0\0")), "1 values of 'a' at byte 37 need 4 bytes, and 2 are left"),
        (file(pair("a", 13, b"\0")), "'a' has the type 13; expected one of 0 to 12"),
        (file(pair("a", 7, b"\2")), "'a' holds the truth value 2; expected 0 or 1"),
        (file(pair("a", 8, struct.pack("<Q", 2**63))), f"{2**63} bytes of 'a' at byte 45"),
        (file(pair("a", 8, struct.pack("<Q", 1) + b"\xff")), "'a' at byte 37 is not UTF-8: invalid start byte"),
        (file(pair("a", 9, array(8, 2**61))), f"{2**61} values of 'a' at byte 49 need {2**64} bytes, and 0 are left"),
        (file(pair("a", 9, array(10, 3, bytes(16)))), "3 values of 'a' at byte 49 need 24 bytes, and 16 are left"),
        (file(pair("a", 9, DEEP)), "'a' holds lists 5 deep; expected at most 4"),
        (file(pair("a", 0, b"\1"), pair("a", 0, b"\1")), "the key 'a' is given twice"),
    ],
)
def test_a_damaged_file_is_refused_with_the_place(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_metadata(content)


def test_an_empty_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "empty.gguf").touch()
    with pytest.raises(ValueError, match=r"empty\.gguf is empty; expected a GGUF file"):
        read_metadata(tmp_path / "empty.gguf")


def test_a_refusal_names_the_file_once(tmp_path: Path, sample: Path) -> None:
    path = tmp_path / "short.gguf"
    path.write_bytes(sample.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"^\S+short\.gguf: \d+ \D+ at byte"):
        load_gguf(path)


@given(st.data())
def test_damaged_files_are_read_or_refused(sample: Path, data: st.DataObject) -> None:
    read_or_refuse(
        lambda content: tokenizer_from_metadata(parse_metadata(content)), data.draw(damaged(sample.read_bytes()))
    )


@given(st.binary(max_size=200))
def test_random_bytes_are_read_or_refused(content: bytes) -> None:
    read_or_refuse(parse_metadata, content)
    read_or_refuse(parse_metadata, HEADER.pack(b"GGUF", 3, 0, 2) + content)


GOOD: dict[str, object] = {
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "gpt-2",
    "tokenizer.ggml.tokens": ("a", "b", "ab"),
    "tokenizer.ggml.token_type": (1, 1, 1),
    "tokenizer.ggml.merges": ("a b",),
}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("model", "llama", "tokenizer.ggml.model is 'llama'; this package reads 'gpt2'"),
        ("model", None, "tokenizer.ggml.model is missing; expected a text"),
        ("pre", "qwen2", "tokenizer.ggml.pre is 'qwen2'; this package knows 'gpt-2', 'smollm'"),
        ("tokens", 3, "tokenizer.ggml.tokens is 3; expected a list"),
        ("tokens", ("a", 1), "tokenizer.ggml.tokens holds a value that is no str"),
        ("tokens", ("a", "a", "ab"), "token 'a' occurs more than once"),
        ("token_type", (1, True, 1), "tokenizer.ggml.token_type holds a value that is no int"),
        ("token_type", (1, 1), "tokenizer.ggml.token_type has 2 entries for 3 tokens"),
        ("token_type", (1, 4, 1), "tokenizer.ggml.token_type holds 4; this package knows 1, 3 and 5"),
        ("token_type", (3, 1, 1), "special token 'a' could be made from ordinary text"),
        ("merges", ("ab",), "tokenizer.ggml.merges holds 'ab'; expected two tokens with a space between"),
        ("merges", ("a b c",), "tokenizer.ggml.merges holds 'a b c'"),
        ("merges", ("a x",), r"merge \('a', 'x'\) needs the token 'x'"),
        ("add_space_prefix", True, "tokenizer.ggml.add_space_prefix is set"),
    ],
)
def test_a_vocabulary_that_is_wrong_or_unknown_is_refused(key: str, value: object, message: str) -> None:
    assert tokenizer_from_metadata(GOOD).vocab_size == 3  # type: ignore[arg-type]
    changed = {name: entry for name, entry in (GOOD | {f"tokenizer.ggml.{key}": value}).items() if entry is not None}
    with pytest.raises(ValueError, match=message):
        tokenizer_from_metadata(changed)  # type: ignore[arg-type]


@given(st.text("abcde", max_size=20), st.sets(st.sampled_from("abcde")))
def test_what_a_gapped_vocabulary_lacks_is_as_if_it_were_not_there(word: str, lacking: set[str]) -> None:
    letters = tuple(sorted(set("abcde") - lacking))
    merges = tuple((left, right) for left in letters for right in letters if left < right)
    model = GappedBpe(Bpe((*letters, *map("".join, merges)), merges))
    kept = "".join(letter for letter in word if letter not in lacking)
    located = model.locate(word)
    assert [number for number, _ in located] == model.encode(word) == model.bpe.encode(kept)
    for number, (start, end) in located:
        assert [letter for letter in word[start:end] if letter not in lacking] == list(model.tokens[number])
        assert word[start] not in lacking
        assert word[end - 1] not in lacking


@pytest.mark.no_cover
def test_smollm2_loses_a_reported_text() -> None:
    require("smollm2")
    tokenizer = load_gguf(FILES["smollm2"].find())
    assert isinstance(tokenizer.model, GappedBpe)
    assert tokenizer.model.unknown is None
    lacking = bytes(byte for byte in range(256) if respell(bytes([byte])) not in tokenizer.model.ids)
    assert lacking == bytes.fromhex("04 06 13 14 16 1d c0 c1 f1 f2 f5 f6 f7 f8 f9 fa fb fc fd fe ff")
    assert tokenizer.decode(tokenizer.encode_ids("\U00046131")) == "\ufffd" * 3  # the first of four bytes is gone
    assert tokenizer.decode(tokenizer.encode_ids("a\x04b")) == "ab"
