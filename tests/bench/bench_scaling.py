"""Time the work at several sizes of corpus, and record it in ``book/results/bench-tokenizers-by-size.json``.

    make bench

What is asked is how the cost grows, so each algorithm meets the same texts at every size, beside the library that does
the same. The time of a size is the shortest of the rounds: what else the machine does can only add to it.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable

from bench_tokenizers import VOCAB_SIZE, standard_library, train_own_wordpiece
from comparing import fingerprint, record_benchmark
from library_twins import train_byte_level, train_unigram, train_wordpiece
from tokenizers import Tokenizer as LibraryTokenizer

from llmguide.tokenizers import Tokenizer, train_tokenizer
from llmguide.tokenizers.interop import dumps, loads

# Texts are whole files, and there is no sum of them between the first two.
SIZES = [62_500, *(2**power * 250_000 for power in range(5))]
LARGEST = {"unigram": 1_000_000}
"""Up to where an algorithm is followed that takes half a minute for what takes the others a second."""

TRAINERS: dict[str, tuple[Callable[[list[str]], Tokenizer], Callable[[list[str]], object]]] = {
    "bpe": (lambda texts: train_tokenizer(texts, VOCAB_SIZE), lambda texts: train_byte_level(texts, VOCAB_SIZE)),
    "wordpiece": (train_own_wordpiece, lambda texts: train_wordpiece(texts, VOCAB_SIZE)),
    "unigram": (
        lambda texts: train_tokenizer(texts, VOCAB_SIZE // 4, algorithm="unigram"),
        lambda texts: train_unigram(texts, VOCAB_SIZE // 4),
    ),
}
"""For each algorithm, how we train and how its library does: ``tokenizers``, and ``sentencepiece`` for Unigram."""

Series = dict[str, list[float]]


def shortest(rounds: int, *works: Callable[[], object]) -> list[float]:
    """Do some works in turns and give the shortest time of each."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, taken in zip(works, times, strict=True):
            started = time.perf_counter()
            work()
            taken.append(time.perf_counter() - started)
    return [min(taken) for taken in times]


def measure(algorithm: str, sizes: list[int], rounds: int) -> Series:
    """Train on the texts of each size, and encode them with what was trained on the smallest."""
    own_trainer, library_trainer = TRAINERS[algorithm]
    saved = dumps(own_trainer(standard_library(sizes[0])))
    series: Series = {name: [] for name in ("megabytes", "train_own", "train_library", "encode_own", "encode_library")}
    for size in sizes:
        texts = standard_library(size)
        sys.stderr.write(f"\r{algorithm}: {size / 1e6:.3g} MB\033[K")
        own, library = loads(saved), LibraryTokenizer.from_str(saved)  # anew, so that no word has been seen
        repeats = rounds if size <= 500_000 and algorithm != "unigram" else 1
        trained = shortest(repeats, lambda: own_trainer(texts), lambda: library_trainer(texts))  # noqa: B023
        encoded = shortest(
            1,
            lambda: [own.encode_ids(text) for text in texts],  # noqa: B023
            lambda: [library.encode(text).ids for text in texts],  # noqa: B023
        )
        series["megabytes"].append(sum(len(text.encode("utf-8")) for text in texts) / 1e6)
        for name, taken in zip(list(series)[1:], [*trained, *encoded], strict=True):
            series[name].append(taken)
    sys.stderr.write("\r\033[K")
    return series


def main() -> None:
    """Measure every algorithm, print the times and record them."""
    parser = argparse.ArgumentParser(description="Time training and encoding at several sizes of corpus.")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is trained, up to 0.5 MB (default: 3)")
    parser.add_argument("--largest", type=float, default=4, help="the largest corpus in MB (default: 4)")
    arguments = parser.parse_args()
    sizes = [size for size in SIZES if size <= arguments.largest * 1e6]
    started, load = time.perf_counter(), os.getloadavg()[0]
    metrics = {
        algorithm: measure(
            algorithm, [size for size in sizes if size <= LARGEST.get(algorithm, size)], arguments.rounds
        )
        for algorithm in TRAINERS
    }
    for algorithm, series in metrics.items():
        sys.stdout.write(f"{algorithm}\n")
        for name, values in series.items():
            sys.stdout.write(f"  {name:16}" + "".join(f"{value:9.3f}" for value in values) + "\n")
    record_benchmark(
        "bench-tokenizers-by-size",
        "Cost of training and encoding by the size of the corpus",
        metrics,
        rounds=arguments.rounds,
        packages=("regex", "tokenizers", "sentencepiece"),
        sources=fingerprint("bench_scaling"),
        started=started,
        load=load,
        config={"vocab_size": VOCAB_SIZE},
    )


if __name__ == "__main__":
    main()
