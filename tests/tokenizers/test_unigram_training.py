"""Training a unigram model, against brute force and the two libraries that train one."""

import io
import json
import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from math import exp, inf, isclose, log
from random import Random
from unittest import mock

import pytest
import regex
import sentencepiece
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import SMALL_WORDS
from tokenizers import Tokenizer as LibraryTokenizer
from tokenizers import models, pre_tokenizers, trainers

from llmguide.datasets import load
from llmguide.tokenizers import fast_unigram, unigram_training
from llmguide.tokenizers.unigram import Unigram
from llmguide.tokenizers.unigram_steps import (
    KEPT_COUNT,
    digamma,
    e_step,
    losses,
    m_step,
    prune,
    seed_pieces,
)
from llmguide.tokenizers.unigram_training import OVERSHOOT, trace_training, train

WORDS = {"low": 5, "lower": 2, "lowest": 3, "newest": 6, "widest": 3, "slow": 2, "slowest": 4}


@given(words=SMALL_WORDS, longest=st.integers(1, 5), size=st.integers(0, 20))
def test_seeds_are_the_characters_and_the_substrings_that_cover_most(
    words: dict[str, int], longest: int, size: int
) -> None:
    places: Counter[str] = Counter()
    followers: dict[str, set[str]] = {}
    for number, (word, count) in enumerate(words.items()):
        for start in range(len(word)):
            for end in range(start + 1, len(word) + 1):
                places[word[start:end]] += count
                # The end of a word is like a character of its own.
                follower = word[end] if end < len(word) else f"end {number} {start}"
                followers.setdefault(word[start:end], set()).add(follower)
    characters = sorted((piece for piece in places if len(piece) == 1), key=lambda piece: (-places[piece], piece))
    rest = [
        piece
        for piece in places
        if 1 < len(piece) <= longest
        and places[piece] > 1
        and (len(followers[piece]) > 1 or not all(len(follower) == 1 for follower in followers[piece]))
    ]
    rest.sort(key=lambda piece: (-places[piece] * len(piece), piece))
    expected = [*characters, *rest[:size]]
    found = seed_pieces(words, size, longest)
    assert list(found) == expected
    assert isclose(sum(map(exp, found.values())), 1.0)
    weights = [places[piece] * len(piece) for piece in expected]
    assert all(isclose(exp(found[piece]), weight / sum(weights)) for piece, weight in zip(found, weights, strict=True))


@given(words=SMALL_WORDS, seed=st.integers(0, 99))
def test_the_fast_walks_give_the_same_numbers(words: dict[str, int], seed: int) -> None:
    random = Random(seed)
    pieces = {piece: -random.choice([0.5, 1, 2, 3, 40]) for piece in seed_pieces(words, 9, 4)}
    slow, fast = e_step(pieces, words), fast_unigram.e_step(pieces, words)
    assert isclose(slow[1], fast[1], rel_tol=1e-9, abs_tol=1e-9)
    assert slow[0].keys() == fast[0].keys()
    assert all(isclose(slow[0][piece], fast[0][piece], rel_tol=1e-9, abs_tol=1e-12) for piece in pieces)
    model = Unigram(tuple(pieces), tuple(pieces.values()))
    best: Counter[str] = Counter()
    for word, count in words.items():
        for number in model.encode(word):
            best[model.tokens[number]] += count
    assert fast_unigram.best_counts(pieces, words) == {piece: best[piece] for piece in pieces}


def test_the_fast_walks_pass_a_character_that_begins_no_piece() -> None:
    assert fast_unigram.best_counts({"ab": -1.0}, {"ab": 2}) == {"ab": 2}
    counts, log_likelihood = fast_unigram.e_step({"ab": -1.0}, {"ab": 2})
    assert counts == {"ab": 2.0}
    assert isclose(log_likelihood, -2.0)


def test_the_smallest_difference_decides() -> None:
    pieces = {"a": -1e-20, "b": 0.0, "ab": -2e-20}  # beside 1 they would be equal
    assert fast_unigram.best_counts(pieces, {"ab": 3}) == {"a": 3, "b": 3, "ab": 0}


def test_a_word_too_improbable_for_a_float_takes_the_slow_way() -> None:
    pieces, words = {"a": -20.0, "aa": -30.0}, {"aaa": 1, "a" * 100: 3, "a" * 101: 2}
    slow, fast = e_step(pieces, words), fast_unigram.e_step(pieces, words)
    assert slow[1] < -4_000
    assert isclose(slow[1], fast[1])
    assert all(isclose(slow[0][piece], fast[0][piece], rel_tol=1e-9) for piece in pieces)


