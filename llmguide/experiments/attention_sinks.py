"""What a window does to a model that was trained without one, and what a few first positions beside it repair.

SmolLM2 reads passages of Shakespeare under masks that it has never met: a window of the most recent positions, and the
window with some of the first positions beside it. The loss is taken where the first position has left the window.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

import torch
from jaxtyping import Int
from torch import Tensor

from llmguide import datasets
from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.models import SMOLLM2, modules
from llmguide.experiments.records import Metrics, Record, number
from llmguide.training import next_token_loss
from llmguide.transformer.masks import causal_mask, window_mask
from llmguide.transformer.model import Transformer
from llmguide.transformer.published import smollm2


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        passages: How many passages to read.
        positions: Tokens in each.
        window: How many positions a query sees, itself included.
        sinks: How many first positions stay visible beside the window.
        apart: How many tokens an entry of the curve averages over.
    """

    passages: int = 4
    positions: int = 384
    window: int = 64
    sinks: tuple[int, ...] = (0, 1, 4)
    apart: int = 32


def run(config: Config, seed: int) -> Metrics:
    """Let the model read under each mask.

    Args:
        config: Settings.
        seed: Chooses the passages.

    Returns:
        By mask, ``full`` and ``sinks0``, ``sinks1`` and so on: what :func:`measure` gives.
    """
    loaded = smollm2()
    assert loaded.tokenizer is not None
    random = Random(seed)
    text = "\n".join(datasets.documents("shakespeare").values())
    rows = []
    for _ in range(config.passages):
        start = text.index("\n", random.randrange(len(text) - 20 * config.positions)) + 1
        rows.append(loaded.tokenizer.encode_ids(text[start : start + 20 * config.positions])[: config.positions])
    passages = torch.tensor(rows)
    size = config.positions
    masks = {"full": causal_mask(size, size)}
    masks |= {f"sinks{sinks}": window_mask(size, size, config.window, sinks) for sinks in config.sinks}
    return {name: measure(loaded.model, passages, mask, config) for name, mask in masks.items()}


def measure(
    model: Transformer, passages: Int[Tensor, "batch positions"], mask: Tensor, config: Config
) -> Mapping[str, object]:
    """Take the loss under a mask.

    Args:
        model: The model.
        passages: What it reads, one passage after the other.
        mask: True where a query may look.
        config: Settings.

    Returns:
        ``loss``: in nats, of the tokens whose query no longer has the first position in its window. ``curve``: the
        loss of each stretch of tokens.
    """
    with torch.no_grad():
        logits = torch.cat([model(row[None, :-1], mask=mask[None, None, :-1, :-1]) for row in passages])
    targets = passages[:, 1:]

    def loss(part: slice) -> float:
        return next_token_loss(logits[:, part], targets[:, part]).item()

    stretches = [slice(start, start + config.apart) for start in range(0, targets.shape[1], config.apart)]
    return {"loss": loss(slice(config.window, None)), "curve": [loss(stretch) for stretch in stretches]}


def draw(figure: Figure, record: Record) -> None:
    """Draw the loss through the text, by mask.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    config = EXPERIMENT.config
    labels = {"sinks0": "window alone", "sinks1": "window and the first position"}
    labels |= {"sinks4": "window and the first four", "full": "everything visible"}
    for index, (name, label) in enumerate(labels.items()):
        count = -(-(config.positions - 1) // config.apart)
        places = [config.apart * (place + 0.5) for place in range(count)]
        losses = [number(record, f"{name}.curve.{place}") for place in range(count)]
        axes.plot(places, losses, color=f"C{index}", label=label)
    axes.axvline(config.window, color="0.5", lw=0.8, linestyle=":")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("position")
    axes.set_ylabel("loss (nats)")
    axes.legend(fontsize=8)


EXPERIMENT = Experiment(
    name="attention-sinks",
    title="What a window does to a model that was trained without one",
    explained_in="sec-attention-windows",
    config=Config(),
    reduced=Config(passages=1, positions=24, window=8, apart=12),
    run=run,
    seeds=(0, 1, 2),
    claims=(
        Claim(
            "a-window-alone-breaks-the-model",
            "With a window alone the loss is at least 1 nat higher than with everything visible.",
            1.0,
            lambda metrics: number(metrics, "sinks0.loss") - number(metrics, "full.loss"),
        ),
        Claim(
            "four-sinks-repair-most",
            "Four first positions beside the window take back at least three quarters of that.",
            0.75,
            lambda metrics: (
                (number(metrics, "sinks0.loss") - number(metrics, "sinks4.loss"))
                / (number(metrics, "sinks0.loss") - number(metrics, "full.loss"))
            ),
        ),
        Claim(
            "one-sink-repairs-half",
            "The first position alone, beside the window, takes back at least half of it.",
            0.5,
            lambda metrics: (
                (number(metrics, "sinks0.loss") - number(metrics, "sinks1.loss"))
                / (number(metrics, "sinks0.loss") - number(metrics, "full.loss"))
            ),
        ),
    ),
    figures={"loss": draw},
    depends=(
        "llmguide.datasets",
        "llmguide.training",
        *modules("training", "loop optimizers schedules"),
        *SMOLLM2,
    ),
    datasets=("shakespeare",),
    packages=("torch",),
    # Sums of 32-bit numbers depend on how the machine orders them.
    tolerance=1e-3,
)
