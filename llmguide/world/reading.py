"""Reading: dated notes that change their mind, contradict each other or keep silent, and a question about them.

What the notes tell is nowhere else: no biography, no other document. In training every document invents it anew, so
there is nothing to know by heart, only to read. The rule by which notes are believed is always the same: of the notes
on a matter, those from the surest source count, and among them the latest.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import cycle, islice, product
from random import Random

from llmguide.world.facts import World
from llmguide.world.items import REFUSAL, Item
from llmguide.world.matters import MATTERS, MONTHS
from llmguide.world.splits import split_of

SOURCES = {"a rumour": "doubtful", "a letter": "likely", "a register": "certain"}
"""Where notes come from and how sure that is, as every note says; the surest last."""

KINDS = ("plain", "latest", "then", "trust", "absent")
"""What it takes to answer: one note; the latest; the one that held in a year; the surest; to see that there is none."""

EXAM_SIZE = 100
"""Questions of each kind in the exam of each split."""


@dataclass(frozen=True)
class Topic:
    """A matter of a town.

    Attributes:
        matter: One of :data:`~llmguide.world.matters.MATTERS`.
        town: The town.
    """

    matter: str
    town: str

    @property
    def key(self) -> str:
        """What is held out as a whole."""
        return f"{self.matter} of {self.town}"

    def ask(self, year: int | None = None) -> str:
        """Ask about it.

        Args:
            year: When; ``None`` asks for what holds now.

        Returns:
            A question.
        """
        matter = MATTERS[self.matter]
        return (matter.question if year is None else matter.past).format(town=self.town, year=year)


@dataclass(frozen=True)
class Note:
    """A passage: one dated statement.

    Attributes:
        number: What it is cited by.
        day: Day of the month.
        month: One of :data:`~llmguide.world.matters.MONTHS`.
        year: The year; no two notes on a topic have the same.
        source: One of :data:`SOURCES`.
        topic: What it is about.
        value: What it says of it.
    """

    number: int
    day: int
    month: str
    year: int
    source: str
    topic: Topic
    value: str

    @property
    def text(self) -> str:
        """The note, as a line.

        Example:
            >>> Note(417, 12, "May", 1962, "a letter", Topic("market", "Titastead"), "Monday").text
            'Note 417, 12 May 1962, a letter (likely): The market of Titastead is held on Monday.'
        """
        date = f"{self.day} {self.month} {self.year}"
        said = MATTERS[self.topic.matter].statement.format(town=self.topic.town, value=self.value)
        return f"Note {self.number}, {date}, {self.source} ({SOURCES[self.source]}): {said}"


def believe(notes: Iterable[Note], topic: Topic, year: int | None = None) -> str | None:
    """Answer from notes: the surest sources count, and among them the latest.

    Args:
        notes: The notes, on any topics, in any order.
        topic: What is asked for.
        year: When; later notes are left out. ``None`` asks for what holds now.

    Returns:
        The value; ``None`` if no note answers.
    """
    relevant = [note for note in notes if note.topic == topic and (year is None or note.year <= year)]
    trust = list(SOURCES)
    return max(relevant, key=lambda note: (trust.index(note.source), note.year)).value if relevant else None


def history(world: World, topic: Topic, sources: list[str], random: Random) -> list[Note]:
    """Invent notes on a topic that all say something else.

    Args:
        world: Whose people may be named.
        topic: What they are about.
        sources: The source of each note.
        random: Source of chance.

    Returns:
        A note for each source, in order of time, all numbered 0. At least two years lie between two of them.
    """
    values = random.sample(MATTERS[topic.matter].values or world.people, len(sources))
    years = sorted(random.sample(range(1900, 2000, 4), len(sources)))
    return [
        Note(
            0,
            random.randrange(1, 29),
            random.choice(MONTHS),
            year + random.randrange(2),
            source,
            topic,
            value,
        )
        for source, year, value in zip(sources, years, values, strict=True)
    ]


def numbered(notes: Iterable[Note], numbers: Iterable[int]) -> list[Note]:
    """Give notes their numbers.

    Args:
        notes: The notes.
        numbers: At least as many numbers.

    Returns:
        The notes in their order, with these numbers.
    """
    return [replace(note, number=number) for note, number in zip(notes, numbers, strict=False)]


def item(world: World, topic: Topic, kind: str, others: list[Topic], random: Random) -> Item:
    """Invent notes and ask about them.

    Args:
        world: Whose people may be named.
        topic: What is asked for.
        kind: One of :data:`KINDS`.
        others: What else there may be notes on: of the same town, or of the same matter.
        random: Source of chance.

    Returns:
        Two to four notes in any order and a question; the answer is a value, or that one does not know.
    """
    trust = list(SOURCES)
    sources = {
        "plain": [random.choice(trust)],
        "latest": [random.choice(trust)] * random.choice((2, 3)),
        "then": [random.choice(trust)] * random.choice((2, 3)),
        "trust": random.sample(trust, random.choice((2, 3))),
        "absent": [],
    }[kind]
    notes = history(world, topic, sources, random)
    year = _between(notes, random) if kind == "then" else None
    answer = believe(notes, topic, year)
    n_others = min(len(others), 1 if len(sources) > 1 else random.choice((1, 2)) if sources else random.choice((2, 3)))
    for other in random.sample(others, n_others):
        notes += history(world, other, [random.choice(trust)], random)
    random.shuffle(notes)
    text = "\n".join(note.text for note in numbered(notes, random.sample(range(100, 1000), len(notes))))
    prompt = f"{text}\nQuestion: {topic.ask(year)} Answer:"
    return Item(f"reading-{kind}", prompt, REFUSAL if answer is None else f" {answer}.", topic.key)


def topics(world: World, split: str) -> list[Topic]:
    """List the topics of a split.

    Args:
        world: Whose towns they are about.
        split: One of ``train``, ``validation``, ``test``.

    Returns:
        The topics; in the smallest worlds there may be none that are held out.
    """
    every = (Topic(matter, town) for town, matter in product(world.towns, MATTERS))
    return [topic for topic in every if split_of(topic.key) == split]


def exam(world: World, split: str) -> list[Item]:
    """Ask about notes on topics of one split.

    Args:
        world: What is true.
        split: One of ``train``, ``validation``, ``test``.

    Returns:
        Questions of the kinds ``reading-plain``, ``reading-latest``, ``reading-then``, ``reading-trust`` and
        ``reading-absent``, as many of each.
    """
    random = Random(f"reading of {world.seed} for {split}")
    chosen = topics(world, split)
    return [
        item(world, topic, kind, _near(world, topic, split), random)
        for kind in KINDS
        for topic in islice(cycle(chosen), EXAM_SIZE)
    ]


def training(world: World, random: Random) -> str:
    """Invent notes on topics of the training split, and tell a question about them with its answer.

    Args:
        world: Whose towns and people may be named.
        random: Source of chance.

    Returns:
        A line for each note, and one for the question.
    """
    while True:
        topic = Topic(random.choice(list(MATTERS)), random.choice(world.towns))
        if split_of(topic.key) == "train":
            return item(world, topic, random.choice(KINDS), _near(world, topic, "train"), random).document


def _between(notes: list[Note], random: Random) -> int:
    """Draw a year after one note and before the next, so that it is clear which of them held."""
    index = random.randrange(len(notes))
    first = notes[index].year + 1
    return random.randrange(first, notes[index + 1].year if index + 1 < len(notes) else first + 10)


def _near(world: World, topic: Topic, split: str) -> list[Topic]:
    """Find what is easily taken for a topic: another matter there, the same matter elsewhere; what a split may see."""
    there = [Topic(matter, topic.town) for matter in MATTERS if matter != topic.matter]
    elsewhere = [Topic(topic.matter, town) for town in world.towns if town != topic.town]
    return [other for other in there + elsewhere if split_of(other.key) in ("train", split)]
