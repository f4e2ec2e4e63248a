"""What the tokenizer playground needs besides its code: Unicode's classes and two vocabularies, as scripts.

A page that is read from a folder can load scripts but fetch nothing, so the data are scripts that assign one constant
each. Everything is made here, with Python's own tables: the widget then cuts every character as the package does,
whatever version of Unicode the browser has.
"""

import base64
import hashlib
import json
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.metadata import distribution
from itertools import pairwise
from math import inf
from pathlib import Path

import regex

from llmguide import datasets
from llmguide.tokenizers import Bpe, Tokenizer, train_tokenizer
from llmguide.tokenizers.alphabet import BYTE_ALPHABET, BYTE_TO_CHAR

SPECIAL = "<|endoftext|>"
_BASE_36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_BASE_64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_FIRST_MERGED = 256

# The ranks of p50k; its first 50,256 are those of GPT-2.
_RANKS = "litellm/litellm_core_utils/tokenizers/ec7223a39ce59f226a68acc30dc1af2788490e15"
_RANKS_SHA256 = "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069"
_GPT2_SIZE = 50_256


@cache
def chapter_tokenizer() -> Tokenizer:
    """Return the tokenizer that the chapter on tokenization trains."""
    works = datasets.documents("shakespeare")
    del works["hamlet"]
    return train_tokenizer(works.values(), vocab_size=4096, special_tokens=[SPECIAL])


@cache
def gpt2_tokenizer() -> Tokenizer:
    """Return GPT-2's tokenizer."""
    lines = ranks_file().read_text("ascii").splitlines()[:_GPT2_SIZE]
    spelled = ["".join(map(BYTE_TO_CHAR.__getitem__, base64.b64decode(line.split()[0]))) for line in lines]
    merges = tuple((spelled[left], spelled[right]) for left, right in merges_behind(spelled))
    return Tokenizer(Bpe((*spelled, SPECIAL), merges), special_tokens=(SPECIAL,))


def ranks_file() -> Path:
    """Find the file of ranks that GPT-2's vocabulary is read from.

    Returns:
        Its path.

    Raises:
        ValueError: If its content is not the one expected.
    """
    path = Path(str(distribution("litellm").locate_file(_RANKS)))
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != _RANKS_SHA256:
        raise ValueError(f"{path} has the SHA-256 {found}; expected {_RANKS_SHA256}: install the locked version")
    return path


def merges_behind(spelled: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Find the merge that made each token, where a list of tokens is all that was published.

    A token is encoded with the tokens before it; what remains are the two that it was joined from.

    Args:
        spelled: The tokens in the order in which they were learned, in the byte alphabet; the bytes come first.

    Yields:
        The ids of both parts, for each token after the bytes.

    Example:
        >>> from llmguide.tokenizers.alphabet import BYTE_ALPHABET as bytes_first
        >>> list(merges_behind([*bytes_first, "th", "the"]))
        [(83, 71), (256, 68)]
    """
    ids = {token: number for number, token in enumerate(spelled)}
    for number in range(_FIRST_MERGED, len(spelled)):
        parts = list(spelled[number])
        while len(parts) > 2:
            found = [ids.get(left + right, inf) for left, right in pairwise(parts)]
            place = found.index(min(found))
            parts[place : place + 2] = [parts[place] + parts[place + 1]]
        left, right = parts
        yield ids[left], ids[right]


def ranges(characters: Iterable[int]) -> str:
    """Write a set of code points as ranges: gaps and lengths in turn, to the base 36.

    Example:
        >>> ranges([65, 66, 67, 97])
        '1t 3 t 1'
    """
    numbers, end = [], 0
    points = sorted(characters)
    starts = [point for before, point in zip([-2, *points], points, strict=False) if point != before + 1]
    ends = [point + 1 for point, after in zip(points, [*points[1:], -2], strict=True) if after != point + 1]
    for start, stop in zip(starts, ends, strict=True):
        numbers += [start - end, stop - start]
        end = stop
    return " ".join(_digits(number, _BASE_36) for number in numbers)


def unicode_classes() -> dict[str, str]:
    """Return the classes that GPT-2's pattern asks for, and the characters that normalization may touch."""
    text = "".join(map(chr, range(0x110000)))
    classes = {"letters": r"\p{L}", "numbers": r"\p{N}", "spaces": r"\s"}
    found = {name: (match.start() for match in regex.finditer(pattern, text)) for name, pattern in classes.items()}
    assigned = (ord(character) for character in text if unicodedata.category(character) != "Cn")
    return {name: ranges(points) for name, points in found.items()} | {"assigned": ranges(assigned)}


def vocabulary(tokenizer: Tokenizer) -> dict[str, object]:
    """Return a byte-level vocabulary as the widget reads it: every merge as two ids of three digits to the base 64.

    Args:
        tokenizer: Its tokens are the 256 bytes, what the merges make, and one special token before or after them.

    Returns:
        What becomes JSON.

    Raises:
        ValueError: If the vocabulary is built otherwise.
    """
    model, (special,) = tokenizer.model, tokenizer.special_tokens
    if not isinstance(model, Bpe):
        raise ValueError(f"the playground replays merges, which a {type(model).__name__} has not; give a Bpe")
    special_first = model.ids[special] == 0
    made = dict.fromkeys([*BYTE_ALPHABET, *(left + right for left, right in model.merges)])
    if model.tokens != ((special, *made) if special_first else (*made, special)):
        raise ValueError("the playground needs a special token, 256 bytes, and the merged tokens in their order")
    ids = (model.ids[part] for pair in model.merges for part in pair)
    return {
        "special": special,
        "specialFirst": special_first,
        "merges": "".join(_digits(number, _BASE_64, width=3) for number in ids),
    }


def scripts() -> dict[str, str]:
    """Return the data by the name of the script: what every reader loads, and what waits until it is chosen."""
    gpt2 = f"const TOKENIZER_GPT2 = {json.dumps(vocabulary(gpt2_tokenizer()))};\n"
    data = {
        "unicode": unicode_classes(),
        "vocabulary": vocabulary(chapter_tokenizer()),
        "gpt2Kilobytes": round(len(gpt2) / 1000),
    }
    return {"data.js": f"const TOKENIZER_DATA = {json.dumps(data)};\n", "gpt2.js": gpt2}


def _digits(number: int, digits: str, width: int = 1) -> str:
    """Write a number to a base."""
    written = ""
    while number or len(written) < width:
        number, digit = divmod(number, len(digits))
        written = digits[digit] + written
    return written
