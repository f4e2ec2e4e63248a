"""``llmguide inspect``: see what a model is made of, without loading it."""

import argparse
import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from llmguide.cli.console import write_text
from llmguide.cli.models import add_model, kind_of

if TYPE_CHECKING:
    from llmguide.transformer.block import Mixer
    from llmguide.transformer.config import ModelConfig
    from llmguide.transformer.feedforward import FeedForwardConfig
    from llmguide.transformer.moe import ExpertsConfig

DESCRIPTION = """\
Show the architecture of a model, how many parameters each part has, and how much memory it takes. Only the
configuration and the headers of the files are read, never the weights, so that a large model takes no longer."""

EXAMPLES = r"""examples:
  a small published model
    llmguide inspect smollm2

  a folder as transformers writes it, or a GGUF file
    llmguide inspect my-model/
    llmguide inspect model.Q4_1.gguf

  how many parameters?
    llmguide inspect my-model/ --json | jq '.parameters | add'
"""


@dataclass(frozen=True)
class Report:
    """What is known of a model.

    Attributes:
        architecture: What the file calls it.
        choices: The parts of the model, in words.
        parameters: The number of learned numbers in each part.
        stored_bytes: How large the tensors are in the files.
        float32_bytes: How much memory the weights take when they are loaded.
        cache_bytes: How much memory keys and values take over the whole context, for one text; 0 without a cache.
    """

    architecture: str
    choices: dict[str, str]
    parameters: dict[str, int]
    stored_bytes: int
    float32_bytes: int
    cache_bytes: int


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``inspect`` to the program's subcommands.

    Args:
        subparsers: Of the program's parser.
    """
    parser = subparsers.add_parser(
        "inspect",
        help="see what a model is made of",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_model(parser)
    parser.add_argument("--json", action="store_true", help="print an object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out ``llmguide inspect``.

    Args:
        args: As parsed by what :func:`add_parser` added.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: If the model is none, or not one of ours.
        OSError: If a file cannot be read.
    """
    report = examine(args.model)
    write_text(json.dumps(asdict(report), ensure_ascii=False) + "\n" if args.json else as_text(report))
    return 0


def examine(name: str) -> Report:
    """Read what the headers of a model's files say.

    Args:
        name: A folder, a ``.gguf`` file, or ``smollm2``.

    Returns:
        What is known.

    Raises:
        ValueError: If the model is none, or not one of ours.
        OSError: If a file cannot be read.
    """
    from llmguide.transformer.gguf_models import read_gguf_config  # noqa: PLC0415 (--help does without torch)
    from llmguide.transformer.gguf_weights import read_gguf  # noqa: PLC0415
    from llmguide.transformer.hf_config import read_config  # noqa: PLC0415
    from llmguide.transformer.json_files import read_json_object  # noqa: PLC0415
    from llmguide.transformer.published import SMOLLM2  # noqa: PLC0415
    from llmguide.transformer.safetensors_files import read_folder  # noqa: PLC0415

    if (kind := kind_of(name)) == "folder":
        described = read_json_object(Path(name) / "config.json")
        entries = read_folder(name).entries.values()
        stored = sum(math.prod(entry.shape) * entry.dtype.itemsize for entry in entries)
        return report_on(described.text("model_type"), read_config(described), stored)
    weights = read_gguf(SMOLLM2.find() if kind == "published" else name)
    config = read_gguf_config(weights.metadata, weights.shapes, name)
    stored = sum(entry.bytes for entry in weights.entries.values())
    return report_on(str(weights.metadata["general.architecture"]), config, stored)


def report_on(architecture: str, config: "ModelConfig", stored_bytes: int) -> Report:
    """Work out what follows from a configuration.

    Args:
        architecture: What the file calls it.
        config: The choice of parts.
        stored_bytes: How large the tensors are in the files.

    Returns:
        The report.
    """
    from llmguide.transformer.accounting import cache_bytes, parameters  # noqa: PLC0415 (see examine)

    counts = parameters(config)
    causal = config.mask.kind == "causal"
    return Report(
        architecture=architecture,
        choices=choices_of(config),
        parameters=counts,
        stored_bytes=stored_bytes,
        float32_bytes=4 * sum(counts.values()),
        cache_bytes=cache_bytes(config, batch=1, positions=config.context_length) if causal else 0,
    )


