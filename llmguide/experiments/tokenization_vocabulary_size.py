"""How much text a token stands for, against the number of tokens in the vocabulary.

A byte-level tokenizer with GPT-2's pattern is trained once for the largest vocabulary. Byte-pair encoding only ever
adds to its vocabulary, so the smaller tokenizers are its first merges. What counts is the text that was held out.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

from llmguide import datasets
from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.held_out import (
    TOKENIZERS,
    Split,
    bytes_per_token,
    count_tokens,
    first_lines,
    hold_out_documents,
    hold_out_lines,
)
from llmguide.experiments.records import Metrics, Record, number
from llmguide.tokenizers.bpe import Bpe
from llmguide.tokenizers.pretokenizers import GPT2
from llmguide.tokenizers.tokenizer import Tokenizer
from llmguide.tokenizers.training import train_tokenizer

CORPORA = {"english": "shakespeare", "python": "python", "multilingual": "messages"}


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        sizes: Sizes of the vocabulary to compare, rising; each is twice the one before.
        held_out: The part of each corpus to measure on.
        lines: How many lines of each document to use; ``None`` for all.
    """

    sizes: tuple[int, ...] = (256, 512, 1024, 2048, 4096, 8192)
    held_out: float = 0.2
    lines: int | None = None


def run(config: Config, seed: int) -> Metrics:
    """Train on each corpus and measure each size of the vocabulary.

    Args:
        config: Settings.
        seed: Chooses what is held out.

    Returns:
        For each corpus and size: bytes and characters per token on the held-out text, bytes per token on the training
        text, and the part of the vocabulary that the held-out text never uses.
    """
    return {name: _measure(_split(corpus, config, seed), config.sizes) for name, corpus in CORPORA.items()}


def first_tokens(tokenizer: Tokenizer, size: int) -> Tokenizer:
    """Take back the last merges of a tokenizer, as if training had stopped earlier.

    Args:
        tokenizer: A trained byte-level tokenizer.
        size: Number of tokens to keep.

    Returns:
        The tokenizer that training would have given for this size.

    Raises:
        TypeError: If the tokenizer has no merges.
    """
    model = tokenizer.model
    if not isinstance(model, Bpe):
        raise TypeError(f"only byte-pair encoding has merges to take back; got {type(model).__name__}")
    kept = set(model.tokens[:size])
    merges = []
    for left, right in model.merges:
        if left + right not in kept:
            break
        merges.append((left, right))
    return replace(tokenizer, model=Bpe(model.tokens[:size], tuple(merges)))


def _split(corpus: str, config: Config, seed: int) -> Split:
    documents = {title: first_lines(text, config.lines) for title, text in datasets.documents(corpus).items()}
    # The messages say line by line the same in all languages: a language held out whole would measure something else.
    hold_out = hold_out_lines if corpus == "messages" else hold_out_documents
    return hold_out(documents, config.held_out, seed)


def _measure(split: Split, sizes: tuple[int, ...]) -> dict[str, object]:
    train, held_out = split
    largest = train_tokenizer(train, max(sizes), pretokenizer=GPT2)
    measured: dict[str, object] = {}
    for size in sizes:
        tokenizer = first_tokens(largest, size)
        used = {token for text in held_out for token in tokenizer.encode_ids(text)}
        measured[str(size)] = {
            "bytes_per_token": bytes_per_token(tokenizer, held_out),
            "characters_per_token": sum(map(len, held_out)) / count_tokens(tokenizer, held_out),
            "bytes_per_token_in_training": bytes_per_token(tokenizer, train),
            "unused": 1 - len(used) / tokenizer.vocab_size,
        }
    return measured


def _gains(metrics: Metrics, corpus: str) -> list[float]:
    """Give the relative gain in bytes per token at each doubling, from 512 tokens on."""
    sizes = [size for size in EXPERIMENT.config.sizes if size >= 512]
    compression = [number(metrics, f"{corpus}.{size}.bytes_per_token") for size in sizes]
    return [after / before - 1 for before, after in pairwise(compression)]


