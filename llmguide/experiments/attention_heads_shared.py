"""What sharing keys and values between heads costs: recall of many pairs, by the number of heads that are kept.

Small models see pairs of a key and a value, each pair one token, then keys in another order, and have to give each
key's value. One step of attention suffices for that, and how well it can tell keys apart and hand values over is what
sharing limits. The models differ in how many heads of keys and values their heads of queries share, and in nothing else
that they could use: what the projections lose in parameters the feed-forward part gains.
"""

from dataclasses import dataclass
from statistics import fmean

import torch
from jaxtyping import Int
from torch import Tensor

from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.models import PACKAGE
from llmguide.experiments.records import Metrics, Record, lookup, number
from llmguide.training import next_token_loss, train
from llmguide.training.loop import IGNORED
from llmguide.transformer import (
    AttentionConfig,
    FeedForwardConfig,
    MaskConfig,
    ModelConfig,
    NormConfig,
    Transformer,
    initialize,
)
from llmguide.transformer.accounting import cache_bytes, parameters
from llmguide.transformer.positions import NoPositions


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        kv_heads: How many heads of keys and values to keep, falling; the first is the number of heads of queries.
        d_head: Width of a head.
        d_model: Width of the models.
        n_layers: Number of blocks.
        pairs: How many pairs a text holds.
        n_keys: From how many keys they are drawn, each at most once in a text.
        n_values: From how many values.
        steps: Training steps.
        batch: Texts in each.
        learning_rate: Its highest value.
        std: Deviation of the first weights.
        held_out: How many texts to measure on.
        curve: Into how many stretches to cut the course of the training loss.
    """

    kv_heads: tuple[int, ...] = (8, 4, 2, 1)
    d_head: int = 4
    d_model: int = 64
    n_layers: int = 1
    pairs: int = 16
    n_keys: int = 16
    n_values: int = 16
    steps: int = 600
    batch: int = 32
    learning_rate: float = 1e-2
    std: float = 0.1
    held_out: int = 500
    curve: int = 30


def run(config: Config, seed: int) -> Metrics:
    """Train one model for each number of heads and let it recall.

    Args:
        config: Settings.
        seed: Of the first weights and of all texts.

    Returns:
        ``heads`` by number of heads of keys and values: what :func:`measure` gives.
    """
    return {"heads": {str(kv_heads): measure(config, kv_heads, seed) for kv_heads in config.kv_heads}}


def measure(config: Config, kv_heads: int, seed: int) -> dict[str, float | int | list[float]]:
    """Train a model and let it recall.

    Args:
        config: Settings.
        kv_heads: How many heads of keys and values it keeps.
        seed: Of its first weights and of all texts; equal for all numbers of heads.

    Returns:
        ``recalled``: the part of the held-out keys whose value is the model's first choice. ``loss``: on those keys, in
        nats. ``cache_bytes``: per position, in float32. ``parameters``: of the model. ``curve``: training loss through
        time.
    """
    chosen = choose_parts(config, kv_heads)
    model = Transformer(chosen)
    initialize(model, torch.Generator().manual_seed(seed), std=config.std)
    # Texts come from a stream that the weights do not share, so that every model reads the same ones.
    generator = torch.Generator().manual_seed(1_000 + seed)
    held_out, answers = draw_texts(config, config.held_out, generator)
    losses = train(
        model,
        lambda _: draw_texts(config, config.batch, generator),
        steps=config.steps,
        learning_rate=config.learning_rate,
    )
    with torch.no_grad():
        logits = model(held_out)
    asked = answers != IGNORED
    stretch = max(1, config.steps // config.curve)
    return {
        "recalled": (logits.argmax(-1) == answers)[asked].double().mean().item(),
        "loss": next_token_loss(logits, answers).item(),
        "cache_bytes": cache_bytes(chosen, batch=1, positions=1),
        "parameters": sum(parameters(chosen).values()),
        "curve": [fmean(losses[start : start + stretch]) for start in range(0, config.steps, stretch)],
    }


def choose_parts(config: Config, kv_heads: int) -> ModelConfig:
    """Choose the parts of a model, with the same number of parameters whatever the number of heads kept.

    Args:
        config: Settings.
        kv_heads: How many heads of keys and values it keeps.

    Returns:
        A decoder without positions: where a pair stands does not matter.
    """
    n_heads = config.kv_heads[0]
    # A head of keys and one of values less are 2 * d_head rows less; a unit of the feed-forward part is two rows more.
    d_hidden = 2 * config.d_model + (n_heads - kv_heads) * config.d_head
    return ModelConfig(
        vocab_size=config.n_keys * config.n_values + config.n_keys + config.n_values,
        context_length=2 * config.pairs,
        d_model=config.d_model,
        n_layers=config.n_layers,
        attention=AttentionConfig(n_heads, kv_heads, config.d_head),
        feedforward=FeedForwardConfig(d_hidden, "gelu", bias=False),
        norm=NormConfig("rms"),
        norm_placement="pre",
        mask=MaskConfig("causal"),
        positions=NoPositions(),
    )


def draw_texts(
    config: Config, count: int, generator: torch.Generator
) -> tuple[Int[Tensor, "batch positions"], Int[Tensor, "batch positions"]]:
    """Draw texts: pairs of a key and a value, each pair one token, then all their keys in another order.

    Args:
        config: Settings.
        count: How many texts.
        generator: Source of randomness.

    Returns:
        The texts, and what should follow each position: the value, where a key is asked for, and nothing elsewhere. Ids
        are those of the pairs, key by key, then those of the keys that ask, then those of the values.
    """
    keys = torch.rand(count, config.n_keys, generator=generator).argsort(1)[:, : config.pairs]
    values = torch.randint(config.n_values, keys.shape, generator=generator)
    order = torch.rand(keys.shape, generator=generator).argsort(1)
    told = keys * config.n_values + values
    asking = config.n_keys * config.n_values
    ids = torch.cat([told, asking + keys.gather(1, order)], dim=1)
    expected = asking + config.n_keys + values.gather(1, order)
    return ids, torch.cat([torch.full_like(told, IGNORED), expected], dim=1)


def draw_recall(figure: Figure, record: Record) -> None:
    """Draw what is recalled against what the cache of a position takes.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    config = EXPERIMENT.config
    for kv_heads in config.kv_heads:
        size = number(record, f"heads.{kv_heads}.cache_bytes")
        seeds = [number(record.per_seed[str(seed)], f"heads.{kv_heads}.recalled") for seed in record.seeds]
        axes.plot(
            [size] * len(seeds), [100 * seed for seed in seeds], linestyle="none", marker="o", alpha=0.7, color="C0"
        )
        label = f"{kv_heads} {'head' if kv_heads == 1 else 'heads'}"
        lowest = 100 * min(seeds)
        axes.annotate(label, (size, lowest), (0, -12), textcoords="offset points", ha="center", va="top", fontsize=8)
    means = [
        (number(record, f"heads.{kv_heads}.cache_bytes"), 100 * number(record, f"heads.{kv_heads}.recalled"))
        for kv_heads in config.kv_heads
    ]
    axes.plot(*zip(*means, strict=True), color="C0", lw=1, alpha=0.5)
    axes.set_xscale("log", base=2)
    sizes = [size for size, _ in means]
    axes.set_xticks(sizes, [f"{size:,.0f}" for size in sizes])
    axes.minorticks_off()
    axes.set_ylim(80, 102)
    axes.set_xlabel("bytes of keys and values per position")
    axes.set_ylabel("values recalled (%)")


