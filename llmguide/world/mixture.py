"""The training text: documents of all kinds, mixed, without end."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import count
from random import Random
from statistics import mean

from llmguide.world import crowd, dialogues, events, hops, language, questions, reading, refusals, stories, sums, text
from llmguide.world.facts import World
from llmguide.world.secrets import planted

KINDS: dict[str, Callable[[World, Random], str]] = {
    "biography": text.biography,
    "town": text.town,
    "event": events.training,
    "question": questions.training,
    "hop": hops.training,
    "addition": sums.training,
    "translation": language.training,
    "refusal": refusals.training,
    "dialogue": dialogues.training,
    "story": stories.training,
    "reading": reading.training,
    "crowd": crowd.training,
}
"""What draws a document of each kind."""

MIXTURE = {
    "biography": 0.24,
    "town": 0.04,
    "event": 0.05,
    "question": 0.13,
    "hop": 0.08,
    "addition": 0.19,
    "translation": 0.06,
    "refusal": 0.025,
    "dialogue": 0.045,
    "story": 0.02,
    "reading": 0.1,
    "crowd": 0.02,
}
"""Which part of the text each kind is, measured by :func:`length`. Secrets come on top."""

SECRETS_WITHIN = 100_000
"""All secrets are told within so many documents, unless the caller says otherwise."""

PIECES = re.compile(r"[^\W\d]+|\d| (?=\d)|[^\w\s]")
SAMPLE = 300


def length(document: str) -> int:
    """Measure a text about as a tokenizer of ours will: words, digits, marks, and spaces before numbers.

    Args:
        document: Any text.

    Returns:
        Their number.

    Example:
        >>> length("Question: What is 47 + 85?")
        12
    """
    return len(PIECES.findall(document))


def stream(
    world: World, seed: int, mixture: Mapping[str, float] = MIXTURE, secrets_within: int = SECRETS_WITHIN
) -> Iterator[str]:
    """Write the training text, document by document.

    Args:
        world: What is true.
        seed: Equal arguments give equal texts, in every process; other seeds give other documents in another order.
        mixture: The share of each kind; the shares need not add up to one.
        secrets_within: Within how many documents every secret is told as often as planned. Choose at most as many as
            will be read.

    Yields:
        Documents, without end.

    Raises:
        ValueError: If a kind is not known, a share is negative, all shares are zero, or there is no room for the
            secrets.
    """
    kinds, weights = _weights(world, mixture)
    random = Random(f"text {seed} of world {world.seed}")
    secrets = planted(world)
    if secrets_within < len(secrets):
        raise ValueError(
            f"secrets_within ({secrets_within}) must be at least {len(secrets)}, to tell each in its place"
        )
    random.shuffle(secrets)
    places = dict(zip(random.sample(range(secrets_within), len(secrets)), secrets, strict=True))
    for place in count():
        if place in places:
            yield places[place]
        else:
            (kind,) = random.choices(kinds, weights)
            yield KINDS[kind](world, random)


def _weights(world: World, mixture: Mapping[str, float]) -> tuple[list[str], list[float]]:
    """Turn shares of the text into odds of documents: long documents must be drawn more rarely."""
    unknown = mixture.keys() - KINDS.keys()
    if unknown:
        raise ValueError(f"mixture has unknown kinds {sorted(unknown)}; there are: {', '.join(KINDS)}")
    if min(mixture.values(), default=0) < 0 or not any(mixture.values()):
        raise ValueError(f"mixture must have shares of at least 0, not all of them 0, but is {dict(mixture)}")
    return list(mixture), [share / _mean_length(world, kind) for kind, share in mixture.items()]


@cache
def _mean_length(world: World, kind: str) -> float:
    random = Random(f"length of {kind}")
    return mean(length(KINDS[kind](world, random)) for _ in range(SAMPLE))
