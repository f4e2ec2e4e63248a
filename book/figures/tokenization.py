"""Diagrams of the chapter on tokenization, each drawn from what the package computes."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

import regex
from _extensions.figure_style import canvas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from llmguide import datasets
from llmguide.tokenizers.alphabet import spell
from llmguide.tokenizers.bpe import train
from llmguide.tokenizers.pretokenizers import BERT, CL100K, GPT2, WHITESPACE, WORDS
from llmguide.tokenizers.tokenizer import Tokenizer
from llmguide.tokenizers.traces import trace_encoding
from llmguide.tokenizers.training import train_tokenizer

MONO: dict[str, Any] = {"family": "DejaVu Sans Mono"}
VISIBLE = str.maketrans({" ": "␣", "\n": "↵"})


def pipeline(figure: Figure) -> None:
    """Draw the steps of a tokenizer, with what each makes of one line."""
    text = "Café, my lord!"
    tokenizer = _chapter_tokenizer()
    pieces = GPT2.words(text)
    encoding = tokenizer.encode(text)
    rows: list[tuple[str, Sequence[str]]] = [
        ("text", [text.translate(VISIBLE)]),
        ("normalization: none here", [text.translate(VISIBLE)]),
        ("pre-tokenization: pieces", [piece.translate(VISIBLE) for piece in pieces]),
        ("bytes, spelled as characters", [spell(piece) for piece in pieces]),
        ("merges: tokens", encoding.tokens),
        ("vocabulary: ids", [str(number) for number in encoding.ids]),
    ]
    axes = canvas(figure, width=42, height=len(rows) * 2 + 0.2, inches=3.9)
    for index, (step, cells) in enumerate(rows):
        y = (len(rows) - 1 - index) * 2 + 0.3
        axes.text(0.2, y + 1.32, step, fontsize=8.5, va="center")
        _row_of_boxes(axes, cells, y, color=f"C{index % 2}")
    axes.annotate(
        "", (40.5, 2 * len(rows) - 1.2), (40.5, 0.8), arrowprops={"arrowstyle": "-|>", "color": "C1", "lw": 1.6}
    )
    axes.text(39.6, len(rows) - 0.3, "decoding", rotation=90, ha="center", va="center", fontsize=8.5)


def text_levels(figure: Figure) -> None:
    """Draw one string as grapheme clusters, code points, bytes, and tokens of a vocabulary of fifteen languages."""
    text = "aéहि木👩‍🚀"
    names = {"a": "a", "é": "é", "हि": "hi", "木": "tree", "👩‍🚀": "astronaut"}
    messages = train_tokenizer(datasets.documents("messages").values(), vocab_size=4096)
    sizes = [len(messages.token_bytes(number)) for number in messages.encode_ids(text)]
    clusters = regex.findall(r"\X", text)
    levels = [
        ("grapheme clusters", [(names[cluster], len(cluster.encode())) for cluster in clusters]),
        ("code points, in hexadecimal", [(f"{ord(point):X}", len(point.encode())) for point in text]),
        ("bytes, in hexadecimal", [(f"{byte:02X}", 1) for byte in text.encode()]),
        ("tokens of a multilingual vocabulary, by number of bytes", [(str(size), size) for size in sizes]),
    ]
    width = len(text.encode())
    axes = canvas(figure, width=width, height=len(levels) * 2, inches=2.7)
    for index, (level, spans) in enumerate(levels):
        y = (len(levels) - 1 - index) * 2
        axes.text(0.05, y + 1.45, f"{level}: {len(spans)}", fontsize=8.5, va="center")
        start = 0
        for label, length in spans:
            _box(axes, start + 0.06, y + 0.1, length - 0.12, label, color=f"C{index}", size=7.5)
            start += length


def utf8_layout(figure: Figure) -> None:
    """Draw UTF-8's four forms, filled with the bits of four characters."""
    examples = {"A": "A", "é": "é", "木": "the Chinese character for tree", "🚀": "the rocket"}
    axes = canvas(figure, width=36, height=len(examples) * 2.3, inches=2.9)
    for index, (character, name) in enumerate(examples.items()):
        y = (len(examples) - 1 - index) * 2.3
        axes.text(0, y + 1.6, f"U+{ord(character):04X}, {name}", fontsize=8.5, va="center")
        encoded = character.encode()
        for place, byte in enumerate(encoded):
            n_fixed = 2 if place else (1 if len(encoded) == 1 else len(encoded) + 1)
            for bit, digit in enumerate(f"{byte:08b}"):
                fixed = bit < n_fixed
                x = place * 9 + bit
                face = {"facecolor": "C0", "alpha": 0.28} if fixed else {"facecolor": "none"}
                axes.add_patch(Rectangle((x, y + 0.1), 1, 1, linewidth=0, **face))
                axes.add_patch(Rectangle((x, y + 0.1), 1, 1, facecolor="none", edgecolor="C0", linewidth=0.7))
                weight = "bold" if fixed else "normal"
                axes.text(x + 0.5, y + 0.56, digit, ha="center", va="center", fontsize=8.5, weight=weight, **MONO)


