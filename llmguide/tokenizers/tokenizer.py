"""A whole tokenizer: from text to ids and back.

    text → special tokens cut out → normalizer → pre-tokenizer → bytes spelled as characters → merges → ids

Each step is a value of its own (:mod:`~llmguide.tokenizers.special`, :mod:`~llmguide.tokenizers.normalizers`,
:mod:`~llmguide.tokenizers.pretokenizers`, :mod:`~llmguide.tokenizers.alphabet`, :mod:`~llmguide.tokenizers.bpe`); this
module puts them in a row.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from llmguide.tokenizers import fast_bpe
from llmguide.tokenizers.alphabet import BYTE_ALPHABET, spell, unspell
from llmguide.tokenizers.bpe import Bpe, Symbols, split_word
from llmguide.tokenizers.normalizers import Aligned, Normalizer, Span
from llmguide.tokenizers.pretokenizers import GPT2, PreTokenizer
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

    With ``byte_level``, no normalizer and a pattern that drops nothing (``GPT2``, ``CL100K``, ``WHOLE``), decoding what
    was encoded gives back the text, whatever UTF-8 can write.

    Attributes:
        model: The vocabulary and the merges.
        pretokenizer: How text is cut into pieces.
        normalizer: What is changed in a text first; ``None`` for nothing.
        byte_level: Whether the symbols are bytes (spelled in the byte alphabet) or characters.
        special_tokens: Tokens that text cannot forge: they are in the vocabulary, and no merge makes them.
        separator: What decoding puts between tokens, where tokens are characters without a mark for the end of a word.

    Raises:
        ValueError: If a special token is missing from the vocabulary or could be made from ordinary text, or if a
            byte-level vocabulary lacks a byte or marks the ends of words.

    Example:
        >>> from llmguide.tokenizers import train_tokenizer
        >>> tokenizer = train_tokenizer(["low lower lowest"], vocab_size=259)
        >>> tokenizer.encode("low lower").tokens
        ['low', 'Ġlow', 'e', 'r']
        >>> tokenizer.decode(tokenizer.encode_ids("slow – 🙂"))
        'slow – 🙂'
    """

    model: Bpe
    pretokenizer: PreTokenizer = GPT2
    normalizer: Normalizer | None = None
    byte_level: bool = True
    special_tokens: tuple[str, ...] = ()
    separator: str = ""

    def __post_init__(self) -> None:
        made = {left + right for left, right in self.model.merges}
        for token in self.special_tokens:
            if token not in self.model.ids:
                raise ValueError(f"special token {token!r} is not in the vocabulary")
            if token in made or len(token.removesuffix(self.model.end_of_word)) < 2:
                raise ValueError(
                    f"special token {token!r} could be made from ordinary text; choose one that no merge makes"
                )
        if self.byte_level:
            missing = [symbol for symbol in BYTE_ALPHABET if symbol not in self.model.ids]
            if missing:
                raise ValueError(
                    f"a byte-level vocabulary needs all 256 bytes; it lacks {missing[0]!r} and {len(missing) - 1} more"
                )
            if self.model.end_of_word:
                raise ValueError(
                    f"a byte-level tokenizer keeps spaces and takes no end_of_word; got {self.model.end_of_word!r}"
                )

    @property
    def vocab_size(self) -> int:
        """The number of tokens."""
        return len(self.model.tokens)

    def encode(self, text: str, allowed_special: AllowedSpecial = ()) -> Encoding:
        """Turn a text into tokens that know where they stand.

        Args:
            text: Any text.
            allowed_special: The special tokens to recognise in it, or ``"all"``. Others are text like any other.

        Returns:
            Ids, tokens and offsets.

        Raises:
            ValueError: If the text holds a lone surrogate, or a character that the vocabulary lacks while there is
                no unknown token, or if ``allowed_special`` names a token that does not exist.
        """
        refuse_surrogates(text)
        encoding = Encoding([], [], [])
        for segment, is_special in split_special(text, choose_allowed(allowed_special, self.special_tokens)):
            found = [(segment.text, (0, len(segment.text)))] if is_special else self._locate(segment.text)
            for symbol, (start, end) in found:
                number = self.model.id_of(symbol)
                encoding.ids.append(number)
                encoding.tokens.append(self.model.tokens[number])
                encoding.offsets.append((segment.start + start, segment.start + end))
        return encoding

    def encode_ids(self, text: str, allowed_special: AllowedSpecial = ()) -> list[int]:
        """Turn a text into ids only, several times faster than :meth:`encode`, and to the same ids.

        Args:
            text: Any text.
            allowed_special: The special tokens to recognise in it, or ``"all"``. Others are text like any other.

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
                ids.extend(chain.from_iterable(map(self._words.__getitem__, self._pieces(segment.text))))
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Turn ids back into text. Special tokens are spelled out.

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
        if self.byte_level:
            return b"".join(map(self.token_bytes, ids)).decode("utf-8", errors="replace")
        tokens = [self._token(number) for number in ids]
        mark = self.model.end_of_word
        if not mark:
            return self.separator.join(tokens)
        return "".join(
            token.removesuffix(mark) + " " if token.endswith(mark) else token for token in tokens
        ).removesuffix(" ")

    def token_bytes(self, number: int) -> bytes:
        """Give the bytes that one token stands for.

        Args:
            number: An id of this vocabulary.

        Returns:
            Its bytes, which need not be whole characters if the tokenizer is byte-level.

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

    def _pieces(self, text: str) -> list[str]:
        """Normalize a text and cut it into pieces."""
        if self.normalizer is not None:
            text = self.normalizer.normalize(Aligned.of(text)).text
        return self.pretokenizer.words(text)

    def _locate(self, text: str) -> Iterator[tuple[str, Span]]:
        """Find the symbols of a text and the stretch of it that each covers."""
        aligned = Aligned.of(text)
        if self.normalizer is not None:
            aligned = self.normalizer.normalize(aligned)
        for piece in self.pretokenizer.split(aligned.text):
            # For each cell that symbols are made of (a byte or a character), where its character comes from.
            origins = [
                span
                for character, span in zip(piece.text, aligned.spans[piece.start : piece.end], strict=True)
                for _ in range(len(character.encode("utf-8")) if self.byte_level else 1)
            ]
            start = 0
            for symbol in self._symbols(piece.text):
                end = min(start + len(symbol), len(origins))  # the mark at the end of a word covers nothing
                yield symbol, (origins[start][0], origins[end - 1][1])
                start = end

    def _symbols(self, piece: str) -> Symbols:
        """Apply the merges to one piece."""
        word = split_word(spell(piece) if self.byte_level else piece, self.model.end_of_word)
        return fast_bpe.encode_word(word, self.model.ranks)

    @cached_property
    def _bytes(self) -> tuple[bytes, ...]:
        """The bytes of each token, by id."""
        spelled_out = set(self.special_tokens if self.byte_level else self.model.tokens)
        return tuple(token.encode("utf-8") if token in spelled_out else unspell(token) for token in self.model.tokens)

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
        ids = tuple(map(self._tokenizer.model.id_of, self._tokenizer._symbols(word)))
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
