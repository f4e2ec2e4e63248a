"""What the heads of a real model look at: the position before, the first position, or what followed last time.

Every head of SmolLM2 is scored on passages of Shakespeare and on rows of random tokens that repeat themselves. Then the
best heads for induction are switched off, and as many others of the same blocks, to see what the model's copying
depends on.

One more claim was made before the run, and the run refuted it: that the whole model predicts at least 80 % of the
random tokens that it sees for the second time. The record holds what it predicts (``copy.all.accuracy``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

import torch

from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.head_measures import (
    draw_passages,
    others_of_the_same_blocks,
    second_half,
    strongest,
    summary,
    value_ratio,
    watch,
)
from llmguide.experiments.models import SMOLLM2
from llmguide.experiments.records import Metrics, Record, lookup, number
from llmguide.interpret.heads import first_token_scores, induction_scores, previous_token_scores, repeated_random_ids
from llmguide.transformer.published import smollm2

PATTERNS = {"previous": "position before", "first": "first position", "induction": "induction"}
WEIGHTS, VALUES = "blocks.*.attention.weights", "blocks.*.attention.values"


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        rows: Number of passages, and of rows of random tokens.
        period: How many random tokens a row has before it repeats them; passages have twice as many tokens.
        skip: From which query on weights are averaged: before, there are few keys to choose from.
        threshold: A head has a pattern if it puts at least this part of its weight there on average.
        off: How many heads to switch off.
    """

    rows: int = 8
    period: int = 24
    skip: int = 8
    threshold: float = 0.5
    off: int = 10


def run(config: Config, seed: int) -> Metrics:
    """Score the heads, and switch some off.

    Args:
        config: Settings.
        seed: Chooses the passages, the random tokens and the heads that are switched off for comparison.

    Returns:
        ``previous``, ``first`` and ``induction``: ``head``, the score by block and head; ``count``, how many reach the
        threshold; ``share``, which part of all heads that is; ``best``, the highest score; ``first_block``, the first
        block with a head that reaches the threshold, or the number of blocks. ``unrepeated``: the highest weight, of
        those heads, on the same places where nothing repeats. ``value_ratio``: see
        :func:`~llmguide.experiments.head_measures.value_ratio`. ``copy`` and ``text``: see
        :func:`~llmguide.experiments.head_measures.second_half`, for ``all`` heads, ``without`` those best at
        induction, and ``control``, without others.
    """
    loaded = smollm2()
    assert loaded.tokenizer is not None  # the file holds one
    model, random = loaded.model, Random(seed)
    generator = torch.Generator().manual_seed(seed)
    length = 2 * config.period
    passages = draw_passages(loaded.tokenizer, config.rows, length, random)
    vocab_size = model.config.vocab_size
    repeated = repeated_random_ids(100, vocab_size, config.rows, config.period, generator)
    unrepeated = repeated_random_ids(100, vocab_size, config.rows, length, generator)[:, :length]

    both, rows = torch.cat([passages, repeated]), config.rows
    logits, (weights, values) = watch(model, both, [WEIGHTS, VALUES])
    on_text, on_repeated = [block[:rows] for block in weights], [block[rows:] for block in weights]
    _, (on_unrepeated,) = watch(model, unrepeated, [WEIGHTS])
    scores = {
        "previous": torch.stack([previous_token_scores(weights, config.skip) for weights in on_text]),
        "first": torch.stack([first_token_scores(weights, config.skip) for weights in on_text]),
        "induction": torch.stack([induction_scores(weights, config.period) for weights in on_repeated]),
    }
    control = torch.stack([induction_scores(weights, config.period) for weights in on_unrepeated])
    best = strongest(scores["induction"], config.off)
    others = others_of_the_same_blocks(best, model.config.attention.n_heads, random)
    by_condition = {"all": logits}
    for name, heads in (("without", best), ("control", others)):
        by_condition[name], _ = watch(model, both, [], heads)
    return {
        **{name: summary(score, config.threshold) for name, score in scores.items()},
        "unrepeated": max(float(control[head]) for head in best),
        "value_ratio": value_ratio([block[:rows] for block in values], scores["first"], config.threshold, config.skip),
        "copy": {name: second_half(found[rows:], repeated) for name, found in by_condition.items()},
        "text": {name: second_half(found[:rows], passages) for name, found in by_condition.items()},
    }


def _middle_against_first_block(metrics: Metrics) -> float:
    """Give by how much more the heads of the middle third look at the first position than those of block 0."""
    rows = _grid(metrics, "first")
    third = len(rows) // 3
    middle = [score for row in rows[third : 2 * third] for score in row]
    return sum(middle) / len(middle) - sum(rows[0]) / len(rows[0])


