"""What is true in the miniature world."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil, sqrt
from random import Random

from llmguide.world.names import make_names

RELATIONS = {
    "birthplace": "a person's town of birth",
    "birth year": "a person's year of birth",
    "trade": "what a person works as",
    "employer": "whom a person works for",
    "spouse": "whom a person is married to; told of both",
    "land": "the land a town lies in",
    "river": "the river a town stands on",
    "sum": "the sum of two numbers below 100",
}
"""What is known of people and towns: each relation, and what it says in words."""

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

SUMS_PER_PERSON = 10


@dataclass(frozen=True)
class Fact:
    """One thing that is true: the relation of the subject is the value.

    Attributes:
        subject: A person, a town, or a sum such as ``17 + 25``.
        relation: One of :data:`RELATIONS`.
        value: A name, a trade, or a number in digits.
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
        facts: All facts: person by person, town by town, then the sums.
    """

    n_people: int
    seed: int
    facts: tuple[Fact, ...]

    @cached_property
    def subjects(self) -> tuple[str, ...]:
        """Whom or what the facts are about, each once, in the order of the facts."""
        return tuple(dict.fromkeys(fact.subject for fact in self.facts))

    def about(self, subject: str) -> tuple[Fact, ...]:
        """Look up everything about a subject.

        Args:
            subject: A person, a town, or a sum such as ``17 + 25``.

        Returns:
            Its facts; none for what the world does not know.
        """
        return self._by_subject.get(subject, ())

    @cached_property
    def _by_subject(self) -> dict[str, tuple[Fact, ...]]:
        index: dict[str, list[Fact]] = {}
        for fact in self.facts:
            index.setdefault(fact.subject, []).append(fact)
        return {subject: tuple(facts) for subject, facts in index.items()}


def generate(n_people: int = 200, seed: int = 0) -> World:
    """Make a world.

    Args:
        n_people: Its size: 200 people live in 25 towns and work for 20 employers. About half are married.
        seed: Equal arguments make equal worlds, in every process.

    Returns:
        The world.

    Raises:
        ValueError: If ``n_people`` is less than 4, or more than there are names for.

    Example:
        >>> generate(n_people=8).facts[0]
        Fact(subject='Sasi Darent', relation='birthplace', value='Titastead')
    """
    if n_people < 4:
        raise ValueError(f"n_people must be at least 4, so that some are married, not {n_people}")
    random = Random(seed)
    taken: set[str] = set()
    people = _people(n_people, random, taken)
    towns = make_names("town", ceil(n_people / 8), random, taken)
    lands = make_names("land", 4, random, taken)
    rivers = make_names("river", 6, random, taken)
    employers = make_names("employer", ceil(n_people / 10), random, taken)
    spouses = dict(_couples(people, random))

    facts: list[Fact] = []
    for person in people:
        facts.append(Fact(person, "birthplace", random.choice(towns)))
        facts.append(Fact(person, "birth year", str(random.randrange(1900, 2000))))
        facts.append(Fact(person, "trade", random.choice(TRADES)))
        facts.append(Fact(person, "employer", random.choice(employers)))
        if person in spouses:
            facts.append(Fact(person, "spouse", spouses[person]))
    for town in towns:
        facts.append(Fact(town, "land", random.choice(lands)))
        facts.append(Fact(town, "river", random.choice(rivers)))
    n_sums = min(SUMS_PER_PERSON * n_people, 100 * 100)
    for pair in random.sample(range(100 * 100), n_sums):
        first, second = divmod(pair, 100)
        facts.append(Fact(f"{first} + {second}", "sum", str(first + second)))
    return World(n_people, seed, tuple(facts))


def published() -> World:
    """Make the world that lies in ``datasets/world``.

    Returns:
        The world of 200 people.
    """
    return generate(n_people=200, seed=0)


def _people(count: int, random: Random, taken: set[str]) -> list[str]:
    """Combine few given with few family names, so that neither tells who is meant."""
    side = ceil(sqrt(2 * count))
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
