"""Reading SentencePiece's ``.model`` files.

Such a file holds a whole tokenizer: the pieces with their scores and kinds, the algorithm that they are for, and what
is done to a text first. It is one Protocol Buffers message (:mod:`~llmguide.tokenizers.protobuf`).

Source: the message types in ``sentencepiece_model.proto``, published with :cite:t:`kudo2018sentencepiece`.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from math import inf, isfinite
from pathlib import Path
from typing import TypeVar

import regex

from llmguide.tokenizers.models import BYTE_TOKENS
from llmguide.tokenizers.pretokenizers import WHOLE, PreTokenizer
from llmguide.tokenizers.protobuf import Message
from llmguide.tokenizers.scored_bpe import ScoredBpe
from llmguide.tokenizers.sentencepiece_normalizer import SPACE, SentencePieceNormalizer, read_rules
from llmguide.tokenizers.tokenizer import Tokenizer
from llmguide.tokenizers.unigram import Unigram

_WORDS = PreTokenizer("sentencepiece", rf"{SPACE}*[^{SPACE}]+|{SPACE}+")
_ESCAPED_BYTE = regex.compile("[\udc80-\udcff]")

_BYTES = {token: bytes([byte]) for byte, token in enumerate(BYTE_TOKENS)}
_SMALLEST_NORMAL_FLOAT = 2.0**-126
_BONUS = 0.1


Kind = TypeVar("Kind", bound=IntEnum)


class PieceType(IntEnum):
    """What kind of token a piece is."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


class Algorithm(IntEnum):
    """How a text is cut into pieces."""

    UNIGRAM = 1
    BPE = 2
    WORD = 3
    CHAR = 4


@dataclass(frozen=True)
class Piece:
    """One entry of the vocabulary.

    Attributes:
        text: How it is written.
        score: Its log probability (Unigram), or how early it was made (BPE): minus its number.
        type: What kind of token it is.
    """

    text: str
    score: float
    type: PieceType


@dataclass(frozen=True)
class ModelFile:
    """What of a ``.model`` file bears on encoding and decoding.

    Attributes:
        pieces: The vocabulary; a piece's position is its id.
        algorithm: How a text is cut into pieces.
        byte_fallback: Whether a character that is in no piece is spelled in bytes.
        unknown_surface: What the unknown token decodes to.
        normalizer: What is done to a text first.
    """

    pieces: tuple[Piece, ...]
    algorithm: Algorithm
    byte_fallback: bool
    unknown_surface: str
    normalizer: SentencePieceNormalizer

    def of_type(self, *types: PieceType) -> tuple[str, ...]:
        """List the pieces of some kinds."""
        return tuple(piece.text for piece in self.pieces if piece.type in types)

    def model(self) -> Unigram | ScoredBpe:
        """Build the model that cuts words into the pieces.

        Returns:
            A model of the file's algorithm.

        Raises:
            ValueError: If the file is for another algorithm, a token is given twice, or one that is needed is missing.
        """
        tokens = tuple(piece.text for piece in self.pieces)
        unknown = self.of_type(PieceType.UNKNOWN)
        if len(unknown) != 1:
            raise ValueError(f"the model has {len(unknown)} unknown tokens; expected one")
        if bool(self.of_type(PieceType.BYTE)) != self.byte_fallback:
            raise ValueError(f"byte_fallback is {self.byte_fallback}, which does not fit the model's pieces")
        strangers = sorted(set(self.of_type(PieceType.BYTE)).symmetric_difference(BYTE_TOKENS))
        if self.byte_fallback and strangers:
            raise ValueError(f"byte_fallback needs the 256 pieces <0x00> to <0xFF>; {strangers[0]!r} does not fit")
        whole = frozenset(self.of_type(PieceType.USER_DEFINED))
        match self.algorithm:
            case Algorithm.UNIGRAM:
                return Unigram(tokens, self._unigram_scores(), unknown[0], self.byte_fallback, single_precision=True)
            case Algorithm.BPE:
                unused = frozenset(self.of_type(PieceType.UNUSED))
                made = PieceType.NORMAL, PieceType.USER_DEFINED, PieceType.UNUSED
                scores = tuple(piece.score if piece.type in made else -inf for piece in self.pieces)
                return ScoredBpe(tokens, scores, unknown[0], self.byte_fallback, whole, unused)
        raise ValueError(f"the model is for the algorithm {self.algorithm.name}; expected UNIGRAM or BPE")

    def _unigram_scores(self) -> tuple[float, ...]:
        """Rate the pieces as the library does, which favours user-defined ones.

        They get the best score of all, times their length in bytes, minus a tenth. But the library looks for the best
        score from the smallest positive number on, and log probabilities are negative; so it is minus a tenth.
        """
        normal = [piece.score for piece in self.pieces if piece.type == PieceType.NORMAL]
        best = max([_SMALLEST_NORMAL_FLOAT, *normal])
        return tuple(
            piece.score
            if piece.type == PieceType.NORMAL
            else best * len(piece.text.encode("utf-8")) - _BONUS
            if piece.type == PieceType.USER_DEFINED
            else -inf
            for piece in self.pieces
        )


