"""Diagrams of the sample book."""

from matplotlib.figure import Figure


def square(figure: Figure) -> None:
    axes = figure.subplots()
    axes.plot([0, 1, 1, 0, 0], [0, 0, 1, 1, 0], label="a square")
    axes.legend()


def glyph(figure: Figure) -> None:
    figure.text(0.5, 0.5, "中")  # which the font does not have
