"""How the time of training and of encoding grows with the size of the text, step by step.

Training is timed in its two steps: the text is cut into words and these are counted, which all methods share, and then
a method learns from the counts. The texts are the beginnings of one corpus, each twice as long as the one before.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import log
from random import Random
from statistics import linear_regression

from llmguide import datasets
from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.held_out import TOKENIZERS
from llmguide.experiments.records import Metrics, Record, number
from llmguide.experiments.timing import shortest_seconds
from llmguide.experiments.tokenization_algorithms import UNKNOWN, train_model
from llmguide.tokenizers.models import Model
from llmguide.tokenizers.pretokenizers import WORDS
from llmguide.tokenizers.tokenizer import Tokenizer
from llmguide.tokenizers.training import count_words
from llmguide.tokenizers.unigram_training import trace_training

METHODS = {"bpe": "BPE", "wordpiece-count": "WordPiece by count", "unigram": "unigram"}


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        sizes: Sizes of the text in characters, rising.
        vocab_size: The number of tokens of each vocabulary.
        repeats: How often to do each work at each size; the fastest time counts.
    """

    sizes: tuple[int, ...] = (62_500, 125_000, 250_000, 500_000, 1_000_000)
    vocab_size: int = 1024
    repeats: int = 5


def run(config: Config, seed: int) -> Metrics:
    """Train and encode on each size of the text.

    Args:
        config: Settings.
        seed: Chooses the order of Shakespeare's works, whose beginning is the text.

    Returns:
        ``words.all`` and ``words.distinct``: how many the text has, by its size. ``learning``: seconds of the
        processor, by step (``count``, or a method that learns from the counts) and size. ``encoding``: the same by
        method, with a vocabulary learned on the smallest text, and no word seen before. ``unigram.pieces`` and
        ``unigram.rounds``: with how many pieces the training of the unigram model begins, and how many rounds of
        expectation maximization it takes. Beside the sizes stands ``growth``, see :func:`growth`.
    """
    titles = sorted(works := datasets.documents("shakespeare"))
    Random(seed).shuffle(titles)
    text = "".join(works[title] for title in titles)
    models = {
        method: train_model(method, count_words([text[: config.sizes[0]]], WORDS, byte_level=False), config.vocab_size)
        for method in METHODS
    }
    series: dict[str, dict[str, dict[str, float]]] = {}
    for size in config.sizes:
        for kind, measured in measure(text[:size], models, config).items():
            for name, value in measured.items():
                series.setdefault(kind, {}).setdefault(name, {})[str(size)] = value
    return {
        kind: {name: {**values, "growth": growth(values)} for name, values in measured.items()}
        for kind, measured in series.items()
    }


def measure(text: str, models: Mapping[str, Model], config: Config) -> dict[str, dict[str, float]]:
    """Count the words of a text and time what is done with it.

    Args:
        text: Any text.
        models: What to encode it with, by method.
        config: Settings.

    Returns:
        What :func:`run` gives for this size.
    """

    def count() -> Counter[str]:
        return count_words([text], WORDS, byte_level=False)

    words = count()
    learning, encoding = {"count": shortest_seconds(count, config.repeats)}, {}
    for method, model in models.items():
        learning[method] = shortest_seconds(partial(train_model, method, words, config.vocab_size), config.repeats)
        encoding[method] = shortest_seconds(partial(encode_anew, model, text), config.repeats)
    rounds = trace_training(words, config.vocab_size)
    return {
        "words": {"all": words.total(), "distinct": len(words)},
        "learning": learning,
        "encoding": encoding,
        "unigram": {"pieces": rounds[0].size, "rounds": sum(done.step == "em" for done in rounds)},
    }


def encode_anew(model: Model, text: str) -> list[int]:
    """Encode a text with a tokenizer that has seen no word before, and so remembers none.

    Args:
        model: The tokenizer's model.
        text: Any text.

    Returns:
        The ids.
    """
    return Tokenizer(model, WORDS, special_tokens=(UNKNOWN,)).encode_ids(text)


