"""What it costs to say the same in fifteen languages, with published vocabularies and with one of ours.

The text is interface text: labels and error messages of a web framework, of which line *i* means the same in every
language. The published vocabularies were trained elsewhere and by others; ours is trained on the lines that are not
held out.
"""

from dataclasses import dataclass, replace

from llmguide import datasets
from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.held_out import count_bytes, hold_out_lines
from llmguide.experiments.records import Metrics, Record, number
from llmguide.experiments.tokenization_training_domain import LANGUAGES
from llmguide.experiments.vocabularies import DEPENDS, LABELS, PACKAGES, load
from llmguide.tokenizers import published
from llmguide.tokenizers.inspect import TextMeasures, measure
from llmguide.tokenizers.pretokenizers import CL100K
from llmguide.tokenizers.training import train_tokenizer

SPACED = tuple(language for language in LANGUAGES if language not in {"th", "zh-Hans", "ja"})
"""The languages that put spaces between words."""

OTHER_SCRIPTS = ("el", "ru", "ar", "he", "hi", "th", "ko")


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        vocab_size: Size of our vocabulary.
        held_out: The part of the lines to measure on.
        vocabularies: The published vocabularies to measure.
    """

    vocab_size: int = 4096
    held_out: float = 0.2
    vocabularies: tuple[str, ...] = tuple(LABELS)


def run(config: Config, seed: int) -> Metrics:
    """Measure each vocabulary on the same held-out lines in every language.

    Args:
        config: Settings.
        seed: Chooses which lines are held out.

    Returns:
        ``premium`` by vocabulary and language, among the vocabularies ``ours`` and ``bytes``, which is UTF-8;
        ``fertility`` by vocabulary and language, for languages with spaces between words; ``bytes_per_token`` by
        vocabulary and language; ``highest``, the highest premium by vocabulary; ``shorter``, the number of languages
        in which ours takes fewer tokens than cl100k. ``without_marks`` is o200k's vocabulary with cl100k's pattern,
        which cuts a word at its combining marks.
    """
    messages = datasets.documents("messages")
    train, held_out = hold_out_lines(messages, config.held_out, seed)
    said = dict(zip(messages, held_out, strict=True))
    tokenizers = load(config.vocabularies)
    tokenizers["without_marks"] = replace(published.load("o200k_base"), pretokenizer=CL100K)
    tokenizers["ours"] = train_tokenizer(train, config.vocab_size)
    measured: dict[str, dict[str, TextMeasures]] = {
        name: {language: measure(tokenizer, [text]) for language, text in said.items()}
        for name, tokenizer in tokenizers.items()
    }
    lengths = {name: {language: found.tokens for language, found in each.items()} for name, each in measured.items()}
    lengths["bytes"] = {language: count_bytes([text]) for language, text in said.items()}
    return {
        "premium": {
            name: {language: count / counts["en"] for language, count in counts.items()}
            for name, counts in lengths.items()
        },
        "fertility": {
            name: {language: each[language].fertility for language in SPACED} for name, each in measured.items()
        },
        "bytes_per_token": {
            name: {language: found.bytes_per_token for language, found in each.items()}
            for name, each in measured.items()
        },
        "shorter": sum(lengths["ours"][language] < lengths["cl100k_base"][language] for language in said),
        "highest": {name: max(counts.values()) / counts["en"] for name, counts in lengths.items()},
    }


def _least(metrics: Metrics, name: str) -> float:
    return min(number(metrics, f"premium.{name}.{language}") for language in OTHER_SCRIPTS)


def draw(figure: Figure, record: Record) -> None:
    """Draw the premium of each language with each vocabulary, one panel a vocabulary.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    names = {"gpt2": "GPT-2", "cl100k_base": "cl100k", "o200k_base": "o200k", "ours": "4,096 tokens", "bytes": "bytes"}
    ordered = sorted(LANGUAGES, key=lambda language: number(record, f"premium.gpt2.{language}"))
    panels = figure.subplots(1, len(names), sharey=True)
    for index, (axes, (name, label)) in enumerate(zip(panels, names.items(), strict=True)):
        values, errors = (
            [number(source, f"premium.{name}.{language}") for language in ordered] for source in (record, record.spread)
        )
        axes.barh(range(len(ordered)), values, xerr=errors, color=f"C{index}", height=0.7, error_kw={"elinewidth": 0.8})
        axes.axvline(1, linewidth=0.8, color=axes.spines["bottom"].get_edgecolor())
        axes.set_title(label, fontsize=9)
        axes.set_xlim(0, 1.05 * max(number(record, f"premium.gpt2.{language}") for language in ordered))
        axes.grid(axis="x", linewidth=0.5, alpha=0.4)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0, labelsize=8)
        axes.tick_params(axis="x", labelsize=8)
    panels[0].set_yticks(range(len(ordered)), [LANGUAGES[language] for language in ordered])
    panels[len(names) // 2].set_xlabel("length of the same text, English = 1")


EXPERIMENT = Experiment(
    name="tokenization-languages",
    title="The same text in fifteen languages, with published vocabularies",
    explained_in="sec-fertility",
    config=Config(),
    reduced=Config(vocab_size=512, held_out=0.05, vocabularies=("gpt2", "cl100k_base")),
    run=run,
    seeds=(0, 1, 2, 3, 4),
    claims=(
        Claim(
            "gpt2-taxes-scripts",
            "With GPT-2's vocabulary the same messages take at least twice as many tokens as in English in Greek, "
            "Russian, Arabic, Hebrew, Hindi, Thai and Korean.",
            2.0,
            lambda metrics: _least(metrics, "gpt2"),
        ),
        Claim(
            "o200k-evens",
            "The highest of the fifteen premiums is at least twice as high with GPT-2's vocabulary as with o200k's.",
            2.0,
            lambda metrics: number(metrics, "highest.gpt2") / number(metrics, "highest.o200k_base"),
        ),
        Claim(
            "data-before-size",
            "The highest premium is lower with our 4,096 tokens, trained on all fifteen languages, than with cl100k's "
            "hundred thousand, by at least a fifth.",
            1.25,
            lambda metrics: number(metrics, "highest.cl100k_base") / number(metrics, "highest.ours"),
        ),
        Claim(
            "bytes-are-uneven",
            "Without any vocabulary, in bytes, the longest of the fifteen is still at least twice as long as English.",
            2.0,
            lambda metrics: number(metrics, "highest.bytes"),
        ),
        Claim(
            "finnish-words-break",
            "A Finnish word becomes at least one and a half times as many tokens as an English word, with every "
            "published vocabulary, though both use the Latin script.",
            1.5,
            lambda metrics: min(
                number(metrics, f"fertility.{name}.fi") / number(metrics, f"fertility.{name}.en") for name in LABELS
            ),
        ),
    ),
    figures={"premium": draw},
    depends=("llmguide.datasets", "llmguide.experiments.tokenization_training_domain", *DEPENDS),
    datasets=("messages",),
    packages=PACKAGES,
)
