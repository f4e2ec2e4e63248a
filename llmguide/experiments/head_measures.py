"""Measures of attention heads: passages to read, which heads have a pattern, what is predicted without some of them."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from random import Random
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from llmguide import datasets
from llmguide.interpret.heads import Head, switch_off
from llmguide.tokenizers.tokenizer import Tokenizer
from llmguide.transformer.model import Transformer
from llmguide.transformer.trace import Tap


def draw_passages(tokenizer: Tokenizer, rows: int, length: int, random: Random) -> Int[Tensor, "rows positions"]:
    """Draw passages from the plays and the sonnets, each from the beginning of a line on.

    Args:
        tokenizer: Turns them into ids.
        rows: Number of passages.
        length: Ids for each.
        random: Chooses them.

    Returns:
        Their ids.
    """
    works = [text.splitlines(keepends=True) for text in datasets.documents("shakespeare").values()]
    drawn = []
    for _ in range(rows):
        lines = random.choice(works)
        start = random.randrange(len(lines) - length)
        # A line has a token at least, its end; so this many lines are enough.
        drawn.append(tokenizer.encode_ids("".join(lines[start : start + length]).lstrip())[:length])
    return torch.tensor(drawn)


@torch.no_grad()
def watch(
    model: Transformer, ids: Int[Tensor, "rows positions"], names: Sequence[str], off: Iterable[Head] = ()
) -> tuple[Float[Tensor, "rows positions vocab"], list[list[Tensor]]]:
    """Run a model, record some of its tensors, and switch some of its heads off.

    Args:
        model: The model.
        ids: Rows.
        names: Patterns of names, as for :class:`~llmguide.transformer.trace.Tap`.
        off: Heads that contribute nothing.

    Returns:
        The logits, and for each pattern the tensors that fit it, block by block.
    """
    tap = Tap(names, switch_off(off))
    logits = model(ids, tap=tap)
    return logits, [[tensor for name, tensor in tap.tensors.items() if fnmatchcase(name, fit)] for fit in names]


def summary(scores: Float[Tensor, "blocks heads"], threshold: float) -> dict[str, Any]:
    """Say of a pattern which heads have it.

    Args:
        scores: Of every head.
        threshold: The least score to count.

    Returns:
        What :func:`llmguide.experiments.attention_heads.run` describes.

    Example:
        >>> summary(torch.tensor([[0.0, 0.25], [0.5, 0.75]]), 0.5)["count"]
        2
    """
    found = scores >= threshold
    blocks = found.any(dim=1).nonzero()
    return {
        "head": {
            str(block): {str(head): float(score) for head, score in enumerate(row)} for block, row in enumerate(scores)
        },
        "count": int(found.sum()),
        "share": float(found.float().mean()),
        "best": float(scores.max()),
        "first_block": int(blocks[0]) if len(blocks) else len(scores),
    }


def strongest(scores: Float[Tensor, "blocks heads"], count: int) -> list[Head]:
    """Return the heads with the highest scores, the highest first."""
    order = scores.flatten().argsort(descending=True)[:count].tolist()
    return [divmod(place, scores.shape[1]) for place in order]


def others_of_the_same_blocks(heads: Iterable[Head], n_heads: int, random: Random) -> list[Head]:
    """Draw for each head another of its block that is not among them, while there is one.

    Args:
        heads: Which ones.
        n_heads: Heads of a block.
        random: Draws.

    Returns:
        As many heads in each block, or all that are left.

    Example:
        >>> others_of_the_same_blocks([(7, 0), (7, 1)], 4, Random(0))
        [(7, 3), (7, 2)]
    """
    chosen = set(heads)
    others = []
    for block in sorted({block for block, _ in chosen}):
        rest = [(block, head) for head in range(n_heads) if (block, head) not in chosen]
        others += random.sample(rest, min(n_heads - len(rest), len(rest)))
    return others


def value_ratio(values: list[Tensor], first: Float[Tensor, "blocks heads"], threshold: float, skip: int) -> float:
    """Compare the length of the first position's value with that of the others, where it gets most of the weight.

    Args:
        values: Of every block: ``[rows, kv_heads, positions, d_head]``.
        first: Every head's weight on the first position.
        threshold: The least weight for a head to count.
        skip: From which position on the other values are taken.

    Returns:
        The first value's length over the mean length of those behind ``skip``, on average over the heads that reach the
        threshold; 1 if there are none.
    """
    group = first.shape[1] // values[0].shape[1]
    ratios = [
        float(lengths[:, 0].mean() / lengths[:, skip:].mean())
        for block, head in (first >= threshold).nonzero().tolist()
        for lengths in [values[block][:, head // group].norm(dim=-1)]
    ]
    return sum(ratios) / len(ratios) if ratios else 1.0


def second_half(logits: Float[Tensor, "rows positions vocab"], ids: Int[Tensor, "rows positions"]) -> dict[str, float]:
    """Say how well the second half of each row is predicted.

    Args:
        logits: What a model says.
        ids: What there is.

    Returns:
        ``accuracy``: in which part of the places of the second half the right token has the highest logit. ``loss``:
        the mean cross-entropy there, in nats; ``before``: that of the first half.
    """
    half = ids.shape[1] // 2
    losses = F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
    losses = losses.reshape(len(ids), -1)
    right = logits[:, half:-1].argmax(dim=-1) == ids[:, half + 1 :]
    return {
        "accuracy": float(right.float().mean()),
        "loss": float(losses[:, half:].mean()),
        "before": float(losses[:, : half - 1].mean()),
    }
