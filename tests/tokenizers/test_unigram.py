"""The unigram model and its lattice, against the list of every segmentation."""

from collections import Counter, defaultdict
from itertools import combinations, pairwise
from math import exp, fsum, inf, isclose, log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmguide.tokenizers.lattice import (
    Arc,
    Lattice,
    backward,
    best_path,
    forward,
    log_sum_exp,
    n_best_paths,
    sample_path,
)
from llmguide.tokenizers.unigram import BYTE_TOKENS, UNKNOWN_PENALTY, Unigram

Segmentation = tuple[str, ...]

QUARTERS = st.integers(-60, 0).map(lambda quarters: quarters / 4)  # sums of these are exact, so ties are ties
SCORES = QUARTERS | st.floats(-30, 0)
PIECES = st.text("ab", min_size=1, max_size=4)
WORDS = st.text("abc", max_size=9)


def models(scores: st.SearchStrategy[float] = SCORES, unknown: bool = True) -> st.SearchStrategy[Unigram]:
    """Models over two letters, so that the third is unknown."""
    return st.dictionaries(PIECES, scores, max_size=12).map(
        lambda pieces: Unigram(
            (*(["<unk>"] if unknown else []), *pieces),
            (*([-inf] if unknown else []), *pieces.values()),
            "<unk>" if unknown else None,
        )
    )


def all_segmentations(model: Unigram, word: str) -> dict[Segmentation, float]:
    """Every segmentation of a word with its score, by trying every set of cuts."""
    rated = {}
    for n_cuts in range(len(word) or 1):
        for cuts in combinations(range(1, len(word)), n_cuts):
            parts = tuple(word[start:end] for start, end in pairwise((0, *cuts, len(word)))) if word else ()
            score = 0.0
            for part in parts:
                score += rate(model, part)
            if score > -inf:
                rated[parts] = score
    return rated


def rate(model: Unigram, part: str) -> float:
    if part in model.ids and model.scores[model.ids[part]] > -inf:
        return model.scores[model.ids[part]]
    return model.unknown_score if len(part) == 1 and model.unknown is not None else -inf


def order(entry: tuple[Segmentation, float]) -> tuple[float, list[int]]:
    """The documented order: the higher score, then the longer last piece, then the one before it."""
    parts, score = entry
    return (-score, [-len(part) for part in reversed(parts)])


@given(model=models(QUARTERS), word=WORDS, n=st.integers(0, 40))
def test_the_best_segmentations_are_those_that_a_search_of_all_finds(model: Unigram, word: str, n: int) -> None:
    expected = sorted(all_segmentations(model, word).items(), key=order)
    assert model.n_best(word, n) == expected[:n]
    path = best_path(model.lattice(word))
    assert path is not None
    assert tuple(word[arc.start : arc.end] for arc in path) == expected[0][0]


@given(model=models(unknown=False), word=WORDS, n=st.integers(0, 40))
def test_scores_that_round_come_in_the_right_order_too(model: Unigram, word: str, n: int) -> None:
    expected = sorted(all_segmentations(model, word).values(), reverse=True)
    assert [score for _, score in model.n_best(word, n)] == expected[:n]
    if expected:
        assert sum_of(model, word) == expected[0]
    else:
        with pytest.raises(ValueError, match="no pieces spell"):
            model.encode(word)


def sum_of(model: Unigram, word: str) -> float:
    total = 0.0
    for number in model.encode(word):
        total += model.scores[number]
    return total


@given(model=models(unknown=False) | models(), word=WORDS)
def test_the_likelihood_of_a_word_is_the_sum_over_all_its_segmentations(model: Unigram, word: str) -> None:
    total = fsum(map(exp, all_segmentations(model, word).values()))
    assert isclose(exp(model.log_likelihood(word)), total, rel_tol=1e-9)
    assert isclose(exp(backward(model.lattice(word))[0]), total, rel_tol=1e-9)


