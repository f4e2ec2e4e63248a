import re
import sys
import unicodedata
from datetime import date
from pathlib import Path

import pytest

from llmguide import constants
from llmguide.constants import CONSTANTS
from llmguide.constants.dates import YEARS
from llmguide.constants.findings import FINDINGS
from llmguide.constants.sizes import SIZES
from llmguide.constants.texts import TEXTS

REFERENCES = Path(__file__).parents[1] / "references"


def test_names_are_unique_and_can_be_referred_to():
    assert len(CONSTANTS) == len(TEXTS) + len(YEARS) + len(FINDINGS) + len(SIZES)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in CONSTANTS)


@pytest.mark.parametrize("constant", CONSTANTS.values(), ids=CONSTANTS)
def test_every_constant_has_unit_date_source_and_note(constant):
    assert constant.unit
    assert constant.note.endswith(".")
    assert date(2026, 1, 1) <= constant.as_of <= date.today()
    assert re.fullmatch(r"[a-z]+\d{4}[a-z0-9]+", constant.source)


def test_every_source_is_in_the_bibliography():
    keys = {key for file in REFERENCES.glob("*.bib") for key in re.findall(r"@\w+\{([^,]+),", file.read_text("utf-8"))}
    if not keys:
        pytest.skip("no bibliography here")
    assert {constant.source for constant in CONSTANTS.values()} <= keys


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("gpt2", "gpt2-vocab-size"), ("cl100k_base", "cl100k-vocab-size"), ("o200k_base", "o200k-vocab-size")],
)
def test_vocabularies_have_the_size_that_tiktoken_gives_them(encoding, name, monkeypatch):
    from tiktoken_ext import openai_public as public

    monkeypatch.setattr(public, "load_tiktoken_bpe", lambda *args, **kwargs: {})
    monkeypatch.setattr(public, "data_gym_to_mergeable_bpe_ranks", lambda *args, **kwargs: {})
    definition = getattr(public, encoding)()
    assert max(definition["special_tokens"].values()) + 1 == constants.get(name).value


@pytest.mark.no_cover
def test_unicode_is_as_python_knows_it():
    assert constants.get("unicode-code-points").value == sys.maxunicode + 1
    encodable = [code for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]
    assert constants.get("unicode-scalar-values").value == len(encodable)
    assert constants.get("utf8-longest-character").value == max(len(chr(code).encode()) for code in encodable)
    if unicodedata.unidata_version != "14.0.0":
        pytest.skip(f"this Python knows Unicode {unicodedata.unidata_version}")
    characters = [code for code in encodable if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cc")]
    assert constants.get("unicode-characters").value == len(characters)


def test_unknown_name_lists_the_known():
    with pytest.raises(LookupError, match=r"no constant 'gpt5-vocab-size'; there are: gpt2-vocab-size"):
        constants.get("gpt5-vocab-size")
