"""Text of the miniature world as one long line of words, for experiments that train a small model for a few seconds."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import torch
from jaxtyping import Int
from torch import Tensor

from llmguide.experiments.models import MODEL, modules
from llmguide.training.loop import next_token_loss, train
from llmguide.transformer.config import ModelConfig
from llmguide.transformer.initialization import initialize
from llmguide.transformer.model import Transformer
from llmguide.world.facts import generate
from llmguide.world.mixture import stream

WORLD_WORDS = (
    "llmguide.experiments.world_words",
    *modules("training", "loop optimizers schedules"),
    "llmguide.transformer.initialization",
    *modules(
        "world",
        """
        crowd dialogues events facts hops items language matters mixture names questions reading refusals
        secrets splits stories strangers sums text told
        """,
    ),
    *(module for module in MODEL if module != "llmguide.transformer.architectures"),
)
"""The modules that the text, a model of parts chosen one by one, and training it depend on.

:meta hide-value:
"""

PIECES = re.compile(r"\d|[^\W\d]+|[^\w\s]")
END = 0


@dataclass(frozen=True)
class Words:
    """A text as numbers: one for each word, digit, mark, and end of a document.

    Attributes:
        vocab_size: How many different ones there are.
        train: The text to learn from.
        held_out: Other documents of the same world, to measure on.
    """

    vocab_size: int
    train: Int[Tensor, " tokens"]
    held_out: Int[Tensor, " tokens"]


@lru_cache(maxsize=2)
def world_words(people: int, train: int, held_out: int) -> Words:
    """Write text about a world.

    Args:
        people: The size of the world.
        train: How many tokens to learn from.
        held_out: How many to measure on.

    Returns:
        The text. No document that is learned from occurs again in the text held out.
    """
    told: list[list[str]] = []
    kept: list[list[str]] = []
    missing = {"train": train, "held_out": held_out}
    seen = set()
    for document in stream(generate(people), seed=0):
        pieces = [*PIECES.findall(document), ""]
        if missing["train"] > 0:
            seen.add(document)
            told.append(pieces)
            missing["train"] -= len(pieces)
        elif missing["held_out"] <= 0:
            break
        elif document not in seen:
            kept.append(pieces)
            missing["held_out"] -= len(pieces)
    ids = {piece: number for number, piece in enumerate(sorted(set(chain(*told, *kept))))}
    return Words(
        len(ids),
        torch.tensor([ids[piece] for piece in chain(*told)][:train]),
        torch.tensor([ids[piece] for piece in chain(*kept)][:held_out]),
    )


def draw_windows(
    text: Int[Tensor, " tokens"], rows: int, length: int, seed: int
) -> Callable[[int], tuple[Int[Tensor, "batch positions"], Int[Tensor, "batch positions"]]]:
    """Make batches of stretches of a text.

    Args:
        text: The text.
        rows: Stretches in a batch.
        length: Tokens in a stretch.
        seed: Chooses where they begin.

    Returns:
        What :func:`~llmguide.training.loop.train` takes: from the number of a step to tokens, and to the tokens that
        follow each.
    """
    generator = torch.Generator().manual_seed(1_000 + seed)

    def draw(_: int) -> tuple[Int[Tensor, "batch positions"], Int[Tensor, "batch positions"]]:
        starts = torch.randint(len(text) - length, (rows, 1), generator=generator)
        stretches = text[starts + torch.arange(length + 1)]
        return stretches[:, :-1], stretches[:, 1:]

    return draw


def train_reader(
    config: ModelConfig, words: Words, *, rows: int, steps: int, learning_rate: float, std: float, seed: int
) -> tuple[Transformer, list[float]]:
    """Train a model on stretches of a text as long as its context.

    Args:
        config: Its parts.
        words: The text.
        rows: Stretches in a step.
        steps: Number of steps.
        learning_rate: The highest learning rate.
        std: Deviation of the first weights.
        seed: Of the first weights and of the stretches, which do not depend on the parts.

    Returns:
        The model, and the loss of each step.
    """
    model = Transformer(config)
    initialize(model, torch.Generator().manual_seed(seed), std=std)
    batch = draw_windows(words.train, rows, config.context_length, seed)
    return model, train(model, batch, steps=steps, learning_rate=learning_rate)


@torch.no_grad()
def held_out_loss(model: Transformer, text: Int[Tensor, " tokens"], length: int) -> float:
    """Measure a model on text that it did not learn from.

    Args:
        model: The model.
        text: The text.
        length: Tokens in a stretch; the stretches lie end to end.

    Returns:
        The mean loss, in nats a token.
    """
    stretches = text[: (len(text) - 1) // length * length + 1].unfold(0, length + 1, length)
    return next_token_loss(model(stretches[:, :-1]), stretches[:, 1:]).item()
