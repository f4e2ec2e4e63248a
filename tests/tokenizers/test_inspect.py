"""Measures of what a tokenizer does to a text, against counts made by hand and published numbers."""

from collections import Counter
from itertools import pairwise
from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import TEXTS, take

from llmguide import datasets
from llmguide.tokenizers import CL100K, GPT2, WHITESPACE, WHOLE, WORDS, Tokenizer, train_tokenizer
from llmguide.tokenizers.inspect import (
    Stretch,
    TextMeasures,
    measure,
    premium,
    renyi_efficiency,
    show_cuts,
    stretches,
)
from llmguide.tokenizers.normalizers import UnicodeForm


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(["low lower lowest"], 259)


def test_counts_by_hand(tokenizer: Tokenizer) -> None:
    """The tokens: low · Ġlow e r · Ċ · Ġ s l o w é (2 bytes), so eleven; "lower" and "slowé" are continued.

    The line break and the space behind it belong to no word.
    """
    text = "low lower\n sloẃ"
    assert tokenizer.encode(text).tokens == [
        "low",
        "Ġlow",
        "e",
        "r",
        "Ċ",
        "Ġ",
        "s",
        "lo",
        *tokenizer.encode("ẃ").tokens,
    ]
    measured = measure(tokenizer, [text])
    assert measured == TextMeasures(tokens=11, words=3, continued=2, characters=15, bytes=17)
    assert (measured.fertility, measured.continued_share) == (11 / 3, 2 / 3)
    assert (measured.bytes_per_token, measured.characters_per_token) == (17 / 11, 15 / 11)


def test_texts_are_added_up(tokenizer: Tokenizer) -> None:
    one, other = measure(tokenizer, ["low"]), measure(tokenizer, ["lower lower"])
    both = measure(tokenizer, ["low", "lower lower"])
    assert [getattr(both, name) for name in vars(both)] == [
        getattr(one, name) + getattr(other, name) for name in vars(both)
    ]


def test_what_a_word_is_can_be_chosen(tokenizer: Tokenizer) -> None:
    assert measure(tokenizer, ["low, low!"]).words == 2
    assert measure(tokenizer, ["low, low!"], WORDS).words == 4
    assert measure(tokenizer, ["low, low!"]).continued == 2
    assert measure(tokenizer, ["low, low!"], WORDS).continued == 0


def test_a_token_across_two_words_has_a_part_in_both() -> None:
    tokenizer = train_tokenizer(["ab cd"] * 3, 260, pretokenizer=WHOLE)
    assert tokenizer.encode("ab cd").tokens == ["abĠcd"]
    assert measure(tokenizer, ["ab cd"]) == TextMeasures(tokens=1, words=2, continued=0, characters=5, bytes=5)


@given(text=TEXTS)
def test_a_word_is_continued_if_a_cut_goes_through_it(tokenizer: Tokenizer, text: str) -> None:
    """Counted anew from the cuts: between two tokens, or inside a character."""
    offsets = tokenizer.encode(text).offsets
    inside = {place for start, end in offsets for place in range(start + 1, end)}
    whole = Counter(place for start, end in offsets for place in range(start, end))
    continued = sum(
        not set(range(word.start + 1, word.end)) <= inside or any(whole[at] > 1 for at in range(word.start, word.end))
        for word in WHITESPACE.split(text)
    )
    assert measure(tokenizer, [text]).continued == continued


def test_a_text_without_words_has_no_fertility(tokenizer: Tokenizer) -> None:
    measured = measure(tokenizer, [" \n"])
    assert (measured.tokens, measured.words) == (2, 0)
    with pytest.raises(ValueError, match="nothing to compare 2 with: the text holds no word"):
        _ = measured.fertility
    with pytest.raises(ValueError, match="texts must be several texts"):
        measure(tokenizer, "low")


def test_the_premium_is_the_ratio_of_the_lengths(tokenizer: Tokenizer) -> None:
    assert premium(tokenizer, "lower", "low") == 3
    assert premium(tokenizer, "low", "lower") == 1 / 3
    assert premium(tokenizer, "", "low") == 0
    with pytest.raises(ValueError, match="nothing to compare 1 with"):
        premium(tokenizer, "low", "")


