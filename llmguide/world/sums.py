"""Addition, answered at once or digit by digit: the same sums in both ways, so that only the way differs."""

from collections.abc import Iterator
from random import Random

from llmguide.world.facts import World
from llmguide.world.items import Item
from llmguide.world.splits import split_of

DIGITS = (2, 3)
"""How many digits both terms may have."""

EXAM_SIZE = 400
"""Sums in the exam of each split, for each number of digits."""


def key_of(first: int, second: int) -> str:
    """Name what is held out: the two terms in either order.

    Args:
        first: One term.
        second: The other.

    Returns:
        The smaller and the larger term.

    Example:
        >>> key_of(85, 47)
        '47+85'
    """
    return f"{min(first, second)}+{max(first, second)}"


def steps(first: int, second: int) -> str:
    """Add two numbers as on paper: from the last digit to the first, with a carry.

    Args:
        first: A number.
        second: Another with as many digits.

    Returns:
        A sentence for each digit. Each writes a digit and carries another; the first digit writes all that is left.

    Raises:
        ValueError: If one number has more digits than the other.

    Example:
        >>> steps(47, 85)
        '7 + 5 = 12, write 2, carry 1. 4 + 8 + 1 = 13.'
    """
    if len(str(first)) != len(str(second)):
        raise ValueError(f"first ({first}) and second ({second}) must have as many digits; write out the longer alone")
    sentences = []
    carry: int | None = None
    for one, other in zip(reversed(str(first)), reversed(str(second)), strict=True):
        # Only the last digits have nothing carried to them; everywhere else even a 0 is said, so all steps look alike.
        terms = f"{one} + {other}" if carry is None else f"{one} + {other} + {carry}"
        total = int(one) + int(other) + (carry or 0)
        carry, written = divmod(total, 10)
        sentences.append(f"{terms} = {total}, write {written}, carry {carry}.")
    sentences[-1] = sentences[-1].partition(",")[0] + "."
    return " ".join(sentences)


def items(first: int, second: int) -> tuple[Item, Item]:
    """Ask for a sum in both ways.

    Args:
        first: A number.
        second: Another with as many digits.

    Returns:
        The question to be answered at once, and the question to be answered in steps.

    Example:
        >>> [item.document for item in items(47, 52)]  # doctest: +NORMALIZE_WHITESPACE
        ['Question: What is 47 + 52? Answer: 99.',
         'Question: What is 47 + 52? Think. 7 + 2 = 9, write 9, carry 0. 4 + 5 + 0 = 9. Answer: 99.']
    """
    kind = f"addition-{len(str(first))}"
    question = f"Question: What is {first} + {second}?"
    result = f" {first + second}."
    key = key_of(first, second)
    return (
        Item(f"{kind}-direct", f"{question} Answer:", result, key),
        Item(f"{kind}-steps", f"{question} Think.", f" {steps(first, second)} Answer:{result}", key),
    )


def exam(world: World, split: str) -> list[Item]:
    """Ask for sums of one split; the same in every world.

    Args:
        world: The world; sums are true in all of them.
        split: One of ``train``, ``validation``, ``test``.

    Returns:
        Questions of the kinds ``addition-2-direct``, ``addition-2-steps``, ``addition-3-direct``, ``addition-3-steps``:
        as many of each, each sum asked for in both ways, no two terms twice.
    """
    asked: list[Item] = []
    for digits in DIGITS:
        drawn: dict[str, tuple[Item, Item]] = {}
        pairs = _pairs(digits, split, Random(f"{split} {digits}"))
        while len(drawn) < EXAM_SIZE:
            first, second = next(pairs)
            drawn.setdefault(key_of(first, second), items(first, second))
        asked.extend(item for both in drawn.values() for item in both)
    return asked


def training(world: World, random: Random) -> str:
    """Tell a sum of the training split.

    Args:
        world: The world; sums are true in all of them.
        random: Source of chance.

    Returns:
        A question with its answer.
    """
    first, second = next(_pairs(random.choice(DIGITS), "train", random))
    return random.choice(items(first, second)).document


def _pairs(digits: int, split: str, random: Random) -> Iterator[tuple[int, int]]:
    """Draw pairs of numbers until the end of days; leave out those of other splits."""
    while True:
        first, second = (random.randrange(10 ** (digits - 1), 10**digits) for _ in range(2))
        if split_of(key_of(first, second)) == split:
            yield first, second