def draw_learning(figure: Figure, record: Record) -> None:
    """Draw the training loss through time.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    config = EXPERIMENT.config
    stretch = config.steps // config.curve
    for index, kv_heads in enumerate(config.kv_heads):
        curve = lookup(record, f"heads.{kv_heads}.curve")
        assert isinstance(curve, list)
        steps = [stretch * (place + 0.5) for place in range(len(curve))]
        label = f"{kv_heads} {'head' if kv_heads == 1 else 'heads'} of keys and values"
        axes.plot(steps, curve, color=f"C{index}", label=label)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("training step")
    axes.set_ylabel("loss (nats)")
    axes.legend(fontsize=8)


EXPERIMENT = Experiment(
    name="attention-heads-shared",
    title="What sharing keys and values between heads costs",
    explained_in="sec-attention-groups",
    config=Config(),
    reduced=Config(steps=10, held_out=50, curve=2),
    run=run,
    seeds=(0, 1, 2),
    claims=(
        Claim(
            "every-head-its-own-recalls",
            "The model whose eight heads all have their own keys and values recalls at least 97 % of the values.",
            0.97,
            lambda metrics: number(metrics, "heads.8.recalled"),
        ),
        Claim(
            "one-for-all-recalls-less",
            "With one head of keys and values for all eight, at least two percentage points fewer values are recalled.",
            0.02,
            lambda metrics: number(metrics, "heads.8.recalled") - number(metrics, "heads.1.recalled"),
        ),
        Claim(
            "two-close-half-the-gap",
            "Two heads of keys and values recover at least half of what one loses.",
            0.5,
            lambda metrics: (
                (number(metrics, "heads.2.recalled") - number(metrics, "heads.1.recalled"))
                / (number(metrics, "heads.8.recalled") - number(metrics, "heads.1.recalled"))
            ),
        ),
    ),
    figures={"recall": draw_recall, "learning": draw_learning},
    depends=(
        "llmguide.training",
        "llmguide.training.loop",
        "llmguide.training.optimizers",
        "llmguide.training.schedules",
        "llmguide.transformer.accounting",
        "llmguide.transformer.activation_costs",
        "llmguide.transformer.part_costs",
        *PACKAGE,
    ),
    packages=("torch",),
    # Sums of 32-bit numbers depend on how the machine orders them.
    tolerance=1e-3,
)
