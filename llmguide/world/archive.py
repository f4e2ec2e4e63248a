"""An archive to look things up in: the notes of :mod:`llmguide.world.reading`, laid down once for each world.

None of it is in the training text, whatever the split, so a model can only answer from the archive if the right notes
are found and put before it. Of some topics it tells nothing.
"""

from dataclasses import dataclass
from itertools import product
from random import Random

from llmguide.world.facts import World
from llmguide.world.items import REFUSAL, Item
from llmguide.world.matters import MATTERS
from llmguide.world.reading import Note, Topic, believe, history, numbered, topics

CLAIMS: tuple[tuple[str, ...], ...] = (
    (),
    ("a register",),
    ("a letter",),
    ("a register", "a register"),
    ("a letter", "a letter", "a letter"),
    ("a register", "a rumour"),
    ("a letter", "a rumour"),
    ("a register", "a register", "a letter"),
)
"""The sources from which the archive may tell of a topic, all as likely: none, one, or several that disagree."""


@dataclass(frozen=True)
class Query:
    """A question to the archive.

    Attributes:
        item: The question without any note, of the kind ``archive``.
        numbers: The numbers of all notes on its topic: what a search should find.
    """

    item: Item
    numbers: tuple[int, ...]


def archive(world: World) -> tuple[Note, ...]:
    """Lay notes down for good, on every topic of a world, held out or not.

    Args:
        world: Whose towns and people are named.

    Returns:
        The notes, numbered from 1000 on in an order that tells nothing.

    Example:
        >>> from llmguide.world.facts import generate
        >>> print(archive(generate(8))[0].text)
        Note 1000, 22 September 1900, a letter (likely): The price of bread in Vitaford is 29 pence.
    """
    random = Random(f"archive of {world.seed}")
    notes: list[Note] = []
    for town, matter in product(world.towns, MATTERS):
        sources = list(random.choice(CLAIMS))
        random.shuffle(sources)
        notes += history(world, Topic(matter, town), sources, random)
    random.shuffle(notes)
    return tuple(numbered(notes, range(1000, 1000 + len(notes))))


def queries(world: World, split: str) -> list[Query]:
    """Ask the archive about every topic of one split.

    Args:
        world: What is true.
        split: One of ``train``, ``validation``, ``test``.

    Returns:
        The queries. The answer is what :func:`~llmguide.world.reading.believe` makes of all notes.
    """
    notes = archive(world)
    asked = []
    for topic in topics(world, split):
        answer = believe(notes, topic)
        item = Item(
            "archive", f"Question: {topic.ask()} Answer:", REFUSAL if answer is None else f" {answer}.", topic.key
        )
        asked.append(Query(item, tuple(note.number for note in notes if note.topic == topic)))
    return asked
