"""What a tokenizer's model is: a vocabulary, and a rule that cuts a piece of text into tokens of it.

Byte-pair encoding, WordPiece and Unigram are three such rules; a :class:`~llmguide.tokenizers.tokenizer.Tokenizer`
takes any of them.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from llmguide.tokenizers.normalizers import Span


class Model(Protocol):
    """A vocabulary and a rule that cuts a piece into tokens."""

    @property
    def tokens(self) -> tuple[str, ...]:
        """The vocabulary; a token's position is its id."""
        ...

    @property
    def ids(self) -> dict[str, int]:
        """The id of each token."""
        ...

    @property
    def unknown(self) -> str | None:
        """The token for what the vocabulary cannot write. ``None``: such text is an error."""
        ...

    def locate(self, word: str) -> list[tuple[int, Span]]:
        """Cut one piece into tokens that know where they stand.

        Args:
            word: One piece, as pre-tokenization made it; in the byte alphabet if the tokenizer is byte-level.

        Returns:
            The id of each token and the characters of the piece that it covers, from left to right, at least one. The
            tokens for the bytes of one character all cover that character.

        Raises:
            ValueError: If the vocabulary cannot write the piece and there is no unknown token.
        """
        ...

    def encode(self, word: str) -> list[int]:
        """Cut one piece into tokens and give their ids only: the same ids as :meth:`locate`."""
        ...

    def makes(self, token: str) -> bool:
        """Tell whether ordinary text could become this token. Of special tokens it must not."""
        ...


def check_vocabulary(tokens: Iterable[str], unknown: str | None) -> None:
    """Refuse a vocabulary that no model can have.

    Args:
        tokens: The vocabulary.
        unknown: The token for what it cannot write, or ``None``.

    Raises:
        ValueError: If a token is given twice, or the unknown token is not one of them.
    """
    tokens = tuple(tokens)
    refuse_repeats("token", tokens)
    if unknown is not None and unknown not in tokens:
        raise ValueError(f"the unknown token {unknown!r} is not in the vocabulary")


def refuse_repeats(what: str, items: tuple[object, ...]) -> None:
    """Raise if an item occurs twice, naming it.

    Args:
        what: What the items are, for the message.
        items: Any hashable items.

    Raises:
        ValueError: If one occurs more than once.
    """
    if len(set(items)) < len(items):
        repeated = Counter(items).most_common(1)[0][0]
        raise ValueError(f"{what} {repeated!r} occurs more than once; each must be unique")


def check_choice(what: str, choice: str, choices: tuple[str, ...]) -> None:
    """Raise if a setting is none of the words that it may be.

    Args:
        what: The name of the setting, for the message.
        choice: What was given.
        choices: What may be given.

    Raises:
        ValueError: If it is another word.

    Example:
        >>> check_choice("criterion", "counts", ("likelihood", "count"))
        Traceback (most recent call last):
        ValueError: criterion is 'counts'; expected 'likelihood' or 'count'
    """
    if choice not in choices:
        raise ValueError(f"{what} is {choice!r}; expected {' or '.join(map(repr, choices))}")


BYTE_TOKENS: tuple[str, ...] = tuple(f"<0x{byte:02X}>" for byte in range(256))
"""The tokens that spell a character which is in no token, byte by byte, as SentencePiece writes them."""


def spell_bytes(character: str) -> list[str]:
    """Name the byte tokens of a character.

    Args:
        character: One character, or any text.

    Returns:
        One name for each byte of its UTF-8 form.

    Example:
        >>> spell_bytes("é")
        ['<0xC3>', '<0xA9>']
    """
    return [BYTE_TOKENS[byte] for byte in character.encode("utf-8")]


def join_unknown(located: Iterable[tuple[int, Span]], unknown: int | None) -> list[tuple[int, Span]]:
    """Let neighbouring stretches that are unknown share one token, as SentencePiece does.

    Args:
        located: Ids and the stretches that they cover, from left to right.
        unknown: The id of the unknown token; ``None`` if there is none.

    Returns:
        The same, with one entry for each run of unknown stretches.

    Example:
        >>> join_unknown([(7, (0, 2)), (0, (2, 3)), (0, (3, 4)), (7, (4, 6))], unknown=0)
        [(7, (0, 2)), (0, (2, 4)), (7, (4, 6))]
    """
    joined: list[tuple[int, Span]] = []
    for number, (start, end) in located:
        if joined and number == unknown == joined[-1][0]:
            joined[-1] = number, (joined[-1][1][0], end)
        else:
            joined.append((number, (start, end)))
    return joined
