"""How much drawing cuts at random changes what a model reads: by a unigram model and by BPE-dropout.

Both tokenizers are trained on the same words. Running words of held-out text, drawn at random, are then cut several
times each, with several strengths of either method.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random

from llmguide import datasets
from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.held_out import TOKENIZERS, first_lines, hold_out_documents
from llmguide.experiments.records import Metrics, Record, number
from llmguide.tokenizers import fast_bpe, unigram_training
from llmguide.tokenizers.bpe import split_word
from llmguide.tokenizers.dropout import sample_word
from llmguide.tokenizers.pretokenizers import WORDS
from llmguide.tokenizers.training import count_words

UNKNOWN = "<unk>"


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        vocab_size: Size of both vocabularies.
        alphas: Powers to which a unigram model's probabilities are raised, falling: from the mildest to the strongest.
        dropouts: Probabilities with which merges are dropped, rising.
        words: How many running words to draw from the held-out text.
        draws: How often to cut each of them.
        held_out: The part of the corpus to measure on.
        lines: How many lines of each document to use; ``None`` for all.
    """

    vocab_size: int = 4096
    alphas: tuple[float, ...] = (1.0, 0.5, 0.2, 0.1)
    dropouts: tuple[float, ...] = (0.05, 0.1, 0.2, 0.5)
    words: int = 1_000
    draws: int = 20
    held_out: float = 0.2
    lines: int | None = None


def run(config: Config, seed: int) -> Metrics:
    """Train both tokenizers and draw cuts.

    Args:
        config: Settings.
        seed: Chooses what is held out, the words, and every draw.

    Returns:
        ``unigram`` by power and ``dropout`` by probability, each written in hundredths: what :func:`measure` gives.
    """
    documents = {title: first_lines(text, config.lines) for title, text in datasets.documents("shakespeare").items()}
    train, held_out = (
        count_words(texts, WORDS, byte_level=False) for texts in hold_out_documents(documents, config.held_out, seed)
    )
    unigram = unigram_training.train(train, config.vocab_size, unknown=UNKNOWN)
    bpe = replace(fast_bpe.train(train, config.vocab_size, special_tokens=[UNKNOWN]), unknown=UNKNOWN)
    random = Random(seed)
    words = random.choices(list(held_out), list(held_out.values()), k=config.words)

    def by_model(alpha: float) -> Callable[[str], tuple[int, ...]]:
        return lambda word: tuple(unigram.sample(word, random, alpha))

    def by_dropout(p: float) -> Callable[[str], tuple[str, ...]]:
        return lambda word: sample_word(split_word(word), bpe.ranks, p, random)

    usual = {word: tuple(unigram.encode(word)) for word in words}
    merged = {word: sample_word(split_word(word), bpe.ranks, 0.0, random) for word in words}
    return {
        "unigram": {hundredths(alpha): measure(by_model(alpha), usual, words, config.draws) for alpha in config.alphas},
        "dropout": {hundredths(p): measure(by_dropout(p), merged, words, config.draws) for p in config.dropouts},
    }


def hundredths(value: float) -> str:
    """Write a setting so that the path of a result can hold it.

    Args:
        value: A number from 0 to 1.

    Returns:
        The number of hundredths.

    Example:
        >>> hundredths(0.05)
        '5'
    """
    return str(round(100 * value))


def measure(
    draw: Callable[[str], Sequence[object]], usual: Mapping[str, Sequence[object]], words: Sequence[str], draws: int
) -> dict[str, float]:
    """Cut words several times at random and compare with the usual cuts.

    Args:
        draw: Cuts a word at random.
        usual: The cut of each word that encoding gives.
        words: Words, as often as they should count.
        draws: How often to cut each.

    Returns:
        ``longer``: how many more tokens the drawn cuts have than the usual ones, as a part of those. ``different``: how
        many different cuts the draws of one word give, on average. ``usual``: the part of the draws that are the usual
        cut.

    Example:
        >>> measure(lambda word: ("l", "ow"), {"low": ("low",)}, ["low"], draws=10)
        {'longer': 1.0, 'different': 1.0, 'usual': 0.0}
    """
    drawn = same = different = 0
    for word in words:
        cuts = [draw(word) for _ in range(draws)]
        drawn += sum(map(len, cuts))
        same += cuts.count(usual[word])
        different += len(set(map(tuple, cuts)))
    expected = draws * sum(len(usual[word]) for word in words)
    return {
        "longer": drawn / expected - 1,
        "different": different / len(words),
        "usual": same / (draws * len(words)),
    }


def _steps(metrics: Metrics) -> float:
    """Give the smallest rise in length from one strength of a method to the next stronger one."""
    config = EXPERIMENT.config
    series = (
        [number(metrics, f"unigram.{hundredths(alpha)}.longer") for alpha in config.alphas],
        [number(metrics, f"dropout.{hundredths(p)}.longer") for p in config.dropouts],
    )
    return min(after - before for values in series for before, after in pairwise(values))


def draw(figure: Figure, record: Record) -> None:
    """Draw how many different cuts each method and strength gives against how much longer it makes the text.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    config = EXPERIMENT.config
    series = {
        "unigram": ("unigram, power $\\alpha$", config.alphas, "o", (-7, 7), "right"),
        "dropout": ("BPE-dropout, probability $p$", config.dropouts, "s", (7, -9), "left"),
    }
    for index, (method, (label, settings, marker, shift, side)) in enumerate(series.items()):
        longer, different = (
            [factor * number(record, f"{method}.{hundredths(setting)}.{measure}") for setting in settings]
            for factor, measure in ((100, "longer"), (1, "different"))
        )
        axes.plot(longer, different, color=f"C{index}", marker=marker, markersize=5, label=label)
        for setting, x, y in zip(settings, longer, different, strict=True):
            axes.annotate(
                f"{setting:g}", (x, y), shift, textcoords="offset points", ha=side, fontsize=8, color=f"C{index}"
            )
    axes.set_xlabel("more tokens than with the usual cuts (%)")
    axes.set_ylabel("different cuts in 20 draws")
    axes.set_xlim(left=-4)
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)


EXPERIMENT = Experiment(
    name="tokenization-sampling",
    title="What drawing cuts at random does to a text",
    explained_in="sec-subword-regularization",
    config=Config(),
    reduced=Config(vocab_size=512, words=100, lines=100),
    run=run,
    seeds=(0, 1, 2),
    claims=(
        Claim(
            "the-model-alone-hardly-varies",
            "Cuts drawn with the unigram model's own probabilities are the usual ones in at least 90 % of the draws.",
            0.90,
            lambda metrics: number(metrics, "unigram.100.usual"),
        ),
        Claim(
            "stronger-is-longer",
            "Each step from a milder to a stronger setting, of the power as of the probability, makes the text longer "
            "by at least another percentage point of the usual length.",
            0.01,
            _steps,
        ),
        Claim(
            "a-tenth-lengthens",
            "BPE-dropout with p = 0.1 makes the text at least 5 % longer.",
            0.05,
            lambda metrics: number(metrics, "dropout.10.longer"),
        ),
        Claim(
            "a-tenth-cuts-otherwise",
            "BPE-dropout with p = 0.1 cuts at least a tenth of the running words otherwise than usual.",
            0.10,
            lambda metrics: 1 - number(metrics, "dropout.10.usual"),
        ),
    ),
    figures={"diversity": draw},
    depends=("llmguide.datasets", *TOKENIZERS, "llmguide.tokenizers.dropout"),
    datasets=("shakespeare",),
    packages=("regex",),
)
