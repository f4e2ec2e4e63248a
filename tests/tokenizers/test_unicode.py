"""Every Unicode scalar value, on every component, against the ``tokenizers`` library."""

import json
import os
import unicodedata

import pytest
from library_twins import train_byte_level
from unicode_exceptions import COMPONENTS, DATA, SCALARS, differing, expand, versions

from llmguide.tokenizers.interop import loads

RECORDED = json.loads(DATA.read_text("utf-8"))
EXCEPTIONS = {name: expand(written) for name, written in RECORDED["exceptions"].items()}


def require_recorded_versions() -> None:
    """The list of exceptions holds for one set of Unicode tables; the lock pins them."""
    if versions() != RECORDED["versions"]:
        refuse = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        refuse(
            f"the list is for {RECORDED['versions']}, here is {versions()}: run {DATA.parents[1]}/unicode_exceptions.py"
        )


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_list_of_exceptions_is_exact(component: str) -> None:
    require_recorded_versions()
    assert differing(component) == EXCEPTIONS[component]


@pytest.mark.parametrize("pattern", ["gpt2", "cl100k", "words"])
def test_patterns_differ_only_on_characters_that_python_s_unicode_has_not_assigned(pattern: str) -> None:
    require_recorded_versions()
    categories = {unicodedata.category(chr(number)) for number in EXCEPTIONS[f"pretokenizer/{pattern}"]}
    assert categories == {"Cn"}


def test_ids_are_the_library_s_for_every_scalar_value() -> None:
    require_recorded_versions()
    sample = SCALARS[:0x500] + SCALARS[0x4E00:0x4F00] + SCALARS[0x1F5F0:0x1F640]
    twin = train_byte_level(["1".join(sample)], 3000)
    ours = loads(twin.to_str())
    excepted = {chr(number) for number in EXCEPTIONS["pretokenizer/gpt2"]}
    for start in range(0, len(SCALARS), 4096):
        text = "1".join(character for character in SCALARS[start : start + 4096] if character not in excepted)
        ids = ours.encode_ids(text)
        assert ids == twin.encode(text).ids, f"U+{start:04X} and following"
        assert ours.decode(ids) == text
