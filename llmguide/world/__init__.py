"""The miniature world: invented people, towns and events, as text with its ground truth.

Everything that a model could learn from the text is known, so a technique can be measured on it: a wrong answer is
wrong about a world whose every fact is written down, and what was held out was held out on purpose.

Example:
    >>> small = generate(n_people=8, seed=0)
    >>> say(small.facts[0], phrasing=0)
    'Naval Vodint comes from Vitaford.'
    >>> [item] = exam(small, "test", kinds=["addition-2-direct"], per_kind=1)
    >>> grade(item, f"{item.answer} And so on.")
    True
"""

from llmguide.world.corpus import documents, exam_lines, published_exam, read_documents, read_exam, truth_lines
from llmguide.world.exam import exam, grade
from llmguide.world.facts import RELATIONS, VERSION, Fact, World, generate, published
from llmguide.world.items import REFUSAL, Item
from llmguide.world.mixture import MIXTURE, stream
from llmguide.world.splits import SPLITS, split_of
from llmguide.world.text import PHRASINGS, say, sentences

__all__ = [
    "MIXTURE",
    "PHRASINGS",
    "REFUSAL",
    "RELATIONS",
    "SPLITS",
    "VERSION",
    "Fact",
    "Item",
    "World",
    "documents",
    "exam",
    "exam_lines",
    "generate",
    "grade",
    "published",
    "published_exam",
    "read_documents",
    "read_exam",
    "say",
    "sentences",
    "split_of",
    "stream",
    "truth_lines",
]
