"""WordPiece: the vocabulary of BERT, and how it cuts words.

Encoding takes the longest token that fits, again and again. A token that continues a word is spelled with a prefix, so
that ``##er`` in ``lower`` and ``er`` at the beginning of ``error`` are different tokens.

Training joins pairs as byte-pair encoding does, but chooses them otherwise. The code with which BERT's vocabulary was
made was never published. Published descriptions join the pair that raises the likelihood of the corpus most, which they
write as a score of each pair; the trainer of the ``tokenizers`` library joins the most frequent pair. Both are here:
they are the two values of :data:`Criterion`. :mod:`llmguide.tokenizers.fast_wordpiece` trains the same sooner.

Source: :cite:t:`schuster2012japanese` for the idea, :cite:t:`devlin2019bert` for the vocabulary.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

from llmguide.tokenizers.bpe import Pair, Symbols, count_pairs, first_ids
from llmguide.tokenizers.models import check_choice, check_vocabulary
from llmguide.tokenizers.normalizers import Span

Criterion = Literal["likelihood", "count"]
"""Which pair training joins: the one with the best ratio of counts, or the most frequent one."""


def split_word(word: str, prefix: str = "##") -> Symbols:
    """Cut a word into its characters, all but the first marked as continuing it.

    Args:
        word: The word.
        prefix: What to put before a character that does not begin the word.

    Returns:
        The symbols that training starts from; none for the empty word.

    Example:
        >>> split_word("low")
        ('l', '##o', '##w')
    """
    return tuple(prefix + character if place else character for place, character in enumerate(word))


def join(pair: Pair, prefix: str = "##") -> str:
    """Spell the token that two neighbours make together.

    Args:
        pair: The two symbols.
        prefix: What the second begins with, and the first if it does not begin the word.

    Returns:
        The token.

    Example:
        >>> join(("##e", "##r"))
        '##er'
    """
    return pair[0] + pair[1].removeprefix(prefix)


def merge(symbols: Symbols, pair: Pair, prefix: str = "##") -> Symbols:
    """Join a pair wherever it occurs in a word, from left to right.

    Args:
        symbols: The word, cut into symbols.
        pair: The two neighbours to join.
        prefix: As in :func:`join`.

    Returns:
        The word with each occurrence of the pair made one symbol.

    Example:
        >>> merge(("h", "##u", "##g", "##s"), ("##g", "##s"))
        ('h', '##u', '##gs')
    """
    merged: list[str] = []
    position = 0
    while position < len(symbols):
        if symbols[position : position + 2] == pair:
            merged.append(join(pair, prefix))
            position += 2
        else:
            merged.append(symbols[position])
            position += 1
    return tuple(merged)


def score_pairs(words: Mapping[Symbols, int], criterion: Criterion = "likelihood") -> dict[Pair, float]:
    r"""Score each pair of neighbours; training joins the pair with the highest score.

    .. math:: \frac{n(a, b)}{n(a)\, n(b)}

    where :math:`n` counts how often a pair or a symbol occurs. If symbols are drawn independently, the logarithm of
    this ratio is, up to a constant, what each joined occurrence adds to the log-likelihood of the corpus.

    Args:
        words: The words of a corpus, cut into symbols, each with the number of times it occurs.
        criterion: ``"likelihood"`` for the ratio, ``"count"`` for the number of occurrences alone.

    Returns:
        The score of each pair.

    Raises:
        ValueError: If ``criterion`` is neither of the two.

    Example:
        >>> words = {("h", "##u", "##g"): 3, ("h", "##u", "##g", "##s"): 1, ("p", "##u", "##g"): 2}
        >>> score_pairs(words, "count")[("##u", "##g")], round(score_pairs(words)[("##u", "##g")], 3)
        (6, 0.167)
        >>> round(score_pairs(words)[("h", "##u")], 3)
        0.167
    """
    check_choice("criterion", criterion, get_args(Criterion))
    pairs = count_pairs(words)
    if criterion == "count":
        return dict(pairs)
    singles: Counter[str] = Counter()
    for symbols, occurrences in words.items():
        for symbol in symbols:
            singles[symbol] += occurrences
    return {pair: count / (singles[pair[0]] * singles[pair[1]]) for pair, count in pairs.items()}


def train(
    word_counts: Mapping[str, int],
    vocab_size: int,
    *,
    criterion: Criterion = "likelihood",
    special_tokens: Iterable[str] = (),
    unknown: str = "[UNK]",
    prefix: str = "##",
    min_count: int = 1,
) -> "WordPiece":
    """Grow a vocabulary by joining, again and again, the pair with the highest score.

    Among equals the one with the smallest ids wins. The first ids belong to the special tokens, then come the
    characters of the corpus by code point, then those that continue a word.

    Args:
        word_counts: The words of a corpus and how often each occurs.
        vocab_size: The number of tokens to stop at.
        criterion: How pairs are scored, see :func:`score_pairs`.
        special_tokens: Tokens that text never yields, besides ``unknown``.
        unknown: The token for a word that the vocabulary cannot write; it takes the first id.
        prefix: What marks a token that continues a word.
        min_count: The number of occurrences below which a pair is not joined. The ratio is highest for what occurs
            only once, so real corpora need a higher number with it.

    Returns:
        The vocabulary. It holds fewer than ``vocab_size`` tokens if the corpus runs out of pairs.

    Raises:
        ValueError: If there is no word, if ``vocab_size`` is below the number of tokens needed before the first pair is
            joined, or if ``criterion`` is neither of the two.

    Example:
        >>> words = {"hug": 10, "pug": 5, "pun": 12, "bun": 4, "hugs": 5}
        >>> train(words, vocab_size=15).tokens[-3:]
        ('##gs', 'bu', 'bun')
        >>> train(words, vocab_size=15, criterion="count").tokens[-3:]
        ('##ug', '##un', 'hug')
    """
    check_choice("criterion", criterion, get_args(Criterion))
    words = {split_word(word, prefix): count for word, count in word_counts.items() if word}
    special = (unknown, *special_tokens)
    ids = first_ids(words, vocab_size, set("".join(word_counts)), special)
    while len(ids) < vocab_size:
        counts, scores = count_pairs(words), score_pairs(words, criterion)
        allowed = [pair for pair in scores if counts[pair] >= min_count and join(pair, prefix) not in special]
        if not allowed:
            break
        best = min(allowed, key=lambda pair: (-scores[pair], ids[pair[0]], ids[pair[1]]))
        words = {merge(symbols, best, prefix): count for symbols, count in words.items()}
        ids.setdefault(join(best, prefix), len(ids))
    return WordPiece(tuple(ids), unknown, prefix, reserved=special)


@dataclass(frozen=True)
class WordPiece:
    """A vocabulary from which words are cut by the longest match.

    A word that cannot be cut to its end becomes the unknown token as a whole.

    Attributes:
        tokens: The vocabulary; a token's position is its id.
        unknown: The token for a word that the vocabulary cannot write. ``None``: such a word is an error.
        prefix: What marks a token that continues a word.
        longest_word: The number of characters above which a word is unknown without being looked at.
        reserved: Tokens that no text is ever cut into, such as special tokens.

    Raises:
        ValueError: If a token is given twice or the unknown token is not one of them.

    Source: :cite:t:`devlin2019bert`; :cite:t:`song2021fast` show how to do it in time linear in the length of the word.

    Example:
        >>> model = WordPiece(("[UNK]", "un", "##aff", "##able", "##a"))
        >>> [model.tokens[number] for number in model.encode("unaffable")]
        ['un', '##aff', '##able']
    """

    tokens: tuple[str, ...]
    unknown: str | None = "[UNK]"
    prefix: str = "##"
    longest_word: int = 100
    reserved: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_vocabulary(self.tokens, self.unknown)

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of each token."""
        return {token: number for number, token in enumerate(self.tokens)}

    def locate(self, word: str) -> list[tuple[int, Span]]:
        """Cut a word from left to right, at each place by the longest token that fits.

        Args:
            word: One word, as pre-tokenization made it.

        Returns:
            The id of each token and the characters that it covers.

        Raises:
            ValueError: If the vocabulary cannot write the word and there is no unknown token.
        """
        located: list[tuple[int, Span]] = []
        start = 0 if len(word) <= self.longest_word else len(word)
        while start < len(word):
            prefix = self.prefix if start else ""
            for end in range(min(len(word), start + self._longest_token), start, -1):
                if (number := self._matching.get(prefix + word[start:end])) is not None:
                    located.append((number, (start, end)))
                    break
            else:
                return self._as_unknown(word)
            start = end
        return located or self._as_unknown(word)

    def encode(self, word: str) -> list[int]:
        """Give the ids of a word's tokens, as :meth:`locate`."""
        return [number for number, _ in self.locate(word)]

    def makes(self, token: str) -> bool:
        """Tell whether ordinary text could become this token: any that is not reserved."""
        return token not in self.reserved

    @cached_property
    def _matching(self) -> dict[str, int]:
        """The tokens that text can be cut into."""
        return {token: number for token, number in self.ids.items() if token not in self.reserved}

    @cached_property
    def _longest_token(self) -> int:
        return max(map(len, self.tokens))

    def _as_unknown(self, word: str) -> list[tuple[int, Span]]:
        if self.unknown is None:
            raise ValueError(f"the vocabulary cannot write {word!r} and there is no unknown token to stand for it")
        return [(self.ids[self.unknown], (0, len(word)))]
