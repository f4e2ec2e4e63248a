"""Diagrams of the chapter on attention, each drawn from what the package computes."""

import math
from typing import Any

import torch
from _extensions.figure_style import canvas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, Rectangle
from torch import Tensor

from llmguide.transformer.attention import attend, score
from llmguide.transformer.masks import causal_mask, document_mask, padding_mask, prefix_mask
from llmguide.transformer.positions import alibi_slopes, rotate, rotation, sinusoids
from llmguide.transformer.published import smollm2
from llmguide.transformer.rope_scaling import (
    LinearScaling,
    Llama3Scaling,
    NtkScaling,
    YarnScaling,
    rotary_frequencies,
)
from llmguide.transformer.trace import Tap

WORDS = ("The", "key", "opens", "the", "door")
OPENS = torch.tensor([2.0, -1.0])
KEYS = torch.tensor([[0.0, 1], [2, 0], [-1, 0], [0, 1], [2, 1]])
VALUES = torch.tensor([[0.0, 0], [4, 0], [1, 1], [0, 0], [0, 4]])


def keys_in_the_plane(figure: Figure) -> None:
    """Draw the chapter's keys as arrows, and the query of *opens* with the lines of equal score."""
    figure.set_size_inches(figure.get_figwidth(), 3.3)
    axes = figure.subplots()
    axes.set(xlim=(-2.2, 3.6), ylim=(-1.6, 1.75), aspect="equal")
    for level in range(-4, 7, 2):
        # All points whose product with the query is the level.
        xs = torch.tensor([-2.2, 3.6])
        axes.plot(xs, (level - OPENS[0] * xs) / OPENS[1], color="C2", lw=0.7, ls="-", alpha=0.6)
        x = (level + OPENS[1] * 1.48) / OPENS[0] + 1.48
        if -2 < x < 3.4:
            axes.text(x, 1.52, f"{level}", color="C2", fontsize=8, ha="center")
    _arrow(axes, OPENS, "C1", lw=2.6)
    axes.text(float(OPENS[0]) + 0.12, float(OPENS[1]) - 0.05, "query of opens", color="C1", fontsize=9, va="center")
    names = {(0.0, 1.0): "The, the", (2.0, 0.0): "key", (-1.0, 0.0): "opens", (2.0, 1.0): "door"}
    for place, name in names.items():
        _arrow(axes, torch.tensor(place), "C0", lw=1.6)
        axes.text(place[0] + 0.08, place[1] + 0.12, name, color="C0", fontsize=9)
    axes.set_xlabel("first coordinate")
    axes.set_ylabel("second coordinate")


def lookup(figure: Figure) -> None:
    """Draw the three steps for *opens*: scores, weights, and the values in the proportion of the weights."""
    figure.set_size_inches(figure.get_figwidth(), 2.9)
    scores = score(OPENS[None, None, None], KEYS[None, None])[0, 0, 0]
    mixed, weights = attend(OPENS[None, None, None], KEYS[None, None], VALUES[None, None])
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 1.1))
    places = range(len(WORDS))
    left.barh(places, scores, color="C0", height=0.6)
    left.set_title("scores")
    middle.barh(places, weights[0, 0, 0], color="C1", height=0.6)
    middle.set_title("weights")
    middle.set_xlim(0, 1)
    for axes in (left, middle):
        axes.set_yticks(places, WORDS)
        axes.invert_yaxis()
        axes.grid(visible=False)
        axes.tick_params(axis="y", length=0)
    middle.set_yticklabels([])
    end = torch.zeros(2)
    for weight, value, word in zip(weights[0, 0, 0], VALUES, WORDS, strict=True):
        step = weight * value
        if step.norm() > 0.1:
            right.annotate("", (end + step).tolist(), end.tolist(), arrowprops={"arrowstyle": "-|>", "color": "C0"})
            where = end + step / 2
            right.text(float(where[0]) + 0.06, float(where[1]) + 0.12, word, color="C0", fontsize=9)
        end = end + step
    right.annotate("", mixed[0, 0, 0].tolist(), (0, 0), arrowprops={"arrowstyle": "-|>", "color": "C1", "lw": 2})
    right.text(0.4, 0.75, "mixed", color="C1", fontsize=9)
    right.set(xlim=(-0.1, 3.2), ylim=(-0.1, 1.9), title="weighted values")


