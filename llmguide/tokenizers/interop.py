"""Reading and writing ``tokenizer.json``, the file format of the ``tokenizers`` library.

What is written here, the library reads and encodes to the same ids, and the other way round, with two exceptions. The
library takes the spelling of a special token inside a text for the token unless its ``encode_special_tokens`` is set,
this package only where it is allowed. And the library's ``encode`` puts special tokens around a text, as the file's
``post_processor`` says, unless ``add_special_tokens=False``; here
:meth:`~llmguide.tokenizers.tokenizer.Tokenizer.encode` adds none, so that part is checked, left out, and not written.

A file with any other part that this package does not know is refused by name, because a tokenizer that silently leaves
out a step gives wrong ids. The parts are in :mod:`~llmguide.tokenizers.interop_steps` and
:mod:`~llmguide.tokenizers.interop_models`.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from llmguide.atomic import written
from llmguide.tokenizers.bpe import Bpe
from llmguide.tokenizers.decoders import ByteLevelDecoder, EndOfWord, WordPieceDecoder
from llmguide.tokenizers.interop_models import Added, read_model, write_model
from llmguide.tokenizers.interop_steps import (
    Json,
    expect_off,
    read_decoder,
    read_normalizer,
    read_pretokenizer,
    unsupported,
    write_decoder,
    write_normalizer,
    write_pretokenizer,
)
from llmguide.tokenizers.normalizers import BertNormalizer, Sequence
from llmguide.tokenizers.pretokenizers import BERT, WHOLE, Chain, Cutter
from llmguide.tokenizers.tokenizer import Tokenizer
from llmguide.tokenizers.wordpiece import WordPiece

_TOKEN_OPTIONS: Json = {"single_word": False, "lstrip": False, "rstrip": False}


def save(tokenizer: Tokenizer, path: str | Path) -> None:
    """Write a tokenizer to a file that this package and the ``tokenizers`` library read.

    The file is complete or untouched: it is written under another name first and then put in place.

    Args:
        tokenizer: The tokenizer.
        path: Where to write, usually ``tokenizer.json``.

    Raises:
        OSError: If the file cannot be written.
    """
    with written(path) as unfinished:
        unfinished.write_text(dumps(tokenizer), encoding="utf-8")


def load(path: str | Path) -> Tokenizer:
    """Read a ``tokenizer.json``.

    Args:
        path: The file.

    Returns:
        The tokenizer.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is not a ``tokenizer.json``, or has a part that this package does not know; the message says
            which.
    """
    path = Path(path)
    try:
        return loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def load_vocab_txt(path: str | Path, lowercase: bool = True) -> Tokenizer:
    """Read a ``vocab.txt``, the file in which BERT's vocabularies were published: one token in each line.

    Args:
        path: The file.
        lowercase: Whether it is an uncased vocabulary. The file does not say.

    Returns:
        A WordPiece tokenizer with BERT's normalizer and pre-tokenizer; what the file holds of ``[PAD]``, ``[UNK]``,
        ``[CLS]``, ``[SEP]`` and ``[MASK]`` are its special tokens.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no text in UTF-8, gives a token twice, has an empty line or lacks ``[UNK]``.

    Source: the code published with :cite:t:`devlin2019bert`.
    """
    path = Path(path)
    try:
        tokens = tuple(path.read_bytes().decode("utf-8").replace("\r\n", "\n").removesuffix("\n").split("\n"))
        if "" in tokens:
            raise ValueError(f"line {tokens.index('') + 1} is empty; expected a token")
        special = tuple(token for token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]") if token in tokens)
        model = WordPiece(tokens, reserved=special)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return Tokenizer(model, BERT, BertNormalizer(lowercase=lowercase), WordPieceDecoder(), special)


def dumps(tokenizer: Tokenizer) -> str:
    """Write a tokenizer as the text of a ``tokenizer.json``.

    Args:
        tokenizer: The tokenizer.

    Returns:
        The JSON text.

    Raises:
        ValueError: If the separator is one that the format cannot say.
    """
    ids, byte_level = tokenizer.model.ids, tokenizer.byte_level
    document = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": ids[token], "content": token, **_TOKEN_OPTIONS, "normalized": False, "special": True}
            for token in sorted(tokenizer.special_tokens, key=ids.__getitem__)
        ],
        "normalizer": write_normalizer(tokenizer.normalizer),
        "pre_tokenizer": write_pretokenizer(tokenizer.pretokenizer, tokenizer.normalizer, byte_level),
        "post_processor": None,
        "decoder": write_decoder(tokenizer.decoder),
        "model": write_model(tokenizer.model),
    }
    return json.dumps(document, ensure_ascii=False, indent=1)


def loads(text: str) -> Tokenizer:
    """Read a tokenizer from the text of a ``tokenizer.json``.

    Args:
        text: The JSON text.

    Returns:
        The tokenizer.

    Raises:
        ValueError: If it is not valid, or has a part that this package does not know; the message says which.
    """
    try:
        document = json.loads(text, object_pairs_hook=_refuse_repeated_keys)
    except RecursionError as error:
        raise ValueError("not a tokenizer.json: objects and lists are nested too deeply") from error
    if not isinstance(document, dict) or not isinstance(document.get("model"), dict):
        raise ValueError("not a tokenizer.json: expected an object with a 'model'")
    for option in ("truncation", "padding"):
        expect_off(document, option, "tokenizer.json")
    _check_post_processor(document.get("post_processor"))
    normalizer = read_normalizer(document.get("normalizer"))
    cuts, marks, byte_level = read_pretokenizer(document.get("pre_tokenizer"))
    if marks is not None:
        steps = normalizer.steps if isinstance(normalizer, Sequence) else (normalizer,) if normalizer else ()
        normalizer = Sequence((*steps, marks)) if steps else marks
    pretokenizer: Cutter = (cuts[0] if cuts else WHOLE) if len(cuts) < 2 else Chain(tuple(cuts))
    special = _read_special(document.get("added_tokens", []))
    model = read_model(document["model"], special)
    decoder = read_decoder(document.get("decoder"))
    marked = isinstance(model, Bpe) and bool(model.end_of_word)
    if (byte_level, marked) != (isinstance(decoder, ByteLevelDecoder), isinstance(decoder, EndOfWord)):
        raise unsupported("decoder", document.get("decoder"))
    return Tokenizer(model, pretokenizer, normalizer, decoder, tuple(special))


def _check_post_processor(part: object) -> None:
    """Refuse what would change the tokens of a text or their offsets, and not only put special tokens around them."""
    match part:
        case None | {"type": "ByteLevel", "trim_offsets": False} | {"type": "BertProcessing"}:
            pass
        case {"type": "TemplateProcessing", "single": [*_], "pair": [*_]}:
            pass
        case {"type": "Sequence", "processors": [*parts]}:
            for step in parts:
                _check_post_processor(step)
        case _:
            raise unsupported("post_processor", part)


def _read_special(parts: object) -> Added:
    if not (isinstance(parts, list) and all(isinstance(token, dict) for token in parts)):
        raise unsupported("added_tokens", parts)
    special: Added = {}
    for part in parts:
        match part:
            case {"id": int(number), "content": str(content), "special": True} if content not in special:
                for option in _TOKEN_OPTIONS:
                    expect_off(part, option, "added_tokens")
                special[content] = number
            case _:
                raise unsupported("added_tokens", part)
    return special


def _refuse_repeated_keys(items: list[tuple[str, Any]]) -> Json:
    """Build an object from its members; ``json`` by itself would keep the last of two equal keys and say nothing."""
    members = dict(items)
    if len(members) < len(items):
        repeated = Counter(key for key, _ in items).most_common(1)[0][0]
        raise ValueError(f"{repeated!r} is given twice in one object; each token or key must be unique")
    return members
