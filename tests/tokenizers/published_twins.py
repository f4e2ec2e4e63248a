"""The published vocabularies in the libraries that they were made for, read from the same files without our readers."""

import base64
import json
import os
from collections.abc import Callable
from functools import cache

import pytest
import sentencepiece
import tiktoken
import tokenizers
from gguf import GGUFReader
from library_twins import PRETOKENIZERS, published_pattern
from tiktoken.load import load_tiktoken_bpe
from tokenizers import models

from llmguide.tokenizers.published import FILES

Encode = Callable[[str], list[int]]
FIRST = {"gpt2": 0, "cl100k_base": 0, "o200k_base": 0, "tekken": 1000}
"""The id of rank 0: special tokens come before it in Tekken, and behind the ranks elsewhere."""
BY_RANKS = tuple(FIRST)
NAMES = (*BY_RANKS, "smollm2")
WITH_RULES = ("mistral-v3", "bert")
"""Those that change a text before they cut it."""


def require(name: str) -> None:
    """Skip a test whose file is in a package that is not installed, and fail where everything should be."""
    try:
        FILES[name].find()
    except FileNotFoundError as error:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(error))


def pattern(name: str) -> str:
    """Give the pattern that tiktoken has for a vocabulary, or that its file has."""
    if name == "tekken":
        return str(json.loads(FILES[name].find().read_bytes())["config"]["pattern"])
    return published_pattern(name)


@cache
def engine(name: str) -> tiktoken.Encoding:
    """Build tiktoken's engine over a vocabulary; it knows no special tokens."""
    path = FILES[name].find()
    if name == "tekken":
        document = json.loads(path.read_bytes())
        used = document["config"]["default_vocab_size"] - document["config"]["default_num_special_tokens"]
        ranks = {base64.b64decode(entry["token_bytes"]): entry["rank"] for entry in document["vocab"][:used]}
    elif name == "gpt2":
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TIKTOKEN_CACHE_DIR", "")
            ranks = load_tiktoken_bpe(str(path))
        ranks = {token: rank for token, rank in ranks.items() if rank < 50_256}
    else:
        # The package names the files as tiktoken's cache does, so that nothing is downloaded.
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TIKTOKEN_CACHE_DIR", str(path.parent))
            return tiktoken.get_encoding(name)
    return tiktoken.Encoding(name, pat_str=pattern(name), mergeable_ranks=ranks, special_tokens={})


@cache
def smollm2() -> tokenizers.Tokenizer:
    """Put SmolLM2's tokenizer together in the library for which it was made."""
    fields = GGUFReader(FILES["smollm2"].find()).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"].contents()]
    twin = tokenizers.Tokenizer(models.BPE({token: number for number, token in enumerate(tokens)}, merges))
    twin.pre_tokenizer = PRETOKENIZERS["smollm"]
    return twin


@cache
def bert() -> tokenizers.Tokenizer:
    """Read BERT's ``tokenizer.json``; special tokens in a text are only text there as well."""
    library = tokenizers.Tokenizer.from_file(str(FILES["bert"].find().with_name("tokenizer.json")))
    library.no_padding()
    library.no_truncation()
    library.encode_special_tokens = True
    return library


def twin(name: str) -> Encode:
    """Give what turns a text into a published tokenizer's ids, special tokens inert."""
    if name == "mistral-v3":
        return sentencepiece.SentencePieceProcessor(model_file=str(FILES[name].find())).encode
    if name == "bert":
        uncased = bert()
        return lambda text: list(uncased.encode(text, add_special_tokens=False).ids)
    if name == "smollm2":
        library = smollm2()
        return lambda text: list(library.encode(text).ids)
    encoding = engine(name)
    return lambda text: [FIRST[name] + rank for rank in encoding.encode_ordinary(text)]
