"""Pre-tokenization: cutting a text into the pieces that merges never cross.

A pre-tokenizer is a regular expression: its matches, from left to right, are the pieces, and text between two matches
is dropped. The patterns of GPT-2 and of its successors match every character, so they drop nothing; the patterns for
words drop white space.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import regex


class Piece(NamedTuple):
    """A piece of a text and where it stands: from the character ``start`` up to, not including, ``end``."""

    text: str
    start: int
    end: int


class Cutter(Protocol):
    """Anything that cuts a text into pieces."""

    def split(self, text: str) -> list[Piece]:
        """Cut a text into pieces that know where they stand."""
        ...

    def words(self, text: str) -> list[str]:
        """Cut a text into pieces without their places, which is quicker."""
        ...


@dataclass(frozen=True)
class PreTokenizer:
    r"""A way to cut a text into pieces.

    Attributes:
        name: What to call it.
        pattern: A regular expression in the syntax of the ``regex`` module, which knows Unicode's classes as ``\p{L}``.

    Raises:
        ValueError: If the pattern is not a regular expression, or matches the empty text.

    Example:
        >>> PreTokenizer("digits", r"\d|\D+").split("room 12")
        [Piece(text='room ', start=0, end=5), Piece(text='1', start=5, end=6), Piece(text='2', start=6, end=7)]
    """

    name: str
    pattern: str

    def __post_init__(self) -> None:
        if self.compiled.match(""):
            raise ValueError(
                f"the pattern {self.pattern!r} matches the empty text; a piece needs at least one character"
            )

    @cached_property
    def compiled(self) -> "regex.Pattern[str]":
        """The pattern, ready to use."""
        try:
            return regex.compile(self.pattern)
        except regex.error as error:
            raise ValueError(f"the pattern {self.pattern!r} is not a regular expression: {error}") from error

    def split(self, text: str) -> list[Piece]:
        """Cut a text into pieces that know where they stand."""
        return [Piece(match[0], *match.span()) for match in self.compiled.finditer(text)]

    def words(self, text: str) -> list[str]:
        """Cut a text into pieces without their places, which is quicker."""
        if self.compiled.groups:  # then ``findall`` would give the groups
            return [match[0] for match in self.compiled.finditer(text)]
        return self.compiled.findall(text)


@dataclass(frozen=True)
class Chain:
    r"""Several pre-tokenizers, one after the other: each cuts the pieces of the one before, as if each were a text.

    Attributes:
        steps: The pre-tokenizers, the first one first.

    Example:
        >>> Chain((DIGITS, GPT2)).words("room 12  b")
        ['room', ' ', '1', '2', ' ', ' b']
    """

    steps: tuple[PreTokenizer, ...]

    def split(self, text: str) -> list[Piece]:
        """Cut a text into pieces that know where they stand."""
        pieces = [Piece(text, 0, len(text))]
        for step in self.steps:
            pieces = [
                Piece(inner.text, piece.start + inner.start, piece.start + inner.end)
                for piece in pieces
                for inner in step.split(piece.text)
            ]
        return pieces

    def words(self, text: str) -> list[str]:
        """Cut a text into pieces without their places, which is quicker."""
        words = [text]
        for step in self.steps:
            words = [inner for word in words for inner in step.words(word)]
        return words


WHOLE = PreTokenizer("whole", r"(?s:.+)")
"""No cut: the whole text is one piece."""

WHITESPACE = PreTokenizer("whitespace", r"\S+")
"""Words are what stands between white space; punctuation stays with them."""

_WORD_CHARACTER = r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}"
WORDS = PreTokenizer("words", rf"[{_WORD_CHARACTER}]+|[^{_WORD_CHARACTER}\s]+")
"""Words and runs of punctuation; white space is dropped."""

_PUNCTUATION = r"\p{P}$+<=>^`|~"
BERT = PreTokenizer("bert", rf"[{_PUNCTUATION}]|[^{_PUNCTUATION}\s]+")
"""BERT's words: as ``WORDS``, but each punctuation mark is a piece of its own (:cite:p:`devlin2019bert`)."""

GPT2 = PreTokenizer("gpt2", r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
"""GPT-2's pieces: a word takes the space before it along (the code published with :cite:t:`radford2019language`)."""

CL100K = PreTokenizer(
    "cl100k",
    # As published, but for \p{N}{1,3}+: the engine of the `tokenizers` library would read that as "again and again".
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
)
"""The pieces of GPT-4's ``cl100k_base``: digits in threes, line breaks apart (:cite:p:`jain2022tiktoken`)."""

_UPPER, _LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
O200K = PreTokenizer(
    "o200k",
    rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]*[{_LOWER}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    rf"|[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]+[{_LOWER}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
)
"""The pieces of ``o200k_base``: a capital letter begins a piece, marks stay with their letters, and a contraction stays
with its word (:cite:p:`jain2022tiktoken`)."""

SMOLLM = PreTokenizer("smollm", r"\p{N}|'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+")
"""SmolLM2's pieces (:cite:p:`allal2025smollm2`): each digit alone, and what stands between them cut as by ``GPT2``."""

DIGITS = PreTokenizer("digits", r"\p{N}|\P{N}+")
"""Each digit is a piece, and so is what stands between digits; made to stand before another in a :class:`Chain`."""

METASPACE = PreTokenizer("metaspace", r"▁[^▁]*|[^▁]+")
"""SentencePiece's words: each takes the mark ``▁`` before it along (:cite:p:`kudo2018sentencepiece`)."""

PRETOKENIZERS: dict[str, PreTokenizer] = {
    pretokenizer.name: pretokenizer
    for pretokenizer in (WHOLE, WHITESPACE, WORDS, BERT, GPT2, CL100K, O200K, SMOLLM, DIGITS, METASPACE)
}
"""The pre-tokenizers of this module by name."""
