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

Source: :cite:t:`kudo2018subword`, section 3.2; :cite:t:`liang2007bayesian` for the sparse prior.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf

from llmguide.tokenizers.fast_unigram import e_step
from llmguide.tokenizers.unigram import Unigram
from llmguide.tokenizers.unigram_steps import m_step, prune, ranked, seed_pieces

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
    rest = ranked({piece: score for piece, score in pieces.items() if piece not in characters})
    chosen = {piece: pieces[piece] for piece in characters} | dict(rest[: vocab_size - len(characters)])
    pieces = dict(ranked(chosen))
    enter("final", pieces)
    likelihoods.append(e_step(pieces, words)[1])
    return [Round(step, kept, likelihood) for (step, kept), likelihood in zip(rounds, likelihoods, strict=True)]


def train(
    word_counts: Mapping[str, int],
    vocab_size: int,
    *,
    special_tokens: Iterable[str] = (),
    unknown: str | None = None,
    seed_size: int = 1_000_000,
    max_piece_length: int = 16,
    shrinking_factor: float = 0.75,
    em_steps: int = 2,
    sparse_prior: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Unigram:
    """Learn a unigram model from the words of a corpus.

    Args:
        word_counts: The words of a corpus and how often each occurs.
        vocab_size: The number of tokens: special tokens and pieces together.
        special_tokens: Tokens that text never yields. They take the first ids; the unknown token is the first of them
            if it is not named.
        unknown: The token for characters that the corpus lacks.
        seed_size: How many substrings to begin with at most.
        max_piece_length: The number of characters that a piece may have.
        shrinking_factor: The share of pieces that pruning keeps.
        em_steps: How many E and M steps to take between two prunings.
        sparse_prior: Whether the M step is SentencePiece's; see the beginning of this page.
        progress: Called after each round with the number of tokens and ``vocab_size``.

    Returns:
        The model. It has fewer than ``vocab_size`` tokens if the corpus has not so many pieces.

    Raises:
        ValueError: If there is no word, if ``vocab_size`` is below the number of special tokens and characters, if a
            special token is also a character of the corpus, or if another setting is out of range.

    Example:
        >>> model = train({"low": 5, "lower": 2, "lowest": 6, "slowest": 3}, vocab_size=10)
        >>> [model.tokens[number] for number in model.encode("slower")]
        ['s', 'low', 'e', 'r']
    """
    special = tuple(dict.fromkeys(special_tokens))
    if unknown is not None and unknown not in special:
        special = (unknown, *special)
    characters = len(set().union(*word_counts))
    if vocab_size < len(special) + characters:
        raise ValueError(
            f"vocab_size ({vocab_size}) is below the {len(special)} special tokens and {characters} characters that "
            f"every vocabulary of this corpus holds; give at least {len(special) + characters}"
        )
    rounds = trace_training(
        word_counts,
        vocab_size - len(special),
        seed_size=seed_size,
        max_piece_length=max_piece_length,
        shrinking_factor=shrinking_factor,
        em_steps=em_steps,
        sparse_prior=sparse_prior,
        progress=None if progress is None else lambda size, _: progress(size + len(special), vocab_size),
    )
    pieces = {piece: score for piece, score in rounds[-1].pieces.items() if piece not in special}
    return Unigram((*special, *pieces), (*[-inf] * len(special), *pieces.values()), unknown)
