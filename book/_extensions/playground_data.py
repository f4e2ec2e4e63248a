"""What the tokenizer playground needs besides its code: Unicode's classes and two vocabularies, as scripts.

A page that is read from a folder can load scripts but fetch nothing, so the data are scripts that assign one constant
each. Everything is made here, with Python's own tables: the widget then cuts every character as the package does,
whatever version of Unicode the browser has.
"""

import json
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from math import inf
from pathlib import Path

import regex

from llmguide import datasets
from llmguide.tokenizers import Bpe, Tokenizer, published, train_tokenizer
from llmguide.tokenizers.alphabet import BYTE_ALPHABET
from llmguide.tokenizers.bpe import Pair
from llmguide.tokenizers.ranked_bpe import RankedBpe

SPECIAL = "<|endoftext|>"
_BASE_36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_BASE_64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


@cache
def chapter_tokenizer() -> Tokenizer:
    """Return the tokenizer that the chapter on tokenization trains."""
    works = datasets.documents("shakespeare")
    del works["hamlet"]
    return train_tokenizer(works.values(), vocab_size=4096, special_tokens=[SPECIAL])


def learned_merges(tokenizer: Tokenizer) -> tuple[Pair, ...]:
    """Return the merges of a byte-level vocabulary, in the order in which they were learned.

    Args:
        tokenizer: One whose model is a ``Bpe``, or a ``RankedBpe`` that begins with its bytes.

    Returns:
        The pairs.

    Raises:
        ValueError: If the model has no merges.
    """
    model = tokenizer.model
    if isinstance(model, Bpe):
        return model.merges
    if not isinstance(model, RankedBpe):
        raise ValueError(f"the playground replays merges, which a {type(model).__name__} has not")
    return tuple(merges_behind([token for token in model.tokens if token not in model.inert]))


def merges_behind(tokens: Sequence[str]) -> Iterator[Pair]:
    """Find the merge that made each token, where a list of tokens is all that was published.

    A token is encoded with the tokens before it; what remains are the two that it was joined from.

    Args:
        tokens: The tokens in the order in which they were learned; characters come first.

    Yields:
        A pair for each token of several characters.

    Example:
        >>> list(merges_behind(["e", "h", "t", "th", "the", "he"]))
        [('t', 'h'), ('th', 'e'), ('h', 'e')]
    """
    ids = {token: number for number, token in enumerate(tokens)}
    for token in tokens:
        parts = list(token)
        while len(parts) > 2:
            found = [ids.get(left + right, inf) for left, right in pairwise(parts)]
            place = found.index(min(found))
            parts[place : place + 2] = [parts[place] + parts[place + 1]]
        if len(parts) == 2:
            yield parts[0], parts[1]


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
    if len(tokenizer.special_tokens) != 1:
        raise ValueError(f"the playground shows one special token; got {tokenizer.special_tokens}")
    tokens, (special,) = tokenizer.model.tokens, tokenizer.special_tokens
    merges = learned_merges(tokenizer)
    special_first = tokens[0] == special
    made = dict.fromkeys([*BYTE_ALPHABET, *(left + right for left, right in merges)])
    if tokens != ((special, *made) if special_first else (*made, special)):
        raise ValueError("the playground needs a special token, 256 bytes, and the merged tokens in their order")
    ids = (tokenizer.model.ids[part] for pair in merges for part in pair)
    return {
        "special": special,
        "specialFirst": special_first,
        "merges": "".join(_digits(number, _BASE_64, width=3) for number in ids),
    }


def scripts(results: Path) -> dict[str, str]:
    """Return the data by the name of the script: what every reader loads, and what waits until it is chosen.

    Args:
        results: The folder of the book's results, of which the playground needs none.

    Returns:
        The scripts.
    """
    gpt2 = f"const TOKENIZER_GPT2 = {json.dumps(vocabulary(published.load('gpt2')))};\n"
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