def _grid(metrics: Metrics, pattern: str) -> list[list[float]]:
    """Return the scores of a pattern, block by block."""
    blocks = lookup(metrics, f"{pattern}.head")
    assert isinstance(blocks, Mapping)
    return [
        [number(metrics, f"{pattern}.head.{block}.{head}") for head in range(len(blocks[str(block)]))]
        for block in range(len(blocks))
    ]


def draw(figure: Figure, record: Record) -> None:
    """Draw each pattern's scores as a map, a row for each head and a column for each block.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    panels = figure.subplots(3, 1, sharex=True)
    image = None
    for axes, (pattern, label) in zip(panels, PATTERNS.items(), strict=True):
        grid = _grid(record.metrics, pattern)
        by_head = [[row[head] for row in grid] for head in range(len(grid[0]))]
        image = axes.imshow(by_head, vmin=0, vmax=1, cmap="viridis", aspect="auto", interpolation="nearest")
        axes.set_title(label, fontsize=10)
        axes.set_yticks(range(0, len(by_head), 2))
        axes.set_ylabel("head")
        axes.grid(visible=False)
    panels[-1].set_xlabel("layer")
    colours = panels[0].figure.colorbar(image, ax=list(panels), label="part of the weight", shrink=0.7)
    colours.outline.set_visible(False)


def draw_copying(figure: Figure, record: Record) -> None:
    """Draw how well the second half is predicted, with all heads, without the best for induction, without others.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    conditions = {
        "all": "all heads",
        "control": f"{record.config['off']} others off",
        "without": f"{record.config['off']} best off",
    }
    for index, (part, label) in enumerate((("copy", "repeated random tokens"), ("text", "passages"))):
        places = [row + 0.19 * (2 * index - 1) for row in range(len(conditions))]
        values = [number(record.metrics, f"{part}.{condition}.loss") for condition in conditions]
        errors = [number(record.spread, f"{part}.{condition}.loss") for condition in conditions]
        axes.barh(places, values, height=0.34, xerr=errors, color=f"C{index}", label=label)
    axes.set_yticks(range(len(conditions)), list(conditions.values()))
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    axes.set_xlabel("loss on the second half (nats per token)")
    axes.legend(fontsize=8)


EXPERIMENT = Experiment(
    name="attention-heads",
    title="What the heads of a real model look at",
    explained_in="sec-attention-heads",
    config=Config(),
    reduced=Config(rows=1, period=10, off=2),
    run=run,
    seeds=(0, 1, 2),
    claims=(
        Claim(
            "sinks-are-common",
            "At least a quarter of the heads put half of their weight or more on the first position.",
            0.25,
            lambda metrics: number(metrics, "first.share"),
        ),
        Claim(
            "sinks-come-later",
            "In the middle third of the blocks the heads give the first position at least 0.2 more of their weight "
            "than in the first block, on average.",
            0.2,
            _middle_against_first_block,
        ),
        Claim(
            "sinks-give-little",
            "Where a head puts half of its weight or more on the first position, the value there is at most half as "
            "long as the values of other positions, on average.",
            0.5,
            lambda metrics: 1 - number(metrics, "value_ratio"),
        ),
        Claim(
            "some-look-at-the-position-before",
            "At least one head puts half of its weight or more on the position before.",
            1,
            lambda metrics: number(metrics, "previous.count"),
        ),
        Claim(
            "some-do-induction",
            "At least three heads put half of their weight or more on what followed the last time.",
            3,
            lambda metrics: number(metrics, "induction.count"),
        ),
        Claim(
            "induction-needs-a-repetition",
            "The best head for induction puts at least 0.4 more of its weight on that place than any of the best ten "
            "do on the same place in rows without a repetition.",
            0.4,
            lambda metrics: number(metrics, "induction.best") - number(metrics, "unrepeated"),
        ),
        Claim(
            "induction-comes-after-looking-back",
            "The first block with a head for induction comes after the first with a head for the position before.",
            1,
            lambda metrics: number(metrics, "induction.first_block") - number(metrics, "previous.first_block"),
        ),
        Claim(
            "copying-needs-these-heads",
            "Without the ten best heads for induction the loss on the second half rises by at least 1 nat more than "
            "without as many others of the same blocks.",
            1.0,
            lambda metrics: number(metrics, "copy.without.loss") - number(metrics, "copy.control.loss"),
        ),
    ),
    figures={"map": draw, "copying": draw_copying},
    depends=("llmguide.datasets", "llmguide.experiments.head_measures", "llmguide.interpret.heads", *SMOLLM2),
    datasets=("shakespeare",),
    packages=("torch",),
    # Sums of 32-bit numbers depend on how the machine orders them.
    tolerance=1e-3,
)
