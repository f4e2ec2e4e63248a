"""Texts that are hard on tokenizers: for Hypothesis, every pair of classes of characters, and thousands by seed.

``TEXTS`` is a strategy and shrinks what it finds. ``class_texts`` and ``seeded_texts`` are plain generators, for tests
that want to be sure of what was tried: every pair of classes of characters, or so many thousand texts. All of them
avoid lone surrogates, which no tokenizer takes.
"""

import random
import sys
from collections.abc import Collection, Iterator
from itertools import islice, product

from hypothesis import strategies as st

# One character a line, as the formatter would have it, would make these tables pages long.
# fmt: off
BORDERS: dict[str, tuple[str, ...]] = {
    "white space": (
        " ", "  ", "   ", "\t", "\t\t", "\n", "\n\n", "\r", "\r\n", " \n ", "\n ", " \t", "\v", "\f", "\x1c", "\x1f",
        "\x85", "\u00a0", "\u1680", "\u2003", "\u2009", "\u2028", "\u2029", "\u202f", "\u3000",
    ),
    "apostrophes": (
        "don't", "I'LL", "'s", "'S", "’s", "''", "'ſ", "we've'd", "'re", "'m", "'l", "'", "’", "‘", "ʼ", "'s\u0301",
        "n’t", "L’été", "'T", "'ve", "' s", "rock'n'roll", "´s", "`s",
    ),
    "digits": (
        "1", "12", "123", "1234", "1234567", "٣٤", "۴۵۶۷", "½", "²", "Ⅻ", "१२३", "๔๕", "３４", "𝟘𝟙", "〇", "①", "㉈",
        "3.14", "1e5", "1,000", "0x1F", "2nd", "-7", "1\u030812",
    ),
    "marks": (
        "e\u0301", "\u0301", "a\u0323\u0307", "a\u0307\u0323", "क्षि", "ก็", "Å", "A\u030a", "\u20dd", "\u0e33",
        "\u034f", "\u0345", "y\u0306\u0301\u0323\u0330", " \u0301", "1\ufe0f\u20e3", "\u0bc1", "\u093f",
    ),
    "case and forms": (
        "ﬁ", "Ａ", "ǅ", "İ", "ı", "ß", "ẞ", "ΟΔΟΣ", "ς", "ŉ", "ﷺ", "㎏", "ª", "Ⓐ", "ⅸ", "𝓐", "ꭰ",
    ),
    "special tokens": (
        "<|endoftext|>", "<|endoftext|", "|endoftext|>", "<|", "|>", "<s>", "</s>", "<unk>", "[CLS]", "[SEP]", "[UNK]",
        "[MASK]", "<0x0A>", "<0xE2>", "[INST]", "<|im_start|>", "</w>", "##", "##s", "@@", "▁", "▁▁", "Ġ", "ĠĠ", "Ċ",
        "Ã©",
    ),
    "emoji": (
        "👩‍👩‍👧‍👦", "👍🏽", "🏳️‍🌈", "🇩🇪🇫🇷", "🇩", "☕️", "☕\ufe0e", "\ufe0f", "\u200d", "🏽", "👩\u200d", "😀😀",
        "\u2764\ufe0f\u200d🔥", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    ),
    "right to left": (
        "שלום", "שָׁלוֹם", "مرحبا", "مَرْحَبًا", "\u202bعربي\u202c", "\u200f", "\u2067א\u2069", "ـــ", "لا", "\u061c",
        "؟", "،",
    ),
    "scripts": (
        "漢字", "かな", "カﾞ", "한국어", "\u1112\u1161\u11ab", "ไทย", "မြန်မာ", "தமிழ்", "ελληνικά", "Привет", "ያ", "𐍈",
        "𠮷", "ᚠ",
    ),
    "controls and holes": (
        "\x00", "\x01", "\x1b", "\x7f", "\x9f", "\u00ad", "\u200b", "\u2060", "\ufeff", "\ufffd", "\ufffe", "\uffff",
        "\ue000", "\uf8ff", "\U000f0000", "\U0010ffff", "\U0010fffd", "\U000e0041", "\u0378", "\U0002fa1e",
    ),
    "words": (
        "hello", " world", "HTTPServer", "snake_case", "camelCase", "...", "!?", "—", "–", "$", "€", "^", "`", "~~",
        "Hello, world!", "x" * 20, "a", "s", "I", "é", "()", "[]", "{}", "»«", "“”", "//", "\\n", "==", "#!", "a@b.c",
    ),
}
"""Pieces of text at the borders of what tokenizers tell apart, by kind."""

