"""Time the tokenizers beside their peers, in one run, and record the report in ``book/results/bench-tokenizers.json``.

    make bench

Own and peer take turns: see ``comparing``. The library trains with several threads and we with one, so a busy machine
flatters us there; the record says how busy it was at the start and at the end.
"""

import argparse
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tokenizers"))

from comparing import Row, compare, fingerprint, record_benchmark, report, seconds
from library_twins import as_tiktoken, merges, published_pattern, train_byte_level, train_unigram, train_wordpiece
from tokenizers import Tokenizer as LibraryTokenizer

from llmguide import datasets
from llmguide.tokenizers import bpe, count_words, fast_bpe, train_tokenizer
from llmguide.tokenizers.alphabet import BYTE_ALPHABET, spell
from llmguide.tokenizers.interop import dumps, loads
from llmguide.tokenizers.normalizers import BertNormalizer
from llmguide.tokenizers.pretokenizers import GPT2
from llmguide.tokenizers.tokenizer import Tokenizer

VOCAB_SIZE = 4096


def standard_library(size: int) -> list[str]:
    """Read Python's own modules, which every reader has, up to a number of bytes."""
    texts, read = [], 0
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if "site-packages" not in path.parts and read < size:
            text = path.read_bytes().decode("utf-8", errors="replace")
            texts.append(text)
            read += len(text.encode("utf-8"))
    return texts


def training_rows(rounds: int) -> dict[str, Row]:
    """Train on texts of several sizes; the merges must be the library's."""
    corpora = {
        "shakespeare": ([datasets.load("shakespeare")], "of English", "≤ 1.5"),
        "all": ([datasets.load(name) for name in datasets.all_datasets()], "of all corpora of the book", "≤ 1.5"),
        "python-5": (standard_library(5_000_000), "of Python", "≤ 1.5"),
        "python-20": (standard_library(20_000_000), "of Python", "≤ 1.0"),
    }
    rows = {}
    for name, (texts, described, goal) in corpora.items():
        same = list(train_tokenizer(texts, VOCAB_SIZE).model.merges) == merges(train_byte_level(texts, VOCAB_SIZE))
        assert same, f"the merges on {name} are not the library's; its times would mean nothing"
        rows[f"train-{name}"] = compare(
            f"train on {sum(len(text.encode()) for text in texts) / 1e6:.1f} MB {described}",
            "tokenizers",
            "s",
            lambda texts=texts: seconds(lambda: train_tokenizer(texts, VOCAB_SIZE)),
            lambda texts=texts: seconds(lambda: train_byte_level(texts, VOCAB_SIZE)),
            goal,
            rounds,
        )
    return rows


def twin_row(rounds: int) -> Row:
    """Train on 20 KB with the readable trainer and with the fast one."""
    words = count_words([datasets.load("shakespeare")[:20_000]])
    return compare(
        "train on 20 KB to 2,048 tokens",
        "readable version",
        "s",
        lambda: seconds(lambda: fast_bpe.train(words, 2048, alphabet=BYTE_ALPHABET)),
        lambda: seconds(lambda: bpe.train(words, 2048, alphabet=BYTE_ALPHABET)),
        "≤ 0.01",
        rounds,
    )


def naive_row(rounds: int) -> Row:
    """Encode 0.2 MB as it comes, and word by word with the readable version, which remembers none."""
    text = datasets.load("shakespeare")[:200_000]
    saved = dumps(train_tokenizer([text], VOCAB_SIZE))
    model = loads(saved).model
    assert isinstance(model, bpe.Bpe)
    ranks = {pair: rank for rank, pair in enumerate(model.merges)}
    megabytes = len(text.encode("utf-8")) / 1e6

    def own() -> float:
        cold = loads(saved)
        return megabytes / seconds(lambda: cold.encode_ids(text))

    def naive() -> list[int]:
        words = (bpe.split_word(spell(word)) for word in GPT2.words(text))
        return [model.ids[symbol] for word in words for symbol in bpe.encode_word(word, ranks)]

    assert naive() == loads(saved).encode_ids(text)
    return compare(
        "encode 0.2 MB, every word new at first",
        "readable version",
        "MB/s",
        own,
        lambda: megabytes / seconds(naive),
        "≥ 5",
        rounds,
    )


