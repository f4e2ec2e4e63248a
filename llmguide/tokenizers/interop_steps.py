"""The steps of a ``tokenizer.json`` around its model: normalizer, pre-tokenizer and decoder, read and written.

Two parts of the file are divided otherwise here: its pre-tokenizer ``Metaspace`` writes marks for spaces and cuts, and
``ByteLevel`` cuts and spells bytes.
"""

import json
from dataclasses import asdict
from typing import Any

import regex

from llmguide.tokenizers.decoders import (
    BYTE_LEVEL,
    ByteLevelDecoder,
    Decoder,
    EndOfWord,
    Joined,
    MetaspaceDecoder,
    WordPieceDecoder,
)
from llmguide.tokenizers.normalizers import (
    BertNormalizer,
    Lowercase,
    Metaspace,
    Normalizer,
    Prepend,
    Replace,
    Sequence,
    StripAccents,
    UnicodeForm,
)
from llmguide.tokenizers.pretokenizers import (
    BERT,
    DIGITS,
    GPT2,
    METASPACE,
    PRETOKENIZERS,
    WHITESPACE,
    WHOLE,
    WORDS,
    Chain,
    Cutter,
    PreTokenizer,
)

Json = dict[str, Any]  # what ``json.loads`` makes of an object; each part is checked where it is read

_NAMED = {"Whitespace": WORDS, "WhitespaceSplit": WHITESPACE, "BertPreTokenizer": BERT}
_KNOWN = {pretokenizer.pattern: pretokenizer for pretokenizer in PRETOKENIZERS.values()}
_COVERING = [known for known in _KNOWN.values() if known not in _NAMED.values()]  # they match every character
_BYTE_LEVEL: Json = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
_DIGITS: Json = {"type": "Digits", "individual_digits": True}


def write_normalizer(normalizer: Normalizer | None) -> Json | None:
    """Write a normalizer, without the marks for spaces that belong to the pre-tokenizer of the format.

    Args:
        normalizer: The normalizer.

    Returns:
        The part of the document.

    Raises:
        ValueError: If the format cannot say it.
    """
    match normalizer:
        case None | Metaspace():
            return None
        case UnicodeForm(form):
            return {"type": form}
        case Lowercase() | StripAccents() | BertNormalizer():
            return {"type": type(normalizer).__name__, **asdict(normalizer)}
        case Prepend(prefix):
            return {"type": "Prepend", "prepend": prefix}
        case Replace(old, new):
            return {"type": "Replace", "pattern": {"String": old}, "content": new}
        case Sequence((*steps, Metaspace())):
            return write_normalizer(Sequence(tuple(steps)))
        case Sequence(steps) if not any(isinstance(step, Metaspace) for step in steps):
            return {"type": "Sequence", "normalizers": [write_normalizer(step) for step in steps]}
    raise ValueError(
        f"tokenizer.json has no way to say {normalizer!r}; use the normalizers of llmguide.tokenizers.normalizers"
    )


def read_normalizer(part: object) -> Normalizer | None:
    """Read a normalizer.

    Args:
        part: The part of the document.

    Returns:
        The normalizer, or ``None`` for none.

    Raises:
        ValueError: If it is not valid or not known.
    """
    match part:
        case None:
            return None
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
        case {"type": "Prepend", "prepend": str(prefix)}:
            return Prepend(prefix)
        case {"type": "Replace", "pattern": {"String": str(old)}, "content": str(new)} if old:
            return Replace(old, new)
        case {"type": "Sequence", "normalizers": [*parts]}:
            steps = [read_normalizer(step) for step in parts]
            return Sequence(tuple(step for step in steps if step is not None))
    raise unsupported("normalizer", part)


def write_pretokenizer(pretokenizer: Cutter, normalizer: Normalizer | None, byte_level: bool) -> Json | None:
    """Write a pre-tokenizer, with the spelling of bytes and the marks for spaces.

    Args:
        pretokenizer: The pre-tokenizer.
        normalizer: The normalizer, whose last step may put marks for spaces.
        byte_level: Whether pieces are spelled in the byte alphabet.

    Returns:
        The part of the document.

    Raises:
        ValueError: If the format cannot say it.
    """
    last = normalizer.steps[-1] if isinstance(normalizer, Sequence) and normalizer.steps else normalizer
    steps = list(pretokenizer.steps if isinstance(pretokenizer, Chain) else (pretokenizer,))
    written: list[Json] = []
    if isinstance(last, Metaspace):
        split = steps[0] == _metaspace(last.mark)
        steps = steps[1:] if split else steps
        marks = {"replacement": last.mark, "prepend_scheme": last.prepend, "split": split}
        written.append({"type": "Metaspace", **marks})
    ends_as_gpt2 = byte_level and steps[-1:] == [GPT2]
    for step in steps[:-1] if ends_as_gpt2 else steps:
        if not isinstance(step, PreTokenizer):
            raise ValueError(f"tokenizer.json has no way to say {step!r}")
        if step != WHOLE:
            written.append(_write_cut(step))
    if byte_level:
        written.append({**_BYTE_LEVEL, "use_regex": ends_as_gpt2})
    if len(written) < 2:
        return written[0] if written else None
    return {"type": "Sequence", "pretokenizers": written}


def _write_cut(pretokenizer: PreTokenizer) -> Json:
    for name, known in _NAMED.items():
        if pretokenizer == known:
            return {"type": name}
    if pretokenizer == DIGITS:
        return _DIGITS
    covering = pretokenizer in _COVERING
    return {
        "type": "Split",
        "pattern": {"Regex": pretokenizer.pattern},
        # Where matches cover the text both say the same, and "Isolated" is what others write.
        "behavior": "Isolated" if covering else "Removed",
        "invert": not covering,
    }