def zipf(figure: Figure) -> None:
    """Draw the frequency of each word of the training works by its rank."""
    counts = sorted(Counter(WORDS.words("\n".join(_training_works()))).values(), reverse=True)
    ranks = range(1, len(counts) + 1)
    axes = figure.subplots()
    axes.loglog(ranks, counts, label="words of the eight works")
    anchor = 20  # the commonest few words lie below the line in most corpora
    axes.loglog(
        [1, len(counts)],
        [counts[anchor - 1] * anchor, counts[anchor - 1] * anchor / len(counts)],
        label="slope −1",
    )
    axes.set(xlabel="rank of the word", ylabel="occurrences", ylim=(0.6, None))
    axes.legend()


def pretokenized_line(figure: Figure) -> None:
    """Draw one line as four pre-tokenizers cut it, character under character."""
    text = "She'd paid £2450,\n    x == 10"
    axes = canvas(figure, width=len(text), height=8.4, inches=2.9)
    for index, pretokenizer in enumerate((WHITESPACE, BERT, GPT2, CL100K)):
        y = (3 - index) * 2.1
        pieces = pretokenizer.split(text)
        axes.text(0.05, y + 1.5, f"{pretokenizer.name}: {len(pieces)} pieces", fontsize=8.5, va="center")
        for piece in pieces:
            _box(axes, piece.start + 0.07, y + 0.1, piece.end - piece.start - 0.14, "", color=f"C{index}")
            for offset, character in enumerate(piece.text.translate(VISIBLE)):
                x = piece.start + offset + 0.5
                axes.text(x, y + 0.57, character, ha="center", va="center", fontsize=9.5, **MONO)


def merge_tree(figure: Figure) -> None:
    """Draw how the merges of the chapter's four words join an unseen word."""
    word = "lowest"
    model = train({"low": 5, "lower": 2, "newest": 6, "widest": 3}, vocab_size=18)
    places: list[tuple[str, float, int]] = [(letter, column, 0) for column, letter in enumerate(word)]
    axes = canvas(figure, width=len(word), height=3.5, inches=2.7, left=-0.5)
    for letter, column, _ in places:
        _node(axes, column, 0, letter, None)
    for step in trace_encoding(word, model):
        left, right = places[step.position], places[step.position + 1]
        x, level = (left[1] + right[1]) / 2, max(left[2], right[2]) + 1
        for child in (left, right):
            axes.plot([x, child[1]], [level + 0.2, child[2] + 0.65], color="C0", linestyle="-", linewidth=1.4)
        _node(axes, x, level, left[0] + right[0], step.rank)
        places[step.position : step.position + 2] = [(left[0] + right[0], x, level)]


@cache
def _training_works() -> tuple[str, ...]:
    works = datasets.documents("shakespeare")
    del works["hamlet"]  # the chapter keeps it for tests
    return tuple(works.values())


@cache
def _chapter_tokenizer() -> Tokenizer:
    return train_tokenizer(_training_works(), vocab_size=4096, special_tokens=["<|endoftext|>"])


def _row_of_boxes(axes: Axes, cells: Sequence[str], y: float, color: str) -> None:
    x = 0.2
    for cell in cells:
        width = len(cell) + 1.2
        _box(axes, x, y, width, cell, color=color, size=9.5)
        x += width + 0.6


def _box(axes: Axes, x: float, y: float, width: float, label: str, *, color: str, size: float = 9) -> None:
    shape = "round,pad=0,rounding_size=0.18"
    axes.add_patch(FancyBboxPatch((x, y), width, 0.95, shape, facecolor=color, alpha=0.18, linewidth=0))
    axes.add_patch(FancyBboxPatch((x, y), width, 0.95, shape, facecolor="none", edgecolor=color, linewidth=1))
    axes.text(x + width / 2, y + 0.46, label, ha="center", va="center", fontsize=size, **MONO)


def _node(axes: Axes, x: float, level: int, label: str, rank: int | None) -> None:
    axes.text(x, level + 0.4, label, ha="center", va="center", fontsize=12, **MONO)
    if rank is not None:
        axes.text(x + 0.12 * len(label) + 0.12, level + 0.4, f"rank {rank}", va="center", fontsize=8.5)