@given(words=SMALL_WORDS)
def test_em_never_makes_a_corpus_less_likely(words: dict[str, int]) -> None:
    words = {word: 50 * count for word, count in words.items()}
    pieces = seed_pieces(words, 6, 3)
    counts, before = e_step(pieces, words)
    assume(min(counts.values()) >= KEPT_COUNT)
    pieces = m_step(counts, sparse_prior=False)
    assert isclose(sum(map(exp, pieces.values())), 1.0)
    assert e_step(pieces, words)[1] >= before - 1e-9 * abs(before)


def test_the_sparse_prior_takes_from_what_is_rare() -> None:
    counts = {"a": 1_000.0, "b": 5.0, "ab": 1.0, "ba": 0.49}
    plain, sparse = m_step(counts, sparse_prior=False), m_step(counts)
    assert list(plain) == list(sparse) == ["a", "b", "ab"]
    kept = [exp(sparse[piece] - plain[piece]) for piece in plain]
    assert kept == sorted(kept, reverse=True)
    assert isclose(kept[1], 4.5 / 5, abs_tol=0.02)  # about half an occurrence less
    assert m_step({"a": 9.0, "b": 0.0})["b"] == digamma(0.5) - digamma(9.5)
    assert list(m_step({"a": 9.0, "ab": KEPT_COUNT})) == ["a", "ab"]


@pytest.mark.parametrize(
    ("x", "expected"),
    [(1, -0.5772156649015329), (0.5, -1.9635100260214235), (10, 2.2517525890667211), (1e6, 13.815510057964190)],
)
def test_digamma(x: float, expected: float) -> None:
    assert isclose(digamma(x), expected, rel_tol=1e-13)
    assert isclose(digamma(x + 1), digamma(x) + 1 / x, rel_tol=1e-13)


def test_what_digamma_lacks_is_the_next_term_of_the_series() -> None:
    assert isclose(digamma(10) + 691 / 32760 / 10**12, 2.2517525890667211, rel_tol=2e-15)


def test_a_loss_worked_by_hand() -> None:
    # Best segmentations: ab (4 times), a b would be the second; a·c three times.
    pieces = {"a": log(0.2), "b": log(0.1), "c": log(0.2), "ab": log(0.5)}
    words = {"ab": 4, "ac": 3}
    # Without ab there are 14 tokens instead of 10: a 3 + 4 times, b 0 + 4 times.
    expected = 4 * (log(4 / 10) - log(7 / 14) - log(4 / 14))
    found = losses(pieces, words)
    assert found.keys() == {"ab"}
    assert isclose(found["ab"], expected)
    assert losses({**pieces, "bc": log(0.1)}, words)["bc"] == 0.0  # not used
    assert losses({**pieces, "ca": log(0.01)}, {"ca": 1})["ca"] == 0.0  # c·a is better
    assert list(prune({**pieces, "bc": log(0.1)}, words, 4)) == ["a", "b", "c", "ab"]
    assert list(prune({**pieces, "bc": log(0.1)}, words, 5)) == ["a", "b", "c", "ab"]  # what is not used goes anyway
    assert list(prune(pieces, words, 1)) == ["a", "b", "c"]


def test_the_loss_of_what_is_used_once() -> None:
    pieces = {"a": log(0.2), "b": log(0.1), "c": log(0.2), "ab": log(0.5)}
    words = {"ab": 1, "ac": 3}
    found = losses(pieces, words)
    assert isclose(found["ab"], log(1 / 7) - log(4 / 8) - log(1 / 8))
    assert 0 < found["ab"] < 1
    assert "ab" in prune(pieces, words, 4)


def test_the_loss_of_what_would_become_three() -> None:
    pieces = {"a": log(0.1), "b": log(0.1), "c": log(0.1), "abc": log(0.7)}
    # Without abc there are 6 tokens instead of 2, a third of them of each kind.
    assert isclose(losses(pieces, {"abc": 2})["abc"], -2 * 3 * log(1 / 3))


@pytest.mark.parametrize("sparse_prior", [True, False])
def test_a_trace_tells_every_round(sparse_prior: bool) -> None:
    seen: list[tuple[int, int]] = []
    rounds = trace_training(
        WORDS, 14, sparse_prior=sparse_prior, progress=lambda size, target: seen.append((size, target))
    )
    assert seen == [(each.size, 14) for each in rounds]
    assert re.fullmatch("seed( em em prune)+ em em final", " ".join(each.step for each in rounds))
    assert rounds[-1].size == 14
    assert rounds[-2].size <= int(OVERSHOOT * 14)
    for before, after in pairwise(rounds):
        assert after.size <= before.size
        assert after.pieces.keys() <= before.pieces.keys()
    for each in rounds:
        assert set("".join(WORDS)) <= each.pieces.keys()
        assert isclose(each.log_likelihood, e_step(each.pieces, WORDS)[1])


