"""Training WordPiece as fast as plain Python allows: the twin of :func:`llmguide.tokenizers.wordpiece.train`.

The result is the same, token by token. Counts are kept between merges and mended where a merge touched them. Scores
wait on a heap; whenever the count of a pair or of one of its two symbols changes, the pair is put there again, and an
entry that is out of date is dropped when it comes to the top.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from heapq import heapify, heappop, heappush
from itertools import pairwise
from typing import get_args

from llmguide.tokenizers.bpe import Pair, Symbols, first_ids
from llmguide.tokenizers.models import check_choice
from llmguide.tokenizers.wordpiece import Criterion, WordPiece, join, merge, split_word


def train(
    word_counts: Mapping[str, int],
    vocab_size: int,
    *,
    criterion: Criterion = "likelihood",
    special_tokens: Iterable[str] = (),
    unknown: str = "[UNK]",
    prefix: str = "##",
    min_count: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> WordPiece:
    """Grow the same vocabulary as :func:`llmguide.tokenizers.wordpiece.train`, but sooner.

    Args:
        word_counts: The words of a corpus and how often each occurs.
        vocab_size: The number of tokens to stop at.
        criterion: How pairs are scored.
        special_tokens: Tokens that text never yields, besides ``unknown``.
        unknown: The token for a word that the vocabulary cannot write; it takes the first id.
        prefix: What marks a token that continues a word.
        min_count: The number of occurrences below which a pair is not joined.
        progress: Called after each merge with the number of tokens so far and ``vocab_size``.

    Returns:
        The vocabulary.

    Raises:
        ValueError: If there is no word, if ``vocab_size`` is below the number of tokens needed before the first pair is
            joined, or if ``criterion`` is neither of the two.

    Example:
        >>> train({"hug": 10, "pug": 5, "pun": 12, "bun": 4, "hugs": 5}, vocab_size=15).tokens[-3:]
        ('##gs', 'bu', 'bun')
    """
    check_choice("criterion", criterion, get_args(Criterion))
    words = {split_word(word, prefix): count for word, count in word_counts.items() if word}
    special = (unknown, *special_tokens)
    ids = first_ids(words, vocab_size, set("".join(word_counts)), special)
    corpus = _Corpus(words, criterion, prefix)

    def entry(pair: Pair) -> tuple[float, int, int, Pair]:
        return -corpus.score(pair), ids[pair[0]], ids[pair[1]], pair

    heap = [entry(pair) for pair in corpus.pairs]
    heapify(heap)
    while len(ids) < vocab_size and heap:
        score, _, _, best = heappop(heap)
        if corpus.pairs[best] < max(min_count, 1) or -score != corpus.score(best) or join(best, prefix) in special:
            continue
        ids.setdefault(join(best, prefix), len(ids))
        for pair in corpus.merge(best):
            if corpus.pairs[pair] >= max(min_count, 1):
                heappush(heap, entry(pair))
        if progress is not None:
            progress(len(ids), vocab_size)
    return WordPiece(tuple(ids), unknown, prefix, reserved=special)


class _Corpus:
    """The words, the counts of symbols and pairs, and for each pair the words that held it."""

    def __init__(self, words: Mapping[Symbols, int], criterion: Criterion, prefix: str) -> None:
        self._words, self._occurrences = list(words), list(words.values())
        self._criterion, self._prefix = criterion, prefix
        self._singles: Counter[str] = Counter()
        self.pairs: Counter[Pair] = Counter()
        self._places: defaultdict[Pair, set[int]] = defaultdict(set)
        self._pairs_of: defaultdict[str, set[Pair]] = defaultdict(set)
        for place in range(len(self._words)):
            self._count(place, 1)

    def score(self, pair: Pair) -> float:
        """Score a pair that occurs."""
        if self._criterion == "count":
            return self.pairs[pair]
        return self.pairs[pair] / (self._singles[pair[0]] * self._singles[pair[1]])

    def merge(self, pair: Pair) -> set[Pair]:
        """Join a pair in every word and give the pairs whose score may have changed."""
        touched: set[Pair] = set()
        for place in self._places.pop(pair):
            before = self._words[place]
            after = merge(before, pair, self._prefix)
            self._count(place, -1)
            self._words[place] = after
            self._count(place, 1)
            touched.update(pairwise(before), pairwise(after))
        if self._criterion == "likelihood":  # then a pair's score changes with the count of each of its symbols
            for symbol in {*pair, join(pair, self._prefix)}:
                touched |= self._pairs_of[symbol]
        return touched

    def _count(self, place: int, sign: int) -> None:
        symbols, change = self._words[place], sign * self._occurrences[place]
        for symbol in symbols:
            self._singles[symbol] += change
        for pair in pairwise(symbols):
            self.pairs[pair] += change
            if sign > 0:
                self._places[pair].add(place)
                self._pairs_of[pair[0]].add(pair)
                self._pairs_of[pair[1]].add(pair)
