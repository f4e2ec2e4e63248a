"""A whole tokenizer: from text to ids and back.

    text → special tokens cut out → normalizer → pre-tokenizer → bytes spelled as characters → model → ids
    ids → tokens → decoder → text

Each step is a value of its own (:mod:`~llmguide.tokenizers.special`, :mod:`~llmguide.tokenizers.normalizers`,
:mod:`~llmguide.tokenizers.pretokenizers`, :mod:`~llmguide.tokenizers.alphabet`, :mod:`~llmguide.tokenizers.models`,
:mod:`~llmguide.tokenizers.decoders`); this module puts them in a row.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, groupby

from llmguide.tokenizers.alphabet import BYTE_ALPHABET, spell
from llmguide.tokenizers.bpe import Bpe
from llmguide.tokenizers.decoders import BYTE_LEVEL, ByteLevelDecoder, Decoder, EndOfWord
from llmguide.tokenizers.models import Model
from llmguide.tokenizers.normalizers import Aligned, Normalizer, Span
from llmguide.tokenizers.pretokenizers import GPT2, Cutter, Piece
from llmguide.tokenizers.special import AllowedSpecial, choose_allowed, split_special


@dataclass(frozen=True)
class Encoding:
    """What a text became.

    Attributes:
        ids: The ids of its tokens.
        tokens: The tokens as the vocabulary spells them; byte-level tokens in the byte alphabet.
        offsets: For each token, the stretch of the original text that it covers, in characters. Tokens that share the
            bytes of one character both cover it whole.
    """

    ids: list[int]
    tokens: list[str]
    offsets: list[Span]


@dataclass(frozen=True)
class Tokenizer:
    """Everything needed to turn text into ids and back.

    A byte-level tokenizer without normalizer and with a pattern that drops nothing (``GPT2``, ``CL100K``, ``WHOLE``)
    decodes what it encoded to the same text, whatever UTF-8 can write.

    Attributes:
        model: The vocabulary and the rule that cuts a piece into tokens.
        pretokenizer: How text is cut into pieces.
        normalizer: What is changed in a text first; ``None`` for nothing.
        decoder: What turns tokens back into text. With a :class:`~llmguide.tokenizers.decoders.ByteLevelDecoder` the
            tokenizer is byte-level: the model gets each piece spelled in the byte alphabet.
        special_tokens: Tokens that text cannot forge: they are in the vocabulary, and the model makes them of no text.

    Raises:
        ValueError: If a special token is missing from the vocabulary or could be made from ordinary text, if a
            byte-level vocabulary lacks a byte, or if the decoder does not read the marks for the ends of words.

    Example:
        >>> from llmguide.tokenizers import train_tokenizer
        >>> tokenizer = train_tokenizer(["low lower lowest"], vocab_size=259)
        >>> tokenizer.encode("low lower").tokens
        ['low', 'Ġlow', 'e', 'r']
        >>> tokenizer.decode(tokenizer.encode_ids("slow – 🙂"))
        'slow – 🙂'
    """

    model: Model
    pretokenizer: Cutter = GPT2
    normalizer: Normalizer | None = None
    decoder: Decoder = BYTE_LEVEL
    special_tokens: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for token in self.special_tokens:
            if token not in self.model.ids:
                raise ValueError(f"special token {token!r} is not in the vocabulary")
            if self.model.makes(token):
                raise ValueError(
                    f"special token {token!r} could be made from ordinary text; choose one that the model never makes"
                )
        if self.byte_level and isinstance(self.model, Bpe) and self.model.unknown is None:
            missing = [symbol for symbol in BYTE_ALPHABET if symbol not in self.model.ids]
            if missing:
                raise ValueError(
                    f"a byte-level vocabulary needs all 256 bytes; it lacks {missing[0]!r} and {len(missing) - 1} more"
                )
        mark = self.model.end_of_word if isinstance(self.model, Bpe) else ""
        if mark and self.decoder != EndOfWord(mark):
            raise ValueError(
                f"the model marks the ends of words, so expected the decoder {EndOfWord(mark)}; got {self.decoder}"
            )

    @property
    def byte_level(self) -> bool:
        """Whether the model's characters are bytes, spelled in the byte alphabet."""
        return isinstance(self.decoder, ByteLevelDecoder)

    @property
    def vocab_size(self) -> int:
        """The number of tokens."""
        return len(self.model.tokens)

    def encode(self, text: str, allowed_special: AllowedSpecial = ()) -> Encoding:
        """Turn a text into tokens that know where they stand.

        Args:
            text: Any text.
            allowed_special: The special tokens to recognize in it, or ``"all"``. Others are text like any other.

        Returns:
            Ids, tokens and offsets.

        Raises:
            ValueError: If the text holds a lone surrogate, or a character that the vocabulary lacks while there is
                no unknown token, or if ``allowed_special`` names a token that does not exist.
        """
        refuse_surrogates(text)
        encoding = Encoding([], [], [])
        for segment, is_special in split_special(text, choose_allowed(allowed_special, self.special_tokens)):
            found = (
                [(self.model.ids[segment.text], (segment.start, segment.end))]
                if is_special
                else (self._locate(segment))
            )
            for number, span in found:
                encoding.ids.append(number)
                encoding.tokens.append(self.model.tokens[number])
                encoding.offsets.append(span)
        return encoding

    def encode_ids(self, text: str, allowed_special: AllowedSpecial = ()) -> list[int]:
        """Turn a text into ids only, several times faster than :meth:`encode`, and to the same ids.

        Args:
            text: Any text.
            allowed_special: The special tokens to recognize in it, or ``"all"``. Others are text like any other.

        Returns:
            The ids.

        Raises:
            ValueError: As :meth:`encode`.
        """
        refuse_surrogates(text)
        ids: list[int] = []
        for segment, is_special in split_special(text, choose_allowed(allowed_special, self.special_tokens)):
            if is_special:
                ids.append(self.model.ids[segment.text])
            else:
                ids.extend(chain.from_iterable(map(self._words.__getitem__, self._pieces(segment))))
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Turn ids back into text.

        Special tokens are spelled out, save the unknown one, which is left to the decoder as the text it stands for;
        what lies between special tokens is decoded as a text of its own.

        A byte-level sequence may begin or end inside a character, for example while a model is still writing it. Such
        bytes decode to U+FFFD. To print a stream, pass what :meth:`token_bytes` gives to an incremental decoder
        (``codecs.getincrementaldecoder``), which waits for the rest of the character.

        Args:
            ids: Ids of this vocabulary.

        Returns:
            The text.

        Raises:
            ValueError: If an id is not in the vocabulary.
        """
        if self.byte_level:  # sooner than asking the decoder for the bytes of each token again
            return b"".join(map(self.token_bytes, ids)).decode("utf-8", errors="replace")
        runs = groupby(map(self._token, ids), key=self._spelled_out.__contains__)
        return "".join("".join(run) if special else self.decoder.decode(list(run)) for special, run in runs)

    def token_bytes(self, number: int) -> bytes:
        """Give the bytes that one token stands for.

        Args:
            number: An id of this vocabulary.

        Returns:
            Its bytes, which need not be whole characters.

        Raises:
            ValueError: If the id is not in the vocabulary.
        """
        self._token(number)  # refuses what is no id
        return self._bytes[number]

    def _token(self, number: int) -> str:
        """Look up a token by its id, without Python's negative indices."""
        if not 0 <= number < self.vocab_size:
            raise ValueError(f"id {number} is not in the vocabulary, whose ids go from 0 to {self.vocab_size - 1}")
        return self.model.tokens[number]

    def _pieces(self, segment: Piece) -> list[str]:
        """Normalize a part of a text and cut it into pieces."""
        text = segment.text
        if self.normalizer is not None:
            text = self.normalizer.normalize(Aligned.of(text, segment.start)).text
        return self.pretokenizer.words(text)

    def _locate(self, segment: Piece) -> Iterator[tuple[int, Span]]:
        """Find the tokens of a part of a text and the stretch of the text that each covers."""
        aligned = Aligned.of(segment.text, segment.start)
        if self.normalizer is not None:
            aligned = self.normalizer.normalize(aligned)
        for piece in self.pretokenizer.split(aligned.text):
            word, origins = piece.text, aligned.spans[piece.start : piece.end]
            if self.byte_level:  # each byte comes from where its character does
                origins = tuple(span for character, span in zip(word, origins, strict=True) for _ in character.encode())
                word = spell(word)
            for number, (start, end) in self.model.locate(word):
                yield number, (origins[start][0], origins[end - 1][1])

    @cached_property
    def _spelled_out(self) -> frozenset[str]:
        """The special tokens that decoding writes as they are."""
        return frozenset(self.special_tokens) - {self.model.unknown}

    @cached_property
    def _bytes(self) -> tuple[bytes, ...]:
        """The bytes of each token, by id."""
        return tuple(
            token.encode("utf-8") if token in self._spelled_out else self.decoder.token_bytes(token)
            for token in self.model.tokens
        )

    @cached_property
    def _words(self) -> "_WordCache":
        return _WordCache(self)


class _WordCache(dict[str, tuple[int, ...]]):
    """The ids of words already seen; a missing word is encoded when it is asked for."""

    def __init__(self, tokenizer: Tokenizer, most_words: int = 200_000, longest_word: int = 256) -> None:
        super().__init__()
        self._tokenizer = tokenizer
        self._most_words = most_words
        self._longest_word = longest_word  # longer words hardly ever return

    def __missing__(self, word: str) -> tuple[int, ...]:
        ids = tuple(self._tokenizer.model.encode(spell(word) if self._tokenizer.byte_level else word))
        if len(self) < self._most_words and len(word) <= self._longest_word:
            self[word] = ids
        return ids


def refuse_surrogates(text: str) -> None:
    """Raise a ``ValueError`` that says where, if a text holds a lone surrogate, which no encoding can write."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"the text holds the lone surrogate U+{ord(text[error.start]):04X} at position {error.start}, which is no "
            "character; remove it, or read the text with errors='replace'"
        ) from error
