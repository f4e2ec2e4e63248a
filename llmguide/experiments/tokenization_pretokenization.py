"""What is gained and lost by cutting text into words before merging.

Four ways of cutting: into whole lines; at white space, a word with the space before it; by GPT-2's pattern, which also
parts letters, digits and punctuation; and by the pattern of cl100k, which lets a mark of punctuation lead a word and a
line break follow it, and cuts numbers after three digits. One tokenizer is trained with each on English and Python
together. Two of the patterns are compared once more on English alone, as it is and with each run of white space made
one space, because verse is full of line breaks.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import regex

from llmguide import datasets
from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.held_out import TOKENIZERS, Split, bytes_per_token, first_lines, hold_out_documents
from llmguide.experiments.records import Metrics, Record, number
from llmguide.tokenizers.pretokenizers import CL100K, GPT2, PreTokenizer
from llmguide.tokenizers.tokenizer import Tokenizer
from llmguide.tokenizers.training import train_tokenizer

PATTERNS = {
    "lines": PreTokenizer("lines", r"[^\n]*\n|[^\n]+"),
    "spaces": PreTokenizer("spaces", r" ?\S+|\s+(?!\S)|\s+"),
    "gpt2": GPT2,
    "cl100k": CL100K,
}

LABELS = {"lines": "whole lines", "spaces": "white space", "gpt2": "GPT-2", "cl100k": "cl100k"}

WORD_AND_MARK = regex.compile(r"(\p{L}+)[^\s\p{L}\p{N}]+|[^\s\p{L}\p{N}]+(\p{L}+)")
ACROSS = regex.compile(r"\S\s+\S")


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        vocab_size: Size of the vocabulary.
        held_out: The part of each corpus's documents to measure on.
        lines: How many lines of each document to use; ``None`` for all.
    """

    vocab_size: int = 4096
    held_out: float = 0.2
    lines: int | None = None


def run(config: Config, seed: int) -> Metrics:
    """Train a tokenizer with each pattern on the same text and look at what it learned.

    Args:
        config: Settings.
        seed: Chooses what is held out.

    Returns:
        For each pattern, ``bytes_per_token`` on held-out English and Python, on both, and on the training text;
        ``crossing`` and ``repeated``, the parts of the vocabulary that cross from one word into the next and that are
        another entry with punctuation attached; and ``blank``, the part of the tokens of held-out Python that are
        nothing but white space.
        ``english_alone``, trained and measured on English ``as_it_is`` and with ``one_space`` for each run of white
        space: bytes per token with ``gpt2`` and with ``cl100k``, and the ``gain`` of the second over the first.
    """
    splits = {}
    for name in ("shakespeare", "python"):
        documents = {title: first_lines(text, config.lines) for title, text in datasets.documents(name).items()}
        splits[name] = hold_out_documents(documents, config.held_out, seed)
    train = [text for texts, _ in splits.values() for text in texts]
    english, python = (held_out for _, held_out in splits.values())
    measured: dict[str, object] = {}
    for name, pattern in PATTERNS.items():
        tokenizer = train_tokenizer(train, config.vocab_size, pretokenizer=pattern)
        measured[name] = {
            "bytes_per_token": {
                "english": bytes_per_token(tokenizer, english),
                "python": bytes_per_token(tokenizer, python),
                "held_out": bytes_per_token(tokenizer, english + python),
                "training": bytes_per_token(tokenizer, train),
            },
            "crossing": _share(bool(ACROSS.search(text)) for text in _texts(tokenizer)),
            "repeated": repeated_words(_texts(tokenizer)) / tokenizer.vocab_size,
            "blank": _share(text.isspace() for code in python for text in _cut(tokenizer, code)),
        }
    measured["english_alone"] = {
        "as_it_is": _gain_of_cl100k(splits["shakespeare"], config.vocab_size),
        "one_space": _gain_of_cl100k(one_space(splits["shakespeare"]), config.vocab_size),
    }
    return measured


def one_space(split: Split) -> Split:
    r"""Make each run of white space, line breaks among it, one space.

    Args:
        split: Texts to train on, and texts held out.

    Returns:
        The same texts without line breaks.

    Example:
        >>> one_space((["To be,\n\n  or"], ["not\n"]))
        (['To be, or'], ['not'])
    """
    train, held_out = split
    return [" ".join(text.split()) for text in train], [" ".join(text.split()) for text in held_out]


def _gain_of_cl100k(split: Split, vocab_size: int) -> dict[str, float]:
    train, held_out = split
    gpt2, cl100k = (
        bytes_per_token(train_tokenizer(train, vocab_size, pretokenizer=pattern), held_out)
        for pattern in (GPT2, CL100K)
    )
    return {"gpt2": gpt2, "cl100k": cl100k, "gain": cl100k / gpt2 - 1}


