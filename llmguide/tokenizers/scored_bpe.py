"""Byte-pair encoding by scores, as SentencePiece does it.

A SentencePiece model keeps no list of merges. Each piece has a score, which is the higher the earlier training made it,
and encoding joins the two neighbours whose concatenation is the piece with the highest score, the leftmost first. Which
two parts a piece was made of in training is forgotten: any two neighbours that spell it will do.

Source: :cite:t:`kudo2018sentencepiece`.
"""

from dataclasses import dataclass, field
from functools import cached_property
from heapq import heappop, heappush
from math import inf

import regex

from llmguide.tokenizers.models import join_unknown, spell_bytes
from llmguide.tokenizers.normalizers import Span
from llmguide.tokenizers.unigram import Unigram


@dataclass(frozen=True)
class ScoredBpe:
    """Pieces and the order in which to make them.

    Attributes:
        tokens: The vocabulary; a token's position is its id.
        scores: How early each is made: the highest first. Minus infinity for tokens that text never yields.
        unknown: The token for characters that the vocabulary lacks; neighbouring ones share it. ``None``: such a
            character is an error, unless ``byte_fallback``.
        byte_fallback: Whether such a character is spelled by the tokens ``<0x00>`` to ``<0xFF>`` instead.
        whole: Tokens that are cut out of the text before anything is joined, the longest first.
        unused: Tokens that are joined but taken apart again at the end.

    Raises:
        ValueError: As :class:`~llmguide.tokenizers.unigram.Unigram`.

    Example:
        >>> model = ScoredBpe(("l", "o", "w", "ow", "lo", "low"), (-3.0, -4.0, -5.0, 0.0, -1.0, -2.0))
        >>> [model.tokens[number] for number in model.encode("lowlo")]
        ['low', 'lo']
    """

    tokens: tuple[str, ...]
    scores: tuple[float, ...]
    unknown: str | None = None
    byte_fallback: bool = False
    whole: frozenset[str] = field(default_factory=frozenset)
    unused: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        Unigram(self.tokens, self.scores, self.unknown, self.byte_fallback)  # the same must hold
        for token in sorted(self.whole | self.unused):
            if token not in self.ids:
                raise ValueError(f"{token!r} is not in the vocabulary")

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of each token."""
        return {token: number for number, token in enumerate(self.tokens)}

    def encode(self, word: str) -> list[int]:
        """Give the ids of a word's pieces.

        Args:
            word: One word, as pre-tokenization made it.

        Returns:
            One id for each piece; the same id for a stretch of unknown characters, or one for each of their bytes.

        Raises:
            ValueError: If a character is not in the vocabulary and there is no unknown token.
        """
        return [number for number, _ in self.locate(word)]

    def locate(self, word: str) -> list[tuple[int, Span]]:
        """Give the ids of a word's pieces and the stretch of the word that each covers.

        Args:
            word: One word, as pre-tokenization made it.

        Returns:
            Id and stretch of each piece; the bytes of one character all cover it.

        Raises:
            ValueError: If a character is not in the vocabulary and there is no unknown token.
        """
        unknown = self.ids.get(self.unknown) if self.unknown is not None else None
        found: list[tuple[int, Span]] = []
        start = 0
        for symbol in self.split(word):
            end = start + len(symbol)
            number = self.ids.get(symbol)
            if number is not None:
                found.append((number, (start, end)))
            elif self.byte_fallback:
                found.extend((self.ids[token], (start, end)) for token in spell_bytes(symbol))
            elif unknown is None:
                raise ValueError(f"{symbol!r} is not in the vocabulary and there is no unknown token to stand for it")
            else:
                found.append((unknown, (start, end)))
            start = end
        return join_unknown(found, unknown)

    def makes(self, token: str) -> bool:
        """Tell whether ordinary text could become this token."""
        return token in self._pieces or (token in self.ids and len(token) == 1)

    def split(self, word: str) -> list[str]:
        """Cut a word into pieces, and into the characters that no piece holds."""
        symbols = self._cut.findall(word)
        following = [*range(1, len(symbols)), -1]
        previous = [-1, *range(len(symbols) - 1)]
        halves: dict[str, tuple[str, str]] = {}
        waiting: list[tuple[float, int, int, int]] = []  # score, left, right, length; the highest score on top

        def consider(left: int, right: int) -> None:
            if left >= 0 and right >= 0 and not {symbols[left], symbols[right]} & self.whole:
                piece = symbols[left] + symbols[right]
                score = self._pieces.get(piece)
                if score is not None:
                    heappush(waiting, (-score, left, right, len(piece)))
                    if piece in self.unused:
                        halves[piece] = symbols[left], symbols[right]

        for right in range(1, len(symbols)):
            consider(right - 1, right)
        while waiting:
            _, left, right, length = heappop(waiting)
            # An earlier join may have taken one of the two away, or made it longer.
            if not symbols[left] or not symbols[right] or len(symbols[left]) + len(symbols[right]) != length:
                continue
            symbols[left] += symbols[right]
            symbols[right] = ""
            following[left] = after = following[right]
            if after >= 0:
                previous[after] = left
            consider(previous[left], left)
            consider(left, after)
        return [part for symbol in symbols if symbol for part in _take_apart(symbol, halves)]

    @cached_property
    def _pieces(self) -> dict[str, float]:
        """The scores of the tokens that text can yield."""
        return {token: score for token, score in zip(self.tokens, self.scores, strict=True) if score > -inf}

    @cached_property
    def _cut(self) -> "regex.Pattern[str]":
        """What to start from: tokens that stay whole, and single characters."""
        longest_first = sorted(self.whole, key=lambda token: (-len(token), token))
        return regex.compile("|".join([*map(regex.escape, longest_first), "(?s:.)"]))


def _take_apart(symbol: str, halves: dict[str, tuple[str, str]]) -> list[str]:
    """Undo the joins that made an unused piece."""
    parts: list[str] = []
    waiting = [symbol]
    while waiting:
        part = waiting.pop()
        if part in halves:
            waiting.extend(reversed(halves[part]))
        else:
            parts.append(part)
    return parts
