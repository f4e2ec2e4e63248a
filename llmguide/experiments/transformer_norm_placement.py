"""Where the norm stands, by depth and learning rate: gradients at the beginning, and what training makes of them.

Small decoders that differ in the place of their norms read text of the miniature world, without warm-up of the learning
rate or with it. Weights begin with Glorot's size for square matrices, as in the first transformers, and nothing is
divided by the depth, so that the place of the norm alone decides how large gradients are.

That a warm-up would let deep models with the norm after learn was expected, and a pilot on another seed did not find
it: in so few steps they stay at the loss of word frequencies either way. Nor was it expected that with two blocks the
norm after learns faster. The claims were written after the pilot and before the runs; of the lower rate they say
nothing.

Source: :cite:t:`xiong2020layer`, whose theory says how the gradient at the last block depends on the depth;
:cite:t:`liu2020understanding` for what keeps deep models with the norm after from learning.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

import torch

from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.records import Metrics, Record, number
from llmguide.experiments.world_words import WORLD_WORDS, Words, draw_windows, world_words
from llmguide.training.loop import next_token_loss, train
from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.block import NormPlacement
from llmguide.transformer.config import ModelConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.initialization import initialize
from llmguide.transformer.masks import MaskConfig
from llmguide.transformer.model import Transformer
from llmguide.transformer.norms import NormConfig
from llmguide.transformer.positions import RotaryPositions

PLACEMENTS: tuple[NormPlacement, ...] = ("pre", "post")


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        people: Size of the world.
        tokens: Tokens to learn from.
        length: Positions of a row.
        rows: Rows of a step.
        d_model: Width of the models.
        d_head: Width of a head.
        depths: Numbers of blocks at which gradients are measured.
        shallow: The number of blocks of the shallow models that are trained.
        deep: That of the deep ones.
        rates: Highest learning rates.
        steps: Steps of a run.
        warmup: Part of them on the way up, where there is a warm-up.
        last: Steps at the end over which the loss is averaged.
    """

    people: int = 100
    tokens: int = 200_000
    length: int = 64
    rows: int = 4
    d_model: int = 32
    d_head: int = 16
    depths: tuple[int, ...] = (2, 6, 12, 24)
    shallow: int = 2
    deep: int = 12
    rates: tuple[float, ...] = (1e-3, 3e-3)
    steps: int = 100
    warmup: float = 1 / 3
    last: int = 10


def build(config: Config, vocab_size: int, depth: int, placement: NormPlacement, seed: int) -> Transformer:
    """Build a model.

    Args:
        config: Settings.
        vocab_size: Number of tokens.
        depth: Number of blocks.
        placement: Where the norms stand.
        seed: Of the weights: both placements begin with the same.

    Returns:
        The model.
    """
    heads = config.d_model // config.d_head
    model = Transformer(
        ModelConfig(
            vocab_size=vocab_size,
            context_length=config.length,
            d_model=config.d_model,
            n_layers=depth,
            attention=AttentionConfig(heads, heads, config.d_head),
            feedforward=FeedForwardConfig(4 * config.d_model, "gelu", bias=False),
            norm=NormConfig("layer"),
            norm_placement=placement,
            mask=MaskConfig("causal"),
            positions=RotaryPositions(),
        )
    )
    generator = torch.Generator().manual_seed(seed)
    initialize(model, generator, std=config.d_model**-0.5, scale_residual=False)
    return model


def first_gradients(config: Config, words: Words, depth: int, placement: NormPlacement, seed: int) -> list[float]:
    """Take the gradients of the first step.

    Args:
        config: Settings.
        words: The text.
        depth: Number of blocks.
        placement: Where the norms stand.
        seed: Of the weights and of the rows.

    Returns:
        The norm of the gradient at the last matrix of each block's feed-forward part.
    """
    model = build(config, words.vocab_size, depth, placement, seed)
    ids, targets = draw_windows(words.train, config.rows, config.length, seed)(0)
    torch.autograd.backward(next_token_loss(model(ids), targets))
    gradients = []
    for index in range(depth):
        gradient = model.get_parameter(f"blocks.{index}.feedforward.down.weight").grad
        assert gradient is not None
        gradients.append(gradient.norm().item())
    return gradients


