"""Every Unicode scalar value, on every component, against the ``tokenizers`` library."""

import json
import os
import unicodedata

import pytest
from unicode_exceptions import COMPONENTS, DATA, differing, differing_ids, expand, versions

RECORDED = json.loads(DATA.read_text("utf-8"))
EXCEPTIONS = {name: expand(written) for name, written in RECORDED["exceptions"].items()}


def require_recorded_versions() -> None:
    """The list of exceptions holds for one set of Unicode tables; the lock pins them."""
    if versions() != RECORDED["versions"]:
        refuse = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        refuse(
            f"the list is for {RECORDED['versions']}, here is {versions()}: run {DATA.parents[1]}/unicode_exceptions.py"
        )


@pytest.mark.no_cover
@pytest.mark.parametrize("component", COMPONENTS)
def test_the_list_of_exceptions_is_exact(component: str) -> None:
    require_recorded_versions()
    assert differing(component) == EXCEPTIONS[component]


@pytest.mark.parametrize("pattern", ["gpt2", "cl100k", "words"])
def test_patterns_differ_only_on_characters_that_python_s_unicode_has_not_assigned(pattern: str) -> None:
    require_recorded_versions()
    categories = {unicodedata.category(chr(number)) for number in EXCEPTIONS[f"pretokenizer/{pattern}"]}
    assert categories == {"Cn"}


@pytest.mark.no_cover
def test_ids_are_the_library_s_for_every_scalar_value() -> None:
    require_recorded_versions()
    assert differing_ids(EXCEPTIONS["pretokenizer/gpt2"]) == []
