"""The weights that training starts from."""

import math

import torch
from torch import nn

from llmguide.transformer.block import Block
from llmguide.transformer.cross_attention import CrossBlock
from llmguide.transformer.encoder_decoder import EncoderDecoder
from llmguide.transformer.feedforward import GatedMlp, Mlp
from llmguide.transformer.model import Transformer
from llmguide.transformer.moe import Router
from llmguide.transformer.norms import LayerNorm, RmsNorm
from llmguide.transformer.state_space import StateSpace


@torch.no_grad()
def initialize(
    model: Transformer | EncoderDecoder, generator: torch.Generator, std: float = 0.02, *, scale_residual: bool = True
) -> None:
    r"""Draw all weights anew, as for GPT-2.

    Matrices are normal with mean 0 and deviation ``std``, biases and corrections 0, the scales of norms 1. What a block
    adds to the stream, the last matrix of attention and of the feed-forward part or of each expert, is divided by the
    root of the number of sums,

    .. math:: \sigma_{residual} = \sigma / \sqrt{2 n_{layers}},

    (three a layer in a decoder with cross-attention) so that the stream's variance does not grow with the depth. What a
    state space has beside its matrices, it :meth:`draws itself <llmguide.transformer.state_space.StateSpace.draw>`.

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
            case Router():
                module.weight.normal_(0.0, std, generator=generator)
                if module.correction is not None:
                    module.correction.zero_()
            case StateSpace():
                module.draw(generator)
            case LayerNorm() | RmsNorm():
                module.scale.fill_(1.0)
                if isinstance(module, LayerNorm):
                    module.bias.zero_()
    if scale_residual:
        for stack in (model,) if isinstance(model, Transformer) else (model.encoder, model.decoder):
            for block in stack.blocks:
                assert isinstance(block, Block | CrossBlock)
                lasts = [part.down for part in block.feedforward.modules() if isinstance(part, Mlp | GatedMlp)]
                lasts.append(block.attention.output)
                if isinstance(block, CrossBlock):
                    lasts.append(block.cross_attention.output)
                sums = 3 if isinstance(block, CrossBlock) else 2
                for last in lasts:
                    last.weight.div_(math.sqrt(sums * len(stack.blocks)))
