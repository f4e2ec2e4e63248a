"""The bare products of matrices in a pass through a model: the part of its time that no code around them can save.

Products of queries with keys and of weights with values are left out; at the lengths compared here they are small.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from llmguide.transformer import Transformer


def matrices(model: Transformer) -> list[Tensor]:
    """List the matrices that every position is multiplied with, that of the output last."""
    found = [module.weight.detach() for module in model.modules() if isinstance(module, nn.Linear)]
    return [*found, model.embedding.tokens.weight.detach()] if model.config.head == "tied" else found


class Products:
    """Products with the matrices of a model, and with nothing between.

    Args:
        model: Whose matrices are taken.
        positions: How many vectors are multiplied with each at once, those of all rows of the batch.
    """

    def __init__(self, model: Transformer, positions: int) -> None:
        generator = torch.Generator().manual_seed(2)

        def draw(width: int) -> Tensor:
            return torch.randn(positions, width, generator=generator)

        self.pairs = [(weight, draw(weight.shape[1]), draw(weight.shape[0])) for weight in matrices(model)]

    def forward(self) -> None:
        """Multiply as a pass through the model does."""
        for weight, x, _ in self.pairs:
            F.linear(x, weight)

    def backward(self) -> None:
        """Multiply as the way back does: for the gradients of the inputs, and for those of the matrices."""
        for weight, x, gradient in self.pairs:
            torch.mm(gradient, weight)
            torch.mm(gradient.T, x)
