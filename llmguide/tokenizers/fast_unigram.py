"""The two walks of unigram training as fast as plain Python allows: the same numbers as with a lattice, sooner.

No lattice is built. Probabilities are multiplied as they are, instead of adding their logarithms, which is safe as long
as the probability of the whole word is far from the smallest number; other words take the slow way.
"""

from collections.abc import Mapping
from math import exp, inf, log

from llmguide.tokenizers.lattice import expected_counts, forward
from llmguide.tokenizers.unigram import Unigram

_TINY = 1e-200  # far above the smallest float, so that what is lost below it does not matter


def e_step(pieces: Mapping[str, float], word_counts: Mapping[str, int]) -> tuple[dict[str, float], float]:
    """Count how often each piece is expected, as :func:`llmguide.tokenizers.unigram_steps.e_step` does.

    Args:
        pieces: The pieces and their log probabilities.
        word_counts: The words of the corpus and how often each occurs.

    Returns:
        The expected counts, and the log likelihood of the corpus.
    """
    probabilities = {piece: exp(score) for piece, score in pieces.items()}
    longest = _longest(pieces)
    totals = dict.fromkeys(pieces, 0.0)
    log_likelihood = 0.0
    model = Unigram(tuple(pieces), tuple(pieces.values()))
    for word, occurrences in word_counts.items():
        size = len(word)
        arcs: list[tuple[int, int, str, float]] = []
        before = [1.0] + [0.0] * size
        for start in range(size):
            reached = before[start]
            for end in range(start + 1, min(start + longest.get(word[start], 0), size) + 1):
                piece = word[start:end]
                probability = probabilities.get(piece)
                if probability is not None:
                    before[end] += reached * probability
                    arcs.append((start, end, piece, probability))
        if before[size] < _TINY:
            lattice = model.lattice(word)
            log_likelihood += occurrences * forward(lattice)[-1]
            for number, count in expected_counts(lattice).items():
                totals[model.tokens[number]] += occurrences * count
            continue
        log_likelihood += occurrences * log(before[size])
        share = occurrences / before[size]
        after = [0.0] * size + [1.0]
        for start, end, piece, probability in reversed(arcs):
            through = probability * after[end]
            after[start] += through
            totals[piece] += before[start] * through * share
    return totals, log_likelihood


def best_counts(pieces: Mapping[str, float], word_counts: Mapping[str, int]) -> dict[str, int]:
    """Count the pieces of the best segmentations of a corpus.

    They are those of :meth:`~llmguide.tokenizers.unigram.Unigram.encode`.

    Args:
        pieces: The pieces and their log probabilities.
        word_counts: The words of the corpus and how often each occurs; the pieces must spell them.

    Returns:
        How often each piece occurs.
    """
    longest = _longest(pieces)
    counts = dict.fromkeys(pieces, 0)
    for word, occurrences in word_counts.items():
        size = len(word)
        scores, starts = [0.0] + [-inf] * size, [0] * (size + 1)
        for start in range(size):
            reached = scores[start]
            for end in range(start + 1, min(start + longest.get(word[start], 0), size) + 1):
                score = pieces.get(word[start:end])
                if score is not None and reached + score > scores[end]:
                    scores[end], starts[end] = reached + score, start
        while size > 0:
            start = starts[size]
            counts[word[start:size]] += occurrences
            size = start
    return counts


def _longest(pieces: Mapping[str, float]) -> dict[str, int]:
    """For each character the length of the longest piece that begins with it."""
    longest: dict[str, int] = {}
    for piece in pieces:
        longest[piece[0]] = max(longest.get(piece[0], 0), len(piece))
    return longest
