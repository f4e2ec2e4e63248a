"""Whether a model of one layer can learn to go on with a stretch that repeats, as one of two layers does.

Small Llamas with attention and feed-forward are trained on sequences in which a stretch of random tokens repeats. The
length of the stretch differs from sequence to sequence, so that a fixed distance does not tell where to look. The
model of one layer has as many parameters as that of two.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.models import PACKAGE
from llmguide.experiments.records import Metrics, Record, lookup, number
from llmguide.interpret.heads import Head, induction_scores, previous_token_scores, repeated_random_ids, switch_off
from llmguide.training import next_token_loss, train
from llmguide.transformer import ModelConfig, Tap, Transformer, initialize, llama
from llmguide.transformer.masks import causal_mask

LAYERS = ("one", "two")


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        vocab_size: Number of tokens.
        shortest: Least length of the stretch that repeats.
        longest: Greatest length; sequences are twice as long.
        d_model: Width of the models.
        n_heads: Heads of a layer.
        d_hidden: Width of the feed-forward part in the model of two layers.
        std: Standard deviation of the first weights.
        batch: Sequences of a step.
        steps: Steps of training.
        learning_rate: The highest learning rate.
        every: After how many steps to measure.
        measured: Sequences to measure on; each says ``longest`` tokens twice.
        shown: Length of the stretch in the sequence whose weights are recorded.
    """

    vocab_size: int = 32
    shortest: int = 4
    longest: int = 16
    d_model: int = 32
    n_heads: int = 2
    d_hidden: int = 96
    std: float = 0.1
    batch: int = 32
    steps: int = 1_000
    learning_rate: float = 3e-3
    every: int = 50
    measured: int = 512
    shown: int = 8


def repeat_stretches(config: Config, generator: torch.Generator) -> Int[Tensor, "batch positions"]:
    """Draw a batch of sequences, each of one stretch of different random tokens that is said again and again.

    Args:
        config: Settings.
        generator: The source of randomness.

    Returns:
        The ids.
    """
    stretches = torch.rand((config.batch, config.vocab_size), generator=generator).argsort(-1)
    lengths = torch.randint(config.shortest, config.longest + 1, (config.batch, 1), generator=generator)
    return stretches.gather(1, torch.arange(2 * config.longest) % lengths)


