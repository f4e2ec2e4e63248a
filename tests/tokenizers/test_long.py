"""A million texts, and every triple of classes of characters, against ``tokenizers`` and tiktoken: `make test-long`."""

from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from itertools import chain
from multiprocessing import get_context

import pytest
from many_texts import COMPARISONS, PUBLISHED, differing, differing_classes
from published_twins import NAMES, WITH_RULES, require
from test_unicode import require_recorded_versions

pytestmark = pytest.mark.long

PARTS = 8
TEXTS_EACH_PART = 7_000
ALL = [*COMPARISONS, *PUBLISHED]


@pytest.fixture(scope="module")
def workers() -> Iterator[Executor]:
    """A process for each core."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        yield pool


def test_a_million_texts(workers: Executor) -> None:
    require_recorded_versions()
    for name in (*NAMES, *WITH_RULES):
        require(name)
    assert PARTS * TEXTS_EACH_PART * len(ALL) >= 1_000_000
    running = {
        name: [workers.submit(differing, name, f"{part}, {name}", TEXTS_EACH_PART) for part in range(PARTS)]
        for name in ALL
    }
    found = {name: list(chain.from_iterable(one.result() for one in parts)) for name, parts in running.items()}
    assert found == {name: [] for name in ALL}


def test_every_triple_of_classes(workers: Executor) -> None:
    require_recorded_versions()
    running = {name: workers.submit(differing_classes, name, 3) for name in COMPARISONS}
    assert {name: one.result() for name, one in running.items()} == {name: [] for name in COMPARISONS}
