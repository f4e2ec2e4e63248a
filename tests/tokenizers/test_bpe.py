"""Byte-pair encoding: the readable version, its fast twin, published examples and the ``tokenizers`` library."""

from collections.abc import Callable
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from library_twins import merges, train_characters
from strategies import SMALL_WORDS
from tokenizers import models

from llmguide.tokenizers import bpe, fast_bpe, fast_merging
from llmguide.tokenizers.bpe import Bpe, Pair, Symbols, choose_pair, count_pairs, merge, split_word

TRAINERS = pytest.mark.parametrize("train", [bpe.train, fast_bpe.train], ids=["readable", "fast"])
ENCODERS = pytest.mark.parametrize("encode_word", [bpe.encode_word, fast_merging.encode_word], ids=["readable", "fast"])
Encoder = Callable[[Symbols, dict[Pair, int]], Symbols]

# Sennrich, Haddow and Birch (2016), algorithm 1: the dictionary, with marks, and what the program prints.
DICTIONARY = {"low·": 5, "lower·": 2, "newest·": 6, "widest·": 3}
PRINTED = ("es", "est", "est·", "lo", "low", "ne", "new", "newest·", "low·", "wi")


def sennrich_s_program(n_merges: int) -> tuple[list[str], list[dict[Symbols, int]]]:
    """Algorithm 1 of the paper, which breaks ties by the order in which Python meets the pairs."""
    words = {tuple(word): count for word, count in DICTIONARY.items()}
    tokens, states = [], []
    for _ in range(n_merges):
        pairs = count_pairs(words)
        best = max(pairs, key=lambda pair: pairs[pair])
        words = {merge(symbols, best): count for symbols, count in words.items()}
        tokens.append("".join(best))
        states.append(words)
    return tokens, states


@TRAINERS
def test_sennrich_s_dictionary(train: Callable[..., Bpe]) -> None:
    """Where ties leave a choice the order may differ; after each group of ties the corpus is the same."""
    tokens, states = sennrich_s_program(10)
    assert tuple(tokens) == PRINTED
    model = train(DICTIONARY, vocab_size=len({*"lowernstid·"}) + 9)
    words = {tuple(word): count for word, count in DICTIONARY.items()}
    after = []
    for pair in model.merges:
        words = {merge(symbols, pair): count for symbols, count in words.items()}
        after.append(words)
    for tied in (3, 5, 8, 9):
        assert after[tied - 1] == states[tied - 1]


@ENCODERS
def test_sennrich_s_unseen_word(encode_word: Encoder) -> None:
    """Figure 1 of the paper: merges learned from low, lowest, newer, wider segment the unseen word lower as low er·."""
    ranks = {("r", "·"): 0, ("l", "o"): 1, ("lo", "w"): 2, ("e", "r·"): 3}
    assert encode_word(tuple("lower·"), ranks) == ("low", "er·")


@TRAINERS
@given(words=SMALL_WORDS)
def test_merges_are_the_library_s(train: Callable[..., Bpe], words: dict[str, int]) -> None:
    twin = train_characters([" ".join([word] * count) for word, count in words.items()], 30)
    model = train(words, vocab_size=30)
    assert list(model.merges) == merges(twin)
    assert model.ids == twin.get_vocab()


@given(
    words=SMALL_WORDS,
    end_of_word=st.sampled_from(["", "</w>"]),
    special=st.lists(st.sampled_from(["aa", "ab", "bab", "a</w>b"]), unique=True),
    min_count=st.integers(0, 4),
    alphabet=st.sampled_from(["", "abc"]),
)
def test_the_twins_learn_the_same(
    words: dict[str, int], end_of_word: str, special: list[str], min_count: int, alphabet: str
) -> None:
    readable, fast = (
        train(
            words,
            vocab_size=40,
            alphabet=alphabet,
            special_tokens=special,
            end_of_word=end_of_word,
            min_count=min_count,
        )
        for train in (bpe.train, fast_bpe.train)
    )
    assert readable == fast
    assert not {left + right for left, right in readable.merges} & set(special)


RANKS = st.lists(st.tuples(*[st.text("ab", min_size=1, max_size=3)] * 2), max_size=12, unique=True).map(
    lambda pairs: {pair: rank for rank, pair in enumerate(pairs)}
)
"""Merges in any order, also such as no training would give."""


# A merge is possible until one of lower rank takes its symbols: at the end of the word, and before it.
@example(word=tuple("abc"), ranks={("b", "c"): 0, ("a", "bc"): 1, ("a", "b"): 2})
@example(word=tuple("abcd"), ranks={("b", "c"): 0, ("a", "bc"): 1, ("a", "b"): 2})
# Behind a merge: its right neighbour merges next, and then both.
@example(word=tuple("abcd"), ranks={("a", "b"): 0, ("c", "d"): 1, ("ab", "cd"): 2})
# A merge that makes one of lower rank possible.
@example(word=tuple("abc"), ranks={("ab", "c"): 0, ("a", "b"): 1})
@given(word=st.text("abc", max_size=60).map(tuple), ranks=RANKS)
def test_the_twins_encode_the_same(word: Symbols, ranks: dict[Pair, int]) -> None:
    expected = bpe.encode_word(word, ranks)
    assert fast_merging.encode_word(word, ranks) == expected
    with mock.patch.object(fast_merging, "_LONG_WORD", 0):  # the way of long words, on words short enough to compare
        assert fast_merging.encode_word(word, ranks) == expected


