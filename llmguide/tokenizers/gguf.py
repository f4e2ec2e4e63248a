"""Reading the vocabulary inside a GGUF file, the format in which llama.cpp keeps a whole model.

The file begins with typed key-value pairs: what the model is, and everything its tokenizer needs. The weights come
after them and are not touched. A file from outside may claim anything, so each count and each length is compared with
what is left of the file before anything is read or reserved.

Source: the specification :cite:p:`ggml2023gguf`.
"""

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

from llmguide.tokenizers.alphabet import BYTE_ALPHABET
from llmguide.tokenizers.binary import Reader, mapped
from llmguide.tokenizers.bpe import Bpe, Pair
from llmguide.tokenizers.normalizers import Span
from llmguide.tokenizers.pretokenizers import GPT2, SMOLLM, PreTokenizer
from llmguide.tokenizers.tokenizer import Tokenizer

Value: TypeAlias = "bool | int | float | str | tuple[Value, ...]"
"""What a key can have: a number, a truth value, a text, or a list of values of one type."""

MAGIC = b"GGUF"
VERSIONS = (2, 3)
PRETOKENIZERS: dict[str, PreTokenizer] = {"gpt-2": GPT2, "smollm": SMOLLM}
"""The pre-tokenizers by the names that the key ``tokenizer.ggml.pre`` gives them."""

_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 10: "Q", 11: "q", 12: "d"}
_BOOL, _STRING, _ARRAY = 7, 8, 9
_SMALLEST = {**{kind: struct.calcsize(code) for kind, code in _NUMBERS.items()}, _BOOL: 1, _STRING: 8, _ARRAY: 12}
_DEEPEST = 4  # lists in lists; the specification allows them, no published file has them
_NORMAL, _CONTROL, _UNUSED = 1, 3, 5  # kinds of tokens

T = TypeVar("T")


def read_metadata(path: str | Path) -> dict[str, Value]:
    """Read the key-value pairs of a GGUF file.

    Args:
        path: The file.

    Returns:
        The value of each key.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is not a GGUF file of version 2 or 3, or is damaged; the message says where.
    """
    with mapped(Path(path), "a GGUF file") as content:
        return parse_metadata(content)


def parse_metadata(content: "bytes | mmap.mmap") -> dict[str, Value]:
    r"""Read the key-value pairs from the bytes of a GGUF file.

    Args:
        content: The whole file, or its beginning as far as the tensors.

    Returns:
        The value of each key.

    Raises:
        ValueError: If it is not a GGUF file of version 2 or 3, or is damaged; the message says where.

    Example:
        >>> header = b"GGUF" + struct.pack("<IQQ", 3, 0, 1)
        >>> parse_metadata(header + struct.pack("<Q", 4) + b"size" + struct.pack("<II", 4, 9))
        {'size': 9}
    """
    return parse_header(content)[0]


def parse_header(content: "bytes | mmap.mmap") -> tuple[dict[str, Value], int, Reader]:
    """Read everything that stands before the table of tensors.

    Args:
        content: The whole file, or its beginning as far as the tensors.

    Returns:
        The value of each key, the number of tensors, and a reader that has come to their table.

    Raises:
        ValueError: If it is not a GGUF file of version 2 or 3, or is damaged; the message says where.
    """
    reader = Reader(content)
    if (magic := reader.take(4, "the magic number")) != MAGIC:
        raise ValueError(f"not a GGUF file: it begins with {magic!r}; expected {MAGIC!r}")
    version = reader.number("I", "the version")
    if version not in VERSIONS:
        swapped = int.from_bytes(version.to_bytes(4, "little"), "big") in VERSIONS
        hint = "it is written for big-endian machines" if swapped else "expected version 2 or 3"
        raise ValueError(f"GGUF version {version} is not supported: {hint}")
    tensors = reader.number("Q", "the number of tensors")
    count = reader.number("Q", "the number of keys")
    reader.check(count, 13, "keys")  # an empty name, its value's type and one byte
    metadata: dict[str, Value] = {}
    for _ in range(count):
        key = reader.text("a key")
        if key in metadata:
            raise ValueError(f"the key {key!r} is given twice; each must be unique")
        metadata[key] = _read_value(reader, reader.number("I", f"the type of {key!r}"), repr(key))
    return metadata, tensors, reader


def _read_value(reader: Reader, kind: int, what: str, depth: int = 0) -> Value:
    """Read a value of the type ``kind``."""
    return _read_array(reader, what, depth + 1) if kind == _ARRAY else _read_values(reader, kind, 1, what, depth)[0]


def _read_array(reader: Reader, what: str, depth: int) -> tuple[Value, ...]:
    """Read a list: the type of its values, their number, and the values."""
    if depth > _DEEPEST:
        raise ValueError(f"{what} holds lists {depth} deep; expected at most {_DEEPEST}")
    kind, count = reader.number("I", f"the type of {what}"), reader.number("Q", f"the length of {what}")
    return _read_values(reader, kind, count, what, depth)


def _read_values(reader: Reader, kind: int, count: int, what: str, depth: int) -> tuple[Value, ...]:
    """Read ``count`` values of the type ``kind``."""
    if kind not in _SMALLEST:
        raise ValueError(f"{what} has the type {kind}; expected one of 0 to {max(_SMALLEST)}")
    reader.check(count, _SMALLEST[kind], f"values of {what}")
    if kind == _STRING:
        return tuple(reader.text(what) for _ in range(count))
    if kind == _ARRAY:
        return tuple(_read_array(reader, what, depth + 1) for _ in range(count))
    content = reader.take(count * _SMALLEST[kind], what)
    if kind == _BOOL:
        if strange := set(content) - {0, 1}:
            raise ValueError(f"{what} holds the truth value {min(strange)}; expected 0 or 1")
        return tuple(map(bool, content))
    return struct.unpack(f"<{count}{_NUMBERS[kind]}", content)


