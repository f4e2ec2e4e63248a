"""How a tokenizer cuts English words that end in a suffix: at the suffix, or somewhere else."""

from collections.abc import Iterable, Mapping

from llmguide.tokenizers.models import Model

SUFFIXES = ("ing", "ed", "ness", "ly", "less", "ful", "er", "est", "eth", "ment")
"""Suffixes of English, one of them out of use since Shakespeare; no word ends in two of them at once."""


def derived_words(words: Iterable[str], known: Mapping[str, int]) -> dict[str, int]:
    """Find new words that are made of a known one and a suffix.

    Args:
        words: Distinct words.
        known: Words that are not new.

    Returns:
        The words in small letters that are not known and are a known word of three letters or more with one of
        ``SUFFIXES``; each with the number of letters before the suffix.

    Example:
        >>> derived_words(["kindness", "kingly", "business", "likely"], {"kind": 1, "king": 1, "likely": 1, "like": 1})
        {'kindness': 4, 'kingly': 4}
    """
    return {
        word: len(word) - len(suffix)
        for word in words
        if word not in known and word.isalpha() and word.islower()
        for suffix in SUFFIXES
        if word.endswith(suffix) and len(word) - len(suffix) >= 3 and word.removesuffix(suffix) in known
    }


def agreement(model: Model, stems: Mapping[str, int]) -> dict[str, float]:
    """Measure whether a model cuts words where their suffixes begin.

    Args:
        model: A trained model.
        stems: Words, each with the number of letters before its suffix.

    Returns:
        ``suffix_found``: the part of the words with a border before the suffix. ``by_chance``: the same, expected if
        each word had as many borders, anywhere. ``borders_at_suffix``: the part of all borders that stand before a
        suffix. ``suffix_whole``: the part of the words that end in the suffix as one token.
    """
    found = whole = borders = 0
    by_chance = 0.0
    for word, stem in stems.items():
        inside = [start for _, (start, _) in model.locate(word) if start > 0]
        found += stem in inside
        whole += bool(inside) and inside[-1] == stem
        borders += len(inside)
        by_chance += len(inside) / (len(word) - 1)
    return {
        "suffix_found": found / len(stems),
        "by_chance": by_chance / len(stems),
        "borders_at_suffix": found / borders,
        "suffix_whole": whole / len(stems),
    }
