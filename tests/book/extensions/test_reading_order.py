"""Pages whose code runs are dealt to all processes that read."""

import pytest
from _extensions.reading_order import deal
from sphinx.util.parallel import make_chunks

SIZES = {f"api/{number:03}": 0 for number in range(190)} | {f"a/{number:02}": 10 + number for number in range(30)}


@pytest.mark.parametrize("processes", [2, 3, 8])
def test_each_process_begins_with_a_fair_share_of_the_large_pages(processes: int) -> None:
    names = sorted(SIZES)
    order = deal(names, processes, SIZES.__getitem__)
    assert sorted(order) == names
    shares = [sum(map(SIZES.__getitem__, run)) for run in make_chunks(order, processes)]
    assert not any(shares[processes:])
    assert max(shares[:processes]) - min(shares[:processes]) <= max(SIZES.values())
    assert order[0] == "a/29"


@pytest.mark.parametrize("names", [[], ["a/00"], [f"a/{number:02}" for number in range(30)]])
def test_few_pages_and_pages_without_filling_are_all_there(names: list[str]) -> None:
    assert sorted(deal(names, 2, SIZES.__getitem__)) == names
