"""Diagrams of the chapter on tokenizers in use, each drawn from the published vocabularies themselves."""

from collections import Counter
from functools import cache
from itertools import accumulate

import regex
from matplotlib.colors import ListedColormap, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from llmguide import datasets
from llmguide.experiments.tokenization_numbers_code import digit_groups
from llmguide.experiments.vocabularies import LABELS
from llmguide.tokenizers import published

SCRIPTS = {
    "Latin": r"\p{Latin}",
    "Cyrillic": r"\p{Cyrillic}",
    "Arabic": r"\p{Arabic}",
    "Chinese, Japanese": r"[\p{Han}\p{Hiragana}\p{Katakana}]",
    "Hangul": r"\p{Hangul}",
    "Indic": r"[\p{Devanagari}\p{Bengali}\p{Tamil}\p{Telugu}\p{Gujarati}\p{Kannada}\p{Malayalam}\p{Gurmukhi}]",
    "other letters": r"\p{L}",
}


def scripts(figure: Figure) -> None:
    """Draw the share of each vocabulary that each script has, as stacked bars."""
    axes = figure.subplots()
    names = list(LABELS)[::-1]
    shares = {name: _script_shares(name) for name in names}
    left = [0.0] * len(names)
    looks = {"other letters": ("0.45", ""), "no letter": ("0.65", "///"), "part of a character": ("0.85", "...")}
    for index, script in enumerate([*SCRIPTS, "no letter", "part of a character"]):
        widths = [shares[name][script] for name in names]
        colour, hatch = looks.get(script, (f"C{index}", ""))
        bars = axes.barh(range(len(names)), widths, left=left, height=0.7, label=script, color=colour)
        for bar in bars:
            bar.set(hatch=hatch, alpha=0.85)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.set_yticks(range(len(names)), [LABELS[name] for name in names])
    axes.set_xlim(0, 100)
    axes.set_xlabel("tokens of the vocabulary (%)")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)
    axes.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=3, fontsize=7.5, frameon=False)


def shared(figure: Figure) -> None:
    """Draw which part of one vocabulary each other vocabulary has too."""
    axes = figure.subplots()
    names = list(LABELS)
    matrix = [[100 * len(_entries(row) & _entries(column)) / len(_entries(row)) for column in names] for row in names]
    axes.imshow(matrix, cmap="Blues", vmin=0, vmax=130, aspect="auto")
    for y, values in enumerate(matrix):
        for x, value in enumerate(values):
            colour = "white" if value > 70 else "black"
            axes.text(x, y, f"{value:.0f}", ha="center", va="center", fontsize=9, color=colour)
    labels = [LABELS[name] for name in names]
    axes.set_xticks(range(len(names)), labels, fontsize=8)
    axes.set_yticks(range(len(names)), labels)
    axes.set_xlabel("also in (% of the row's tokens)")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def token_lengths(figure: Figure) -> None:
    """Draw how much of each vocabulary has at most so many bytes."""
    axes = figure.subplots()
    for index, name in enumerate(LABELS):
        entries = _entries(name)
        counts = Counter(map(len, entries))
        lengths = range(1, 21)
        reached = [100 * total / len(entries) for total in accumulate(counts[length] for length in lengths)]
        axes.plot(lengths, reached, label=LABELS[name], color=f"C{index}", marker="os^vDP"[index % 6], markersize=3)
    axes.set(xlabel="bytes of a token", ylabel="tokens with at most so many bytes (%)", ylim=(0, 101))
    axes.set_xticks([1, 5, 10, 15, 20])
    axes.legend(fontsize=8)


def integers(figure: Figure) -> None:
    """Draw the integers from 0 to 9,999 as a square, each coloured by the way in which it is cut."""
    names = ("gpt2", "cl100k_base", "tekken")
    ways = (
        "one token",
        "1 + 3 digits",
        "2 + 2 digits",
        "3 + 1 digits",
        "two tokens, otherwise",
        "three tokens",
        "four tokens",
    )
    colours = ["C0", "C1", "C2", "C3", "C4", "C5", "0.8"]
    panels = figure.subplots(1, len(names), sharey=True)
    for axes, name in zip(panels, names, strict=True):
        tokenizer = published.load(name)
        cuts = [_way(digit_groups(tokenizer, str(value))) for value in range(10_000)]
        rows = [cuts[start : start + 100] for start in range(0, 10_000, 100)]
        axes.imshow(rows, cmap=ListedColormap(to_rgba_array(colours)), vmin=-0.5, vmax=6.5, interpolation="nearest")
        axes.set_title(LABELS[name], fontsize=9)
        axes.set_xticks([0, 50, 99], ["00", "50", "99"], fontsize=8)
        axes.set_yticks([0, 10, 50, 99], ["00", "10", "50", "99"], fontsize=8)
        axes.set_xlabel("last two digits", fontsize=8)
        axes.grid(visible=False)
    panels[0].set_ylabel("first two digits", fontsize=8)
    patches = [Patch(color=colour, label=way) for colour, way in zip(colours, ways, strict=True)]
    figure.legend(handles=patches, loc="outside upper center", ncols=4, fontsize=7.5, frameon=False)


