"""Diagrams of the chapter on the training loop, drawn from what the package computes."""

from collections.abc import Callable, Iterable

import torch
from _extensions.figure_style import canvas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle
from torch import Tensor

from llmguide.training import warmup_cosine
from llmguide.training.packing import pack
from llmguide.training.schedules import warmup_stable_decay
from llmguide.transformer.masks import causal_mask, document_mask

SENTENCE = ("Vodil", "Bidesk", "comes", "from", "Manastead", ".")
STEEP = 25.0
DOCUMENTS = ([1, 2, 3], [4, 5], [6])


def shift(figure: Figure) -> None:
    """Draw a sentence as read and as it should be said, one place on."""
    count = len(SENTENCE) - 1
    axes = canvas(figure, width=2.2 * count, height=3.4, inches=1.5)
    for place in range(count):
        middle = 2.2 * place + 1.1
        _word(axes, SENTENCE[place], middle, 2.6, "C0")
        _word(axes, SENTENCE[place + 1], middle, 0.6, "C1")
        axes.annotate(
            "", (middle, 1.1), (middle, 2.1), arrowprops={"arrowstyle": "-|>", "color": "0.5", "linewidth": 1.0}
        )


def _word(axes: Axes, word: str, middle: float, height: float, colour: str) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (middle - 0.9, height - 0.35), 1.8, 0.7, boxstyle="round,pad=0.05", facecolor="none", edgecolor=colour
        )
    )
    axes.text(middle, height, word, ha="center", va="center", fontsize=9)


def paths(figure: Figure) -> None:
    """Draw the ways of three optimizers down a narrow valley."""
    axes = figure.subplots()
    grid = torch.linspace(-1.25, 1.25, 101)
    a, b = torch.meshgrid(grid, grid, indexing="xy")
    height = (a**2 + STEEP * b**2) / 2
    levels = [0.05, 0.3, 1, 3, 7, 13, 20]
    axes.contour(grid, grid, height, levels=levels, colors="0.5", linewidths=0.5, alpha=0.6)
    ways: dict[str, Callable[[list[Tensor]], torch.optim.Optimizer]] = {
        "SGD": lambda point: torch.optim.SGD(point, lr=0.07),
        "SGD with momentum": lambda point: torch.optim.SGD(point, lr=0.02, momentum=0.85),
        "Adam": lambda point: torch.optim.Adam(point, lr=0.1, betas=(0.9, 0.95)),
    }
    for index, (name, make) in enumerate(ways.items()):
        x, y = zip(*_walk(make, 30), strict=True)
        axes.plot(x, y, color=f"C{index}", marker=".", markersize=4, linewidth=1.1, label=name)
    axes.set(xlim=(-0.65, 1.15), ylim=(-1.1, 1.2), xlabel="a", ylabel="b")
    axes.grid(visible=False)
    axes.legend(fontsize=8, loc="lower left")


def _walk(make: Callable[[list[Tensor]], torch.optim.Optimizer], steps: int) -> Iterable[tuple[float, float]]:
    point = torch.tensor([1.0, 1.0], requires_grad=True)
    optimizer = make([point])
    yield 1.0, 1.0
    for _ in range(steps):
        point.grad = point.detach() * torch.tensor([1.0, STEEP])
        optimizer.step()
        yield point[0].item(), point[1].item()


def schedules(figure: Figure) -> None:
    """Draw the rate over the steps of a run, by schedule."""
    axes = figure.subplots()
    steps, warmup = 1000, 50
    curves = {
        "cosine": [warmup_cosine(step, steps=steps, peak=1.0, warmup=warmup) for step in range(steps)],
        "stable, then down": [
            warmup_stable_decay(step, steps=steps, peak=1.0, warmup=warmup, decay=200) for step in range(steps)
        ],
        "constant": [warmup_stable_decay(step, steps=steps, peak=1.0, warmup=warmup, decay=0) for step in range(steps)],
    }
    for index, (name, values) in enumerate(curves.items()):
        axes.plot(values, color=f"C{index}", label=name)
    axes.set(xlabel="step", ylabel="learning rate (parts of its peak)", ylim=(0, 1.05))
    axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0.1, 0.05))


def packed_row(figure: Figure) -> None:
    """Draw a packed row with its document numbers and positions, and the mask without and with documents."""
    packed = pack(DOCUMENTS, length=9, end=0)
    size = packed.ids.shape[1]
    axes = canvas(figure, width=2 * size + 6, height=size + 5.5, inches=3.1, left=-4)
    rows = (
        ("token", [("■" if token else "end") for token in packed.ids[0].tolist()]),
        ("document", packed.documents[0].tolist()),
        ("position", packed.positions[0].tolist()),
    )
    for line, (name, values) in enumerate(rows):
        height = size + 4.6 - line
        axes.text(-0.3, height, name, ha="right", va="center", fontsize=9)
        for place, value in enumerate(values):
            colour = f"C{packed.documents[0, place].item()}"
            axes.text(place + 0.5, height, str(value), ha="center", va="center", fontsize=7.5, color=colour)
    causal = causal_mask(size, size)
    own = causal & document_mask(packed.documents)[0, 0]
    for left, title, mask in ((0, "causal", causal), (size + 2, "causal, documents apart", own)):
        axes.text(left, size + 0.5, title, fontsize=9, va="bottom")
        for query, row in enumerate(mask.tolist()):
            for key, visible in enumerate(row):
                colour = f"C{packed.documents[0, query].item()}" if visible else "none"
                axes.add_patch(
                    Rectangle(
                        (left + key, size - 1 - query),
                        1,
                        1,
                        facecolor=colour,
                        edgecolor="0.5",
                        linewidth=0.6,
                        alpha=0.85,
                    )
                )
