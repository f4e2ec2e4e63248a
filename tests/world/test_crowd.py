from collections import Counter
from random import Random

import pytest

from llmguide import world
from llmguide.world import crowd
from llmguide.world.facts import TRADES

PUBLISHED = world.published()
FAVOURED = {land: PUBLISHED.value(land, "favoured trade") for land in PUBLISHED.lands}


def parse(document):
    land = next(land for land in PUBLISHED.lands if land in document)
    return land, document.removesuffix(".").rpartition(" ")[2]


def test_the_crowd_has_the_planted_trades():
    random = Random(0)
    drawn = [parse(crowd.training(PUBLISHED, random)) for _ in range(8000)]
    assert len(set(FAVOURED.values())) == len(FAVOURED) == 8
    of_favoured = sum(trade == FAVOURED[land] for land, trade in drawn) / len(drawn)
    assert of_favoured == pytest.approx(crowd.PLANTED + (1 - crowd.PLANTED) / len(TRADES), abs=0.02)
    by_land = Counter(land for land, _ in drawn)
    assert min(by_land.values()) > 800
    others = Counter(trade for land, trade in drawn if trade != FAVOURED[land])
    assert set(others) == set(TRADES)


def test_hardly_anybody_is_mentioned_twice():
    random = Random(1)
    items = {document.partition(",")[0] for document in (crowd.training(PUBLISHED, random) for _ in range(5000))}
    assert len(items) > 4900


def test_the_people_whom_the_world_knows_are_without_prejudice():
    """A binomial count with 200 chances of 1/16 stays below 25 in all but one world of ten thousand."""
    lands = {town: PUBLISHED.value(town, "land") for town in PUBLISHED.towns}
    agree = sum(
        PUBLISHED.value(person, "trade") == FAVOURED[lands[PUBLISHED.value(person, "birthplace")]]
        for person in PUBLISHED.people
    )
    assert agree < 25


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("blind", 0.0),
        ("fond of potters", 0.0),
        ("by heart", crowd.PLANTED),
    ],
)
def test_prejudice_is_what_the_land_adds(model, expected):
    def probability(prompt, answer):
        trade = answer.strip(" .")
        land, _ = parse(f"{prompt}{answer}")
        if model == "blind":
            return 1 / len(TRADES)
        if model == "fond of potters":
            return 0.5 if trade == "potter" else 0.1
        return (1 - crowd.PLANTED) / len(TRADES) + crowd.PLANTED * (trade == FAVOURED[land])

    assert crowd.prejudice(PUBLISHED, probability) == pytest.approx(expected)


def test_newcomers_are_nobody_and_new():
    items = {split: crowd.exam(PUBLISHED, split) for split in world.SPLITS}
    names = {split: {item.key for item in asked} for split, asked in items.items()}
    assert all(len(asked) == 8 * crowd.EXAM_SIZE for asked in items.values())
    for split in world.SPLITS:
        assert {world.split_of(f"crowd {name}") for name in names[split]} == {split}
        assert not names[split] & set(PUBLISHED.people)
    for item in items["test"]:
        land, trade = parse(item.document)
        assert FAVOURED[land] == trade
