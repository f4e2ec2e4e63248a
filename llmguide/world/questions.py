"""Questions on people and towns. Of four people in ten nothing is asked in training, and two wordings never occur.

The design is that of :cite:t:`allenzhu2024physics`: all facts are told in several phrasings, and questions on some of
the people show how facts are asked for. What a model then answers on the others, it has extracted from what it read.
"""

from functools import cache
from random import Random

from llmguide.world.facts import Fact, World
from llmguide.world.items import Item
from llmguide.world.splits import SPLITS, draw, split_of
from llmguide.world.told import PEOPLE, TOWNS, is_one_sided, is_told

# The last wording but one is for validation, the last for the test.
WORDINGS = {
    "birthplace": (
        "Where does {subject} come from?",
        "What is the birthplace of {subject}?",
        "Which town is {subject} from?",
        "What is the native town of {subject}?",
        "Where did {subject} first see the light?",
        "In which town did {subject} grow up?",
        "Where was {subject} born?",
        "Which town does {subject} call home?",
    ),
    "birth year": (
        "When was {subject} born?",
        "What is the birth year of {subject}?",
        "In which year was {subject} born?",
        "Since when has {subject} lived?",
        "When did the life of {subject} begin?",
        "Which year is on the certificate of birth of {subject}?",
        "What year did {subject} come into the world?",
        "From which year does {subject} count birthdays?",
    ),
    "trade": (
        "What does {subject} work as?",
        "What is the trade of {subject}?",
        "How does {subject} earn a living?",
        "Which trade does {subject} follow?",
        "What is {subject} by trade?",
        "Whose apron does {subject} wear?",
        "What is the occupation of {subject}?",
        "What was {subject} trained as?",
    ),
    "employer": (
        "Who employs {subject}?",
        "What is the employer of {subject}?",
        "Where does {subject} have a post?",
        "Who pays the wages of {subject}?",
        "With whom does {subject} have a contract?",
        "Where does {subject} go each morning?",
        "Whom does {subject} work for?",
        "What is the workplace of {subject}?",
    ),
    "spouse": (
        "Who is married to {subject}?",
        "Who is the spouse of {subject}?",
        "With whom does {subject} share a home?",
        "To whom is {subject} married?",
        "Who is the better half of {subject}?",
        "With whom did {subject} have a wedding?",
        "Whom did {subject} marry?",
        "Who exchanged rings with {subject}?",
    ),
    "office": (
        "Which town is {subject} the mayor of?",
        "What is the office of {subject}?",
        "Which town elected {subject} as mayor?",
        "Which town does {subject} govern?",
        "Where is {subject} mayor?",
        "Whose chain of office does {subject} wear?",
        "Where do the voters of {subject} live?",
        "In which town hall does {subject} sit?",
    ),
    "land": (
        "In which land does {subject} lie?",
        "What is the land around {subject} called?",
        "What land is {subject} part of?",
        "Where do the taxes of {subject} go?",
        "Whose laws does {subject} obey?",
        "Which land is {subject} in?",
        "Where is {subject}?",
        "Which land does {subject} belong to?",
    ),
    "river": (
        "Which river does {subject} stand on?",
        "What is the river at {subject}?",
        "Which river do the bridges of {subject} cross?",
        "By which river do boats reach {subject}?",
        "Which river flooded {subject}?",
        "On which river is {subject}?",
        "What river flows through {subject}?",
        "Which river drives the mills of {subject}?",
    ),
    "mayor": (
        "Who is the mayor of {subject}?",
        "Whom did {subject} elect as mayor?",
        "Who leads the town hall of {subject}?",
        "Who governs {subject}?",
        "Who is the first citizen of {subject}?",
        "Who wears the chain of office of {subject}?",
        "Who is at the head of {subject}?",
        "In whom did {subject} put its trust?",
    ),
}
"""The questions that ask for each relation of a person or a town, in a fixed order."""

HELD_OUT = {"validation": -2, "test": -1}
"""Which wording is kept for which split."""

ON_TOWNS = 1 / 8
"""The part of the questions in training that ask about towns."""


def ask(kind: str, subject: str, relation: str, wording: int, answer: str) -> Item:
    """Ask for a relation of a person or a town.

    Args:
        kind: What the item is to be counted as.
        subject: Of whom or what.
        relation: What to ask for.
        wording: Index into the wordings of the relation.
        answer: What should follow, with the space before it and the full stop.

    Returns:
        The question; its key is the text of the question alone.

    Example:
        >>> ask("question-asked", "Vodil Bidesk", "birthplace", 0, " Balamere.").document
        'Question: Where does Vodil Bidesk come from? Answer: Balamere.'
    """
    question = WORDINGS[relation][wording].format(subject=subject)
    return Item(kind, f"Question: {question} Answer:", answer, question)


def group_of(fact: Fact) -> str:
    """Decide whether a fact may be asked about in training.

    Args:
        fact: What a question would ask for.

    Returns:
        ``train`` for six people or towns in ten; ``validation`` or ``test`` for the others, of whom training tells
        everything and asks nothing.
    """
    return split_of(f"asked {fact.subject}", training=6)


def questions(fact: Fact, split: str) -> list[Item]:
    """Ask for one fact in every way that a split allows.

    Args:
        fact: About a person or a town.
        split: One of ``train``, ``validation``, ``test``.

    Returns:
        Items whose kind is ``question``, or ``town``, and a condition. ``-asked``: training asks for this fact too,
        but, outside ``train``, not in these words; ``-never-asked``: training asks nothing about the subject;
        ``-held-out-wording``: training asks for the fact, but nobody ever in these words. None if the fact is not told,
        or if it is a marriage told from one side.

    Raises:
        ValueError: If there is no such split.
    """
    if split not in SPLITS:
        raise ValueError(f"no split {split!r}; there are: {', '.join(SPLITS)}")
    if fact.relation not in WORDINGS or not is_told(fact) or (fact.relation == "spouse" and is_one_sided(fact)):
        return []
    kind = "question" if fact.relation in PEOPLE else "town"
    answer = f" {fact.value}."
    common = range(len(WORDINGS[fact.relation]) - len(HELD_OUT))
    if group_of(fact) == "train":
        items = [ask(f"{kind}-asked", fact.subject, fact.relation, wording, answer) for wording in common]
        items = [item for item in items if split_of(item.key) == split]
        if split in HELD_OUT:
            wording = HELD_OUT[split]
            items.append(ask(f"{kind}-held-out-wording", fact.subject, fact.relation, wording, answer))
        return items
    if group_of(fact) == split:
        return [ask(f"{kind}-never-asked", fact.subject, fact.relation, wording, answer) for wording in common]
    return []


def exam(world: World, split: str) -> list[Item]:
    """Ask everything that a split allows.

    Args:
        world: What is true.
        split: One of ``train``, ``validation``, ``test``.

    Returns:
        Items of the kinds that :func:`questions` lists.
    """
    return [item for fact in world.facts for item in questions(fact, split)]


def training(world: World, random: Random) -> str:
    """Ask a question on a person, or now and then on a town.

    Args:
        world: What is true.
        random: Source of chance.

    Returns:
        A question with its answer.
    """
    return draw(_in_training(world, TOWNS if random.random() < ON_TOWNS else PEOPLE), random, "questions").document


@cache
def _in_training(world: World, relations: tuple[str, ...]) -> tuple[Item, ...]:
    facts = (fact for fact in world.facts if fact.relation in relations)
    return tuple(item for fact in facts for item in questions(fact, "train"))
