"""What batch size, schedule and warm-up do to a small model that learns facts, all for the same number of tokens.

A small Llama reads sentences about people of the miniature world, packed into rows, a word or a full stop a token. What
is measured is how well it completes each fact: the loss at the word that the fact is about, and the part of these words
that it gives the highest probability.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.nn import functional as F

from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.models import MODEL
from llmguide.experiments.records import Metrics, Record, lookup, number
from llmguide.training.batches import PackedBatches, batch_logits
from llmguide.training.loop import next_token_loss, warmup_cosine
from llmguide.training.optimizers import adamw
from llmguide.training.packing import Packed, pack
from llmguide.training.schedules import warmup_stable_decay
from llmguide.transformer.architectures import llama
from llmguide.transformer.initialization import initialize
from llmguide.transformer.model import Transformer
from llmguide.world import generate, say

RELATIONS = ("birthplace", "trade", "employer")
PHRASINGS = 4
END = 0


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        people: Number of people.
        length: Positions of a row.
        rows: Rows of a step, in the order of the comparison; the first is the small batch.
        tokens: Positions read in each run.
        learning_rate: The highest rate.
        high_rate: The rate at which runs with and without warm-up are compared.
        warmup: Part of the steps on the way up.
        decay: Part of the steps on the way down, for the schedule that is constant before.
        d_model: Width of the model.
        n_layers: Layers.
        n_heads: Heads of a layer.
        d_hidden: Width of the feed-forward part.
        points: How often to measure a run.
    """

    people: int = 100
    length: int = 32
    rows: tuple[int, ...] = (4, 16, 64)
    tokens: int = 262_144
    learning_rate: float = 3e-3
    high_rate: float = 1e-2
    warmup: float = 0.05
    decay: float = 0.2
    d_model: int = 64
    n_layers: int = 2
    n_heads: int = 4
    d_hidden: int = 160
    points: int = 16


@dataclass(frozen=True)
class Corpus:
    """Sentences as tokens.

    Attributes:
        vocab_size: Number of tokens, the end of a document included.
        packed: All sentences in rows.
        prompts: Sentences up to the word that is asked for, at the end of equally long rows; the front is filled up.
        real: False where a prompt's row is filled up.
        answers: The words asked for.
    """

    vocab_size: int
    packed: Packed
    prompts: Int[Tensor, "batch positions"]
    real: Tensor
    answers: Int[Tensor, " batch"]


def build_corpus(config: Config) -> Corpus:
    """Write down what is true of people, each fact in several phrasings.

    Args:
        config: Settings.

    Returns:
        The corpus.
    """
    facts = [fact for fact in generate(config.people).facts if fact.relation in RELATIONS]
    told = [
        (re.findall(r"\w+|\.", say(fact, phrasing)), len(re.findall(r"\w+", fact.value)))
        for fact in facts
        for phrasing in range(PHRASINGS)
    ]
    words = sorted({word for sentence, _ in told for word in sentence})
    ids = {word: number for number, word in enumerate(words, END + 1)}
    sentences = [[ids[word] for word in sentence] for sentence, _ in told]
    # The value stands before the full stop; its first word is the one that takes knowledge.
    prompts = [sentence[: -1 - size] for sentence, (_, size) in zip(sentences, told, strict=True)]
    answers = [sentence[len(prompt)] for sentence, prompt in zip(sentences, prompts, strict=True)]
    longest = max(map(len, prompts))
    filled = torch.tensor([[END] * (longest - len(prompt)) + prompt for prompt in prompts])
    real = torch.tensor([[False] * (longest - len(prompt)) + [True] * len(prompt) for prompt in prompts])
    return Corpus(len(words) + 1, pack(sentences, config.length, END), filled, real, torch.tensor(answers))


@torch.no_grad()
def measure(model: Transformer, corpus: Corpus) -> tuple[float, float]:
    """Say how well a model knows the facts.

    Args:
        model: The model.
        corpus: The corpus.

    Returns:
        The loss at the words asked for, in nats, and the part of them that the model finds most likely.
    """
    logits = model(corpus.prompts, real=corpus.real, last_only=True)[:, 0]
    return F.cross_entropy(logits, corpus.answers).item(), (logits.argmax(-1) == corpus.answers).float().mean().item()