@dataclass(frozen=True)
class GappedBpe:
    """A byte-level vocabulary that lacks some bytes, and silently leaves them out of every text.

    SmolLM2 was published with such a vocabulary: it lacks 21 bytes, among them those that begin the characters of
    several planes of Unicode. The text is then lost, and its neighbours merge as if it had not been there.

    Attributes:
        bpe: The vocabulary and the merges.

    Source: :cite:t:`amitmy2025lossy` reports the loss.

    Example:
        >>> model = GappedBpe(Bpe(("a", "b", "ab"), (("a", "b"),)))
        >>> model.locate("a?b")
        [(2, (0, 3))]
    """

    bpe: Bpe

    @property
    def tokens(self) -> tuple[str, ...]:
        """The vocabulary; a token's position is its id."""
        return self.bpe.tokens

    @property
    def ids(self) -> dict[str, int]:
        """The id of each token."""
        return self.bpe.ids

    @property
    def unknown(self) -> None:
        """There is no unknown token: what is unknown is dropped."""
        return None

    def makes(self, token: str) -> bool:
        """Tell whether text could become this token."""
        return self.bpe.makes(token)

    def encode(self, word: str) -> list[int]:
        """Give the ids of a word's tokens.

        Args:
            word: One word, as pre-tokenization made it, in the byte alphabet.

        Returns:
            The ids from left to right; none if the vocabulary has no byte of the word.
        """
        return self.bpe.encode("".join(filter(self.ids.__contains__, word)))

    def locate(self, word: str) -> list[tuple[int, Span]]:
        """Give the ids of a word's tokens with the stretch of the word that each covers.

        Args:
            word: One word, as pre-tokenization made it, in the byte alphabet.

        Returns:
            Ids and stretches. A token also covers what was dropped inside it; what was dropped elsewhere has no token.
        """
        kept = [place for place, character in enumerate(word) if character in self.ids]
        found = self.bpe.locate("".join(word[place] for place in kept))
        return [(number, (kept[start], kept[end - 1] + 1)) for number, (start, end) in found]


def load_gguf(path: str | Path) -> Tokenizer:
    """Read the tokenizer of a GGUF file.

    Args:
        path: The file.

    Returns:
        The tokenizer. Where the file says that a model wants a token at the beginning or end of its input, that is left
        to the caller.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If the file is damaged or its tokenizer is of a kind that this package does not know.
    """
    try:
        return tokenizer_from_metadata(read_metadata(path))
    except ValueError as error:
        raise ValueError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from error


def tokenizer_from_metadata(metadata: Mapping[str, Value]) -> Tokenizer:
    """Build the tokenizer that a GGUF file describes.

    Args:
        metadata: The file's key-value pairs.

    Returns:
        The tokenizer.

    Raises:
        ValueError: If a key is missing or has a value of the wrong type, or if the tokenizer is of a kind that this
            package does not know; the message says which.
    """
    kind = _text(metadata, "tokenizer.ggml.model")
    if kind != "gpt2":
        raise ValueError(f"tokenizer.ggml.model is {kind!r}; this package reads 'gpt2', byte-level BPE, from GGUF")
    name = _text(metadata, "tokenizer.ggml.pre")
    if name not in PRETOKENIZERS:
        raise ValueError(f"tokenizer.ggml.pre is {name!r}; this package knows {', '.join(map(repr, PRETOKENIZERS))}")
    if metadata.get("tokenizer.ggml.add_space_prefix", False) is not False:
        raise ValueError("tokenizer.ggml.add_space_prefix is set, which this package does not support; expected false")
    tokens = _list(metadata, "tokenizer.ggml.tokens", str)
    kinds = _list(metadata, "tokenizer.ggml.token_type", int)
    if len(kinds) != len(tokens):
        raise ValueError(f"tokenizer.ggml.token_type has {len(kinds)} entries for {len(tokens)} tokens")
    if strange := set(kinds) - {_NORMAL, _CONTROL, _UNUSED}:
        raise ValueError(f"tokenizer.ggml.token_type holds {min(strange)}; this package knows 1, 3 and 5")
    merges = tuple(map(_split_merge, _list(metadata, "tokenizer.ggml.merges", str)))
    special = tuple(token for token, kind in zip(tokens, kinds, strict=True) if kind == _CONTROL)
    bpe = Bpe(tokens, merges)
    model = bpe if bpe.ids.keys() >= set(BYTE_ALPHABET) else GappedBpe(bpe)
    return Tokenizer(model, PRETOKENIZERS[name], special_tokens=special)


def _text(metadata: Mapping[str, Value], key: str) -> str:
    """Look up a text."""
    found = metadata.get(key)
    if not isinstance(found, str):
        raise ValueError(f"{key} is {'missing' if found is None else repr(found)[:60]}; expected a text")
    return found


def _list(metadata: Mapping[str, Value], key: str, kind: type[T]) -> tuple[T, ...]:
    """Look up a list whose values have one type."""
    found = metadata.get(key)
    if not isinstance(found, tuple):
        raise ValueError(f"{key} is {'missing' if found is None else repr(found)[:60]}; expected a list")
    values = tuple(value for value in found if type(value) is kind)
    if len(values) < len(found):
        raise ValueError(f"{key} holds a value that is no {kind.__name__}")
    return values


def _split_merge(merge: str) -> Pair:
    """Read the two sides of a merge."""
    left, space, right = merge.partition(" ")
    if not (left and space and right) or " " in right:
        raise ValueError(f"tokenizer.ggml.merges holds {merge[:60]!r}; expected two tokens with a space between them")
    return left, right
