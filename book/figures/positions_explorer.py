"""What stands in the place of the positions explorer where no script runs: wavelengths and scores of four scalings."""

import math

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmguide.transformer.positions import rotate, rotation
from llmguide.transformer.rope_scaling import (
    LinearScaling,
    Llama3Scaling,
    NtkScaling,
    Scaling,
    YarnScaling,
    rotary_frequencies,
)

D_HEAD, BASE, FACTOR, LENGTH, LOOK_BACK = 64, 10_000.0, 4.0, 2048, 8
SHOWN = 48  # distances
SCALINGS: dict[str, Scaling | None] = {
    "none": None,
    "linear": LinearScaling(FACTOR),
    "NTK-aware": NtkScaling(FACTOR),
    "YaRN": YarnScaling(FACTOR, LENGTH),
    "Llama 3": Llama3Scaling(FACTOR, 1.0, 4.0, LENGTH),
}


def fallback(figure: Figure) -> None:
    """Draw how far each pair needs for one turn, and the score of one query and one key by their distance."""
    figure.set_size_inches(figure.get_figwidth(), 5.4)
    upper, lower = figure.subplots(2, 1)
    for place, (name, scaling) in enumerate(SCALINGS.items()):
        unscaled = rotary_frequencies(D_HEAD, BASE)
        frequencies = unscaled if scaling is None else scaling.frequencies(D_HEAD, BASE)
        magnitude = 1.0 if scaling is None else scaling.magnitude
        upper.plot((2 * math.pi / frequencies).tolist(), color=f"C{place}", label=name)
        lower.plot(_scores(frequencies, magnitude).tolist(), color=f"C{place}", label=name)
    _label(upper, "pair of coordinates", "positions for one turn")
    upper.set_yscale("log")
    upper.axhline(LENGTH, color="C5", linewidth=0.8, linestyle=":")
    upper.annotate(f"original length {LENGTH:,}", (0, LENGTH), (0, 3), textcoords="offset points", fontsize=8.5)
    upper.legend(ncols=2, fontsize=8.5, loc="lower right")
    _label(lower, "distance between query and key, in positions", "score")


def _label(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def _scores(frequencies: torch.Tensor, magnitude: float) -> torch.Tensor:
    """Score a query against a key that matches it best eight positions back when nothing is scaled."""
    query = torch.full((1, 1, 1, D_HEAD), D_HEAD**-0.25)
    key = rotate(query, *rotation(torch.tensor([[LOOK_BACK]]), rotary_frequencies(D_HEAD, BASE)))
    turned = rotation(torch.arange(SHOWN + 1)[None], frequencies, magnitude)
    queries = rotate(query.expand(1, 1, SHOWN + 1, D_HEAD), *turned)
    return (queries @ key.transpose(-1, -2)).flatten() * magnitude / math.sqrt(D_HEAD)
