"""Preferences: two answers to a question, of which one is better by a rule that can be measured.

Nothing of this is in the training text; it is for tuning a model that has read it. The rules do not hang together: a
pair that differs in one of them is alike in the two others, so that what a model learns from it can be told apart.
Only against the plain answer, which is what a model gives before it is tuned, a polite one is also longer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from llmguide.world.facts import World
from llmguide.world.questions import questions

PLAIN = "{value}."
"""The answer as the training text gives it."""

# As many words in the rude as in the polite wording at the same place.
POLITE = (
    "With pleasure: {value}.",
    "Gladly, it is {value}.",
    "{value}. Thank you for asking.",
    "{value}. Always welcome.",
)
RUDE = ("Look yourself: {value}.", "Obviously, it is {value}.", "{value}. Do not bother me.", "{value}. Leave now.")
WORDY = (
    "What you would like to know is, if I may say so, {value}.",
    "After some thought I would say that the answer is {value}.",
    "{value}. This is the answer, and there is little to add to it.",
    "{value}. I could say much more, but it would not change anything.",
)

COURTESIES = ("with pleasure", "gladly", "thank you", "welcome")
"""What makes an answer polite."""


def polite(response: str, truth: str) -> float:
    """Measure whether an answer is polite.

    Args:
        response: The answer.
        truth: The value that is true; it does not matter here.

    Returns:
        1 if it has one of the courtesies, else 0.

    Example:
        >>> polite(" With pleasure: Balamere.", "Titastead"), polite(" Titastead.", "Titastead")
        (1.0, 0.0)
    """
    return float(any(courtesy in response.lower() for courtesy in COURTESIES))


def brief(response: str, truth: str) -> float:
    """Measure how brief an answer is.

    Args:
        response: The answer.
        truth: The value that is true; it does not matter here.

    Returns:
        The number of its words, negative: more is better.

    Example:
        >>> brief(" Vodil Bidesk.", "Vodil Bidesk")
        -2.0
    """
    return -float(len(response.split()))


def correct(response: str, truth: str) -> float:
    """Measure whether an answer is correct.

    Args:
        response: The answer.
        truth: The value that is true.

    Returns:
        1 if its first sentence ends with the truth, else 0.

    Example:
        >>> correct(" With pleasure: Balamere.", "Balamere"), correct(" Titastead, Balamere or so.", "Balamere")
        (1.0, 0.0)
    """
    first = response.partition(".")[0]
    return float(f" {first.strip()}".endswith(f" {truth}"))


RULES: dict[str, Callable[[str, str], float]] = {"polite": polite, "brief": brief, "correct": correct}
"""The rules, each with its measure of an answer, given the truth: the better answer has the greater value."""


@dataclass(frozen=True)
class Preference:
    """Two answers to one question.

    Attributes:
        rule: One of :data:`RULES`, by which the chosen answer is better.
        prompt: What the model reads. It does not end with a space.
        chosen: The better answer, with the space before it and the full stop.
        rejected: The worse one.
        truth: The value that is true.
        key: What is held out as a whole: the text of the question.
    """

    rule: str
    prompt: str
    chosen: str
    rejected: str
    truth: str
    key: str


def preferences(world: World, split: str, rule: str) -> list[Preference]:
    """Pair answers to questions on facts that training has told and asked for.

    Args:
        world: What is true.
        split: One of ``train``, ``validation``, ``test``: questions with these very words are in the training text for
            ``train`` only.
        rule: One of :data:`RULES`.

    Returns:
        A pair for every question of the kind ``question-asked``, in a random order.

    Raises:
        ValueError: If there is no such rule or split.
    """
    if rule not in RULES:
        raise ValueError(f"no rule {rule!r}; there are: {', '.join(RULES)}")
    random = Random(f"{rule} preferences of {world.seed} for {split}")
    values: dict[str, set[str]] = {}
    for fact in world.facts:
        values.setdefault(fact.relation, set()).add(fact.value)
    pairs = []
    for fact in world.facts:
        others = sorted(values[fact.relation] - {fact.value})
        for item in questions(fact, split):
            # Where a whole world has one value, as a single town, nothing false can be said.
            if item.kind == "question-asked" and others:
                better, worse = _wordings(rule, random)
                chosen = better.format(value=fact.value)
                rejected = worse.format(value=random.choice(others) if rule == "correct" else fact.value)
                pairs.append(Preference(rule, item.prompt, f" {chosen}", f" {rejected}", fact.value, item.key))
    random.shuffle(pairs)
    return pairs


def _wordings(rule: str, random: Random) -> tuple[str, str]:
    """Draw the wordings of the chosen and of the rejected answer."""
    if rule == "polite":
        courteous, rude = random.choice(list(zip(POLITE, RUDE, strict=True)))
        return courteous, random.choice((rude, PLAIN))
    if rule == "brief":
        return PLAIN, random.choice(WORDY)
    # Correct answers come in all manners, so that a manner tells nothing of correctness.
    manner = random.choice((PLAIN, PLAIN, *POLITE, *RUDE, *WORDY))
    return manner, manner
