"""A model of the same kind as the book's own, with random weights: for tests of what runs it."""

from functools import cache
from pathlib import Path

import torch

from llmguide import datasets
from llmguide.tokenizers import Tokenizer, train_tokenizer
from llmguide.tokenizers.pretokenizers import DIGITS, GPT2, Chain, Cutter
from llmguide.transformer.architectures import llama
from llmguide.transformer.checkpoints import GenerationConfig, Loaded, save_folder
from llmguide.transformer.config import ModelConfig
from llmguide.transformer.initialization import initialize
from llmguide.transformer.model import Transformer

END = "<|endoftext|>"
SINGLE_DIGITS = Chain((DIGITS, GPT2))


@cache
def train(cutter: Cutter = SINGLE_DIGITS, size: int = 700) -> Tokenizer:
    """Train a byte-level tokenizer on the world."""
    texts = [text[:200_000] for text in datasets.documents("world").values()]
    return train_tokenizer(texts, vocab_size=size, special_tokens=[END], pretokenizer=cutter)


def shape(vocab_size: int) -> ModelConfig:
    """Return the choices of the book's model."""
    return llama(
        vocab_size=vocab_size,
        context_length=256,
        d_model=128,
        n_layers=4,
        n_heads=4,
        n_kv_heads=2,
        d_hidden=352,
        head="tied",
    )


def stand_in(
    folder: Path,
    *,
    config: ModelConfig | None = None,
    tokenizer: Tokenizer | None = None,
    dtype: torch.dtype = torch.float16,
    begin_id: int | None = None,
) -> None:
    """Save a model whose random weights are large enough for a distribution with a few likely tokens."""
    tokenizer = tokenizer or train()
    model = Transformer(config or shape(tokenizer.vocab_size))
    initialize(model, torch.Generator().manual_seed(4), 0.15)
    ids = [tokenizer.model.ids[token] for token in tokenizer.special_tokens]
    save_folder(Loaded(model.to(dtype), tokenizer, GenerationConfig(begin_id, tuple(ids))), folder)
