"""The model of a ``tokenizer.json``, read and written: byte-pair encoding, WordPiece or Unigram."""

from math import inf

from llmguide.tokenizers.bpe import Bpe
from llmguide.tokenizers.interop_steps import Json, expect_off, unsupported
from llmguide.tokenizers.models import Model
from llmguide.tokenizers.unigram import Unigram
from llmguide.tokenizers.wordpiece import WordPiece

Added = dict[str, int]
"""Special tokens and their ids."""

_BYTES = frozenset(map("<0x{:02X}>".format, range(256)))
_BPE_OFF: Json = {"dropout": None, "continuing_subword_prefix": None}


def write_model(model: Model) -> Json:
    """Write a model.

    Args:
        model: The model.

    Returns:
        The part of the document.

    Raises:
        ValueError: If the format cannot say it.
    """
    match model:
        case Bpe():
            return {
                "type": "BPE",
                **_BPE_OFF,
                "fuse_unk": False,
                "byte_fallback": model.byte_fallback,
                "ignore_merges": model.whole_words,
                "unk_token": model.unknown,
                "end_of_word_suffix": model.end_of_word or None,
                "vocab": model.ids,
                "merges": model.merges,
            }
        case WordPiece(unknown=str(unknown)):
            return {
                "type": "WordPiece",
                "unk_token": unknown,
                "continuing_subword_prefix": model.prefix,
                "max_input_chars_per_word": model.longest_word,
                "vocab": model.ids,
            }
        case Unigram():
            # The format has no minus infinity; the library writes zero for tokens that are not pieces.
            scores = [score if score > -inf else 0.0 for score in model.scores]
            return {
                "type": "Unigram",
                "unk_id": None if model.unknown is None else model.ids[model.unknown],
                "vocab": list(zip(model.tokens, scores, strict=True)),
                "byte_fallback": model.byte_fallback,
            }
    raise ValueError(f"tokenizer.json has no way to say a {type(model).__name__} with unknown={model.unknown!r}")


def read_model(part: Json, special: Added) -> Model:
    """Read a model.

    Args:
        part: The part of the document.
        special: The special tokens, which may lie behind the model's own vocabulary.

    Returns:
        The model, whose vocabulary holds the special tokens.

    Raises:
        ValueError: If it is not valid or not known.
    """
    match part:
        case {"type": "BPE", "vocab": dict(vocab), "merges": list(merges)}:
            return _read_bpe(part, _read_tokens(vocab, special), merges, special)
        case {
            "type": "WordPiece",
            "unk_token": str(unknown),
            "continuing_subword_prefix": str(prefix),
            "max_input_chars_per_word": int(longest),
            "vocab": dict(vocab),
        }:
            return WordPiece(_read_tokens(vocab, special), unknown, prefix, longest, tuple(special))
        case {"type": "Unigram", "unk_id": int() | None, "vocab": list(vocab)}:
            return _read_unigram(part, dict(map(_read_score, vocab)), special)
    raise unsupported("model", part)


def _read_unigram(part: Json, scores: dict[str, float], special: Added) -> Unigram:
    if len(scores) < len(part["vocab"]):
        raise ValueError("model.vocab gives a token twice; each must be unique")
    tokens = _read_tokens({token: number for number, token in enumerate(scores)}, special)
    if not isinstance(byte_fallback := part.get("byte_fallback", False), bool):
        raise ValueError(f"model.byte_fallback is {byte_fallback!r}; expected true or false")
    number = part["unk_id"]
    if number is not None and not 0 <= number < len(scores):
        raise ValueError(f"model.unk_id is {number}; expected a place in model.vocab, 0 to {len(scores) - 1}, or null")
    unknown = None if number is None else tokens[number]
    # What is no piece of text: its score says nothing.
    aside = {*special, *([] if unknown is None else [unknown]), *(_BYTES if byte_fallback else ())}
    chosen = tuple(-inf if token in aside else scores[token] for token in tokens)
    return Unigram(tokens, chosen, unknown, byte_fallback)


def _read_score(part: object) -> tuple[str, float]:
    match part:
        case [str(token), int() | float() as score] if not isinstance(score, bool) and abs(score) < 2**53:
            return token, float(score)
    raise ValueError(f"model.vocab holds {str(part)[:200]}; expected a token and its score")


def _read_bpe(part: Json, tokens: tuple[str, ...], merges: list[object], special: Added) -> Bpe:
    for option in _BPE_OFF:
        expect_off(part, option, "model")
    for option in ("unk_token", "end_of_word_suffix"):
        if not isinstance(part.get(option), str | None):
            raise ValueError(f"model.{option} is {part[option]!r}; expected a string or null")
    for option in ("byte_fallback", "fuse_unk", "ignore_merges"):
        if not isinstance(part.get(option), bool | None):
            raise ValueError(f"model.{option} is {part[option]!r}; expected true or false")
    byte_fallback, whole_words = bool(part.get("byte_fallback")), bool(part.get("ignore_merges"))
    every_byte = byte_fallback and set(tokens) >= _BYTES
    if not every_byte:  # then no character is unknown, and none can be fused
        expect_off(part, "fuse_unk", "model")
    return Bpe(
        tokens,
        tuple(map(_read_merge, merges)),
        part.get("end_of_word_suffix") or "",
        part.get("unk_token"),
        byte_fallback,
        whole_words,
        tuple(special) if whole_words else (),
    )


def _read_tokens(vocab: Json, special: Added) -> tuple[str, ...]:
    """Order the tokens of the model and the special ones by their ids."""
    if not all(type(number) is int for number in vocab.values()):
        raise ValueError("model.vocab must give each token an integer")
    for token, number in special.items():
        if vocab.get(token, number) != number:
            raise ValueError(f"added_tokens gives {token!r} the id {number}, model.vocab {vocab[token]}")
    numbers = {**vocab, **special}
    tokens = tuple(sorted(numbers, key=numbers.__getitem__))
    if [numbers[token] for token in tokens] != list(range(len(tokens))):
        raise ValueError(f"the ids of model.vocab and added_tokens must be 0 to {len(tokens) - 1}, each given once")
    return tokens


def _read_merge(part: object) -> tuple[str, str]:
    match part:
        case [str(left), str(right)]:
            return left, right
        case str() if part.count(" ") == 1:  # how older versions of the library wrote merges
            left, right = part.split(" ")
            return left, right
    raise ValueError(f"model.merges holds {part!r}; expected two tokens")
