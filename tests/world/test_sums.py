import re
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmguide import world
from llmguide.world import sums

SMALL = world.generate(8)
PAIRS = st.integers(1, 6).flatmap(lambda d: st.tuples(*[st.integers(10 ** (d - 1), 10**d - 1)] * 2))


def test_a_sum_worked_by_hand():
    direct, stepwise = sums.items(347, 285)
    assert direct.document == "Question: What is 347 + 285? Answer: 632."
    assert stepwise.document == (
        "Question: What is 347 + 285? Think. 7 + 5 = 12, write 2, carry 1. 4 + 8 + 1 = 13, write 3, carry 1. "
        "3 + 2 + 1 = 6. Answer: 632."
    )
    assert direct.key == stepwise.key == "285+347"


@given(PAIRS)
def test_every_step_is_true_and_the_written_digits_are_the_sum(pair):
    told = sums.steps(*pair)
    equations = re.findall(r"([\d +]+) = (\d+)", told)
    assert len(equations) == len(str(pair[0]))
    for left, right in equations:
        assert sum(map(int, left.split(" + "))) == int(right)
    carried = re.findall(r"carry (\d)", told)
    assert [left.split(" + ")[2] for left, _ in equations[1:]] == carried
    written = re.findall(r"write (\d)", told)
    assert int(equations[-1][1] + "".join(reversed(written))) == sum(pair)


@given(PAIRS)
def test_both_ways_give_the_sum(pair):
    for item in sums.items(*pair):
        assert int(item.document.rpartition("Answer: ")[2].removesuffix(".")) == sum(pair)
        assert item.answer.startswith(" ")
        assert item.key == sums.items(*reversed(pair))[0].key


@pytest.mark.parametrize("split", world.SPLITS)
def test_an_exam_has_as_many_of_each_kind_all_of_its_split(split):
    asked = sums.exam(SMALL, split)
    kinds = Counter(item.kind for item in asked)
    assert set(kinds) == {f"addition-{digits}-{way}" for digits in (2, 3) for way in ("direct", "steps")}
    assert set(kinds.values()) == {sums.EXAM_SIZE}
    assert {world.split_of(item.key) for item in asked} == {split}
    assert len({(item.kind, item.key) for item in asked}) == len(asked)
    assert asked == sums.exam(world.generate(20, 5), split)


@pytest.mark.no_cover
def test_nothing_held_out_is_in_training():
    random = Random(0)
    told = [sums.training(SMALL, random) for _ in range(20_000)]
    keys = {sums.key_of(*map(int, re.search(r"(\d+) \+ (\d+)\?", text).groups())) for text in told}
    assert {world.split_of(key) for key in keys} == {"train"}
    for split in ("validation", "test"):
        assert not keys & {item.key for item in sums.exam(SMALL, split)}
    assert len(keys) > 10_000  # of two digits nearly all, of three digits always new ones


def test_training_tells_all_kinds_evenly():
    random = Random(1)
    kinds = Counter()
    for _ in range(2000):
        text = sums.training(SMALL, random)
        kinds[len(re.search(r"\d+", text)[0]), "Think." in text] += 1
    assert len(kinds) == 4
    assert min(kinds.values()) > 400


def test_numbers_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"first \(7\) and second \(12\) must have as many digits"):
        sums.steps(7, 12)
