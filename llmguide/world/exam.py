"""What a model can be asked about the world, in one list; and whether it answered."""

import hashlib
from collections.abc import Iterable
from functools import cache

from llmguide.world import (
    crowd,
    dialogues,
    events,
    hops,
    inverse,
    language,
    questions,
    reading,
    refusals,
    secrets,
    stories,
    sums,
    text,
)
from llmguide.world.facts import World
from llmguide.world.items import Item
from llmguide.world.splits import SPLITS

MODULES = (
    text,
    questions,
    inverse,
    events,
    hops,
    sums,
    language,
    refusals,
    dialogues,
    stories,
    reading,
    crowd,
    secrets,
)
ANSWER = "Answer:"
THINK = "Think."


def exam(world: World, split: str, kinds: Iterable[str] | None = None, per_kind: int = 200) -> list[Item]:
    """Collect what a model can be asked.

    Ends of sentences on events are asked for by :func:`llmguide.world.events.completions`.

    Args:
        world: What is true.
        split: ``validation`` or ``test``, of which no document is in the training text; or ``train``, of which every
            document may be: it examines the memory. Secrets are in ``train`` only.
        kinds: The kinds of items; ``None`` for all.
        per_kind: How many of each kind at most. Which, a hash decides.

    Returns:
        The items, kind by kind in a fixed order.

    Raises:
        ValueError: If there is no such split, or no item of one of the kinds in it.
    """
    if split not in SPLITS:
        raise ValueError(f"no split {split!r}; there are: {', '.join(SPLITS)}")
    found = _by_kind(world, split)
    wanted = list(found) if kinds is None else list(kinds)
    missing = [kind for kind in wanted if kind not in found]
    if missing:
        raise ValueError(f"no items of kinds {missing} in {split}; there are: {', '.join(found)}")
    return [item for kind in wanted for item in found[kind][:per_kind]]


def grade(item: Item, text: str) -> bool:
    """Decide whether a continuation answers an item.

    Args:
        item: What was asked.
        text: What a model wrote behind the prompt. It may have gone on after the answer.

    Returns:
        True if the text begins with the answer. Where the answer comes after steps, only what follows ``Answer:``
        counts, not the way there.

    Example:
        >>> steps = Item("addition-2-steps", "Question: What is 4 + 5? Think.", " 4 + 5 = 9. Answer: 9.", "4+5")
        >>> grade(steps, " 4 + 5 = 8. Answer: 9. Question:"), grade(steps, " 4 + 5 = 9. Answer: 91.")
        (True, False)
    """
    _, mark, answer = item.answer.rpartition(ANSWER)
    if mark:
        text = text.partition(ANSWER)[2]
    return text.strip().startswith(answer.strip())


@cache
def _by_kind(world: World, split: str) -> dict[str, list[Item]]:
    """Sort what all modules ask, each document once."""
    found: dict[str, dict[str, Item]] = {}
    for module in MODULES:
        for item in module.exam(world, split):
            found.setdefault(item.kind, {}).setdefault(item.document, item)
    return {kind: sorted(items.values(), key=_order) for kind, items in found.items()}


def _order(item: Item) -> bytes:
    """Sort questions by chance, but alike whether they are to be answered at once or in steps."""
    question = item.prompt.removesuffix(f" {ANSWER}").removesuffix(f" {THINK}")
    return hashlib.sha256(question.encode()).digest()
