"""Pre-tokenizers, against ``tokenizers`` and tiktoken."""

import pytest
import regex
from hypothesis import assume, given
from library_twins import PRETOKENIZERS as LIBRARY
from library_twins import published_pattern
from strategies import TEXTS
from test_unicode import EXCEPTIONS

from llmguide.tokenizers.alphabet import spell
from llmguide.tokenizers.pretokenizers import CL100K, GPT2, O200K, PRETOKENIZERS, SMOLLM, WHOLE, PreTokenizer

EXCEPTED = {name: {chr(number) for number in EXCEPTIONS[f"pretokenizer/{name}"]} for name in LIBRARY}


@pytest.mark.no_cover
@pytest.mark.parametrize("name", LIBRARY)
@given(text=TEXTS)
def test_pieces_and_places_are_the_library_s(name: str, text: str) -> None:
    assume(EXCEPTED[name].isdisjoint(text))
    shown = spell if name in ("gpt2", "smollm") else str
    ours = [(shown(piece.text), (piece.start, piece.end)) for piece in PRETOKENIZERS[name].split(text)]
    assert ours == LIBRARY[name].pre_tokenize_str(text)


@pytest.mark.parametrize(("ours", "published"), [(GPT2, "gpt2"), (CL100K, "cl100k_base"), (O200K, "o200k_base")])
@given(text=TEXTS)
def test_pieces_are_those_of_the_published_pattern(ours: PreTokenizer, published: str, text: str) -> None:
    assert ours.words(text) == regex.findall(published_pattern(published), text)


@pytest.mark.no_cover
@pytest.mark.parametrize("pretokenizer", PRETOKENIZERS.values(), ids=str)
@given(text=TEXTS)
def test_pieces_stand_where_they_say(pretokenizer: PreTokenizer, text: str) -> None:
    pieces = pretokenizer.split(text)
    assert [piece.text for piece in pieces] == [text[piece.start : piece.end] for piece in pieces]
    assert pretokenizer.words(text) == [piece.text for piece in pieces]


@pytest.mark.parametrize("pretokenizer", [GPT2, CL100K, O200K, SMOLLM, WHOLE], ids=str)
@given(text=TEXTS)
def test_patterns_of_language_models_drop_nothing(pretokenizer: PreTokenizer, text: str) -> None:
    assert "".join(pretokenizer.words(text)) == text


@given(text=TEXTS)
def test_groups_in_a_pattern_change_nothing(text: str) -> None:
    assert PreTokenizer("groups", f"({GPT2.pattern})").words(text) == GPT2.words(text)


def test_a_pattern_that_matches_nothing_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="matches the empty text"):
        PreTokenizer("mine", r"\w*")


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'\(' is not a regular expression"):
        PreTokenizer("mine", "(")