def encoding_rows(rounds: int) -> dict[str, Row]:
    """Encode 1.1 MB, document by document, with the vocabulary trained on it."""
    texts = list(datasets.documents("shakespeare").values())
    megabytes = sum(len(text.encode("utf-8")) for text in texts) / 1e6
    saved = dumps(train_tokenizer(texts, VOCAB_SIZE))
    warm_own, warm_library = loads(saved), LibraryTokenizer.from_str(saved)
    tiktoken_twin = as_tiktoken(warm_own, published_pattern("gpt2"))
    expected = [warm_own.encode_ids(text) for text in texts]
    assert expected == [warm_library.encode(text).ids for text in texts]
    assert expected == [tiktoken_twin.encode_ordinary(text) for text in texts]

    def speed(encode: Callable[[str], object]) -> float:
        return megabytes / seconds(lambda: [encode(text) for text in texts])

    def own_cold() -> float:
        return speed(loads(saved).encode_ids)

    def library_cold() -> float:
        library = LibraryTokenizer.from_str(saved)
        return speed(lambda text: library.encode(text).ids)

    def own_warm() -> float:
        return speed(warm_own.encode_ids)

    def library_warm() -> float:
        return speed(lambda text: warm_library.encode(text).ids)

    def tiktoken_speed() -> float:
        return speed(tiktoken_twin.encode_ordinary)

    cold, warm = "encode 1.1 MB, every word new at first", "encode 1.1 MB, every word seen before"
    return {
        "encode-cold-tokenizers": compare(cold, "tokenizers", "MB/s", own_cold, library_cold, "≥ 1.4", rounds),
        "encode-warm-tokenizers": compare(warm, "tokenizers", "MB/s", own_warm, library_warm, "≥ 1.4", rounds),
        "encode-cold-tiktoken": compare(cold, "tiktoken", "MB/s", own_cold, tiktoken_speed, "≥ 0.3", rounds),
        "encode-warm-tiktoken": compare(warm, "tiktoken", "MB/s", own_warm, tiktoken_speed, "≥ 0.3", rounds),
    }


def train_own_wordpiece(texts: list[str]) -> Tokenizer:
    """Train WordPiece as the library does: join the most frequent pair, of text that is cut as for BERT."""
    return train_tokenizer(texts, VOCAB_SIZE, algorithm="wordpiece", criterion="count", normalizer=BertNormalizer())


def wordpiece_rows(rounds: int) -> dict[str, Row]:
    """Train WordPiece on 1.1 MB and encode it.

    The library numbers the characters inside words in an order that changes from run to run, and with it decides ties.
    So the two vocabularies may differ in a few tokens; for encoding both have ours.
    """
    texts = list(datasets.documents("shakespeare").values())
    megabytes = sum(len(text.encode("utf-8")) for text in texts) / 1e6
    own, library = train_own_wordpiece(texts), train_wordpiece(texts, VOCAB_SIZE)
    assert len(own.model.ids.keys() & library.get_vocab().keys()) > 0.98 * VOCAB_SIZE
    saved = dumps(own)
    library = LibraryTokenizer.from_str(saved)
    assert [own.encode_ids(text) for text in texts] == [library.encode(text).ids for text in texts]

    def own_cold() -> float:
        cold = loads(saved)
        return megabytes / seconds(lambda: [cold.encode_ids(text) for text in texts])

    def library_cold() -> float:
        cold = LibraryTokenizer.from_str(saved)
        return megabytes / seconds(lambda: [cold.encode(text).ids for text in texts])

    return {
        "train-wordpiece": compare(
            "train WordPiece on 1.1 MB of English",
            "tokenizers",
            "s",
            lambda: seconds(lambda: train_own_wordpiece(texts)),
            lambda: seconds(lambda: train_wordpiece(texts, VOCAB_SIZE)),
            "≤ 10",
            rounds,
        ),
        "encode-wordpiece": compare(
            "encode 1.1 MB with WordPiece, every word new at first",
            "tokenizers",
            "MB/s",
            own_cold,
            library_cold,
            "≥ 0.4",
            rounds,
        ),
    }


