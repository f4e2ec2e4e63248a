"""One vector for a whole sentence: the mean of what an encoder makes of its tokens."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from llmguide.tokenizers.tokenizer import Tokenizer
from llmguide.transformer.model import Transformer

LONGEST = 256
"""How many tokens of a text all-MiniLM-L6-v2 looks at, those at its ends included."""


def mean_pool(
    hidden: Float[Tensor, "batch positions d_model"], real: Bool[Tensor, "batch positions"]
) -> Float[Tensor, "batch d_model"]:
    r"""Average the vectors of each row over its real positions.

    .. math:: s = \frac{1}{n} \sum_{t=1}^{n} h_t

    Args:
        hidden: A vector for each position.
        real: False where a position only fills up its row.

    Returns:
        A vector for each row.

    Raises:
        ValueError: If a row has no real position.

    Source: :cite:t:`reimers2019sentence`, section 3.

    Example:
        >>> hidden = torch.tensor([[[1.0], [3.0], [100.0]]])
        >>> mean_pool(hidden, torch.tensor([[True, True, False]]))
        tensor([[2.]])
    """
    count = real.sum(1, keepdim=True)
    if not bool(count.all()):
        raise ValueError(f"row {int(count[:, 0].argmin())} has no real position; there is nothing to average")
    return hidden.masked_fill(~real[..., None], 0.0).sum(1) / count


@torch.no_grad()
def embed(
    texts: Sequence[str], model: Transformer, tokenizer: Tokenizer, *, batch_size: int = 32, longest: int = LONGEST
) -> Float[Tensor, "texts d_model"]:
    """Give each text a vector of length 1; the product of two is the cosine of the angle between them.

    Args:
        texts: The texts.
        model: An encoder without a head, such as :func:`~llmguide.transformer.published.minilm` loads.
        tokenizer: Its tokenizer, with ``[CLS]`` and ``[SEP]`` in the vocabulary.
        batch_size: How many texts the model takes at once.
        longest: How many tokens of a text to look at, the two at its ends included.

    Returns:
        A vector for each text.

    Raises:
        ValueError: If the model has a head, the tokenizer lacks a token, or a number is out of range.

    Source: :cite:t:`reimers2019sentence`.
    """
    if model.config.head != "none":
        raise ValueError(f"the model's head is {model.config.head!r}; expected 'none', an encoder that gives vectors")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}")
    if not 2 <= longest <= model.config.context_length:
        raise ValueError(f"longest must be 2 to the model's {model.config.context_length}, not {longest}")
    if missing := [token for token in ("[CLS]", "[SEP]") if token not in tokenizer.model.ids]:
        raise ValueError(f"the tokenizer has no {missing[0]}; expected BERT's")
    first, last = tokenizer.model.ids["[CLS]"], tokenizer.model.ids["[SEP]"]
    rows = [[first, *tokenizer.encode_ids(text)[: longest - 2], last] for text in texts]
    device = model.embedding.tokens.weight.device
    # Texts of like length side by side: less of a batch is padding.
    order = sorted(range(len(rows)), key=lambda place: len(rows[place]))
    vectors = torch.zeros(len(rows), model.config.d_model, device=device)
    for start in range(0, len(order), batch_size):
        places = order[start : start + batch_size]
        lengths = torch.tensor([len(rows[place]) for place in places], device=device)
        width = int(lengths.max())
        ids = torch.tensor([rows[place] + [last] * (width - len(rows[place])) for place in places], device=device)
        real = torch.arange(width, device=device) < lengths[:, None]
        vectors[places] = F.normalize(mean_pool(model.hidden(ids, real=real), real), dim=-1)
    return vectors
