"""What attention costs in time and memory as the text grows: readable, fused, in tiles, and without softmax.

All forms are causal and get the same queries, keys and values. Only the pass forward is measured, without a record for
gradients, on one thread.
"""

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.records import Metrics, Record, number
from llmguide.experiments.timing import shortest_seconds
from llmguide.transformer.attention import attend, attend_fused
from llmguide.transformer.linear_attention import attend_linear
from llmguide.transformer.masks import causal_mask
from llmguide.transformer.tiled_attention import attend_tiled

Attend: TypeAlias = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        lengths: Numbers of positions, each twice the one before.
        heads: Number of heads.
        d_head: Width of queries, keys and values.
        tile: How many queries meet how many keys at once in the tiled form.
        chunk: How many positions the linear form mixes at once.
        repeats: How often to run each form at each length; the fastest run counts.
    """

    lengths: tuple[int, ...] = (256, 512, 1024, 2048, 4096)
    heads: int = 8
    d_head: int = 64
    tile: int = 128
    chunk: int = 64
    repeats: int = 5


def forms(config: Config) -> dict[str, Attend]:
    """List what is compared.

    Args:
        config: Settings.

    Returns:
        By name, functions of queries, keys and values. The mask of the readable form is part of its work.
    """

    def readable(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return attend(q, k, v, causal_mask(q.shape[-2], k.shape[-2])[None, None])[0]

    return {
        "readable": readable,
        "fused": lambda q, k, v: attend_fused(q, k, v, causal=True),
        "tiled": lambda q, k, v: attend_tiled(q, k, v, causal=True, tile=config.tile),
        "linear": lambda q, k, v: attend_linear(q, k, v, chunk=config.chunk)[0],
    }


def run(config: Config, seed: int) -> Metrics:
    """Measure each form at each length.

    Args:
        config: Settings.
        seed: Chooses the numbers in queries, keys and values.

    Returns:
        By form and length: ``seconds`` of the processor, in the fastest run, and ``mebibytes``, the peak of what the
        form allocated (see :func:`peak_bytes`). Also ``difference``: the largest difference of the fused and the tiled
        form from the readable one, at any length.
    """
    generator, threads = torch.Generator().manual_seed(seed), torch.get_num_threads()
    seconds: dict[str, dict[str, float]] = {form: {} for form in forms(config)}
    mebibytes: dict[str, dict[str, float]] = {form: {} for form in forms(config)}
    difference = {"fused": 0.0, "tiled": 0.0}
    torch.set_num_threads(1)
    try:
        for length in config.lengths:
            q, k, v = (torch.randn(1, config.heads, length, config.d_head, generator=generator) for _ in range(3))
            with torch.inference_mode():
                results = {form: function(q, k, v) for form, function in forms(config).items()}
                for form, before in difference.items():
                    difference[form] = max(before, (results[form] - results["readable"]).abs().max().item())
                del results
                for form, function in forms(config).items():
                    seconds[form][str(length)] = shortest_seconds(partial(function, q, k, v), config.repeats)
                    mebibytes[form][str(length)] = peak_bytes(function, (q, k, v)) / 2**20
    finally:
        torch.set_num_threads(threads)
    return {"seconds": seconds, "mebibytes": mebibytes, "difference": difference}


def peak_bytes(function: Attend, arguments: tuple[Tensor, Tensor, Tensor]) -> int:
    """Find how much memory a function holds at most at one time.

    Args:
        function: What to watch.
        arguments: What to call it with; they do not count.

    Returns:
        The peak of what it has taken from PyTorch's allocator and not yet given back, its result included. PyTorch's
        profiler reports every tensor and buffer, also those inside a fused operation.
    """
    # The profiler's library reports on itself unless told otherwise before its first run.
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        kept = function(*arguments)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        events = json.loads(path.read_text("utf-8"))["traceEvents"]
    del kept
    changes = sorted((event["ts"], event["args"]["Bytes"]) for event in events if event["name"] == "[memory]")
    held = peak = 0
    for _, change in changes:
        held += change
        peak = max(peak, held)
    return peak


def _growth(metrics: Metrics, measure: str, form: str) -> list[float]:
    """Give the factor by which a measure grows with each doubling of the length."""
    values = [number(metrics, f"{measure}.{form}.{length}") for length in EXPERIMENT.config.lengths]
    return [after / before for before, after in pairwise(values)]


def _longest(metrics: Metrics, measure: str, form: str) -> float:
    return number(metrics, f"{measure}.{form}.{EXPERIMENT.config.lengths[-1]}")


LABELS: Mapping[str, tuple[str, str]] = {
    "readable": ("readable", "o"),
    "fused": ("fused", "s"),
    "tiled": ("in tiles", "^"),
    "linear": ("linear", "D"),
}


def _draw(figure: Figure, record: Record, measure: str, label: str) -> None:
    axes = figure.subplots()
    lengths = EXPERIMENT.config.lengths
    for index, (form, (name, marker)) in enumerate(LABELS.items()):
        values = [number(record, f"{measure}.{form}.{length}") for length in lengths]
        axes.plot(lengths, values, color=f"C{index}", marker=marker, markersize=5, label=name)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(lengths, [f"{length:,}" for length in lengths])
    axes.set_xlabel("positions")
    axes.set_ylabel(label)
    axes.legend(fontsize=8, loc="upper left")
    axes.spines[["top", "right"]].set_visible(False)


def draw_memory(figure: Figure, record: Record) -> None:
    """Draw the peak of memory against the length.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    _draw(figure, record, "mebibytes", "peak memory (MiB)")


