"""Decoders, against the ``tokenizers`` library."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import decoders

from llmguide.tokenizers.alphabet import BYTE_ALPHABET
from llmguide.tokenizers.decoders import (
    ByteLevelDecoder,
    Decoder,
    EndOfWord,
    Joined,
    MetaspaceDecoder,
    WordPieceDecoder,
)
from llmguide.tokenizers.models import spell_bytes

LLAMA = decoders.Sequence(
    [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
)
WORDS = st.sampled_from(
    ["low", "##er", "##", "n't", "'s", "'", ".", "?", "!", ",", "'re", "'ve", "'m", "do", "not", "a"]
)


@given(tokens=st.lists(st.text(st.sampled_from(BYTE_ALPHABET), min_size=1, max_size=4) | st.just("a b€"), max_size=8))
def test_the_byte_alphabet_is_read_as_the_library_reads_it(tokens: list[str]) -> None:
    assert ByteLevelDecoder().decode(tokens) == decoders.ByteLevel().decode(tokens)


@given(tokens=st.lists(st.sampled_from(["low", "er</w>", "</w>", "er"]), max_size=6))
def test_marks_become_spaces_as_in_the_library(tokens: list[str]) -> None:
    assert EndOfWord("</w>").decode(tokens) == decoders.BPEDecoder("</w>").decode(tokens)


@given(tokens=st.lists(WORDS, max_size=8), cleanup=st.booleans())
def test_words_are_put_together_as_the_library_does_it(tokens: list[str], cleanup: bool) -> None:
    assert WordPieceDecoder("##", cleanup).decode(tokens) == decoders.WordPiece("##", cleanup).decode(tokens)


@given(
    texts=st.lists(st.text("▁ aé🙂", min_size=1, max_size=3), max_size=6),
    spelled=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_spaces_and_bytes_are_read_as_the_library_reads_them(texts: list[str], spelled: list[bool]) -> None:
    tokens = [
        token
        for text, by_bytes in zip(texts, spelled, strict=False)
        for token in (spell_bytes(text.replace("▁", "_")) if by_bytes else [text])
    ]
    assert MetaspaceDecoder().decode(tokens) == LLAMA.decode(tokens)


def test_where_the_library_s_decoders_differ() -> None:
    broken = ["<0xE2>", "<0x82>"]  # two of the three bytes of a euro sign
    assert MetaspaceDecoder().decode(broken) == "\ufffd"
    assert LLAMA.decode(broken) == "\ufffd\ufffd"
    assert MetaspaceDecoder().decode(["▁▁a"]) == " a" == LLAMA.decode(["▁▁a"])
    assert decoders.Metaspace().decode(["▁▁a"]) == "a"


def test_the_first_space_may_stay() -> None:
    assert MetaspaceDecoder(drop_first=False).decode(["▁a", "▁b"]) == " a b"


@pytest.mark.parametrize(
    ("decoder", "token", "expected"),
    [
        (ByteLevelDecoder(), "ĠÃ", b" \xc3"),
        (ByteLevelDecoder(), "a b", b"a b"),
        (Joined(" "), "é", b"\xc3\xa9"),
        (EndOfWord("</w>"), "low</w>", b"low "),
        (WordPieceDecoder(), "##er", b"er"),
        (MetaspaceDecoder(), "▁low", b" low"),
        (MetaspaceDecoder(), "<0xE2>", b"\xe2"),
        (MetaspaceDecoder(), "<0xe2>", b"<0xe2>"),
    ],
)
def test_the_bytes_of_one_token(decoder: Decoder, token: str, expected: bytes) -> None:
    assert decoder.token_bytes(token) == expected
