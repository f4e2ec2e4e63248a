"""Rank files, against tiktoken."""

import base64
from pathlib import Path

import pytest
from fuzzing import damaged, read_or_refuse
from hypothesis import given
from strategies import BYTE_VOCABULARIES, BYTES
from tiktoken.load import load_tiktoken_bpe

from llmguide.tokenizers.ranks import read_ranks, write_ranks


@given(BYTE_VOCABULARIES)
def test_what_is_written_is_read_back(tokens: tuple[bytes, ...]) -> None:
    assert read_ranks(write_ranks(tokens)) == tokens


def test_tiktoken_reads_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    tokens = (*BYTES, b" t", b"he", b" the", "né".encode(), b"\xff\xfe")
    (tmp_path / "ranks.tiktoken").write_bytes(write_ranks(tokens))
    assert load_tiktoken_bpe(str(tmp_path / "ranks.tiktoken")) == {token: rank for rank, token in enumerate(tokens)}


def test_only_the_beginning_is_read_if_so_told() -> None:
    content = write_ranks([*BYTES, b"ab", b"cd"]) + b"what comes then is not looked at\n"
    assert read_ranks(content, count=257) == (*BYTES, b"ab")


def test_line_ends_of_windows_do_no_harm() -> None:
    assert read_ranks(write_ranks(BYTES).replace(b"\n", b"\r\n")) == BYTES


WHOLE = write_ranks(BYTES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "all 256 are needed"),
        (b"IQ== 1\n", r"line 1 has the rank 1; expected 0: ranks count up from 0"),
        (WHOLE + b"YWI= 257\n", r"line 257 has the rank 257; expected 256"),
        (WHOLE + b"YWI= 255\n", r"line 257 has the rank 255; expected 256"),
        (WHOLE + b"YWI= -1\n", r"line 257 has the rank b'-1'; expected a whole number"),
        (WHOLE + b"YWI= 99999999999999999999\n", r"line 257 has the rank b'9{20}'; expected a whole number"),
        (WHOLE + b"YWI= 999999999\n", r"line 257 has the rank 999999999; expected 256"),
        (WHOLE + b"YQ== 256\n", r"line 257 gives the token b'a' again, which line 98 has"),
        (WHOLE + b"YW!= 256\n", r"line 257 has the token b'YW!=', which is not Base64"),
        (WHOLE + b"YWI 256\n", r"line 257 has the token b'YWI', which is not Base64"),
        (WHOLE + b" 256\n", r"line 257 has an empty token"),
        (WHOLE + b"YWI=\n", r"line 257 is b'YWI='; expected a token in Base64, one space and a rank"),
        (WHOLE + b"\n\n", r"line 257 is b''"),
        (WHOLE + b"x" * 10_000 + b"\n", r"line 257 is b'x{60}' and 9940 bytes more"),
        (write_ranks(BYTES).replace(b"/w== 255\n", b""), r"the byte b'\\xff' is no token, and 0 more; all 256"),
    ],
)
def test_a_damaged_rank_file_is_refused_with_its_line(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_ranks(content)


def test_a_file_with_too_few_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match="holds 256 tokens; expected at least 300"):
        read_ranks(WHOLE, count=300)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([*BYTES, b""], "token 256 is empty"),
        ([*BYTES, b"a"], "token 256 gives the token b'a' again, which token 97 has"),
        (BYTES[1:], r"the byte b'\\x00' is no token"),
    ],
)
def test_what_could_not_be_read_is_not_written(tokens: list[bytes], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_ranks(tokens)


@given(damaged(write_ranks([*BYTES, b" t", b" the"])))
def test_damaged_rank_files_are_read_or_refused(content: bytes) -> None:
    tokens = read_or_refuse(read_ranks, content)
    if isinstance(tokens, tuple):
        assert read_ranks(write_ranks(tokens)) == tokens


def test_base64_is_what_the_standard_library_says() -> None:
    line = write_ranks([*BYTES, b"\xfb\xff\xfe"]).splitlines()[-1]
    assert line == base64.b64encode(b"\xfb\xff\xfe") + b" 256"
