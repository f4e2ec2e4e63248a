"""The book's cover, drawn: the weights with which each word of a sentence attends to the words before it."""

import math
from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle

INK, PAPER, ACCENT = "#0b1b33", "#f4f6fa", "#3fb0e0"
WIDTH, HEIGHT = 8.27, 11.69  # inches: A4
STEPS = 18


def attention(steps: int) -> list[list[float]]:
    """Return causal attention weights: each row sums to one, and no step looks ahead.

    Example:
        >>> [round(weight, 2) for weight in attention(2)[1]]
        [0.26, 0.74]
    """
    rows = []
    for query in range(steps):
        scores = [math.exp(0.8 * math.cos(1.7 * (query - key)) - 0.12 * (query - key)) for key in range(query + 1)]
        rows.append([score / sum(scores) for score in scores])
    return rows


def draw_cover(title: str, author: str, path: Path) -> None:
    """Draw the cover into a file, as a vector or as a picture by the file's ending.

    Args:
        title: The book's title; it is broken into lines of few words.
        author: Who wrote it.
        path: Where to write; its folder is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"pdf.fonttype": 42, "font.family": "DejaVu Sans", "svg.hashsalt": "cover"}):
        figure = Figure(figsize=(WIDTH, HEIGHT), facecolor=INK)
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, HEIGHT), aspect="equal")
        axes.set_axis_off()
        step = (WIDTH - 1.6) / STEPS
        for query, weights in enumerate(attention(STEPS)):
            strongest = max(weights)
            for key, weight in enumerate(weights):
                centre = (0.8 + step * (key + 0.5), 0.9 + step * (STEPS - query - 0.5))
                shade = 0.25 + 0.75 * weight / strongest
                axes.add_patch(
                    Circle(centre, 0.46 * step * math.sqrt(weight / strongest), color=ACCENT, alpha=shade, lw=0)
                )
        for line, words in enumerate(_lines(title)):
            axes.text(0.8, HEIGHT - 1.5 - 0.72 * line, words, color=PAPER, size=36, weight="bold")
        axes.text(0.8, HEIGHT - 1.6 - 0.72 * len(_lines(title)), author, color=PAPER, size=15)
        figure.savefig(path, facecolor=INK, dpi=160, metadata=_METADATA[path.suffix])


_METADATA: dict[str, dict[str, str | None]] = {".pdf": {"CreationDate": None}, ".png": {"Software": None}}


def _lines(title: str, longest: int = 20) -> list[str]:
    lines = [""]
    for word in title.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > longest:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
