"""Tekken files, small ones made here; the published one is in ``test_published.py``."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import tiktoken
from fuzzing import damaged, read_or_refuse
from hypothesis import given
from hypothesis import strategies as st
from strategies import BYTE_VOCABULARIES, BYTES, TEXTS

from llmguide.tokenizers.tekken import load_tekken, read_tekken

PATTERN = r"\p{L}+|\s+|[^\s\p{L}]+"
Json = dict[str, Any]


def document(tokens: tuple[bytes, ...] = (*BYTES, b"ab", b"cd"), reserved: int = 22, used: int | None = None) -> Json:
    """Make the parts of a Tekken file."""
    return {
        "config": {
            "pattern": PATTERN,
            "default_vocab_size": reserved + (len(tokens) if used is None else used),
            "default_num_special_tokens": reserved,
        },
        "vocab": [
            {"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
            for rank, token in enumerate(tokens)
        ],
    }


def content(parts: Json) -> bytes:
    """Write a file."""
    return json.dumps(parts).encode()


@given(BYTE_VOCABULARIES, TEXTS)
def test_ids_are_tiktoken_s_behind_the_special_tokens(tokens: tuple[bytes, ...], text: str) -> None:
    ranks = {token: rank for rank, token in enumerate(tokens)}
    oracle = tiktoken.Encoding("any", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
    tokenizer = read_tekken(content(document(tokens)))
    assert tokenizer.encode_ids(text) == [rank + 22 for rank in oracle.encode_ordinary(text)]
    assert tokenizer.decode(tokenizer.encode_ids(text)) == text


def test_special_tokens_of_a_file_that_lists_none_are_those_of_its_time() -> None:
    tokenizer = read_tekken(content(document()))
    assert tokenizer.model.tokens[:4] == ("<unk>", "<s>", "</s>", "[INST]")
    assert tokenizer.model.tokens[19:23] == ("[TOOL_CONTENT]", "<SPECIAL_20>", "<SPECIAL_21>", "Ā")
    assert tokenizer.encode_ids("[INST]a", {"[INST]"}) == [3, 22 + 97]
    assert tokenizer.encode("[INST]").tokens == [*"[INST]"]


def test_special_tokens_of_a_file_that_lists_them() -> None:
    listed = [{"rank": 1, "token_str": "<s>"}, {"rank": 0, "token_str": "<pad>"}]
    tokenizer = read_tekken(content(document(reserved=3) | {"special_tokens": listed}))
    assert tokenizer.special_tokens == ("<pad>", "<s>", "<SPECIAL_2>")


def test_only_so_many_tokens_are_used_as_the_file_says() -> None:
    tokenizer = read_tekken(content(document(used=257)))
    assert tokenizer.vocab_size == 22 + 257
    assert tokenizer.encode("abcd").tokens == ["ab", "c", "d"]


def changed(**parts: object) -> bytes:
    """Write a file with some parts changed: of the whole, or of ``config``."""
    found = document()
    for key, value in parts.items():
        (found["config"] if key in found["config"] else found)[key] = value
    return content(found)


ENTRY: Json = {"rank": 0, "token_bytes": "AA=="}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (b"[" * 100_000, "nested too deeply"),
        (b'{"\xff', "not a Tekken file: byte 2 is not UTF-8"),
        (b'{"config": ', r"not a Tekken file: Expecting value: line 1 column 12 \(char 11\)"),
        (b"[]", "not a Tekken file: expected an object with 'config' and 'vocab'"),
        (b"{}", "not a Tekken file"),
        (changed(pattern=None), "config.pattern is None; expected a regular expression"),
        (changed(pattern="("), r"the pattern '\(' is not a regular expression"),
        (changed(default_vocab_size=True), "config.default_vocab_size is True; expected a whole number"),
        (changed(default_vocab_size=10**18), "config.default_vocab_size is 1000000000000000000; expected"),
        (changed(default_vocab_size=21), r"default_vocab_size \(21\) less default_num_special_tokens \(22\) must be"),
        (changed(default_vocab_size=281), r"default_vocab_size \(281\) .* 'vocab' has 258"),
        (changed(default_num_special_tokens=-1), "config.default_num_special_tokens is -1; expected"),
        (changed(default_num_special_tokens=19, default_vocab_size=275), "ranks 0 to 19; expected 0 to 18"),
        (changed(vocab=[ENTRY, ENTRY], default_vocab_size=24), r"vocab\[1\] has the rank 0; expected 1"),
        (changed(vocab=[3], default_vocab_size=23), r"vocab\[0\] is 3; expected a 'rank' and 'token_bytes'"),
        (changed(vocab=[ENTRY | {"token_bytes": "é"}], default_vocab_size=23), r"vocab\[0\] is .*; expected a 'rank'"),
        (changed(vocab=[ENTRY | {"token_bytes": "A"}], default_vocab_size=23), r"vocab\[0\] has the token b'A'"),
        (changed(vocab=[ENTRY], default_vocab_size=23), "all 256 are needed"),
        (changed(special_tokens={}), "special_tokens is {}; expected a list"),
        (changed(special_tokens=[{"rank": 1}]), r"special_tokens\[0\] is .*; expected a 'rank' of its own"),
        (changed(special_tokens=[{"rank": 22, "token_str": "<s>"}]), "ranks 22 to 22; expected 0 to 21"),
        (changed(special_tokens=[{"rank": r, "token_str": "<s>"} for r in (0, 1)]), "names two tokens alike"),
        (changed(special_tokens=[{"rank": 0, "token_str": "a"}]), "token 'a' occurs more than once"),
    ],
)
def test_a_damaged_file_is_refused(written: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_tekken(written)


def test_a_refusal_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "tekken.json").write_bytes(b"{}")
    with pytest.raises(ValueError, match=r"tekken\.json: not a Tekken file"):
        load_tekken(tmp_path / "tekken.json")


@given(damaged(content(document())))
def test_damaged_files_are_read_or_refused(written: bytes) -> None:
    read_or_refuse(read_tekken, written)


@pytest.mark.no_cover
@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["config", "vocab", "pattern", "rank", "token_bytes"]), inner)))  # fmt: skip
def test_any_json_is_read_or_refused(parts: object) -> None:
    read_or_refuse(read_tekken, json.dumps(parts).encode())
