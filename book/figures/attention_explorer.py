"""What stands in the place of the attention explorer where no script runs: two heads, and what a weight is made of."""

from typing import Any

from matplotlib.figure import Figure

from llmguide.experiments.attention_sentence import EXPERIMENT, draw
from llmguide.experiments.attention_vectors import draw_vectors
from llmguide.experiments.records import load


def fallback(figure: Figure) -> None:
    """Draw a head that looks at the token before, one that looks at what followed the last time, and a score of it."""
    figure.set_size_inches(figure.get_figwidth(), 6.2)
    record = load(EXPERIMENT.name)
    parts: Any = figure.subfigures(2, 1, height_ratios=(3.9, 2.3))
    draw(parts[0], record)
    draw_vectors(parts[1], record)