def test_the_usual_settings_are_sentencepiece_s_and_others_are_handed_on() -> None:
    usual = {"seed_size": 1_000_000, "max_piece_length": 16, "shrinking_factor": 0.75, "em_steps": 2}
    other = {"seed_size": 20, "max_piece_length": 3, "shrinking_factor": 0.5, "em_steps": 1, "sparse_prior": False}
    with mock.patch.object(unigram_training, "trace_training", wraps=trace_training) as trace:
        train(WORDS, 14)
        train(WORDS, 14, **other)  # type: ignore[arg-type]
    assert [{name: call.kwargs[name] for name in other} for call in trace.call_args_list] == [
        {**usual, "sparse_prior": True},
        other,
    ]
    with mock.patch.object(unigram_training, "seed_pieces", wraps=seed_pieces) as seeds:
        rounds = trace_training(WORDS, 14)
    seeds.assert_called_once_with(WORDS, 1_000_000, 16)
    assert rounds == trace_training(WORDS, 14, **usual, sparse_prior=True)
    assert rounds != trace_training(WORDS, 14, **usual, sparse_prior=False)


@settings(max_examples=50)
@given(words=SMALL_WORDS, vocab_size=st.integers(3, 12))
def test_the_vocabulary_has_the_size_that_was_asked_for(words: dict[str, int], vocab_size: int) -> None:
    model = train(words, vocab_size, unknown="<unk>")
    n_pieces = len(seed_pieces(words, 1_000, 16))
    assert len(model.tokens) <= vocab_size
    assert model.tokens[0] == "<unk>"
    assert set("".join(words)) < set(model.tokens)
    assert len(model.tokens) == vocab_size or n_pieces >= len(model.tokens) - 1
    assert all(0 not in model.encode(word) for word in words)


def test_special_tokens_come_first_and_are_never_made() -> None:
    sizes: list[tuple[int, int]] = []
    model = train(
        WORDS,
        16,
        special_tokens=["<s>", "low"],
        unknown="<unk>",
        progress=lambda size, target: sizes.append((size, target)),
    )
    assert sizes[-1] == (16, 16)
    assert model.unknown == "<unk>"
    assert model.tokens[:3] == ("<unk>", "<s>", "low")
    assert model.scores[:3] == (-inf, -inf, -inf)
    assert model.ids["low"] not in model.encode("low")
    assert train(WORDS, 16, special_tokens=["<s>", "<unk>"], unknown="<unk>").tokens[:2] == ("<s>", "<unk>")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"word_counts": {"": 3}, "vocab_size": 9}, "there is no word to learn from"),
        ({"word_counts": {"abc": 3}, "vocab_size": 2}, "vocab_size (2) must be at least 3"),
        ({"word_counts": {"abc": 3}, "vocab_size": 9, "shrinking_factor": 1.0}, "shrinking_factor (1.0)"),
        ({"word_counts": {"abc": 3}, "vocab_size": 9, "shrinking_factor": 0}, "shrinking_factor (0)"),
        ({"word_counts": {"abc": 3}, "vocab_size": 9, "em_steps": 0}, "em_steps (0)"),
        ({"word_counts": {"abc": 3}, "vocab_size": 9, "max_piece_length": 0}, "max_piece_length (0)"),
        ({"word_counts": {"abc": 3}, "vocab_size": 9, "seed_size": -1}, "seed_size (-1)"),
    ],
    ids=str,
)
def test_what_cannot_be_trained(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=r"^(.* )?" + re.escape(message)):
        trace_training(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("option", [{"max_piece_length": 1}, {"seed_size": 0}], ids=str)
def test_without_longer_seeds_there_are_the_characters(option: dict[str, int]) -> None:
    assert trace_training(WORDS, 14, **option)[-1].pieces.keys() == set("".join(WORDS))  # type: ignore[arg-type]


@cache
def lines() -> list[str]:
    """Half a thousand lines of a play."""
    return [line for line in load("shakespeare").splitlines() if line.strip()][:600]


def count(texts: list[str]) -> Counter[str]:
    return Counter(word for text in texts for word in regex.findall("▁[^▁]*", "▁" + "▁".join(text.split())))


@cache
def trained_by_us(size: int) -> dict[str, float]:
    """Pieces that we learn from the lines; those of the libraries are learned from the same."""
    return trace_training(count(lines()), size)[-1].pieces


@cache
def trained_by_sentencepiece(size: int) -> dict[str, float]:
    buffer = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines()),
        model_writer=buffer,
        vocab_size=size + 3,
        normalization_rule_name="identity",
        character_coverage=1.0,
        split_by_unicode_script=False,  # rules of its own about what a piece may be
        split_by_number=False,
        hard_vocab_limit=False,
        num_threads=1,
        minloglevel=2,
    )
    library = sentencepiece.SentencePieceProcessor(model_proto=buffer.getvalue())
    return {library.id_to_piece(number): library.get_score(number) for number in range(3, library.get_piece_size())}


