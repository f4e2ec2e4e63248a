"""Text while it is written: all pieces together are the text."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import TEXTS

from llmguide.decoding.streaming import Detokenizer
from llmguide.tokenizers import Bpe, Tokenizer, published, train_tokenizer
from llmguide.tokenizers.decoders import Decoder, EndOfWord, Joined, MetaspaceDecoder, WordPieceDecoder
from llmguide.tokenizers.sentencepiece import SentencePieceDecoder


@cache
def byte_level() -> Tokenizer:
    return train_tokenizer(["low lower lowest – 🙂 é"], 270, special_tokens=["<|end|>"])


def of_tokens(decoder: Decoder, tokens: list[str]) -> Tokenizer:
    """Make a tokenizer that only decodes."""
    marked = decoder.mark if isinstance(decoder, EndOfWord) else ""
    return Tokenizer(Bpe(tuple(tokens), (), end_of_word=marked), decoder=decoder, special_tokens=("<s>",))


BYTES = [f"<0x{byte:02X}>" for byte in (0x41, 0x80, 0x82, 0x98, 0x9F, 0xA9, 0xAC, 0xC3, 0xE2, 0xED, 0xF0, 0xFF)]
TOKENS = ["▁", "▁▁", "▁a", "b", "\ufffd", "##c", "d</w>", "</w>", ".", "'s", "n't", "##.", "<s>", *BYTES]
DECODERS = [
    Joined(" "),
    EndOfWord("</w>"),
    WordPieceDecoder(),
    WordPieceDecoder(cleanup=False),
    MetaspaceDecoder(),
    MetaspaceDecoder(drop_first=False),
    SentencePieceDecoder(),
    SentencePieceDecoder(drop_all=True),
]


def pieces(tokenizer: Tokenizer, ids: list[int]) -> list[str]:
    detokenizer = Detokenizer(tokenizer)
    return [*map(detokenizer.push, ids), detokenizer.finish()]


@given(TEXTS)
def test_the_pieces_of_a_text_are_the_text(text: str) -> None:
    shown = pieces(byte_level(), byte_level().encode_ids(text, "all"))
    assert "".join(shown) == text
    assert shown[-1] == "\ufffd" * len(shown[-1])


@given(st.lists(st.integers(0, byte_level().vocab_size - 1)))
def test_the_pieces_of_any_ids_are_what_they_decode_to(ids: list[int]) -> None:
    assert "".join(pieces(byte_level(), ids)) == byte_level().decode(ids)


@pytest.mark.no_cover
@pytest.mark.parametrize("decoder", DECODERS, ids=repr)
@given(ids=st.lists(st.integers(0, len(TOKENS) - 1)))
def test_other_decoders(decoder: Decoder, ids: list[int]) -> None:
    tokenizer = of_tokens(decoder, TOKENS)
    assert "".join(pieces(tokenizer, ids)) == tokenizer.decode(ids)


@pytest.mark.no_cover
@pytest.mark.parametrize("name", ["smollm2", "mistral-v1", "bert"])
@settings(deadline=None)  # the first reads a file
@given(text=TEXTS)
def test_published_tokenizers(name: str, text: str) -> None:
    tokenizer = published.load(name)
    ids = tokenizer.encode_ids(text)
    assert "".join(pieces(tokenizer, ids)) == tokenizer.decode(ids)


def test_half_a_character_waits_and_the_rest_comes_at_once() -> None:
    ids = [byte_level().model.ids[token] for token in ("l", "ð", "Ł", "Ļ", "Ĥ", "o")]
    assert byte_level().decode(ids) == "l🙂o"
    assert pieces(byte_level(), ids) == ["l", "", "", "", "🙂", "o", ""]
    assert pieces(byte_level(), ids[:3]) == ["l", "", "", "\ufffd"]


def test_after_the_end_a_new_text_begins() -> None:
    detokenizer = Detokenizer(of_tokens(MetaspaceDecoder(), TOKENS))
    for _ in range(2):
        assert [detokenizer.push(TOKENS.index(token)) for token in ("▁a", "▁a")] == ["a", " a"]
        assert detokenizer.finish() == ""


def test_what_is_kept_does_not_grow_with_the_text() -> None:
    detokenizer = Detokenizer(byte_level())
    kept = []
    for number in byte_level().encode_ids("low – 🙂 " * 100):
        detokenizer.push(number)
        kept.append(len(detokenizer._window))
    assert max(kept) <= 8


def test_an_id_outside_the_vocabulary_is_refused_and_changes_nothing() -> None:
    detokenizer = Detokenizer(byte_level())
    with pytest.raises(ValueError, match="id 9999 is not in the vocabulary"):
        detokenizer.push(9999)
    assert detokenizer.push(byte_level().model.ids["l"]) == "l"
