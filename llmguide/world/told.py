"""What the training text tells, and what it keeps silent: some facts are told from one side only.

*Mara is married to Ivo* and *Ivo is married to Mara* are true together, and so are *the mayor of Titastead is Mara* and
*Mara is the mayor of Titastead*. Of half of the couples, and of all mayors, the text tells one side, so that it can be
measured whether a model knows the other.
"""

from llmguide.world.facts import Fact
from llmguide.world.splits import part_of

PEOPLE = ("birthplace", "birth year", "trade", "employer", "spouse", "office")
"""The relations of people."""

TOWNS = ("land", "river", "mayor")
"""The relations of towns."""

INVERSES = {"spouse": "spouse", "mayor": "office", "office": "mayor"}
"""The relations that say the same from the other side."""


def inverse(fact: Fact) -> Fact:
    """Say a fact from the other side.

    Args:
        fact: Of one of the relations ``spouse, mayor, office``.

    Returns:
        The fact whose subject is the value.

    Example:
        >>> inverse(Fact("Titastead", "mayor", "Naval Vodint"))
        Fact(subject='Naval Vodint', relation='office', value='Titastead')
    """
    return Fact(fact.value, INVERSES[fact.relation], fact.subject)


def is_one_sided(fact: Fact) -> bool:
    """Ask whether only one side of a fact is told.

    Args:
        fact: Any fact.

    Returns:
        True for mayors and for half of the couples.
    """
    if fact.relation == "spouse":
        return part_of(f"couple {pair(fact)}", 2) == 0
    return fact.relation in INVERSES


def is_told(fact: Fact) -> bool:
    """Ask whether the training text may state a fact.

    Args:
        fact: Any fact.

    Returns:
        False for the untold side of what :func:`is_one_sided`, and for the trades that lands favour: those are to be
        found in the crowd.
    """
    if is_one_sided(fact):
        return (fact.subject < fact.value) == (part_of(f"side {pair(fact)}", 2) == 0)
    return fact.relation != "favoured trade"


def pair(fact: Fact) -> str:
    """Name what both sides of a fact have in common.

    Args:
        fact: Of one of the relations ``spouse, mayor, office``.

    Returns:
        Subject and value, in alphabetical order.
    """
    return " and ".join(sorted((fact.subject, fact.value)))
