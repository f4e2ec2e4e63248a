"""Who is held out: the same keys for ever, in the shares that are promised."""

from collections import Counter
from random import Random

import pytest

from llmguide.world import splits
from llmguide.world.splits import draw, part_of, split_of

KEYS = [f"key {number}" for number in range(5000)]


def test_a_key_falls_as_it_always_did() -> None:
    """With other numbers, texts that were held out of models in use would be in the training of the next."""
    assert [part_of(key, 10) for key in ("17+25", "47+85", "Malo Resolm", "été")] == [0, 8, 9, 6]
    assert part_of("17+25", 2**64) == 16_834_066_644_002_589_790


@pytest.mark.parametrize("parts", [2, 3, 10])
def test_all_sides_of_the_die_are_alike(parts: int) -> None:
    counts = Counter(part_of(key, parts) for key in KEYS)
    assert sorted(counts) == list(range(parts))
    expected = len(KEYS) / parts
    assert all(abs(count - expected) < 4 * expected**0.5 for count in counts.values())


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        ({}, "train " * 8 + "validation test"),
        ({"training": 6}, "train " * 6 + "validation " * 2 + "test " * 2),
        ({"training": 7}, "train " * 7 + "validation " + "test " * 2),
    ],
    ids=["8", "6", "7"],
)
def test_tenths_are_shared_out(training: dict[str, int], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def number(key: str, parts: int) -> int:
        assert parts == 10
        return int(key)

    monkeypatch.setattr(splits, "part_of", number)
    assert [split_of(str(tenth), **training) for tenth in range(10)] == expected.split()
    assert set(expected.split()) == set(splits.SPLITS)


def test_a_draw_is_from_the_pool_by_the_chance_that_is_given() -> None:
    drawn = [draw("abc", Random(seed), "letter") for seed in range(50)]
    assert set(drawn) == set("abc")
    assert drawn == [Random(seed).choice("abc") for seed in range(50)]


def test_an_empty_pool_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^so small a world has no letter for training; make one of at least 20 people$"
    ):
        draw([], Random(0), "letter")
