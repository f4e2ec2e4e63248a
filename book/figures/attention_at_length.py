"""Diagrams of the chapter on attention over long texts, each drawn from what the package computes."""

from functools import cache
from typing import Any

import torch
from _extensions.figure_style import canvas, draw_mask
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Polygon, Rectangle

from llmguide.transformer import ModelConfig, attend, llama
from llmguide.transformer.accounting import matmul_flops
from llmguide.transformer.attention import repeat_heads
from llmguide.transformer.linear_attention import mix_in_steps
from llmguide.transformer.masks import causal_mask, window_mask

MODELS = {
    "SmolLM2-135M": llama(
        vocab_size=49_152,
        context_length=8192,
        d_model=576,
        n_layers=30,
        n_heads=9,
        n_kv_heads=3,
        d_hidden=1536,
        head="tied",
    ),
    "Llama 3 70B": llama(
        vocab_size=128_256,
        context_length=131_072,
        d_model=8192,
        n_layers=80,
        n_heads=64,
        n_kv_heads=8,
        d_hidden=28_672,
    ),
}


def shares(figure: Figure) -> None:
    """Draw the part of all operations that scores and mixing take."""
    axes = figure.subplots()
    lengths = [2**power for power in range(7, 21)]
    for index, (name, config) in enumerate(MODELS.items()):
        parts = [100 * _share(config, length) for length in lengths]
        axes.plot(lengths, parts, color=f"C{index}", label=name)
        half = next(length for length in range(128, 2**20, 16) if _share(config, length) >= 0.5)
        axes.plot([half], [50], color=f"C{index}", marker="o", linestyle="none")
        axes.annotate(f"{half:,}", (half, 50), (7, -10), textcoords="offset points", fontsize=8, color=f"C{index}")
    axes.set_xscale("log", base=2)
    ticks = [128, 1024, 8192, 65_536, 524_288]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    axes.set_ylim(0, 100)
    axes.set_xlabel("positions")
    axes.set_ylabel("share of scoring and mixing (%)")
    axes.legend(fontsize=8)


@cache
def _share(config: ModelConfig, length: int) -> float:
    parts = matmul_flops(config, batch=1, positions=length)
    return parts["attention"] / sum(parts.values())


def shared_heads(figure: Figure) -> None:
    """Draw which heads of keys and values the heads of queries ask, for three ways of sharing."""
    n_heads, gap = 8, 1.6
    axes = canvas(figure, width=3 * n_heads + 2 * gap, height=5.4, inches=2.0)
    for panel, (name, kv_heads) in enumerate((("multi-head", 8), ("grouped-query", 2), ("multi-query", 1))):
        left = panel * (n_heads + gap)
        numbers = torch.arange(float(kv_heads)).reshape(1, kv_heads, 1, 1)
        asked = [int(number) for number in repeat_heads(numbers, n_heads).flatten()]
        axes.text(left + n_heads / 2, 5.0, name, ha="center", va="center", fontsize=9.5)
        places = [left + (kv + 0.5) * n_heads / kv_heads for kv in range(kv_heads)]
        for head, kv in enumerate(asked):
            axes.plot([left + head + 0.5, places[kv]], [3.5, 1.5], color="C0", lw=1, linestyle="-", alpha=0.6)
            _box(axes, left + head + 0.12, 3.5, "C0")
        for place in places:
            _box(axes, place - 0.38, 0.6, "C1")


def windows(figure: Figure) -> None:
    """Draw masks: causal, a window, a window with a sink, and what three layers with a window reach."""
    size, window = 12, 4
    near = window_mask(size, size, window)
    reach = near.float()
    for _ in range(2):
        reach = (near.float() @ reach).clamp(max=1)
    panels = {
        "causal": causal_mask(size, size),
        "window of 4": near,
        "with one sink": window_mask(size, size, window, sinks=1),
        "three layers": reach > 0,
    }
    axes = canvas(figure, width=4 * size + 6, height=size + 2, inches=1.75)
    for panel, (name, mask) in enumerate(panels.items()):
        left = panel * (size + 2)
        axes.text(left + size / 2, size + 1.2, name, ha="center", va="center", fontsize=9)
        draw_mask(axes, mask, left)
    axes.set_aspect("equal")


