"""One sentence through a model, with every tensor on the way: what the chapter on the transformer follows by hand."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from llmguide.transformer.checkpoints import Loaded
from llmguide.transformer.model import Transformer
from llmguide.transformer.trace import Tap

SENTENCE = "Question: What is the trade of Nati Lamont? Answer:"
"""The sentence of the chapter, of its figures and of the figure to walk through."""

ANSWER = " carpenter"
"""How it goes on in the miniature world."""


@dataclass(frozen=True)
class Walk:
    """What a model made of a text.

    Attributes:
        ids: The tokens' numbers.
        tokens: The text of each.
        tensors: By the names of :class:`~llmguide.transformer.trace.Tap`, in the order of the pass and without the
            axis of the batch; ``probabilities`` at the end.
    """

    ids: tuple[int, ...]
    tokens: tuple[str, ...]
    tensors: Mapping[str, Tensor]


def walk(loaded: Loaded[Transformer], text: str = SENTENCE) -> Walk:
    """Have a model read a text, and keep every tensor that has a name.

    Args:
        loaded: The model and its tokenizer.
        text: What it reads.

    Returns:
        Tokens and tensors.

    Raises:
        ValueError: If the model has come without a tokenizer.
    """
    if loaded.tokenizer is None:
        raise ValueError("loaded has no tokenizer to cut the text with: load a model that comes with one")
    ids = loaded.tokenizer.encode_ids(text)
    tap = Tap()
    with torch.inference_mode():
        logits = loaded.model(torch.tensor([ids]), tap=tap)
    tensors = {name: tensor[0] for name, tensor in tap.tensors.items()}
    tensors["probabilities"] = logits[0].softmax(dim=-1)
    return Walk(tuple(ids), tuple(loaded.tokenizer.decode([number]) for number in ids), tensors)
