"""What a tokenizer does to a text, in numbers and to look at.

Every measure here depends on the text as much as on the tokenizer: numbers of two tokenizers can be compared only over
the same text, and those of two texts only with the same tokenizer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from math import fsum, log

from llmguide.tokenizers.normalizers import Span
from llmguide.tokenizers.pretokenizers import WHITESPACE, PreTokenizer
from llmguide.tokenizers.special import AllowedSpecial
from llmguide.tokenizers.tokenizer import Tokenizer

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True)
class TextMeasures:
    """How a tokenizer cuts a text.

    Attributes:
        tokens: The number of tokens, those of white space included.
        words: The number of words.
        continued: The number of words that two tokens or more have a part in.
        characters: The number of characters (code points) of the text, white space included.
        bytes: The number of bytes of its UTF-8 form.

    Source: :cite:t:`rust2021good` for fertility and the share of continued words, there over the words of treebanks.
    """

    tokens: int
    words: int
    continued: int
    characters: int
    bytes: int

    @property
    def fertility(self) -> float:
        """Tokens per word."""
        return _divide(self.tokens, self.words)

    @property
    def continued_share(self) -> float:
        """The share of words that more than one token has a part in."""
        return _divide(self.continued, self.words)

    @property
    def bytes_per_token(self) -> float:
        """The compression: the number of bytes that a token stands for on average."""
        return _divide(self.bytes, self.tokens)

    @property
    def characters_per_token(self) -> float:
        """The number of characters that a token stands for on average."""
        return _divide(self.characters, self.tokens)


def measure(tokenizer: Tokenizer, texts: Iterable[str], words: PreTokenizer = WHITESPACE) -> TextMeasures:
    """Count what a tokenizer makes of some texts.

    A word is what ``words`` says it is: by default what stands between white space, with its punctuation. A token has
    a part in a word if the two share a character of the text, so a token such as ``Ġlow`` counts for the word behind
    the space. Scripts that put no spaces between words, such as Thai or Chinese, need another ``words``.

    Args:
        tokenizer: The tokenizer.
        texts: The texts; special tokens in them are text like any other.
        words: What cuts a text into words.

    Returns:
        The counts over all texts.

    Raises:
        ValueError: If ``texts`` is one string instead of several, or as
            :meth:`~llmguide.tokenizers.tokenizer.Tokenizer.encode`.

    Example:
        >>> from llmguide.tokenizers import train_tokenizer
        >>> tokenizer = train_tokenizer(["low lower lowest"], vocab_size=259)
        >>> tokenizer.encode("low lower").tokens
        ['low', 'Ġlow', 'e', 'r']
        >>> measured = measure(tokenizer, ["low lower"])
        >>> measured.fertility, measured.continued_share, measured.bytes_per_token
        (2.0, 0.5, 2.25)
    """
    if isinstance(texts, str):
        raise ValueError("texts must be several texts, for example a list; got one string")
    tokens = n_words = continued = characters = n_bytes = 0
    for text in texts:
        offsets = tokenizer.encode(text).offsets
        found = [(word.start, word.end) for word in words.split(text)]
        tokens += len(offsets)
        n_words += len(found)
        continued += sum(parts > 1 for parts in _count_parts(found, offsets))
        characters += len(text)
        n_bytes += len(text.encode("utf-8"))
    return TextMeasures(tokens, n_words, continued, characters, n_bytes)


def premium(tokenizer: Tokenizer, text: str, other: str) -> float:
    """Compare the lengths of two texts that say the same, for example in two languages.

    Args:
        tokenizer: The tokenizer.
        text: A text.
        other: A text of the same meaning, to compare it with.

    Returns:
        The number of tokens of ``text`` divided by that of ``other``: 1 is parity, 2 a premium of 100 %.

    Raises:
        ValueError: If ``other`` becomes no token.

    Source: :cite:t:`petrov2023language`, section 3.

    Example:
        >>> from llmguide.tokenizers import train_tokenizer
        >>> premium(train_tokenizer(["good day"] * 2, vocab_size=262), "dobrý den", "good day")
        5.0
    """
    return _divide(len(tokenizer.encode_ids(text)), len(tokenizer.encode_ids(other)))


def renyi_efficiency(counts: Mapping[int, int], alpha: float = 2.5, vocab_size: int | None = None) -> float:
    r"""Measure how evenly the tokens of a text use the vocabulary.

    .. math:: \frac{1}{\log D} \cdot \frac{1}{1 - \alpha} \log \sum_{i=1}^{D} p_i^{\alpha}

    It is 1 if every token is as frequent as any other. At :math:`\alpha = 1` it is the efficiency in the sense of
    Shannon, the entropy divided by its maximum; a larger :math:`\alpha` looks more at the frequent tokens.

    Args:
        counts: How often each token occurs; a :class:`~collections.Counter` of ids does.
        alpha: The order of the entropy; 2.5 is the one for which its authors report a correlation with the quality of
            translations.
        vocab_size: The number *D* of tokens that could occur. ``None``: the number of those that do, as in the program
            ``tokenization-scorer`` of the same authors.

    Returns:
        The efficiency.

    Raises:
        ValueError: If ``alpha`` is not positive, if the vocabulary has fewer than two tokens, or if more occur.

    Source: :cite:t:`zouhar2023tokenization`.

    Example:
        >>> renyi_efficiency({0: 5, 1: 5, 2: 5, 3: 5})
        1.0
        >>> renyi_efficiency({0: 2, 1: 1, 2: 1}, alpha=2, vocab_size=4)  # (1/4 + 1/16 + 1/16) = 3/8
        0.7075187496394219
    """
    if alpha <= 0:
        raise ValueError(f"alpha is {alpha}; expected a positive order")
    occurring = [count for count in counts.values() if count > 0]
    size = len(occurring) if vocab_size is None else vocab_size
    if size < max(2, len(occurring)):
        raise ValueError(f"{len(occurring)} tokens occur in a vocabulary of {size}; it must hold them and at least 2")
    total = sum(occurring)
    shares = [count / total for count in occurring]
    if alpha == 1:
        entropy = -fsum(share * log(share) for share in shares)
    else:
        entropy = log(fsum(share**alpha for share in shares)) / (1 - alpha)
    return entropy / log(size)


@dataclass(frozen=True)
class Stretch:
    """A stretch of a text that no cut between tokens goes through.

    Attributes:
        text: The stretch.
        tokens: The tokens that share it: usually one, several for the bytes of a character, none for what was dropped.
    """

    text: str
    tokens: tuple[str, ...]


def stretches(tokenizer: Tokenizer, text: str, allowed_special: AllowedSpecial = ()) -> list[Stretch]:
    """Cut a text where its tokens meet.

    Args:
        tokenizer: The tokenizer.
        text: Any text.
        allowed_special: The special tokens to recognize in it, or ``"all"``.

    Returns:
        The stretches from left to right; joined, they are the text. Tokens that stand for nothing of it are left out.

    Raises:
        ValueError: As :meth:`~llmguide.tokenizers.tokenizer.Tokenizer.encode`.

    Example:
        >>> from llmguide.tokenizers import train_tokenizer
        >>> for stretch in stretches(train_tokenizer(["low lower"], vocab_size=259), "low é"):
        ...     print(stretch)
        Stretch(text='low', tokens=('low',))
        Stretch(text=' ', tokens=('Ġ',))
        Stretch(text='é', tokens=('Ã', '©'))
    """
    encoding = tokenizer.encode(text, allowed_special)
    groups: list[tuple[int, int, tuple[str, ...]]] = []
    for token, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True):
        if start == end:
            continue
        last = groups[-1][1] if groups else 0
        if start < last:  # a share of what the token before it covers
            first, last, before = groups.pop()
            groups.append((first, max(last, end), (*before, token)))
            continue
        if start > last:
            groups.append((last, start, ()))
        groups.append((start, end, (token,)))
    covered = groups[-1][1] if groups else 0
    if covered < len(text):
        groups.append((covered, len(text), ()))
    return [Stretch(text[start:end], tokens) for start, end, tokens in groups]


def show_cuts(tokenizer: Tokenizer, text: str, mark: str = "|", allowed_special: AllowedSpecial = ()) -> str:
    """Write a text with marks where its tokens meet.

    Args:
        tokenizer: The tokenizer.
        text: Any text.
        mark: What to put at a cut.
        allowed_special: The special tokens to recognize in the text, or ``"all"``.

    Returns:
        The text with its marks. A stretch that several tokens share carries their number.

    Raises:
        ValueError: As :meth:`~llmguide.tokenizers.tokenizer.Tokenizer.encode`.

    Example:
        >>> from llmguide.tokenizers import train_tokenizer
        >>> show_cuts(train_tokenizer(["low lower"], vocab_size=259), "low lower é")
        'low| |low|er| |é₂'
    """
    found = stretches(tokenizer, text, allowed_special)
    return mark.join(
        one.text + (str(len(one.tokens)).translate(_SUBSCRIPTS) if len(one.tokens) > 1 else "") for one in found
    )


def _count_parts(words: list[Span], offsets: list[Span]) -> list[int]:
    """Count for each word the tokens that have a part in it."""
    parts = [0] * len(words)
    word_at = dict(chain.from_iterable(((place, n) for place in range(*span)) for n, span in enumerate(words)))
    for span in offsets:
        for number in {word_at[place] for place in range(*span) if place in word_at}:
            parts[number] += 1
    return parts


def _divide(part: int, whole: int) -> float:
    """Divide two counts."""
    if whole == 0:
        raise ValueError(f"nothing to compare {part} with: the text holds no word, or becomes no token")
    return part / whole
