"""Byte-pair encoding by ranks, as tiktoken does it: the ids of the tokens say what to join, and no merges are listed.

Two neighbours are joined whenever what they spell together is a token, and the token made first is joined first. A list
of merges is stricter: it joins two neighbours only if training joined those very two.

Source: the code published as :cite:t:`jain2022tiktoken`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heappop, heappush
from itertools import accumulate, pairwise
from math import inf

from llmguide.tokenizers.alphabet import BYTE_ALPHABET, respell
from llmguide.tokenizers.models import check_vocabulary
from llmguide.tokenizers.normalizers import Span

_LONG_WORD = 200  # characters; up to here a search of the whole word at each merge is quicker than keeping a heap
_MOST_TOKENS = 10_000_000  # far above every published vocabulary, and little enough to hold


def join_ranked(word: str, ranks: Mapping[str, int]) -> tuple[str, ...]:
    """Join neighbours in one word, always those whose joined spelling has the lowest rank.

    Args:
        word: The word.
        ranks: The rank of each token.

    Returns:
        The word, cut into tokens of which no two neighbours spell a token.

    Example:
        >>> ranks = {"l": 0, "o": 1, "w": 2, "e": 3, "r": 4, "er": 5, "lo": 6, "low": 7}
        >>> join_ranked("lower", ranks)
        ('low', 'er')
    """
    symbols = list(word)
    while len(symbols) > 1:
        found = [ranks.get(left + right, inf) for left, right in pairwise(symbols)]
        if min(found) == inf:
            break
        first = found.index(min(found))
        symbols[first : first + 2] = [symbols[first] + symbols[first + 1]]
    return tuple(symbols)


def join_ranked_fast(word: str, ranks: Mapping[str, int]) -> tuple[str, ...]:
    """Cut a word into the same tokens as :func:`join_ranked`, but sooner.

    Args:
        word: The word.
        ranks: The rank of each token.

    Returns:
        The word, cut into tokens of which no two neighbours spell a token.
    """
    if len(word) > _LONG_WORD:
        return _join_long(word, ranks)
    symbols, rank = list(word), ranks.get
    row = [rank(left + right, inf) for left, right in pairwise(word)]
    while row and (lowest := min(row)) < inf:
        place = row.index(lowest)
        symbols[place] += symbols.pop(place + 1)
        del row[place]
        if place > 0:
            row[place - 1] = rank(symbols[place - 1] + symbols[place], inf)
        if place < len(row):
            row[place] = rank(symbols[place] + symbols[place + 1], inf)
    return tuple(symbols)


def _join_long(word: str, ranks: Mapping[str, int]) -> tuple[str, ...]:
    """Join in a word of any length, in time that grows hardly faster than the word.

    A symbol is known by the place where it begins. Each two neighbours that spell a token wait in a heap; an entry is
    out of date if what now stands at its place spells something else.
    """
    ends = list(range(1, len(word) + 1))  # where the symbol that begins here ends; 0 for a place inside a symbol
    starts = list(range(-1, len(word)))  # where the symbol that ends here begins

    def pair_rank(start: int) -> int | None:
        middle = ends[start]
        return ranks.get(word[start : ends[middle]]) if 0 < middle < len(word) else None

    waiting = [(rank, start) for start in range(len(word)) if (rank := pair_rank(start)) is not None]
    heapify(waiting)
    while waiting:
        rank, start = heappop(waiting)
        if pair_rank(start) != rank:
            continue
        middle = ends[start]
        end = ends[middle]
        ends[start], ends[middle], starts[end] = end, 0, start
        for neighbour in (starts[start], start):
            if neighbour >= 0 and (new := pair_rank(neighbour)) is not None:
                heappush(waiting, (new, neighbour))
    return tuple(word[start:end] for start, end in enumerate(ends) if end)


@dataclass(frozen=True)
class RankedBpe:
    """A vocabulary whose ids say which neighbours to join first.

    It is byte-level: tokens and words are spelled in the byte alphabet (:mod:`llmguide.tokenizers.alphabet`).

    Attributes:
        tokens: The vocabulary; a token's position is its id.
        inert: The tokens that no text makes: special tokens, and the names of ids that are not in use.

    Raises:
        ValueError: If a token is given twice, if an inert token is none, or if one of the 256 bytes is missing.

    Example:
        >>> model = RankedBpe.of([*(bytes([byte]) for byte in range(256)), b"er", b"lo", b"low"], {"<|end|>": 260})
        >>> [model.tokens[number] for number in model.encode("lower")]
        ['low', 'er']
        >>> model.tokens[-2:]
        ('<unused 259>', '<|end|>')
    """

    tokens: tuple[str, ...]
    inert: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_vocabulary(self.tokens, self.unknown)
        for token in self.inert:
            if token not in self.ids:
                raise ValueError(f"the inert token {token!r} is not in the vocabulary")
        missing = [symbol for symbol in BYTE_ALPHABET if symbol not in self.ranks]
        if missing:
            raise ValueError(f"ranks need all 256 bytes; {missing[0]!r} is missing, and {len(missing) - 1} more")

    @classmethod
    def of(cls, ranked: Sequence[bytes], special_tokens: Mapping[str, int], first: int = 0) -> "RankedBpe":
        """Put a vocabulary together from its ranked tokens and its special tokens.

        Special tokens keep their published ids. Between and behind the ranked tokens these may leave ids that nothing
        uses. A position in ``tokens`` cannot be empty, so such an id gets a name like ``<unused 100256>``, which no
        text makes: the byte alphabet has no space.

        Args:
            ranked: The bytes of each token in the order of their ranks.
            special_tokens: The special tokens with their ids.
            first: The id of rank 0, where special tokens come first.

        Returns:
            The model.

        Raises:
            ValueError: If two tokens have one id, or an id is negative or absurdly high.
        """
        names: dict[int, str] = {first + rank: respell(token) for rank, token in enumerate(ranked)}
        for token, number in special_tokens.items():
            if not 0 <= number < _MOST_TOKENS:
                raise ValueError(f"special token {token!r} has the id {number}; expected 0 to {_MOST_TOKENS - 1}")
            if number in names:
                raise ValueError(f"special token {token!r} has the id {number}, which {names[number]!r} has already")
            names[number] = token
        tokens = tuple(names.get(number) or f"<unused {number}>" for number in range(max(names, default=-1) + 1))
        taken = range(first, first + len(ranked))
        return cls(tokens, tuple(token for number, token in enumerate(tokens) if number not in taken))

    @property
    def unknown(self) -> None:
        """There is no unknown token, because every byte is a token."""
        return None

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of each token."""
        return {token: number for number, token in enumerate(self.tokens)}

    @cached_property
    def ranks(self) -> dict[str, int]:
        """The id of each token that text can make; the lowest is joined first."""
        inert = frozenset(self.inert)
        return {token: number for token, number in self.ids.items() if token not in inert}

    def makes(self, token: str) -> bool:
        """Tell whether text could become this token."""
        return token in self.ranks

    def split(self, word: str) -> tuple[str, ...]:
        """Cut a word into tokens; a word that is a token stays whole.

        Args:
            word: One word, as pre-tokenization made it, in the byte alphabet.

        Returns:
            Its tokens from left to right.
        """
        return (word,) if word in self.ranks else join_ranked_fast(word, self.ranks)

    def encode(self, word: str) -> list[int]:
        """Give the ids of a word's tokens.

        Args:
            word: One word, as pre-tokenization made it, in the byte alphabet.

        Returns:
            The ids from left to right.

        Raises:
            ValueError: If a character is not in the byte alphabet.
        """
        try:
            return [self.ranks[token] for token in self.split(word)]
        except KeyError as error:
            raise ValueError(f"{error.args[0]!r} in {word[:60]!r} stands for no byte; spell the word first") from error

    def locate(self, word: str) -> list[tuple[int, Span]]:
        """Give the ids of a word's tokens with the stretch of the word that each covers.

        Args:
            word: One word, as pre-tokenization made it, in the byte alphabet.

        Returns:
            Ids and stretches from left to right, without a gap.

        Raises:
            ValueError: If a character is not in the byte alphabet.
        """
        ids = self.encode(word)
        edges = accumulate((len(self.tokens[number]) for number in ids), initial=0)
        return list(zip(ids, pairwise(edges), strict=True))
