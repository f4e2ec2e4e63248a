"""Special tokens: control signs that ordinary text must not be able to forge.

The text ``<|endoftext|>`` in a document is thirteen characters like any others, unless the caller says that in this
text the special token is meant. So special tokens are *inert* by default, and allowed by name.
"""

from collections.abc import Collection, Iterable
from typing import Literal

import regex

from llmguide.tokenizers.pretokenizers import Piece

AllowedSpecial = Collection[str] | Literal["all"]
"""Which special tokens a text may hold: their names, or ``"all"``."""


def choose_allowed(allowed: AllowedSpecial, special_tokens: Iterable[str]) -> frozenset[str]:
    """Work out which special tokens a call allows.

    Args:
        allowed: Their names, or ``"all"``.
        special_tokens: The special tokens that exist.

    Returns:
        The allowed ones.

    Raises:
        ValueError: If one does not exist, or if ``allowed`` is a string other than ``"all"``.
    """
    known = frozenset(special_tokens)
    if isinstance(allowed, str):
        if allowed != "all":
            raise ValueError(f'allowed_special is {allowed!r}; expected a collection of tokens, or "all"')
        return known
    strangers = sorted(set(allowed) - known)
    if strangers:
        raise ValueError(f"{strangers[0]!r} is not a special token of this tokenizer; it has {sorted(known)}")
    return frozenset(allowed)


def split_special(text: str, allowed: Collection[str]) -> list[tuple[Piece, bool]]:
    """Cut a text at the special tokens that it may hold.

    Where two could begin at the same place, the longer one is taken.

    Args:
        text: Any text.
        allowed: The special tokens to look for.

    Returns:
        The pieces from left to right, none of them empty, each with whether it is a special token.

    Example:
        >>> for piece, is_special in split_special("one<|end|>two", ["<|end|>"]):
        ...     print(piece.text, is_special)
        one False
        <|end|> True
        two False
    """
    if not allowed:
        return [(Piece(text, 0, len(text)), False)] if text else []
    longest_first = sorted(allowed, key=lambda token: (-len(token), token))
    pieces: list[tuple[Piece, bool]] = []
    end = 0
    for match in regex.finditer("|".join(map(regex.escape, longest_first)), text):
        if end < match.start():
            pieces.append((Piece(text[end : match.start()], end, match.start()), False))
        pieces.append((Piece(match[0], *match.span()), True))
        end = match.end()
    if end < len(text):
        pieces.append((Piece(text[end:], end, len(text)), False))
    return pieces