def train_with(
    config: Config, words: Words, depth: int, placement: NormPlacement, *, rate: float, seed: int, warmup: float
) -> dict[str, object]:
    """Train a model.

    Args:
        config: Settings.
        words: The text.
        depth: Number of blocks.
        placement: Where the norms stand.
        rate: The highest learning rate.
        seed: Of the weights and of the rows.
        warmup: Part of the steps on the way up to it.

    Returns:
        ``loss``, the mean over the last steps, and ``curve``, the mean over stretches of ten.
    """
    losses = train(
        build(config, words.vocab_size, depth, placement, seed),
        draw_windows(words.train, config.rows, config.length, seed),
        steps=config.steps,
        learning_rate=rate,
        warmup=round(warmup * config.steps),
    )
    curve = [fmean(losses[start : start + 10]) for start in range(0, config.steps, 10)]
    return {"loss": fmean(losses[-config.last :]), "curve": curve}


def run(config: Config, seed: int) -> Metrics:
    """Measure first gradients by depth, and train at two depths.

    Args:
        config: Settings.
        seed: Of the weights and of the rows.

    Returns:
        ``gradients`` by placement and depth, with the last block's under ``last``; ``shallow`` and ``deep`` by
        placement and ten-thousandths of the learning rate, what :func:`train_with` gives, where the placement
        ``post_warm`` is ``post`` with a warm-up.
    """
    words = world_words(config.people, config.tokens, config.length)
    gradients: dict[str, Mapping[str, object]] = {}
    for placement in PLACEMENTS:
        norms = {str(depth): first_gradients(config, words, depth, placement, seed) for depth in config.depths}
        gradients[placement] = {"blocks": norms, "last": {depth: each[-1] for depth, each in norms.items()}}
    warmups: Mapping[str, tuple[NormPlacement, float]] = {
        "pre": ("pre", 0.0),
        "post": ("post", 0.0),
        "post_warm": ("post", config.warmup),
    }
    return {"gradients": gradients} | {
        name: {
            way: {
                rate_name(rate): train_with(config, words, depth, placement, rate=rate, seed=seed, warmup=warmup)
                for rate in config.rates
            }
            for way, (placement, warmup) in warmups.items()
        }
        for name, depth in (("shallow", config.shallow), ("deep", config.deep))
    }


def rate_name(rate: float) -> str:
    """Name a rate by its ten-thousandths, for paths have no points in their names.

    Args:
        rate: A learning rate.

    Returns:
        Its name.
    """
    return str(round(rate * 1e4))


