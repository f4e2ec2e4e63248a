"""How published vocabularies cut numbers, code and names.

Numbers are all integers from 0 to 9,999 and a sample of longer ones. The code is the corpus of Django's modules. Names
are the words that Shakespeare writes with a capital in the middle of a line and nowhere in small letters, beside other
words of the same length, in small letters and with a capital.
"""

import io
import keyword
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from statistics import fmean

import regex

from llmguide import datasets
from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.held_out import bytes_per_token, count_tokens, hold_out_documents
from llmguide.experiments.records import Metrics, Record, number
from llmguide.experiments.vocabularies import LABELS, PACKAGES, READING, load, share
from llmguide.tokenizers.inspect import stretches
from llmguide.tokenizers.tokenizer import Tokenizer

LETTERS = regex.compile(r"\b[A-Za-z]{3,}\b")
WITHIN_LINE = regex.compile(r"(?<=[a-z,] )[A-Z][a-z]{2,}\b")
PARTS = regex.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        highest: The integers go from 0 to this number, itself left out.
        long_numbers: How many numbers to draw of each length from 5 to 12 digits.
        modules: The part of the modules of Python to measure on.
        words: How many names, and how many other words of the same lengths, to draw at most.
        vocabularies: The published vocabularies to measure.
    """

    highest: int = 10_000
    long_numbers: int = 100
    modules: float = 0.2
    words: int = 1_000
    vocabularies: tuple[str, ...] = tuple(LABELS)


def digit_groups(tokenizer: Tokenizer, digits: str) -> tuple[int, ...]:
    """Say how a number is cut when it stands in a sentence, after a space.

    Args:
        tokenizer: Any tokenizer.
        digits: The number.

    Returns:
        The number of digits in each token that has any, from left to right.
    """
    counts = (sum(map(str.isdigit, stretch.text)) for stretch in stretches(tokenizer, f"= {digits}"))
    return tuple(count for count in counts if count)


def aligned(groups: tuple[int, ...]) -> bool:
    """Tell whether a number is cut at its thousands, as commas would stand.

    Args:
        groups: The number of digits in each token.

    Returns:
        Whether every token but the first has exactly three digits, and the first at most three.

    Example:
        >>> aligned((1, 3, 3)), aligned((3, 3, 1))
        (True, False)
    """
    return groups[0] <= 3 and all(count == 3 for count in groups[1:])


def run(config: Config, seed: int) -> Metrics:
    """Measure each vocabulary on numbers, code and names.

    Args:
        config: Settings.
        seed: Chooses the longer numbers, the modules, and the words that are compared with names.

    Returns:
        By vocabulary: ``whole``, the part of the integers that are one token; ``commonest``, the part of the four-digit
        integers that are cut in the commonest way, and ``ways``, how many ways there are; ``neighbours``, the part of
        the four-digit integers that are cut in another way than the next; ``aligned``, the part of longer numbers that
        are cut at the thousands; ``python``, bytes per token of Python; ``blank``, the part of its tokens that are
        white space; ``identifier``, tokens for each identifier, and ``at_words``, the part of the identifiers of
        several words that are cut exactly between the words; ``name``, ``word`` and ``capital``, tokens for each name,
        for each other word, and for each other word with a capital.
    """
    random = Random(seed)
    _, modules = hold_out_documents(datasets.documents("python"), config.modules, seed)
    code = "".join(modules)
    found = sorted({name for module in modules for name in identifiers(module)})
    several = [name for name in found if len(PARTS.findall(name)) > 1]
    names, words = names_and_words(datasets.load("shakespeare"), config.words, random)
    long_numbers = [
        str(random.randrange(10 ** (length - 1), 10**length))
        for length in range(5, 13)
        for _ in range(config.long_numbers)
    ]
    measured: dict[str, object] = {}
    for name, tokenizer in load(config.vocabularies).items():
        groups = [digit_groups(tokenizer, str(value)) for value in range(config.highest)]
        four = groups[-(config.highest * 9 // 10) :]
        ways = Counter(four)
        measured[name] = {
            "whole": share(len(group) == 1 for group in groups),
            "commonest": max(ways.values()) / ways.total(),
            "ways": len(ways),
            "neighbours": share(one != other for one, other in pairwise(four)),
            "aligned": share(aligned(digit_groups(tokenizer, digits)) for digits in long_numbers),
            "python": bytes_per_token(tokenizer, [code]),
            "blank": share(stretch.text.isspace() for stretch in stretches(tokenizer, code)),
            "identifier": _tokens_each(tokenizer, found),
            "at_words": share(cut_at_words(tokenizer, name) for name in several),
            "name": _tokens_each(tokenizer, names),
            "word": _tokens_each(tokenizer, words),
            "capital": _tokens_each(tokenizer, map(str.title, words)),
        }
    return measured


def identifiers(module: str) -> set[str]:
    """Find the names in a module of Python: no keywords, and nothing in comments and strings.

    Args:
        module: Source code.

    Returns:
        The names of three characters or more.

    Example:
        >>> sorted(identifiers("def area(width): return width * width  # a name"))
        ['area', 'width']
    """
    tokens = tokenize.generate_tokens(io.StringIO(module).readline)
    names = {token.string for token in tokens if token.type == tokenize.NAME}
    return {name for name in names if len(name) > 2 and not keyword.iskeyword(name)}


def cut_at_words(tokenizer: Tokenizer, identifier: str) -> bool:
    """Tell whether an identifier is cut between its words and nowhere else, when it stands after a space.

    Args:
        tokenizer: Any tokenizer.
        identifier: Words that are joined by underscores or by capitals.

    Returns:
        Whether each token holds one of the words and, at most, the space and underscores beside it.
    """
    cut = [stretch.text.strip(" _") for stretch in stretches(tokenizer, f" {identifier}")]
    return [text for text in cut if text] == PARTS.findall(identifier)


def names_and_words(text: str, most: int, random: Random) -> tuple[list[str], list[str]]:
    """Draw names, and as many other words of the same lengths.

    Args:
        text: The text to take them from.
        most: How many to draw of each, at most.
        random: Chooses.

    Returns:
        Words that the text writes with a capital after a small letter or a comma in the same line, and nowhere in small
        letters, and words that it writes in small letters; the *i*-th of each are equally long.

    Example:
        >>> names_and_words("Then came Ann, the old fox", 5, Random(0))[0]
        ['Ann']
    """
    found = set(LETTERS.findall(text))
    names = sorted(word for word in set(WITHIN_LINE.findall(text)) if word.lower() not in found)
    others: dict[int, list[str]] = defaultdict(list)
    for word in sorted(word for word in found if word.islower()):
        others[len(word)].append(word)
    for same_length in others.values():
        random.shuffle(same_length)
    random.shuffle(names)
    pairs = [(name, others[len(name)].pop()) for name in names if others[len(name)]][:most]
    return [name for name, _ in pairs], [word for _, word in pairs]


def _tokens_each(tokenizer: Tokenizer, words: Iterable[str]) -> float:
    alone = count_tokens(tokenizer, ["a"])
    return fmean(count_tokens(tokenizer, [f"a {word}"]) - alone for word in words)  # some tokenizers add a first space


def draw_code(figure: Figure, record: Record) -> None:
    """Draw bytes per token of Python, and the part of the tokens that are white space.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    names = list(LABELS)[::-1]
    panels = figure.subplots(1, 2, sharey=True)
    titles = {"python": ("bytes per token of Python", 1), "blank": ("tokens that are white space (%)", 100)}
    for index, (axes, (measure, (title, factor))) in enumerate(zip(panels, titles.items(), strict=True)):
        values, errors = (
            [factor * number(source, f"{name}.{measure}") for name in names] for source in (record, record.spread)
        )
        axes.barh(range(len(names)), values, xerr=errors, color=f"C{index}", height=0.6, error_kw={"elinewidth": 0.8})
        axes.set_xlabel(title)
        axes.grid(axis="x", linewidth=0.5, alpha=0.4)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    panels[0].set_yticks(range(len(names)), [LABELS[name] for name in names])


