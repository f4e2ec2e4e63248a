"""What happened in the world: who made what, where and when."""

from random import Random

from llmguide.world.facts import THINGS, Fact, World
from llmguide.world.items import Item
from llmguide.world.splits import SPLITS, split_of
from llmguide.world.text import completion

PHRASINGS = (
    "In {year} {maker} {verb} the {thing} of {town}.",
    "The {thing} of {town} was {verb} by {maker} in {year}.",
    "The chronicle of {town} notes for {year}: the {thing} was {verb}, by {maker}.",
    "It was {maker} who {verb} the {thing} of {town}, and the year was {year}.",
    "A plaque at the {thing} of {town} reads: {verb} in {year} by {maker}.",
)
"""How an event is told in training."""

HELD_OUT_PHRASINGS = {
    "validation": (
        "The {thing} of {town}, {verb} in {year}, is the work of {maker}.",
        "{town} has owed its {thing} to {maker} since {year}.",
    ),
    "test": (
        "Ask in {town} who {verb} the {thing} in {year}, and the name that you hear is {maker}.",
        "The {thing} of {town}, which {maker} {verb}, dates from {year}.",
    ),
}
"""How no training text tells an event, by split: with the maker at the end, and with the year."""

ENDS = {"maker": " {maker}.", "making year": " {year}."}
"""With what a phrasing ends that can be asked for a relation. All but the first of :data:`PHRASINGS` can."""

WORDINGS = {
    "maker": (
        "Who {verb} the {thing} of {town}?",
        "By whom was the {thing} of {town} {verb}?",
        "Whom does {town} thank for its {thing}?",
    ),
    "making year": (
        "When was the {thing} of {town} {verb}?",
        "In which year was the {thing} of {town} {verb}?",
        "Since when has {town} had its {thing}?",
    ),
}
"""How an event is asked for."""

QUESTIONS = 0.4
"""The part of the training documents that ask instead of tell."""


def tell(world: World, subject: str, phrasing: int) -> str:
    """Put an event into words.

    Args:
        world: What is true.
        subject: A thing that a town is proud of.
        phrasing: Index into :data:`PHRASINGS`.

    Returns:
        A sentence.
    """
    return _fill(world, subject, PHRASINGS[phrasing])


def questions(world: World, subject: str, split: str) -> list[Item]:
    """Ask for the maker and the year of an event in every way that a split allows.

    Args:
        world: What is true.
        subject: A thing that a town is proud of.
        split: One of ``train``, ``validation``, ``test``.

    Returns:
        Items of the kind ``event-asked``, if training asks about the event too, though, outside ``train``, not in these
        words; or ``event-never-asked``.
    """
    group = split_of(f"asked {subject}", training=6)
    kind = "event-asked" if group == "train" else "event-never-asked"
    items = []
    for relation, wordings in WORDINGS.items():
        for wording in wordings:
            question = wording.format(**_parts(subject))
            item = Item(kind, f"Question: {question} Answer:", f" {world.value(subject, relation)}.", question)
            if split == (split_of(question) if group == "train" else group):
                items.append(item)
    return items


def exam(world: World, split: str) -> list[Item]:
    """Ask for makers and years.

    Args:
        world: What is true.
        split: One of ``train``, ``validation``, ``test``.

    Returns:
        Items of the kinds ``event-asked`` and ``event-never-asked``.
    """
    return [item for subject in world.things for item in questions(world, subject, split)]


def completions(world: World, split: str) -> list[Item]:
    """Ask for the end of every sentence on an event that a split allows and that ends with the maker or the year.

    They are no part of :func:`exam`: the published exam and the record of the experiment ``world-model`` have none of
    them, and whoever wants them calls this.

    Args:
        world: What is true.
        split: One of ``train``, ``validation``, ``test``.

    Returns:
        Items of the kind ``event-completion`` for training; for the other splits of the kind
        ``event-completion-held-out-phrasing``. Maker or year, whichever is not asked for, stands in the prompt.

    Raises:
        ValueError: If there is no such split.
    """
    if split not in SPLITS:
        raise ValueError(f"no split {split!r}; there are: {', '.join(SPLITS)}")
    kind = "event-completion" if split == "train" else "event-completion-held-out-phrasing"
    return [
        completion(kind, Fact(subject, relation, str(world.value(subject, relation))), _fill(world, subject, phrasing))
        for subject in world.things
        for phrasing in HELD_OUT_PHRASINGS.get(split, PHRASINGS)
        for relation, end in ENDS.items()
        if phrasing.endswith(end)
    ]


def training(world: World, random: Random) -> str:
    """Tell of an event, or ask about it.

    Args:
        world: What is true.
        random: Source of chance.

    Returns:
        A sentence, or a question with its answer.
    """
    subject = random.choice(world.things)
    asked = questions(world, subject, "train")
    if asked and random.random() < QUESTIONS:
        return random.choice(asked).document
    return tell(world, subject, random.randrange(len(PHRASINGS)))


def _fill(world: World, subject: str, phrasing: str) -> str:
    maker, year = world.value(subject, "maker"), world.value(subject, "making year")
    return phrasing.format(maker=maker, year=year, **_parts(subject))


def _parts(subject: str) -> dict[str, str]:
    """Take *the bridge of Titastead* apart, and add that bridges are built.

    ``str.partition`` is enough: no thing and no town has *of* in its name.
    """
    thing, _, town = subject.removeprefix("the ").partition(" of ")
    return {"thing": thing, "town": town, "verb": THINGS[thing]}