@cache
def trained_by_tokenizers(size: int) -> LibraryTokenizer:
    library = LibraryTokenizer(models.Unigram())
    library.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=size + 1, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False
    )
    library.train_from_iterator(lines(), trainer)
    return library


def pieces_of(library: LibraryTokenizer) -> dict[str, float]:
    return {piece: score for piece, score in json.loads(library.to_str())["model"]["vocab"] if piece != "<unk>"}


@pytest.mark.no_cover
@pytest.mark.parametrize("name", ["sentencepiece", "tokenizers"])
def test_our_pieces_fit_a_corpus_at_least_as_well_as_a_library_s(name: str) -> None:
    words = count(lines())
    ours = trained_by_us(400)
    theirs = trained_by_sentencepiece(400) if name == "sentencepiece" else pieces_of(trained_by_tokenizers(400))
    assert len(theirs) == len(ours) == 400
    assert len(ours.keys() & theirs.keys()) > 400 * 0.6
    # The better fit is one of the seeds: see the test of what always ends a word.
    assert 0.95 < fitted(ours, words) / fitted(theirs, words) < 1.0


def fitted(pieces: dict[str, float], words: Counter[str]) -> float:
    """The log likelihood of a corpus after a few plain steps that fit the probabilities of these pieces to it.

    What the libraries give sums to less than one, so that without this their own numbers would not compare.
    """
    for _ in range(5):
        pieces = m_step(fast_unigram.e_step(pieces, words)[0], sparse_prior=False)
    return fast_unigram.e_step(pieces, words)[1]


@pytest.mark.no_cover
def test_the_same_pieces_give_the_same_ids_as_tokenizers() -> None:
    library = trained_by_tokenizers(300)
    vocabulary = json.loads(library.to_str())["model"]["vocab"]
    model = Unigram(
        tuple(piece for piece, _ in vocabulary),
        tuple(-inf if piece == "<unk>" else score for piece, score in vocabulary),
        "<unk>",
    )
    random = Random(5)
    parts = ["the", "▁the", "aaaa", "é", "漢字", "e", "l", "ll", "▁", "king", "'s", "0", "T"]
    for _ in range(2_000):
        word = "".join(random.choice(parts) for _ in range(random.randrange(1, 12)))
        assert model.encode(word) == [token.id for token in library.model.tokenize(word)], word


def always_last(pieces: Iterable[str], words: Iterable[str]) -> set[str]:
    """The pieces of several characters behind which a word ends wherever they stand: endings, and whole words."""
    text = "\n".join(words) + "\n"
    return {piece for piece in pieces if len(piece) > 1 and text.count(piece) == text.count(f"{piece}\n")}


@pytest.mark.no_cover
def test_the_libraries_hardly_learn_what_always_ends_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    # Their seeds are the inner nodes of a suffix tree: substrings with different continuations. But every word ends
    # with the same sign (tokenizers) or is nearly always followed by the next word's ▁ (sentencepiece). So "▁most",
    # which begins no longer word, has one continuation, and is no seed.
    words = count(lines())
    ours = trained_by_us(400)
    theirs = pieces_of(trained_by_tokenizers(400)), trained_by_sentencepiece(400)
    assert {"▁most", "▁And", "▁shall"} < always_last(ours, words)
    assert always_last(theirs[0], words) == set()
    assert len(always_last(theirs[1], words)) < 0.1 * len(always_last(ours, words))

    # Without such seeds our training comes out close to theirs.
    def fewer_seeds(words: dict[str, int], seed_size: int, max_piece_length: int) -> dict[str, float]:
        seeds = seed_pieces(words, seed_size, max_piece_length)
        last = always_last(seeds, words)
        return {piece: score for piece, score in seeds.items() if piece not in last}

    monkeypatch.setattr(unigram_training, "seed_pieces", fewer_seeds)
    alike = trace_training(words, 400)[-1].pieces
    for pieces in theirs:
        assert len(alike.keys() & pieces.keys()) > 0.8 * 400 > len(ours.keys() & pieces.keys())
        assert abs(fitted(alike, words) / fitted(pieces, words) - 1) < 0.01


def test_too_small_a_size_is_told_in_the_caller_s_numbers() -> None:
    message = r"vocab_size \(4\) is below the 2 special tokens and 3 characters .*; give at least 5"
    with pytest.raises(ValueError, match=message):
        train({"low": 1}, 4, special_tokens=("<s>",), unknown="<unk>")
