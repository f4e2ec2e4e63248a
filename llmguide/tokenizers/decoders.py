"""Decoding: what is done to tokens to get text back.

A decoder is a small value that undoes what came before the merges: it reads the byte alphabet, or drops the marks of
words and puts spaces in their place. Special tokens are no business of a decoder; the tokenizer spells them out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import regex

from llmguide.tokenizers.alphabet import unspell


class Decoder(Protocol):
    """Anything that turns tokens into text."""

    def decode(self, tokens: Sequence[str]) -> str:
        """Turn a sequence of tokens into text."""
        ...

    def token_bytes(self, token: str) -> bytes:
        """Give the bytes that one token stands for within a text, where its neighbours do not matter."""
        ...


@dataclass(frozen=True)
class ByteLevelDecoder:
    """Read tokens that are spelled in the byte alphabet.

    Bytes that are no UTF-8, such as half a character, become U+FFFD.

    Example:
        >>> ByteLevelDecoder().decode(["Ġn", "Ã", "©"])
        ' né'
    """

    def decode(self, tokens: Sequence[str]) -> str:
        """Turn tokens into text."""
        return b"".join(map(self.token_bytes, tokens)).decode("utf-8", errors="replace")

    def token_bytes(self, token: str) -> bytes:
        """Read one token as bytes; a token outside the byte alphabet, such as one for the unknown, is spelled out."""
        try:
            return unspell(token)
        except ValueError:
            return token.encode("utf-8")


BYTE_LEVEL = ByteLevelDecoder()
"""The decoder of byte-level tokenizers."""


@dataclass(frozen=True)
class Joined:
    """Write tokens one after the other.

    Attributes:
        separator: What to put between two tokens.

    Example:
        >>> Joined(" ").decode(["low", "e", "r"])
        'low e r'
    """

    separator: str = ""

    def decode(self, tokens: Sequence[str]) -> str:
        """Turn tokens into text."""
        return self.separator.join(tokens)

    def token_bytes(self, token: str) -> bytes:
        """Write one token as UTF-8."""
        return token.encode("utf-8")


@dataclass(frozen=True)
class EndOfWord:
    """Put a space where a word was marked to end, except at the end of the text.

    Attributes:
        mark: What the last token of a word ends with.

    Example:
        >>> EndOfWord("</w>").decode(["low", "er</w>", "low</w>"])
        'lower low'
    """

    mark: str

    def decode(self, tokens: Sequence[str]) -> str:
        """Turn tokens into text."""
        return "".join(map(self._spaced, tokens)).removesuffix(" ")

    def token_bytes(self, token: str) -> bytes:
        """Write one token as UTF-8, with a space for the mark."""
        return self._spaced(token).encode("utf-8")

    def _spaced(self, token: str) -> str:
        return token.removesuffix(self.mark) + " " if token.endswith(self.mark) else token


# In this order, as the `tokenizers` library has them.
_CLEANUP = (
    *((" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'")),
    *((" n't", "n't"), (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re")),
)


@dataclass(frozen=True)
class WordPieceDecoder:
    """Put a space before each token that does not continue a word.

    The text that was encoded cannot be had back: which words stood apart is no longer known.

    Attributes:
        prefix: What a token begins with that continues a word.
        cleanup: Whether to leave out the space before a punctuation mark and a few English endings.

    Example:
        >>> WordPieceDecoder().decode(["un", "##aff", "##able", "people", "."])
        'unaffable people.'
    """

    prefix: str = "##"
    cleanup: bool = True

    def decode(self, tokens: Sequence[str]) -> str:
        """Turn tokens into text."""
        continued = [place > 0 and token.startswith(self.prefix) for place, token in enumerate(tokens)]
        spaced = [
            token.removeprefix(self.prefix) if continues else token if place == 0 else f" {token}"
            for place, (token, continues) in enumerate(zip(tokens, continued, strict=True))
        ]
        return "".join(map(_clean_up, spaced) if self.cleanup else spaced)

    def token_bytes(self, token: str) -> bytes:
        """Write one token as UTF-8, without the prefix. A space before it depends on what came before."""
        return token.removeprefix(self.prefix).encode("utf-8")


def _clean_up(piece: str) -> str:
    for untidy, tidy in _CLEANUP:
        piece = piece.replace(untidy, tidy)
    return piece


_BYTE_TOKEN = regex.compile(r"<0x([0-9A-F]{2})>")


@dataclass(frozen=True)
class MetaspaceDecoder:
    """Write a space for the mark ``▁``, and join tokens for single bytes (``<0xE2>``) into characters.

    Bytes that are no UTF-8 become U+FFFD.

    Attributes:
        mark: The character that stands for a space.
        drop_first: Whether to drop the first space, which encoding put before the text.

    Source: :cite:t:`kudo2018sentencepiece` for the mark; the code published with it for the bytes.

    Example:
        >>> MetaspaceDecoder().decode(["▁a", "▁n", "<0xC3>", "<0xA9>"])
        'a né'
    """

    mark: str = "▁"
    drop_first: bool = True

    def decode(self, tokens: Sequence[str]) -> str:
        """Turn tokens into text."""
        text = b"".join(map(self.token_bytes, tokens)).decode("utf-8", errors="replace")
        return text.removeprefix(" ") if self.drop_first else text

    def token_bytes(self, token: str) -> bytes:
        """Give the byte that a token names, or else write it as UTF-8 with spaces for the marks."""
        if match := _BYTE_TOKEN.fullmatch(token):
            return bytes.fromhex(match[1])
        return token.replace(self.mark, " ").encode("utf-8")
