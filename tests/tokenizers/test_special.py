"""Special tokens."""

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st
from library_twins import as_tiktoken

from llmguide.tokenizers import GPT2, WHITESPACE, Tokenizer, train_tokenizer
from llmguide.tokenizers.special import choose_allowed, split_special

SPECIAL = ("<a>", "<a><b>", "<b>", "<|end|>")
TEXTS = st.lists(st.sampled_from([*SPECIAL, "<", "a>", "b", " one", "<|", "|>"]), max_size=8).map("".join)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(["<a> <b> <|end|> one one <a> <a> <|end|>"], 290, special_tokens=SPECIAL)


@pytest.fixture(scope="module")
def twin(tokenizer: Tokenizer) -> tiktoken.Encoding:
    return as_tiktoken(tokenizer, GPT2.pattern)


@given(text=TEXTS)
def test_special_tokens_are_inert_unless_allowed(tokenizer: Tokenizer, twin: tiktoken.Encoding, text: str) -> None:
    ids = tokenizer.encode_ids(text)
    assert ids == twin.encode_ordinary(text)
    assert not set(ids) & {tokenizer.model.ids[token] for token in SPECIAL}
    assert tokenizer.decode(ids) == text


@given(text=TEXTS, allowed=st.sets(st.sampled_from(["<a>", "<b>", "<|end|>"])))
def test_allowed_ones_are_found_as_tiktoken_finds_them(
    tokenizer: Tokenizer, twin: tiktoken.Encoding, text: str, allowed: set[str]
) -> None:
    assert tokenizer.encode_ids(text, allowed) == twin.encode(text, allowed_special=allowed, disallowed_special=())
    assert tokenizer.encode(text, allowed).ids == tokenizer.encode_ids(text, allowed)


@given(text=TEXTS)
def test_pieces_cover_the_text(text: str) -> None:
    pieces = split_special(text, SPECIAL)
    assert "".join(piece.text for piece, _ in pieces) == text
    assert all(text[piece.start : piece.end] == piece.text != "" for piece, _ in pieces)
    assert all((piece.text in SPECIAL) == is_special for piece, is_special in pieces)


def test_the_longer_of_two_wins() -> None:
    assert [piece.text for piece, _ in split_special("<a><b><a>", SPECIAL)] == ["<a><b>", "<a>"]


def test_all_allows_every_one() -> None:
    assert choose_allowed("all", SPECIAL) == set(SPECIAL)


def test_a_string_that_is_not_all_is_refused() -> None:
    with pytest.raises(ValueError, match="allowed_special is '<a>'; expected a collection"):
        choose_allowed("<a>", SPECIAL)


def test_an_unknown_special_token_is_named() -> None:
    with pytest.raises(ValueError, match="'<c>' is not a special token of this tokenizer"):
        choose_allowed(["<c>"], SPECIAL)


def test_training_makes_no_token_that_is_special() -> None:
    trained = train_tokenizer(["<s> " * 100], 300, pretokenizer=WHITESPACE, special_tokens=["<s>"])
    assert trained.encode("<s>").tokens == ["<s", ">"]


def test_a_special_token_that_text_could_make_is_refused(tokenizer: Tokenizer) -> None:
    for token in ("one", "a"):
        with pytest.raises(ValueError, match=f"special token '{token}' could be made from ordinary text"):
            Tokenizer(tokenizer.model, special_tokens=(token,))


def test_a_special_token_must_exist(tokenizer: Tokenizer) -> None:
    with pytest.raises(ValueError, match="special token '<c>' is not in the vocabulary"):
        Tokenizer(tokenizer.model, special_tokens=("<c>",))
