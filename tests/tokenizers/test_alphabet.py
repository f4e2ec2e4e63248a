"""GPT-2's byte alphabet."""

import pytest
from hypothesis import given
from strategies import TEXTS
from tokenizers import pre_tokenizers

from llmguide.tokenizers.alphabet import BYTE_ALPHABET, BYTE_TO_CHAR, CHAR_TO_BYTE, spell, unspell

SPELL = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)


def test_the_alphabet_is_the_library_s() -> None:
    assert set(BYTE_ALPHABET) == set(pre_tokenizers.ByteLevel.alphabet())
    assert list(BYTE_ALPHABET) == sorted(BYTE_ALPHABET)


def test_the_two_tables_are_inverse() -> None:
    assert {CHAR_TO_BYTE[character]: character for character in BYTE_ALPHABET} == BYTE_TO_CHAR
    assert set(BYTE_TO_CHAR) == set(range(256))


@given(TEXTS)
def test_spelling_is_the_library_s_and_can_be_undone(text: str) -> None:
    assert [spell(text)] == [piece for piece, _ in SPELL.pre_tokenize_str(text)] or text == ""
    assert unspell(spell(text)) == text.encode("utf-8")


def test_every_byte_can_be_unspelled() -> None:
    assert unspell("".join(BYTE_TO_CHAR[byte] for byte in range(256))) == bytes(range(256))


def test_a_character_outside_the_alphabet_is_named() -> None:
    with pytest.raises(ValueError, match="' ' in 'a b' stands for no byte"):
        unspell("a b")
