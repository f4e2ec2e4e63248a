"""One matrix for reading words and for writing them, or two: at unequal and at equal numbers of parameters.

Small decoders read text of the miniature world, a word a token. Tying saves as many parameters as a matrix of the
vocabulary has. Two more models are as large as the others: a tied one whose feed-forward part is wider by what tying
saved, and an untied one whose stream is narrower, as large as the tied one.

One matrix cannot be small where it begins the stream and large where it makes logits, so each model begins with weights
of several sizes. That their size would decide which of tied and untied wins was not expected; pilots on other seeds
found it.

Source: :cite:t:`press2017using`.
"""

from dataclasses import dataclass

from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.records import Metrics, Record, number
from llmguide.experiments.world_words import WORLD_WORDS, held_out_loss, train_reader, world_words
from llmguide.transformer.accounting import parameters
from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.config import HeadKind, ModelConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.masks import MaskConfig
from llmguide.transformer.norms import NormConfig
from llmguide.transformer.positions import RotaryPositions


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
        stds: Deviations of the first weights that each model is tried with.
        d_model: Width of the models but the narrow one.
        d_head: Width of a head.
        n_heads: Heads of a layer.
        n_layers: Number of blocks.
    """

    people: int = 100
    tokens: int = 200_000
    held_out: int = 8_192
    length: int = 64
    rows: int = 8
    steps: int = 200
    learning_rate: float = 1e-2
    stds: tuple[float, ...] = (0.02, 0.06, 0.18)
    d_model: int = 32
    d_head: int = 8
    n_heads: int = 4
    n_layers: int = 2


def choose_parts(config: Config, vocab_size: int) -> dict[str, ModelConfig]:
    """Choose the parts of the models that are compared.

    Args:
        config: Settings.
        vocab_size: Number of tokens.

    Returns:
        ``tied`` and ``untied``; ``wide``, tied, with the parameters of ``untied``; ``narrow``, untied, with at most
        those of ``tied``.
    """

    def decoder(head: HeadKind, d_model: int, d_hidden: int) -> ModelConfig:
        return ModelConfig(
            vocab_size=vocab_size,
            context_length=config.length,
            d_model=d_model,
            n_layers=config.n_layers,
            attention=AttentionConfig(config.n_heads, config.n_heads, config.d_head),
            feedforward=FeedForwardConfig(d_hidden, "gelu", bias=False),
            norm=NormConfig("rms"),
            norm_placement="pre",
            mask=MaskConfig("causal"),
            positions=RotaryPositions(),
            head=head,
        )

    width, hidden = config.d_model, 4 * config.d_model
    tied = decoder("tied", width, hidden)
    # A unit of the feed-forward part has a row of d_model numbers in each of two matrices, in each layer.
    saved = vocab_size // (2 * config.n_layers)
    smaller = (decoder("linear", narrow, hidden) for narrow in range(width, 0, -1))
    allowed = sum(parameters(tied).values())
    return {
        "tied": tied,
        "untied": decoder("linear", width, hidden),
        "wide": decoder("tied", width, hidden + saved),
        "narrow": next(parts for parts in smaller if sum(parameters(parts).values()) <= allowed),
    }


def run(config: Config, seed: int) -> Metrics:
    """Train each model from weights of each size and measure it on text held out.

    Args:
        config: Settings.
        seed: Of the weights and of the rows.

    Returns:
        By model: ``parameters``; ``losses`` by thousandths of the deviation of the first weights, in nats a token; and
        the lowest of them, ``loss``.
    """
    words = world_words(config.people, config.tokens, config.held_out)
    measured: dict[str, object] = {}
    for name, parts in choose_parts(config, words.vocab_size).items():
        losses = {}
        for std in config.stds:
            model, _ = train_reader(
                parts,
                words,
                rows=config.rows,
                steps=config.steps,
                learning_rate=config.learning_rate,
                std=std,
                seed=seed,
            )
            losses[thousandths(std)] = held_out_loss(model, words.held_out, config.length)
        measured[name] = {
            "parameters": sum(parameters(parts).values()),
            "losses": losses,
            "loss": min(losses.values()),
        }
    return measured


def thousandths(std: float) -> str:
    """Name a deviation by its thousandths, for paths have no points in their names.

    Args:
        std: A deviation.

    Returns:
        Its name.
    """
    return str(round(std * 1000))


LABELS = {"tied": "tied", "wide": "tied, wider", "untied": "untied", "narrow": "untied, narrow"}


def draw(figure: Figure, record: Record) -> None:
    """Draw the loss of each model against the size of its first weights, a dot for each seed.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    stds = EXPERIMENT.config.stds
    for index, ((name, label), marker) in enumerate(zip(LABELS.items(), "osD^", strict=True)):
        paths = [f"{name}.losses.{thousandths(std)}" for std in stds]
        for metrics in record.per_seed.values():
            seed = [number(metrics, path) for path in paths]
            axes.plot(stds, seed, color=f"C{index}", marker=marker, markersize=4, linestyle="none", alpha=0.6)
        size = number(record, f"{name}.parameters") / 1000
        means = [number(record, path) for path in paths]
        axes.plot(stds, means, color=f"C{index}", label=f"{label} ({size:.0f} K)")
    axes.set_xscale("log")
    axes.set_xticks(stds, [f"{std:g}" for std in stds])
    axes.minorticks_off()
    axes.set_xlabel("deviation of the first weights")
    axes.set_ylabel("loss on held-out text (nats)")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.35 * (high - low))  # room for the legend
    axes.legend(fontsize=9, ncols=2, loc="upper center")


