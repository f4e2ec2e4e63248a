"""BPE-dropout: against all that can happen, counted one by one, and against the ``tokenizers`` library."""

from collections import Counter, defaultdict
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise, product
from math import log, sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import SMALL_WORDS, TEXTS
from tokenizers import models

from llmguide.tokenizers import CL100K, GPT2, WHITESPACE, Bpe, Tokenizer, bpe, train_tokenizer
from llmguide.tokenizers.alphabet import BYTE_TO_CHAR
from llmguide.tokenizers.bpe import Pair, Symbols
from llmguide.tokenizers.decoders import Joined
from llmguide.tokenizers.dropout import _Dropout, sample, sample_ids, sample_word, split_probabilities

Ranks = dict[Pair, int]
Probabilities = dict[Symbols, Fraction]

UNRELATED: Ranks = {
    pair: rank
    for rank, pair in enumerate(
        [("r", "e"), ("u", "n"), ("a", "t"), ("e", "d"), ("at", "ed"), ("re", "l"), ("l", "at"), ("rel", "ated")]
    )
}
"""Merges that overlap: ``re`` with ``ed`` in "reed", ``rel`` with ``lat`` in "related"."""

APART: Ranks = {("a", "b"): 0, ("c", "d"): 1, ("e", "f"): 2, ("ab", "cd"): 3}
"""Merges of which no two ever compete for a symbol in "abcdef"."""

P = Fraction(3, 10)


def every_outcome(word: Symbols, ranks: Ranks, p: Fraction) -> Probabilities:
    """Algorithm 1, taken literally: try every set of dropped merges at every step."""
    found: defaultdict[Symbols, Fraction] = defaultdict(Fraction)
    possible = [place for place, pair in enumerate(pairwise(word)) if pair in ranks]
    for dropped in product([True, False], repeat=len(possible)):
        probability = p ** sum(dropped) * (1 - p) ** (len(possible) - sum(dropped))
        left = [place for place, gone in zip(possible, dropped, strict=True) if not gone]
        if not left:
            found[word] += probability
            continue
        best = min(left, key=lambda place: (ranks[word[place], word[place + 1]], place))
        merged = (*word[:best], "".join(word[best : best + 2]), *word[best + 2 :])
        for symbols, further in every_outcome(merged, ranks, p).items():
            found[symbols] += probability * further
    return {symbols: probability for symbols, probability in found.items() if probability}


def of_the_library(word: Symbols, ranks: Ranks, p: Fraction) -> Probabilities:
    """What the library's queue does, with all that chance can make of it.

    An entry is a merge and the place where it was seen. A dropped entry waits until one is kept, out of date or not.
    """
    found: defaultdict[Symbols, Fraction] = defaultdict(Fraction)

    def follow(cells: dict[int, str], queue: list[tuple[int, int]], waiting: list[tuple[int, int]], so_far: Fraction):
        if not queue:
            found[tuple(cells[place] for place in sorted(cells))] += so_far
            return
        (rank, place), rest = min(queue), sorted(queue)[1:]
        follow(cells, rest, [*waiting, (rank, place)], so_far * p)
        rest, so_far = rest + waiting, so_far * (1 - p)
        places = sorted(cells)
        if place in cells and place != places[-1]:
            after = places[places.index(place) + 1]
            if ranks.get((cells[place], cells[after])) == rank:
                cells = {**cells, place: cells[place] + cells[after]}
                del cells[after]
                places.remove(after)
                here = places.index(place)
                for left, right in pairwise(places[max(0, here - 1) : here + 2]):
                    if (pair := (cells[left], cells[right])) in ranks:
                        rest = [*rest, (ranks[pair], left)]
        follow(cells, rest, [], so_far)

    start = [(ranks[pair], place) for place, pair in enumerate(pairwise(word)) if pair in ranks]
    follow(dict(enumerate(word)), start, [], Fraction(1))
    return {symbols: probability for symbols, probability in found.items() if probability}


def tolerance(outcomes: int, draws: int) -> float:
    """How far a frequency may lie from its probability: beyond it with a chance of at most 1e-9 (Hoeffding)."""
    return sqrt(log(2 * outcomes / 1e-9) / (2 * draws))


def library_splits(word: str, ranks: Ranks, p: float, draws: int) -> Counter[Symbols]:
    tokens = list(dict.fromkeys([*word, *(part for pair in ranks for part in (*pair, "".join(pair)))]))
    model = models.BPE({token: number for number, token in enumerate(tokens)}, list(ranks), dropout=p)
    return Counter(tuple(token.value for token in model.tokenize(word)) for _ in range(draws))


RANKS = st.lists(st.tuples(*[st.text("ab", min_size=1, max_size=3)] * 2), max_size=8, unique=True).map(
    lambda pairs: {pair: rank for rank, pair in enumerate(pairs)}
)


