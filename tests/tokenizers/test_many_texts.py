"""Every pair of classes of characters, and 20,000 texts by seed, against ``tokenizers`` and tiktoken."""

import pytest
from many_texts import COMPARISONS, comparison, differing, differing_classes
from test_unicode import require_recorded_versions

TEXTS_EACH = 2_000  # of each comparison


@pytest.mark.no_cover
@pytest.mark.parametrize("name", COMPARISONS)
def test_every_pair_of_classes(name: str) -> None:
    require_recorded_versions()
    assert differing_classes(name, 2) == []


@pytest.mark.no_cover
@pytest.mark.parametrize("name", COMPARISONS)
def test_texts_by_seed(name: str) -> None:
    require_recorded_versions()
    assert differing(name, f"every change, {name}", TEXTS_EACH) == []


def test_there_are_at_least_twenty_thousand_texts() -> None:
    assert TEXTS_EACH * len(COMPARISONS) >= 20_000


def test_a_difference_is_seen() -> None:
    """The characters that are left out are those that differ."""
    agree, excepted = comparison("pretokenizer/gpt2")
    assert excepted
    assert not any(agree(f"e{character}1 {character}|") for character in sorted(excepted)[:100])
