"""Byte-pair encoding, written to be read.

Training starts from single characters and keeps joining the pair of neighbours that occurs most often. Encoding replays
those merges on a new word, in the order in which they were learned. Every function here recomputes what it needs
from scratch, so that it says what it does; :mod:`llmguide.tokenizers.fast_bpe` gives the same results sooner.

Byte-level encoding is the same algorithm on another alphabet: see :mod:`llmguide.tokenizers.alphabet`.

Source: :cite:t:`gage1994new` for the compression, :cite:t:`sennrich2016neural` for its use on words.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import inf

from llmguide.tokenizers import fast_merging
from llmguide.tokenizers.models import BYTE_TOKENS, check_vocabulary, refuse_repeats, spell_bytes
from llmguide.tokenizers.normalizers import Span

Symbols = tuple[str, ...]
"""A word cut into symbols, from single characters to the whole word."""

Pair = tuple[str, str]
"""Two neighbouring symbols."""


def split_word(word: str, end_of_word: str = "") -> Symbols:
    """Cut a word into its characters, the last one marked as the last.

    Args:
        word: The word.
        end_of_word: What to append to the last character, for example ``"</w>"``. Empty: nothing.

    Returns:
        The symbols that merging starts from; none for the empty word.

    Example:
        >>> split_word("low", end_of_word="</w>")
        ('l', 'o', 'w</w>')
    """
    return (*word[:-1], word[-1] + end_of_word) if word else ()


def count_pairs(words: Mapping[Symbols, int]) -> Counter[Pair]:
    """Count how often each two symbols are neighbours.

    Args:
        words: The words of a corpus, cut into symbols, each with the number of times it occurs.

    Returns:
        The number of occurrences of each pair in the corpus. Occurrences may overlap: ``aaa`` has ``(a, a)`` twice.

    Example:
        >>> count_pairs({("l", "o", "w"): 5, ("l", "o", "t"): 2})
        Counter({('l', 'o'): 7, ('o', 'w'): 5, ('o', 't'): 2})
    """
    counts: Counter[Pair] = Counter()
    for symbols, occurrences in words.items():
        for pair in pairwise(symbols):
            counts[pair] += occurrences
    return counts


def merge(symbols: Symbols, pair: Pair) -> Symbols:
    """Join a pair wherever it occurs in a word, from left to right.

    Args:
        symbols: The word, cut into symbols.
        pair: The two neighbours to join.

    Returns:
        The word with each occurrence of the pair made one symbol.

    Example:
        >>> merge(("a", "a", "a", "b"), ("a", "a"))
        ('aa', 'a', 'b')
    """
    merged: list[str] = []
    position = 0
    while position < len(symbols):
        if symbols[position : position + 2] == pair:
            merged.append(pair[0] + pair[1])
            position += 2
        else:
            merged.append(symbols[position])
            position += 1
    return tuple(merged)


def train(
    word_counts: Mapping[str, int],
    vocab_size: int,
    *,
    alphabet: Iterable[str] = (),
    special_tokens: Iterable[str] = (),
    end_of_word: str = "",
    min_count: int = 1,
) -> "Bpe":
    """Learn merges by joining, again and again, the most frequent pair of neighbours.

    Among pairs that are equally frequent the one with the smallest ids wins, as in the ``tokenizers`` library.

    Args:
        word_counts: The words of a corpus and how often each occurs.
        vocab_size: The number of tokens to stop at: special tokens, characters and merged symbols together.
        alphabet: Characters that become tokens even if the corpus lacks them.
        special_tokens: Tokens that text never yields. They take the first ids, and no merge may spell one.
        end_of_word: What marks the last character of a word; empty for no mark.
        min_count: The number of occurrences below which a pair is not joined.

    Returns:
        The vocabulary and the merges. It holds fewer than ``vocab_size`` tokens if the corpus runs out of pairs.

    Raises:
        ValueError: If there is no word and no alphabet, or if ``vocab_size`` is below the number of tokens needed
            before the first merge.

    Source: :cite:t:`sennrich2016neural`, algorithm 1.

    Example:
        >>> train({"low": 5, "lower": 2, "newest": 6, "widest": 3}, vocab_size=14).merges
        (('e', 's'), ('es', 't'), ('l', 'o'), ('lo', 'w'))
    """
    words = {split_word(w, end_of_word): n for w, n in word_counts.items() if w}
    special = tuple(special_tokens)
    ids = first_ids(words, vocab_size, alphabet, special)
    merges: list[Pair] = []
    while len(ids) < vocab_size:
        pair = choose_pair(count_pairs(words), ids, min_count, special)
        if pair is None:
            break
        words = {merge(symbols, pair): n for symbols, n in words.items()}
        ids.setdefault("".join(pair), len(ids))
        merges.append(pair)
    return Bpe(tuple(ids), tuple(merges), end_of_word)


def choose_pair(
    counts: Mapping[Pair, int], ids: Mapping[str, int], min_count: int = 1, special_tokens: Iterable[str] = ()
) -> Pair | None:
    """Find the most frequent pair, among equals the one with the smallest ids.

    Args:
        counts: How often each pair occurs.
        ids: The id of each symbol.
        min_count: The number of occurrences below which a pair does not count.
        special_tokens: What no pair may spell.

    Returns:
        The pair to join next, or ``None`` if there is none.

    Example:
        >>> choose_pair({("l", "o"): 7, ("o", "w"): 7, ("w", "e"): 8}, {"e": 0, "l": 1, "o": 2, "w": 3}, min_count=2)
        ('w', 'e')
    """
    special = frozenset(special_tokens)

    def order(pair: Pair) -> tuple[int, int, int]:
        left, right = pair
        return -counts[pair], ids[left], ids[right]

    frequent = (pair for pair, count in counts.items() if count >= min_count)
    allowed = (pair for pair in frequent if "".join(pair) not in special)
    return min(allowed, key=order, default=None)


def first_ids(
    words: Iterable[Symbols], vocab_size: int, alphabet: Iterable[str] = (), special_tokens: Iterable[str] = ()
) -> dict[str, int]:
    """Number the tokens that exist before the first merge.

    Args:
        words: Words cut into characters.
        vocab_size: The size of the vocabulary that training is to reach.
        alphabet: Characters that become tokens even if no word holds them.
        special_tokens: Tokens that come first, in the order given.

    Returns:
        The id of each special token, then of each character by code point, then of each marked last character.

    Raises:
        ValueError: If there is nothing to number, if a special token is empty, repeated or one of the characters, or if
            ``vocab_size`` leaves no room for all of them.
    """
    characters = {symbol for symbols in words for symbol in symbols} | set(alphabet)
    if not characters:
        raise ValueError("the corpus holds no word to learn from; give at least one, or an alphabet")
    special = list(special_tokens)
    for token in special:
        if not token or token in characters or special.count(token) > 1:
            raise ValueError(f"special token {token!r} must be non-empty, given once, and differ from every character")
    tokens = special + sorted(characters, key=lambda symbol: (len(symbol), symbol))
    if vocab_size < len(tokens):
        raise ValueError(
            f"vocab_size ({vocab_size}) is below the {len(special)} special tokens and {len(characters)} characters "
            f"that come before the first merge; give at least {len(tokens)}"
        )
    return {token: number for number, token in enumerate(tokens)}


def encode_word(word: Symbols, ranks: Mapping[Pair, int]) -> Symbols:
    """Join neighbours in one word, always the pair whose merge was learned first.

    Args:
        word: The word, cut into characters.
        ranks: The position of each merge in the order of learning: 0 for the first.

    Returns:
        The word, cut into the symbols that no merge can join further.

    Source: :cite:t:`sennrich2016neural`, section 3.2.

    Example:
        >>> encode_word(("l", "o", "w", "e", "r"), {("l", "o"): 0, ("lo", "w"): 1, ("e", "r"): 2})
        ('low', 'er')
    """
    symbols = list(word)
    while len(symbols) > 1:
        found = [ranks.get(pair, inf) for pair in pairwise(symbols)]
        if min(found) == inf:
            break
        first = found.index(min(found))
        symbols[first : first + 2] = ["".join(symbols[first : first + 2])]
    return tuple(symbols)


@dataclass(frozen=True)
class Bpe:
    """What training learned: the vocabulary and the merges.

    Attributes:
        tokens: The vocabulary; a token's position is its id.
        merges: The pairs to join, in the order in which they were learned.
        end_of_word: What marks the last character of a word; empty for no mark.
        unknown: The token for a character that the vocabulary lacks. ``None``: such a character is an error.
        byte_fallback: Whether such a character is written by tokens for its bytes (``<0xC3>``), if all are there.
        whole_words: Whether a word that is itself a token is taken at once, even where the merges would not make it.
        reserved: Tokens that no word is ever taken for, such as special tokens; only ``whole_words`` needs this.

    Raises:
        ValueError: If a token or a merge is given twice, or a merge names or makes a token that does not exist.

    Example:
        >>> model = Bpe(tokens=("l", "o", "w", "lo", "low"), merges=(("l", "o"), ("lo", "w")))
        >>> model.locate("lowlow")
        [(4, (0, 3)), (4, (3, 6))]
    """

    tokens: tuple[str, ...]
    merges: tuple[Pair, ...]
    end_of_word: str = ""
    unknown: str | None = None
    byte_fallback: bool = False
    whole_words: bool = False
    reserved: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_vocabulary(self.tokens, self.unknown)
        refuse_repeats("merge", self.merges)
        for left, right in self.merges:
            for token in (left, right, left + right):
                if token not in self.ids:
                    raise ValueError(f"merge {(left, right)!r} needs the token {token!r}, which the vocabulary lacks")

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of each token."""
        return {token: number for number, token in enumerate(self.tokens)}

    @cached_property
    def ranks(self) -> dict[Pair, int]:
        """The position of each merge in the order of learning."""
        return {pair: rank for rank, pair in enumerate(self.merges)}

    def split(self, word: str) -> Symbols:
        """Cut a word into symbols by replaying the merges on its characters."""
        symbols = split_word(word, self.end_of_word)
        if self.whole_words and (whole := "".join(symbols)) in self.ids and whole not in self.reserved:
            return (whole,)
        return fast_merging.encode_word(symbols, self.ranks)

    def encode(self, word: str) -> list[int]:
        """Give the ids of a word's tokens, as :meth:`locate`."""
        return [number for symbol in self.split(word) for number in self._ids_of(symbol)]

    def locate(self, word: str) -> list[tuple[int, Span]]:
        """Give the ids of a word's tokens and the characters that each covers, as :meth:`place`."""
        return self.place(self.split(word))

    def place(self, symbols: Symbols) -> list[tuple[int, Span]]:
        """Give the ids of a word's symbols and the characters that each covers.

        Args:
            symbols: A word, cut in any way; the mark at its end is in the last symbol.

        Returns:
            An id and a span for each symbol, or for each byte that stands in; the mark at the end covers nothing.
        """
        located: list[tuple[int, Span]] = []
        start, length = 0, len("".join(symbols)) - len(self.end_of_word)
        for symbol in symbols:
            end = min(start + len(symbol), length)
            located += [(number, (start, end)) for number in self._ids_of(symbol)]
            start = end
        return located

    def makes(self, token: str) -> bool:
        """Tell whether ordinary text could become this token: by a merge, as a character, as a byte or as a whole."""
        if self.whole_words and token not in self.reserved:
            return True
        fallback = self.byte_fallback and token in BYTE_TOKENS
        return fallback or token in self._made or len(token.removesuffix(self.end_of_word)) < 2

    @cached_property
    def _made(self) -> frozenset[str]:
        return frozenset(left + right for left, right in self.merges)

    def _ids_of(self, symbol: str) -> list[int]:
        """Look up a symbol, falling back on its bytes and on the unknown token."""
        if (number := self.ids.get(symbol)) is not None:
            return [number]
        if self.byte_fallback and all(name in self.ids for name in spell_bytes(symbol)):
            return [self.ids[name] for name in spell_bytes(symbol)]
        if self.unknown is not None:
            return [self.ids[self.unknown]]
        raise ValueError(f"{symbol!r} is not in the vocabulary and there is no unknown token to stand for it")
