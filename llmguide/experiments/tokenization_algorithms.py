"""Byte-pair encoding, WordPiece and the unigram model, trained on the same words and asked the same questions.

Each method gets the words of the training text with their counts, and the same number of tokens to spend. WordPiece is
trained three times, by each of its criteria. Measured on held-out text: how much of a word a token stands for, how
words that were never seen are cut, and whether the cuts of English words fall where a suffix begins.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from llmguide import datasets
from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.held_out import TOKENIZERS, first_lines, hold_out_documents
from llmguide.experiments.records import Metrics, Record, number
from llmguide.experiments.suffixes import agreement, derived_words
from llmguide.tokenizers import fast_bpe, fast_wordpiece, unigram_training
from llmguide.tokenizers.models import Model
from llmguide.tokenizers.pretokenizers import WORDS
from llmguide.tokenizers.training import count_words
from llmguide.tokenizers.wordpiece import Criterion

CORPORA = {"english": "shakespeare", "python": "python"}

METHODS = {
    "bpe": "BPE",
    "wordpiece-count": "WordPiece by count",
    "wordpiece-gain": "WordPiece by gain",
    "wordpiece-ratio": "WordPiece by ratio",
    "unigram": "unigram",
}

UNKNOWN = "<unk>"


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        sizes: Sizes of the vocabulary, rising.
        held_out: The part of each corpus to measure on.
        lines: How many lines of each document to use; ``None`` for all.
    """

    sizes: tuple[int, ...] = (1024, 2048, 4096)
    held_out: float = 0.2
    lines: int | None = None


def run(config: Config, seed: int) -> Metrics:
    """Train each method at each size on each corpus, and measure it.

    Args:
        config: Settings.
        seed: Chooses what is held out.

    Returns:
        By corpus, method and size what :func:`measure` gives, for English also what
        :func:`~llmguide.experiments.suffixes.agreement` gives;
        ``words`` by corpus: how many distinct words were never seen in training, and how many of them end in a suffix.
    """
    metrics: dict[str, dict[str, object]] = {"words": {}}
    for name, corpus in CORPORA.items():
        documents = {title: first_lines(text, config.lines) for title, text in datasets.documents(corpus).items()}
        train, held_out = (
            count_words(texts, WORDS, byte_level=False)
            for texts in hold_out_documents(documents, config.held_out, seed)
        )
        stems = derived_words(held_out, train)
        unseen = sum(word not in train for word in held_out)
        metrics["words"][name] = {"unseen": unseen, "derived": len(stems)}
        metrics[name] = {}
        for method in METHODS:
            by_size: dict[str, object] = {}
            for size in config.sizes:
                model = train_model(method, train, size)
                measured = measure(model, train, held_out)
                by_size[str(size)] = measured | (agreement(model, stems) if name == "english" else {})
            metrics[name][method] = by_size
    return metrics


def train_model(method: str, word_counts: Mapping[str, int], size: int) -> Model:
    """Train one of the methods.

    Args:
        method: A key of ``METHODS``.
        word_counts: The words of a corpus and how often each occurs.
        size: The number of tokens, with the one for unknown characters.

    Returns:
        The model.
    """
    match method.partition("-"):
        case "bpe", _, _:
            return replace(fast_bpe.train(word_counts, size, special_tokens=[UNKNOWN]), unknown=UNKNOWN)
        case "wordpiece", _, criterion:
            by: dict[str, Criterion] = {"count": "count", "gain": "gain", "ratio": "ratio"}
            return fast_wordpiece.train(word_counts, size, criterion=by[criterion], unknown=UNKNOWN)
    return unigram_training.train(word_counts, size, unknown=UNKNOWN)


