"""What is true in the miniature world."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil, sqrt
from random import Random

from llmguide.world.names import make_names

VERSION = 3
"""Counts the changes after which equal arguments make another world."""

RELATIONS = {
    "birthplace": "a person's town of birth",
    "birth year": "a person's year of birth",
    "trade": "what a person works as",
    "employer": "whom a person works for",
    "spouse": "whom a person is married to",
    "office": "the town that a person is the mayor of",
    "land": "the land a town lies in",
    "river": "the river a town stands on",
    "mayor": "the mayor of a town",
    "maker": "who made a thing that a town is proud of",
    "making year": "when it was made",
    "favoured trade": "the trade that most of the crowd of a land have",
}
"""What is known of people, towns, things and lands: each relation, and what it says in words."""

TRADES = (
    "baker",
    "brewer",
    "carpenter",
    "doctor",
    "fisher",
    "gardener",
    "mason",
    "miller",
    "painter",
    "potter",
    "printer",
    "sailor",
    "smith",
    "tailor",
    "teacher",
    "weaver",
)

THINGS = {
    "bell": "cast",
    "bridge": "built",
    "library": "opened",
    "map": "printed",
    "oak": "planted",
    "park": "laid out",
    "school": "founded",
    "town hall": "painted",
}
"""What towns are proud of, and how it came to be."""

LANDS = 8
RIVERS = 8


@dataclass(frozen=True)
class Fact:
    """One thing that is true: the relation of the subject is the value.

    Attributes:
        subject: A person, a town, a thing such as ``the bridge of Titastead``, or a land.
        relation: One of :data:`RELATIONS`.
        value: A name, a trade, or a year.
    """

    subject: str
    relation: str
    value: str


@dataclass(frozen=True)
class World:
    """Everything that is true.

    Attributes:
        n_people: Number of people; the size of everything else follows from it.
        seed: What made this world and no other.
        facts: All facts: person by person, town by town, thing by thing, land by land.
    """

    n_people: int
    seed: int
    facts: tuple[Fact, ...]

    def __hash__(self) -> int:
        return hash((self.n_people, self.seed))  # all facts would take long, and follow from these

    @cached_property
    def subjects(self) -> tuple[str, ...]:
        """Whom or what the facts are about, each once, in the order of the facts."""
        return tuple(dict.fromkeys(fact.subject for fact in self.facts))

    @cached_property
    def people(self) -> tuple[str, ...]:
        """The people, in the order of the facts."""
        return self._with("trade")

    @cached_property
    def towns(self) -> tuple[str, ...]:
        """The towns, in the order of the facts."""
        return self._with("land")

    @cached_property
    def things(self) -> tuple[str, ...]:
        """What the towns are proud of, in the order of the facts."""
        return self._with("maker")

    @cached_property
    def lands(self) -> tuple[str, ...]:
        """The lands, in the order of the facts."""
        return self._with("favoured trade")

    def _with(self, relation: str) -> tuple[str, ...]:
        return tuple(fact.subject for fact in self.facts if fact.relation == relation)

    def about(self, subject: str) -> tuple[Fact, ...]:
        """Look up everything about a subject.

        Args:
            subject: A person, a town, a thing, or a land.

        Returns:
            Its facts; none for what the world does not know.
        """
        return self._by_subject.get(subject, ())

    def value(self, subject: str, relation: str) -> str | None:
        """Look up one fact.

        Args:
            subject: A person, a town, a thing, or a land.
            relation: One of :data:`RELATIONS`.

        Returns:
            The value; ``None`` where there is no such fact.
        """
        return next((fact.value for fact in self.about(subject) if fact.relation == relation), None)

    @cached_property
    def _by_subject(self) -> dict[str, tuple[Fact, ...]]:
        index: dict[str, list[Fact]] = {}
        for fact in self.facts:
            index.setdefault(fact.subject, []).append(fact)
        return {subject: tuple(facts) for subject, facts in index.items()}


def generate(n_people: int = 200, seed: int = 0) -> World:
    """Make a world.

    Args:
        n_people: Its size: 200 people live in 25 towns of 8 lands and work for 20 employers. Half of them are married,
            25 are mayors, and 50 things are there to be proud of.
        seed: Equal arguments make equal worlds, in every process.

    Returns:
        The world.

    Raises:
        ValueError: If ``n_people`` is less than 4, or more than there are names for.

    Example:
        >>> generate(n_people=8).facts[0]
        Fact(subject='Naval Vodint', relation='birthplace', value='Vitaford')
    """
    if n_people < 4:
        raise ValueError(f"n_people must be at least 4, so that some are married, not {n_people}")
    random = Random(seed)
    taken: set[str] = set()
    people = _people(n_people, random, taken)
    towns = make_names("town", ceil(n_people / 8), random, taken)
    lands = make_names("land", LANDS, random, taken)
    rivers = make_names("river", RIVERS, random, taken)
    employers = make_names("employer", ceil(n_people / 10), random, taken)
    spouses = dict(_couples(people, random))
    mayors = dict(zip(random.sample(people, len(towns)), towns, strict=True))
    births = {person: random.randrange(1900, 2000) for person in people}

    facts: list[Fact] = []
    for person in people:
        facts.append(Fact(person, "birthplace", random.choice(towns)))
        facts.append(Fact(person, "birth year", str(births[person])))
        facts.append(Fact(person, "trade", random.choice(TRADES)))
        facts.append(Fact(person, "employer", random.choice(employers)))
        if person in spouses:
            facts.append(Fact(person, "spouse", spouses[person]))
        if person in mayors:
            facts.append(Fact(person, "office", mayors[person]))
    places = zip(towns, _deal(lands, towns, random), _deal(rivers, towns, random), mayors, strict=True)
    for town, land, river, mayor in places:
        facts += [Fact(town, "land", land), Fact(town, "river", river), Fact(town, "mayor", mayor)]
    for thing in random.sample([f"the {thing} of {town}" for town in towns for thing in THINGS], n_people // 4):
        maker = random.choice(people)
        made = births[maker] + random.randrange(20, 40)
        facts += [Fact(thing, "maker", maker), Fact(thing, "making year", str(made))]
    for land, trade in zip(lands, random.sample(TRADES, LANDS), strict=True):
        facts.append(Fact(land, "favoured trade", trade))
    return World(n_people, seed, tuple(facts))


def published() -> World:
    """Make the world that lies in ``datasets/world``.

    Returns:
        The world of 200 people.
    """
    return generate(n_people=200, seed=0)


def _people(count: int, random: Random, taken: set[str]) -> list[str]:
    """Combine few given with few family names, so that neither tells who is meant."""
    side = ceil(sqrt(8 * count))
    given, family = (make_names(kind, side, random, taken) for kind in ("given", "family"))
    pairs = random.sample(range(side * side), count)
    return [f"{given[pair // side]} {family[pair % side]}" for pair in pairs]


def _couples(people: list[str], random: Random) -> Iterator[tuple[str, str]]:
    """Marry a quarter of the people to another quarter; yield each marriage from both sides."""
    quarter = len(people) // 4
    chosen = random.sample(people, 2 * quarter)
    for one, other in zip(chosen[:quarter], chosen[quarter:], strict=True):
        yield one, other
        yield other, one


def _deal(values: list[str], receivers: list[str], random: Random) -> list[str]:
    """Give each receiver a value, so that every value is given about equally often."""
    dealt = [values[index % len(values)] for index in range(len(receivers))]
    random.shuffle(dealt)
    return dealt
