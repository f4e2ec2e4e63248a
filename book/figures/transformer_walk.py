"""What stands in the place of the walk through the book's model where no script runs: its last token's way, drawn."""

from pathlib import Path

import torch
from _extensions.figure_style import canvas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle
from torch import Tensor

from llmguide.interpret.walk import SENTENCE, Walk, walk
from llmguide.transformer.checkpoints import load_folder

MODEL = Path(__file__).parent.parent / "results" / "world-model"
LEFT, STREAM = 2.25, 1.0
ARROW = {"arrowstyle": "->", "color": "C0", "linestyle": "-", "lw": 1.0, "shrinkA": 0, "shrinkB": 0}
LIKELIEST = 3


def fallback(figure: Figure) -> None:
    """Draw the stations from the embedding to the probabilities, each with the last token's numbers."""
    loaded = load_folder(MODEL)
    walked = walk(loaded)
    axes = canvas(figure, 12.6, 15.4, 7.0)
    assert loaded.tokenizer is not None
    axes.text(0, 14.9, f"“{SENTENCE}”", fontsize=8.5)
    last = f"{len(walked.ids)} tokens; the numbers are those of the last, “{walked.tokens[-1]}”."
    axes.text(0, 14.35, f"{last} ÷: the root mean square of a norm", fontsize=8)
    axes.plot([STREAM] * 2, [13.0, 2.9], color="C0", linestyle="-", lw=3, solid_capstyle="butt")
    _station(axes, 13.3, "embedding", walked.tensors["embedding"][-1])
    y = 12.2
    for block in range(loaded.model.config.n_layers):
        y = _block(axes, y, block, walked)
    _station(axes, y - 0.05, "final norm", walked.tensors["final_norm"][-1])
    axes.annotate("", (STREAM, y - 0.9), (STREAM, y - 0.35), arrowprops=ARROW)
    _outcome(axes, y - 1.2, walked, loaded.tokenizer.decode)


def _block(axes: Axes, y: float, block: int, walked: Walk) -> float:
    """Draw attention and feed-forward of a block, and return where the next begins."""
    of = {name.removeprefix(f"blocks.{block}."): tensor for name, tensor in walked.tensors.items()}
    axes.add_patch(
        Rectangle((LEFT - 0.15, y - 1.72), 10.45, 2.15, fill=False, edgecolor="0.5", linewidth=0.6, linestyle=":")
    )
    axes.text(0, y - 0.65, f"block\n{block}", fontsize=8, va="center")
    weights = of["attention.weights"][:, -1]
    head, key = divmod(int(weights.argmax()), weights.shape[1])
    most = f"head {head} looks at “{walked.tokens[key].strip()}”: {100 * weights[head, key].item():.0f} %"
    before = walked.tensors[f"blocks.{block - 1}.output" if block else "embedding"][-1]
    _part(axes, y, "attention", most, stream=before, adds=of["attention.output"][-1])
    largest = int(of["feedforward.hidden"][-1].abs().argmax())
    unit = f"hidden number {largest}: {of['feedforward.hidden'][-1, largest].item():.2f}".replace("-", "−")
    _part(axes, y - 1.05, "feed-forward", unit, stream=of["attended"][-1], adds=of["feedforward.output"][-1])
    return y - 2.4


def _part(axes: Axes, y: float, name: str, says: str, *, stream: Tensor, adds: Tensor) -> None:
    """Draw what reads from the stream, through a norm, and adds to it."""
    axes.annotate("", (LEFT, y + 0.06), (STREAM, y + 0.06), arrowprops=ARROW)
    axes.annotate("", (STREAM, y - 0.38), (LEFT, y - 0.38), arrowprops=ARROW)
    root = stream.square().mean().sqrt().item()
    axes.text((LEFT + STREAM) / 2 + 0.02, y + 0.13, f"÷ {root:.2f}", fontsize=6.5, ha="center")
    axes.add_patch(
        FancyBboxPatch((LEFT, y - 0.5), 2.3, 0.72, "round,pad=0,rounding_size=0.12", fill=False, linewidth=0.8)
    )
    axes.text(LEFT + 1.15, y - 0.14, name, fontsize=8, ha="center", va="center")
    axes.text(LEFT + 2.45, y + 0.04, says, fontsize=7.5, va="center")
    _strip(axes, LEFT + 2.45, y - 0.5, 7.7, adds)


def _station(axes: Axes, y: float, name: str, numbers: Tensor) -> None:
    """Draw a state of the stream."""
    box = FancyBboxPatch(
        (0, y - 0.3), 2.4, 0.66, "round,pad=0,rounding_size=0.12", facecolor="C0", alpha=0.2, linewidth=0
    )
    axes.add_patch(box)
    axes.text(0.12, y + 0.03, name, fontsize=8, va="center")
    _strip(axes, LEFT + 2.45, y - 0.13, 7.7, numbers)


def _strip(axes: Axes, x: float, y: float, width: float, numbers: Tensor) -> None:
    """Draw numbers as a row of fields: blue above zero, orange below, the stronger the larger."""
    most, each = numbers.abs().max().item(), width / len(numbers)
    for place, number in enumerate(numbers.tolist()):
        strength = (abs(number) / most) ** 0.5
        field = Rectangle((x + place * each, y), each, 0.32, facecolor="C1" if number < 0 else "C0", alpha=strength)
        field.set_linewidth(0)
        axes.add_patch(field)


def _outcome(axes: Axes, y: float, walked: Walk, decode: object) -> None:
    """Draw the likeliest tokens with their logits and probabilities."""
    assert callable(decode)
    probabilities, logits = walked.tensors["probabilities"][-1], walked.tensors["logits"][-1]
    axes.text(0, y, "logits", fontsize=8, va="center")
    axes.text(0, y - 0.6, "probabilities", fontsize=8, va="center")
    order = torch.argsort(probabilities, descending=True)[:LIKELIEST].tolist()
    for place, number in enumerate(order):
        x = LEFT + 2.45 + 2.6 * place
        axes.text(x, y, f"“{decode([number]).strip()}” {logits[number].item():.2f}", fontsize=7.5, va="center")
        axes.text(x, y - 0.6, f"{100 * probabilities[number].item():.2f} %", fontsize=7.5, va="center")
