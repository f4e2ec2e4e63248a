"""``llmguide tokenize``: turn text into tokens, or ids back into text."""

import argparse
import json
import re

from llmguide.cli.console import read_text, write_text
from llmguide.tokenizers import Encoding, load

DESCRIPTION = """\
Cut a text into the tokens of a trained tokenizer, as a language model sees it, or turn ids back into text.

The text comes from --text, from a file, or from standard input. The tokenizer is a tokenizer.json, made by
`llmguide train-tokenizer` or by the tokenizers library."""

EXAMPLES = r"""examples:
  what a model sees: one line per token, with its id and where it stands in the text
    llmguide tokenize tokenizer.json --text "The lowest price" --show table

  how many tokens does a file cost?
    llmguide tokenize tokenizer.json chapter.md --show count

  ids on one line, and the way back
    echo "The lowest price" | llmguide tokenize tokenizer.json | llmguide tokenize tokenizer.json --decode

  ids, tokens and offsets for another program
    llmguide tokenize tokenizer.json chapter.md --json

  a text with a control token in it: without --allow-special its characters are only characters
    llmguide tokenize tokenizer.json --text "one<|endoftext|>two" --allow-special "<|endoftext|>"
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``tokenize`` to the program's subcommands.

    Args:
        subparsers: Of the program's parser.
    """
    parser = subparsers.add_parser(
        "tokenize",
        help="turn text into tokens, or ids back into text",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("tokenizer", help="the tokenizer.json")
    parser.add_argument("file", nargs="?", default="-", help="the text; - or nothing: standard input")
    parser.add_argument("--text", help="the text itself, instead of a file")
    parser.add_argument("--decode", action="store_true", help="read ids, separated by spaces or commas, and write text")
    parser.add_argument(
        "--allow-special",
        action="append",
        default=[],
        metavar="TOKEN",
        help='recognize this special token in the text; may be repeated; "all" allows every one',
    )
    parser.add_argument(
        "--show", choices=("ids", "tokens", "table", "count"), default="ids", help="what to print (default: ids)"
    )
    parser.add_argument("--json", action="store_true", help="print an object with ids, tokens and offsets (or text)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out ``llmguide tokenize``.

    Args:
        args: As parsed by what :func:`add_parser` added.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: If the tokenizer, the text or the ids are not what they should be.
        OSError: If a file cannot be read.
    """
    tokenizer = load(args.tokenizer)
    text = read_text(args.file) if args.text is None else args.text
    if args.decode:
        decoded = tokenizer.decode(parse_ids(text))
        write_text(json.dumps({"text": decoded}, ensure_ascii=False) + "\n" if args.json else decoded)
        return 0
    encoding = tokenizer.encode(text, "all" if "all" in args.allow_special else args.allow_special)
    write_text(as_json(encoding) if args.json else SHOW[args.show](encoding, text))
    return 0


def parse_ids(text: str) -> list[int]:
    """Read ids separated by white space or commas, with or without brackets around them.

    Args:
        text: For example ``1 2 3`` or ``[1, 2, 3]``.

    Returns:
        The ids.

    Raises:
        ValueError: If something else stands among them.
    """
    words = re.split(r"[\s,]+", text.strip().removeprefix("[").removesuffix("]").strip())
    strangers = [word for word in words if not re.fullmatch(r"[0-9]*", word)]
    if strangers:
        raise ValueError(f"{strangers[0]!r} is not an id; expected whole numbers separated by spaces or commas")
    return [int(word) for word in words if word]


def as_json(encoding: Encoding) -> str:
    """Write an encoding as one line of JSON."""
    return json.dumps(vars(encoding), ensure_ascii=False) + "\n"


def as_ids(encoding: Encoding, _text: str) -> str:
    """Write the ids on one line."""
    return " ".join(map(str, encoding.ids)) + "\n"


def as_tokens(encoding: Encoding, _text: str) -> str:
    """Write one token per line, as the vocabulary spells it."""
    return "".join(f"{token}\n" for token in encoding.tokens)


def as_table(encoding: Encoding, text: str) -> str:
    """Write one line per token: its id, where it stands, how the vocabulary spells it, what text it covers."""
    rows = zip(encoding.ids, encoding.offsets, encoding.tokens, strict=True)
    lines = [
        f"{number:>7}  {f'{start}-{end}':>11}  {token:<20}  {text[start:end]!r}\n"
        for number, (start, end), token in rows
    ]
    return f"{'id':>7}  {'characters':>11}  {'token':<20}  text\n" + "".join(lines)


def as_count(encoding: Encoding, _text: str) -> str:
    """Write the number of tokens."""
    return f"{len(encoding.ids)}\n"


SHOW = {"ids": as_ids, "tokens": as_tokens, "table": as_table, "count": as_count}
"""How to write an encoding, by the name that ``--show`` takes."""