def tiles(figure: Figure) -> None:
    """Draw the order in which tiles of scores are computed under a causal mask."""
    count = 4
    axes = canvas(figure, width=count + 2.2, height=count + 0.9, inches=2.6, left=-1.1)
    number = 0
    for row in range(count):
        y = count - 1 - row
        for column in range(count):
            edge: dict[str, Any] = {"edgecolor": "C0", "linewidth": 1}
            if column > row:
                axes.add_patch(Rectangle((column, y), 0.92, 0.92, facecolor="none", linestyle=":", **edge))
                continue
            number += 1
            axes.add_patch(Rectangle((column, y), 0.92, 0.92, facecolor="none", **edge))
            if column == row:
                corners = [(column, y), (column, y + 0.92), (column + 0.92, y)]
                axes.add_patch(Polygon(corners, facecolor="C0", alpha=0.3, linewidth=0))
            else:
                axes.add_patch(Rectangle((column, y), 0.92, 0.92, facecolor="C0", alpha=0.3, linewidth=0))
            axes.text(column + 0.46, y + 0.46, str(number), ha="center", va="center", fontsize=10)
        axes.text(-0.15, y + 0.46, f"queries {row + 1}", ha="right", va="center", fontsize=8)
        axes.text(row + 0.46, count + 0.15, f"keys {row + 1}", ha="center", va="bottom", fontsize=8)
    axes.set_aspect("equal")


def linear_recall(figure: Figure) -> None:
    """Draw how many random pairs linear states of several widths and softmax attention recall."""
    axes = figure.subplots()
    counts = [2, 4, 8, 16, 32, 64, 128, 256]
    for index, width in enumerate((16, 32, 64)):
        parts = [100 * recall(width, count, softmax=False) for count in counts]
        axes.plot(counts, parts, color=f"C{index}", marker="o^v"[index], label=f"linear state, {width} × {width}")
    axes.plot(
        counts,
        [100 * recall(32, count, softmax=True) for count in counts],
        color="C3",
        marker="s",
        label="softmax attention, width 32",
    )
    axes.set_xscale("log", base=2)
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.minorticks_off()
    axes.set_ylim(0, 104)
    axes.set_xlabel("pairs written")
    axes.set_ylabel("values found again (%)")
    axes.legend(fontsize=8, loc="lower left")


@cache
def recall(width: int, count: int, *, softmax: bool) -> float:
    """Write random pairs, read every key, and look for the nearest value.

    Args:
        width: Of keys and values.
        count: How many pairs.
        softmax: Whether to attend with softmax, sharply, in place of reading a linear state.

    Returns:
        The part of keys whose own value is nearest to what was read.
    """
    texts = 20
    generator = torch.Generator().manual_seed(1000 * width + count)
    keys, values = torch.randn(2, texts, 1, count, width, generator=generator)
    keys = keys / keys.norm(dim=-1, keepdim=True)
    if softmax:
        read, _ = attend(50 * width**0.5 * keys, keys, values)
    else:
        _, state = mix_in_steps(keys, keys, values)
        read = keys @ state
    nearest = torch.cdist(read, values).argmin(-1)
    return (nearest == torch.arange(count)).double().mean().item()


def _box(axes: Axes, x: float, y: float, color: str) -> None:
    width, height = 0.76, 0.9
    shape = "round,pad=0,rounding_size=0.15"
    axes.add_patch(FancyBboxPatch((x, y), width, height, shape, facecolor=color, alpha=0.3, linewidth=0))
    axes.add_patch(FancyBboxPatch((x, y), width, height, shape, facecolor="none", edgecolor=color, linewidth=1.2))
