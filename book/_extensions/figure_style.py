"""How the book's figures look: on white, on the dark theme's near-black, and in print.

The colours stay apart for readers without one kind of cone, and lines differ in their dashes too. Every colour has a
contrast of at least 3 to its background, and text one of at least 7. The tests compute all of it.
"""

from typing import Any

from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

FOREGROUND = {"light": "#1b1b1f", "dark": "#e3e3e8"}
MUTED = {"light": "#62626b", "dark": "#9a9aa3"}
BACKGROUND = {"light": "#ffffff", "dark": "#131416"}  # furo's
CYCLE = {
    "light": ("#2450c8", "#d06a12", "#05997a", "#9e62b9", "#6e3f1c", "#2b1a45"),
    "dark": ("#5c8bfa", "#e07d3c", "#4fe0ab", "#b79cc6", "#f4c430", "#e9f3fa"),
}
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (9, 2)), (0, (3, 1.2, 1.2, 1.2, 1.2, 1.2)))
SIZE = (5.6, 3.3)  # inches: at a phone's width its text is still 6 points high


def style(theme: str) -> dict[Any, Any]:
    """Return matplotlib's settings for a theme.

    Text becomes outlines: a figure then looks the same in every browser, reader and print, and its words are in its
    alternative text. The font is the one that comes with matplotlib, hence the same everywhere.

    Args:
        theme: ``light`` or ``dark``.
    """
    text, muted = FOREGROUND[theme], MUTED[theme]
    return {
        "axes.axisbelow": True,
        "axes.edgecolor": muted,
        "axes.facecolor": "none",
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.labelcolor": text,
        "axes.labelsize": 10,
        "axes.prop_cycle": cycler(color=CYCLE[theme]) + cycler(linestyle=DASHES),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 10,
        "figure.constrained_layout.use": True,
        "figure.edgecolor": "none",
        "figure.facecolor": "none",
        "figure.figsize": SIZE,
        "font.family": "DejaVu Sans",
        "font.size": 10,
        "grid.alpha": 0.25,
        "grid.color": muted,
        "grid.linewidth": 0.6,
        "hatch.color": text,
        "legend.frameon": False,
        "lines.linewidth": 1.8,
        "lines.markersize": 5,
        "patch.edgecolor": text,
        "pdf.fonttype": 42,
        "savefig.transparent": True,
        "svg.fonttype": "path",
        "svg.hashsalt": "llmguide",
        "text.color": text,
        "xtick.color": muted,
        "xtick.labelcolor": text,
        "ytick.color": muted,
        "ytick.labelcolor": text,
    }


def canvas(figure: Figure, width: float, height: float, inches: float, left: float = 0) -> Axes:
    """Give empty axes that fill a figure, for a diagram in units of its own.

    Args:
        figure: The figure.
        width: How many units it is wide.
        height: How many units it is high.
        inches: How high it is on paper.
        left: Where the units begin on the left.

    Returns:
        The axes.
    """
    figure.set_size_inches(figure.get_figwidth(), inches)
    axes: Axes = figure.subplots()
    axes.set(xlim=(left - 0.1, left + width + 0.1), ylim=(0, height))
    axes.set_axis_off()
    return axes


def draw_mask(axes: Axes, mask: Tensor, left: float, color: str = "C0") -> None:
    """Draw a square mask as cells, one of each unit, in a frame that stands on the bottom.

    Args:
        axes: Where to draw.
        mask: True where a row's position may look at a column's.
        left: Where the frame begins.
        color: Of the cells that are True.
    """
    size = len(mask)
    for query, key in mask.nonzero().tolist():
        corner = (left + key, size - 1 - query)
        axes.add_patch(Rectangle(corner, 0.88, 0.88, facecolor=color, alpha=0.75, linewidth=0))
    frame = (left - 0.1, -0.1)
    axes.add_patch(Rectangle(frame, size, size + 0.08, facecolor="none", edgecolor="0.5", linewidth=0.6))