EXPERIMENT = Experiment(
    name="tokenization-numbers-code",
    title="How published vocabularies cut numbers, code and names",
    explained_in="sec-numbers-code-names",
    config=Config(),
    reduced=Config(highest=100, long_numbers=3, modules=0.05, words=40, vocabularies=("gpt2",)),
    run=run,
    seeds=(0, 1, 2, 3, 4),
    claims=(
        Claim(
            "gpt2-cuts-unevenly",
            "Fewer than two thirds of the four-digit integers are cut in the commonest way with GPT-2's vocabulary, "
            "where cl100k's cuts all of them alike.",
            0.34,
            lambda metrics: number(metrics, "cl100k_base.commonest") - number(metrics, "gpt2.commonest"),
        ),
        Claim(
            "gpt2-neighbours-differ",
            "With GPT-2's vocabulary at least one in ten of the four-digit integers is cut in another way than the "
            "next.",
            0.10,
            lambda metrics: number(metrics, "gpt2.neighbours"),
        ),
        Claim(
            "indentation-is-learned",
            "Of the tokens of Python, the part that is white space is at least twice as large with GPT-2's vocabulary "
            "as with cl100k's.",
            2.0,
            lambda metrics: number(metrics, "gpt2.blank") / number(metrics, "cl100k_base.blank"),
        ),
        Claim(
            "cl100k-shortens-code",
            "A token of cl100k stands for at least one and a half times the bytes of Python that one of GPT-2 does.",
            1.5,
            lambda metrics: number(metrics, "cl100k_base.python") / number(metrics, "gpt2.python"),
        ),
        Claim(
            "names-cost",
            "A name takes at least a tenth more tokens than another word of its length, with every published "
            "vocabulary.",
            1.1,
            lambda metrics: min(number(metrics, f"{name}.name") / number(metrics, f"{name}.word") for name in LABELS),
        ),
        Claim(
            "capitals-cost",
            "A word with a capital takes at least a tenth more tokens than the same word in small letters, with every "
            "published vocabulary.",
            1.1,
            lambda metrics: min(
                number(metrics, f"{name}.capital") / number(metrics, f"{name}.word") for name in LABELS
            ),
        ),
    ),
    figures={"code": draw_code},
    depends=("llmguide.datasets", *READING),
    datasets=("python", "shakespeare"),
    packages=PACKAGES,
)
