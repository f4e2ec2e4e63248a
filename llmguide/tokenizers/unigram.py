"""The unigram language model: of all ways to cut a word, the one that is most probable.

Byte-pair encoding remembers how pieces came about and replays that. A unigram model keeps only how probable each piece
is. The probability of a segmentation is the product of its pieces' probabilities, as if each were drawn without regard
to its neighbours, and that makes every segmentation of a word comparable with every other: there is a best one, a
second best, and a way to draw one at random.

:mod:`llmguide.tokenizers.unigram_training` learns the pieces; :mod:`llmguide.tokenizers.lattice` holds the algorithms.

Source: :cite:t:`kudo2018subword`.
"""

from array import array
from dataclasses import dataclass
from functools import cached_property
from math import inf
from random import Random

from llmguide.tokenizers.lattice import (
    Arc,
    Lattice,
    Path,
    best_path,
    expected_counts,
    forward,
    n_best_paths,
    sample_path,
)
from llmguide.tokenizers.models import BYTE_TOKENS, check_vocabulary, join_unknown, spell_bytes
from llmguide.tokenizers.normalizers import Span

UNKNOWN_PENALTY = 10.0
"""How far below the least probable piece, in logarithms, a character that the vocabulary lacks is rated."""


@dataclass(frozen=True)
class Unigram:
    """Pieces and their probabilities.

    Attributes:
        tokens: The vocabulary; a token's position is its id.
        scores: The natural logarithm of each token's probability; minus infinity for tokens that text never yields
            (special tokens, the unknown token, the tokens for bytes).
        unknown: The token for characters that the vocabulary lacks; neighbouring ones share it. ``None``: such a
            character is an error, unless ``byte_fallback``.
        byte_fallback: Whether such a character is spelled by the tokens ``<0x00>`` to ``<0xFF>`` instead.
        single_precision: Whether encoding rounds sums to 32 bits as SentencePiece does, to settle near ties alike.

    Raises:
        ValueError: If a token is empty or given twice, if there is not one score for each token, if a score is not a
            number or plus infinity, or if the unknown token or a token for a byte is missing or has a score.

    Example:
        >>> model = Unigram(("l", "o", "w", "lo", "low", "ow"), (-3.0, -3.0, -3.0, -4.0, -6.0, -2.5))
        >>> [model.tokens[number] for number in model.encode("low")]
        ['l', 'ow']
        >>> model.n_best("low", 3)
        [(('l', 'ow'), -5.5), (('low',), -6.0), (('lo', 'w'), -7.0)]
    """

    tokens: tuple[str, ...]
    scores: tuple[float, ...]
    unknown: str | None = None
    byte_fallback: bool = False
    single_precision: bool = False

    def __post_init__(self) -> None:
        if len(self.tokens) != len(self.scores):
            raise ValueError(f"{len(self.tokens)} tokens have {len(self.scores)} scores; expected one score for each")
        check_vocabulary(self.tokens, self.unknown)
        for token, score in zip(self.tokens, self.scores, strict=True):
            if not token:
                raise ValueError("a token is the empty string; each needs at least one character")
            if not score < inf:
                raise ValueError(f"token {token!r} has the score {score}; expected a log probability")
        reserved = [self.unknown] if self.unknown is not None else []
        for token in (*reserved, *(BYTE_TOKENS if self.byte_fallback else ())):
            if token not in self.ids or self.makes(token):
                raise ValueError(f"the token {token!r} must be in the vocabulary, with the score minus infinity")

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of each token."""
        return {token: number for number, token in enumerate(self.tokens)}

    @cached_property
    def unknown_score(self) -> float:
        """How a character is rated that the vocabulary lacks."""
        score = min((score for score in self.scores if score > -inf), default=0.0) - UNKNOWN_PENALTY
        return array("f", [score])[0] if self.single_precision else score

    def lattice(self, word: str) -> Lattice:
        """Find every piece that may stand in a word.

        A character that is no piece by itself gets an arc as well, with the id of the unknown token or, spelled in
        bytes, with -1; if there is neither, then none.

        Args:
            word: One word, as pre-tokenization made it.

        Returns:
            The lattice of its segmentations.

        Example:
            >>> Unigram(("a", "aa"), (-1.0, -1.5)).lattice("aa").arcs[1]
            Arc(start=0, end=2, token=1, score=-1.5)
        """
        arcs: list[Arc] = []
        unknown = -1 if self.byte_fallback else self.ids[self.unknown] if self.unknown is not None else None
        for start, character in enumerate(word):
            if character not in self._pieces and unknown is not None:
                arcs.append(Arc(start, start + 1, unknown, self.unknown_score))
            for end in range(start + 1, min(start + self._longest.get(character, 0), len(word)) + 1):
                number = self._pieces.get(word[start:end])
                if number is not None:
                    arcs.append(Arc(start, end, number, self.scores[number]))
        return Lattice(len(word), tuple(arcs))

    def encode(self, word: str) -> list[int]:
        """Give the ids of a word's most probable segmentation.

        Args:
            word: One word, as pre-tokenization made it.

        Returns:
            One id for each piece; the same id for a stretch of unknown characters, or one for each of their bytes.

        Raises:
            ValueError: If the pieces cannot spell the word and there is no unknown token.
        """
        return [number for number, _ in self.locate(word)]

    def locate(self, word: str) -> list[tuple[int, Span]]:
        """Give the ids of a word's most probable segmentation and the stretch of the word that each covers.

        Args:
            word: One word, as pre-tokenization made it.

        Returns:
            Id and stretch of each piece; the bytes of one character all cover it.

        Raises:
            ValueError: If the pieces cannot spell the word and there is no unknown token.
        """
        return self._name(word, best_path(self.lattice(word), self.single_precision))

    def makes(self, token: str) -> bool:
        """Tell whether ordinary text could become this token, which is so if it has a probability."""
        return token in self._pieces

    def sample(self, word: str, random: Random, alpha: float = 1.0) -> list[int]:
        """Draw a segmentation at random, as subword regularization does in training.

        Args:
            word: One word, as pre-tokenization made it.
            random: Where the choices come from.
            alpha: The power to which probabilities are raised: 1 draws by the model, 0 all segmentations alike, large
                values give nearly always the most probable.

        Returns:
            The ids of the segmentation.

        Raises:
            ValueError: If the pieces cannot spell the word and there is no unknown token.

        Source: :cite:t:`kudo2018subword`, section 3.3.
        """
        return [number for number, _ in self._name(word, sample_path(self.lattice(word), random, alpha))]

    def n_best(self, word: str, n: int) -> list[tuple[tuple[str, ...], float]]:
        """Give the most probable segmentations.

        Args:
            word: One word, as pre-tokenization made it.
            n: How many to give.

        Returns:
            The stretches of the word and the log probability of each segmentation, the most probable first.

        Raises:
            ValueError: If ``n`` is negative.
        """
        return [
            (tuple(word[arc.start : arc.end] for arc in path), score)
            for path, score in n_best_paths(self.lattice(word), n)
        ]

    def log_likelihood(self, word: str) -> float:
        """Give the log probability of a word: of all its segmentations together.

        Args:
            word: One word, as pre-tokenization made it.

        Returns:
            The natural logarithm; minus infinity if the pieces cannot spell the word.

        Example:
            >>> from math import exp, log
            >>> model = Unigram(("a", "aa"), (log(0.5), log(0.5)))
            >>> round(exp(model.log_likelihood("aa")), 6)  # a·a has the probability 1/4, aa 1/2
            0.75
        """
        return forward(self.lattice(word))[-1]

    def expected_counts(self, word: str) -> dict[str, float]:
        """Give how often each piece occurs in a word, on average over its segmentations by their probabilities.

        Args:
            word: One word, as pre-tokenization made it.

        Returns:
            The mean number of occurrences by piece, in the order of ids.
        """
        counts = expected_counts(self.lattice(word))
        return {self.tokens[number]: counts[number] for number in sorted(counts) if number >= 0}

    @cached_property
    def _pieces(self) -> dict[str, int]:
        """The ids of the tokens that text can yield."""
        return {token: number for token, number in self.ids.items() if self.scores[number] > -inf}

    @cached_property
    def _longest(self) -> dict[str, int]:
        """For each character the length of the longest piece that begins with it."""
        longest: dict[str, int] = {}
        for piece in self._pieces:
            longest[piece[0]] = max(longest.get(piece[0], 0), len(piece))
        return longest

    def _name(self, word: str, path: Path | None) -> list[tuple[int, Span]]:
        """Turn a path into ids: join neighbouring unknown characters, or spell each in bytes."""
        if path is None:
            missing = next((character for character in word if character not in self._pieces), word)
            raise ValueError(f"no pieces spell {word!r} ({missing!r} is none) and there is no unknown token")
        found = (
            (place, (start, end))
            for start, end, number, _ in path
            for place in ([number] if number >= 0 else map(self.ids.__getitem__, spell_bytes(word[start:end])))
        )
        return join_unknown(found, None if self.unknown is None else self.ids[self.unknown])
