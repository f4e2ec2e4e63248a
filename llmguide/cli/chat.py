"""``llmguide chat``: talk with a model."""

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from llmguide.cli.console import write_piece
from llmguide.cli.models import add_model, add_sampling, chosen_sampling, is_text, load_model

if TYPE_CHECKING:
    from llmguide.cli.chat_template import Message
    from llmguide.transformer.checkpoints import Loaded
    from llmguide.transformer.model import Transformer

DESCRIPTION = """\
Talk with a model that was trained to answer. Each line of standard input is a message; the answer appears while it is
written. /quit, or the end of the input, ends the conversation.

The model sees the whole conversation. When it no longer fits into the model's context, the oldest messages go first.
A control token in a message, such as <|im_end|>, is only text."""

EXAMPLES = r"""examples:
  a small published model of 134 million parameters
    llmguide chat smollm2

  with an instruction that stays, and by chance
    llmguide chat smollm2 --system "Answer in one sentence." --temperature 0.7 --top-p 0.9

  a single question
    echo "What is the capital of France?" | llmguide chat smollm2

Chat templates are written in Jinja, which `pip install 'llmguide[chat]'` installs."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``chat`` to the program's subcommands.

    Args:
        subparsers: Of the program's parser.
    """
    parser = subparsers.add_parser(
        "chat",
        help="talk with a model",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_model(parser)
    parser.add_argument("--system", metavar="TEXT", help="what the model is told before the conversation")
    add_sampling(parser, max_new_tokens=512)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out ``llmguide chat``.

    Args:
        args: As parsed by what :func:`add_parser` added.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: If the model or an option is not what it should be.
        OSError: If a file cannot be read.
    """
    from llmguide.cli.chat_template import encode  # noqa: PLC0415 (what --help does without)
    from llmguide.decoding import Detokenizer, stream  # noqa: PLC0415

    sampling, generator = chosen_sampling(args)
    loaded, tokenizer = load_model(args.model)
    template = loaded.chat_template
    if template is None:
        raise ValueError(f"{args.model} has no chat template, so it was not trained to answer; see llmguide generate")
    tokens = named_tokens(loaded)
    room = loaded.model.config.context_length - args.max_new_tokens

    def encoded(messages: "list[Message]") -> list[int]:
        return encode(tokenizer, template, messages, tokens)

    system: list[Message] = [] if args.system is None else [{"role": "system", "content": args.system}]
    history: list[Message] = []
    encoded([*system, {"role": "user", "content": ""}])  # a template that does not work shall say so at once
    while (line := read_message()) is not None:
        try:
            history, ids = fitting(system, [*history, {"role": "user", "content": line}], room, encoded)
        except ValueError as error:  # the conversation goes on without this message
            print(f"llmguide: {error}", file=sys.stderr)
            continue
        detokenizer = Detokenizer(tokenizer)
        answer = ""
        for (number,) in stream(
            loaded.model,
            [ids],
            max_new_tokens=args.max_new_tokens,
            sampling=sampling,
            stop_ids=loaded.generation.stop_ids,
            generator=generator,
        ):
            if number is not None and is_text(number, tokenizer, loaded.generation.stop_ids):
                piece = detokenizer.push(number)
                write_piece(piece)
                answer += piece
        rest = detokenizer.finish()
        write_piece(rest + "\n")
        history.append({"role": "assistant", "content": answer + rest})
    return 0


def read_message() -> str | None:
    """Read the next line that is not empty.

    Returns:
        The message; ``None`` after ``/quit`` and at the end of the input.

    Raises:
        ValueError: If it is not UTF-8.
    """
    while True:
        if sys.stdin.isatty():
            print("> ", end="", file=sys.stderr, flush=True)
        try:
            line = sys.stdin.buffer.readline().decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"standard input is not UTF-8: {error.reason} at byte {error.start} of a line") from error
        if not line or line.strip() == "/quit":
            return None
        if line.strip():
            return line.rstrip("\r\n")


def fitting(
    system: "list[Message]", history: "list[Message]", room: int, encoded: "Callable[[list[Message]], list[int]]"
) -> "tuple[list[Message], list[int]]":
    """Forget the oldest exchanges until the conversation fits.

    Args:
        system: What stays at the beginning.
        history: Messages of the user and answers in turns, the newest at the end.
        room: How many ids the conversation may have.
        encoded: Turns messages into ids.

    Returns:
        What is left of the history, and the ids of the whole.

    Raises:
        ValueError: If the newest message alone is too long.
    """
    while len(ids := encoded(system + history)) > room:
        if len(history) == 1:
            raise ValueError(
                f"the message makes {len(ids)} ids, and the context has room for {max(room, 0)} beside the answer; "
                "shorten it, or lower --max-new-tokens"
            )
        history = history[2:]
    return history, ids


def named_tokens(loaded: "Loaded[Transformer]") -> dict[str, str]:
    """Give the tokens that templates ask for by name.

    Args:
        loaded: A model with its tokenizer.

    Returns:
        ``bos_token`` and ``eos_token``, empty where the model has none.
    """
    assert loaded.tokenizer is not None
    tokens = loaded.tokenizer.model.tokens
    begin, stops = loaded.generation.begin_id, loaded.generation.stop_ids
    return {
        "bos_token": "" if begin is None else tokens[begin],
        "eos_token": tokens[stops[0]] if stops else "",
    }
