"""Byte-pair encoding watched at work: every step of training and of encoding, for tables and figures.

The steps are taken with the functions of :mod:`llmguide.tokenizers.bpe`, so a trace shows what those functions do.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from llmguide.tokenizers.bpe import Bpe, Pair, Symbols, choose_pair, count_pairs, first_ids, merge, split_word, train


@dataclass(frozen=True)
class TrainingStep:
    """One merge of training.

    Attributes:
        number: 1 for the first merge.
        pair: The pair that was joined.
        count: How often it occurred.
        runner_up: The pair that would have been joined otherwise; ``None`` if there was no other.
        runner_up_count: How often that one occurred.
        words: The corpus after the merge: each word, cut into symbols, and its number of occurrences.
    """

    number: int
    pair: Pair
    count: int
    runner_up: Pair | None
    runner_up_count: int
    words: dict[Symbols, int]

    @property
    def token(self) -> str:
        """The token that the merge made."""
        return self.pair[0] + self.pair[1]


@dataclass(frozen=True)
class EncodingStep:
    """One merge of encoding.

    Attributes:
        pair: The pair that was joined.
        rank: The position of its merge in the order of learning, 0 for the first.
        position: Where in the word it stood, counted in symbols.
        symbols: The word after the merge.
    """

    pair: Pair
    rank: int
    position: int
    symbols: Symbols


def trace_training(
    word_counts: Mapping[str, int],
    n_merges: int,
    *,
    alphabet: Iterable[str] = (),
    special_tokens: Iterable[str] = (),
    end_of_word: str = "",
) -> list[TrainingStep]:
    """Train and keep every step.

    Args:
        word_counts: The words of a corpus and how often each occurs.
        n_merges: How many merges to learn; training stops earlier if the corpus runs out of pairs.
        alphabet: Characters that become tokens even if the corpus lacks them.
        special_tokens: Tokens that no merge may spell.
        end_of_word: What marks the last character of a word; empty for no mark.

    Returns:
        One step for each merge.

    Raises:
        ValueError: If there is no word to learn from.

    Example:
        >>> step = trace_training({"low": 5, "lower": 2, "newest": 6, "widest": 3}, n_merges=1)[0]
        >>> step.pair, step.count, step.runner_up, step.runner_up_count
        (('e', 's'), 9, ('s', 't'), 9)
        >>> step.words[("n", "e", "w", "es", "t")]
        6
    """
    words = {split_word(word, end_of_word): occurrences for word, occurrences in word_counts.items() if word}
    alphabet, special = tuple(alphabet), tuple(special_tokens)
    before_merging = len(first_ids(words, sys.maxsize, alphabet, special))
    model = train(
        word_counts, before_merging + n_merges, alphabet=alphabet, special_tokens=special, end_of_word=end_of_word
    )
    steps = []
    for number, pair in enumerate(model.merges, start=1):
        counts = count_pairs(words)
        rivals = {other: count for other, count in counts.items() if other != pair}
        runner_up = choose_pair(rivals, model.ids, special_tokens=special)
        words = {merge(symbols, pair): occurrences for symbols, occurrences in words.items()}
        runner_up_count = 0 if runner_up is None else counts[runner_up]
        steps.append(TrainingStep(number, pair, counts[pair], runner_up, runner_up_count, words))
    return steps


def trace_encoding(word: str, model: Bpe) -> list[EncodingStep]:
    """Encode a word and keep every step.

    Args:
        word: One word, as pre-tokenization made it.
        model: The vocabulary and the merges.

    Returns:
        One step for each merge; the symbols of the last are what the word becomes. None if no merge applies.

    Example:
        >>> model = train({"low": 5, "lower": 2}, vocab_size=8)
        >>> [(step.rank, step.symbols) for step in trace_encoding("lowe", model)]
        [(0, ('lo', 'w', 'e')), (1, ('low', 'e'))]
    """
    symbols = split_word(word, model.end_of_word)
    steps: list[EncodingStep] = []
    while True:
        found = [
            (model.ranks[pair], position) for position, pair in enumerate(pairwise(symbols)) if pair in model.ranks
        ]
        if not found:
            return steps
        rank, position = min(found)
        pair = model.merges[rank]
        symbols = (*symbols[:position], pair[0] + pair[1], *symbols[position + 2 :])
        steps.append(EncodingStep(pair, rank, position, symbols))
