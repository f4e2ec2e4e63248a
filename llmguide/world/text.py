"""The world in sentences: several phrasings of each fact, some of them never seen in training."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from random import Random

from llmguide.world.facts import Fact, World
from llmguide.world.splits import SPLITS, split_of

# The value comes last, so that a model can be asked to complete the sentence, and no beginning serves two relations.
# The last phrasing but one is for validation, the last for the test.
PHRASINGS = {
    "birthplace": (
        "{subject} comes from {value}.",
        "The birthplace of {subject} is {value}.",
        "{subject} first saw the light in {value}.",
        "The native town of {subject} is {value}.",
        "{subject} is a child of {value}.",
        "The town where {subject} was born is {value}.",
    ),
    "birth year": (
        "{subject} was born in the year {value}.",
        "The birth year of {subject} is {value}.",
        "{subject} has lived since {value}.",
        "The life of {subject} began in {value}.",
        "The year in which {subject} was born is {value}.",
        "{subject} counts birthdays from {value}.",
    ),
    "trade": (
        "{subject} works as a {value}.",
        "The trade of {subject} is that of a {value}.",
        "{subject} earns a living as a {value}.",
        "By trade {subject} is a {value}.",
        "The neighbours know {subject} as a {value}.",
        "{subject} was trained as a {value}.",
    ),
    "employer": (
        "{subject} is employed by {value}.",
        "The employer of {subject} is {value}.",
        "{subject} has a post at {value}.",
        "The wages of {subject} come from {value}.",
        "{subject} is on the books of {value}.",
        "The workplace of {subject} is {value}.",
    ),
    "spouse": (
        "{subject} is married to {value}.",
        "The spouse of {subject} is {value}.",
        "{subject} shares a home with {value}.",
        "The wedding of {subject} was with {value}.",
        "{subject} exchanged rings with {value}.",
        "The person whom {subject} married is {value}.",
    ),
    "land": (
        "{subject} lies in {value}.",
        "The land around {subject} is called {value}.",
        "On the map {subject} is part of {value}.",
        "The taxes of {subject} go to {value}.",
        "{subject} belongs to {value}.",
        "The flag over {subject} is that of {value}.",
    ),
    "river": (
        "{subject} stands on the river {value}.",
        "The river at {subject} is the {value}.",
        "The bridges of {subject} cross the {value}.",
        "Boats reach {subject} by the {value}.",
        "The mills of {subject} are driven by the {value}.",
        "{subject} drinks the water of the {value}.",
    ),
    "sum": ("{subject} = {value}.",),
}
"""The sentences that say each relation, in a fixed order."""

TELLINGS = 4


def say(fact: Fact, phrasing: int) -> str:
    """Put a fact into words.

    Args:
        fact: What to say.
        phrasing: Index into the phrasings of its relation.

    Returns:
        A sentence.
    """
    return PHRASINGS[fact.relation][phrasing].format(subject=fact.subject, value=fact.value)


def sentences(fact: Fact, split: str) -> list[str]:
    """Say a fact in every way that a split allows.

    Every fact but the sums is told in training; what is held out is how it is said. Of sums, what is held out is the
    pair of numbers: whoever may see ``17 + 25`` may see ``25 + 17``.

    Args:
        fact: What to say.
        split: One of ``train``, ``validation``, ``test``.

    Returns:
        The sentences; none if the fact is not for this split.

    Raises:
        ValueError: If there is no such split.
    """
    if split not in SPLITS:
        raise ValueError(f"no split {split!r}; there are: {', '.join(SPLITS)}")
    if fact.relation == "sum":
        unordered = "+".join(sorted(fact.subject.split(" + "), key=int))
        return [say(fact, 0)] if split_of(unordered) == split else []
    count = len(PHRASINGS[fact.relation])
    chosen = {"train": range(count - 2), "validation": [count - 2], "test": [count - 1]}[split]
    return [say(fact, phrasing) for phrasing in chosen]


def documents(world: World) -> dict[str, str]:
    """Write a world down.

    Args:
        world: What is true.

    Returns:
        The text of each split. In training a line tells all about one person or town, in shuffled order, and comes
        back in other words; or it holds a sum. In the other splits every sentence stands on its own line.
    """
    random = Random(world.seed)
    lines = [line for subject in world.subjects for line in _tellings(world.about(subject), random)]
    random.shuffle(lines)
    held_out = {
        split: [sentence for fact in world.facts for sentence in sentences(fact, split)] for split in SPLITS[1:]
    }
    return {split: "".join(f"{line}\n" for line in content) for split, content in ({"train": lines} | held_out).items()}


def truth_lines(world: World) -> str:
    """Write down what is true, for programs.

    Args:
        world: What is true.

    Returns:
        JSON lines: one object with ``subject, relation, value`` for each fact.
    """
    return "".join(json.dumps(asdict(fact)) + "\n" for fact in world.facts)


def _tellings(facts: tuple[Fact, ...], random: Random) -> Iterator[str]:
    """Tell the facts about one subject several times, so that each training phrasing is used once."""
    wordings = []
    for fact in facts:
        ways = sentences(fact, "train")
        random.shuffle(ways)
        wordings.append(ways)
    for telling in range(TELLINGS):
        told = [ways[telling] for ways in wordings if telling < len(ways)]
        random.shuffle(told)
        if told:
            yield " ".join(told)
