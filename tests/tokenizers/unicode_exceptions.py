"""Find the characters that our tokenizers and the ``tokenizers`` library treat differently.

Unicode grows, and ``tokenizers``, ``regex`` and Python each carry the tables of some version of it. So a character that
one of them knows as a letter is unassigned for another. This script tries every Unicode scalar value and writes the
ranges of those that differ to ``data/unicode-exceptions.json``; ``test_unicode.py`` asserts that the list is exact.

    python tests/tokenizers/unicode_exceptions.py
"""

import json
import sys
import unicodedata
from collections.abc import Iterator
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

from library_twins import NORMALIZERS as LIBRARY_NORMALIZERS
from library_twins import PRETOKENIZERS as LIBRARY_PRETOKENIZERS
from library_twins import train_byte_level

from llmguide.tokenizers.interop import loads
from llmguide.tokenizers.normalizers import Aligned, BertNormalizer, Lowercase, Normalizer, StripAccents, UnicodeForm
from llmguide.tokenizers.pretokenizers import PRETOKENIZERS

DATA = Path(__file__).with_name("data") / "unicode-exceptions.json"
SCALARS = [chr(number) for number in range(sys.maxunicode + 1) if not 0xD800 <= number <= 0xDFFF]
BATCH = 256

NORMALIZERS: dict[str, Normalizer] = {
    "NFC": UnicodeForm("NFC"),
    "NFD": UnicodeForm("NFD"),
    "NFKC": UnicodeForm("NFKC"),
    "NFKD": UnicodeForm("NFKD"),
    "lowercase": Lowercase(),
    "strip-accents": StripAccents(),
    "bert": BertNormalizer(),
}

Spans = list[tuple[int, int]]


COMPONENTS = [f"normalizer/{name}" for name in LIBRARY_NORMALIZERS] + [
    f"pretokenizer/{name}" for name in LIBRARY_PRETOKENIZERS
]


def differing(name: str) -> list[int]:
    """Try every scalar value on one component and give those on which we and the library differ."""
    kind, part = name.split("/")
    batches = ["".join(SCALARS[start : start + BATCH]) for start in range(0, len(SCALARS), BATCH)]
    if kind == "normalizer":
        return [number for batch in batches for number in differing_normalized(part, batch)]
    return [number for batch in batches for number in differing_pieces(part, batch)]


def differing_normalized(part: str, batch: str) -> list[int]:
    """Normalize each character behind a letter, where a mark may join it, and between marks, which sort themselves.

    What one table knows as a mark and another does not know changes places with its neighbours for the one alone. The
    marks on both sides are those that go last and first among all, so that any other has to move.
    """
    ours, theirs = NORMALIZERS[part], LIBRARY_NORMALIZERS[part]

    def same(text: str) -> bool:
        return ours.normalize(Aligned.of(text)).text == theirs.normalize_str(text)

    framed = {character: f"e{character}|e\u0345{character}\u0334|" for character in batch}
    if same("".join(framed.values())):
        return []
    return [ord(character) for character, text in framed.items() if not same(text)]


def differing_pieces(part: str, batch: str) -> list[int]:
    """Cut each character between a letter and a digit, and behind a space: what joins it there tells its class.

    If a run of characters in that place is never cut inside, by us or by the library, they are all of one class.
    """

    def ours(text: str) -> Spans:
        return [match.span() for match in PRETOKENIZERS[part].compiled.finditer(text)]

    def theirs(text: str) -> Spans:
        return [span for _, span in LIBRARY_PRETOKENIZERS[part].pre_tokenize_str(text)]

    run = f"e{batch}1 {batch}|"
    cuts = {edge for span in ours(run) for edge in span}
    inside = {*range(2, len(batch) + 1), *range(len(batch) + 4, 2 * len(batch) + 3)}
    if not cuts & inside and ours(run) == theirs(run):
        return []
    framed = [f"e{character}1 {character}|" for character in batch]
    if ours("".join(framed)) == theirs("".join(framed)):
        return []
    return [ord(one[1]) for one in framed if ours(one) != theirs(one)]


def differing_ids(excepted: list[int]) -> list[int]:
    """Encode every scalar value but ``excepted`` and give the starts of the batches whose ids or text differ."""
    sample = SCALARS[:0x500] + SCALARS[0x4E00:0x4F00] + SCALARS[0x1F5F0:0x1F640]
    twin = train_byte_level(["1".join(sample)], 3000)
    ours = loads(twin.to_str())
    left_out = {chr(number) for number in excepted}
    found = []
    for start in range(0, len(SCALARS), 4096):
        text = "1".join(character for character in SCALARS[start : start + 4096] if character not in left_out)
        ids = ours.encode_ids(text)
        if ids != twin.encode(text).ids or ours.decode(ids) != text:
            found.append(start)
    return found


def ranges(numbers: list[int]) -> Iterator[str]:
    """Write a sorted list of code points as ranges, such as ``1F6DC`` or ``1B000-1B122``."""
    starts = [b for a, b in pairwise([-2, *numbers]) if b != a + 1]
    ends = [a for a, b in pairwise([*numbers, sys.maxunicode + 2]) if b != a + 1]
    for start, end in zip(starts, ends, strict=True):
        yield f"{start:04X}" if start == end else f"{start:04X}-{end:04X}"


def expand(written: list[str]) -> list[int]:
    """Read ranges back as code points."""
    bounds = [[int(bound, 16) for bound in one.split("-")] for one in written]
    return [number for bound in bounds for number in range(bound[0], bound[-1] + 1)]


def versions() -> dict[str, str]:
    """Name what carries Unicode tables here."""
    return {
        "python": f"Unicode {unicodedata.unidata_version}",
        "regex": version("regex"),
        "tokenizers": version("tokenizers"),
    }


if __name__ == "__main__":
    report = {"versions": versions(), "exceptions": {name: list(ranges(differing(name))) for name in COMPONENTS}}
    DATA.parent.mkdir(exist_ok=True)
    DATA.write_text(json.dumps(report, indent=0) + "\n", encoding="utf-8")
    for name, written in report["exceptions"].items():
        sys.stdout.write(f"{name:25}{len(expand(written)):8,} of {len(SCALARS):,}\n")
