"""Damaged files, and what a reader may do with them."""

import re
import signal
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from time import process_time
from typing import TypeVar

from hypothesis import strategies as st

T = TypeVar("T")
SECONDS = 2
"""The processor's time that a reader may take for a small file; each of them needs a hundredth of it."""

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


@contextmanager
def time_limit(seconds: float = SECONDS) -> Iterator[None]:
    """Fail what takes longer, and end what would never end, where the system has a clock for it."""

    def give_up(*_: object) -> None:
        raise AssertionError(f"still at work after {seconds} seconds")

    started = process_time()
    if not hasattr(signal, "setitimer"):
        yield
    else:
        before = signal.signal(signal.SIGVTALRM, give_up)
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, before)
    assert process_time() - started < seconds, f"more than {seconds} seconds"


def read_or_refuse(read: Callable[[bytes], T], content: bytes, ratio: int = 100, message: str = "") -> T | None:
    """Read a file that may be damaged: it is read, or refused with a message that holds some pattern.

    Either takes no absurd amount of memory, and no time to speak of.
    """
    refusal, found = None, None
    tracemalloc.start()
    try:
        with time_limit():
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
        assert re.search(message, str(refusal)), f"{refusal} does not say {message}"
    return found
