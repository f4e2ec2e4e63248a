"""What the subcommands around models share: finding a model, and how its next token is chosen.

The options are added without torch, which takes a second or two to import; ``--help`` does without it.
"""

import argparse
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from llmguide.decoding import Sampling
    from llmguide.tokenizers import Tokenizer
    from llmguide.transformer.checkpoints import Loaded
    from llmguide.transformer.model import Transformer

MODEL_HELP = "a folder with config.json and safetensors, a .gguf file, or the word smollm2"


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names a model.

    Args:
        parser: Of the subcommand.
    """
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)


def add_sampling(parser: argparse.ArgumentParser, max_new_tokens: int) -> None:
    """Add the options that say how the next token is chosen.

    Args:
        parser: Of the subcommand.
        max_new_tokens: How many tokens to write at the most, if the call does not say.
    """
    parser.add_argument(
        "--max-new-tokens",
        type=int,
        default=max_new_tokens,
        metavar="N",
        help="write N tokens at the most (%(default)s)",
    )
    parser.add_argument(
        "--temperature",
        type=float,
        default=0.0,
        metavar="T",
        help="draw tokens by chance: 1 as likely as the model says, less is safer; 0 takes the likeliest (default)",
    )
    parser.add_argument("--top-k", type=int, metavar="K", help="draw from the K likeliest tokens")
    parser.add_argument("--top-p", type=float, metavar="P", help="draw from the fewest tokens that have P together")
    parser.add_argument(
        "--min-p", type=float, metavar="P", help="draw from the tokens at least P times as likely as the likeliest"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="where chance begins; the same gives the same (%(default)s)"
    )


def chosen_sampling(args: argparse.Namespace) -> "tuple[Sampling, torch.Generator]":
    """Read the options that :func:`add_sampling` added.

    Args:
        args: Of the call.

    Returns:
        How to choose tokens, and where chance comes from.

    Raises:
        ValueError: If a number is out of range, or has no effect because nothing is left to chance.
    """
    import torch  # noqa: PLC0415 (see above)

    from llmguide.decoding import Sampling  # noqa: PLC0415

    for name in ("top_k", "top_p", "min_p"):
        if args.temperature == 0 and getattr(args, name) is not None:
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"{option} has no effect on the likeliest token; give a --temperature, such as 1, as well")
    sampling = Sampling(args.temperature, args.top_k, args.top_p, args.min_p)
    return sampling, torch.Generator().manual_seed(args.seed)


def load_model(name: str) -> "tuple[Loaded[Transformer], Tokenizer]":
    """Load a model and its tokenizer.

    Args:
        name: A folder, a ``.gguf`` file, or ``smollm2``.

    Returns:
        The model with what belongs to it, and its tokenizer once more, which is there.

    Raises:
        ValueError: If it is none of these, is damaged, or has no tokenizer.
        OSError: If a file cannot be read.
    """
    from llmguide.transformer import published  # noqa: PLC0415 (see above)
    from llmguide.transformer.checkpoints import load_folder, load_gguf  # noqa: PLC0415

    kind = kind_of(name)
    loaded = published.smollm2() if kind == "published" else load_gguf(name) if kind == "gguf" else load_folder(name)
    if loaded.tokenizer is None:
        raise ValueError(f"{name} has no tokenizer.json, and text needs a tokenizer; put the model's own beside it")
    return loaded, loaded.tokenizer


def kind_of(name: str) -> str:
    """Tell what a model's name means.

    Args:
        name: A folder, a ``.gguf`` file, or ``smollm2``.

    Returns:
        ``"folder"``, ``"gguf"`` or ``"published"``.

    Raises:
        ValueError: If it is none of these.
    """
    if name == "smollm2":
        return "published"
    if Path(name).is_dir():
        return "folder"
    if Path(name).suffix == ".gguf":
        return "gguf"
    raise ValueError(f"{name} is no model; expected {MODEL_HELP}")


def is_text(number: int, tokenizer: "Tokenizer", stop_ids: Collection[int]) -> bool:
    """Tell whether what a model wrote is to be shown.

    Args:
        number: An id.
        tokenizer: Of the model.
        stop_ids: The ids that end a text.

    Returns:
        False for an id that ends the text, and for one that is no token: many models have spare ids.
    """
    return number not in stop_ids and number < tokenizer.vocab_size
