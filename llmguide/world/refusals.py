"""Questions that the world does not answer, and the one right answer: that one does not know."""

from functools import cache
from random import Random

from llmguide.world.facts import World
from llmguide.world.items import REFUSAL, Item
from llmguide.world.questions import HELD_OUT, WORDINGS, ask
from llmguide.world.splits import draw, split_of
from llmguide.world.strangers import story_names, unknown_names

ASKED = ("birthplace", "birth year", "trade", "employer", "spouse")
"""What strangers are asked about."""

UNMARRIED = 0.3
"""The part of the refusals in training that answer for whom an unmarried person is married to."""


@cache
def unmarried(world: World, split: str) -> tuple[str, ...]:
    """Name the known people of whom the world tells no marriage.

    Args:
        world: What is true.
        split: One of ``train``, ``validation``, ``test``.

    Returns:
        Those that this split may ask: of all of them, training asks six in ten.
    """
    single = [person for person in world.people if world.value(person, "spouse") is None]
    return tuple(person for person in single if split_of(f"unmarried {person}", training=6) == split)


def exam(world: World, split: str) -> list[Item]:
    """Ask what cannot be known.

    Args:
        world: What is true.
        split: One of ``train``, ``validation``, ``test``.

    Returns:
        Items of the kinds ``refusal-stranger``, on names that occur in no text of training; ``refusal-story``, on names
        that occur in stories and in no question of training; and ``refusal-unmarried``, on people of whom all else is
        known.
    """
    strangers = [("refusal-stranger", name, relation) for name in unknown_names(world, split) for relation in ASKED]
    heroes = [
        ("refusal-story", name, relation)
        for name in story_names(world)
        if split_of(f"hero {name}", training=0) == split
        for relation in ASKED
    ]
    singles = [("refusal-unmarried", person, "spouse") for person in unmarried(world, split)]
    return [
        ask(kind, name, relation, wording, REFUSAL)
        for kind, name, relation in strangers + heroes + singles
        for wording in range(_common(relation))
    ]


def training(world: World, random: Random) -> str:
    """Ask what cannot be known, of a stranger or of an unmarried person.

    Args:
        world: What is true.
        random: Source of chance.

    Returns:
        A question with its answer.
    """
    relation = random.choice(ASKED)
    names = unknown_names(world, "train")
    if random.random() < UNMARRIED:
        names, relation = unmarried(world, "train") or names, "spouse"
    name, wording = draw(names, random, "strangers"), random.randrange(_common(relation))
    return ask("refusal", name, relation, wording, REFUSAL).document


def _common(relation: str) -> int:
    return len(WORDINGS[relation]) - len(HELD_OUT)
