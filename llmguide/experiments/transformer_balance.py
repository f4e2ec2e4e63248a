"""Whether a router spreads its tokens over the experts: left alone, with an auxiliary loss, and with a correction.

Small mixtures of experts read text of the miniature world, a word a token. They differ in what is done against crowded
experts and in nothing else.

How much balance changes what they read is not settled here: in one pilot, with smaller first weights and more steps,
the model with the auxiliary loss read better than the one left alone by 0.25 nats, and in another all were alike.

Source: :cite:t:`fedus2022switch` for the auxiliary loss, :cite:t:`wang2024auxiliary` for the correction and for the
measure, how far the fullest expert lies above the mean.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.records import Metrics, Record, lookup, number
from llmguide.experiments.world_words import WORLD_WORDS, Words, draw_windows, held_out_loss, world_words
from llmguide.training.loop import next_token_loss
from llmguide.training.optimizers import adamw
from llmguide.training.schedules import warmup_cosine
from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.config import ModelConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.initialization import initialize
from llmguide.transformer.masks import MaskConfig
from llmguide.transformer.model import Transformer
from llmguide.transformer.moe import (
    Experts,
    ExpertsConfig,
    RouterConfig,
    balance_loss,
    count_load,
    route,
    update_correction,
)
from llmguide.transformer.norms import NormConfig
from llmguide.transformer.positions import RotaryPositions
from llmguide.transformer.trace import Tap

WAYS = {"alone": "left alone", "loss": "auxiliary loss", "correction": "correction"}
"""What is done for balance, and what figures call it."""


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        people: Size of the world.
        tokens: Tokens to learn from.
        held_out: Tokens to measure on.
        length: Positions of a row.
        rows: Rows of a step.
        steps: Steps of a run.
        learning_rate: The highest.
        std: Deviation of the first weights.
        d_model: Width of the models.
        n_heads: Heads of a layer.
        n_layers: Number of blocks.
        n_experts: Experts of a block.
        n_active: Experts that a token uses.
        d_hidden: Width of an expert.
        coefficient: Factor of the auxiliary loss.
        rate: By how much a correction moves in a step.
        points: How often the load is recorded in training.
    """

    people: int = 100
    tokens: int = 200_000
    held_out: int = 8_192
    length: int = 64
    rows: int = 8
    steps: int = 200
    learning_rate: float = 1e-2
    std: float = 0.06
    d_model: int = 32
    n_heads: int = 4
    n_layers: int = 2
    n_experts: int = 8
    n_active: int = 2
    d_hidden: int = 64
    coefficient: float = 0.01
    rate: float = 0.005
    points: int = 20


