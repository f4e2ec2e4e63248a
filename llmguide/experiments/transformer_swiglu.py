"""Three kinds of feed-forward part of the same number of parameters: ReLU, GELU, and the gated SwiGLU.

Small decoders read text of the miniature world, a word a token. The gated part has three matrices and not two, hence
two thirds of the width.

Source: :cite:t:`shazeer2020glu`.
"""

from dataclasses import dataclass

from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.records import Metrics, Record, number
from llmguide.experiments.world_words import WORLD_WORDS, held_out_loss, train_reader, world_words
from llmguide.transformer.accounting import parameters
from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.config import ModelConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.masks import MaskConfig
from llmguide.transformer.norms import NormConfig
from llmguide.transformer.positions import RotaryPositions

KINDS = {"relu": "ReLU", "gelu": "GELU", "swiglu": "SwiGLU"}


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
        rates: Highest learning rates that each model is tried with.
        d_model: Width of the models, a multiple of 3 so that parameters can be equal.
        n_heads: Heads of a layer.
        n_layers: Number of blocks.
    """

    people: int = 100
    tokens: int = 200_000
    held_out: int = 16_384
    length: int = 64
    rows: int = 8
    steps: int = 300
    rates: tuple[float, ...] = (5e-3, 1e-2)
    d_model: int = 48
    n_heads: int = 4
    n_layers: int = 2


def choose_parts(config: Config, vocab_size: int) -> dict[str, ModelConfig]:
    """Choose the parts of the models that are compared.

    Args:
        config: Settings.
        vocab_size: Number of tokens.

    Returns:
        By kind of the feed-forward part, models of the same number of parameters.
    """
    hidden = 4 * config.d_model
    feedforward = {
        "relu": FeedForwardConfig(hidden, "relu", bias=False),
        "gelu": FeedForwardConfig(hidden, "gelu", bias=False),
        "swiglu": FeedForwardConfig(2 * hidden // 3, "silu", gated=True, bias=False),
    }
    d_head = config.d_model // config.n_heads
    return {
        kind: ModelConfig(
            vocab_size=vocab_size,
            context_length=config.length,
            d_model=config.d_model,
            n_layers=config.n_layers,
            attention=AttentionConfig(config.n_heads, config.n_heads, d_head),
            feedforward=part,
            norm=NormConfig("rms"),
            norm_placement="pre",
            mask=MaskConfig("causal"),
            positions=RotaryPositions(),
        )
        for kind, part in feedforward.items()
    }


def run(config: Config, seed: int) -> Metrics:
    """Train each model with each rate and measure it on text held out.

    Args:
        config: Settings.
        seed: Of the weights and of the rows.

    Returns:
        By kind: ``parameters`` of the model; ``losses`` by ten-thousandths of the learning rate, in nats a token; and
        the lowest of them, ``loss``.
    """
    words = world_words(config.people, config.tokens, config.held_out)
    measured: dict[str, object] = {}
    for kind, parts in choose_parts(config, words.vocab_size).items():
        losses = {}
        for rate in config.rates:
            model, _ = train_reader(parts, words, rows=config.rows, steps=config.steps, learning_rate=rate, seed=seed)
            losses[str(round(rate * 1e4))] = held_out_loss(model, words.held_out, config.length)
        measured[kind] = {
            "parameters": sum(parameters(parts).values()),
            "losses": losses,
            "loss": min(losses.values()),
        }
    return measured


def draw(figure: Figure, record: Record) -> None:
    """Draw the loss of each kind, a line for each seed.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    places = range(len(KINDS))
    for metrics in record.per_seed.values():
        axes.plot(places, [number(metrics, f"{kind}.loss") for kind in KINDS], color="C0", lw=1, alpha=0.5, marker="o")
    means = [number(record, f"{kind}.loss") for kind in KINDS]
    axes.plot(places, means, color="C1", linestyle="none", marker="_", markersize=28, markeredgewidth=2.5)
    axes.set_xticks(places, KINDS.values())
    axes.set_xlim(-0.4, len(KINDS) - 0.6)
    axes.set_xlabel("feed-forward part")
    axes.set_ylabel("loss on held-out text (nats)")


EXPERIMENT = Experiment(
    name="transformer-swiglu",
    title="ReLU, GELU and SwiGLU with the same number of parameters",
    explained_in="sec-transformer-feedforward",
    config=Config(),
    reduced=Config(people=12, tokens=4_000, held_out=512, length=16, rows=2, steps=6),
    run=run,
    seeds=(0, 1, 2),
    claims=(),
    figures={"losses": draw},
    depends=("llmguide.transformer.accounting", *WORLD_WORDS),
    packages=("torch",),
    # Sums of 32-bit numbers depend on how the machine orders them.
    tolerance=1e-3,
)
