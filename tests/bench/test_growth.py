"""What the book says of the growth of the recorded times with the size of the text."""

from math import log
from time import process_time

import pytest
from bench_tokenizers import VOCAB_SIZE, standard_library
from library_twins import train_byte_level

from llmguide.experiments.records import load
from llmguide.tokenizers import count_words, train_tokenizer


def growth(algorithm: str, work: str) -> float:
    """The exponent by which the recorded time grows with the size of the text; 1 is in proportion."""
    series = load("bench-tokenizers-by-size").metrics[algorithm]
    time, size = series[f"{work}_own"], series["megabytes"]
    return log(time[-1] / time[0]) / log(size[-1] / size[0])


def test_training_by_joining_grows_more_slowly_than_the_text() -> None:
    assert growth("bpe", "train") < 0.9
    assert growth("wordpiece", "train") < 0.9


def test_encoding_grows_at_most_in_proportion_and_most_slowly_with_bpe() -> None:
    assert growth("bpe", "encode") < growth("wordpiece", "encode") - 0.1
    assert all(growth(algorithm, "encode") < 1.05 for algorithm in ("bpe", "wordpiece", "unigram"))


@pytest.mark.long
def test_on_twenty_megabytes_the_library_works_longer_on_several_processors() -> None:
    """Why the row on 20 MB misses its goal: the package has one thread for less work, the library several for more.

    And more than half of the package's work is to cut the text and count its words, which the library does on all.
    """
    texts = standard_library(20_000_000)
    started = process_time()
    train_tokenizer(texts, VOCAB_SIZE)
    own = process_time() - started
    train_byte_level(texts, VOCAB_SIZE)
    assert own < process_time() - started - own
    started = process_time()
    count_words(texts)
    assert process_time() - started > own / 2