def measure(model: Model, train: Mapping[str, int], held_out: Mapping[str, int]) -> dict[str, float]:
    """Measure what a model makes of words.

    Args:
        model: A trained model with an unknown token.
        train: The words that it was trained on, with their counts.
        held_out: Other words, with theirs.

    Returns:
        ``bytes_per_token`` and ``unknown``, the part of the running words that the unknown token is in, on the words
        held out; ``tokens_per_unseen_word``, on the distinct ones that training never saw; ``unused``, the part of the
        vocabulary that occurs in no word of the training text.
    """
    unknown = None if model.unknown is None else model.ids[model.unknown]
    cuts = {word: model.encode(word) for word in held_out}
    tokens = sum(len(cut) * held_out[word] for word, cut in cuts.items())
    unseen = [len(cut) for word, cut in cuts.items() if word not in train]
    used = {token for word in train for token in model.encode(word)}
    return {
        "bytes_per_token": sum(len(word.encode()) * count for word, count in held_out.items()) / tokens,
        "unknown": sum(held_out[word] for word, cut in cuts.items() if unknown in cut) / sum(held_out.values()),
        "tokens_per_unseen_word": sum(unseen) / len(unseen),
        "unused": 1 - len(used) / len(model.tokens),
    }


def _ratio(metrics: Metrics, measure: str, method: str, other: str, size: int | None = None) -> list[float]:
    """Divide a measure of one method by that of another, for both corpora."""
    size = size or EXPERIMENT.config.sizes[-1]
    return [
        number(metrics, f"{corpus}.{method}.{size}.{measure}") / number(metrics, f"{corpus}.{other}.{size}.{measure}")
        for corpus in CORPORA
    ]


def _difference(metrics: Metrics, measure: str, method: str, other: str) -> float:
    """Subtract a measure of English of one method from that of another, at the largest size."""
    size = EXPERIMENT.config.sizes[-1]
    return number(metrics, f"english.{method}.{size}.{measure}") - number(metrics, f"english.{other}.{size}.{measure}")


def _above_chance(metrics: Metrics) -> float:
    size = EXPERIMENT.config.sizes[-1]
    return min(
        number(metrics, f"english.{method}.{size}.suffix_found") - number(metrics, f"english.{method}.{size}.by_chance")
        for method in ("bpe", "wordpiece-count", "unigram")
    )


