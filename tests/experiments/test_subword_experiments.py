"""The measures of the experiments on subword algorithms, against cases worked by hand and exact probabilities."""

from math import exp, log
from random import Random

import pytest

from llmguide import datasets
from llmguide.experiments.suffixes import SUFFIXES, agreement, derived_words
from llmguide.experiments.tokenization_algorithms import METHODS, measure, train_model
from llmguide.experiments.tokenization_sampling import hundredths
from llmguide.experiments.tokenization_sampling import measure as measure_draws
from llmguide.tokenizers import pretokenizers
from llmguide.tokenizers.bpe import Bpe, split_word
from llmguide.tokenizers.dropout import sample_word, split_probabilities
from llmguide.tokenizers.training import count_words
from llmguide.tokenizers.unigram import Unigram
from llmguide.tokenizers.wordpiece import WordPiece

WORDS = {"low": 5, "lower": 2, "newest": 6, "widest": 3}
PIECES = ("[UNK]", "kind", "##ness", "kin", "##g", "##ly", "##n", "##e", "##s")


def test_no_word_ends_in_two_of_the_suffixes():
    assert not any(one != other and one.endswith(other) for one in SUFFIXES for other in SUFFIXES)


def test_derived_words_are_new_and_made_of_a_known_word():
    known = {"kind": 1, "be": 1, "king": 1, "hard": 1, "harder": 1}
    words = ["kindness", "being", "kingly", "harder", "Kindly", "hardest", "hard-ed", "business"]
    assert derived_words(words, known) == {"kindness": 4, "kingly": 4, "hardest": 4}


def test_agreement_by_hand():
    model = WordPiece(PIECES)
    # kind|ness has its border at the suffix; so has kin|g|ly at the second of its two.
    assert model.encode("kindness") == [1, 2]
    assert [span for _, span in model.locate("kingly")] == [(0, 3), (3, 4), (4, 6)]
    assert agreement(model, {"kindness": 4, "kingly": 4}) == {
        "suffix_found": 1.0,
        "by_chance": pytest.approx((1 / 7 + 2 / 5) / 2),
        "borders_at_suffix": pytest.approx(2 / 3),
        "suffix_whole": 1.0,
    }


def test_a_suffix_that_is_cut_up_is_found_but_not_whole():
    model = WordPiece(tuple(piece for piece in PIECES if piece != "##ness"))
    found = agreement(model, {"kindness": 4})
    assert (found["suffix_found"], found["suffix_whole"]) == (1.0, 0.0)


def test_measures_of_words_by_hand():
    model = WordPiece(PIECES)
    measured = measure(model, {"kind": 1, "kindness": 1}, {"kind": 3, "kingly": 1, "nö": 1})
    assert measured == {
        "bytes_per_token": (3 * 4 + 6 + 3) / (3 * 1 + 3 + 1),
        "unknown": 1 / 5,
        "tokens_per_unseen_word": (3 + 1) / 2,
        "unused": pytest.approx(1 - 2 / 9),
    }


@pytest.mark.no_cover
@pytest.mark.parametrize("method", METHODS)
def test_every_method_gets_the_size_that_was_asked_for(method):
    words = count_words([datasets.documents("shakespeare")["hamlet"][:20_000]], pretokenizers.WORDS, byte_level=False)
    model = train_model(method, words, 300)
    assert len(model.tokens) == 300
    assert model.ids["<unk>"] not in model.encode("kingdom")
    assert model.unknown == "<unk>"


def test_draws_are_measured_against_exact_probabilities():
    ranks = {("l", "o"): 0, ("lo", "w"): 1}
    random = Random(0)
    measured = measure_draws(
        lambda word: sample_word(split_word(word), ranks, 0.5, random), {"low": ("low",)}, ["low"], draws=20_000
    )
    exact = split_probabilities(split_word("low"), ranks, 0.5)
    assert measured["usual"] == pytest.approx(exact[("low",)], abs=0.02)
    assert measured["longer"] == pytest.approx(sum(len(cut) * p for cut, p in exact.items()) - 1, abs=0.03)
    assert measured["different"] == len(exact)


@pytest.mark.no_cover
def test_the_mean_length_of_drawn_cuts_is_the_sum_of_expected_counts():
    scores = {"l": 0.2, "o": 0.15, "w": 0.1, "lo": 0.2, "ow": 0.3, "low": 0.05}
    model = Unigram(tuple(scores), tuple(map(log, scores.values())))
    random = Random(1)
    measured = measure_draws(
        lambda word: tuple(model.sample(word, random, 1.0)), {"low": tuple(model.encode("low"))}, ["low"], draws=20_000
    )
    assert 2 * (measured["longer"] + 1) == pytest.approx(sum(model.expected_counts("low").values()), abs=0.03)
    assert measured["usual"] == pytest.approx(0.06 / exp(model.log_likelihood("low")), abs=0.02)


def test_settings_are_written_in_hundredths():
    assert [hundredths(value) for value in (1.0, 0.5, 0.05)] == ["100", "50", "5"]


def test_bpe_replays_merges_and_longest_match_does_not():
    model = train_model("bpe", WORDS, 15)
    assert isinstance(model, Bpe)
    assert [model.tokens[number] for number in model.encode("lowest")] == ["low", "est"]
