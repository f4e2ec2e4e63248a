r"""Learning the pieces of a unigram model: begin with too many, and take away those that are missed the least.

The probabilities that fit a corpus best cannot be counted, because nobody knows how its words are to be cut. The
expectation-maximization algorithm goes round in a circle instead: with the present probabilities it counts how often
each piece occurs *on average* over all segmentations (E step), and takes those counts for the next probabilities (M
step). In between, pieces are pruned: for each it is worked out how much the likelihood of the corpus would fall without
it, and only the upper three quarters stay. Single characters always stay, so that every word can be spelled.

The defaults are those of SentencePiece, and so is the choice between two M steps, ``sparse_prior``. The plain one
gives a piece the probability :math:`c / \sum c'`. SentencePiece's own gives it
:math:`\exp(\psi(c) - \psi(\sum c'))`, with the digamma function :math:`\psi`; that is
about :math:`(c - \tfrac12) / \sum c'` and so takes most from pieces that are hardly used.

Source: :cite:t:`kudo2018subword`, section 3.2; :cite:t:`liang2007structured` for the sparse prior.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf, log

from llmguide.tokenizers.lattice import expected_counts, forward, n_best_paths
from llmguide.tokenizers.unigram import Unigram

KEPT_COUNT = 0.5
"""Pieces that are expected less often than this in the whole corpus are dropped by the M step."""

OVERSHOOT = 1.1
"""Pruning stops at this multiple of the size that is wanted; the last pieces go by probability alone."""


@dataclass(frozen=True)
class Round:
    """The vocabulary at one moment of training.

    Attributes:
        step: What was done: ``"seed"``, ``"em"``, ``"prune"`` or ``"final"``.
        pieces: The pieces and their log probabilities.
        log_likelihood: The log probability of the whole corpus under them.
    """

    step: str
    pieces: dict[str, float]
    log_likelihood: float

    @property
    def size(self) -> int:
        """The number of pieces."""
        return len(self.pieces)


def seed_pieces(word_counts: Mapping[str, int], seed_size: int, max_piece_length: int) -> dict[str, float]:
    """Choose the pieces to begin with: all characters, and the substrings that cover most of the corpus.

    A substring counts if it occurs twice or more. One that is always followed by the same character is left out, because
    the longer one can do all that it can.

    Args:
        word_counts: The words of a corpus and how often each occurs.
        seed_size: How many substrings to choose at most.
        max_piece_length: The number of characters that a piece may have.

    Returns:
        Log probabilities in proportion to the number of characters that all occurrences cover.

    Example:
        >>> list(seed_pieces({"low": 2, "lowest": 1, "west": 1}, seed_size=10, max_piece_length=16))
        ['w', 'l', 'o', 'e', 's', 't', 'low', 'west']
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
    chosen = _ranked(characters) + _ranked(coverage)[:seed_size]
    total = log(sum(count for _, count in chosen))
    return {piece: log(count) - total for piece, count in chosen}


def e_step(pieces: Mapping[str, float], word_counts: Mapping[str, int]) -> tuple[dict[str, float], float]:
    """Count how often each piece is expected in a corpus.

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
    kept = {
        piece: max(count, KEPT_COUNT) for piece, count in counts.items() if count >= KEPT_COUNT or len(piece) == 1
    }
    logarithm = digamma if sparse_prior else log
    total = logarithm(sum(kept.values()))
    return {piece: logarithm(count) - total for piece, count in kept.items()}


def digamma(x: float) -> float:
    """Compute the derivative of the logarithm of the gamma function.

    Args:
        x: A positive number.

    Returns:
        The value, to about 14 digits.

    Source: the recurrence and the asymptotic series of :cite:t:`abramowitz1964handbook`, 6.3.5 and 6.3.18.

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
    counts = [0] * len(model.tokens)
    in_words = [0] * len(model.tokens)
    for word, occurrences in word_counts.items():
        for number in model.encode(word):
            counts[number] += occurrences
    total = sum(counts)
    found: dict[str, float] = {}
    for number, piece in enumerate(model.tokens):
        if len(piece) == 1:
            continue
        best, *others = n_best_paths(model.lattice(piece), 2)
        if counts[number] == 0 or len(best[0]) > 1:
            found[piece] = 0.0
            continue
        alternative = [arc.token for arc in others[0][0]]
        log_total = log(total + counts[number] * (len(alternative) - 1))
        without = sum(log(counts[other] + counts[number]) - log_total for other in alternative)
        found[piece] = counts[number] * (log(counts[number]) - log(total) - without)
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
    kept.update(piece for piece, _ in _ranked(lost)[: max(0, size - len(kept))])
    return {piece: score for piece, score in pieces.items() if piece in kept}


