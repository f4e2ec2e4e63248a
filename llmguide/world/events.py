"""What happened in the world: who made what, where and when."""

from random import Random

from llmguide.world.facts import THINGS, World
from llmguide.world.items import Item
from llmguide.world.splits import split_of

PHRASINGS = (
    "In {year} {maker} {verb} the {thing} of {town}.",
    "The {thing} of {town} was {verb} by {maker} in {year}.",
    "The chronicle of {town} notes for {year}: the {thing} was {verb}, by {maker}.",
    "It was {maker} who {verb} the {thing} of {town}, and the year was {year}.",
    "A plaque at the {thing} of {town} reads: {verb} in {year} by {maker}.",
)
"""How an event is told."""

WORDINGS = {
    "maker": (
        "Who {verb} the {thing} of {town}?",
        "By whom was the {thing} of {town} {verb}?",
        "Whom does {town} thank for its {thing}?",
    ),
    "making year": (
        "When was the {thing} of {town} {verb}?",
        "In which year was the {thing} of {town} {verb}?",
        "Since when has {town} had its {thing}?",
    ),
}
"""How an event is asked for."""

QUESTIONS = 0.4
"""The part of the training documents that ask instead of tell."""


def tell(world: World, subject: str, phrasing: int) -> str:
    """Put an event into words.

    Args:
        world: What is true.
        subject: A thing that a town is proud of.
        phrasing: Index into :data:`PHRASINGS`.

    Returns:
        A sentence.
    """
    maker, year = world.value(subject, "maker"), world.value(subject, "making year")
    return PHRASINGS[phrasing].format(maker=maker, year=year, **_parts(subject))


def questions(world: World, subject: str, split: str) -> list[Item]:
    """Ask for the maker and the year of an event in every way that a split allows.

    Args:
        world: What is true.
        subject: A thing that a town is proud of.
        split: One of ``train``, ``validation``, ``test``.

    Returns:
        Items of the kind ``event-asked``, if training asks about the event too, though, outside ``train``, not in these
        words; or ``event-never-asked``.
    """
    group = split_of(f"asked {subject}", training=6)
    kind = "event-asked" if group == "train" else "event-never-asked"
    items = []
    for relation, wordings in WORDINGS.items():
        for wording in wordings:
            question = wording.format(**_parts(subject))
            item = Item(kind, f"Question: {question} Answer:", f" {world.value(subject, relation)}.", question)
            if split == (split_of(question) if group == "train" else group):
                items.append(item)
    return items


def exam(world: World, split: str) -> list[Item]:
    """Ask for makers and years.

    Args:
        world: What is true.
        split: One of ``train``, ``validation``, ``test``.

    Returns:
        Items of the kinds ``event-asked`` and ``event-never-asked``.
    """
    return [item for subject in world.things for item in questions(world, subject, split)]


def training(world: World, random: Random) -> str:
    """Tell of an event, or ask about it.

    Args:
        world: What is true.
        random: Source of chance.

    Returns:
        A sentence, or a question with its answer.
    """
    subject = random.choice(world.things)
    asked = questions(world, subject, "train")
    if asked and random.random() < QUESTIONS:
        return random.choice(asked).document
    return tell(world, subject, random.randrange(len(PHRASINGS)))


def _parts(subject: str) -> dict[str, str]:
    """Take *the bridge of Titastead* apart, and add that bridges are built.

    ``str.partition`` is enough: no thing and no town has *of* in its name.
    """
    thing, _, town = subject.removeprefix("the ").partition(" of ")
    return {"thing": thing, "town": town, "verb": THINGS[thing]}