def _gap(metrics: Metrics, std: str) -> float:
    """Say how far the tied model's loss lies above that of the untied."""
    return number(metrics, f"tied.losses.{std}") - number(metrics, f"untied.losses.{std}")


EXPERIMENT = Experiment(
    name="transformer-tying",
    title="One matrix for reading and writing words, or two",
    explained_in="sec-transformer-tying",
    config=Config(),
    reduced=Config(people=12, tokens=4_000, held_out=512, length=16, rows=2, steps=6),
    run=run,
    seeds=(0, 1, 2),
    claims=(
        Claim(
            "tying-costs-little",
            "Each from weights of its best size, the tied model ends at most 0.15 nats above the untied one, which has "
            "over half as many parameters again.",
            -0.15,
            lambda metrics: number(metrics, "untied.loss") - number(metrics, "tied.loss"),
        ),
        Claim(
            "a-tied-model-beats-a-narrow-one",
            "At as many parameters, the tied model ends at least 0.1 nats below an untied one of a narrower stream.",
            0.1,
            lambda metrics: number(metrics, "narrow.loss") - number(metrics, "tied.loss"),
        ),
        Claim(
            "a-second-matrix-beats-a-wider-part",
            "At as many parameters, the untied model ends below the tied one with a wider feed-forward part.",
            0.0,
            lambda metrics: number(metrics, "wide.loss") - number(metrics, "untied.loss"),
        ),
        Claim(
            "small-weights-hurt-the-tied",
            "From weights of 0.02, the tied model ends at least 0.1 nats above the untied.",
            0.1,
            lambda metrics: _gap(metrics, "20"),
        ),
        Claim(
            "large-weights-help-the-tied",
            "From weights of 0.18, what the tied model lacks is at least 0.1 nats less.",
            0.1,
            lambda metrics: _gap(metrics, "20") - _gap(metrics, "180"),
        ),
    ),
    figures={"losses": draw},
    depends=(
        "llmguide.transformer.accounting",
        "llmguide.transformer.activation_costs",
        "llmguide.transformer.part_costs",
        *WORLD_WORDS,
    ),
    packages=("torch",),
    # Sums of 32-bit numbers depend on how the machine orders them.
    tolerance=1e-3,
)
