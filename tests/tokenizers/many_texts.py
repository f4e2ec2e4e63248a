"""Thousands of texts through our tokenizers and through the libraries: where do they differ?

For a process of its own, because coverage would watch every line. ``test_many_texts.py`` sends enough texts through it
for every change, ``test_long.py`` a million.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path

from library_twins import NORMALIZERS as LIBRARY_NORMALIZERS
from library_twins import PRETOKENIZERS as LIBRARY_PRETOKENIZERS
from library_twins import as_tiktoken, published_pattern, train_byte_level
from published_twins import BY_RANKS, NAMES, WITH_RULES, twin
from strategies import class_texts, seeded_texts
from test_bert import EXCEPTIONS as BERT_EXCEPTIONS
from test_published import EXCEPTIONS as PUBLISHED_EXCEPTIONS
from unicode_exceptions import NORMALIZERS, expand

from llmguide import datasets
from llmguide.tokenizers import published
from llmguide.tokenizers.alphabet import spell
from llmguide.tokenizers.interop import loads
from llmguide.tokenizers.normalizers import Aligned
from llmguide.tokenizers.pretokenizers import PRETOKENIZERS

EXCEPTIONS: dict[str, list[str]] = json.loads(
    Path(__file__).with_name("data").joinpath("unicode-exceptions.json").read_text("utf-8")
)["exceptions"]
LOSSLESS = BY_RANKS
"""SmolLM2's vocabulary lacks some bytes; Mistral's puts a space in front, and BERT's drops spaces and accents."""
Agree = Callable[[str], bool]
"""Tells whether all treat a text alike."""


def normalizer(name: str) -> Agree:
    """Compare a normalizer with the library's."""
    ours, theirs = NORMALIZERS[name], LIBRARY_NORMALIZERS[name]
    return lambda text: ours.normalize(Aligned.of(text)).text == theirs.normalize_str(text)


def pretokenizer(name: str) -> Agree:
    """Compare a pre-tokenizer with the library's, places included."""
    ours, theirs = PRETOKENIZERS[name], LIBRARY_PRETOKENIZERS[name]
    shown = spell if name in ("gpt2", "smollm") else str  # the library spells bytes while it cuts

    def agree(text: str) -> bool:
        pieces = [(shown(piece.text), (piece.start, piece.end)) for piece in ours.split(text)]
        return pieces == theirs.pre_tokenize_str(text)

    return agree


def tokenizer(name: str) -> Agree:
    """Compare ids, tokens, offsets and decoded text with ``tokenizers``, and ids with tiktoken."""
    seen = "".join(islice(seeded_texts("for training"), 3000))
    library = train_byte_level([datasets.load("shakespeare")[:200_000], seen], 4000, name)
    ours = loads(library.to_str())
    tiktoken_twin = as_tiktoken(ours, published_pattern({"gpt2": "gpt2", "cl100k": "cl100k_base"}[name]))

    def agree(text: str) -> bool:
        one, other = ours.encode(text), library.encode(text)
        return (
            (one.ids, one.tokens, one.offsets) == (other.ids, other.tokens, other.offsets)
            and one.ids == ours.encode_ids(text) == tiktoken_twin.encode_ordinary(text)
            and ours.decode(one.ids) == text
        )

    return agree


def published_tokenizer(name: str) -> Agree:
    """Compare ids with the library that a published vocabulary was made for, and the decoded text."""
    ours, encode = published.load(name), twin(name)

    def agree(text: str) -> bool:
        ids = ours.encode_ids(text)
        return ids == encode(text) and (name not in LOSSLESS or ours.decode(ids) == text)

    return agree


MAKERS = {
    "normalizer": normalizer,
    "pretokenizer": pretokenizer,
    "tokenizer": tokenizer,
    "published": published_tokenizer,
}
COMPARISONS = [
    *(f"normalizer/{name}" for name in LIBRARY_NORMALIZERS),
    *(f"pretokenizer/{name}" for name in LIBRARY_PRETOKENIZERS),
    *("tokenizer/gpt2", "tokenizer/cl100k"),
]
PUBLISHED = [f"published/{name}" for name in (*NAMES, *WITH_RULES)]
"""``test_published.py`` compares these for every change; a million texts go through them too."""


@cache
def comparison(name: str) -> tuple[Agree, frozenset[str]]:
    """Make a comparison, and find the characters on which the versions of Unicode differ."""
    kind, part = name.split("/")
    if kind == "published":
        excepted = BERT_EXCEPTIONS if part == "bert" else map(chr, PUBLISHED_EXCEPTIONS.get(part, []))
        return MAKERS[kind](part), frozenset(excepted)
    listed = EXCEPTIONS[f"pretokenizer/{part}" if kind == "tokenizer" else name]
    return MAKERS[kind](part), frozenset(map(chr, expand(listed)))


def differing(name: str, seed: str, count: int) -> list[str]:
    """Try so many texts and give those on which we and the others differ."""
    agree, excepted = comparison(name)
    return _disagreeing(agree, islice(seeded_texts(seed, excepted), count))


def differing_classes(name: str, length: int) -> list[str]:
    """Try every text of up to so many characters, one of each class, but for what versions of Unicode differ on."""
    agree, excepted = comparison(name)
    return _disagreeing(agree, _without(class_texts(length), excepted))


def _disagreeing(agree: Agree, texts: Iterable[str]) -> list[str]:
    return [text for text in texts if not agree(text)]


def _without(texts: Iterable[str], characters: frozenset[str]) -> Iterator[str]:
    return (text for text in texts if characters.isdisjoint(text))