def read_pretokenizer(part: object) -> tuple[list[PreTokenizer], Metaspace | None, bool]:
    """Read a pre-tokenizer.

    Args:
        part: The part of the document.

    Returns:
        The cuts to make one after the other, the marks for spaces to put before the first of them, and whether the
        tokenizer is byte-level.

    Raises:
        ValueError: If it is not valid or not known.
    """
    match part:
        case None:
            return [], None, False
        case {"type": "ByteLevel", "add_prefix_space": False, **options}:
            return ([GPT2] if options.get("use_regex", True) else []), None, True
        case {"type": "Metaspace", "replacement": str(mark), **options} if len(mark) == 1:
            scheme = options.get("prepend_scheme", "always" if options.get("add_prefix_space", True) else "never")
            if scheme in ("always", "first", "never") and options.get("split", True) in (True, False):
                return ([_metaspace(mark)] if options.get("split", True) else []), Metaspace(mark, scheme), False
        case {"type": "Whitespace" | "WhitespaceSplit" | "BertPreTokenizer" as name}:
            return [_NAMED[name]], None, False
        case {"type": "Digits", "individual_digits": bool(individual)}:
            return [DIGITS if individual else PreTokenizer("custom", r"\p{N}+|\P{N}+")], None, False
        case {"type": "Split", "pattern": {"Regex": str(pattern)}, "behavior": "Removed", "invert": True}:
            return [_KNOWN.get(pattern) or PreTokenizer("custom", pattern)], None, False
        case {"type": "Split", "pattern": {"Regex": str(pattern)}, "behavior": "Isolated", "invert": False}:
            if _KNOWN.get(pattern) in _COVERING:
                return [_KNOWN[pattern]], None, False
            # Text between two matches is a piece as well.
            return [PreTokenizer("custom", f"(?:{pattern})|(?s:(?:(?!{pattern}).)+)")], None, False
        case {"type": "Sequence", "pretokenizers": [*parts]}:
            cuts: list[PreTokenizer] = []
            marks, byte_level = None, False
            for step in parts:
                more, more_marks, more_bytes = read_pretokenizer(step)
                # Marks behind a cut, or a cut of spelled bytes, are steps that no tokenizer of this package takes.
                if byte_level or (more_marks is not None and (cuts or marks is not None)):
                    raise unsupported("pre_tokenizer", part)
                cuts, marks, byte_level = cuts + more, marks or more_marks, more_bytes
            return cuts, marks, byte_level
    raise unsupported("pre_tokenizer", part)


def _metaspace(mark: str) -> PreTokenizer:
    """Cut before each mark."""
    escaped = regex.escape(mark)
    return METASPACE if mark == "▁" else PreTokenizer("metaspace", f"{escaped}[^{escaped}]*|[^{escaped}]+")


def write_decoder(decoder: Decoder) -> Json | None:
    """Write a decoder.

    Args:
        decoder: The decoder.

    Returns:
        The part of the document.

    Raises:
        ValueError: If the format cannot say it.
    """
    match decoder:
        case ByteLevelDecoder():
            return {**_BYTE_LEVEL, "use_regex": True}
        case EndOfWord(mark):
            return {"type": "BPEDecoder", "suffix": mark}
        case WordPieceDecoder(prefix, cleanup):
            return {"type": "WordPiece", "prefix": prefix, "cleanup": cleanup}
        case MetaspaceDecoder(mark, drop_first):
            spaces = {"type": "Replace", "pattern": {"String": mark}, "content": " "}
            strip = [{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if drop_first else []
            return {"type": "Sequence", "decoders": [spaces, {"type": "ByteFallback"}, {"type": "Fuse"}, *strip]}
        case Joined(""):
            return {"type": "Fuse"}
        case Joined(" "):
            return None
    raise ValueError(f"tokenizer.json has no way to say {decoder!r}")


def read_decoder(part: object) -> Decoder:
    """Read a decoder.

    Args:
        part: The part of the document.

    Returns:
        The decoder.

    Raises:
        ValueError: If it is not valid or not known.
    """
    match part:
        case None:
            return Joined(" ")
        case {"type": "ByteLevel"}:
            return BYTE_LEVEL
        case {"type": "BPEDecoder", "suffix": str(suffix)} if suffix:
            return EndOfWord(suffix)
        case {"type": "Fuse"}:
            return Joined()
        case {"type": "WordPiece", "prefix": str(prefix), "cleanup": bool(cleanup)}:
            return WordPieceDecoder(prefix, cleanup)
        case {"type": "Metaspace", "replacement": str(mark), **options} if mark:
            return MetaspaceDecoder(mark, options.get("prepend_scheme", "always") != "never")
        case {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": str(mark)}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
                *strip,
            ],
        } if mark and strip in ([], [{"type": "Strip", "content": " ", "start": 1, "stop": 0}]):
            return MetaspaceDecoder(mark, bool(strip))
    raise unsupported("decoder", part)


def expect_off(part: Json, option: str, where: str) -> None:
    """Refuse an option that this package does not know, if it is switched on.

    Args:
        part: The object that may hold it.
        option: Its key.
        where: What the object is, for the message.

    Raises:
        ValueError: If it is on.
    """
    if part.get(option):
        raise ValueError(f"{where}.{option} is {part[option]!r}, which this package does not support; expected it off")


def unsupported(where: str, part: object) -> ValueError:
    """Build the error for a part that is not known.

    Args:
        where: Which part it is.
        part: What it holds.

    Returns:
        The error, to be raised.
    """
    shown = json.dumps(part, ensure_ascii=False)
    return ValueError(f"{where} is {shown[:200]}, which this package does not support or which does not fit the rest")
