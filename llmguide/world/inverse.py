"""The other side of what is told from one side only: does a model that reads *A is B* know that *B is A*?

:cite:t:`berglund2024reversal` call it the reversal curse that it does not. Both sides are asked for in the same words,
and for neither has training seen the question with its answer, so that nothing but the side differs.
"""

from llmguide.world.facts import Fact, World
from llmguide.world.items import Item
from llmguide.world.questions import HELD_OUT, WORDINGS, ask, group_of
from llmguide.world.splits import split_of
from llmguide.world.told import is_one_sided, is_told, pair


def exam(world: World, split: str) -> list[Item]:
    """Ask for marriages and mayors that are told from one side.

    Args:
        world: What is true.
        split: ``validation`` or ``test``; for ``train`` there is nothing to ask.

    Returns:
        Items of the kinds ``inverse-spouse-told`` and ``inverse-mayor-told``, which ask for the side that the text
        states, and ``inverse-spouse-untold`` and ``inverse-mayor-untold``, which ask for the other.
    """
    if split == "train":
        return []
    return [item for fact in world.facts if is_one_sided(fact) and _split(fact) == split for item in _items(fact)]


def _split(fact: Fact) -> str:
    """Keep a fact in the split in which the other questions on it are; of most there are none."""
    if is_told(fact) and fact.relation != "spouse":
        return group_of(fact)
    return split_of(pair(fact), training=0)


def _items(fact: Fact) -> list[Item]:
    side = "told" if is_told(fact) else "untold"
    kind = f"inverse-{'spouse' if fact.relation == 'spouse' else 'mayor'}-{side}"
    wordings = range(len(WORDINGS[fact.relation]) - len(HELD_OUT))
    return [ask(kind, fact.subject, fact.relation, wording, f" {fact.value}.") for wording in wordings]
