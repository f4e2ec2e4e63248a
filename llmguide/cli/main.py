"""The ``llmguide`` command: one program, one module for each subcommand.

A subcommand's module has two functions. ``add_parser(subparsers)`` adds its parser, with ``run`` as a default, and
``run(args)`` does the work and returns the exit code. Only the module that a call needs is imported.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from llmguide import __version__

SUBCOMMANDS = {
    "tokenize": "llmguide.cli.tokenize",
    "train-tokenizer": "llmguide.cli.train_tokenizer",
    "train": "llmguide.cli.train",
    "generate": "llmguide.cli.generate",
    "chat": "llmguide.cli.chat",
    "inspect": "llmguide.cli.inspect",
    "experiments": "llmguide.cli.experiments",
}
"""The module of each subcommand."""

DESCRIPTION = "Reference implementations of the book Deep Dive into Large Language Models."

EXIT_CODES = """\
exit codes:
  0    done
  1    a check found something wrong
  2    bad usage or bad input; one line on stderr says what
  130  interrupted

Each subcommand explains itself with examples: llmguide tokenize --help
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: The arguments after the program's name; by default those of the process.

    Returns:
        The exit code: 0 for success, 2 for bad input, 130 after an interrupt, or what the subcommand says.

    Raises:
        SystemExit: After ``--help`` and ``--version`` with code 0, and for arguments that do not parse with code 2.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    args = build_parser(arguments).parse_args(arguments)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output, such as `head`, has had enough. Keep Python from complaining when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError) as error:
        print(f"llmguide: {describe(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("llmguide: interrupted", file=sys.stderr)
        return 130
    return code


def build_parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Build the parser for a call.

    Args:
        arguments: The call's arguments. If the first names a subcommand, only that one's module is imported.

    Returns:
        The parser.
    """
    parser = argparse.ArgumentParser(
        "llmguide", description=DESCRIPTION, epilog=EXIT_CODES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"llmguide {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="SUBCOMMAND", title="subcommands")
    for name in [name for name in SUBCOMMANDS if [name] == arguments[:1]] or SUBCOMMANDS:
        import_module(SUBCOMMANDS[name]).add_parser(subparsers)
    return parser


def describe(error: Exception) -> str:
    """Say in one line what went wrong.

    Args:
        error: A ``ValueError`` or an ``OSError``.

    Returns:
        The message; for errors of the operating system the file and the reason.
    """
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())
