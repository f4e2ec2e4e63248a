"""Diagrams of the page on tokenizer bugs: where each of the ten arises, and what the fourth does to a stream."""

import codecs
from typing import Any

from _extensions.figure_style import canvas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from llmguide.tokenizers import published

MONO: dict[str, Any] = {"family": "DejaVu Sans Mono"}
NAMES = str.maketrans({" ": "␣", "木": "tree", "🚀": "rocket"})  # the font has neither of the two
KINDS = {  # of mistakes: the marker and the colour of each
    "text changed, or left, unasked": ("o", "C0"),
    "two programs disagree": ("s", "C1"),
    "a part taken for the whole": ("D", "C2"),
    "cost": ("^", "C3"),
}
UNASKED, DISAGREE, PART, COST = KINDS
STAGES: list[tuple[str, list[tuple[int, str, str]]]] = [
    (
        "the program\nwrites the prompt",
        [
            (2, "a marker that the user typed", DISAGREE),
            (3, "two beginning-of-sequence markers", DISAGREE),
            (7, "a prompt that ends in a space", PART),
        ],
    ),
    ("normalization", [(10, "two normal forms of one text", UNASKED)]),
    (
        "pre-tokenization",
        [
            (1, "spaces that disappear", UNASKED),
            (6, "the right vocabulary, the wrong pattern", DISAGREE),
        ],
    ),
    ("merges", [(8, "one long word, quadratic time", COST)]),
    ("ids and offsets", [(9, "offsets in another unit", DISAGREE)]),
    ("the model", []),
    (
        "decoding",
        [
            (4, "half a character in a stream", PART),
            (5, "a decoder that tidies up", UNASKED),
        ],
    ),
]
GAP = 0.75


def stages(figure: Figure) -> None:
    """Draw the way of a text through a program, with each of the ten bugs at the stage where it arises."""
    heights = [max(1.25, len(bugs)) for _, bugs in STAGES]
    legend = 2.7
    top = sum(heights) + GAP * (len(STAGES) - 1) + legend
    axes = canvas(figure, width=30, height=top + 0.1, inches=5.1)
    y = top
    for index, ((stage, bugs), height) in enumerate(zip(STAGES, heights, strict=True)):
        y -= height
        _box(axes, (0.1, y), (9.4, height), stage, solid=bool(bugs))
        for line, (number, name, kind) in enumerate(bugs):
            middle = y + height / 2 + (len(bugs) - 1) / 2 - line
            _mark(axes, 10.8, middle, kind)
            axes.text(12.7, middle, str(number), fontsize=9, weight="bold", ha="right", va="center")
            axes.text(13.2, middle, name, fontsize=9, va="center")
        if index + 1 < len(STAGES):
            style = {"arrowstyle": "-|>", "color": "C0", "lw": 1.4, "shrinkA": 0, "shrinkB": 0}
            axes.annotate("", (4.8, y - GAP), (4.8, y), arrowprops=style)
            y -= GAP
    for (x, y), kind in zip(((0.6, 1.5), (14.6, 1.5), (0.6, 0.45), (14.6, 0.45)), KINDS, strict=True):
        _mark(axes, x, y, kind)
        axes.text(x + 0.8, y, kind, fontsize=8.5, va="center")


def stream(figure: Figure) -> None:
    """Draw the tokens of two characters, and what two decoders show when each of them arrives."""
    text = "木 🚀"
    tokenizer = published.load("gpt2")
    tokens = [tokenizer.token_bytes(number) for number in tokenizer.encode_ids(text)]
    decoder = codecs.getincrementaldecoder("utf-8")()
    rows = [
        ("characters", [(character, len(character.encode())) for character in text]),
        ("bytes, in hexadecimal", [(f"{byte:02X}", 1) for byte in text.encode()]),
        ("tokens of GPT-2, in the order in which they arrive", [(str(i), len(t)) for i, t in enumerate(tokens, 1)]),
        ("shown if each is decoded alone", [(token.decode(errors="replace"), len(token)) for token in tokens]),
        ("shown by a decoder that waits", [(decoder.decode(token), len(token)) for token in tokens]),
    ]
    axes = canvas(figure, width=len(text.encode()), height=len(rows) * 2, inches=3.3)
    for index, (name, spans) in enumerate(rows):
        y = (len(rows) - 1 - index) * 2
        axes.text(0.05, y + 1.45, name, fontsize=8.5, va="center")
        start = 0
        for label, length in spans:
            look: dict[str, Any] = {"color": f"C{min(index, 3)}", "solid": bool(label), "font": MONO}
            _box(axes, (start + 0.05, y + 0.1), (length - 0.1, 0.95), label.translate(NAMES), **look)
            start += length


def _mark(axes: Axes, x: float, y: float, kind: str) -> None:
    marker, color = KINDS[kind]
    axes.plot([x], [y], marker=marker, markersize=7, color=color, linestyle="none")


def _box(
    axes: Axes,
    corner: tuple[float, float],
    size: tuple[float, float],
    label: str,
    *,
    color: str = "C0",
    solid: bool = True,
    font: dict[str, Any] | None = None,
) -> None:
    shape = "round,pad=0,rounding_size=0.15"
    line: dict[str, Any] = {"edgecolor": color, "linewidth": 1, "linestyle": "-" if solid else "--"}
    if solid:
        axes.add_patch(FancyBboxPatch(corner, *size, shape, facecolor=color, alpha=0.18, linewidth=0))
    axes.add_patch(FancyBboxPatch(corner, *size, shape, facecolor="none", **line))
    center = (corner[0] + size[0] / 2, corner[1] + size[1] / 2)
    axes.text(*center, label, ha="center", va="center", fontsize=9, **(font or {}))