CATEGORIES: dict[str, str] = {
    "Lu": "E", "Ll": "x", "Lt": "ǅ", "Lm": "ʰ", "Lo": "א", "Mn": "\u0301", "Mc": "\u0903", "Me": "\u20dd", "Nd": "٣",
    "Nl": "Ⅻ", "No": "½", "Pc": "_", "Pd": "-", "Ps": "(", "Pe": ")", "Pi": "«", "Pf": "»", "Po": "!", "Sm": "+",
    "Sc": "$", "Sk": "^", "So": "☕", "Zs": "\u2003", "Zl": "\u2028", "Zp": "\u2029", "Cc": "\x01", "Cf": "\u200b",
    "Co": "\ue000", "Cn": "\u0378",
}
"""A character of each general category of Unicode; surrogates (Cs) are no characters."""

CLASSES: dict[str, str] = CATEGORIES | {
    "space": " ", "tab": "\t", "line feed": "\n", "carriage return": "\r", "next line": "\x85", "no-break": "\u00a0",
    "information separator": "\x1c", "apostrophe": "'", "quotation mark": "’", "contraction": "s", "long s": "ſ",
    "digit": "1", "wide digit": "３", "decomposes": "é", "ligature": "ﬁ", "dotted I": "İ", "Chinese": "漢", "Thai": "ก",
    "Hangul": "한", "jamo": "\u1161", "emoji": "👍", "skin": "\U0001f3fd", "joiner": "\u200d", "variation": "\ufe0f",
    "flag": "🇩", "last": "\U0010ffff", "null": "\x00", "replacement": "\ufffd", "byte order": "\ufeff", "sharp": "#",
    "lower block": "▁", "spelled space": "Ġ", "less-than": "<", "Chinese full stop": "。",
}
"""A character of each class that some tokenizer treats in its own way: the general categories and what divides them."""
# fmt: on

PARTS = st.one_of([st.sampled_from(parts) for parts in BORDERS.values()])
"""One piece at a border; each kind is as likely as any other."""

TEXTS = st.one_of(st.lists(PARTS | st.text(max_size=3), max_size=12).map("".join), st.text(max_size=80))
"""Any text, weighted towards the borders."""

SMALL_WORDS = st.dictionaries(st.text("ab", min_size=1, max_size=12), st.integers(1, 5), min_size=1, max_size=8)
"""Corpora over two letters, where pairs overlap and counts are equal more often than not."""


def class_texts(length: int = 2) -> Iterator[str]:
    """Put a character of each class beside one of each class, in every order, up to so many in a row."""
    for size in range(1, length + 1):
        yield from map("".join, product(CLASSES.values(), repeat=size))


def seeded_texts(seed: int | str = 0, avoid: Collection[str] = ()) -> Iterator[str]:
    """Make texts without end, always the same for a seed, of pieces at the borders and of characters from anywhere.

    Args:
        seed: Where to begin.
        avoid: Characters to leave out, such as those on which two versions of Unicode differ.
    """
    generator = random.Random(seed)
    kinds = list(BORDERS.values())
    classes = list(CLASSES.values())
    removed = dict.fromkeys(map(ord, avoid))
    while True:
        parts = []
        for _ in range(generator.randint(1, 10)):
            chance = generator.random()
            if chance < 0.6:
                parts.append(generator.choice(generator.choice(kinds)))
            elif chance < 0.8:
                parts.append(generator.choice(classes) * generator.choice([1, 1, 1, 2, 3]))
            else:
                # As many from the first 2^8, 2^12, 2^16 as from all code points, most of which are unassigned.
                number = generator.randrange(generator.choice([0x100, 0x1000, 0x10000, sys.maxunicode + 1]))
                parts.append("" if 0xD800 <= number <= 0xDFFF else chr(number))
        yield "".join(parts).translate(removed)


def take(count: int, seed: int | str = 0, avoid: Collection[str] = ()) -> list[str]:
    """Give the first texts of ``seeded_texts``."""
    return list(islice(seeded_texts(seed, avoid), count))


BYTES = tuple(bytes([byte]) for byte in range(256))
BYTE_VOCABULARIES = st.lists(st.text("ab'é ", min_size=2, max_size=6).map(str.encode), max_size=40, unique=True).map(
    lambda longer: (*BYTES, *longer)
)
"""Ranked tokens in any order: a token may come before the parts that it is made of, or its parts may be missing."""