def largest_weight(figure: Figure) -> None:
    """Draw how much of ten random keys' weight the largest gets, by width, with and without the division."""
    axes = figure.subplots()
    widths = [2**power for power in range(1, 11)]
    for index, (label, scaled) in enumerate((("scores as they are", False), ("divided by √d_head", True))):
        means = [float(_largest(width, scaled=scaled).mean()) for width in widths]
        axes.plot(widths, means, marker="os"[index], label=label)
    axes.axhline(0.1, color="C3", lw=1, ls=":")
    axes.text(2, 0.115, "equal shares", color="C3", fontsize=8)
    axes.set_xscale("log", base=2)
    axes.set_xticks([2, 8, 32, 128, 512], ["2", "8", "32", "128", "512"])
    axes.set_ylim(0, 1)
    axes.set_xlabel("width of the vectors")
    axes.set_ylabel("largest of ten weights")
    axes.legend(fontsize=8)


def masks(figure: Figure) -> None:
    """Draw five masks as grids: filled where the query of the row may look at the key of the column."""
    everything = torch.ones(6, 6, dtype=torch.bool)
    causal = causal_mask(6, 6)
    documents = causal & document_mask(torch.tensor([[0, 0, 0, 0, 1, 1]]))[0, 0]
    padded = causal & padding_mask(torch.tensor([[False, False, True, True, True, True]]))[0, 0]
    grids = {
        "bidirectional": everything,
        "causal": causal,
        "prefix of 3": prefix_mask(3, 6, 6),
        "two documents": documents,
        "left padding": padded,
    }
    figure.set_size_inches(figure.get_figwidth(), 3.9)
    panels = figure.subplots(2, 3).flatten()
    for axes, (title, grid) in zip(panels, grids.items(), strict=False):
        _grid(axes, grid)
        axes.set_title(title, fontsize=9)
        axes.set_ylabel("query", fontsize=8)
        axes.set_xlabel("key", fontsize=8)
    panels[-1].set_axis_off()
    panels[-1].add_patch(
        Rectangle((0.05, 0.62), 0.13, 0.13, facecolor="C0", alpha=0.75, transform=panels[-1].transAxes)
    )
    panels[-1].add_patch(
        Rectangle((0.05, 0.37), 0.13, 0.13, facecolor="none", edgecolor="C0", lw=0.6, transform=panels[-1].transAxes)
    )
    panels[-1].text(0.26, 0.685, "may look", fontsize=9, va="center", transform=panels[-1].transAxes)
    panels[-1].text(0.26, 0.435, "may not", fontsize=9, va="center", transform=panels[-1].transAxes)


HEADS_ROWS = (
    (11.6, (("attention_norm", "5 × 576", 5.0, 4.2, "C0"),)),
    (
        9.6,
        (
            ("queries", "9 × 5 × 64", 1.9, 2.9, "C0"),
            ("keys", "3 × 5 × 64", 5.0, 2.9, "C0"),
            ("values", "3 × 5 × 64", 8.1, 2.9, "C0"),
        ),
    ),
    (
        7.6,
        (("queries_rotated", "9 × 5 × 64", 1.9, 2.9, "C2"), ("keys_rotated", "3 × 5 × 64", 5.0, 2.9, "C2")),
    ),
    (5.7, (("scores", "9 × 5 × 5", 3.45, 2.9, "C1"),)),
    (4.0, (("weights", "9 × 5 × 5", 3.45, 2.9, "C1"),)),
    (2.3, (("mixed", "9 × 5 × 64", 5.75, 2.9, "C0"),)),
    (0.6, (("output", "5 × 576", 5.75, 2.9, "C0"),)),
)
"""The boxes of :func:`heads_diagram` by height: name, shape, place, width and colour; a test knows names and shapes."""


