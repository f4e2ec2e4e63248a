"""Encoding by ranks, against tiktoken's engine."""

from collections.abc import Callable, Mapping
from math import log2

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st
from strategies import BYTE_VOCABULARIES, BYTES, TEXTS

from llmguide.tokenizers.alphabet import BYTE_ALPHABET, respell, spell
from llmguide.tokenizers.ranked_bpe import RankedBpe, join_ranked, join_ranked_fast

SMALL = {letter: rank for rank, letter in enumerate("abc")}
RANKS = st.lists(st.text("abc", min_size=2, max_size=5), max_size=30, unique=True).map(
    lambda longer: SMALL | {token: rank for rank, token in enumerate(longer, start=3)}
)


@given(st.text("abc", max_size=30), RANKS)
def test_the_fast_twin_cuts_alike(word: str, ranks: dict[str, int]) -> None:
    assert join_ranked_fast(word, ranks) == join_ranked(word, ranks)


@given(st.text("abc", min_size=201, max_size=300), RANKS)
def test_the_fast_twin_cuts_long_words_alike(word: str, ranks: dict[str, int]) -> None:
    assert join_ranked_fast(word, ranks) == join_ranked(word, ranks)


@given(BYTE_VOCABULARIES, TEXTS | st.text("ab'é ", max_size=300))
def test_ids_are_tiktoken_s_for_any_ranks(tokens: tuple[bytes, ...], text: str) -> None:
    ranks = {token: rank for rank, token in enumerate(tokens)}
    oracle = tiktoken.Encoding("any", pat_str="(?s:.+)", mergeable_ranks=ranks, special_tokens={})
    assert RankedBpe.of(tokens, {}).encode(spell(text)) == oracle.encode_ordinary(text)


class Counted(int):
    """A rank that counts how often ranks are compared."""

    comparisons = 0

    def __lt__(self, other: object) -> bool:
        Counted.comparisons += 1
        return super().__lt__(other) if isinstance(other, int) else True  # nothing else but infinity

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return int(self) == other

    __hash__ = int.__hash__


class CountedRanks(dict[str, int]):
    """Ranks that count how often they are asked."""

    lookups = 0

    def get(self, token: str, default: object = None) -> object:  # type: ignore[override]
        self.lookups += 1
        return super().get(token, default)


def work(cut: Callable[[str, Mapping[str, int]], object], ranks: Mapping[str, int], length: int) -> tuple[int, int]:
    """Count the look-ups and comparisons that a word of this length takes."""
    counted = CountedRanks({token: Counted(rank) for token, rank in ranks.items()})
    Counted.comparisons = 0
    cut("ab" * (length // 2), counted)
    return counted.lookups, Counted.comparisons


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "ranks",
    [
        {"ab" * 2**power: power for power in range(5)},  # all of the word merges, and all of that again
        {"ab": 0},
        {"aba": 0, "ba": 1, "ab": 2, "bab": 3, "abab": 4},
    ],
)
def test_the_work_on_a_long_word_grows_with_its_length_and_not_with_its_square(ranks: dict[str, int]) -> None:
    for length in (1_000, 32_000):
        lookups, comparisons = work(join_ranked_fast, ranks, length)
        assert lookups <= 6 * length
        assert comparisons <= 6 * length * log2(length)
    assert work(join_ranked, ranks, 1_000)[0] > 50 * 1_000  # the twin that recomputes everything, for comparison


@given(BYTE_VOCABULARIES, TEXTS)
def test_tokens_stand_where_they_say_without_a_gap(tokens: tuple[bytes, ...], text: str) -> None:
    model = RankedBpe.of(tokens, {})
    word = spell(text)
    located = model.locate(word)
    assert [number for number, _ in located] == model.encode(word)
    assert [model.tokens[number] for number, _ in located] == [word[start:end] for _, (start, end) in located]
    assert "".join(model.tokens[number] for number, _ in located) == word


def test_special_tokens_keep_their_ids_and_the_ids_between_have_names_that_no_text_makes() -> None:
    model = RankedBpe.of([*BYTES, b"<|"], {"<|end|>": 259, "<s>": 261})
    assert model.tokens[256:] == ("<|", "<unused 257>", "<unused 258>", "<|end|>", "<unused 260>", "<s>")
    assert model.inert == model.tokens[257:]
    assert [token for token in model.tokens if model.makes(token)] == [*map(respell, BYTES), "<|"]
    assert [model.tokens[number] for number in model.encode("<|end|>")] == ["<|", *"end|>"]
    assert model.encode("<s>") == [60, 115, 62]
    assert model.unknown is None


def test_special_tokens_may_come_first() -> None:
    model = RankedBpe.of(BYTES, {"<s>": 0, "</s>": 1}, first=3)
    assert model.tokens[:4] == ("<s>", "</s>", "<unused 2>", respell(b"\x00"))
    assert model.encode("a") == [3 + 97]


@pytest.mark.parametrize(
    ("special", "message"),
    [
        ({"<s>": -1}, "'<s>' has the id -1; expected 0 to"),
        ({"<s>": 10**12}, "'<s>' has the id 1000000000000; expected 0 to"),
        ({"<s>": 97}, "'<s>' has the id 97, which 'a' has already"),
        ({"<s>": 300, "</s>": 300}, "'</s>' has the id 300, which '<s>' has already"),
        ({"a": 256}, "token 'a' occurs more than once"),
    ],
)
def test_special_tokens_that_do_not_fit_are_refused(special: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RankedBpe.of(BYTES, special)


def test_a_model_checks_itself() -> None:
    with pytest.raises(ValueError, match="the inert token '<s>' is not in the vocabulary"):
        RankedBpe(BYTE_ALPHABET, ("<s>",))
    with pytest.raises(ValueError, match="ranks need all 256 bytes; '!' is missing, and 0 more"):
        RankedBpe(BYTE_ALPHABET, ("!",))


def test_a_word_that_is_not_spelled_is_refused() -> None:
    with pytest.raises(ValueError, match="' ' in 'a b' stands for no byte; spell the word first"):
        RankedBpe.of(BYTES, {}).encode("a b")
