"""What batch size, schedule and warm-up do to a small model that learns facts, all for the same number of tokens.

A small Llama reads sentences about people of the miniature world, packed into rows, a word or a full stop a token. What
is measured is how well it completes each fact: the loss at the word that the fact is about, and the part of these words
that it gives the highest probability.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import nn

from llmguide.experiments.fact_corpus import PHRASINGS, Corpus, build_corpus, measure
from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.models import MODEL
from llmguide.experiments.records import Metrics, Record, lookup, number
from llmguide.training.batches import PackedBatches, batch_logits
from llmguide.training.loop import next_token_loss
from llmguide.training.optimizers import adamw
from llmguide.training.schedules import warmup_cosine, warmup_stable_decay
from llmguide.transformer.architectures import llama
from llmguide.transformer.initialization import initialize
from llmguide.transformer.model import Transformer

Schedule: TypeAlias = Callable[[int, int], float]


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        people: Number of people.
        length: Positions of a row.
        rows: Rows of a step, the numbers that are compared; the schedules are compared with the second.
        rates: The highest rates that each of them is tried with; the schedules are compared at the second.
        tokens: Positions read in each run.
        warmup: Part of the steps on the way up.
        decay: Part of the steps on the way down, for the schedule that is constant before.
        d_model: Width of the model.
        n_layers: Layers.
        n_heads: Heads of a layer.
        d_hidden: Width of the feed-forward part.
        points: How often to measure a run.
    """

    people: int = 80
    length: int = 32
    rows: tuple[int, ...] = (4, 16, 64)
    rates: tuple[float, ...] = (1.5e-3, 3e-3, 6e-3)
    tokens: int = 196_608
    warmup: float = 0.05
    decay: float = 0.2
    d_model: int = 64
    n_layers: int = 2
    n_heads: int = 4
    d_hidden: int = 160
    points: int = 16


