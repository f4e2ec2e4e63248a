"""How much longer do things get as they get larger?

A small experiment for the tests of the book's extensions.
"""

from dataclasses import dataclass

from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.records import Metrics, Record, number


@dataclass(frozen=True)
class Config:
    sizes: tuple[int, ...] = (1, 2, 4)


def run(config: Config, seed: int) -> Metrics:
    return {"by_size": {str(size): {"length": size * 1.5 + seed / 10, "count": 1000 * size} for size in config.sizes}}


def growth(metrics: Metrics) -> float:
    return number(metrics, "by_size.4.length") - number(metrics, "by_size.1.length")


def draw(figure: Figure, record: Record) -> None:
    axes = figure.subplots()
    axes.plot([1, 2, 4], [number(record, f"by_size.{size}.length") for size in (1, 2, 4)])
    axes.set_xlabel("size")


EXPERIMENT = Experiment(
    name="small-demo",
    title="Length by size",
    explained_in="sec-counting",
    config=Config(),
    reduced=Config((1,)),
    run=run,
    claims=(Claim("more-is-longer", "Four is at least 3 longer than one.", 3, growth),),
    figures={"curve": draw},
)
