"""Facts in sentences: several phrasings of each, some of them never seen in training."""

from random import Random

from llmguide.world.facts import Fact, World
from llmguide.world.items import Item
from llmguide.world.splits import SPLITS
from llmguide.world.told import PEOPLE, TOWNS, is_told

# The value comes last, so that a model can be asked to complete the sentence, and no beginning serves two relations.
# The last phrasing but one is for validation, the last for the test.
PHRASINGS = {
    "birthplace": (
        "{subject} comes from {value}.",
        "The birthplace of {subject} is {value}.",
        "{subject} first saw the light in {value}.",
        "The native town of {subject} is {value}.",
        "{subject} spent a childhood in {value}.",
        "The cradle of {subject} stood in {value}.",
        "{subject} is a child of {value}.",
        "The town where {subject} was born is {value}.",
    ),
    "birth year": (
        "{subject} was born in the year {value}.",
        "The birth year of {subject} is {value}.",
        "{subject} has lived since {value}.",
        "The life of {subject} began in {value}.",
        "{subject} has a certificate of birth from {value}.",
        "The baptism of {subject} was in {value}.",
        "The year in which {subject} was born is {value}.",
        "{subject} counts birthdays from {value}.",
    ),
    "trade": (
        "{subject} works as a {value}.",
        "The trade of {subject} is that of a {value}.",
        "{subject} earns a living as a {value}.",
        "By trade {subject} is a {value}.",
        "{subject} wears the apron of a {value}.",
        "The days of {subject} are those of a {value}.",
        "The neighbours know {subject} as a {value}.",
        "{subject} was trained as a {value}.",
    ),
    "employer": (
        "{subject} is employed by {value}.",
        "The employer of {subject} is {value}.",
        "{subject} has a post at {value}.",
        "The wages of {subject} come from {value}.",
        "{subject} walks each morning to {value}.",
        "The contract of {subject} is with {value}.",
        "{subject} is on the books of {value}.",
        "The workplace of {subject} is {value}.",
    ),
    "spouse": (
        "{subject} is married to {value}.",
        "The spouse of {subject} is {value}.",
        "{subject} shares a home with {value}.",
        "The wedding of {subject} was with {value}.",
        "{subject} once proposed to {value}.",
        "The better half of {subject} is {value}.",
        "{subject} exchanged rings with {value}.",
        "The person whom {subject} married is {value}.",
    ),
    "office": (
        "{subject} is the mayor of {value}.",
        "The office of {subject} is that of mayor of {value}.",
        "{subject} was elected mayor by {value}.",
        "The chain of office that {subject} wears is that of {value}.",
        "{subject} governs {value}.",
        "The voters who chose {subject} live in {value}.",
        "{subject} sits in the mayor's chair of {value}.",
        "The town under {subject} is {value}.",
    ),
    "land": (
        "{subject} lies in {value}.",
        "The land around {subject} is called {value}.",
        "On the map {subject} is part of {value}.",
        "The taxes of {subject} go to {value}.",
        "{subject} obeys the laws of {value}.",
        "The fields of {subject} are soil of {value}.",
        "{subject} belongs to {value}.",
        "The flag over {subject} is that of {value}.",
    ),
    "river": (
        "{subject} stands on the river {value}.",
        "The river at {subject} is the {value}.",
        "The bridges of {subject} cross the {value}.",
        "Boats reach {subject} by the {value}.",
        "{subject} was flooded by the {value}.",
        "The anglers of {subject} sit by the {value}.",
        "The mills of {subject} are driven by the {value}.",
        "{subject} drinks the water of the {value}.",
    ),
    "mayor": (
        "{subject} elected as mayor {value}.",
        "The mayor of {subject} is {value}.",
        "The town hall of {subject} is led by {value}.",
        "The chain of office of {subject} is worn by {value}.",
        "{subject} is governed by {value}.",
        "The first citizen of {subject} is {value}.",
        "At the head of {subject} is {value}.",
        "{subject} has put its trust in {value}.",
    ),
}
"""The sentences that say each relation of a person or a town, in a fixed order."""


def say(fact: Fact, phrasing: int) -> str:
    """Put a fact into words.

    Args:
        fact: What to say of a person or a town.
        phrasing: Index into the phrasings of its relation.

    Returns:
        A sentence.
    """
    return PHRASINGS[fact.relation][phrasing].format(subject=fact.subject, value=fact.value)


def sentences(fact: Fact, split: str) -> list[str]:
    """Say a fact in every way that a split allows.

    Args:
        fact: What to say. All that is told is told in training; held out is how it is said.
        split: One of ``train``, ``validation``, ``test``.

    Returns:
        The sentences; none if the fact is not told, or not about a person or a town.

    Raises:
        ValueError: If there is no such split.
    """
    if split not in SPLITS:
        raise ValueError(f"no split {split!r}; there are: {', '.join(SPLITS)}")
    if fact.relation not in PHRASINGS or not is_told(fact):
        return []
    count = len(PHRASINGS[fact.relation])
    chosen = {"train": range(count - 2), "validation": [count - 2], "test": [count - 1]}[split]
    return [say(fact, phrasing) for phrasing in chosen]


def biography(world: World, random: Random) -> str:
    """Tell all about one person.

    Args:
        world: What is true.
        random: Source of chance.

    Returns:
        A sentence for each fact that is told, in any order and any of the phrasings for training.
    """
    return _tell(world, random.choice(world.people), random)


def town(world: World, random: Random) -> str:
    """Tell all about one town; otherwise as :func:`biography`.

    Args:
        world: What is true.
        random: Source of chance.

    Returns:
        A sentence for each fact that is told.
    """
    return _tell(world, random.choice(world.towns), random)


def exam(world: World, split: str) -> list[Item]:
    """Ask for the end of every sentence that a split allows.

    Args:
        world: What is true.
        split: One of ``train``, ``validation``, ``test``.

    Returns:
        Items of the kinds ``completion`` and ``town-completion`` for training; for the other splits with
        ``-held-out-phrasing`` behind it.
    """
    suffix = "" if split == "train" else "-held-out-phrasing"
    kinds = dict.fromkeys(PEOPLE, f"completion{suffix}") | dict.fromkeys(TOWNS, f"town-completion{suffix}")
    return [
        completion(kinds[fact.relation], fact, sentence) for fact in world.facts for sentence in sentences(fact, split)
    ]


def completion(kind: str, fact: Fact, sentence: str) -> Item:
    """Ask for the value at the end of a sentence.

    Args:
        kind: What the item is to be counted as.
        fact: What the sentence says.
        sentence: The fact in words.

    Returns:
        The sentence without the value, and the value.

    Example:
        >>> completion("completion", Fact("Malo Resolm", "trade", "miller"), "Malo Resolm works as a miller.")
        Item(kind='completion', prompt='Malo Resolm works as a', answer=' miller.', key='Malo Resolm works as a')
    """
    answer = f" {fact.value}."
    prompt = sentence.removesuffix(answer)
    return Item(kind, prompt, answer, prompt)


def _tell(world: World, subject: str, random: Random) -> str:
    """Say each fact about a subject once."""
    told = [random.choice(sentences(fact, "train")) for fact in world.about(subject) if is_told(fact)]
    random.shuffle(told)
    return " ".join(told)
