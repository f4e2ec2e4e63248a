"""The miniature world: invented people, towns and sums, as text with its ground truth.

Everything that a model could learn from the text is known, so a technique can be measured on it: a wrong answer is
wrong about a world whose every fact is written down.

Example:
    >>> small = generate(n_people=8, seed=0)
    >>> person = small.facts[0]
    >>> say(person, phrasing=0)
    'Naval Vodint comes from Vitaford.'
"""

from llmguide.world.facts import RELATIONS, Fact, World, generate, published
from llmguide.world.splits import SPLITS, split_of
from llmguide.world.text import PHRASINGS, documents, say, sentences, truth_lines

__all__ = [
    "PHRASINGS",
    "RELATIONS",
    "SPLITS",
    "Fact",
    "World",
    "documents",
    "generate",
    "published",
    "say",
    "sentences",
    "split_of",
    "truth_lines",
]