def unigram_rows(rounds: int) -> dict[str, Row]:
    """Train Unigram on an eighth of 1.1 MB and encode the same.

    SentencePiece normalizes and cuts otherwise, so only the amount of work is alike. ``tokenizers`` has our vocabulary.
    """
    texts = [text[: len(text) // 8] for text in datasets.documents("shakespeare").values()]
    megabytes = sum(len(text.encode("utf-8")) for text in texts) / 1e6
    size = VOCAB_SIZE // 2
    saved = dumps(train_tokenizer(texts, size, algorithm="unigram"))
    own, library, sentencepiece = loads(saved), LibraryTokenizer.from_str(saved), train_unigram(texts, size)
    assert [own.encode_ids(text) for text in texts] == [library.encode(text).ids for text in texts]

    def speed(encode: Callable[[str], object]) -> float:
        return megabytes / seconds(lambda: [encode(text) for text in texts])

    def own_cold() -> float:
        return speed(loads(saved).encode_ids)

    def library_cold() -> float:
        return speed(LibraryTokenizer.from_str(saved).encode)

    work = f"encode {1000 * megabytes:.0f} KB with Unigram, every word new at first"
    return {
        "train-unigram": compare(
            f"train Unigram on {1000 * megabytes:.0f} KB of English",
            "sentencepiece",
            "s",
            lambda: seconds(lambda: train_tokenizer(texts, size, algorithm="unigram")),
            lambda: seconds(lambda: train_unigram(texts, size)),
            "≤ 30",
            rounds,
        ),
        "encode-unigram-tokenizers": compare(work, "tokenizers", "MB/s", own_cold, library_cold, "≥ 0.1", rounds),
        "encode-unigram-sentencepiece": compare(
            work, "sentencepiece", "MB/s", own_cold, lambda: speed(sentencepiece.encode), "≥ 0.01", rounds
        ),
    }


def import_time(module: str) -> float:
    """Import a module in a process of its own and take the time of the import alone."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)


def import_row(rounds: int) -> Row:
    """Import the package, which loads its parts when they are first used."""
    own, peer = lambda: import_time("llmguide"), lambda: import_time("tokenizers")
    return compare("import llmguide", "tokenizers", "s", own, peer, "≤ 1.0", rounds)


def main() -> None:
    """Run every comparison, print the table and record it."""
    parser = argparse.ArgumentParser(description="Time the tokenizers beside their peers.")
    parser.add_argument("--rounds", type=int, default=7, help="how often each comparison is made (default: 7)")
    rounds = parser.parse_args().rounds
    started, load = time.perf_counter(), os.getloadavg()[0]
    rows = {
        **training_rows(rounds),
        "twins": twin_row(rounds),
        "encode-twins": naive_row(rounds),
        **encoding_rows(rounds),
        **wordpiece_rows(rounds),
        **unigram_rows(rounds),
        "import": import_row(rounds),
    }
    record_benchmark(
        "bench-tokenizers",
        "Speed of the tokenizers beside their peers",
        report(rows),
        rounds=rounds,
        packages=("regex", "tokenizers", "tiktoken", "sentencepiece"),
        sources=fingerprint("bench_tokenizers", datasets.all_datasets()),
        started=started,
        load=load,
        config={"vocab_size": VOCAB_SIZE},
    )


if __name__ == "__main__":
    main()
