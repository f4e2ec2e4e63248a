"""The texts that tests are fed with."""

import unicodedata

from strategies import CATEGORIES, CLASSES, class_texts, take


def test_every_general_category_is_there() -> None:
    existing = {unicodedata.category(chr(number)) for number in range(0x110000)}
    assert existing - CATEGORIES.keys() == {"Cs"}
    assert {unicodedata.category(character) for character in CATEGORIES.values()} == CATEGORIES.keys()


def test_each_class_has_a_character_of_its_own() -> None:
    assert len(set(CLASSES.values())) == len(CLASSES)
    assert all(len(character) == 1 for character in CLASSES.values())


def test_every_pair_of_classes_is_there() -> None:
    texts = list(class_texts())
    assert len(texts) == len(set(texts)) == len(CLASSES) + len(CLASSES) ** 2
    assert {"' ", " '", "é\u0301", "\u200d👍"} <= set(texts)


def test_a_seed_gives_the_same_texts_again() -> None:
    assert take(50, seed=1) == take(60, seed=1)[:50]
    assert take(50, seed=1) != take(50, seed=2)


def test_seeded_texts_reach_all_parts_of_unicode() -> None:
    seen = set("".join(take(20_000)))
    assert {unicodedata.category(character) for character in seen} == CATEGORIES.keys()
    assert set("".join(CLASSES.values())) <= seen
    assert len(seen) > 9_000


def test_characters_can_be_avoided() -> None:
    assert not set("aA ") & set("".join(take(500, avoid="aA ")))
