"""Diagrams of the chapter on bugs in attention, drawn from the masks that the package builds."""

import torch
from _extensions.figure_style import canvas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from llmguide.transformer.masks import causal_mask, document_mask, padding_mask

SIZE = 6


def masks(figure: Figure) -> None:
    """Draw right masks above wrong ones, a filled cell where a query may look."""
    causal = causal_mask(SIZE, SIZE)
    documents = document_mask(torch.tensor([[0, 0, 0, 1, 1, 1]]))[0, 0]
    padding = padding_mask(torch.tensor([[False, False, True, True, True, True]]))[0, 0]
    panels = (
        ("causal", causal),
        ("packed documents", causal & documents),
        ("padding on the left", causal & padding),
        ("off by one", torch.ones_like(causal).tril(diagonal=1)),
        ("inverted", ~causal),
        ("two queries, at the left", torch.ones(2, SIZE).tril().bool()),
    )
    axes = canvas(figure, width=30, height=19.5, inches=3.6)
    for index, (title, mask) in enumerate(panels):
        top = (17, 7.3)[index // 3]
        _panel(axes, title, mask, 1 + 10 * (index % 3), top - len(mask))
    axes.text(0.2, 14, "right", rotation=90, va="center", ha="center", fontsize=9)
    axes.text(0.2, 4.3, "wrong", rotation=90, va="center", ha="center", fontsize=9)


def _panel(axes: Axes, title: str, mask: Tensor, left: float, bottom: float) -> None:
    """Draw one mask, its first query on top."""
    rows = mask.shape[0]
    for query, row in enumerate(mask.tolist()):
        for key, visible in enumerate(row):
            place = (left + key, bottom + rows - 1 - query)
            axes.add_patch(
                Rectangle(place, 1, 1, facecolor="C0" if visible else "none", edgecolor="0.5", linewidth=0.6)
            )
    axes.text(left, bottom + rows + 0.4, title, fontsize=9, va="bottom")