def choices_of(config: "ModelConfig") -> dict[str, str]:
    """Put a model's choices into words.

    Args:
        config: The choice of parts.

    Returns:
        What was chosen, by the part.
    """
    mask = config.mask
    window = "" if mask.window is None else f", the last {mask.window:,} positions"
    runs = [(part, len(list(same))) for part, same in groupby(layer.feedforward for layer in config.layers)]
    feedforward = [
        f"{count} times: {_feedforward(part)}" if len(runs) > 1 else _feedforward(part) for part, count in runs
    ]
    counted = Counter(_mixer(layer.mixer) for layer in config.layers)
    mixers = [f"{count} times: {words}" if len(counted) > 1 else words for words, count in counted.items()]
    return {
        "vocabulary": f"{config.vocab_size:,} tokens",
        "context": f"{config.context_length:,} positions",
        "layers": f"{config.n_layers}, {config.d_model:,} wide",
        "attention": f"{mask.kind}{window}; {'; '.join(mixers)}",
        "feedforward": "; ".join(feedforward),
        "norm": f"{config.norm.kind}, {'before' if config.norm_placement == 'pre' else 'after'} each part",
        "positions": type(config.positions).__name__.removesuffix("Positions").lower(),
        "head": config.head,
    }


def _mixer(mixer: "Mixer") -> str:
    """Put the heads into words."""
    from llmguide.transformer.latent_attention import LatentAttentionConfig  # noqa: PLC0415 (see examine)
    from llmguide.transformer.state_space import StateSpaceConfig  # noqa: PLC0415

    if isinstance(mixer, StateSpaceConfig):
        return f"a state space, {mixer.n_heads} heads of {mixer.d_head} with states of {mixer.d_state}"
    if isinstance(mixer, LatentAttentionConfig):
        heads = f"{mixer.n_heads} heads of {mixer.d_nope} and {mixer.d_rope} rotated"
        return f"{heads}, values of {mixer.d_value}, from latent vectors of {mixer.kv_rank}"
    shared = "" if mixer.n_kv_heads == mixer.n_heads else f", {mixer.n_kv_heads} of keys and values"
    normed = "" if mixer.qk_norm is None else ", queries and keys normed"
    return f"{mixer.n_heads} heads of {mixer.d_head}{shared}{normed}"


def _feedforward(part: "FeedForwardConfig | ExpertsConfig") -> str:
    """Put a feed-forward part, or experts in its place, into words."""
    from llmguide.transformer.moe import ExpertsConfig  # noqa: PLC0415 (see examine)

    if isinstance(part, ExpertsConfig):
        shared = "" if part.shared is None else f", and one for all, {part.shared.d_hidden:,} wide"
        return f"{part.n_active} of {part.n_experts} experts: {_feedforward(part.expert)}{shared}"
    return f"{part.activation}{', gated' if part.gated else ''}, {part.d_hidden:,} wide"


def as_text(report: Report) -> str:
    """Write a report for people.

    Args:
        report: What is known.

    Returns:
        Two tables and the memory.
    """
    whole = sum(report.parameters.values())
    lines = [f"{'architecture':<14}{report.architecture}", *aligned(report.choices), ""]
    lines.append(f"{'part':<14}{'parameters':>15}{'share':>8}")
    lines += [f"{part:<14}{count:>15,}{count / whole:>8.1%}" for part, count in report.parameters.items()]
    lines += [f"{'together':<14}{whole:>15,}{1:>8.1%}", ""]
    memory = {
        "in the file": f"{report.stored_bytes / 1e6:,.1f} MB, {8 * report.stored_bytes / whole:.1f} bits a parameter",
        "loaded": f"{report.float32_bytes / 1e6:,.1f} MB in float32",
    }
    if report.cache_bytes:
        memory["cache"] = f"{report.cache_bytes / 1e6:,.1f} MB in float32 for one text as long as the context"
    return "\n".join([*lines, *aligned(memory)]) + "\n"


def aligned(table: Mapping[str, str]) -> list[str]:
    """Write a table of two columns, one line a row."""
    return [f"{name:<14}{value}" for name, value in table.items()]