def _smallest_gain(metrics: Metrics) -> float:
    return min(gain for corpus in CORPORA for gain in _gains(metrics, corpus))


def _diminishing(metrics: Metrics) -> float:
    return min(_gains(metrics, corpus)[0] / _gains(metrics, corpus)[-1] for corpus in ("english", "python"))


def _training_flatters(metrics: Metrics) -> float:
    largest = EXPERIMENT.config.sizes[-1]
    return min(
        number(metrics, f"{corpus}.{largest}.bytes_per_token_in_training")
        / number(metrics, f"{corpus}.{largest}.bytes_per_token")
        - 1
        for corpus in CORPORA
    )


def _code_over_english(metrics: Metrics) -> float:
    python, english = (number(metrics, f"{corpus}.8192.bytes_per_token") for corpus in ("python", "english"))
    return python / english - 1


def _characters_lost(metrics: Metrics) -> float:
    several, english = (number(metrics, f"{name}.4096.characters_per_token") for name in ("multilingual", "english"))
    return 1 - several / english


def draw(figure: Figure, record: Record) -> None:
    """Draw bytes per token against vocabulary size, one line for each corpus.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    sizes = EXPERIMENT.config.sizes
    # Two of the lines end close together, so their labels are moved apart.
    labels = {"python": ("Python", 0), "english": ("English", -8), "multilingual": ("15 languages", 5)}
    for index, (corpus, (label, shift)) in enumerate(labels.items()):
        paths = [f"{corpus}.{size}.bytes_per_token" for size in sizes]
        values, errors = ([number(source, path) for path in paths] for source in (record, record.spread))
        axes.errorbar(sizes, values, yerr=errors, color=f"C{index}", marker="osD"[index], markersize=4, capsize=2)
        axes.annotate(
            label, (sizes[-1], values[-1]), (8, shift), textcoords="offset points", va="center", color=f"C{index}"
        )
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.set_xlim(right=sizes[-1] * 2.7)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("tokens in the vocabulary")
    axes.set_ylabel("bytes per token, held-out text")
    axes.spines[["top", "right"]].set_visible(False)


EXPERIMENT = Experiment(
    name="tokenization-vocabulary-size",
    title="Compression against vocabulary size",
    explained_in="sec-vocabulary-size",
    config=Config(),
    reduced=Config(sizes=(256, 512, 1024), lines=300),
    run=run,
    seeds=(0, 1, 2, 3, 4),
    claims=(
        Claim(
            "each-doubling-compresses",
            "Each doubling of the vocabulary from 512 to 8,192 tokens lets a token stand for at least 3 % more bytes "
            "of held-out text, in English, in Python and in fifteen languages together.",
            0.03,
            _smallest_gain,
        ),
        Claim(
            "returns-diminish",
            "In English and in Python the doubling from 512 to 1,024 tokens gains, in per cent, at least twice as much "
            "as the one from 4,096 to 8,192.",
            2.0,
            _diminishing,
        ),
        Claim(
            "training-text-flatters",
            "With 8,192 tokens the training text compresses at least 3 % better than held-out text, in all three "
            "corpora.",
            0.03,
            _training_flatters,
        ),
        Claim(
            "code-compresses-more",
            "With 8,192 tokens, each trained on its own kind of text, a token of Python stands for at least 10 % more "
            "bytes than one of English.",
            0.10,
            _code_over_english,
        ),
        Claim(
            "many-scripts-cost",
            "With 4,096 tokens a token of the fifteen languages stands for at least a quarter fewer characters than "
            "one of English.",
            0.25,
            _characters_lost,
        ),
    ),
    figures={"bytes-per-token": draw},
    depends=("llmguide.datasets", *TOKENIZERS),
    datasets=("shakespeare", "python", "messages"),
    packages=("regex",),
)
