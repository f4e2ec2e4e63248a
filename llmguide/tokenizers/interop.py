"""Reading and writing ``tokenizer.json``, the file format of the ``tokenizers`` library.

What is written here, the library reads and encodes to the same ids, and the other way round, save for the spelling of a
special token inside a text: the library takes it for the token unless its ``encode_special_tokens`` is set, this
package only where it is allowed. Of the format's many parts this module knows byte-pair encoding with the normalizers
and pre-tokenizers of this package; a file with any other part is refused by name, because a tokenizer that silently
leaves out a step gives wrong ids.
"""

import json
import os
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llmguide.tokenizers.bpe import Bpe
from llmguide.tokenizers.decoders import BYTE_LEVEL, ByteLevelDecoder, Decoder, EndOfWord, Joined
from llmguide.tokenizers.normalizers import (
    BertNormalizer,
    Lowercase,
    Normalizer,
    Sequence,
    StripAccents,
    UnicodeForm,
)
from llmguide.tokenizers.pretokenizers import BERT, CL100K, GPT2, WHITESPACE, WHOLE, WORDS, PreTokenizer
from llmguide.tokenizers.tokenizer import Tokenizer

Json = dict[str, Any]  # what ``json.loads`` makes of an object; each part is checked where it is read

_PRETOKENIZER_TYPES = {"Whitespace": WORDS, "WhitespaceSplit": WHITESPACE, "BertPreTokenizer": BERT}
_COVERING = {pretokenizer.pattern: pretokenizer for pretokenizer in (GPT2, CL100K)}  # they match every character
_BYTE_LEVEL: Json = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
_MODEL_OPTIONS: Json = {
    "dropout": None,
    "continuing_subword_prefix": None,
    "fuse_unk": False,
    "byte_fallback": False,
    "ignore_merges": False,
}
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
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            file.write(dumps(tokenizer))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


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


def dumps(tokenizer: Tokenizer) -> str:
    """Write a tokenizer as the text of a ``tokenizer.json``.

    Args:
        tokenizer: The tokenizer.

    Returns:
        The JSON text.

    Raises:
        ValueError: If the separator is one that the format cannot say.
    """
    model = tokenizer.model
    if not isinstance(model, Bpe) or model.byte_fallback or model.whole_words:
        raise ValueError(f"expected a plain byte-pair encoding; got {type(model).__name__}")
    document = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": model.ids[token], "content": token, **_TOKEN_OPTIONS, "normalized": False, "special": True}
            for token in sorted(tokenizer.special_tokens, key=model.ids.__getitem__)
        ],
        "normalizer": None if tokenizer.normalizer is None else _write_normalizer(tokenizer.normalizer),
        "pre_tokenizer": _write_pretokenizer(tokenizer.pretokenizer, tokenizer.byte_level),
        "post_processor": None,
        "decoder": _write_decoder(tokenizer.decoder),
        "model": {
            "type": "BPE",
            **_MODEL_OPTIONS,
            "unk_token": model.unknown,
            "end_of_word_suffix": model.end_of_word or None,
            "vocab": model.ids,
            "merges": model.merges,
        },
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
        _expect_off(document, option, "tokenizer.json")
    match document.get("post_processor"):
        case None | {"type": "ByteLevel", "trim_offsets": False}:  # the latter changes nothing
            pass
        case other:
            raise _unsupported("post_processor", other)
    normalizer = None if document.get("normalizer") is None else _read_normalizer(document["normalizer"])
    pretokenizer, byte_level = _read_pretokenizer(document.get("pre_tokenizer"))
    model, special_tokens = _read_model(document["model"], document.get("added_tokens", []))
    decoder = _read_decoder(document.get("decoder"), byte_level, model.end_of_word)
    return Tokenizer(model, pretokenizer, normalizer, decoder, special_tokens)


def _write_normalizer(normalizer: Normalizer) -> Json:
    match normalizer:
        case UnicodeForm(form):
            return {"type": form}
        case Lowercase() | StripAccents() | BertNormalizer():
            return {"type": type(normalizer).__name__, **asdict(normalizer)}
        case Sequence(steps):
            return {"type": "Sequence", "normalizers": [_write_normalizer(step) for step in steps]}
    raise ValueError(
        f"tokenizer.json has no way to say {normalizer!r}; use the normalizers of llmguide.tokenizers.normalizers"
    )


def _read_normalizer(part: object) -> Normalizer:
    match part:
        case {"type": "NFC" | "NFD" | "NFKC" | "NFKD" as form}:
            return UnicodeForm(form)
        case {"type": "Lowercase"}:
            return Lowercase()
        case {"type": "StripAccents"}:
            return StripAccents()
        case {
            "type": "BertNormalizer",
            "clean_text": bool(clean_text),
            "handle_chinese_chars": bool(handle_chinese_chars),
            "strip_accents": bool(strip_accents) | (None as strip_accents),
            "lowercase": bool(lowercase),
        }:
            return BertNormalizer(clean_text, handle_chinese_chars, strip_accents, lowercase)
        case {"type": "Sequence", "normalizers": [*steps]}:
            return Sequence(tuple(_read_normalizer(step) for step in steps))
    raise _unsupported("normalizer", part)


def _write_pretokenizer(pretokenizer: PreTokenizer, byte_level: bool) -> Json | None:
    if byte_level and pretokenizer == GPT2:
        return {**_BYTE_LEVEL, "use_regex": True}
    names = {known: name for name, known in _PRETOKENIZER_TYPES.items()}
    split: Json | None
    if pretokenizer == WHOLE:
        split = None
    elif pretokenizer in names:
        split = {"type": names[pretokenizer]}
    else:
        covering = pretokenizer in _COVERING.values()
        split = {
            "type": "Split",
            "pattern": {"Regex": pretokenizer.pattern},
            # Where matches cover the text both say the same, and "Isolated" is what others write.
            "behavior": "Isolated" if covering else "Removed",
            "invert": not covering,
        }
    if not byte_level:
        return split
    spell = {**_BYTE_LEVEL, "use_regex": False}
    return spell if split is None else {"type": "Sequence", "pretokenizers": [split, spell]}


