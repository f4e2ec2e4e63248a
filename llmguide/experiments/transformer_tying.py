"""One matrix for reading words and for writing them, or two: at unequal and at equal numbers of parameters.

Small decoders read text of the miniature world, a word a token. Tying saves as many parameters as a matrix of the
vocabulary has. Two more models are as large as the others: a tied one whose feed-forward part is wider by what tying
saved, and an untied one whose stream is narrower, as large as the tied one.

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
        rates: Highest learning rates that each model is tried with.
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
    steps: int = 300
    rates: tuple[float, ...] = (5e-3, 1e-2)
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
    """Train each model with each rate and measure it on text held out.

    Args:
        config: Settings.
        seed: Of the weights and of the rows.

    Returns:
        By model: ``parameters``; ``losses`` by ten-thousandths of the learning rate, in nats a token; and the lowest of
        them, ``loss``.
    """
    words = world_words(config.people, config.tokens, config.held_out)
    measured: dict[str, object] = {}
    for name, parts in choose_parts(config, words.vocab_size).items():
        losses = {}
        for rate in config.rates:
            model, _ = train_reader(parts, words, rows=config.rows, steps=config.steps, learning_rate=rate, seed=seed)
            losses[str(round(rate * 1e4))] = held_out_loss(model, words.held_out, config.length)
        measured[name] = {
            "parameters": sum(parameters(parts).values()),
            "losses": losses,
            "loss": min(losses.values()),
        }
    return measured


LABELS = {"tied": "tied", "wide": "tied, wider feed-forward", "untied": "untied", "narrow": "untied, narrow stream"}


def draw(figure: Figure, record: Record) -> None:
    """Draw the loss of each model against its size, a dot for each seed.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    for index, ((name, label), marker) in enumerate(zip(LABELS.items(), "osD^", strict=True)):
        size = number(record, f"{name}.parameters") / 1000
        seeds = [number(metrics, f"{name}.loss") for metrics in record.per_seed.values()]
        axes.plot([size] * len(seeds), seeds, color=f"C{index}", marker=marker, linestyle="none", label=label)
    axes.set_xlim(left=0)
    axes.set_xlabel("thousand parameters")
    axes.set_ylabel("loss on held-out text (nats)")
    axes.legend(fontsize=9)


EXPERIMENT = Experiment(
    name="transformer-tying",
    title="One matrix for reading and writing words, or two",
    explained_in="sec-transformer-tying",
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
