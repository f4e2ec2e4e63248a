"""What a quoted number is: its value, and everything that lets a reader check it."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Constant:
    """A number that the book quotes.

    Attributes:
        name: What chapters call it: lower-case words with hyphens.
        value: The number.
        unit: What it counts or measures.
        as_of: The day on which the source was found to say so.
        source: Citation key of where it is stated.
        note: Where exactly, and what it includes.
        step: The value of the last digit that the source gives: 100 million where it says 46.7 billion. 1 where it
            gives every digit.
    """

    name: str
    value: int | float
    unit: str
    as_of: date
    source: str
    note: str
    step: int = 1