def heads_diagram(figure: Figure) -> None:
    """Draw the way through the attention of SmolLM2, with the names of its tensors and their shapes."""
    axes = canvas(figure, width=10, height=12.6, inches=5.6)
    for y, boxes in HEADS_ROWS:
        for name, shape, x, width, color in boxes:
            _box(axes, x, y, width, color)
            axes.text(x, y + 0.2, name, ha="center", va="center", fontsize=8.5, family="DejaVu Sans Mono")
            axes.text(x, y - 0.27, shape, ha="center", va="center", fontsize=8)
    for start, end in (
        ((4.2, 11.05), (2.1, 10.15)),
        ((5.0, 11.05), (5.0, 10.15)),
        ((5.8, 11.05), (7.9, 10.15)),
        ((1.9, 9.05), (1.9, 8.15)),
        ((5.0, 9.05), (5.0, 8.15)),
        ((2.1, 7.05), (3.1, 6.25)),
        ((4.8, 7.05), (3.8, 6.25)),
        ((3.45, 5.15), (3.45, 4.55)),
        ((3.7, 3.45), (5.3, 2.85)),
        ((8.1, 9.05), (6.3, 2.85)),
        ((5.75, 1.75), (5.75, 1.15)),
    ):
        axes.annotate(
            "", end, start, arrowprops={"arrowstyle": "-|>", "color": "C3", "lw": 1, "shrinkA": 0, "shrinkB": 0}
        )
    for x, y, text, side in (
        (0.3, 10.6, "project, cut into heads", "left"),
        (0.35, 8.6, "turn", "left"),
        (0.2, 6.55, "products / √64", "left"),
        (1.7, 4.85, "mask, softmax", "left"),
        (2.3, 2.9, "mix", "left"),
        (6.0, 1.45, "join, project back", "left"),
    ):
        axes.text(x, y, text, fontsize=8, ha=side, va="center", style="italic")


def sinusoid_map(figure: Figure) -> None:
    """Draw the sinusoidal vectors of 64 positions as a map."""
    figure.set_size_inches(figure.get_figwidth(), 2.7)
    axes = figure.subplots()
    image = axes.imshow(
        sinusoids(torch.arange(64), 64).T, aspect="auto", cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest"
    )
    axes.grid(visible=False)
    axes.set_xlabel("position")
    axes.set_ylabel("coordinate")
    figure.colorbar(image, ax=axes, shrink=0.8).outline.set_visible(False)  # type: ignore[operator]


def rotary(figure: Figure) -> None:
    """Draw one pair of a query and of a key, turned by their positions: the angle between depends on the distance."""
    figure.set_size_inches(figure.get_figwidth(), 2.9)
    panels = figure.subplots(1, 2)
    for axes, (query_at, key_at) in zip(panels, ((2, 1), (5, 4)), strict=True):
        axes.set(xlim=(-1.25, 1.4), ylim=(-1.25, 1.3), aspect="equal", xticks=(), yticks=())
        axes.spines[:].set_visible(False)
        axes.add_patch(_circle())
        for place, name, start, color in ((query_at, "q", (1.0, 0.0), "C1"), (key_at, "k", (0.6, 0.8), "C0")):
            cos, sin = rotation(torch.tensor([[place]]), torch.tensor([0.5]))
            before = torch.tensor(start)
            after = rotate(before[None, None, None], cos, sin)[0, 0, 0]
            axes.annotate("", before.tolist(), (0, 0), arrowprops={"arrowstyle": "-|>", "color": color, "alpha": 0.35})
            _arrow(axes, after, color, lw=2)
            at = after * 1.18
            axes.text(float(at[0]), float(at[1]), f"${name}_{place}$", color=color, ha="center", va="center")
        axes.set_title(f"query at {query_at}, key at {key_at}", fontsize=10)


