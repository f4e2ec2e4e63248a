"""Reading Tekken files, in which Mistral AI publishes its byte-level vocabularies.

A Tekken file is JSON: the pattern that cuts text into pieces, ranked tokens in Base64, and how many of them the model
uses. Special tokens come before the ranked ones, so a token's id is its rank plus their number.

Source: the code published as :cite:t:`mistral2024common`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmguide.tokenizers.pretokenizers import PreTokenizer
from llmguide.tokenizers.ranked_bpe import RankedBpe
from llmguide.tokenizers.ranks import Entry, collect_ranked, decode_token
from llmguide.tokenizers.tokenizer import Tokenizer

Json = dict[str, Any]  # what ``json.loads`` makes of an object; each part is checked where it is read

SPECIAL_TOKENS = (
    *("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]"),
    *("[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]"),
    *("[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]"),
)
"""The special tokens of files that do not list their own, which are those up to version 7."""

_MOST_TOKENS = 10_000_000


def load_tekken(path: str | Path) -> Tokenizer:
    """Read a Tekken file.

    Args:
        path: The file.

    Returns:
        The tokenizer.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is not a Tekken file; the message says where.
    """
    path = Path(path)
    try:
        return read_tekken(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def read_tekken(content: bytes) -> Tokenizer:
    """Read the content of a Tekken file.

    Args:
        content: The whole file.

    Returns:
        The tokenizer. Reserved ids among the special tokens have names such as ``<SPECIAL_20>``.

    Raises:
        ValueError: If it is not a Tekken file; the message says where.
    """
    try:
        document = json.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"not a Tekken file: byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"not a Tekken file: {error}") from error
    except RecursionError as error:
        raise ValueError("not a Tekken file: objects and lists are nested too deeply") from error
    match document:
        case {"config": dict(config), "vocab": list(vocab)}:
            pass
        case _:
            raise ValueError("not a Tekken file: expected an object with 'config' and 'vocab'")
    pattern = config.get("pattern")
    if not isinstance(pattern, str):
        raise ValueError(f"config.pattern is {str(pattern)[:60]}; expected a regular expression")
    size = _read_number(config, "default_vocab_size")
    reserved = _read_number(config, "default_num_special_tokens")
    if not 0 <= size - reserved <= len(vocab):
        raise ValueError(
            f"default_vocab_size ({size}) less default_num_special_tokens ({reserved}) must be the number of ranked "
            f"tokens to use, and 'vocab' has {len(vocab)}"
        )
    ranked = collect_ranked(_read_entries(vocab[: size - reserved]))
    special = _read_special(document.get("special_tokens"), reserved)
    model = RankedBpe.of(ranked, special, first=reserved)
    return Tokenizer(model, PreTokenizer("tekken", pattern), special_tokens=tuple(special))


def _read_number(config: Json, key: str) -> int:
    """Read one of the counts."""
    found = config.get(key)
    if type(found) is not int or not 0 <= found <= _MOST_TOKENS:
        raise ValueError(f"config.{key} is {str(found)[:60]}; expected a whole number from 0 to {_MOST_TOKENS}")
    return found


def _read_entries(vocab: list[Any]) -> Iterator[Entry]:
    """Read the ranked tokens."""
    for position, entry in enumerate(vocab):
        where = f"vocab[{position}]"
        match entry:
            case {"rank": int(rank), "token_bytes": str(encoded)} if encoded.isascii():
                yield where, decode_token(encoded.encode("ascii"), where), rank
            case _:
                raise ValueError(f"{where} is {str(entry)[:60]}; expected a 'rank' and 'token_bytes' in Base64")


def _read_special(listed: object, reserved: int) -> dict[str, int]:
    """Name the special tokens: those of the file, and for each further id that it reserves a name of its own."""
    names = dict(enumerate(SPECIAL_TOKENS)) if listed is None else {}
    for position, entry in enumerate(listed if isinstance(listed, list) else []):
        match entry:
            case {"rank": int(rank), "token_str": str(name)} if rank not in names:
                names[rank] = name
            case _:
                raise ValueError(
                    f"special_tokens[{position}] is {str(entry)[:60]}; expected a 'rank' of its own and a 'token_str'"
                )
    if not isinstance(listed, list | None):
        raise ValueError(f"special_tokens is {str(listed)[:60]}; expected a list")
    if names and not 0 <= min(names) <= max(names) < reserved:
        raise ValueError(f"special tokens have the ranks {min(names)} to {max(names)}; expected 0 to {reserved - 1}")
    special = {names.get(rank, f"<SPECIAL_{rank}>"): rank for rank in range(reserved)}
    if len(special) < reserved:
        raise ValueError("special_tokens names two tokens alike; each must be unique")
    return special