def train_with(
    config: Config, corpus: Corpus, seed: int, rows: int, rate: Callable[[int, int], float]
) -> dict[str, list[float] | float]:
    """Train a model and measure it on the way.

    Args:
        config: Settings.
        corpus: The corpus.
        seed: Chooses first weights and the order of the rows.
        rows: Rows of a step.
        rate: From the number of a step and that of all steps to the learning rate.

    Returns:
        ``losses`` and ``recalls`` at evenly spaced points, and the last of each, ``loss`` and ``recall``; a run whose
        loss is no longer a number has the loss of ignorance.
    """
    model = Transformer(
        llama(
            vocab_size=corpus.vocab_size,
            context_length=config.length,
            d_model=config.d_model,
            n_layers=config.n_layers,
            n_heads=config.n_heads,
            n_kv_heads=config.n_heads,
            d_hidden=config.d_hidden,
        )
    )
    initialize(model, torch.Generator().manual_seed(seed))
    optimizer = adamw(model, learning_rate=config.learning_rate)
    batches = PackedBatches(corpus.packed, rows, seed)
    steps = config.tokens // (rows * config.length)
    ends = {steps * point // config.points for point in range(1, config.points + 1)}
    points = []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate(step, steps)
        batch = batches(step)
        loss = next_token_loss(batch_logits(model, batch), batch.targets)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step + 1 in ends:
            points.append(measure(model, corpus))
    losses = [loss if math.isfinite(loss) else math.log(corpus.vocab_size) for loss, _ in points]
    recalls = [recall for _, recall in points]
    return {"losses": losses, "recalls": recalls, "loss": losses[-1], "recall": recalls[-1]}


def rates(config: Config) -> Mapping[str, Callable[[int, int], float]]:
    """List the schedules.

    Args:
        config: Settings.

    Returns:
        By name, functions from the number of a step and that of all steps to the rate.
    """

    def warmup(steps: int) -> int:
        return max(1, round(config.warmup * steps))

    def cosine(peak: float, start: Callable[[int], int]) -> Callable[[int, int], float]:
        return lambda step, steps: warmup_cosine(step, steps=steps, peak=peak, warmup=start(steps))

    def constant(step: int, steps: int) -> float:
        return config.learning_rate * min(1.0, (step + 1) / warmup(steps))

    def stable(step: int, steps: int) -> float:
        return warmup_stable_decay(
            step, steps=steps, peak=config.learning_rate, warmup=warmup(steps), decay=round(config.decay * steps)
        )

    return {
        "cosine": cosine(config.learning_rate, warmup),
        "wsd": stable,
        "constant": constant,
        "high": cosine(config.high_rate, warmup),
        "cold": cosine(config.high_rate, lambda steps: 0),
        "raised": cosine(2 * config.learning_rate, warmup),
    }


def run(config: Config, seed: int) -> Metrics:
    """Train a model in each of the ways.

    Args:
        config: Settings.
        seed: Chooses first weights and the order of the rows.

    Returns:
        :func:`train_with` by number of rows under ``batches`` (all with the cosine), for the second number of rows by
        schedule under ``schedules``, with and without warm-up at the high rate under ``warmup``; ``raised`` is the
        large batch with twice the rate. Also the number of ``facts`` and of ``epochs``.
    """
    corpus, schedules = build_corpus(config), rates(config)
    middle = config.rows[1]
    batches = {str(rows): train_with(config, corpus, seed, rows, schedules["cosine"]) for rows in config.rows}
    return {
        "batches": batches,
        "raised": train_with(config, corpus, seed, config.rows[-1], schedules["raised"]),
        "schedules": {
            "cosine": batches[str(middle)],
            **{name: train_with(config, corpus, seed, middle, schedules[name]) for name in ("wsd", "constant")},
        },
        "warmup": {
            name: train_with(config, corpus, seed, middle, schedules[key])
            for name, key in (("with", "high"), ("without", "cold"))
        },
        "facts": len(corpus.answers) // PHRASINGS,
        "epochs": config.tokens / corpus.packed.ids.numel(),
    }
