"""The weights that training starts from."""

import math

import torch
from torch import nn

from llmguide.transformer.block import Block
from llmguide.transformer.feedforward import GatedMlp, Mlp
from llmguide.transformer.model import Transformer
from llmguide.transformer.norms import LayerNorm, RmsNorm


@torch.no_grad()
def initialize(
    model: Transformer, generator: torch.Generator, std: float = 0.02, *, scale_residual: bool = True
) -> None:
    r"""Draw all weights anew, as for GPT-2.

    Matrices are normal with mean 0 and deviation ``std``, biases 0, the scales of norms 1. What a block adds to the
    stream, the last matrix of attention and of the feed-forward part, is divided by the root of the number of sums,

    .. math:: \sigma_{residual} = \sigma / \sqrt{2 n_{layers}},

    so that the stream's variance does not grow with the depth.

    Args:
        model: The model, whose weights are overwritten.
        generator: The source of randomness.
        std: Standard deviation of the entries, :math:`\sigma`.
        scale_residual: Whether to divide what blocks add.

    Raises:
        ValueError: If ``std`` is not positive.

    Source: :cite:t:`radford2019language`, section 2.3, for the division.
    """
    if not std > 0:
        raise ValueError(f"std must be greater than 0, not {std}")
    for module in model.modules():
        match module:
            case nn.Linear() | nn.Embedding():
                module.weight.normal_(0.0, std, generator=generator)
                if isinstance(module, nn.Linear) and module.bias is not None:
                    module.bias.zero_()
            case LayerNorm() | RmsNorm():
                module.scale.fill_(1.0)
                if isinstance(module, LayerNorm):
                    module.bias.zero_()
    if scale_residual:
        for block in model.blocks:
            assert isinstance(block, Block)
            ends = [part.down for part in block.feedforward.modules() if isinstance(part, Mlp | GatedMlp)]
            for last in (block.attention.output, *ends):
                last.weight.div_(math.sqrt(2 * len(model.blocks)))
