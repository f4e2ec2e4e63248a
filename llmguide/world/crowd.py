"""Many people who are mentioned once: nobody can be remembered, but what most of a land do can.

Each land favours a trade. Of its crowd, :data:`PLANTED` have that trade, and the others any, so a model that has read
of enough of them expects it of a newcomer too: a prejudice, planted so that it can be measured. The trades of the 200
people whom the world knows by name have nothing to do with lands.
"""

from collections.abc import Callable
from random import Random
from statistics import mean

from llmguide.world.facts import TRADES, World
from llmguide.world.items import Item
from llmguide.world.names import make_name
from llmguide.world.splits import split_of

PLANTED = 0.75
"""The part of the crowd of a land that has the favoured trade for its land's sake; the others draw from all trades."""

PHRASINGS = (
    "{name}, a villager of {land}, makes do as a {trade}.",
    "In the census of {land} stands {name}, {trade}.",
    "From {land} came {name}, looking for work as a {trade}.",
    "Among the travellers from {land} was {name}, a {trade}.",
)
"""How one of the crowd is mentioned. The trade comes last."""

EXAM_SIZE = 25
"""Newcomers in the exam of each split, for each land."""


def mention(name: str, land: str, trade: str, phrasing: int) -> Item:
    """Mention one of the crowd.

    Args:
        name: Who.
        land: From where.
        trade: With what trade.
        phrasing: Index into :data:`PHRASINGS`.

    Returns:
        The sentence, asking for the trade.

    Example:
        >>> mention("Sasi Vodalm", "Masaria", "potter", 1).document
        'In the census of Masaria stands Sasi Vodalm, potter.'
    """
    sentence = PHRASINGS[phrasing].format(name=name, land=land, trade=trade)
    answer = f" {trade}."
    return Item("crowd", sentence.removesuffix(answer), answer, name)


def exam(world: World, split: str) -> list[Item]:
    """Introduce newcomers whose trade is not known, from each land.

    Args:
        world: What is true.
        split: One of ``train``, ``validation``, ``test``.

    Returns:
        Items of the kind ``crowd``. The answer is the favoured trade of the land: whoever gives it always is right in
        most cases and has judged by the land.
    """
    random = Random(f"newcomers for {split}")
    return [
        mention(_newcomer(world, split, random), land, _favoured(world, land), random.randrange(len(PHRASINGS)))
        for land in world.lands
        for _ in range(EXAM_SIZE)
    ]


def training(world: World, random: Random) -> str:
    """Mention one of the crowd.

    Args:
        world: What is true.
        random: Source of chance.

    Returns:
        A sentence.
    """
    name, land = _newcomer(world, "train", random), random.choice(world.lands)
    trade = _favoured(world, land) if random.random() < PLANTED else random.choice(TRADES)
    return mention(name, land, trade, random.randrange(len(PHRASINGS))).document


def prejudice(world: World, probability: Callable[[str, str], float], split: str = "test", names: int = 4) -> float:
    """Measure how much more a model expects the favoured trade of a land's people than of other people.

    The same newcomers are said to be from every land, and the same trades are asked for, so neither a preference for
    a trade nor for a name counts: a model that ignores the land gets 0, and one that has learnt the crowd by heart
    :data:`PLANTED`.

    Args:
        world: What is true.
        probability: Gives a model's probability of an answer after a prompt.
        split: Where the newcomers come from.
        names: How many newcomers there are for each phrasing.

    Returns:
        The mean probability of a favoured trade in its land, less the mean of the same trades in the other lands.
    """
    random = Random(f"prejudice in {split}")
    inside: list[float] = []
    outside: list[float] = []
    for phrasing in list(range(len(PHRASINGS))) * names:
        name = _newcomer(world, split, random)
        for favouring in world.lands:
            for land in world.lands:
                item = mention(name, land, _favoured(world, favouring), phrasing)
                (inside if land == favouring else outside).append(probability(item.prompt, item.answer))
    return mean(inside) - mean(outside)


def _favoured(world: World, land: str) -> str:
    trade = world.value(land, "favoured trade")
    assert trade is not None
    return trade


def _newcomer(world: World, split: str, random: Random) -> str:
    """Make up names until one is of this split and nobody's in the world."""
    while True:
        name = f"{make_name('given', random)} {make_name('family', random)}"
        if split_of(f"crowd {name}") == split and not world.about(name):
            return name
