"""Reading further than a model was trained for: the loss by position, for several ways to tell positions.

Small decoders that differ in how they know positions are trained on short stretches of text of the miniature world, and
then read stretches several times as long. The learned vectors of places that no training text reached are those of the
beginning. The text itself is here and there harder, which all curves show; that is why rises are compared with
ALiBi's.

That T5's relative positions, which put all far distances into one bucket, would read on as well as ALiBi was expected;
a pilot on another seed did not find it.

Source: :cite:t:`press2022train`; :cite:t:`kazemnejad2023impact` for the comparison of five ways.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import functional as F

from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.records import Metrics, Record, lookup, number
from llmguide.experiments.world_words import WORLD_WORDS, train_reader, world_words
from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.config import ModelConfig, Scales
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.masks import MaskConfig
from llmguide.transformer.model import Transformer
from llmguide.transformer.norms import NormConfig
from llmguide.transformer.positions import (
    AlibiPositions,
    LearnedPositions,
    NoPositions,
    Positions,
    RelativePositions,
    RotaryPositions,
    SinusoidalPositions,
)


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        people: Size of the world.
        tokens: Tokens to learn from.
        held_out: Tokens to measure on.
        length: Positions of a row in training.
        longest: Positions of a row to measure on.
        apart: Positions of a stretch over which the loss is averaged.
        rows: Rows of a step.
        steps: Steps of a run.
        learning_rate: The highest.
        std: Deviation of the first weights.
        d_model: Width of the models.
        n_heads: Heads of a layer.
        n_layers: Number of blocks.
    """

    people: int = 100
    tokens: int = 200_000
    held_out: int = 32_768
    length: int = 64
    longest: int = 256
    apart: int = 16
    rows: int = 8
    steps: int = 200
    learning_rate: float = 1e-2
    std: float = 0.06
    d_model: int = 32
    n_heads: int = 4
    n_layers: int = 2


