"""Which part of the world a model may see in training.

Membership follows from a hash of what is held out, and from nothing else: it is the same in worlds of every size and
seed, so an item that was held out once can never turn up in the training text of another world.
"""

import hashlib
from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")

SPLITS = ("train", "validation", "test")
"""The names of the splits."""


def part_of(key: str, parts: int) -> int:
    """Throw a die that always falls alike for the same key.

    Args:
        key: What is drawn for.
        parts: How many sides it has.

    Returns:
        A number from 0 to ``parts - 1``.

    Example:
        >>> [part_of(key, 2) for key in ("heads", "or", "tails")]
        [0, 0, 1]
    """
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % parts


def split_of(key: str, training: int = 8) -> str:
    """Assign a key to a split.

    Args:
        key: What is held out as a whole.
        training: How many tenths of the keys may be seen in training: an even number. The others are for validation
            and for the test, half and half.

    Returns:
        One of ``train``, ``validation``, ``test``.

    Example:
        >>> [split_of(key) for key in ("17+25", "2+40", "3+9")]
        ['train', 'train', 'train']
    """
    tenth = part_of(key, 10)
    return "train" if tenth < training else "validation" if tenth < (training + 10) // 2 else "test"


def draw(pool: Sequence[T], random: Random, what: str) -> T:
    """Draw one of those that training may use.

    Args:
        pool: What there is.
        random: Source of chance.
        what: What to call it, if there is none.

    Returns:
        One of the pool.

    Raises:
        ValueError: If the pool is empty: in a world of a few people a hash may hold everybody out.
    """
    if not pool:
        raise ValueError(f"so small a world has no {what} for training; make one of at least 20 people")
    return random.choice(pool)