@dataclass(frozen=True)
class SentencePieceDecoder:
    """Turn pieces back into text as SentencePiece does: ``▁`` becomes a space, and bytes are put together.

    Each byte that is no part of a UTF-8 character becomes U+FFFD.

    Attributes:
        drop_first: Whether the space at the beginning is left out.
        drop_all: Whether all spaces at the beginning are.
        unknown: The unknown token.
        unknown_surface: What stands for it.

    Example:
        >>> SentencePieceDecoder().decode(["▁a", "▁n", "<0xC3>", "<0xA9>", "<0xC3>"])
        'a né\ufffd'
    """

    drop_first: bool = True
    drop_all: bool = False
    unknown: str | None = None
    unknown_surface: str = " \u2047 "

    def decode(self, tokens: Sequence[str]) -> str:
        """Turn tokens into text."""
        parts: list[bytes] = []
        at_start = self.drop_first or self.drop_all
        for token in tokens:
            part = self.token_bytes(token)
            if at_start and token.startswith(SPACE):
                part = part[1:]
                at_start = self.drop_all and not part
            elif part:
                at_start = False
            parts.append(part)
        text = b"".join(parts).decode("utf-8", errors="surrogateescape")
        return _ESCAPED_BYTE.sub("\ufffd", text)

    def token_bytes(self, token: str) -> bytes:
        """Give the bytes that one token stands for, where its neighbours do not matter."""
        if token == self.unknown:
            return self.unknown_surface.encode("utf-8")
        if token in _BYTES:
            return _BYTES[token]
        return token.replace(SPACE, " ").encode("utf-8")


def load(path: str | os.PathLike[str]) -> Tokenizer:
    """Read a tokenizer from a ``.model`` file.

    Args:
        path: The file.

    Returns:
        A tokenizer that gives the same ids as the library. Control pieces are its special tokens, so they are found in
        a text only where they are allowed; each stretch of text between them is normalized as a text of its own.

    Raises:
        ValueError: If the file is no such model, is damaged, or uses what this package does not support.
        OSError: If the file cannot be read.
    """
    content = Path(path).read_bytes()
    try:
        return loads(content)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def loads(content: bytes) -> Tokenizer:
    """Read a tokenizer from the bytes of a ``.model`` file.

    Args:
        content: The whole file.

    Returns:
        The tokenizer.

    Raises:
        ValueError: As :func:`load`.
    """
    file = read_model(content)
    model, normalizer = file.model(), file.normalizer
    joined = any(regex.search(f"[^{SPACE}]{SPACE}", token) for token in model.tokens if model.makes(token))
    return Tokenizer(
        model,
        # Where no piece goes across the beginning of a word, a text may be cut there. (Not for Unigram, whose sums are
        # rounded differently behind different beginnings, which decides ties.)
        _WORDS if isinstance(model, ScoredBpe) and model.makes(SPACE) and not joined else WHOLE,
        normalizer,
        SentencePieceDecoder(
            normalizer.add_dummy_prefix, normalizer.remove_extra_whitespaces, model.unknown, file.unknown_surface
        ),
        file.of_type(PieceType.UNKNOWN, PieceType.CONTROL),
    )


def read_model(content: bytes) -> ModelFile:
    """Read the bytes of a ``.model`` file.

    Args:
        content: The whole file.

    Returns:
        What it says.

    Raises:
        ValueError: If the bytes are no such file, are cut off, or use what this package does not support; the message
            says where and what.
    """
    message = Message(content, "the model")
    pieces = tuple(map(_read_piece, message.messages(1, "piece")))
    if not pieces:
        raise ValueError("the model has no pieces: is this a SentencePiece .model file?")
    trainer = message.message(2, "trainer_spec")
    if message.message(5, "denormalizer_spec").content(2):
        raise ValueError("the model has a denormalizer_spec with rules, which this package does not support")
    return ModelFile(
        pieces,
        _choose(Algorithm, trainer.integer(3, Algorithm.UNIGRAM), "trainer_spec.model_type"),
        trainer.boolean(35, False),
        trainer.text(44, " \u2047 "),
        _read_normalizer(message.message(3, "normalizer_spec"), trainer.boolean(24, False), pieces),
    )


def _read_piece(message: Message) -> Piece:
    piece = Piece(
        message.text(1, ""),
        message.real(2, 0.0),
        _choose(PieceType, message.integer(3, PieceType.NORMAL), "piece.type"),
    )
    if not isfinite(piece.score):
        raise ValueError(f"the piece {piece.text!r} has the score {piece.score}; expected a finite number")
    return piece


def _read_normalizer(message: Message, suffix: bool, pieces: tuple[Piece, ...]) -> SentencePieceNormalizer:
    return SentencePieceNormalizer(
        read_rules(message.content(2)),
        message.boolean(3, True),
        message.boolean(4, True),
        message.boolean(5, True),
        suffix,
        frozenset(piece.text for piece in pieces if piece.type == PieceType.USER_DEFINED and piece.text),
    )


def _choose(kinds: type[Kind], number: int, name: str) -> Kind:
    try:
        return kinds(number)
    except ValueError:
        raise ValueError(f"{name} is {number}; expected one of {[int(kind) for kind in kinds]}") from None
