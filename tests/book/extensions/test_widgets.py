"""The directive for widgets, and the data that the tokenizer playground is given."""

import doctest
from pathlib import Path

import pytest
from _extensions import playground_data, search_index
from small_book import SmallBook
from sphinx.errors import ExtensionError

from llmguide.tokenizers import Tokenizer, published, train_tokenizer

WIDGET = "```{{widget}} {name}\n:alt: A drawing.\n\nA caption.\n```\n"


@pytest.mark.parametrize("module", [playground_data, search_index])
def test_examples_in_docstrings(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.attempted > 0
    assert result.failed == 0


def test_an_unknown_widget_ends_the_build(tmp_path: Path) -> None:
    book = SmallBook(tmp_path, ["_extensions.widgets"], {"index": "# Page\n\n" + WIDGET.format(name="slide-rule")})
    with pytest.raises(ExtensionError, match=r"no widget 'slide-rule'; there are: .*, tokenizer-playground"):
        book.build()


def test_gpt2s_merges_make_its_tokens() -> None:
    merges = playground_data.learned_merges(published.load("gpt2"))
    assert len(merges) == 50_000
    assert merges[:3] == (("Ġ", "t"), ("Ġ", "a"), ("h", "e"))  # as in the first lines of its `vocab.bpe`
    assert tuple(left + right for left, right in merges) == published.load("gpt2").model.tokens[256:-1]


def test_ranges_hold_what_they_were_made_from() -> None:
    points = {0, 1, 5, 0x10FFFF}
    numbers = [int(digits, 36) for digits in playground_data.ranges(points).split()]
    found, point = set(), 0
    for gap, length in zip(numbers[::2], numbers[1::2], strict=True):
        found |= set(range(point + gap, point + gap + length))
        point += gap + length
    assert found == points


@pytest.mark.parametrize("special", [[], ["<|a|>", "<|b|>"]])
def test_other_vocabularies_are_refused(special: list[str]) -> None:
    tokenizer: Tokenizer = train_tokenizer(["low lower"], vocab_size=262, special_tokens=special)
    with pytest.raises(ValueError, match="special"):
        playground_data.vocabulary(tokenizer)
