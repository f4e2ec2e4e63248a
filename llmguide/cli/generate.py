"""``llmguide generate``: let a model write on from a prompt."""

import argparse
import json
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from llmguide.cli.console import read_text, write_piece
from llmguide.cli.models import add_model, add_sampling, chosen_sampling, is_text, load_model

if TYPE_CHECKING:
    from llmguide.tokenizers import Tokenizer

DESCRIPTION = """\
Let a language model write on from a prompt, and show each token as soon as it is there.

The prompt is an argument or comes from standard input. Several prompts are written on together, in one batch. The
likeliest token is taken, so that a call always gives the same text; with a --temperature above 0 tokens are drawn by
chance, the same ones for the same --seed."""

EXAMPLES = r"""examples:
  a small published model of 134 million parameters
    llmguide generate smollm2 "The capital of France is"

  from standard input, and no more than ten tokens
    echo "Once upon a time" | llmguide generate smollm2 --max-new-tokens 10

  by chance, from the tokens that have nine tenths of the probability together
    llmguide generate smollm2 "Once upon a time" --temperature 0.8 --top-p 0.9 --seed 7

  a model of your own, three prompts at once, as one line of JSON each
    llmguide generate my-model/ "One" "Two" "Three" --json

  a prompt with a control token in it: without --allow-special its characters are only characters
    llmguide generate smollm2 "<|im_start|>user" --allow-special "<|im_start|>"
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``generate`` to the program's subcommands.

    Args:
        subparsers: Of the program's parser.
    """
    parser = subparsers.add_parser(
        "generate",
        help="let a model write on from a prompt",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_model(parser)
    parser.add_argument("prompts", nargs="*", metavar="PROMPT", help="what to write on from; none: standard input")
    add_sampling(parser, max_new_tokens=64)
    parser.add_argument(
        "--allow-special",
        action="append",
        default=[],
        metavar="TOKEN",
        help='recognize this special token in the prompts; may be repeated; "all" allows every one',
    )
    parser.add_argument("--json", action="store_true", help="print an object for each prompt, one a line, at the end")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out ``llmguide generate``.

    Args:
        args: As parsed by what :func:`add_parser` added.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: If the model, a prompt or an option is not what it should be.
        OSError: If a file cannot be read.
    """
    from llmguide.decoding import stream  # noqa: PLC0415 (imports torch, which --help does without)

    sampling, generator = chosen_sampling(args)
    prompts = args.prompts or [read_text("-").removesuffix("\n")]
    loaded, tokenizer = load_model(args.model)
    allowed = "all" if "all" in args.allow_special else args.allow_special
    ids = [tokenizer.encode_ids(prompt, allowed) for prompt in prompts]
    stops = frozenset(loaded.generation.stop_ids)
    steps = stream(
        loaded.model,
        ids,
        max_new_tokens=args.max_new_tokens,
        sampling=sampling,
        stop_ids=stops,
        generator=generator,
    )
    if args.json:
        write_json(tokenizer, prompts, steps, stops)
    else:
        write_stream(tokenizer, prompts, steps, stops)
    return 0


def write_json(
    tokenizer: "Tokenizer", prompts: Sequence[str], steps: Iterable[Sequence[int | None]], stop_ids: Collection[int]
) -> None:
    """Wait for the end and write one line for each prompt.

    Args:
        tokenizer: Of the model.
        prompts: What was written on from.
        steps: What each step gave.
        stop_ids: The ids that end a text.
    """
    for prompt, column in zip(prompts, zip(*steps, strict=True), strict=True):
        written = [number for number in column if number is not None]
        text = tokenizer.decode(number for number in written if is_text(number, tokenizer, stop_ids))
        ended_by = "stop" if written[-1] in stop_ids else "length"
        shown = {"prompt": prompt, "text": text, "ids": written, "ended_by": ended_by}
        write_piece(json.dumps(shown, ensure_ascii=False) + "\n")


def write_stream(
    tokenizer: "Tokenizer", prompts: Sequence[str], steps: Iterable[Sequence[int | None]], stop_ids: Collection[int]
) -> None:
    """Write each piece of text as soon as it can stand where it belongs.

    The first text is shown while it grows. The second waits until the first has ended, and so on.

    Args:
        tokenizer: Of the model.
        prompts: What was written on from; with several, each stands as a heading over its text.
        steps: What each step gave.
        stop_ids: The ids that end a text.
    """
    from llmguide.decoding import Detokenizer  # noqa: PLC0415 (see run)

    detokenizers = [Detokenizer(tokenizer) for _ in prompts]
    headings = [f"==> {prompt} <==\n" if len(prompts) > 1 else "" for prompt in prompts]
    waiting, current = headings, 0
    for step in steps:
        for row, number in enumerate(step):
            if number is not None and is_text(number, tokenizer, stop_ids):
                waiting[row] += detokenizers[row].push(number)
        while current < len(prompts) - 1 and (step[current] is None or step[current] in stop_ids):
            write_piece(f"{waiting[current]}{detokenizers[current].finish()}\n\n")
            current += 1
        write_piece(waiting[current])
        waiting[current] = ""
    for row in range(current, len(prompts)):
        ending = "\n" if row == len(prompts) - 1 else "\n\n"
        write_piece(waiting[row] + detokenizers[row].finish() + ending)
