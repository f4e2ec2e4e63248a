"""Replaying merges as fast as plain Python allows: the twin of :func:`llmguide.tokenizers.bpe.encode_word`."""

from collections import defaultdict
from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from itertools import pairwise

_LONG_WORD = 200  # symbols; up to here a search of the whole word at each merge is quicker than keeping books


def encode_word(word: tuple[str, ...], ranks: Mapping[tuple[str, str], int]) -> tuple[str, ...]:
    """Cut a word into the same symbols as :func:`llmguide.tokenizers.bpe.encode_word`, but sooner.

    Args:
        word: The word, cut into characters.
        ranks: The position of each merge in the order of learning: 0 for the first.

    Returns:
        The word, cut into the symbols that no merge can join further.

    Example:
        >>> encode_word(("l", "o", "w", "e", "r"), {("l", "o"): 0, ("lo", "w"): 1, ("e", "r"): 2})
        ('low', 'er')
    """
    if len(word) > _LONG_WORD:
        return _encode_long_word(word, ranks)
    symbols, none, rank = list(word), len(ranks), ranks.get
    row = [rank(pair, none) for pair in pairwise(symbols)]
    while row and (lowest := min(row)) < none:
        position = row.index(lowest)
        symbols[position] += symbols.pop(position + 1)
        del row[position]
        if position > 0:
            row[position - 1] = rank((symbols[position - 1], symbols[position]), none)
        if position < len(row):
            row[position] = rank((symbols[position], symbols[position + 1]), none)
    return tuple(symbols)


def _encode_long_word(word: tuple[str, ...], ranks: Mapping[tuple[str, str], int]) -> tuple[str, ...]:
    """Encode a word in nearly linear time, where the merges come from training.

    The places where each merge could happen wait in a bucket for its rank. The lowest rank is emptied first.
    """
    symbols: list[str | None] = list(word)
    previous, following = list(range(-1, len(word) - 1)), list(range(1, len(word) + 1))
    buckets: defaultdict[int, list[int]] = defaultdict(list)
    for place, pair in enumerate(pairwise(word)):
        if (rank := ranks.get(pair)) is not None:
            buckets[rank].append(place)
    waiting = list(buckets)
    heapify(waiting)
    while waiting:
        rank = waiting[0]
        bucket = buckets[rank]
        bucket.sort(reverse=True)  # the leftmost place comes last, where ``pop`` takes it
        while bucket and waiting[0] == rank:
            place = bucket.pop()
            second = following[place]
            left, right = symbols[place], symbols[second] if second < len(symbols) else None
            # An earlier merge may have taken one of the two symbols away.
            if left is None or right is None or ranks.get((left, right)) != rank:
                continue
            symbols[place], symbols[second] = left + right, None
            following[place] = third = following[second]
            if third < len(symbols):
                previous[third] = place
            for start, other in ((previous[place], place), (place, third)):
                if start >= 0 and other < len(symbols):
                    found = ranks.get((symbols[start] or "", symbols[other] or ""))
                    if found is not None:
                        if found not in buckets:
                            heappush(waiting, found)
                        buckets[found].append(start)
        if not bucket and waiting[0] == rank:
            del buckets[heappop(waiting)]
    return tuple(symbol for symbol in symbols if symbol is not None)
