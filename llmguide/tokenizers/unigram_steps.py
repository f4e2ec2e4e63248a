"""The steps of unigram training, one function each: seed, E step, M step, pruning.

:mod:`llmguide.tokenizers.unigram_training` puts them in a row and says why.
"""

from collections import Counter
from collections.abc import Mapping
from math import log

from llmguide.tokenizers.fast_unigram import best_counts
from llmguide.tokenizers.lattice import expected_counts, forward
from llmguide.tokenizers.unigram import Unigram

KEPT_COUNT = 0.5
"""Pieces that are expected less often than this in the whole corpus are dropped by the M step."""


def seed_pieces(word_counts: Mapping[str, int], seed_size: int, max_piece_length: int) -> dict[str, float]:
    """Choose the pieces to begin with: all characters, and the substrings that cover most of the corpus.

    A substring counts if it occurs twice or more. One that is always followed by the same character is left out: the
    longer one can do all that it can.

    Args:
        word_counts: The words of a corpus and how often each occurs.
        seed_size: How many substrings to choose at most.
        max_piece_length: The number of characters that a piece may have.

    Returns:
        Log probabilities in proportion to the number of characters that all occurrences cover.

    Example:
        >>> list(seed_pieces({"low": 2, "lowest": 1, "west": 1}, seed_size=10, max_piece_length=16))
        ['w', 'l', 'o', 'e', 's', 't', 'low', 'west', 'est', 'ow', 'st']
    """
    counts: Counter[str] = Counter()
    for word, occurrences in word_counts.items():
        for start in range(len(word)):
            for end in range(start + 1, min(start + max_piece_length + 1, len(word)) + 1):
                counts[word[start:end]] += occurrences
    characters = {piece: count for piece, count in counts.items() if len(piece) == 1}
    replaceable = {piece[:-1] for piece, count in counts.items() if counts[piece[:-1]] == count}
    coverage = {
        piece: count * len(piece)
        for piece, count in counts.items()
        if 1 < len(piece) <= max_piece_length and count > 1 and piece not in replaceable
    }
    chosen = ranked(characters) + ranked(coverage)[:seed_size]
    total = log(sum(count for _, count in chosen))
    return {piece: log(count) - total for piece, count in chosen}


def e_step(pieces: Mapping[str, float], word_counts: Mapping[str, int]) -> tuple[dict[str, float], float]:
    """Count how often each piece is expected in a corpus.

    Training uses :func:`llmguide.tokenizers.fast_unigram.e_step`, which gives the same numbers sooner.

    Args:
        pieces: The pieces and their log probabilities.
        word_counts: The words of the corpus and how often each occurs.

    Returns:
        The expected counts, and the log likelihood of the corpus.

    Example:
        >>> counts, log_likelihood = e_step({"a": log(0.5), "aa": log(0.5)}, {"aa": 3})
        >>> {piece: round(count, 6) for piece, count in counts.items()}, round(log_likelihood, 4)
        ({'a': 2.0, 'aa': 2.0}, -0.863)
    """
    model = Unigram(tuple(pieces), tuple(pieces.values()))
    totals = [0.0] * len(model.tokens)
    log_likelihood = 0.0
    for word, occurrences in word_counts.items():
        lattice = model.lattice(word)
        log_likelihood += occurrences * forward(lattice)[-1]
        for number, count in expected_counts(lattice).items():
            totals[number] += occurrences * count
    return dict(zip(model.tokens, totals, strict=True)), log_likelihood


def m_step(counts: Mapping[str, float], sparse_prior: bool = True) -> dict[str, float]:
    """Turn expected counts into log probabilities, and drop the pieces that are hardly used.

    A single character is kept whatever its count, as if it were the smallest that others are kept for.

    Args:
        counts: How often each piece is expected.
        sparse_prior: Whether to take the digamma function for the logarithm, as SentencePiece does.

    Returns:
        The log probabilities of the pieces that remain.

    Example:
        >>> {piece: round(score, 2) for piece, score in m_step({"a": 8, "b": 2, "ab": 0.4}).items()}
        {'a': -0.24, 'b': -1.83}
        >>> {piece: round(score, 2) for piece, score in m_step({"a": 8, "b": 2, "ab": 0.4}, sparse_prior=False).items()}
        {'a': -0.22, 'b': -1.61}
    """
    kept = {piece: max(count, KEPT_COUNT) for piece, count in counts.items() if count >= KEPT_COUNT or len(piece) == 1}
    logarithm = digamma if sparse_prior else log
    total = logarithm(sum(kept.values()))
    return {piece: logarithm(count) - total for piece, count in kept.items()}


def digamma(x: float) -> float:
    r"""Compute the derivative of the logarithm of the gamma function.

    Args:
        x: A positive number.

    Returns:
        The value, to about 14 digits.

    The value at a small number follows from that at a larger one, :math:`\psi(x) = \psi(x + 1) - 1/x`; for large ones
    there is a series in :math:`1/x^2`.

    Example:
        >>> round(digamma(1.0), 10)  # minus Euler's constant
        -0.5772156649
    """
    value = 0.0
    while x < 10:
        value -= 1 / x
        x += 1
    square = 1 / (x * x)
    series = square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square * (1 / 240 - square / 132))))
    return value + log(x) - 1 / (2 * x) - series


def losses(pieces: Mapping[str, float], word_counts: Mapping[str, int]) -> dict[str, float]:
    """Estimate by how much the likelihood of a corpus would fall without each piece.

    The words are cut in the best way. Without a piece, each of its occurrences would be spelled by the pieces of its
    own second best segmentation; their counts grow by as much as it had.

    Args:
        pieces: The pieces and their log probabilities.
        word_counts: The words of the corpus and how often each occurs.

    Returns:
        For each piece of two characters or more the loss. Zero if no word uses it, or if its own best
        segmentation has several pieces; it can go for nothing.

    Source: :cite:t:`kudo2018subword`, section 3.2, step 4; as computed in SentencePiece.
    """
    model = Unigram(tuple(pieces), tuple(pieces.values()))
    counts = best_counts(pieces, word_counts)
    total = sum(counts.values())
    found: dict[str, float] = {}
    for piece, count in counts.items():
        if len(piece) == 1:
            continue
        found[piece] = 0.0
        if count > 0:
            (best, _), (alternative, _) = model.n_best(piece, 2)
            if best == (piece,):
                log_total = log(total + count * (len(alternative) - 1))
                without = sum(log(counts[other] + count) - log_total for other in alternative)
                found[piece] = count * (log(count) - log(total) - without)
    return found


def prune(pieces: Mapping[str, float], word_counts: Mapping[str, int], size: int) -> dict[str, float]:
    """Keep the pieces without which the likelihood of a corpus would fall the most.

    Args:
        pieces: The pieces and their log probabilities.
        word_counts: The words of the corpus and how often each occurs.
        size: How many to keep, single characters included; all of these stay.

    Returns:
        The pieces that stay, with the log probabilities that they had.
    """
    lost = {piece: loss for piece, loss in losses(pieces, word_counts).items() if loss > 0}
    kept = {piece for piece in pieces if len(piece) == 1}
    kept.update(piece for piece, _ in ranked(lost)[: max(0, size - len(kept))])
    return {piece: score for piece, score in pieces.items() if piece in kept}


def ranked(values: Mapping[str, float]) -> list[tuple[str, float]]:
    """Order by value, the highest first, and by the text where values are equal.

    Args:
        values: A number for each text.

    Returns:
        The pairs in order.
    """
    return sorted(values.items(), key=lambda item: (-item[1], item[0]))