def _ranked(values: Mapping[str, float]) -> list[tuple[str, float]]:
    """Order by value, the highest first, and by the text where values are equal."""
    return sorted(values.items(), key=lambda item: (-item[1], item[0]))


def trace_training(
    word_counts: Mapping[str, int],
    vocab_size: int,
    *,
    seed_size: int = 1_000_000,
    max_piece_length: int = 16,
    shrinking_factor: float = 0.75,
    em_steps: int = 2,
    sparse_prior: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> list[Round]:
    """Train and keep the vocabulary after every step.

    Args:
        word_counts: The words of a corpus and how often each occurs.
        vocab_size: The number of pieces to stop at.
        seed_size: How many substrings to begin with at most.
        max_piece_length: The number of characters that a piece may have.
        shrinking_factor: The share of pieces that pruning keeps.
        em_steps: How many E and M steps to take between two prunings.
        sparse_prior: Whether the M step is SentencePiece's; see above.
        progress: Called after each round with the number of pieces and ``vocab_size``.

    Returns:
        The rounds in order; the last is the result. It holds fewer than ``vocab_size`` pieces if the corpus has not so
        many.

    Raises:
        ValueError: If there is no word, if ``vocab_size`` is below the number of characters, or if another setting is
            out of range.
    """
    words = {word: occurrences for word, occurrences in word_counts.items() if word}
    characters = {character for word in words for character in word}
    if not words:
        raise ValueError("there is no word to learn from")
    if vocab_size < len(characters):
        raise ValueError(f"vocab_size ({vocab_size}) must be at least {len(characters)}, the number of characters")
    if not 0 < shrinking_factor < 1:
        raise ValueError(f"shrinking_factor ({shrinking_factor}) must lie between 0 and 1")
    if em_steps < 1 or max_piece_length < 1 or seed_size < 0:
        raise ValueError(
            f"em_steps ({em_steps}) and max_piece_length ({max_piece_length}) must be at least 1, "
            f"seed_size ({seed_size}) at least 0"
        )
    rounds: list[tuple[str, dict[str, float]]] = []

    def enter(step: str, pieces: dict[str, float]) -> None:
        rounds.append((step, pieces))
        if progress is not None:
            progress(len(pieces), vocab_size)

    likelihoods: list[float] = []
    pieces = seed_pieces(words, seed_size, max_piece_length)
    enter("seed", pieces)
    while True:
        for _ in range(em_steps):
            counts, log_likelihood = e_step(pieces, words)
            likelihoods.append(log_likelihood)
            pieces = m_step(counts, sparse_prior)
            enter("em", pieces)
        if len(pieces) <= int(OVERSHOOT * vocab_size):
            break
        likelihoods.append(e_step(pieces, words)[1])
        size = max(int(OVERSHOOT * vocab_size), int(shrinking_factor * len(pieces)))
        pieces = prune(pieces, words, size)
        enter("prune", pieces)
    likelihoods.append(e_step(pieces, words)[1])
    rest = _ranked({piece: score for piece, score in pieces.items() if piece not in characters})
    chosen = {piece: pieces[piece] for piece in characters} | dict(rest[: vocab_size - len(characters)])
    pieces = dict(_ranked(chosen))
    enter("final", pieces)
    likelihoods.append(e_step(pieces, words)[1])
    return [Round(step, kept, likelihood) for (step, kept), likelihood in zip(rounds, likelihoods, strict=True)]