@given(word=st.text("ab", max_size=6).map(tuple), ranks=RANKS, p=st.sampled_from([0, P, Fraction(1, 2), 1]))
def test_probabilities_are_those_of_every_outcome(word: Symbols, ranks: Ranks, p: Fraction) -> None:
    probabilities = split_probabilities(word, ranks, Fraction(p))
    assert probabilities == every_outcome(word, ranks, Fraction(p))
    assert sum(probabilities.values()) == 1
    assert list(probabilities.values()) == sorted(probabilities.values(), reverse=True)


def test_the_smallest_case_by_hand() -> None:
    """Two overlapping merges: ``ab`` is learned first, and ``bc`` happens only if ``ab`` is dropped and it is not."""
    p = Fraction(1, 10)
    probabilities = split_probabilities(("a", "b", "c"), {("a", "b"): 0, ("b", "c"): 1}, p)
    assert probabilities == {
        ("ab", "c"): Fraction(9, 10),
        ("a", "bc"): Fraction(9, 100),
        ("a", "b", "c"): Fraction(1, 100),
    }


@given(words=SMALL_WORDS, word=st.text("ab", max_size=20).map(tuple), seed=st.integers(0, 10))
def test_without_dropout_a_word_is_cut_as_ever_and_with_all_dropped_not_joined(
    words: dict[str, int], word: Symbols, seed: int
) -> None:
    ranks = bpe.train(words, 30).ranks
    assert sample_word(word, ranks, 0, Random(seed)) == bpe.encode_word(word, ranks)
    assert sample_word(word, ranks, 1, Random(seed)) == word
    assert split_probabilities(word, ranks, 0) == {bpe.encode_word(word, ranks): 1}
    assert split_probabilities(word, ranks, 1) == {word: 1}


@pytest.mark.no_cover
@pytest.mark.parametrize("p", [0.1, 0.5])
def test_frequencies_are_the_probabilities(p: float) -> None:
    """A chi-square test: its statistic, of a mean of ``freedom``, stays below its 99.9th percentile."""
    draws, generator = 20_000, Random(1)
    probabilities = split_probabilities(tuple("unrelated"), UNRELATED, p)
    seen = Counter(sample_word(tuple("unrelated"), UNRELATED, p, generator) for _ in range(draws))
    assert seen.keys() <= probabilities.keys()
    expected = {symbols: draws * probability for symbols, probability in probabilities.items()}
    rare = [symbols for symbols, number in expected.items() if number < 10]  # too few for the test, so taken as one
    groups = [[symbols] for symbols in expected if symbols not in rare] + ([rare] if rare else [])
    statistic = sum(
        (sum(seen[symbols] for symbols in group) - number) ** 2 / number
        for group in groups
        if (number := sum(expected[symbols] for symbols in group))
    )
    freedom = len(groups) - 1
    assert freedom >= 10
    # Wilson and Hilferty: the cube root of chi-square / freedom is close to normal; 3.09 is the normal's percentile.
    assert statistic < freedom * (1 - 2 / (9 * freedom) + 3.09 * sqrt(2 / (9 * freedom))) ** 3


@pytest.mark.parametrize(("word", "ranks"), [("unrelated", UNRELATED), ("abcdef", APART)])
@pytest.mark.parametrize("p", [0.1, 0.5])
def test_the_library_draws_as_its_queue_says(word: str, ranks: Ranks, p: float) -> None:
    draws = 20_000
    expected = of_the_library(tuple(word), ranks, Fraction(p))
    seen = library_splits(word, ranks, p, draws)
    assert seen.keys() <= expected.keys()
    allowed = tolerance(len(expected), draws)
    assert max(abs(seen[symbols] / draws - probability) for symbols, probability in expected.items()) < allowed


def test_the_library_draws_as_we_do_where_no_merges_overlap() -> None:
    assert of_the_library(tuple("abcdef"), APART, P) == split_probabilities(tuple("abcdef"), APART, P)


def test_the_library_drops_less_where_merges_overlap() -> None:
    """Once ``ab`` is made, the entry of ``bc`` is out of date; if it is not dropped, ``de`` gets a further chance."""
    ranks = {("d", "e"): 0, ("a", "b"): 1, ("b", "c"): 2}
    outcome = ("ab", "c", "d", "e")
    assert split_probabilities(tuple("abcde"), ranks, P)[outcome] == P**2 * (1 - P)
    assert of_the_library(tuple("abcde"), ranks, P)[outcome] == P**3 * (1 - P) * (2 - P)


def test_over_the_word_of_the_paper_s_figure_the_difference_is_seen() -> None:
    """Half the sum of the absolute differences, which the docstring of the module calls a little."""
    ours, theirs = (
        split_probabilities(tuple("unrelated"), UNRELATED, P),
        of_the_library(tuple("unrelated"), UNRELATED, P),
    )
    assert ours.keys() == theirs.keys()
    assert 0.05 < sum(abs(ours[symbols] - theirs[symbols]) for symbols in ours) / 2 < 0.15