def train_with(config: Config, corpus: Corpus, seed: int, rows: int, rate: Schedule) -> dict[str, list[float] | float]:
    """Train a model and measure it on the way.

    Args:
        config: Settings.
        corpus: The corpus.
        seed: Chooses first weights and the order of the rows.
        rows: Rows of a step.
        rate: From the number of a step and that of all steps to the learning rate.

    Returns:
        ``losses`` and ``recalls`` at evenly spaced points, and the last of each, ``loss`` and ``recall``; a run whose
        loss is no longer a number has the loss of ignorance.
    """
    model = Transformer(
        llama(
            vocab_size=corpus.vocab_size,
            context_length=config.length,
            d_model=config.d_model,
            n_layers=config.n_layers,
            n_heads=config.n_heads,
            n_kv_heads=config.n_heads,
            d_hidden=config.d_hidden,
        )
    )
    initialize(model, torch.Generator().manual_seed(seed))
    optimizer = adamw(model, learning_rate=rate(0, 1))
    batches = PackedBatches(corpus.packed, rows, seed)
    steps = config.tokens // (rows * config.length)
    ends = {steps * point // config.points for point in range(1, config.points + 1)}
    points = []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate(step, steps)
        batch = batches(step)
        loss = next_token_loss(batch_logits(model, batch), batch.targets)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step + 1 in ends:
            points.append(measure(model, corpus))
    losses = [loss if math.isfinite(loss) else math.log(corpus.vocab_size) for loss, _ in points]
    recalls = [recall for _, recall in points]
    return {"losses": losses, "recalls": recalls, "loss": losses[-1], "recall": recalls[-1]}


def schedules(config: Config, peak: float) -> Mapping[str, Schedule]:
    """List the schedules.

    Args:
        config: Settings.
        peak: The highest rate.

    Returns:
        By name, functions from the number of a step and that of all steps to the rate. ``cold`` is the cosine without
        warm-up.
    """

    def warmup(steps: int) -> int:
        return min(max(1, round(config.warmup * steps)), steps - 1)

    def stable(step: int, steps: int) -> float:
        decay = round(config.decay * steps)
        return warmup_stable_decay(step, steps=steps, peak=peak, warmup=warmup(steps), decay=decay)

    return {
        "cosine": lambda step, steps: warmup_cosine(step, steps=steps, peak=peak, warmup=warmup(steps)),
        "cold": lambda step, steps: warmup_cosine(step, steps=steps, peak=peak, warmup=0),
        "constant": lambda step, steps: warmup_stable_decay(
            step, steps=steps, peak=peak, warmup=warmup(steps), decay=0
        ),
        "wsd": stable,
    }


def run(config: Config, seed: int) -> Metrics:
    """Train a model in each of the ways.

    Args:
        config: Settings.
        seed: Chooses first weights and the order of the rows.

    Returns:
        :func:`train_with` by number of rows and rate under ``batches``, all with the cosine, with the lowest loss of
        each number of rows under ``best``; by schedule under ``schedules``. Also the number of ``facts`` and of
        ``epochs``.
    """
    corpus = build_corpus(config.people, config.length)
    batches = {
        str(rows): {
            _name(rate): train_with(config, corpus, seed, rows, schedules(config, rate)["cosine"])
            for rate in config.rates
        }
        for rows in config.rows
    }
    rows, rate = config.rows[1], config.rates[1]
    compared = {"cosine": batches[str(rows)][_name(rate)]}
    for name, schedule in schedules(config, rate).items():
        if name not in compared:
            compared[name] = train_with(config, corpus, seed, rows, schedule)
    return {
        "batches": batches,
        "best": {
            rows: {
                "loss": min(number(runs, f"{name}.loss") for name in runs),
                "recall": max(number(runs, f"{name}.recall") for name in runs),
                "rate": min(config.rates, key=lambda rate: number(runs, f"{_name(rate)}.loss")),
            }
            for rows, runs in batches.items()
        },
        "schedules": compared,
        "facts": len(corpus.answers) // PHRASINGS,
        "epochs": config.tokens / corpus.packed.ids.numel(),
    }


def _name(rate: float) -> str:
    """Name a rate by its ten-thousandths, for paths have no points in their names."""
    return str(round(rate * 1e4))


def _loss(metrics: Metrics, path: str) -> float:
    return number(metrics, f"{path}.loss")


def _series(record: Record, path: str) -> list[float]:
    """Average a list of numbers over the seeds."""
    values = []
    for metrics in record.per_seed.values():
        found = lookup(metrics, path)
        assert isinstance(found, list)
        values.append(found)
    return [sum(column) / len(column) for column in zip(*values, strict=True)]


def draw_batches(figure: Figure, record: Record) -> None:
    """Draw the last loss against the rate, a curve for each number of rows and a dot for each seed.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    config = EXPERIMENT.config
    for index, (rows, marker) in enumerate(zip(config.rows, "osD", strict=True)):
        paths = [f"batches.{rows}.{_name(rate)}.loss" for rate in config.rates]
        for metrics in record.per_seed.values():
            seed = [number(metrics, path) for path in paths]
            axes.plot(config.rates, seed, color=f"C{index}", marker=marker, markersize=4, linestyle="none", alpha=0.6)
        axes.plot(config.rates, [number(record, path) for path in paths], color=f"C{index}", label=f"{rows} rows")
    axes.set_xscale("log")
    axes.set_xticks(config.rates, [f"{rate:g}" for rate in config.rates])
    axes.minorticks_off()
    axes.set_xlabel("highest learning rate")
    axes.set_ylabel("loss at the facts (nats)")
    axes.set_ylim(0, None)
    axes.legend(fontsize=8)


SCHEDULES = {"cosine": "cosine", "wsd": "stable, then down", "constant": "constant", "cold": "cosine, no warm-up"}


def draw_schedules(figure: Figure, record: Record) -> None:
    """Draw the loss at the facts over the tokens read, a curve for each schedule, means over seeds.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    config = EXPERIMENT.config
    read = [config.tokens * point / config.points / 1000 for point in range(1, config.points + 1)]
    for index, (name, label) in enumerate(SCHEDULES.items()):
        axes.plot(read, _series(record, f"schedules.{name}.losses"), color=f"C{index}", label=label)
    axes.set_xlabel("thousand tokens read")
    axes.set_ylabel("loss at the facts (nats)")
    axes.set_ylim(0, None)
    axes.legend(fontsize=8)


EXPERIMENT = Experiment(
    name="training-schedules",
    title="Batch size, learning rate and schedule for the same number of tokens",
    explained_in="sec-training-batch",
    config=Config(),
    reduced=Config(people=12, rows=(4, 8, 16), tokens=4096, points=2),
    run=run,
    seeds=(0, 1, 2),
    claims=(
        Claim(
            "a-large-batch-learns-less",
            "With the best of three rates, 64 rows a step end at least 0.3 nats above 16 rows a step.",
            0.3,
            lambda metrics: _loss(metrics, "best.64") - _loss(metrics, "best.16"),
        ),
        Claim(
            "a-small-batch-learns-more",
            "With the best of three rates, 4 rows a step end at least 0.1 nats below 16 rows a step.",
            0.1,
            lambda metrics: _loss(metrics, "best.16") - _loss(metrics, "best.4"),
        ),
        Claim(
            "larger-batches-want-larger-rates",
            "The best rate of three for 64 rows is at least twice that for 4 rows.",
            2.0,
            lambda metrics: number(metrics, "best.64.rate") / number(metrics, "best.4.rate"),
        ),
        Claim(
            "the-descent-pays",
            "A rate that falls at the end leaves the loss at least 0.05 nats lower than one that stays.",
            0.05,
            lambda metrics: _loss(metrics, "schedules.constant") - _loss(metrics, "schedules.wsd"),
        ),
        Claim(
            "stable-then-down-is-as-good",
            "Stable then down ends at most 0.05 nats above the cosine.",
            -0.05,
            lambda metrics: _loss(metrics, "schedules.cosine") - _loss(metrics, "schedules.wsd"),
        ),
        Claim(
            "no-need-of-warmup-here",
            "Without warm-up the cosine ends at most 0.25 nats higher.",
            -0.25,
            lambda metrics: _loss(metrics, "schedules.cosine") - _loss(metrics, "schedules.cold"),
        ),
    ),
    figures={"batches": draw_batches, "schedules": draw_schedules},
    depends=(
        "llmguide.experiments.fact_corpus",
        "llmguide.training.batches",
        "llmguide.training.loop",
        "llmguide.training.optimizers",
        "llmguide.training.packing",
        "llmguide.training.schedules",
        "llmguide.transformer.initialization",
        "llmguide.world.facts",
        "llmguide.world.items",
        "llmguide.world.names",
        "llmguide.world.splits",
        "llmguide.world.text",
        "llmguide.world.told",
        *MODEL,
    ),
    packages=("torch",),
    tolerance=1e-3,
)