@given(model=models(unknown=False) | models(), word=WORDS)
def test_expected_counts_are_means_over_all_segmentations(model: Unigram, word: str) -> None:
    segmentations = all_segmentations(model, word)
    total = fsum(map(exp, segmentations.values()))
    expected: defaultdict[str, float] = defaultdict(float)
    for parts, score in segmentations.items():
        for part in parts:
            name = part if part in model.ids else "<unk>"
            expected[name] += exp(score) / total
    found = model.expected_counts(word)
    pieces = found.keys() | expected.keys()
    assert all(isclose(found.get(piece, 0.0), expected[piece], rel_tol=1e-9, abs_tol=1e-300) for piece in pieces)


@pytest.mark.no_cover
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0, 2.5])
def test_segmentations_are_drawn_in_their_proportions(alpha: float) -> None:
    model = Unigram(("a", "b", "ab", "ba", "aba"), (-1.0, -1.5, -2.0, -2.25, -3.0))
    segmentations = all_segmentations(model, "ababa")
    assert len(segmentations) == 12
    total = fsum(exp(alpha * score) for score in segmentations.values())
    random, draws = Random(7), 40_000
    counts: Counter[Segmentation] = Counter()
    for _ in range(draws):
        counts[tuple(model.tokens[number] for number in model.sample("ababa", random, alpha))] += 1
    # Pearson's statistic with 11 degrees of freedom exceeds 31.3 once in a thousand; the seed is fixed.
    shares = {parts: draws * exp(alpha * score) / total for parts, score in segmentations.items()}
    assert sum((counts[parts] - share) ** 2 / share for parts, share in shares.items()) < 31.3
    assert counts.keys() <= shares.keys()


@given(model=models(QUARTERS), word=WORDS, seed=st.integers(0, 9))
def test_a_high_power_draws_the_best(model: Unigram, word: str, seed: int) -> None:
    parts = tuple(word[arc.start : arc.end] for arc in sample_path(model.lattice(word), Random(seed), 1e6) or ())
    assert all_segmentations(model, word)[parts] == model.n_best(word, 1)[0][1]


def test_long_words_neither_overflow_nor_vanish() -> None:
    model = Unigram(("a", "aa"), (log(0.5), log(0.5)))
    word = "a" * 5_000
    # The sums f(n) = (f(n-1) + f(n-2)) / 2 go to 2/3.
    assert isclose(model.log_likelihood(word), log(2 / 3), abs_tol=1e-9)
    # A renewal process: pieces of mean length 3/2, a third of the time the longer.
    counts = model.expected_counts(word)
    assert isclose(counts["a"] + 2 * counts["aa"], 5_000, rel_tol=1e-9)
    assert len(model.encode(word)) == 2_500
    rare = Unigram(("a",), (-50.0,))
    assert isclose(rare.log_likelihood("a" * 1_000), -50_000.0)
    assert len(rare.sample("a" * 1_000, Random(0))) == 1_000


@given(st.lists(st.floats(-800, 800), max_size=6))
def test_log_sum_exp(values: list[float]) -> None:
    highest = max(values, default=0.0)
    expected = fsum(exp(value - highest) for value in values)
    assert log_sum_exp(values) == (log(expected) + highest if values else -inf)


def test_a_lattice_without_a_way_through() -> None:
    broken = Lattice(2, Unigram(("a",), (-1.0,)).lattice("a").arcs)
    assert best_path(broken) is None
    assert sample_path(broken, Random(0)) is None
    assert n_best_paths(broken, 3) == []
    assert forward(broken)[-1] == -inf
    with pytest.raises(ValueError, match=r"n \(-1\) must not be negative"):
        n_best_paths(broken, -1)


def test_segmentations_are_drawn_in_their_own_proportions_unless_told_otherwise() -> None:
    model = Unigram(("a", "b", "ab"), (-1.0, -1.5, -2.0))
    usual = [model.sample("abab", Random(seed)) for seed in range(200)]
    assert usual == [model.sample("abab", Random(seed), alpha=1.0) for seed in range(200)]
    assert usual != [model.sample("abab", Random(seed), alpha=2.0) for seed in range(200)]
    lattice = model.lattice("abab")
    paths = [sample_path(lattice, Random(seed)) for seed in range(200)]
    assert [[arc.token for arc in path or ()] for path in paths] == usual


