"""The same GPT-2 three times, for comparing speeds: ours, that of `transformers`, and that of LLMs-from-scratch."""

import tempfile
from dataclasses import dataclass

import torch
import transformers
from llms_from_scratch.ch04 import GPTModel
from torch import nn

from llmguide.transformer import Transformer, gpt2, initialize
from llmguide.transformer.checkpoints import Loaded, save_folder
from llmguide.transformer.config import ModelConfig

VOCAB_SIZE = 1024


@dataclass(frozen=True)
class Size:
    """How large a model is.

    Attributes:
        label: Its parameters, in words.
        d_model: Width of the residual stream.
        n_layers: Number of blocks.
        n_heads: Number of heads.
    """

    label: str
    d_model: int
    n_layers: int
    n_heads: int

    def config(self, context_length: int) -> ModelConfig:
        """Return the configuration."""
        return gpt2(
            vocab_size=VOCAB_SIZE,
            context_length=context_length,
            d_model=self.d_model,
            n_layers=self.n_layers,
            n_heads=self.n_heads,
        )


SIZES = {"1m": Size("1 M parameters", 128, 4, 4), "10m": Size("10 M parameters", 320, 8, 5)}


def parameters(model: nn.Module) -> int:
    """Count the numbers that a model learns."""
    return sum(parameter.numel() for parameter in model.parameters())


def own(size: Size, context_length: int) -> Transformer:
    """Make our model, always with the same weights."""
    model = Transformer(size.config(context_length))
    initialize(model, torch.Generator().manual_seed(0))
    return model


def theirs(model: Transformer, attention: str, activation: str = "gelu_new") -> transformers.GPT2LMHeadModel:
    """Make the model of `transformers` with the weights of ours.

    Args:
        model: Ours.
        attention: Which attention it takes, ``eager`` or ``sdpa``.
        activation: ``gelu_new``, the default, computes GELU by single operations; ``gelu_pytorch_tanh`` is the same
            function as one operation of torch, as in ours.

    Returns:
        Their model, without dropout.
    """
    with tempfile.TemporaryDirectory() as folder:
        save_folder(Loaded(model), folder)
        config = transformers.GPT2Config.from_pretrained(
            folder, activation_function=activation, attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0
        )
        return transformers.GPT2LMHeadModel.from_pretrained(folder, config=config, attn_implementation=attention)


def from_scratch_config(size: Size, context_length: int) -> dict[str, object]:
    """Return the configuration in the words of LLMs-from-scratch."""
    return {
        "vocab_size": VOCAB_SIZE, "context_length": context_length, "emb_dim": size.d_model, "n_heads": size.n_heads,
        "n_layers": size.n_layers, "drop_rate": 0.0, "qkv_bias": True,
    }  # fmt: skip


def from_scratch(size: Size, context_length: int) -> GPTModel:
    """Make the model of LLMs-from-scratch; it has a head of its own beside the embedding, and else the same parts."""
    torch.manual_seed(0)
    return GPTModel(from_scratch_config(size, context_length))