def build(config: Config, name: str, generator: torch.Generator) -> Transformer:
    """Make a model of one or two layers with first weights.

    Args:
        config: Settings.
        name: ``one`` or ``two``. The one layer's feed-forward part is so wide that both have as many parameters.
        generator: The source of randomness.

    Returns:
        The model.
    """

    def choices(n_layers: int, d_hidden: int) -> ModelConfig:
        return llama(
            vocab_size=config.vocab_size,
            context_length=2 * config.longest,
            d_model=config.d_model,
            n_layers=n_layers,
            n_heads=config.n_heads,
            n_kv_heads=config.n_heads,
            d_hidden=d_hidden,
        )

    model = Transformer(choices(2, config.d_hidden))
    if name == "one":
        missing = _count(model) - _count(Transformer(choices(1, config.d_hidden)))
        model = Transformer(choices(1, config.d_hidden + -(-missing // (3 * config.d_model))))
    initialize(model, generator, config.std)
    return model


def _count(model: Transformer) -> int:
    """Count a model's parameters."""
    return sum(parameter.numel() for parameter in model.parameters())


@torch.no_grad()
def measure(model: Transformer, ids: Int[Tensor, "batch positions"], tap: Tap | None = None) -> dict[str, float]:
    """Say how well a model says a text a second time.

    Args:
        model: The model.
        ids: Sequences that say everything twice.
        tap: Sees and changes what flows through the model.

    Returns:
        ``accuracy`` and ``loss`` (nats per token) on the second copy. Its first token, which nothing foretells, does
        not count.
    """
    period = ids.shape[1] // 2
    logits, targets = model(ids, tap=tap)[:, period:-1], ids[:, period + 1 :]
    return {
        "accuracy": (logits.argmax(-1) == targets).float().mean().item(),
        "loss": next_token_loss(logits, targets).item(),
    }


def run(config: Config, seed: int) -> Metrics:
    """Train both models, and look into that of two layers.

    Args:
        config: Settings.
        seed: Chooses first weights and sequences.

    Returns:
        ``curves`` and ``final`` (:func:`measure`) of ``one`` and ``two``, their ``parameters``, scores of the best
        ``heads`` of the two layers and of ``uniform`` weights, accuracies with a head silenced (``ablation``), and the
        weights of the best induction head on a sequence (``map``).
    """
    measured = _twice(config, config.longest, config.measured, seed)
    models = {name: build(config, name, torch.Generator().manual_seed(seed)) for name in LAYERS}
    curves = {name: _train(config, model, measured, seed) for name, model in models.items()}
    tap = Tap(["*.weights"])
    intact = measure(models["two"], measured, tap)
    layers = [tap.tensors[f"blocks.{layer}.attention.weights"] for layer in range(2)]
    previous = previous_token_scores(layers[0])
    induction = [induction_scores(weights, config.longest) for weights in layers]
    found = {"previous": (0, int(previous.argmax())), "induction": (1, int(induction[1].argmax()))}
    heads = [[(layer, head) for head in range(config.n_heads)] for layer in range(2)]

    def without(*off: Head) -> float:
        return measure(models["two"], measured, Tap([], switch_off(off)))["accuracy"]

    visible = causal_mask(2 * config.longest, 2 * config.longest).float()[None, None]
    uniform = visible / visible.sum(-1, keepdim=True)
    measure(models["two"], _twice(config, config.shown, 1, seed), tap)
    shown = tap.tensors["blocks.1.attention.weights"][0, found["induction"][1]]
    return {
        "curves": curves,
        "final": {name: {metric: values[-1] for metric, values in curve.items()} for name, curve in curves.items()},
        "parameters": {name: _count(model) for name, model in models.items()},
        "heads": {
            "previous": float(previous.max()),
            "induction": float(induction[1].max()),
            "induction_first_layer": float(induction[0].max()),
        },
        "uniform": {
            "previous": float(previous_token_scores(uniform)),
            "induction": float(induction_scores(uniform, config.longest)),
        },
        "ablation": {
            "none": intact["accuracy"],
            **{name: without(head) for name, head in found.items()},
            "beside_previous": without(*(head for head in heads[0] if head != found["previous"])),
            "beside_induction": without(*(head for head in heads[1] if head != found["induction"])),
            "first_layer": without(*heads[0]),
        },
        "map": [[round(weight, 3) for weight in row] for row in shown.tolist()],
    }


def _twice(config: Config, period: int, rows: int, seed: int) -> Int[Tensor, "batch positions"]:
    """Draw sequences to measure on, other ones than training draws."""
    generator = torch.Generator().manual_seed(10_000 + seed)
    return repeated_random_ids(0, config.vocab_size, rows, period, generator)


def _train(
    config: Config, model: Transformer, measured: Int[Tensor, "batch positions"], seed: int
) -> dict[str, list[float]]:
    """Train a model to predict every next token, and measure it on the way and at the end."""
    points = []
    generator = torch.Generator().manual_seed(1_000 + seed)

    def batch(step: int) -> tuple[Tensor, Tensor]:
        if step % config.every == 0:
            points.append(measure(model, measured))
        ids = repeat_stretches(config, generator)
        return ids[:, :-1], ids[:, 1:]

    train(model, batch, steps=config.steps, learning_rate=config.learning_rate)
    points.append(measure(model, measured))
    return {metric: [point[metric] for point in points] for metric in points[0]}


def _accuracies(metrics: Metrics, name: str) -> list[float]:
    """Give a model's accuracy at each measurement."""
    values = lookup(metrics, f"curves.{name}.accuracy")
    assert isinstance(values, list)
    return values


def _fastest(metrics: Metrics) -> float:
    """Give the part of the two layers' gain in accuracy that falls into the best fifth of the training."""
    values = _accuracies(metrics, "two")
    gains = [after - before for before, after in zip(values, values[len(values) // 5 :], strict=False)]
    return max(gains) / (values[-1] - values[0])


def draw_learning(figure: Figure, record: Record) -> None:
    """Draw the accuracy on the second copy over the steps of training, a curve for each model and seed.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    models = (("two", "two layers", "-"), ("one", "one layer, as many parameters", "--"))
    for index, (name, label, dashes) in enumerate(models):
        for place, metrics in enumerate(record.per_seed.values()):
            accuracy = _accuracies(metrics, name)
            steps = [EXPERIMENT.config.every * point for point in range(len(accuracy))]
            style = {"color": f"C{index}", "linestyle": dashes, "linewidth": 1.2}
            axes.plot(steps, accuracy, label=None if place else label, **style)
    axes.set_xlabel("step of training")
    axes.set_ylabel("accuracy on the second copy")
    axes.set_ylim(0, 1.02)
    axes.legend(fontsize=8, loc="center right")


def draw_map(figure: Figure, record: Record) -> None:
    """Draw where the induction head of the first seed looks while a stretch is said twice.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    rows = lookup(record.per_seed[str(record.seeds[0])], "map")
    assert isinstance(rows, list)
    size = len(rows)
    for query, row in enumerate(rows):
        for key, weight in enumerate(row[: query + 1]):
            axes.bar(key, 1, 1, query - 0.5, color="C0", alpha=weight, linewidth=0)
    names = [chr(ord("A") + place % (size // 2)) for place in range(size)]
    axes.set_xticks(range(size), names, fontsize=8)
    axes.set_yticks(range(size), names, fontsize=8)
    axes.set_xlim(-0.5, size - 0.5)
    axes.set_ylim(size - 0.5, -0.5)
    axes.set_aspect("equal")
    axes.set_xlabel("key")
    axes.set_ylabel("query")


EXPERIMENT = Experiment(
    name="attention-induction",
    title="Induction with one layer and with two",
    explained_in="sec-attention-induction",
    config=Config(),
    reduced=Config(batch=8, steps=20, every=10, measured=32),
    run=run,
    seeds=(0, 1, 2, 3, 4),
    claims=(
        Claim(
            "two-layers-go-on",
            "Two layers learn to say at least 90 % of a stretch of random tokens a second time.",
            0.90,
            lambda metrics: number(metrics, "final.two.accuracy"),
        ),
        Claim(
            "one-layer-does-not",
            "One layer with as many parameters gets at least 50 percentage points fewer right.",
            0.50,
            lambda metrics: number(metrics, "final.two.accuracy") - number(metrics, "final.one.accuracy"),
        ),
        Claim(
            "it-comes-suddenly",
            "At least half of what two layers gain in accuracy, they gain within a fifth of the steps.",
            0.50,
            _fastest,
        ),
        Claim(
            "a-head-finds-what-followed",
            "A head of the second layer puts at least half of its weight on what followed the token the first time.",
            0.50,
            lambda metrics: number(metrics, "heads.induction"),
        ),
        Claim(
            "a-head-looks-back-by-one",
            "A head of the first layer puts at least 30 % of its weight on the token before.",
            0.30,
            lambda metrics: number(metrics, "heads.previous"),
        ),
        Claim(
            "induction-needs-the-head",
            "Silencing the best induction head takes away at least ten percentage points of accuracy.",
            0.10,
            lambda metrics: number(metrics, "ablation.none") - number(metrics, "ablation.induction"),
        ),
    ),
    figures={"learning": draw_learning, "map": draw_map},
    depends=(
        "llmguide.interpret.heads",
        "llmguide.training",
        "llmguide.training.loop",
        "llmguide.training.optimizers",
        "llmguide.training.schedules",
        *PACKAGE,
    ),
    packages=("torch",),
    tolerance=1e-3,
)
