"""Questions that take two facts, answered at once or step by step: does a model put together what it knows?"""

from collections.abc import Iterator
from functools import cache
from random import Random

from llmguide.world.facts import World
from llmguide.world.items import Item
from llmguide.world.splits import draw, split_of
from llmguide.world.text import say
from llmguide.world.told import is_told

WORDINGS = {
    ("birthplace", "land"): (
        "In which land was {subject} born?",
        "What is the native land of {subject}?",
        "Which land lies around the birthplace of {subject}?",
    ),
    ("birthplace", "river"): (
        "By which river was {subject} born?",
        "What is the native river of {subject}?",
        "Which river passes the birthplace of {subject}?",
    ),
    ("spouse", "trade"): (
        "What does the spouse of {subject} work as?",
        "What is the trade of the spouse of {subject}?",
        "Which trade did {subject} marry into?",
    ),
}
"""The two relations that a question goes through, and its wordings."""


def hops(world: World, person: str) -> Iterator[tuple[Item, Item]]:
    """Ask everything about a person that takes two facts, both of which training tells.

    Args:
        world: What is true.
        person: Whom to ask about.

    Yields:
        A question to be answered at once, and the same to be answered in steps.
    """
    for (first, second), wordings in WORDINGS.items():
        for one in world.about(person):
            if one.relation != first or not is_told(one):
                continue
            other = next(fact for fact in world.about(one.value) if fact.relation == second)
            for wording in wordings:
                question = f"Question: {wording.format(subject=person)}"
                answer = f" Answer: {other.value}."
                steps = f" {say(one, 0)} {say(other, 0)}{answer}"
                yield (
                    Item("hop-direct", f"{question} Answer:", f" {other.value}.", person),
                    Item("hop-steps", f"{question} Think.", steps, person),
                )


def group_of(person: str) -> str:
    """Decide whether such questions may be asked about a person in training.

    Args:
        person: Whom a question would be about.

    Returns:
        The split of all such questions about the person.
    """
    return split_of(f"hops from {person}")


def exam(world: World, split: str) -> list[Item]:
    """Ask about the people of a split.

    Args:
        world: What is true.
        split: One of ``train``, ``validation``, ``test``.

    Returns:
        Items of the kinds ``hop-direct`` and ``hop-steps``.
    """
    chosen = [person for person in world.people if group_of(person) == split]
    return [item for person in chosen for both in hops(world, person) for item in both]


def training(world: World, random: Random) -> str:
    """Ask about one of the people of the training split.

    Args:
        world: What is true.
        random: Source of chance.

    Returns:
        A question with its answer, with or without steps.
    """
    return random.choice(draw(_in_training(world), random, "questions that take two facts")).document


@cache
def _in_training(world: World) -> tuple[tuple[Item, Item], ...]:
    return tuple(both for person in world.people if group_of(person) == "train" for both in hops(world, person))
