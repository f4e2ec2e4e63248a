"""Damaged files, and what a reader may do with them."""

import tracemalloc
from collections.abc import Callable
from random import Random

from hypothesis import strategies as st

_ABSURD = [0, 1, 2**31 - 1, 2**32 - 1, 2**40, 2**63, 2**64 - 1]


def damaged(content: bytes) -> st.SearchStrategy[bytes]:
    """Make files that are nearly like this one: cut short, with bits flipped, or with absurd numbers."""

    def damage(seed: int) -> bytes:
        random = Random(seed)
        found = bytearray(content)
        for _ in range(random.randint(1, 4)):
            place = random.randrange(len(found) + 1)
            match random.randrange(5):
                case 0:
                    del found[place:]
                case 1 if place < len(found):
                    found[place] ^= 1 << random.randrange(8)
                case 2:
                    size = random.choice([4, 8])
                    found[place : place + size] = (random.choice(_ABSURD) % 256**size).to_bytes(size, "little")
                case 3:
                    found[place : place + random.randint(0, 8)] = random.randbytes(random.randint(0, 8))
                case _:
                    found[place:place] = found[place : place + random.randint(0, 40)]
        return bytes(found)

    return st.integers(0, 2**32).map(damage)


def read_or_refuse(read: Callable[[bytes], object], content: bytes, ratio: int = 100) -> object | None:
    """Read a file that may be damaged: it is read or refused with a message, and takes no absurd amount of memory."""
    refusal, found = None, None
    tracemalloc.start()
    try:
        found = read(content)
    except ValueError as error:
        refusal = error
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak <= ratio * len(content) + 500_000, f"{peak} bytes of memory for a file of {len(content)}"
    if refusal is not None:
        assert type(refusal) is ValueError, f"{refusal!r} comes from below and says nothing of the file"
        assert len(str(refusal)) > 10
    return found