def build(config: Config, vocab_size: int, seed: int, *, correction: bool) -> Transformer:
    """Build a mixture of experts.

    Args:
        config: Settings.
        vocab_size: Number of tokens.
        seed: Of the weights.
        correction: Whether its routers have a correction.

    Returns:
        The model.
    """
    expert = FeedForwardConfig(config.d_hidden, "silu", gated=True, bias=False)
    model = Transformer(
        ModelConfig(
            vocab_size=vocab_size,
            context_length=config.length,
            d_model=config.d_model,
            n_layers=config.n_layers,
            attention=AttentionConfig(config.n_heads, config.n_heads, config.d_model // config.n_heads),
            feedforward=ExpertsConfig(
                config.n_experts, config.n_active, expert, router=RouterConfig(correction=correction)
            ),
            norm=NormConfig("rms"),
            norm_placement="pre",
            mask=MaskConfig("causal"),
            positions=RotaryPositions(),
        )
    )
    initialize(model, torch.Generator().manual_seed(seed), std=config.std)
    return model


def layers_of(model: Transformer) -> Iterator[Experts]:
    """Yield the mixtures of a model, from the first block to the last."""
    for module in model.modules():
        if isinstance(module, Experts):
            yield module


def loads_of(model: Transformer, tap: Tap) -> Int[Tensor, "layers experts"]:
    """Count the tokens of each expert of each block.

    Args:
        model: The model.
        tap: What it recorded of its routers.

    Returns:
        The numbers.
    """
    loads = []
    for layer, logits in zip(layers_of(model), tap.tensors.values(), strict=True):
        chosen, _ = route(logits, layer.config.n_active, layer.config.router, layer.router.correction)
        loads.append(count_load(chosen, layer.config.n_experts))
    return torch.stack(loads)


def violation(loads: Int[Tensor, "layers experts"]) -> float:
    """Say how far the fullest expert of a block lies above the mean of its block.

    Args:
        loads: From :func:`loads_of`.

    Returns:
        The excess as a part of the mean, averaged over the blocks: 0 where all have the same.

    Example:
        >>> violation(torch.tensor([[3, 1], [2, 2]]))
        0.25
    """
    share: Float[Tensor, "layers experts"] = loads / loads.double().mean(1, keepdim=True)
    return (share.amax(1) - 1).mean().item()


def measure(config: Config, words: Words, way: str, seed: int) -> dict[str, object]:
    """Train a mixture of experts and look at its load.

    Args:
        config: Settings.
        words: The text.
        way: What is done for balance, one of :data:`~llmguide.experiments.transformer_balance.WAYS`.
        seed: Of the weights and of the rows.

    Returns:
        On held-out text: ``loss``, in nats a token; ``violation``; ``shares``, each expert's part of its block's
        choices, the fullest first, averaged over the blocks; and ``starved``, the part of the experts with less than a
        quarter of the mean. Through training, ``curve``: :func:`violation` of the batches.
    """
    model = build(config, words.vocab_size, seed, correction=way == "correction")
    batch = draw_windows(words.train, config.rows, config.length, seed)
    optimizer = adamw(model, learning_rate=config.learning_rate)
    violations = []
    for step in range(config.steps):
        for group in optimizer.param_groups:
            group["lr"] = warmup_cosine(
                step, steps=config.steps, peak=config.learning_rate, warmup=max(1, config.steps // 20)
            )
        ids, targets = batch(step)
        tap = Tap(["*.feedforward.router"])
        loss = next_token_loss(model(ids, tap=tap), targets)
        loads = loads_of(model, tap)
        if way == "loss":
            extra = [balance_loss(logits, config.n_active) for logits in tap.tensors.values()]
            loss = loss + config.coefficient * torch.stack(extra).sum()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if way == "correction":
            for layer, load in zip(layers_of(model), loads, strict=True):
                assert layer.router.correction is not None
                update_correction(layer.router.correction, load, config.rate)
        violations.append(violation(loads))
    tap = Tap(["*.feedforward.router"])
    with torch.no_grad():
        stretches = words.held_out[: len(words.held_out) // config.length * config.length]
        model(stretches.reshape(-1, config.length), tap=tap)
    loads = loads_of(model, tap)
    shares = (loads / loads.sum(1, keepdim=True)).sort(1, descending=True).values
    apart = max(1, config.steps // config.points)
    return {
        "loss": held_out_loss(model, words.held_out, config.length),
        "violation": violation(loads),
        "shares": shares.mean(0).tolist(),
        "starved": (shares < 0.25 / config.n_experts).double().mean().item(),
        "curve": [sum(part) / len(part) for part in _cut(violations, apart)],
    }


def _cut(numbers: list[float], apart: int) -> Iterator[list[float]]:
    for start in range(0, len(numbers), apart):
        yield numbers[start : start + apart]


def run(config: Config, seed: int) -> Metrics:
    """Train a model in each way.

    Args:
        config: Settings.
        seed: Of the weights and of the rows.

    Returns:
        By way, what :func:`measure` gives.
    """
    words = world_words(config.people, config.tokens, config.held_out)
    return {way: measure(config, words, way, seed) for way in WAYS}


def draw_shares(figure: Figure, record: Record) -> None:
    """Draw each expert's part of the choices, the fullest first, by what is done for balance.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    places = range(1, EXPERIMENT.config.n_experts + 1)
    for index, ((way, label), marker) in enumerate(zip(WAYS.items(), "osD", strict=True)):
        shares = lookup(record, f"{way}.shares")
        assert isinstance(shares, list)
        axes.plot(places, [100 * share for share in shares], color=f"C{index}", marker=marker, label=label)
    axes.set_xticks(places)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("expert, the fullest first")
    axes.set_ylabel("part of the choices (%)")
    axes.legend(fontsize=9)


def draw_training(figure: Figure, record: Record) -> None:
    """Draw how far the fullest expert lies above the mean through training.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    config = EXPERIMENT.config
    apart = max(1, config.steps // config.points)
    for index, (way, label) in enumerate(WAYS.items()):
        curve = lookup(record, f"{way}.curve")
        assert isinstance(curve, list)
        steps = [apart * (place + 0.5) for place in range(len(curve))]
        axes.plot(steps, [100 * excess for excess in curve], color=f"C{index}", label=label)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("training step")
    axes.set_ylabel("fullest expert above the mean (%)")
    axes.legend(fontsize=9)


EXPERIMENT = Experiment(
    name="transformer-balance",
    title="Whether a router spreads its tokens over the experts",
    explained_in="sec-families-experts",
    config=Config(),
    reduced=Config(people=12, tokens=4_000, held_out=512, length=16, rows=2, steps=6, points=3),
    run=run,
    seeds=(0, 1, 2),
    claims=(
        Claim(
            "left-alone-experts-crowd",
            "Left alone, the fullest expert of a block has at least half as many tokens again as the mean.",
            0.5,
            lambda metrics: number(metrics, "alone.violation"),
        ),
        Claim(
            "an-auxiliary-loss-balances",
            "With the auxiliary loss it lies at most half as far above the mean as left alone.",
            2.0,
            lambda metrics: number(metrics, "alone.violation") / number(metrics, "loss.violation"),
        ),
        Claim(
            "a-correction-balances",
            "With the correction it lies at most half as far above the mean as left alone.",
            2.0,
            lambda metrics: number(metrics, "alone.violation") / number(metrics, "correction.violation"),
        ),
        Claim(
            "balance-costs-little",
            "Either way of balancing ends at most 0.1 nats above the model left alone.",
            -0.1,
            lambda metrics: (
                number(metrics, "alone.loss") - max(number(metrics, "loss.loss"), number(metrics, "correction.loss"))
            ),
        ),
    ),
    figures={"shares": draw_shares, "training": draw_training},
    depends=("llmguide.transformer.moe", *WORLD_WORDS),
    packages=("torch",),
    # Sums of 32-bit numbers depend on how the machine orders them.
    tolerance=1e-3,
)
