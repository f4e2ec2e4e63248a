"""What the page of the book's own model needs besides its code: weights, vocabulary and examples, as scripts.

The folder ``book/results/world-model`` holds the model as ``transformers`` would load it. The weights stay in the
float16 in which they lie there and go to the base 64, in the order in which the model's own state names them.
"""

import base64
import hashlib
import json
import zlib
from pathlib import Path

import torch

from _extensions.playground_data import unicode_classes, vocabulary
from llmguide.tokenizers.pretokenizers import DIGITS, GPT2, SMOLLM, Chain
from llmguide.tokenizers.tokenizer import Tokenizer
from llmguide.transformer.architectures import llama
from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.checkpoints import load_folder
from llmguide.transformer.config import ModelConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.positions import RotaryPositions
from llmguide.transformer.safetensors_files import read_folder
from llmguide.world.corpus import published_exam

FOLDER = "world-model"
EXAMPLES = {
    "The trade of a traveller": "crowd",
    "A question about a person": "question-asked",
    "Two facts to join, in steps": "hop-steps",
    "A sum in steps": "addition-2-steps",
    "A sum at once": "addition-2-direct",
    "A translation": "translation-into",
    "A question about a stranger": "refusal-stranger",
    "A talk": "dialogue",
}
"""The examples that a reader can choose from: what each shows, and the kind of the exam that it is of."""


def scripts(results: Path) -> dict[str, str]:
    """Return the data by the name of the script: what the page loads at once, and the weights, which it loads on sight.

    Args:
        results: The folder of the book's results.

    Returns:
        The scripts.

    Raises:
        ValueError: If the model or its tokenizer makes a choice that the page cannot follow; the message says which.
    """
    folder = results / FOLDER
    loaded = load_folder(folder)
    described = _describe(loaded.model.config)
    if loaded.tokenizer is None:
        raise ValueError(f"{folder} has no tokenizer.json, and a reader types text")
    if loaded.tokenizer.vocab_size != loaded.model.config.vocab_size:
        sizes = f"{loaded.tokenizer.vocab_size} of the model's {loaded.model.config.vocab_size} tokens"
        raise ValueError(f"{folder}/tokenizer.json has {sizes}; the page could not show the others")
    kept = read_folder(folder)
    if others := sorted({str(entry.dtype) for entry in kept.entries.values()} - {"torch.float16"}):
        raise ValueError(f"{folder} has weights in {', '.join(others)}; the page reads torch.float16")
    state = {name: tensor.to(torch.float16) for name, tensor in loaded.model.state_dict().items()}
    packed = b"".join(tensor.numpy().astype("<f2").tobytes() for tensor in state.values())
    weights = f'const WORLD_MODEL_WEIGHTS = "{base64.b64encode(packed).decode()}";\n'
    data = {
        "config": described,
        "tensors": [[name, tensor.numel()] for name, tensor in state.items()],
        "parameters": sum(tensor.numel() for tensor in state.values()),
        "checksum": zlib.crc32(packed),
        "sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
        "megabytes": round(len(weights) / 1e6, 1),
        "unicode": unicode_classes(),
        "vocabulary": {**vocabulary(loaded.tokenizer), "digits": _splits_digits(loaded.tokenizer)},
        "begin": loaded.generation.begin_id,
        "stop": list(loaded.generation.stop_ids),
        "examples": examples(),
    }
    return {"data.js": f"const WORLD_MODEL = {json.dumps(data)};\n", "weights.js": weights}


def examples() -> dict[str, str]:
    """Return texts to begin with, by what they show: the first of their kinds in the exam."""
    items = published_exam()["test"]
    return {title: next(item.prompt for item in items if item.kind == kind) for title, kind in EXAMPLES.items()}


def _describe(config: ModelConfig) -> dict[str, float]:
    """Name the numbers of a model, if its other choices are those that the page makes."""
    attention, feedforward, rotary = config.attention, config.feedforward, config.positions
    refused = f"the page runs Llama's choices with a tied head and unscaled rotary positions, not {config}"
    if not (isinstance(attention, AttentionConfig) and isinstance(feedforward, FeedForwardConfig)):
        raise ValueError(refused)
    base = rotary.base if isinstance(rotary, RotaryPositions) else 10_000.0
    pages = llama(
        vocab_size=config.vocab_size,
        context_length=config.context_length,
        d_model=config.d_model,
        n_layers=config.n_layers,
        n_heads=attention.n_heads,
        n_kv_heads=attention.n_kv_heads,
        d_hidden=feedforward.d_hidden,
        d_head=attention.d_head,
        rope_base=base,
        epsilon=config.norm.epsilon,
        head="tied",
    )
    if config != pages:
        raise ValueError(refused)
    return {
        "vocabSize": config.vocab_size,
        "contextLength": config.context_length,
        "dModel": config.d_model,
        "nLayers": config.n_layers,
        "nHeads": attention.n_heads,
        "nKvHeads": attention.n_kv_heads,
        "dHead": attention.d_head,
        "dHidden": feedforward.d_hidden,
        "ropeBase": base,
        "epsilon": config.norm.epsilon,
    }


def _splits_digits(tokenizer: Tokenizer) -> bool:
    """Say whether each digit is a piece of its own."""
    if tokenizer.normalizer is not None:
        raise ValueError(f"the page changes no text before it is cut, as {tokenizer.normalizer} would")
    cutter = tokenizer.pretokenizer
    if cutter == GPT2:
        return False
    if cutter in (SMOLLM, Chain((DIGITS, GPT2))):
        return True
    raise ValueError(f"the page cuts text as GPT-2 does, with digits together or alone, not by {cutter}")