def growth(series: Mapping[str, float]) -> float:
    r"""Fit the power of the size that a quantity grows with.

    Args:
        series: The quantity by size.

    Returns:
        The slope of the straight line that is closest, by least squares, to the logarithms of the quantity over those
        of the size: 1 where the quantity is in proportion to the size, 2 where it grows with the square.

    Example:
        >>> growth({"10": 5.0, "20": 20.0, "40": 80.0})
        2.0
    """
    sizes, values = [log(int(size)) for size in series], [log(value) for value in series.values()]
    return round(linear_regression(sizes, values).slope, 12)


def _growths(metrics: Metrics, work: str, *names: str) -> list[float]:
    return [number(metrics, f"{work}.{name}.growth") for name in names]


def _largest(metrics: Metrics, path: str) -> float:
    return number(metrics, f"{path}.{EXPERIMENT.config.sizes[-1]}")


def draw(figure: Figure, record: Record) -> None:
    """Draw the times of learning and of encoding against the size of the text.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    figure.set_figheight(3.4)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    labels = METHODS | {"count": "cutting and counting"}
    markers = dict(zip(labels, "os^D", strict=True))
    sizes = EXPERIMENT.config.sizes
    for axes, work, title in zip(panels, ("learning", "encoding"), ("training", "encoding"), strict=True):
        for index, (name, label) in enumerate(labels.items()):
            if name in METHODS or work == "learning":
                paths = [f"{work}.{name}.{size}" for size in sizes]
                values, errors = ([number(source, path) for path in paths] for source in (record, record.spread))
                axes.errorbar(
                    [size / 1e6 for size in sizes],
                    values,
                    yerr=errors,
                    color=f"C{index}",
                    marker=markers[name],
                    markersize=4,
                    capsize=2,
                    label=label,
                )
        axes.set(xscale="log", yscale="log", xlabel="millions of characters", title=title)
        axes.set_xticks([size / 1e6 for size in sizes], [f"{size / 1e6:g}" for size in sizes])
        axes.minorticks_off()
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("processor time (s)")
    panels[1].legend(*panels[0].get_legend_handles_labels(), fontsize=7, loc="upper left")


EXPERIMENT = Experiment(
    name="tokenization-growth",
    title="Time of training and encoding against the size of the text",
    explained_in="sec-tokenization-growth",
    config=Config(),
    reduced=Config(sizes=(20_000, 40_000), vocab_size=256, repeats=1),
    run=run,
    claims=(
        Claim(
            "words-repeat",
            "From 62,500 characters to a million the number of distinct words grows at most as the size of the text to "
            "the power 0.8.",
            -0.8,
            lambda metrics: -number(metrics, "words.distinct.growth"),
        ),
        Claim(
            "counting-is-in-proportion",
            "The time of cutting the text into words and counting them grows at least as the size to the power 0.9.",
            0.9,
            lambda metrics: number(metrics, "learning.count.growth"),
        ),
        Claim(
            "joining-grows-more-slowly-than-the-text",
            "The time in which BPE and WordPiece learn from the counts grows at most as the size to the power 0.8.",
            -0.8,
            lambda metrics: -max(_growths(metrics, "learning", "bpe", "wordpiece-count")),
        ),
        Claim(
            "unigram-grows-faster-than-bpe",
            "The power with which the time grows in which the unigram model learns from the counts is at least 0.2 "
            "larger than that of BPE.",
            0.2,
            lambda metrics: number(metrics, "learning.unigram.growth") - number(metrics, "learning.bpe.growth"),
        ),
        Claim(
            "unigram-learns-slowly",
            "On a million characters the unigram model takes at least ten times as long to learn from the counts as "
            "BPE.",
            10.0,
            lambda metrics: _largest(metrics, "learning.unigram") / _largest(metrics, "learning.bpe"),
        ),
        Claim(
            "encoding-grows-at-most-in-proportion",
            "The time of encoding grows at most as the size to the power 1.05, by all three methods.",
            -1.05,
            lambda metrics: -max(_growths(metrics, "encoding", *METHODS)),
        ),
    ),
    figures={"time": draw},
    depends=(
        "llmguide.datasets",
        "llmguide.experiments.suffixes",
        "llmguide.experiments.timing",
        "llmguide.experiments.tokenization_algorithms",
        *TOKENIZERS,
    ),
    datasets=("shakespeare",),
    packages=("regex",),
    machine_dependent=("learning.*", "encoding.*"),
)