TEXT = "low lower lowest, slow and slower"


@pytest.fixture(scope="module", params=[GPT2, CL100K], ids=lambda pretokenizer: pretokenizer.name)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    texts = [TEXT, "’s don't 12 123 é e\u0301 漢字 👍🏽"]
    return train_tokenizer(texts, 320, pretokenizer=request.param, special_tokens=["<|endoftext|>"])


@given(text=TEXTS, p=st.sampled_from([0, 0.1, 0.5, 0.9, 1]), seed=st.integers(0, 5))
def test_what_was_sampled_decodes_to_the_text(tokenizer: Tokenizer, text: str, p: float, seed: int) -> None:
    encoding = sample(tokenizer, text, p, Random(seed), allowed_special="all")
    assert tokenizer.decode(encoding.ids) == text
    assert encoding.tokens == [tokenizer.model.tokens[number] for number in encoding.ids]
    assert encoding.ids == sample_ids(tokenizer, text, p, Random(seed), allowed_special="all")
    assert {place for start, end in encoding.offsets for place in range(start, end)} == set(range(len(text)))


@given(text=TEXTS)
def test_the_two_ends_of_the_scale(tokenizer: Tokenizer, text: str) -> None:
    assert sample(tokenizer, text, 0, Random(0)) == tokenizer.encode(text)
    assert sample_ids(tokenizer, text, 1, Random(0)) == [
        tokenizer.model.ids[BYTE_TO_CHAR[byte]] for byte in text.encode("utf-8")
    ]


def test_the_same_word_is_cut_in_several_ways_in_one_text(tokenizer: Tokenizer) -> None:
    ids = sample_ids(tokenizer, " lower" * 50, 0.5, Random(0))
    ways = {tuple(piece.split()) for piece in " ".join(tokenizer.model.tokens[one] for one in ids).split("Ġ")}
    assert len(ways) > 3
    assert tokenizer.encode_ids(" lower" * 2) == tokenizer.encode(" lower" * 2).ids  # and nothing of it is remembered


def test_special_tokens_stay_whole(tokenizer: Tokenizer) -> None:
    allowed = sample(tokenizer, "low<|endoftext|>low", 1, Random(0), allowed_special="all")
    assert allowed.tokens.count("<|endoftext|>") == 1
    assert "<|endoftext|>" not in sample(tokenizer, "low<|endoftext|>low", 0.1, Random(0)).tokens


def test_the_mark_at_the_end_of_a_word_stays_with_the_last_character() -> None:
    tokenizer = train_tokenizer(
        [TEXT], 40, pretokenizer=WHITESPACE, byte_level=False, end_of_word="</w>", unknown="<unk>"
    )
    encoding = sample(tokenizer, "lower zlow", 1, Random(0))
    assert encoding.tokens == ["l", "o", "w", "e", "r</w>", "<unk>", "l", "o", "w</w>"]
    assert encoding.offsets == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (6, 7), (7, 8), (8, 9), (9, 10)]


def test_whole_words_are_taken_only_without_dropout() -> None:
    model = Bpe(("a", "b", "c", "ab", "abc"), (("a", "b"),), whole_words=True)
    tokenizer = Tokenizer(model, WHITESPACE, decoder=Joined())
    assert sample(tokenizer, "abc", 0, Random(0)).tokens == ["abc"]
    assert {tuple(sample(tokenizer, "abc", 0.5, Random(seed)).tokens) for seed in range(20)} == {
        ("ab", "c"),
        ("a", "b", "c"),
    }
    theirs = models.BPE(model.ids, [("a", "b")], ignore_merges=True, dropout=0.5)
    assert "abc" not in {token.value for _ in range(100) for token in theirs.tokenize("abc")}


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_refused(tokenizer: Tokenizer, p: float) -> None:
    for call in (
        lambda: sample_word(("a", "b"), {}, p, Random(0)),
        lambda: split_probabilities(("a", "b"), {}, p),
        lambda: sample(tokenizer, "low", p, Random(0)),
    ):
        with pytest.raises(ValueError, match=f"p is {p}; expected a probability, from 0 to 1"):
            call()


def test_only_merges_can_be_dropped(tokenizer: Tokenizer) -> None:
    dropping = _Dropout(tokenizer.model, 1, Random(0))
    assert dropping.encode("low") == [tokenizer.model.ids[character] for character in "low"]
    with pytest.raises(
        TypeError, match="BPE-dropout drops merges, which _Dropout has not; give a tokenizer with a Bpe"
    ):
        sample(replace(tokenizer, model=dropping), "low", 0.5, Random(0))