def draw_time(figure: Figure, record: Record) -> None:
    """Draw the time against the length.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    _draw(figure, record, "seconds", "processor time (s)")


EXPERIMENT = Experiment(
    name="attention-cost",
    title="What attention costs as the text grows",
    explained_in="sec-attention-cost",
    config=Config(),
    reduced=Config(lengths=(128, 256), repeats=1),
    run=run,
    seeds=(0, 1, 2),
    claims=(
        Claim(
            "readable-memory-grows-with-the-square",
            "Each doubling of the length multiplies the peak memory of the readable form by at least 3.",
            3.0,
            lambda metrics: min(_growth(metrics, "mebibytes", "readable")),
        ),
        Claim(
            "tiled-memory-does-not",
            "No doubling of the length multiplies the peak memory of the tiled form by more than 2.5.",
            -2.5,
            lambda metrics: -max(_growth(metrics, "mebibytes", "tiled")),
        ),
        Claim(
            "tiles-save-memory",
            "At 4,096 positions the readable form holds at least 20 times as much as the tiled one.",
            20.0,
            lambda metrics: _longest(metrics, "mebibytes", "readable") / _longest(metrics, "mebibytes", "tiled"),
        ),
        Claim(
            "tiles-are-exact",
            "The fused and the tiled form give the numbers of the readable one to at least four decimal places.",
            4.0,
            lambda metrics: -math.log10(max(number(metrics, f"difference.{form}") for form in ("fused", "tiled"))),
        ),
        Claim(
            "fused-is-faster",
            "At 4,096 positions the fused form takes at most half the time of the readable one.",
            2.0,
            lambda metrics: _longest(metrics, "seconds", "readable") / _longest(metrics, "seconds", "fused"),
        ),
        Claim(
            "softmax-time-grows-with-the-square",
            "From 1,024 to 4,096 positions the time of the fused form grows at least tenfold; a square grows "
            "sixteenfold.",
            10.0,
            lambda metrics: math.prod(_growth(metrics, "seconds", "fused")[-2:]),
        ),
        Claim(
            "linear-time-grows-with-the-length",
            "From 1,024 to 4,096 positions the time of the linear form grows at most sixfold; a straight line grows "
            "fourfold.",
            -6.0,
            lambda metrics: -math.prod(_growth(metrics, "seconds", "linear")[-2:]),
        ),
        Claim(
            "linear-is-faster-in-long-texts",
            "At 4,096 positions the linear form takes at most half the time of the fused one.",
            2.0,
            lambda metrics: _longest(metrics, "seconds", "fused") / _longest(metrics, "seconds", "linear"),
        ),
    ),
    figures={"memory": draw_memory, "time": draw_time},
    depends=(
        "llmguide.experiments.timing",
        "llmguide.transformer.attention",
        "llmguide.transformer.cache",
        "llmguide.transformer.linear_attention",
        "llmguide.transformer.masks",
        "llmguide.transformer.norms",
        "llmguide.transformer.positions",
        "llmguide.transformer.rope_scaling",
        "llmguide.transformer.tiled_attention",
        "llmguide.transformer.trace",
    ),
    packages=("torch",),
    machine_dependent=("seconds.*", "difference.*", "mebibytes.fused.*"),
)
