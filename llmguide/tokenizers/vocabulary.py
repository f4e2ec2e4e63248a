"""A vocabulary looked through: which of its tokens text cannot reach, which are half a character, which are alike."""

from collections import defaultdict
from dataclasses import dataclass
from string import ascii_letters, digits

from llmguide.tokenizers.bpe import Bpe, Pair
from llmguide.tokenizers.tokenizer import Tokenizer

_NEIGHBOURS = frozenset([*ascii_letters, *digits, *".'-"])
"""What is put beside a token to find a text that yields it."""


@dataclass(frozen=True)
class VocabularyReport:
    """What was found in a vocabulary. Special tokens are left out of everything but ``size``.

    Attributes:
        size: The number of tokens.
        partial: The tokens whose bytes are not whole characters of UTF-8.
        unreachable: Of the others, those that no text was found to yield: neither the text that the token decodes to,
            nor that text beside a letter, a digit or a mark. A text that was not tried may still do so.
        alike: Groups of tokens that differ only in case or in white space around them, the largest group first.
        longest: The tokens with the most characters, the longest first; partial tokens are left out.

    All tokens are given by their ids.
    """

    size: int
    partial: tuple[int, ...]
    unreachable: tuple[int, ...]
    alike: tuple[tuple[int, ...], ...]
    longest: tuple[int, ...]


def report(tokenizer: Tokenizer, n_longest: int = 10) -> VocabularyReport:
    """Look through the vocabulary of a tokenizer.

    Args:
        tokenizer: The tokenizer.
        n_longest: How many of the longest tokens to give.

    Returns:
        What was found.

    Source: :cite:t:`land2024fishing` for partial and unreachable tokens. There, a token is unreachable if
        what it decodes to is not encoded as that token.

    Example:
        >>> from llmguide.tokenizers import train_tokenizer
        >>> found = report(train_tokenizer(["low Low slow"], vocab_size=259), n_longest=2)
        >>> found.size, len(found.partial), found.unreachable  # 128 of the 256 bytes are half a character
        (259, 128, ())
    """
    special = set(tokenizer.special_tokens)
    ordinary = [number for number, token in enumerate(tokenizer.model.tokens) if token not in special]
    texts: dict[int, str] = {}
    for number in ordinary:
        try:
            texts[number] = tokenizer.token_bytes(number).decode("utf-8")
        except UnicodeDecodeError:
            continue
    neighbours = [number for number, text in texts.items() if text.strip() in _NEIGHBOURS]
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for number, text in texts.items():
        groups[text.strip().casefold()].append(number)
    alike = [tuple(group) for text, group in groups.items() if text and len(group) > 1]
    return VocabularyReport(
        size=tokenizer.vocab_size,
        partial=tuple(number for number in ordinary if number not in texts),
        unreachable=tuple(number for number in texts if not _is_reached(tokenizer, number, neighbours)),
        alike=tuple(sorted(alike, key=lambda group: (-len(group), group))),
        longest=tuple(sorted(texts, key=lambda number: (-len(texts[number]), number))[:n_longest]),
    )


def _is_reached(tokenizer: Tokenizer, number: int, neighbours: list[int]) -> bool:
    """Look for a text that yields a token: alone, behind another one or before another one."""

    def again(*ids: int) -> list[int]:
        """Decode, and encode the text; the vocabulary may be unable to write it."""
        try:
            return tokenizer.encode_ids(tokenizer.decode(ids))
        except ValueError:
            return []

    return again(number) == [number] or any(
        again(other, number)[-1:] == [number] or again(number, other)[:1] == [number] for other in neighbours
    )


@dataclass(frozen=True)
class MergeTree:
    """How a token came to be.

    Attributes:
        token: The token.
        rank: The position of the merge that first made it in the order of learning; ``None`` for a character.
        parts: What was joined: two trees, or none for a character.
    """

    token: str
    rank: int | None = None
    parts: tuple["MergeTree", ...] = ()

    def draw(self) -> str:
        """Write the tree as lines of text, each part below what it went into.

        Returns:
            The lines.

        Example:
            >>> print(merge_tree(Bpe(("l", "o", "w", "lo", "low"), (("l", "o"), ("lo", "w"))), "low").draw())
            low  (merge 1)
            ├─ lo  (merge 0)
            │  ├─ l
            │  └─ o
            └─ w
        """
        lines = [self.token if self.rank is None else f"{self.token}  (merge {self.rank})"]
        for number, part in enumerate(self.parts, start=1):
            first, *others = part.draw().splitlines()
            last = number == len(self.parts)
            lines.append(f"{'└─' if last else '├─'} {first}")
            lines += [f"{' ' if last else '│'}  {line}" for line in others]
        return "\n".join(lines)


def merge_tree(model: Bpe, token: str) -> MergeTree:
    """Follow a token back to its characters, by the merge that first made it and each of its parts.

    Args:
        model: The vocabulary and the merges.
        token: A token, spelled as in the vocabulary.

    Returns:
        Its tree.

    Raises:
        ValueError: If the token is not in the vocabulary.

    Example:
        >>> model = Bpe(("l", "o", "w", "lo", "low"), (("l", "o"), ("lo", "w")))
        >>> [part.token for part in merge_tree(model, "low").parts]
        ['lo', 'w']
    """
    if token not in model.ids:
        raise ValueError(f"{token!r} is not in the vocabulary")
    made: dict[str, tuple[int, Pair]] = {}
    for rank, (left, right) in enumerate(model.merges):
        made.setdefault(left + right, (rank, (left, right)))

    def grow(symbol: str) -> MergeTree:
        if symbol not in made:
            return MergeTree(symbol)
        rank, pair = made[symbol]
        return MergeTree(symbol, rank, tuple(map(grow, pair)))

    return grow(token)
