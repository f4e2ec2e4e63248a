"""Names that nobody in the world has, made of the names that people have: their looks give nothing away."""

from functools import cache
from random import Random

from llmguide.world.facts import World
from llmguide.world.splits import split_of

PEOPLE_PER_STORY_NAME = 4


@cache
def strangers(world: World) -> tuple[str, ...]:
    """Combine given and family names that people of the world have into names that none of them has.

    Args:
        world: What is true.

    Returns:
        The names, in an order that follows from the world's seed.
    """
    given, family = (sorted({person.split()[part] for person in world.people}) for part in (0, 1))
    names = [f"{one} {other}" for one in given for other in family if not world.about(f"{one} {other}")]
    Random(f"strangers of {world.seed}").shuffle(names)
    return tuple(names)


def story_names(world: World) -> tuple[str, ...]:
    """Name those who are met in stories and nowhere else: nothing is true of them.

    Args:
        world: What is true.

    Returns:
        A quarter as many names as there are people.
    """
    return strangers(world)[: world.n_people // PEOPLE_PER_STORY_NAME]


@cache
def unknown_names(world: World, split: str) -> tuple[str, ...]:
    """Name those of whom no text tells anything.

    Args:
        world: What is true.
        split: One of ``train``, ``validation``, ``test``.

    Returns:
        The strangers that this split may ask about; those of the stories are not among them.
    """
    rest = strangers(world)[world.n_people // PEOPLE_PER_STORY_NAME :]
    return tuple(name for name in rest if split_of(f"stranger {name}") == split)
