"""Names made of syllables: pronounceable, of one kind at a glance, and in no text but ours."""

from random import Random

# No k, p, u, z and few endings: what is left spells hardly a word of any language, and no rude one.
SYLLABLES = tuple(consonant + vowel for consonant in "bdlmnrstv" for vowel in "aeio")

ENDINGS = {
    "given": ("", "l", "r"),
    "family": ("lm", "nt", "sk"),
    "town": ("ford", "mere", "stead", "wick"),
    "land": ("nia", "ria"),
    "river": ("sh", "v"),
    "employer": (" Mills", " Works", " Yard"),
}


def make_name(kind: str, random: Random) -> str:
    """Make a name of one kind: two syllables and an ending that tells the kind.

    Args:
        kind: One of ``given, family, town, land, river, employer``.
        random: Source of chance.

    Returns:
        The name.
    """
    return _stem(random).capitalize() + random.choice(ENDINGS[kind])


def make_names(kind: str, count: int, random: Random, taken: set[str]) -> list[str]:
    """Make names of one kind that no other can be mistaken for.

    Args:
        kind: One of ``given, family, town, land, river, employer``.
        count: How many.
        random: Source of chance.
        taken: Stems in use, so that no two names share one; those made here are added.

    Returns:
        The names, in the order in which they were made.

    Raises:
        ValueError: If the syllables do not make as many stems.
    """
    available = len(SYLLABLES) ** 2 - len(taken)
    if count > available:
        raise ValueError(f"{count} {kind} names wanted, but only {available} stems are left; make a smaller world")
    names: list[str] = []
    while len(names) < count:
        stem = _stem(random)
        if stem not in taken:
            taken.add(stem)
            names.append(stem.capitalize() + random.choice(ENDINGS[kind]))
    return names


def _stem(random: Random) -> str:
    return random.choice(SYLLABLES) + random.choice(SYLLABLES)
