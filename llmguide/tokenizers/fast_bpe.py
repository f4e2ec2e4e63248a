"""Byte-pair encoding as fast as plain Python allows: the twin of :mod:`llmguide.tokenizers.bpe`.

The results are the same, merge by merge and id by id. What differs is what is remembered between merges. Training
keeps the count of every pair and the places where it stands, and after a merge mends only what the merge touched. The
most frequent pair is on top of a heap whose entries may be out of date; each is checked when it comes to the top.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from heapq import heapify, heappop, heappush
from itertools import pairwise

from llmguide.tokenizers.bpe import Bpe, Pair, Symbols, first_ids, split_word

_BITS = 21  # enough for the ids of two million tokens, so that a pair of ids fits into one integer
_MASK = (1 << _BITS) - 1
_BOUNDARY = _MASK  # stands between two words; no token has this id


def train(
    word_counts: Mapping[str, int],
    vocab_size: int,
    *,
    alphabet: Iterable[str] = (),
    special_tokens: Iterable[str] = (),
    end_of_word: str = "",
    min_count: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Bpe:
    """Learn the same merges as :func:`llmguide.tokenizers.bpe.train`, in the same order, but sooner.

    Args:
        word_counts: The words of a corpus and how often each occurs.
        vocab_size: The number of tokens to stop at: special tokens, characters and merged symbols together.
        alphabet: Characters that become tokens even if the corpus lacks them.
        special_tokens: Tokens that text never yields. They take the first ids, and no merge may spell one.
        end_of_word: What marks the last character of a word; empty for no mark.
        min_count: The number of occurrences below which a pair is not joined.
        progress: Called after each merge with the number of tokens so far and ``vocab_size``.

    Returns:
        The vocabulary and the merges. It holds fewer than ``vocab_size`` tokens if the corpus runs out of pairs.

    Raises:
        ValueError: If there is no word and no alphabet, or if ``vocab_size`` is below the number of tokens needed
            before the first merge or above two million.

    Example:
        >>> train({"low": 5, "lower": 2, "newest": 6, "widest": 3}, vocab_size=14).merges
        (('e', 's'), ('es', 't'), ('l', 'o'), ('lo', 'w'))
    """
    if vocab_size > _MASK:
        raise ValueError(f"vocab_size ({vocab_size}) must be at most {_MASK}")
    words = {split_word(word, end_of_word): occurrences for word, occurrences in word_counts.items() if word}
    special = frozenset(special_tokens := tuple(special_tokens))
    ids = first_ids(words, vocab_size, alphabet, special_tokens)
    corpus = _Corpus(words, ids)
    counts = corpus.counts
    heap = [pair - (count << 2 * _BITS) for pair, count in counts.items()]
    heapify(heap)
    tokens = list(ids)
    merges: list[Pair] = []
    while len(tokens) < vocab_size and heap:
        entry = heappop(heap)
        pair, count = entry & ((1 << 2 * _BITS) - 1), -(entry >> 2 * _BITS)
        if count != counts[pair]:
            if counts[pair] > 0:
                heappush(heap, pair - (counts[pair] << 2 * _BITS))
            continue
        if count < min_count:
            break
        left, right = tokens[pair >> _BITS], tokens[pair & _MASK]
        if left + right in special:
            continue
        merged = ids.setdefault(left + right, len(tokens))
        if merged == len(tokens):
            tokens.append(left + right)
        merges.append((left, right))
        for changed in corpus.merge(pair, merged):
            heappush(heap, changed - (counts[changed] << 2 * _BITS))
        if progress is not None:
            progress(len(tokens), vocab_size)
    return Bpe(tuple(tokens), tuple(merges), end_of_word)


class _Corpus:
    """All distinct words in one row of symbols, each cell linked to its neighbours, with an index of its pairs.

    A pair of ids ``(left, right)`` is written as the integer ``left << _BITS | right``.

    Args:
        words: The words, cut into characters, with their numbers of occurrences.
        ids: The id of each character.

    Attributes:
        counts: How often each pair occurs in the corpus.
    """

    def __init__(self, words: Mapping[Symbols, int], ids: Mapping[str, int]) -> None:
        self._symbols = [_BOUNDARY]
        self._weights = [0]
        for word, occurrences in words.items():
            self._symbols.extend(map(ids.__getitem__, word))
            self._symbols.append(_BOUNDARY)
            self._weights.extend([occurrences] * (len(word) + 1))
        self._previous = list(range(-1, len(self._symbols) - 1))
        self._next = list(range(1, len(self._symbols) + 1))
        self._places: defaultdict[int, list[int]] = defaultdict(list)
        for place, (left, right) in enumerate(pairwise(self._symbols)):
            self._places[left << _BITS | right].append(place)
        for pair in [pair for pair in self._places if _BOUNDARY in (pair >> _BITS, pair & _MASK)]:
            del self._places[pair]
        self.counts: defaultdict[int, int] = defaultdict(int)
        for pair, places in self._places.items():
            self.counts[pair] = self._weigh(places)

    def _weigh(self, places: Iterable[int]) -> int:
        """Add up how often the words at these places occur."""
        return sum(map(self._weights.__getitem__, places))

    def merge(self, pair: int, merged: int) -> set[int]:
        """Replace each occurrence of a pair by one symbol and return the pairs that came into being."""
        symbols, previous, following = self._symbols, self._previous, self._next
        left, right = pair >> _BITS, pair & _MASK
        before: defaultdict[int, list[int]] = defaultdict(list)  # left neighbour -> where it stands
        after: defaultdict[int, list[int]] = defaultdict(list)  # right neighbour -> where the merged symbol stands
        for place in sorted(self._places.pop(pair)):
            second = following[place]
            # Places are not cleaned when another merge takes one of the two symbols away, so look again.
            if symbols[place] != left or symbols[second] != right:
                continue
            first, third = previous[place], following[second]
            before[symbols[first]].append(first)
            after[symbols[third]].append(place)
            symbols[place], symbols[second] = merged, -1
            following[place], previous[third] = third, place
        created: set[int] = set()
        for neighbour, places in before.items():
            if neighbour != _BOUNDARY:
                self._move(places, neighbour << _BITS | left, neighbour << _BITS | merged)
                created.add(neighbour << _BITS | merged)
        for neighbour, places in after.items():
            if neighbour != _BOUNDARY:
                self._move(places, right << _BITS | neighbour, merged << _BITS | neighbour)
                created.add(merged << _BITS | neighbour)
        del self.counts[pair]
        return {new for new in created if self.counts[new] > 0}

    def _move(self, places: list[int], old: int, new: int) -> None:
        """Enter occurrences that were of the pair ``old`` as occurrences of the pair ``new``."""
        weight = self._weigh(places)
        self.counts[old] -= weight
        self.counts[new] += weight
        self._places[new].extend(places)
