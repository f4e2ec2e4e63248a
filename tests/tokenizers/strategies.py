"""Texts that are hard on tokenizers."""

from hypothesis import strategies as st

PARTS = st.sampled_from(
    [
        *("don't", "I'LL", "'s", "'S", "’s", "''", "'ſ", "we've'd"),
        *(
            " ",
            "  ",
            "   ",
            "\t",
            "\n",
            "\n\n",
            "\r\n",
            " \n ",
            "\u00a0",
            "\u2003",
            "\u3000",
            "\u200b",
            "\x1c",
            "\x85",
            "\v",
        ),
        *("1", "12", "123", "1234", "٣٤", "½", "Ⅻ", "१२३", "3.14", "1e5"),
        *("e\u0301", "\u0301", "a\u0323\u0307", "क्षि", "ก็", "Å", "A\u030a", "ﬁ", "Ａ", "ǅ", "İ", "ß", "ΟΔΟΣ"),
        *("👩‍👩‍👧‍👦", "👍🏽", "🏳️‍🌈", "🇩🇪🇫🇷", "☕️", "\ufe0f", "\u200d"),
        *("שלום", "مرحبا", "\u202bعربي\u202c", "\u200f", "漢字", "かな", "한국어", "\u1112\u1161\u11ab"),
        *("\ufffd", "\ufeff", "\x00", "\U0010ffff", "\ue000", "\U000e0041", "\uffff"),
        *("hello", " world", "HTTPServer", "snake_case", "<|endoftext|>", "<s>", "...", "!?", "—", "$", "^", "`", "~~"),
    ]
)

TEXTS = st.one_of(st.lists(PARTS | st.text(max_size=3), max_size=12).map("".join), st.text(max_size=80))
"""Any text, weighted towards white space, apostrophes, digits, marks, joined emoji and right-to-left script."""

SMALL_WORDS = st.dictionaries(st.text("ab", min_size=1, max_size=12), st.integers(1, 5), min_size=1, max_size=8)
"""Corpora over two letters, where pairs overlap and counts are equal more often than not."""