def _way(groups: tuple[int, ...]) -> int:
    """Number the ways in which a number is cut, in the order of the legend."""
    known: dict[tuple[int, ...], int] = {(1, 3): 1, (2, 2): 2, (3, 1): 3}
    return {1: 0, 2: known.get(groups, 4), 3: 5, 4: 6}[len(groups)]


def occurring(figure: Figure) -> None:
    """Draw which part of a vocabulary, by the rank of its ids, occurs in the book's corpora."""
    axes = figure.subplots()
    for index, name in enumerate(("gpt2", "cl100k_base", "o200k_base")):
        tokenizer = published.load(name)
        found = _found(name)
        made = [number for number, token in enumerate(tokenizer.model.tokens) if tokenizer.model.makes(token)]
        step = 2_000
        shares = [
            100 * sum(number in found for number in made[start : start + step]) / step
            for start in range(0, len(made) - step + 1, step)  # whole steps only
        ]
        axes.plot([(i + 0.5) * step / 1000 for i in range(len(shares))], shares, color=f"C{index}", label=LABELS[name])
    axes.set(xlabel="id, in thousands", ylabel="tokens that occur in our corpora (%)", ylim=(0, None))
    axes.legend(fontsize=8)


@cache
def _found(name: str) -> set[int]:
    """Give the tokens of a published vocabulary that occur in the book's corpora."""
    tokenizer = published.load(name)
    texts = (datasets.load(corpus) for corpus in ("shakespeare", "python", "messages", "world"))
    return {number for text in texts for number in tokenizer.encode_ids(text)}


def byte_costs(figure: Figure) -> None:
    """Draw the operations that a byte of text costs, by the length of the text, for tokens, bytes and patches."""
    axes = figure.subplots()
    sizes = [2**power for power in range(10, 21)]
    curves = {
        "bytes": [operations_per_byte(size, 1, 256) for size in sizes],
        "tokens of 4 bytes": [operations_per_byte(size, 4, 50_257) for size in sizes],
        "patches of 8 bytes": [operations_per_byte(size, 8, 256, local=0.1) for size in sizes],
    }
    for index, (label, costs) in enumerate(curves.items()):
        line = axes.loglog(sizes, [cost / 1e6 for cost in costs], color=f"C{index}", label=label)[0]
        line.set(marker="os^"[index], markersize=3)
    axes.set(xlabel="bytes of text in the window", ylabel="million operations a byte")
    axes.legend(fontsize=8)


def operations_per_byte(size: int, bytes_per_unit: float, vocabulary: int, local: float = 0) -> float:
    """Count the operations of a Transformer for each byte of a text, by the equation of the chapter.

    Args:
        size: Bytes of the text.
        bytes_per_unit: Bytes that one position of the model stands for.
        vocabulary: How many units there are to choose from.
        local: Weights of a second model that runs once for each byte, as a part of the first's; it attends to nothing
            far away, and its cost includes the choice of the byte.

    Returns:
        Multiplications and additions for each byte.
    """
    layers, width = 12, 768  # of the smallest GPT-2
    weights = 12 * layers * width**2
    unit = 2 * weights + 2 * layers * width * size / bytes_per_unit
    if local:
        return unit / bytes_per_unit + 2 * local * weights + 2 * vocabulary * width
    return (unit + 2 * vocabulary * width) / bytes_per_unit


@cache
def _entries(name: str) -> frozenset[bytes]:
    """The bytes of each token that text can make."""
    tokenizer = published.load(name)
    return frozenset(
        tokenizer.token_bytes(number)
        for number, token in enumerate(tokenizer.model.tokens)
        if tokenizer.model.makes(token)
    )


def _script_shares(name: str) -> Counter[str]:
    """The share of a vocabulary, in per cent, that each script has; a token counts by its first letter."""
    counts = Counter(map(_script, _entries(name)))
    return Counter({script: 100 * count / counts.total() for script, count in counts.items()})


def _script(token: bytes) -> str:
    try:
        text = token.decode("utf-8")
    except UnicodeDecodeError:
        return "part of a character"
    letter = next(filter(str.isalpha, text), None)
    return "no letter" if letter is None else _script_of_letter(letter)


@cache
def _script_of_letter(letter: str) -> str:
    return next(script for script, pattern in SCRIPTS.items() if regex.match(pattern, letter))
