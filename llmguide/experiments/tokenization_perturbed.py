"""What a real model pays when a text reaches it in other tokens than the usual ones.

Windows of Shakespeare are cut as SmolLM2's tokenizer cuts them, and at random by BPE-dropout. The bytes are the same
each time, so bits per byte can be compared. A second measure keeps the usual cut in the second half of each window and
changes only what stands before: it tells what reading odd tokens costs, apart from predicting them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from random import Random

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from llmguide import datasets
from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.models import SMOLLM2
from llmguide.experiments.records import Metrics, Record, number
from llmguide.tokenizers.alphabet import spell
from llmguide.tokenizers.bpe import Bpe
from llmguide.tokenizers.dropout import sample_word
from llmguide.tokenizers.gguf import GappedBpe
from llmguide.tokenizers.tokenizer import Tokenizer
from llmguide.transformer.published import smollm2

START = "<|endoftext|>"
"""The token between two texts of SmolLM2's training: it stands before each window."""

Predict = Callable[[Int[Tensor, "batch positions"]], Float[Tensor, "batch positions vocab"]]
Window = tuple[str, str]


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        windows: How many windows to score.
        bytes: The most bytes of a window, and so of its tokens, beside the first.
        dropouts: Probabilities with which merges are dropped; with 1 the text is in single bytes.
    """

    windows: int = 8
    bytes: int = 240
    dropouts: tuple[float, ...] = (0.1, 0.3, 1.0)


def run(config: Config, seed: int) -> Metrics:
    """Score windows of text in their usual tokens and in others.

    Args:
        config: Settings.
        seed: Chooses the windows and the cuts.

    Returns:
        What :func:`measure` gives.
    """
    loaded, random = smollm2(), Random(seed)
    assert loaded.tokenizer is not None  # the file holds one
    works = [text.splitlines(keepends=True) for text in datasets.documents("shakespeare").values()]
    windows = [draw_window(works, config.bytes, random) for _ in range(config.windows)]
    start = loaded.tokenizer.model.ids[START]
    return measure(loaded.model, loaded.tokenizer, start, windows, dropouts=config.dropouts, random=random)


def draw_window(works: Sequence[Sequence[str]], most: int, random: Random) -> Window:
    """Draw neighbouring lines, two or more.

    Args:
        works: The lines of each work.
        most: The most bytes of all lines together.
        random: Chooses them.

    Returns:
        The first half of the lines and the second.
    """
    while True:
        lines = random.choice(works)
        first = last = random.randrange(len(lines))
        room = most
        while last < len(lines) and (room := room - len(lines[last].encode())) >= 0:
            last += 1
        if last - first >= 2 and lines[first].strip():
            middle = (first + last) // 2
            return "".join(lines[first:middle]), "".join(lines[middle:last])


def name_of(p: float) -> str:
    """Write a probability so that the path of a result can hold it.

    Args:
        p: A number from 0 to 1; 0 stands for the usual cut.

    Returns:
        ``canonical``, or ``p`` and the number of tenths in two digits.

    Example:
        >>> name_of(0), name_of(0.1), name_of(1.0)
        ('canonical', 'p01', 'p10')
    """
    return f"p{round(10 * p):02}" if p else "canonical"


def cut(tokenizer: Tokenizer, text: str, p: float, random: Random) -> list[int]:
    """Cut a text by BPE-dropout, also where the vocabulary lacks some bytes, as SmolLM2's does.

    Args:
        tokenizer: Byte-level byte-pair encoding without normalizer.
        text: Text without such bytes.
        p: The probability with which each possible merge is dropped, at every step anew.
        random: Draws.

    Returns:
        The ids.

    Raises:
        TypeError: If the model is no byte-pair encoding.
        ValueError: If the vocabulary lacks a byte of the text.

    Example:
        >>> from llmguide.tokenizers import train_tokenizer
        >>> tokenizer = train_tokenizer(["low lower lowest"], vocab_size=259)
        >>> tokenizer.decode(cut(tokenizer, "low lower", 0.5, Random(2)))
        'low lower'
    """
    bpe = tokenizer.model.bpe if isinstance(tokenizer.model, GappedBpe) else tokenizer.model
    if not isinstance(bpe, Bpe):
        raise TypeError(f"dropout needs merges, which {type(bpe).__name__} has not; give a tokenizer with a Bpe")
    ids = []
    for word in tokenizer.pretokenizer.words(text):
        letters = tuple(spell(word))
        if lost := set(letters) - bpe.ids.keys():
            raise ValueError(f"the vocabulary lacks bytes of {word!r}, spelled {sorted(lost)}; expected text without")
        ids += [bpe.ids[symbol] for symbol in sample_word(letters, bpe.ranks, p, random)]
    return ids


def measure(
    predict: Predict,
    tokenizer: Tokenizer,
    start: int,
    windows: Sequence[Window],
    *,
    dropouts: Sequence[float],
    random: Random,
) -> dict[str, dict[str, float]]:
    """Score windows in several tokenizations.

    Args:
        predict: From ids to logits.
        tokenizer: Cuts the text; its model is byte-pair encoding.
        start: The id before each window.
        windows: What to score. The halves of each are cut separately.
        dropouts: Probabilities with which merges are dropped.
        random: Draws the cuts.

    Returns:
        By :func:`name_of`: ``bits_per_byte``, what the whole windows cost; ``tokens_per_byte``; ``after``, bits per
        byte of the second halves in their usual cut behind first halves in this one, and behind ``nothing``.
    """
    total = sum(len(half.encode()) for window in windows for half in window)
    second = sum(len(window[1].encode()) for window in windows)
    found: dict[str, dict[str, float]] = {"bits_per_byte": {}, "tokens_per_byte": {}, "after": {}}
    alone = [token_bits(predict, [start, *tokenizer.encode_ids(half)]) for _, half in windows]
    found["after"]["nothing"] = sum(map(sum, alone)) / second
    for p in (0.0, *dropouts):
        whole = after = 0.0
        tokens = 0
        for window in windows:
            before, behind = (cut(tokenizer, half, p, random) for half in window)
            usual = tokenizer.encode_ids(window[1])
            bits = token_bits(predict, [start, *before, *behind])
            whole += sum(bits)
            tokens += len(bits)
            if usual != behind:
                bits = token_bits(predict, [start, *before, *usual])
            after += sum(bits[len(before) :])
        found["bits_per_byte"][name_of(p)] = whole / total
        found["tokens_per_byte"][name_of(p)] = tokens / total
        found["after"][name_of(p)] = after / second
    return found


@torch.no_grad()
def token_bits(predict: Predict, ids: Sequence[int]) -> list[float]:
    """Give the surprise of each token behind those before it.

    Args:
        predict: From ids to logits.
        ids: At least two; the first is given.

    Returns:
        The negative binary logarithm of the probability of each but the first.
    """
    row = torch.tensor([ids])
    losses = F.cross_entropy(predict(row)[0, :-1], row[0, 1:], reduction="none")
    return [loss / log(2) for loss in losses.tolist()]


def _more(metrics: Metrics, measured: str, p: str, than: str = "canonical") -> float:
    """Give how many more bits per byte one tokenization costs than another."""
    return number(metrics, f"{measured}.{p}") - number(metrics, f"{measured}.{than}")


def draw(figure: Figure, record: Record) -> None:
    """Draw the bits per byte of each tokenization, and of the usual one behind it.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    by_name: Mapping[str, str] = {
        "canonical": "usual",
        **{name_of(p): f"$p = {p:g}$" + ("\n(bytes)" if p == 1 else "") for p in EXPERIMENT.config.dropouts},
    }
    series = {"bits_per_byte": "whole text in these tokens", "after": "usual tokens after these"}
    for index, (measured, label) in enumerate(series.items()):
        axes.bar(
            [place + 0.19 * (2 * index - 1) for place in range(len(by_name))],
            [number(record.metrics, f"{measured}.{name}") for name in by_name],
            width=0.34,
            yerr=[number(record.spread, f"{measured}.{name}") for name in by_name],
            color=f"C{index}",
            label=label,
        )
    nothing = number(record.metrics, "after.nothing")
    axes.axhline(nothing, color="C1", linestyle="--", linewidth=1, label="usual tokens after nothing")
    axes.set_xticks(range(len(by_name)), list(by_name.values()))
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("how the text is cut")
    axes.set_ylabel("bits per byte")
    axes.legend(fontsize=8)


