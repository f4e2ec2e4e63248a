"""Does more of it give more of the other?

More text.
"""

from dataclasses import dataclass

from llmguide.experiments.framework import Claim, Experiment


@dataclass(frozen=True)
class Config:
    sizes: tuple[int, ...] = (1, 2, 4)


def run(config, seed):
    return {"by_size": {str(s): {"length": s * 1.5 + seed * 0.1, "count": 1000 * s} for s in config.sizes}}


def draw(figure, record):
    axes = figure.subplots()
    axes.plot(list(record.metrics["by_size"]), [v["length"] for v in record.metrics["by_size"].values()], label="one")
    axes.plot(
        list(record.metrics["by_size"]), [v["length"] + 1 for v in record.metrics["by_size"].values()], label="one"
    )
    axes.legend()
    axes.set_xlabel("size")


EXPERIMENT = Experiment(
    name="small-demo",
    title="A demonstration",
    explained_in="sec-counting",
    config=Config(),
    reduced=Config((1,)),
    run=run,
    claims=(
        Claim(
            "more-is-more",
            "Four gives at least 3 more than one.",
            3,
            lambda m: m["by_size"]["4"]["length"] - m["by_size"]["1"]["length"],
        ),
    ),
    figures={"curve": draw},
)