def draw_gradients(figure: Figure, record: Record) -> None:
    """Draw the gradient at the last block against the depth, a dot for each seed, and the root that theory has.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    depths = EXPERIMENT.config.depths
    for index, (placement, marker) in enumerate((("pre", "o"), ("post", "s"))):
        paths = [f"gradients.{placement}.last.{depth}" for depth in depths]
        for metrics in record.per_seed.values():
            seed = [number(metrics, path) for path in paths]
            axes.plot(depths, seed, color=f"C{index}", marker=marker, markersize=4, linestyle="none", alpha=0.6)
        means = [number(record, path) for path in paths]
        axes.plot(depths, means, color=f"C{index}", label=f"norm {'before' if placement == 'pre' else 'after'}")
        if placement == "pre":
            root = [means[0] * (depths[0] / depth) ** 0.5 for depth in depths]
            axes.plot(depths, root, color="C2", lw=1, label="1 / root of the blocks")
    axes.set_xscale("log")
    axes.set_xticks(depths, [str(depth) for depth in depths])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_xlabel("blocks")
    axes.set_ylabel("first gradient, last block")
    axes.legend(fontsize=9)


WAYS = {"pre": "before", "post": "after", "post_warm": "after, warm-up"}


def draw_losses(figure: Figure, record: Record) -> None:
    """Draw the loss at the end against the learning rate, shallow models and deep ones side by side.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    config = EXPERIMENT.config
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (name, depth) in zip(panels, (("shallow", config.shallow), ("deep", config.deep)), strict=True):
        for index, ((way, label), marker) in enumerate(zip(WAYS.items(), "osD", strict=True)):
            paths = [f"{name}.{way}.{rate_name(rate)}.loss" for rate in config.rates]
            for metrics in record.per_seed.values():
                seed = [number(metrics, path) for path in paths]
                axes.plot(
                    config.rates, seed, color=f"C{index}", marker=marker, markersize=4, linestyle="none", alpha=0.6
                )
            axes.plot(config.rates, [number(record, path) for path in paths], color=f"C{index}", label=label)
        axes.set_title(f"{depth} blocks")
        axes.set_xscale("log")
        axes.set_xticks(config.rates, [f"{rate:g}" for rate in config.rates])
        axes.minorticks_off()
        axes.margins(x=0.15)
        axes.set_xlabel("learning rate")
    panels[0].set_ylabel("loss at the end (nats)")
    panels[0].legend(fontsize=9, title="norm", title_fontsize=9)


def _loss(metrics: Metrics, depth: str, way: str, rate: float) -> float:
    return number(metrics, f"{depth}.{way}.{rate_name(rate)}.loss")


EXPERIMENT = Experiment(
    name="transformer-norm-placement",
    title="Where the norm stands, by depth and learning rate",
    explained_in="sec-transformer-norm-placement",
    config=Config(),
    reduced=Config(people=12, tokens=4_000, length=16, rows=2, depths=(2, 3), deep=3, steps=6, last=3),
    run=run,
    seeds=(0, 1, 2),
    claims=(
        Claim(
            "norms-before-shrink-the-last-gradient",
            "With the norm before, the first gradient at the last of 24 blocks is at most two fifths of that at the "
            "last of 2.",
            2.5,
            lambda metrics: number(metrics, "gradients.pre.last.2") / number(metrics, "gradients.pre.last.24"),
        ),
        Claim(
            "norms-after-keep-the-last-gradient",
            "With the norm after, the first gradient at the last of 24 blocks is at least two thirds of that at the "
            "last of 2.",
            2 / 3,
            lambda metrics: number(metrics, "gradients.post.last.24") / number(metrics, "gradients.post.last.2"),
        ),
        Claim(
            "deep-norms-after-stall",
            "With 12 blocks and a rate of 3e-3, the model with the norm after ends at least 0.3 nats above the model "
            "with the norm before.",
            0.3,
            lambda metrics: _loss(metrics, "deep", "post", 3e-3) - _loss(metrics, "deep", "pre", 3e-3),
        ),
        Claim(
            "shallow-norms-after-learn-faster",
            "With 2 blocks and the same rate, it ends at least 0.1 nats below.",
            0.1,
            lambda metrics: _loss(metrics, "shallow", "pre", 3e-3) - _loss(metrics, "shallow", "post", 3e-3),
        ),
        Claim(
            "a-warm-up-does-not-save-them",
            "A warm-up of a third of the steps takes back at most a third of what the norm after costs with 12 blocks.",
            2 / 3,
            lambda metrics: (
                (_loss(metrics, "deep", "post_warm", 3e-3) - _loss(metrics, "deep", "pre", 3e-3))
                / (_loss(metrics, "deep", "post", 3e-3) - _loss(metrics, "deep", "pre", 3e-3))
            ),
        ),
    ),
    figures={"gradients": draw_gradients, "losses": draw_losses},
    depends=WORLD_WORDS,
    packages=("torch",),
    # Sums of 32-bit numbers depend on how the machine orders them.
    tolerance=1e-3,
)
