"""Diagrams of the small book."""

from matplotlib.figure import Figure


def square(figure: Figure) -> None:
    axes = figure.subplots()
    axes.plot([0, 1, 1, 0, 0], [0, 0, 1, 1, 0], label="a square")
    axes.legend()
