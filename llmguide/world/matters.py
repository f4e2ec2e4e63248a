"""What the notes of the world are about: matters of every town that may change."""

from collections.abc import Iterable
from dataclasses import dataclass

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
"""The months, in the order of the year."""

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
COLOURS = ("black", "blue", "brown", "green", "grey", "orange", "red", "white", "yellow")
HOURS = ("six", "seven", "eight", "nine", "ten", "eleven")


@dataclass(frozen=True)
class Matter:
    """Something that is told of every town and may change.

    Attributes:
        name: What it is about.
        statement: The sentence that says it; the value comes last.
        question: How it is asked for.
        past: How it is asked for in a year.
        values: What may be said; none for the people of the world.
    """

    name: str
    statement: str
    question: str
    past: str
    values: tuple[str, ...] = ()


def _matter(name: str, statement: str, question: str, past: str, values: Iterable[str] = ()) -> tuple[str, Matter]:
    return name, Matter(name, f"{statement} {{value}}.", question, past, tuple(values))


MATTERS = dict(
    (
        _matter(
            "inn",
            "The inn of {town} is kept by",
            "Who keeps the inn of {town}?",
            "Who kept the inn of {town} in {year}?",
        ),
        _matter(
            "gate",
            "The gate of {town} is guarded by",
            "Who guards the gate of {town}?",
            "Who guarded the gate of {town} in {year}?",
        ),
        _matter(
            "bread",
            "The price of bread in {town} is",
            "What is the price of bread in {town}?",
            "What was the price of bread in {town} in {year}?",
            (f"{price} pence" for price in range(2, 60)),
        ),
        _matter(
            "well",
            "The depth of the well of {town} is",
            "What is the depth of the well of {town}?",
            "What was the depth of the well of {town} in {year}?",
            (f"{depth} feet" for depth in range(10, 100)),
        ),
        _matter(
            "market",
            "The market of {town} is held on",
            "When is the market of {town} held?",
            "When was the market of {town} held in {year}?",
            DAYS,
        ),
        _matter(
            "fair",
            "The fair of {town} begins in",
            "When does the fair of {town} begin?",
            "When did the fair of {town} begin in {year}?",
            MONTHS,
        ),
        _matter(
            "ferry",
            "The colour of the ferry of {town} is",
            "What is the colour of the ferry of {town}?",
            "What was the colour of the ferry of {town} in {year}?",
            COLOURS,
        ),
        _matter(
            "coach",
            "The coach from {town} leaves at",
            "When does the coach from {town} leave?",
            "When did the coach from {town} leave in {year}?",
            (f"{hour} o'clock" for hour in HOURS),
        ),
    )
)
"""The matters, by name.

:meta hide-value:
"""