@pytest.mark.parametrize(
    ("text", "published"),
    [
        ("pick @@ed pick @@l @@ed pick @@les", 0.8031528501359657),
        ("pick @@e @@d pick @@l @@e @@d pick @@l @@e @@s", 0.9105681923824472),
    ],
)
def test_the_efficiencies_that_tokenization_scorer_prints(text: str, published: float) -> None:
    """The readme of the program (version 1.1.8) gives these; it says ``power=2.5``, but they are those of power 3."""
    assert renyi_efficiency(Counter(text.split()), alpha=3) == pytest.approx(published, abs=1e-12)


def test_an_efficiency_by_hand() -> None:
    """Shares of 1/2, 1/4, 1/4: an entropy of 1.5 bits of at most log2(3)."""
    counts = {7: 2, 8: 1, 9: 1}
    assert renyi_efficiency(counts, alpha=1) == pytest.approx(1.5 / log2(3))
    assert renyi_efficiency(counts, alpha=1, vocab_size=4) == pytest.approx(0.75)
    assert renyi_efficiency(counts, alpha=2) == pytest.approx(-log2(3 / 8) / log2(3))
    assert renyi_efficiency({**counts, 10: 0}, alpha=2) == renyi_efficiency(counts, alpha=2)


@given(counts=st.dictionaries(st.integers(0, 50), st.integers(1, 100), min_size=2))
def test_the_efficiency_lies_between_0_and_1_and_falls_with_its_order(counts: dict[int, int]) -> None:
    found = [renyi_efficiency(counts, alpha) for alpha in (0.5, 1 - 1e-6, 1, 1 + 1e-6, 2, 2.5, 10)]
    assert all(0 <= one <= 1 + 1e-9 for one in found)
    assert all(later <= earlier + 1e-5 for earlier, later in pairwise(found))
    assert found[1] == pytest.approx(found[2], abs=1e-4)
    assert found[3] == pytest.approx(found[2], abs=1e-4)


@pytest.mark.parametrize(
    ("counts", "alpha", "size", "message"),
    [
        ({1: 1, 2: 1}, 0, None, "alpha is 0; expected a positive order"),
        ({1: 1, 2: 0}, 2, None, "1 tokens occur in a vocabulary of 1"),
        ({1: 1}, 2, 1, "1 tokens occur in a vocabulary of 1; it must hold them and at least 2"),
        ({1: 1, 2: 1, 3: 1}, 2, 2, "3 tokens occur in a vocabulary of 2"),
    ],
)
def test_no_efficiency(counts: dict[int, int], alpha: float, size: int | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        renyi_efficiency(counts, alpha, size)


@pytest.mark.no_cover
@pytest.mark.parametrize("pretokenizer", [GPT2, CL100K, WHITESPACE, WORDS], ids=lambda one: one.name)
def test_stretches_are_the_text_and_hold_every_token(pretokenizer: object) -> None:
    tokenizer = train_tokenizer([datasets.load("shakespeare")[:20_000]], 600, pretokenizer=pretokenizer)
    for text in take(300):
        found = stretches(tokenizer, text)
        assert "".join(one.text for one in found) == text
        assert [token for one in found for token in one.tokens] == tokenizer.encode(text).tokens
        assert all(one.text for one in found)
        if pretokenizer in (GPT2, CL100K):
            assert all(one.tokens for one in found)


def test_what_is_dropped_has_no_token() -> None:
    tokenizer = train_tokenizer(["low low"], 258, pretokenizer=WHITESPACE)
    assert stretches(tokenizer, " low  low ") == [
        Stretch(" ", ()),
        Stretch("low", ("low",)),
        Stretch("  ", ()),
        Stretch("low", ("low",)),
        Stretch(" ", ()),
    ]
    assert stretches(tokenizer, "") == []


def test_tokens_that_share_characters_stay_together() -> None:
    """NFC makes one character of two; its bytes belong to both, and to the tokens of the next character nothing."""
    tokenizer = train_tokenizer(["x"], 256, normalizer=UnicodeForm("NFC"))
    assert show_cuts(tokenizer, "xe\u0301y") == "x|e\u0301₂|y"
    assert show_cuts(tokenizer, "👍!", mark="·") == "👍₄·!"


def test_a_special_token_is_one_stretch() -> None:
    tokenizer = train_tokenizer(["low"], 258, special_tokens=["<s>"])
    assert show_cuts(tokenizer, "<s>low", allowed_special="all") == "<s>|lo|w"
    assert show_cuts(tokenizer, "<s>low") == "<|s|>|lo|w"