def draw_compression(figure: Figure, record: Record) -> None:
    """Draw bytes per token against vocabulary size, one line for each method, one panel for each corpus.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    sizes = EXPERIMENT.config.sizes
    panels = figure.subplots(1, 2, sharey=True)
    for axes, corpus in zip(panels, CORPORA, strict=True):
        for index, (method, label) in enumerate(METHODS.items()):
            paths = [f"{corpus}.{method}.{size}.bytes_per_token" for size in sizes]
            values, errors = ([number(source, path) for path in paths] for source in (record, record.spread))
            axes.errorbar(
                sizes,
                values,
                yerr=errors,
                color=f"C{index}",
                marker="osD^v"[index],
                markersize=4,
                capsize=2,
                label=label,
            )
        axes.set_xscale("log", base=2)
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.minorticks_off()
        axes.set_title(corpus.capitalize(), fontsize=10)
        axes.set_xlabel("tokens in the vocabulary")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylim(bottom=0)  # once both panels are drawn: it ends the scaling of the axis that they share
    panels[0].set_ylabel("bytes per token, held-out words")
    panels[1].legend(fontsize=7.5, loc="lower right", bbox_to_anchor=(1.0, 0.4))


def draw_suffixes(figure: Figure, record: Record) -> None:
    """Draw how often each method cuts before a suffix, beside what its number of borders would give by chance.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    size = EXPERIMENT.config.sizes[-1]
    rows = list(reversed(METHODS))
    measures = {
        "suffix_found": ("cut before the suffix", "C0", "o"),
        "by_chance": ("by chance, with as many borders", "C1", "x"),
        "borders_at_suffix": ("borders that stand there", "C2", "s"),
    }
    for measure, (label, color, marker) in measures.items():
        paths = [f"english.{method}.{size}.{measure}" for method in rows]
        values, errors = ([100 * number(source, path) for path in paths] for source in (record, record.spread))
        axes.errorbar(
            values, range(len(rows)), xerr=errors, color=color, marker=marker, linestyle="none", capsize=2, label=label
        )
    axes.set_yticks(range(len(rows)), [METHODS[method] for method in rows])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlim(0, 104)
    axes.set_xlabel("% of the words, or of the borders")
    axes.grid(axis="y", linewidth=0.5, alpha=0.4)
    axes.legend(fontsize=7.5, loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


EXPERIMENT = Experiment(
    name="tokenization-algorithms",
    title="Byte-pair encoding, WordPiece and the unigram model compared",
    explained_in="sec-algorithms-compared",
    config=Config(),
    reduced=Config(sizes=(512,), lines=150),
    run=run,
    seeds=(0, 1, 2),
    claims=(
        Claim(
            "marks-cost-compression",
            "With 4,096 tokens a token of BPE stands for at least 1 % more bytes of held-out words than one of "
            "WordPiece trained by counts, in English and in Python.",
            0.01,
            lambda metrics: min(_ratio(metrics, "bytes_per_token", "bpe", "wordpiece-count")) - 1,
        ),
        Claim(
            "gain-comes-close-to-counts",
            "With 4,096 tokens WordPiece trained by the gain in likelihood reaches at least 95 % of the bytes per "
            "token that it reaches when trained by counts, in English and in Python.",
            0.95,
            lambda metrics: min(_ratio(metrics, "bytes_per_token", "wordpiece-gain", "wordpiece-count")),
        ),
        Claim(
            "ratio-alone-fails",
            "With 1,024 tokens WordPiece trained by counts reaches at least one and a half times the bytes per token "
            "that it reaches when trained by the ratio, in English and in Python.",
            1.5,
            lambda metrics: min(_ratio(metrics, "bytes_per_token", "wordpiece-count", "wordpiece-ratio", 1024)),
        ),
        Claim(
            "unigram-wastes-least",
            "With 4,096 tokens BPE has at least two percentage points more tokens that no word of its training text "
            "uses than the unigram model, in English.",
            0.02,
            lambda metrics: _difference(metrics, "unused", "bpe", "unigram"),
        ),
        Claim(
            "unseen-words-are-longer-with-unigram",
            "With 4,096 tokens the unigram model takes at least 3 % more tokens than BPE for a word that training "
            "never saw, in English and in Python.",
            0.03,
            lambda metrics: min(_ratio(metrics, "tokens_per_unseen_word", "unigram", "bpe")) - 1,
        ),
        Claim(
            "suffixes-are-found-above-chance",
            "With 4,096 tokens BPE, WordPiece trained by counts and the unigram model all cut before a suffix in at "
            "least ten percentage points more words than their numbers of borders would by chance.",
            0.10,
            _above_chance,
        ),
        Claim(
            "unigram-finds-more-suffixes",
            "With 4,096 tokens the unigram model cuts before the suffix in at least five percentage points more words "
            "than BPE.",
            0.05,
            lambda metrics: _difference(metrics, "suffix_found", "unigram", "bpe"),
        ),
        Claim(
            "marks-find-suffixes-too",
            "With 4,096 tokens WordPiece trained by counts cuts before the suffix in at least five percentage points "
            "more words than BPE.",
            0.05,
            lambda metrics: _difference(metrics, "suffix_found", "wordpiece-count", "bpe"),
        ),
        Claim(
            "unigram-borders-mean-more",
            "With 4,096 tokens the part of the borders that stand before a suffix is at least five percentage points "
            "larger for the unigram model than for BPE.",
            0.05,
            lambda metrics: _difference(metrics, "borders_at_suffix", "unigram", "bpe"),
        ),
    ),
    figures={"compression": draw_compression, "suffixes": draw_suffixes},
    depends=("llmguide.datasets", "llmguide.experiments.suffixes", *TOKENIZERS),
    datasets=("shakespeare", "python"),
    packages=("regex",),
)
