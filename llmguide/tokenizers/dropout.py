"""BPE-dropout: the same vocabulary, but a word cut in another way each time.

Byte-pair encoding always cuts a word in the same way, so a model trained on its tokens never sees the parts of a
frequent word. BPE-dropout forgets some merges at random while a word is encoded. It is meant for training; afterwards
text is encoded as ever.

Three programs draw differently in detail:

* Algorithm 1 of :cite:t:`provilkov2020bpe`, and this module: at every step each *place* where a merge could happen is
  dropped with probability *p*; the best merge of what is left is made, at its leftmost place; all that was dropped is
  possible again at the next step. Encoding ends when nothing is left.
* ``subword-nmt`` draws in the same way, but then makes the best merge at all of its places that are left at once.
* The ``tokenizers`` library keeps the merges in a queue and draws when one comes to the front. What it drops becomes
  possible again as soon as another entry is not dropped, even if that entry is out of date because an earlier merge
  took one of its symbols. So where merges overlap, it drops a little less than *p* says.

Without dropout and with *p* = 1 all three agree. In between, each way to cut a word has the same probability with the
library as here where no two merges overlap, and with ``subword-nmt`` where no merge is possible at two places at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random

from llmguide.tokenizers.bpe import Bpe, Pair, Symbols, split_word
from llmguide.tokenizers.normalizers import Span
from llmguide.tokenizers.special import AllowedSpecial
from llmguide.tokenizers.tokenizer import Encoding, Tokenizer


def sample_word(word: Symbols, ranks: Mapping[Pair, int], p: float, generator: Random) -> Symbols:
    """Join neighbours in one word as :func:`llmguide.tokenizers.bpe.encode_word`, but drop merges at random.

    Args:
        word: The word, cut into characters.
        ranks: The position of each merge in the order of learning: 0 for the first.
        p: The probability with which each possible merge is dropped, at every step anew.
        generator: Where chance comes from.

    Returns:
        One way to cut the word. With ``p=0`` it is the usual one, with ``p=1`` the word stays in characters.

    Raises:
        ValueError: If ``p`` is no probability.

    Source: :cite:t:`provilkov2020bpe`, algorithm 1.

    Example:
        >>> ranks = {("l", "o"): 0, ("lo", "w"): 1, ("e", "r"): 2}
        >>> generator = Random(0)
        >>> for _ in range(3):
        ...     print(sample_word(("l", "o", "w", "e", "r"), ranks, 0.5, generator))
        ('lo', 'w', 'e', 'r')
        ('low', 'e', 'r')
        ('low', 'er')
    """
    _refuse_no_probability(p)
    symbols = word
    while True:
        kept = [place for place in _places(symbols, ranks) if generator.random() >= p]
        if not kept:
            return symbols
        symbols = _join(symbols, kept[0])


def split_probabilities(word: Symbols, ranks: Mapping[Pair, int], p: float) -> dict[Symbols, float]:
    """Work out how likely each way to cut a word is, without drawing.

    The best merge is made with probability 1 - *p*, the second best with *p* (1 - *p*), and so on; none, with *p* to
    the power of their number. The number of ways grows exponentially with the length of the word.

    Args:
        word: The word, cut into characters.
        ranks: The position of each merge in the order of learning: 0 for the first.
        p: The probability with which each possible merge is dropped, at every step anew.

    Returns:
        Each way that :func:`sample_word` can cut the word and its probability, the likeliest first.

    Raises:
        ValueError: If ``p`` is no probability.

    Example:
        >>> split_probabilities(("l", "o", "w"), {("l", "o"): 0, ("lo", "w"): 1}, p=0.5)
        {('l', 'o', 'w'): 0.5, ('lo', 'w'): 0.25, ('low',): 0.25}
    """
    _refuse_no_probability(p)
    ended: dict[Symbols, float] = {}
    reached: dict[Symbols, float] = {word: 1}
    while reached:  # all that can be reached with so many merges
        following: dict[Symbols, float] = {}
        for symbols, probability in reached.items():
            left = probability  # of it, what remains after this place
            for place in _places(symbols, ranks):
                merged = _join(symbols, place)
                following[merged] = following.get(merged, 0) + left * (1 - p)
                left *= p
            ended[symbols] = ended.get(symbols, 0) + left
        reached = {symbols: probability for symbols, probability in following.items() if probability > 0}
    possible = [(symbols, probability) for symbols, probability in ended.items() if probability > 0]
    return dict(sorted(possible, key=lambda one: one[1], reverse=True))


def sample(
    tokenizer: Tokenizer, text: str, p: float, generator: Random, allowed_special: AllowedSpecial = ()
) -> Encoding:
    """Turn a text into tokens as :meth:`~llmguide.tokenizers.tokenizer.Tokenizer.encode`, but drop merges at random.

    Args:
        tokenizer: A tokenizer whose model is byte-pair encoding. It stays as it is.
        text: Any text.
        p: The probability with which each possible merge is dropped, at every step anew.
        generator: Where chance comes from.
        allowed_special: The special tokens to recognize in the text, or ``"all"``. These are never cut.

    Returns:
        Ids, tokens and offsets. They decode to the same text as those of ``encode``. A model that takes whole words
        before its merges does so only with ``p=0``, as in the ``tokenizers`` library.

    Raises:
        ValueError: If ``p`` is no probability, or as ``encode``.
        TypeError: If the model is another than :class:`~llmguide.tokenizers.bpe.Bpe`.

    Example:
        >>> from llmguide.tokenizers import train_tokenizer
        >>> tokenizer = train_tokenizer(["low lower lowest"], vocab_size=259)
        >>> sample(tokenizer, "low lower", 0.5, Random(2)).tokens
        ['low', 'Ġ', 'l', 'o', 'w', 'e', 'r']
    """
    _refuse_no_probability(p)
    if not isinstance(tokenizer.model, Bpe):
        raise TypeError(
            f"BPE-dropout drops merges, which {type(tokenizer.model).__name__} has not; give a tokenizer with a Bpe"
        )
    if p == 0:
        return tokenizer.encode(text, allowed_special)
    return replace(tokenizer, model=_Dropout(tokenizer.model, p, generator)).encode(text, allowed_special)


def sample_ids(
    tokenizer: Tokenizer, text: str, p: float, generator: Random, allowed_special: AllowedSpecial = ()
) -> list[int]:
    """Give the ids of :func:`sample` alone.

    Args:
        tokenizer: A tokenizer whose model is byte-pair encoding.
        text: Any text.
        p: The probability with which each possible merge is dropped, at every step anew.
        generator: Where chance comes from.
        allowed_special: The special tokens to recognize in the text, or ``"all"``.

    Returns:
        The ids.

    Raises:
        ValueError: As :func:`sample`.
        TypeError: As :func:`sample`.
    """
    return sample(tokenizer, text, p, generator, allowed_special).ids


@dataclass(frozen=True)
class _Dropout:
    """A model that cuts a piece in another way each time; of use only where no word is remembered."""

    model: Bpe
    p: float
    generator: Random

    @property
    def tokens(self) -> tuple[str, ...]:
        return self.model.tokens

    @property
    def ids(self) -> dict[str, int]:
        return self.model.ids

    @property
    def unknown(self) -> str | None:
        return self.model.unknown

    def locate(self, word: str) -> list[tuple[int, Span]]:
        symbols = split_word(word, self.model.end_of_word)
        return self.model.place(sample_word(symbols, self.model.ranks, self.p, self.generator))

    def encode(self, word: str) -> list[int]:
        return [number for number, _ in self.locate(word)]

    def makes(self, token: str) -> bool:
        return self.model.makes(token)


def _places(symbols: Symbols, ranks: Mapping[Pair, int]) -> list[int]:
    """Find where a merge is possible: the merge learned first comes first, and of its places the leftmost."""
    found = [(ranks[pair], place) for place, pair in enumerate(pairwise(symbols)) if pair in ranks]
    return [place for _, place in sorted(found)]


def _join(symbols: Symbols, place: int) -> Symbols:
    """Make one symbol of the two at a place."""
    return (*symbols[:place], symbols[place] + symbols[place + 1], *symbols[place + 2 :])


def _refuse_no_probability(p: float) -> None:
    """Raise unless a number is a probability."""
    if not 0 <= p <= 1:
        raise ValueError(f"p is {p}; expected a probability, from 0 to 1")