def test_unknown_characters_share_one_token() -> None:
    model = Unigram(("<unk>", "a", "ab"), (-inf, -1.0, -2.0), "<unk>")
    assert model.unknown_score == -2.0 - UNKNOWN_PENALTY
    assert model.locate("xxaby") == [(0, (0, 2)), (2, (2, 4)), (0, (4, 5))]
    assert model.encode("<unk>") == [0]  # five unknown characters
    assert model.encode("") == []


def test_bytes_stand_in_for_unknown_characters() -> None:
    model = Unigram(("<unk>", *BYTE_TOKENS, "a"), (-inf,) * 257 + (-1.0,), "<unk>", byte_fallback=True)
    assert model.locate("a€") == [(257, (0, 1)), (1 + 0xE2, (1, 2)), (1 + 0x82, (1, 2)), (1 + 0xAC, (1, 2))]
    assert model.lattice("€").arcs == (Arc(0, 1, -1, model.unknown_score),)
    assert model.encode("<0x41>") != [1 + 0x41]
    assert model.sample("a€", Random(0)) == model.encode("a€")
    assert model.expected_counts("€") == {}


def test_a_piece_that_leads_nowhere_is_not_counted() -> None:
    model = Unigram(("a", "ab", "bc"), (-1.0, -2.0, -3.0))
    assert model.expected_counts("ab") == {"ab": 1.0}
    assert model.expected_counts("b") == {}
    assert backward(model.lattice("ab")) == [-2.0, -inf, 0.0]
    assert forward(model.lattice("ab")) == [0.0, -1.0, -2.0]


def test_the_smallest_difference_decides() -> None:
    assert Unigram(("a", "b", "ab"), (-1e-20, 0.0, -2e-20)).encode("ab") == [0, 1]  # beside 1 they would be equal


def test_single_precision_settles_near_ties_as_sentencepiece_does() -> None:
    tokens, scores = ("a", "b", "ab"), (-1.0, -1.0, -2.00000001)
    assert Unigram(tokens, scores).encode("ab") == [0, 1]
    # At 32 bits the score of "ab" is -2 as well, and an equal score does not replace what came first.
    assert Unigram(tokens, scores, single_precision=True).encode("ab") == [2]
    lattice = Unigram(tokens, scores).lattice("ab")
    assert [arc.token for arc in best_path(lattice) or ()] == [0, 1]
    assert [arc.token for arc in best_path(lattice, single_precision=True) or ()] == [2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((("a", "a"), (-1.0, -1.0)), "'a' occurs more than once"),
        ((("a",), ()), "1 tokens have 0 scores"),
        ((("a", ""), (-1.0, -1.0)), "^a token is the empty string; each needs at least one character$"),
        ((("a",), (float("nan"),)), "'a' has the score nan"),
        ((("a",), (inf,)), "'a' has the score inf"),
        ((("a",), (-1.0,), "<unk>"), "'<unk>' is not in the vocabulary"),
        ((("a",), (-1.0,), "a"), "'a' must be in the vocabulary, with the score minus infinity"),
        ((("a",), (-1.0,), None, True), "'<0x00>' must be in the vocabulary"),
        (((), (), "<unk>"), "'<unk>' is not in the vocabulary"),
    ],
    ids=str,
)
def test_what_is_no_model(arguments: tuple[tuple[str, ...], tuple[float, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Unigram(*arguments)


def test_a_word_that_no_pieces_spell() -> None:
    with pytest.raises(ValueError, match=r"no pieces spell 'abx' \('x' is none\)"):
        Unigram(("a", "b"), (-1.0, -1.0)).encode("abx")
    assert Unigram(("a", "b"), (-1.0, -1.0)).log_likelihood("abx") == -inf
    with pytest.raises(ValueError, match=r"no pieces spell 'aa' \('aa' is none\)"):
        Unigram(("a",), (-1e308,)).encode("aa")  # each character is a piece, but the sum is beyond what a float holds