def ways(config: Config) -> Mapping[str, Positions]:
    """List the ways to tell positions.

    Args:
        config: Settings.

    Returns:
        By name.
    """
    return {
        "learned": LearnedPositions(config.longest),
        "sinusoidal": SinusoidalPositions(),
        "rotary": RotaryPositions(),
        "relative": RelativePositions(buckets=config.length // 2, distance=config.length),
        "alibi": AlibiPositions(),
        "none": NoPositions(),
    }


def choose_parts(config: Config, vocab_size: int, positions: Positions) -> ModelConfig:
    """Choose the parts of a model.

    Args:
        config: Settings.
        vocab_size: Number of tokens.
        positions: How it tells them.

    Returns:
        A decoder for stretches of the training's length.
    """
    return ModelConfig(
        vocab_size=vocab_size,
        context_length=config.length,
        d_model=config.d_model,
        n_layers=config.n_layers,
        attention=AttentionConfig(config.n_heads, config.n_heads, config.d_model // config.n_heads),
        feedforward=FeedForwardConfig(4 * config.d_model, "gelu", bias=False),
        norm=NormConfig("rms"),
        norm_placement="pre",
        mask=MaskConfig("causal"),
        positions=positions,
        # The first transformer's own factor: without it the sines drown the words.
        scales=Scales(embedding=config.d_model**0.5 if isinstance(positions, SinusoidalPositions) else 1.0),
    )


@torch.no_grad()
def loss_by_position(model: Transformer, text: Int[Tensor, " tokens"], longest: int, apart: int) -> list[float]:
    """Let a model read long stretches.

    Args:
        model: The model.
        text: What it reads.
        longest: Positions of a stretch.
        apart: Over how many of them to average.

    Returns:
        The loss of each ``apart`` positions, in nats.
    """
    stretches = text[: (len(text) - 1) // longest * longest + 1].unfold(0, longest + 1, longest)
    losses = [
        F.cross_entropy(model(part[:, :-1]).mT, part[:, 1:], reduction="none").sum(0)
        for part in torch.split(stretches, 16)
    ]
    means: list[float] = (torch.stack(losses).sum(0) / len(stretches)).reshape(-1, apart).mean(1).tolist()
    return means


def run(config: Config, seed: int) -> Metrics:
    """Train a model with each way and let it read on.

    Args:
        config: Settings.
        seed: Of the weights and of the rows.

    Returns:
        By way: ``losses`` of each stretch of positions; ``trained``, their mean in the second half of the length
        trained for; ``beyond``, in the second half of the longest; ``rise``, the difference.
    """
    words = world_words(config.people, config.tokens, config.held_out)
    measured: dict[str, object] = {}
    for name, positions in ways(config).items():
        parts = choose_parts(config, words.vocab_size, positions)
        model, _ = train_reader(
            parts,
            words,
            rows=config.rows,
            steps=config.steps,
            learning_rate=config.learning_rate,
            std=config.std,
            seed=seed,
        )
        losses = loss_by_position(model, words.held_out, config.longest, config.apart)
        trained = fmean(losses[config.length // 2 // config.apart : config.length // config.apart])
        beyond = fmean(losses[config.longest // 2 // config.apart :])
        measured[name] = {"losses": losses, "trained": trained, "beyond": beyond, "rise": beyond - trained}
    return measured


LABELS = {
    "learned": "learned",
    "sinusoidal": "sinusoidal",
    "rotary": "rotary",
    "relative": "relative (T5)",
    "alibi": "ALiBi",
    "none": "none",
}


def draw(figure: Figure, record: Record) -> None:
    """Draw the loss by position, a curve for each way, means over seeds.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    config = EXPERIMENT.config
    places = [start + config.apart / 2 for start in range(0, config.longest, config.apart)]
    for index, (name, label) in enumerate(LABELS.items()):
        losses = lookup(record, f"{name}.losses")
        assert isinstance(losses, list)
        axes.plot(places, losses, color=f"C{index}", label=label)
    axes.axvline(config.length, color="0.5", lw=0.8, linestyle=":")
    axes.set_xlim(0, config.longest)
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.4 * (high - low), high)  # room for the legend
    axes.set_xticks(range(0, config.longest + 1, config.length))
    axes.set_xlabel(f"position (trained up to {config.length})")
    axes.set_ylabel("loss (nats a token)")
    axes.legend(fontsize=9, ncols=3, loc="lower center")


def _more(metrics: Metrics, way: str) -> float:
    """Say how much more the loss rises in a way than with ALiBi, on the same text."""
    return number(metrics, f"{way}.rise") - number(metrics, "alibi.rise")


EXPERIMENT = Experiment(
    name="transformer-length",
    title="Reading further than trained for, by the way to tell positions",
    explained_in="sec-families-stacks",
    config=Config(),
    reduced=Config(people=12, tokens=4_000, held_out=1_024, length=16, longest=64, apart=8, rows=2, steps=6),
    run=run,
    seeds=(0, 1, 2),
    claims=(
        Claim(
            "alibi-reads-on",
            "With ALiBi the loss in the second half of four times the length lies at most 0.2 nats above that at the "
            "end of the length trained for.",
            -0.2,
            lambda metrics: -number(metrics, "alibi.rise"),
        ),
        Claim(
            "rotary-positions-do-not",
            "With rotary positions the loss rises by at least 0.15 nats more than with ALiBi.",
            0.15,
            lambda metrics: _more(metrics, "rotary"),
        ),
        Claim(
            "sinusoidal-positions-fail-most",
            "With sinusoidal positions it rises by at least 0.3 nats more than with ALiBi.",
            0.3,
            lambda metrics: _more(metrics, "sinusoidal"),
        ),
        Claim(
            "relative-positions-rise-too",
            "With T5's relative positions, whose last bucket holds all that is further than the length trained for, it "
            "rises by at least 0.1 nats more than with ALiBi.",
            0.1,
            lambda metrics: _more(metrics, "relative"),
        ),
        Claim(
            "none-rises-less-than-rotary",
            "With no positions at all it rises by at least 0.05 nats less than with rotary positions.",
            0.05,
            lambda metrics: number(metrics, "rotary.rise") - number(metrics, "none.rise"),
        ),
    ),
    figures={"losses": draw},
    depends=WORLD_WORDS,
    packages=("torch",),
    # Sums of 32-bit numbers depend on how the machine orders them.
    tolerance=1e-3,
)