def wavelengths(figure: Figure) -> None:
    """Draw the wavelengths of Llama 3.1's 64 pairs, unscaled and by four scalings for eight times the length."""
    axes = figure.subplots()
    d_head, base, factor, length = 128, 500_000.0, 8.0, 8192
    kinds = {
        "unscaled": None,
        "linear": LinearScaling(factor),
        "NTK-aware": NtkScaling(factor),
        "YaRN": YarnScaling(factor, length),
        "Llama 3.1": Llama3Scaling(factor, 1.0, 4.0, length),
    }
    plain = rotary_frequencies(d_head, base)
    for index, (label, scaling) in enumerate(kinds.items()):
        if scaling is None:
            continue
        stretched = plain / scaling.frequencies(d_head, base)
        axes.plot(range(d_head // 2), stretched, color=f"C{index - 1}", label=label)
    waves = 2 * math.pi / plain
    for turns, text in ((32.0, "32 turns"), (4.0, "4"), (1.0, "1 turn")):
        pair = float((waves < length / turns).sum())
        axes.axvline(pair, color="C4", lw=0.8, ls=":")
        axes.text(pair + 0.4, 8.45, text, fontsize=8, color="C4")
    axes.set_ylim(0.5, 9.1)
    axes.set_xlabel("pair of coordinates, from fast to slow")
    axes.set_ylabel("wavelength, times the unscaled one")
    axes.legend(fontsize=8, loc="center left")


def alibi(figure: Figure) -> None:
    """Draw the weights that ALiBi's penalties alone give, for each of eight heads."""
    axes = figure.subplots()
    distance = torch.arange(64)
    for head, slope in list(enumerate(alibi_slopes(8).tolist()))[::2]:
        weights = (-slope * distance).softmax(0)
        axes.plot(distance, weights, label=f"head {head}, slope 1/{round(1 / slope)}")
    axes.set_yscale("log")
    axes.set_ylim(1e-4, 1)
    axes.set_xlabel("distance of the key")
    axes.set_ylabel("weight")
    axes.legend(fontsize=8)


def sentence(figure: Figure) -> None:
    """Draw the weights of three heads of SmolLM2 on the chapter's sentence."""
    loaded = smollm2()
    ids = torch.tensor([loaded.tokenizer.encode_ids("The key opens the door")])
    shown = ((10, 1), (1, 2), (18, 8))
    tap = Tap(["blocks.*.attention.weights"])
    with torch.no_grad():
        loaded.model(ids, tap=tap)
    figure.set_size_inches(figure.get_figwidth(), 2.5)
    for axes, (layer, head) in zip(figure.subplots(1, 3), shown, strict=True):
        weights = tap.tensors[f"blocks.{layer}.attention.weights"][0, head]
        axes.imshow(weights, vmin=0, vmax=1.25, cmap="Blues", interpolation="nearest")
        for row in range(len(WORDS)):
            for column in range(row + 1):
                weight = float(weights[row, column])
                color = "white" if weight > 0.7 else "black"
                axes.text(column, row, f"{100 * weight:.0f}", ha="center", va="center", fontsize=7, color=color)
        axes.set_xticks(range(len(WORDS)), WORDS, rotation=60, fontsize=8)
        axes.set_yticks(range(len(WORDS)), WORDS if layer == 10 else [""] * len(WORDS), fontsize=8)
        axes.grid(visible=False)
        axes.tick_params(length=0)
        axes.set_title(f"layer {layer}, head {head}", fontsize=9)


def _largest(width: int, *, scaled: bool) -> Tensor:
    """Draw queries and ten keys at random and return the largest weight of each query."""
    generator = torch.Generator().manual_seed(width)
    queries = torch.randn(2000, 1, width, generator=generator)
    keys = torch.randn(2000, 10, width, generator=generator)
    factor = 1.0 if scaled else math.sqrt(width)
    return (score(queries[:, None], keys[:, None]) * factor).softmax(-1).amax(-1)


def _grid(axes: Axes, grid: Tensor) -> None:
    """Draw a mask."""
    size = len(grid)
    for row in range(size):
        for column in range(size):
            seen = bool(grid[row, column])
            axes.add_patch(
                Rectangle((column + 0.06, row + 0.06), 0.88, 0.88, facecolor="C0", alpha=0.75, lw=0)
                if seen
                else Rectangle((column + 0.06, row + 0.06), 0.88, 0.88, facecolor="none", edgecolor="C0", lw=0.5)
            )
    axes.set(xlim=(0, size), ylim=(size, 0), aspect="equal", xticks=(), yticks=())
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def _arrow(axes: Axes, end: Tensor, color: str, lw: float) -> None:
    """Draw a vector from the origin."""
    line: dict[str, Any] = {"arrowstyle": "-|>", "color": color, "lw": lw, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end.tolist(), (0, 0), arrowprops=line)


def _circle() -> Circle:
    """Return the unit circle."""
    return Circle((0, 0), 1, facecolor="none", edgecolor="C3", lw=0.6, alpha=0.6)


def _box(axes: Axes, x: float, y: float, width: float, color: str) -> None:
    """Draw a box around a point."""
    shape = "round,pad=0,rounding_size=0.15"
    corner = (x - width / 2, y - 0.55)
    axes.add_patch(FancyBboxPatch(corner, width, 1.1, shape, facecolor=color, alpha=0.2, linewidth=0))
    axes.add_patch(FancyBboxPatch(corner, width, 1.1, shape, facecolor="none", edgecolor=color, linewidth=1.1))
