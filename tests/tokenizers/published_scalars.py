"""Find the characters beside which the published tokenizers cut text otherwise here than in tiktoken's engine.

The engine and the ``regex`` module carry the tables of different versions of Unicode, so that a character which one of
them knows as a letter is unassigned for the other. This script tries every Unicode scalar value and writes those that
differ to ``data/published-exceptions.json``; ``test_published.py`` asserts that the list is exact.

    python tests/tokenizers/published_scalars.py
"""

import json
import sys
from importlib.metadata import version
from itertools import chain
from pathlib import Path

import tiktoken
from published_twins import BY_RANKS, FIRST, engine, pattern, smollm2
from unicode_exceptions import BATCH, SCALARS, expand, ranges

from llmguide.tokenizers import published
from llmguide.tokenizers.alphabet import spell

DATA = Path(__file__).with_name("data") / "published-exceptions.json"

# A vocabulary of all bytes and all pairs of bytes. Which bytes are paired tells where a run of text was cut.
_SINGLE = [bytes([byte]) for byte in range(256)]
_PAIRS = {
    token: rank for rank, token in enumerate([*_SINGLE, *(left + right for left in _SINGLE for right in _SINGLE)])
}


def differing_ids(name: str) -> list[int]:
    """Encode each scalar value as a text of its own and give those whose ids are not the library's."""
    tokenizer = published.load(name)
    words, encode = tokenizer.pretokenizer.words, tokenizer.model.encode
    assert tokenizer.normalizer is None
    if name in BY_RANKS:
        first = FIRST[name]
        theirs = ([first + rank for rank in ranks] for ranks in map(engine(name).encode_ordinary, SCALARS))
    else:
        batches = (SCALARS[start : start + 20_000] for start in range(0, len(SCALARS), 20_000))
        theirs = (list(one.ids) for batch in batches for one in smollm2().encode_batch_fast(batch))
    return [
        ord(one)
        for one, ids in zip(SCALARS, theirs, strict=True)
        if encode(spell(one)) != ids or words(one) != [one]  # what ``encode_ids`` does, without its preparations
    ]


def differing_pieces(name: str) -> list[int]:
    """Put each scalar value beside characters of other classes, and give those that are cut otherwise.

    tiktoken's engine gives ids and no pieces. So each of our pieces is encoded by the engine as a piece of its own, and
    all the text at once: with a vocabulary of pairs of bytes, both are equal only if the engine cuts where we do.
    """
    pairs = tiktoken.Encoding("pairs", pat_str=pattern(name), mergeable_ranks=_PAIRS, special_tokens={})
    words = published.load(name).pretokenizer.words

    def alike(text: str) -> bool:
        ours = chain.from_iterable(map(pairs._encode_single_piece, words(text)))
        return list(ours) == pairs.encode_ordinary(text)

    found = []
    for start in range(0, len(SCALARS), BATCH):
        # Behind a letter, a space and a symbol; before a digit, a capital letter and a contraction.
        framed = [f"e{one}1 {one}Ex||{one}'s\n" for one in SCALARS[start : start + BATCH]]
        if not alike("".join(framed)):
            found += [ord(one[1]) for one in framed if not alike(one)]
    return found


def versions() -> dict[str, str]:
    """Name what carries Unicode tables here."""
    return {"regex": version("regex"), "tiktoken": version("tiktoken")}


if __name__ == "__main__":
    report = {"versions": versions(), "exceptions": {name: list(ranges(differing_pieces(name))) for name in BY_RANKS}}
    DATA.write_text(json.dumps(report, indent=0) + "\n", encoding="utf-8")
    for name, written in report["exceptions"].items():
        sys.stdout.write(f"{name:25}{len(expand(written)):8,} of {len(SCALARS):,}\n")