def repeated_words(texts: list[str]) -> int:
    """Count vocabulary entries that are another entry with punctuation before or behind it, as ``.dog`` and ``dog!``.

    Args:
        texts: The vocabulary's entries. A space before a word makes no difference.

    Returns:
        How many.

    Example:
        >>> repeated_words(["dog", " dog.", " dog!", "cat", ".cat", " cow!", "..."])
        3
    """
    bare = {text.removeprefix(" ") for text in texts}
    matches = (WORD_AND_MARK.fullmatch(text) for text in bare)
    return sum(match is not None and (match[1] or match[2]) in bare for match in matches)


def _cut(tokenizer: Tokenizer, text: str) -> list[str]:
    return [_text_of(tokenizer, number) for number in tokenizer.encode_ids(text)]


def _texts(tokenizer: Tokenizer) -> list[str]:
    return [_text_of(tokenizer, number) for number in range(tokenizer.vocab_size)]


def _text_of(tokenizer: Tokenizer, token: int) -> str:
    return tokenizer.token_bytes(token).decode("utf-8", errors="replace")


def _share(answers: Iterable[bool]) -> float:
    count = Counter(answers)
    return count[True] / count.total()


def _compared(measure: str, one: str, other: str) -> Callable[[Metrics], float]:
    """Make the effect that says by how much the first pattern's value is above the second's, relative to it."""
    return lambda metrics: number(metrics, f"{one}.{measure}") / number(metrics, f"{other}.{measure}") - 1


def _flattery(metrics: Metrics, pattern: str) -> float:
    """Give how much better the training text compresses than held-out text."""
    training, held_out = (number(metrics, f"{pattern}.bytes_per_token.{text}") for text in ("training", "held_out"))
    return training / held_out


def draw(figure: Figure, record: Record) -> None:
    """Draw bytes per token for each pattern, on English and on Python.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    rows = list(PATTERNS)[::-1]
    for index, (text, label) in enumerate({"english": "English", "python": "Python"}.items()):
        paths = [f"{pattern}.bytes_per_token.{text}" for pattern in rows]
        values, errors = ([number(source, path) for path in paths] for source in (record, record.spread))
        axes.errorbar(
            values, range(len(rows)), xerr=errors, color=f"C{index}", marker="os"[index], capsize=2, ls="none"
        )
        axes.annotate(
            label,
            (values[-1], len(rows) - 1),
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
            color=f"C{index}",
        )
    axes.set_yticks(range(len(rows)), [LABELS[pattern] for pattern in rows])
    axes.set_ylim(-0.5, len(rows) - 0.4)
    axes.set_xlabel("bytes per token, held-out text")
    axes.grid(axis="y", linewidth=0.5, alpha=0.4)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


EXPERIMENT = Experiment(
    name="tokenization-pretokenization",
    title="What cutting text into words costs and what it saves",
    explained_in="sec-pretokenization",
    config=Config(),
    reduced=Config(vocab_size=1024, lines=150),
    run=run,
    seeds=(0, 1, 2, 3, 4),
    claims=(
        Claim(
            "borders-cost-compression",
            "With 4,096 tokens, whole lines as pieces let a token stand for at least 5 % more bytes of held-out "
            "English than GPT-2's pieces do.",
            0.05,
            _compared("bytes_per_token.english", "lines", "gpt2"),
        ),
        Claim(
            "borders-carry-over",
            "The advantage of the training text over held-out text is at least one percentage point larger for whole "
            "lines than for GPT-2's pieces.",
            0.01,
            lambda metrics: _flattery(metrics, "lines") - _flattery(metrics, "gpt2"),
        ),
        Claim(
            "lines-cross-words",
            "With whole lines as pieces, at least 5 % of the vocabulary crosses from one word into the next.",
            0.05,
            lambda metrics: number(metrics, "lines.crossing"),
        ),
        Claim(
            "spaces-repeat-words",
            "With pieces cut at white space only, at least 5 % of the vocabulary is another entry with punctuation "
            "attached, over and above what GPT-2's pattern has.",
            0.05,
            lambda metrics: number(metrics, "spaces.repeated") - number(metrics, "gpt2.repeated"),
        ),
        Claim(
            "cl100k-compresses-more",
            "At the same size of the vocabulary, cl100k's pattern lets a token stand for at least 1 % more bytes than "
            "GPT-2's, on held-out English and on held-out Python.",
            0.01,
            lambda metrics: min(
                _compared(f"bytes_per_token.{text}", "cl100k", "gpt2")(metrics) for text in ("english", "python")
            ),
        ),
    ),
    figures={"bytes-per-token": draw},
    depends=(
        "llmguide.datasets",
        *TOKENIZERS,
    ),
    datasets=("shakespeare", "python"),
    packages=("regex",),
)