EXPERIMENT = Experiment(
    name="tokenization-perturbed",
    title="What other tokens for the same text cost a real model",
    explained_in="sec-perturbed-tokenization",
    config=Config(),
    reduced=Config(windows=2, bytes=100),
    run=run,
    seeds=(0, 1, 2),
    claims=(
        Claim(
            "a-tenth-dropped-costs",
            "With p = 0.1 the text costs at least 0.2 bits per byte more than in its usual tokens.",
            0.2,
            lambda metrics: _more(metrics, "bits_per_byte", "p01"),
        ),
        Claim(
            "more-dropped-costs-more",
            "With p = 0.3 the text costs at least 0.4 bits per byte more than with p = 0.1.",
            0.4,
            lambda metrics: _more(metrics, "bits_per_byte", "p03", "p01"),
        ),
        Claim(
            "bytes-cost",
            "In single bytes, without any merge, the text costs at least 1 bit per byte more than in its usual tokens.",
            1.0,
            lambda metrics: _more(metrics, "bits_per_byte", "p10"),
        ),
        Claim(
            "reading-costs-less-than-predicting",
            "What text cut with p = 0.3 before it adds to the bits per byte of usual tokens is at most half of what "
            "this cut adds to the bits per byte of the text itself.",
            0.5,
            lambda metrics: 1 - _more(metrics, "after", "p03") / _more(metrics, "bits_per_byte", "p03"),
        ),
    ),
    figures={"bits-per-byte": draw},
    depends=(
        "llmguide.datasets",
        "llmguide.tokenizers.dropout",
        *SMOLLM2,
    ),
    datasets=("shakespeare",),
    packages=("torch",),
    # Sums of 32-bit numbers depend on how the machine orders them.
    tolerance=1e-3,
)
