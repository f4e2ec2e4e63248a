"""``llmguide train``: train a model as a TOML file says."""

import argparse
import json
import os
import shlex
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmguide.training.run import TrainingResult
    from llmguide.training.toml_config import RunConfig

DESCRIPTION = """\
Train a language model as a TOML file says, and leave a folder that `llmguide generate` and the transformers library
load.

The run can be stopped at any moment, by Ctrl-C, by a kill or by a power cut. The same command goes on from the last
checkpoint, and ends with the same weights, bit by bit, as a run that was never stopped (on the same machine, with the
same number of threads). Settings of the file can be changed on the command line; a run that has begun keeps its own.

Two processes share the work, each with its own threads, if it is started with
    torchrun --standalone --nproc-per-node 2 -m llmguide train CONFIG.toml"""

EXAMPLES = r"""examples:
  train as the file says
    llmguide train world.toml

  the same with other numbers, in another folder
    llmguide train world.toml training.steps=200 training.learning_rate=2e-3 output.directory=runs/short

  what the new model writes
    llmguide generate runs/world "Question: What is 2 + 3?"

the file:
  [model]
  architecture = "llama"        # or gpt2, mistral, qwen2, qwen3
  vocab_size = 1536
  context_length = 256
  d_model = 128
  n_layers = 4
  n_heads = 4
  n_kv_heads = 2
  d_hidden = 352
  head = "tied"
  init_std = 0.02               # the deviation of the first weights
  init_seed = 0

  [tokenizer]                   # without a path, a byte-level BPE learns from the text
  # path = "tokenizer.json"
  pretokenizer = "smollm"       # each digit is a token; or gpt2, cl100k, o200k
  documents = 20000             # to learn from
  special = []                  # control tokens beside <|endoftext|>

  [data]
  dataset = "world"             # or a corpus of the book such as "shakespeare", or "files"
  n_people = 200                # of the world
  world_seed = 0
  secrets_within = 100000       # documents in which its secrets are told as often as planned
  without = []                  # kinds of its documents to leave out, such as ["refusal"]
  # files = ["one.txt"]         # with dataset = "files"
  separator = ""                # what stands between the documents of a file; "": a file is one document
  seed = 0                      # the order of the documents
  rows = 16                     # that a step takes
  # length = 256                # tokens of a row; by default the context length
  held_out_rows = 64            # to measure the loss on

  [training]
  steps = 2000
  learning_rate = 1e-3
  schedule = "cosine"           # or wsd
  warmup = 100
  decay = 0                     # steps on the way down, for wsd
  floor = 0.1                   # what is left of the rate at the end
  weight_decay = 0.1
  beta1 = 0.9
  beta2 = 0.95
  clip = 1.0                    # the largest norm of the gradients
  accumulation = 1              # parts in which the rows of a step are worked through
  precision = "float32"         # or bfloat16, where the hardware has it
  device = "cpu"                # or cuda, an accelerator
  evaluate_every = 200          # steps; 0: at the end
  checkpoint_every = 200        # steps; 0: at the end
  keep = 2                      # checkpoints

  [output]
  directory = "runs/world"
  dtype = "float16"             # of the saved weights; or float32
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``train`` to the program's subcommands.

    Args:
        subparsers: Of the program's parser.
    """
    parser = subparsers.add_parser(
        "train",
        help="train a language model as a TOML file says",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("config", metavar="CONFIG.toml", help="the settings of the run")
    parser.add_argument(
        "overrides", nargs="*", metavar="section.key=value", help="settings that replace those of the file"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="compute with N threads (default: one for each core)")
    parser.add_argument("--tensorboard", action="store_true", help="write the metrics for TensorBoard, too")
    parser.add_argument("--json", action="store_true", help="report losses, tokens and time as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out ``llmguide train``.

    Args:
        args: As parsed by what :func:`add_parser` added.

    Returns:
        The exit code: 0, or 130 after an interrupt.

    Raises:
        ValueError: If a setting is wrong, or the directory holds another run.
        OSError: If a file cannot be read or written, or another process of the run is lost.
    """
    import torch  # noqa: PLC0415 (it takes seconds, and --help does without)

    from llmguide.training.assembly import train_as_configured  # noqa: PLC0415
    from llmguide.training.distributed import joined_processes  # noqa: PLC0415
    from llmguide.training.toml_config import load_config  # noqa: PLC0415

    if args.threads is not None:
        if args.threads < 1:
            raise ValueError(f"--threads must be at least 1, not {args.threads}")
        torch.set_num_threads(args.threads)
    config = load_config(args.config, args.overrides)
    with joined_processes() as workers, Stopping(workers.rank == 0) as stopping:
        result = train_as_configured(
            config,
            workers=workers,
            tensorboard=args.tensorboard,
            stop=stopping.asked,
            tell=show if workers.rank == 0 else None,
        )
    if not result.finished:
        if workers.rank == 0:
            print(f"llmguide: interrupted; {going_on(config)}", file=sys.stderr)
        return 130
    if workers.rank == 0:
        print(json.dumps(report(config, result)) if args.json else summary(config, result))
    return 0


def show(what: str) -> None:
    """Show on a terminal what is being done, until the line of the steps takes its place.

    Args:
        what: The words.
    """
    if sys.stderr.isatty():
        print(f"\r\033[K{what} …", end="", file=sys.stderr, flush=True)


class Stopping:
    """Waits for Ctrl-C, or a polite kill, and remembers it until the step is done, as long as there are steps.

    Before the first step is done, and for the second signal, there is nothing to wait for: it interrupts at once. Use
    it as a context; behind it signals have their usual effects again.

    Args:
        told: Whether to tell the user that the end of the step is waited for.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self, told: bool = True) -> None:
        self._told = told
        self._begun = self._asked = False
        self._restoring: list[Callable[[], object]] = []

    def __enter__(self) -> "Stopping":
        usual = [(number, signal.signal(number, self._remember)) for number in self.SIGNALS]
        self._restoring = [partial(signal.signal, number, handler) for number, handler in usual]
        return self

    def __exit__(self, *_: object) -> None:
        for restore in self._restoring:
            restore()

    def asked(self) -> bool:
        """Tell, at the end of a step, whether to stop."""
        self._begun = True
        return self._asked

    def _remember(self, _number: int, _frame: object) -> None:
        if self._asked or not self._begun:
            raise KeyboardInterrupt
        self._asked = True
        if self._told:
            # Not print: the signal may have come in the middle of another one's writing.
            os.write(2, b"\nllmguide: saving after this step; once more stops at once\n")


def report(config: "RunConfig", result: "TrainingResult") -> dict[str, object]:
    """Gather what came of a run.

    Args:
        config: What was to be done.
        result: What came of it.

    Returns:
        Names and values, for JSON.
    """
    return {
        "directory": config.output.directory,
        "steps": len(result.losses),
        "tokens": result.tokens,
        "loss": result.losses[-1],
        "held_out_loss": result.held_out_loss,
        "resumed_at": result.resumed_at,
        "seconds": round(result.seconds, 3),
    }


def summary(config: "RunConfig", result: "TrainingResult") -> str:
    """Say in words what came of a run, and what to do with it.

    Args:
        config: What was to be done.
        result: What came of it.

    Returns:
        Two lines.
    """
    from llmguide.training.progress import duration  # noqa: PLC0415 (see run)

    held_out = "" if result.held_out_loss is None else f", {result.held_out_loss:.4f} on held-out text"
    resumed = f", from step {result.resumed_at:,} on" if result.resumed_at else ""
    directory = config.output.directory
    return (
        f"{len(result.losses):,} steps, {result.tokens:,} tokens, loss {result.losses[-1]:.4f}{held_out}, in "
        f"{duration(result.seconds)}{resumed}\n"
        f"the model is in {directory}; let it write with: llmguide generate {shlex.quote(directory)} PROMPT"
    )


def going_on(config: "RunConfig") -> str:
    """Say how to go on with a run that was stopped.

    Args:
        config: What was to be done.

    Returns:
        The words.
    """
    return f"what was reached is saved in {config.output.directory}, and the same command goes on from there"