@given(words=SMALL_WORDS, word=st.text("ab", max_size=40), end_of_word=st.sampled_from(["", "</w>"]))
def test_a_word_is_cut_as_the_library_cuts_it(words: dict[str, int], word: str, end_of_word: str) -> None:
    model = fast_bpe.train(words, vocab_size=30, alphabet="ab", end_of_word=end_of_word)
    twin = models.BPE(model.ids, list(model.merges), **({"end_of_word_suffix": end_of_word} if end_of_word else {}))
    known = all(symbol in model.ids for symbol in split_word(word, end_of_word))
    if known:
        assert list(model.split(word)) == [token.value for token in twin.tokenize(word)]
        assert model.encode(word) == [token.id for token in twin.tokenize(word)]


@given(words=SMALL_WORDS)
def test_training_and_encoding_agree(words: dict[str, int]) -> None:
    """A word of the corpus, encoded, is what training left of it."""
    model = bpe.train(words, vocab_size=20)
    for word in words:
        left = split_word(word)
        for pair in model.merges:
            left = merge(left, pair)
        assert model.split(word) == left


@TRAINERS
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"word_counts": {}, "vocab_size": 10}, "^the corpus holds no word .* at least one, or an alphabet$"),
        ({"word_counts": {"": 3}, "vocab_size": 10}, "^the corpus holds no word"),
        ({"word_counts": {"abc": 1}, "vocab_size": 2}, r"vocab_size \(2\) is below .* 3 characters .* at least 3"),
        ({"word_counts": {"abc": 1}, "vocab_size": 9, "special_tokens": ["x", "x"]}, "special token 'x' must be"),
        ({"word_counts": {"abc": 1}, "vocab_size": 9, "special_tokens": [""]}, "special token '' must be"),
        ({"word_counts": {"abc": 1}, "vocab_size": 9, "special_tokens": ["a"]}, "special token 'a' must be"),
    ],
)
def test_training_refuses(train: Callable[..., Bpe], arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        train(**arguments)


@TRAINERS
def test_training_stops_at_the_size_asked_for(train: Callable[..., Bpe]) -> None:
    words = {"abcdef": 2, "fedcba": 1}
    whole = train(words, vocab_size=100)
    assert len(whole.tokens) == 6 + len(whole.merges) == 16
    for size in range(6, 17):
        assert train(words, vocab_size=size) == Bpe(whole.tokens[:size], whole.merges[: size - 6])


@TRAINERS
def test_marked_characters_come_after_the_others(train: Callable[..., Bpe]) -> None:
    assert train({"ba": 1, "cb": 1}, vocab_size=4, end_of_word="</w>").tokens == ("b", "c", "a</w>", "b</w>")


def test_a_pair_that_occurs_once_is_chosen_unless_more_is_asked_for() -> None:
    assert choose_pair({("a", "b"): 1}, {"a": 0, "b": 1}) == ("a", "b")
    assert choose_pair({("a", "b"): 1}, {"a": 0, "b": 1}, min_count=2) is None


@pytest.mark.parametrize("fallback", [False, True])
def test_what_text_can_become(fallback: bool) -> None:
    tokens = ("a", "b", "ab", "ba", "a·", "ab·", "<0xFF>", "<0xff>", "<0x100>")
    model = Bpe(tokens, (("a", "b"),), end_of_word="·", byte_fallback=fallback)
    made = [token for token in tokens if model.makes(token)]
    assert made == ["a", "b", "ab", "a·", *(["<0xFF>"] if fallback else [])]


def test_the_fast_twin_has_an_upper_limit() -> None:
    assert fast_bpe.train({"ab": 1}, vocab_size=2**21 - 1) == bpe.train({"ab": 1}, vocab_size=2**21 - 1)
    with pytest.raises(ValueError, match=r"vocab_size \(3000000\) must be at most"):
        fast_bpe.train({"ab": 1}, vocab_size=3_000_000)


@pytest.mark.parametrize(
    ("tokens", "merged", "unknown", "message"),
    [
        (("a", "b", "a"), (), None, "token 'a' occurs more than once"),
        (("a", "b", "ab"), (("a", "b"), ("a", "b")), None, r"merge \('a', 'b'\) occurs more than once"),
        (("a", "ab"), (("a", "b"),), None, r"merge \('a', 'b'\) needs the token 'b'"),
        (("a", "b"), (("a", "b"),), None, r"merge \('a', 'b'\) needs the token 'ab'"),
        (("a",), (), "?", r"unknown token '\?' is not in the vocabulary"),
    ],
)
def test_a_model_must_hold_together(
    tokens: tuple[str, ...], merged: tuple[Pair, ...], unknown: str | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Bpe(tokens, merged, unknown=unknown)


def test_an_unknown_character() -> None:
    assert Bpe(("a", "<unk>"), (), unknown="<unk>").encode("aba") == [0, 1, 0]
    with pytest.raises(ValueError, match="'b' is not in the vocabulary"):
        Bpe(("a",), ()).encode("aba")


def test_progress_is_told() -> None:
    seen: list[tuple[int, int]] = []
    fast_bpe.train({"abab": 2}, vocab_size=9, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(3, 9), (4, 9)]