def _read_pretokenizer(part: object) -> tuple[PreTokenizer, bool]:
    """Give the pre-tokenizer and whether the tokenizer is byte-level."""
    match part:
        case None:
            return WHOLE, False
        case {"type": "ByteLevel", "add_prefix_space": False, **options}:
            return (GPT2 if options.get("use_regex", True) else WHOLE), True
        case {"type": "Whitespace" | "WhitespaceSplit" | "BertPreTokenizer" as name}:
            return _PRETOKENIZER_TYPES[name], False
        case {"type": "Split", "pattern": {"Regex": str(pattern)}, "behavior": "Removed", "invert": True}:
            return PreTokenizer("custom", pattern), False
        case {"type": "Split", "pattern": {"Regex": str(pattern)}, "behavior": "Isolated", "invert": False}:
            # Text between two matches is a piece as well.
            return _COVERING.get(pattern) or PreTokenizer("custom", f"(?:{pattern})|(?s:(?:(?!{pattern}).)+)"), False
        case {
            "type": "Sequence",
            "pretokenizers": [split, {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}],
        }:
            pretokenizer, byte_level = _read_pretokenizer(split)
            if not byte_level:
                return pretokenizer, True
    raise _unsupported("pre_tokenizer", part)


def _write_decoder(decoder: Decoder) -> Json | None:
    match decoder:
        case ByteLevelDecoder():
            return {**_BYTE_LEVEL, "use_regex": True}
        case EndOfWord(mark):
            return {"type": "BPEDecoder", "suffix": mark}
        case Joined(""):
            return {"type": "Fuse"}
        case Joined(" "):
            return None
    raise ValueError(f"tokenizer.json has no way to say {decoder!r}")


def _read_decoder(part: object, byte_level: bool, end_of_word: str) -> Decoder:
    """Read the decoder and check that it fits the rest."""
    match part:
        case {"type": "ByteLevel"} if byte_level:
            return BYTE_LEVEL
        case {"type": "BPEDecoder", "suffix": str(suffix)} if end_of_word and suffix == end_of_word and not byte_level:
            return EndOfWord(suffix)
        case {"type": "Fuse"} if not byte_level and not end_of_word:
            return Joined()
        case None if not byte_level and not end_of_word:
            return Joined(" ")
    raise _unsupported("decoder", part)


def _read_model(part: Json, added_tokens: object) -> tuple[Bpe, tuple[str, ...]]:
    """Give the model and the special tokens, which may lie behind the model's own vocabulary."""
    match part:
        case {"type": "BPE", "vocab": dict(vocab), "merges": list(merges)}:
            pass
        case _:
            raise _unsupported("model", part)
    for option in _MODEL_OPTIONS:
        _expect_off(part, option, "model")
    for option in ("unk_token", "end_of_word_suffix"):
        if not isinstance(part.get(option), str | None):
            raise ValueError(f"model.{option} is {part[option]!r}; expected a string or null")
    if not all(type(number) is int for number in vocab.values()):
        raise ValueError("model.vocab must give each token an integer")
    if not (isinstance(added_tokens, list) and all(isinstance(token, dict) for token in added_tokens)):
        raise _unsupported("added_tokens", added_tokens)
    special = [_read_special(token, vocab) for token in added_tokens]
    numbers = {**vocab, **dict(special)}
    tokens = tuple(sorted(numbers, key=numbers.__getitem__))
    if [numbers[token] for token in tokens] != list(range(len(tokens))):
        raise ValueError(f"the ids of model.vocab and added_tokens must be 0 to {len(tokens) - 1}, each given once")
    end_of_word, unknown = part.get("end_of_word_suffix") or "", part.get("unk_token")
    return Bpe(tokens, tuple(map(_read_merge, merges)), end_of_word, unknown), tuple(token for token, _ in special)


def _read_special(part: Json, vocab: Json) -> tuple[str, int]:
    match part:
        case {"id": int(number), "content": str(content), "special": True} if vocab.get(content, number) == number:
            for option in _TOKEN_OPTIONS:
                _expect_off(part, option, "added_tokens")
            return content, number
    raise _unsupported("added_tokens", part)


def _read_merge(part: object) -> tuple[str, str]:
    match part:
        case [str(left), str(right)]:
            return left, right
        case str() if part.count(" ") == 1:  # how older versions of the library wrote merges
            left, right = part.split(" ")
            return left, right
    raise ValueError(f"model.merges holds {part!r}; expected two tokens")


def _expect_off(part: Json, option: str, where: str) -> None:
    """Raise if an option that this package does not know is switched on."""
    if part.get(option):
        raise ValueError(f"{where}.{option} is {part[option]!r}, which this package does not support; expected it off")


def _unsupported(where: str, part: object) -> ValueError:
    shown = json.dumps(part, ensure_ascii=False)
    return ValueError(f"{where} is {shown[:200]}, which this package does not support or which does not fit the rest")


def _refuse_repeated_keys(items: list[tuple[str, Any]]) -> Json:
    """Build an object from its members; ``json`` by itself would keep the last of two equal keys and say nothing."""
    members = dict(items)
    if len(members) < len(items):
        repeated = Counter(key for key, _ in items).most_common(1)[0][0]
        raise ValueError(f"{repeated!r} is given twice in one object; each token or key must be unique")
    return members
