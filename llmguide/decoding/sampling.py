"""From logits to the next token.

A model gives each token of its vocabulary a logit. The functions here reshape those logits: a temperature sharpens or
flattens them, and three rules remove unlikely tokens by giving them the logit minus infinity, which the softmax makes a
probability of exactly zero. :class:`Sampling` says which of them to use, and :func:`choose` picks a token.

The rules treat equal logits equally: where a token is kept, so is every other one with the same logit. A rule can thus
keep a few more tokens than it was asked for, and what it keeps never depends on the order of the vocabulary.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


def greedy(logits: Float[Tensor, "batch vocab"]) -> Int[Tensor, " batch"]:
    """Choose the most likely token.

    Args:
        logits: Of each token.

    Returns:
        The id with the largest logit; where several have it, one of them.

    Example:
        >>> greedy(torch.tensor([[0.1, 2.0, -1.0], [3.0, 0.0, 1.0]])).tolist()
        [1, 0]
    """
    return logits.argmax(dim=-1)


def with_temperature(logits: Float[Tensor, "batch vocab"], temperature: float) -> Float[Tensor, "batch vocab"]:
    r"""Sharpen the distribution (below 1) or flatten it (above 1).

    .. math:: p_i = \operatorname{softmax}(z / T)_i

    Args:
        logits: Of each token, the :math:`z` of the formula.
        temperature: The :math:`T` of the formula.

    Returns:
        The logits divided by the temperature.

    Raises:
        ValueError: If the temperature is not positive and finite.

    Example:
        >>> logits = torch.tensor([[0.8, 0.2]]).log()
        >>> with_temperature(logits, 0.5).softmax(dim=-1).round(decimals=2).tolist()  # 16 : 1 instead of 4 : 1
        [[0.9399999976158142, 0.05999999865889549]]
    """
    if not 0 < temperature < math.inf:
        raise ValueError(
            f"temperature is {temperature}; expected a positive number; greedy takes the most likely token"
        )
    return logits / temperature


def keep_top_k(logits: Float[Tensor, "batch vocab"], k: int) -> Float[Tensor, "batch vocab"]:
    """Keep the ``k`` most likely tokens, and all that are as likely as the last of them.

    Args:
        logits: Of each token.
        k: How many to keep; more than there are keeps all.

    Returns:
        The logits, with minus infinity for the tokens that are removed.

    Raises:
        ValueError: If ``k`` is less than one.

    Source: :cite:t:`fan2018hierarchical`.

    Example:
        >>> keep_top_k(torch.tensor([[1.0, 4.0, 2.0, 3.0], [5.0, 7.0, 5.0, 0.0]]), 2).tolist()
        [[-inf, 4.0, -inf, 3.0], [5.0, 7.0, 5.0, -inf]]
    """
    if k < 1:
        raise ValueError(f"k is {k}; expected at least one token to keep")
    smallest_kept = logits.topk(min(k, logits.shape[-1])).values[:, -1:]
    return logits.masked_fill(logits < smallest_kept, -math.inf)


def keep_top_p(logits: Float[Tensor, "batch vocab"], p: float) -> Float[Tensor, "batch vocab"]:
    """Keep the nucleus: the fewest tokens that together have a probability of at least ``p``.

    Tokens as likely as the last of the nucleus are kept, too. The first one always is.

    Args:
        logits: Of each token.
        p: The least probability of the nucleus.

    Returns:
        The logits, with minus infinity for the tokens that are removed.

    Raises:
        ValueError: If ``p`` is not above 0 and at most 1.

    Source: :cite:t:`holtzman2020curious`.

    Example:
        >>> logits = torch.tensor([[0.5, 0.25, 0.15, 0.1]]).log()
        >>> keep_top_p(logits, 0.8).softmax(dim=-1).isclose(torch.tensor([5.0, 2.5, 1.5, 0.0]) / 9).all().item()
        True
    """
    if not 0 < p <= 1:
        raise ValueError(f"p is {p}; expected a probability above 0 and at most 1")
    if p == 1:  # the sums below are rounded, and could reach 1 before the last token
        return logits
    descending = logits.sort(descending=True).values
    probabilities = descending.softmax(dim=-1)
    likelier = probabilities.cumsum(dim=-1) - probabilities
    size = (likelier < p).sum(dim=-1, keepdim=True).clamp(min=1)
    return logits.masked_fill(logits < descending.gather(-1, size - 1), -math.inf)


def keep_min_p(logits: Float[Tensor, "batch vocab"], p: float) -> Float[Tensor, "batch vocab"]:
    """Keep the tokens that are at least ``p`` times as likely as the most likely one.

    Args:
        logits: Of each token.
        p: The least share of the largest probability.

    Returns:
        The logits, with minus infinity for the tokens that are removed.

    Raises:
        ValueError: If ``p`` is not above 0 and at most 1.

    Source: :cite:t:`nguyen2025turning`.

    Example:
        >>> logits = torch.tensor([[0.5, 0.3, 0.2]]).log()
        >>> keep_min_p(logits, 0.5).isinf().tolist()  # at least half of 0.5
        [[False, False, True]]
    """
    if not 0 < p <= 1:
        raise ValueError(f"p is {p}; expected a share above 0 and at most 1")
    # A quotient of probabilities is a difference of logits, so there is no need of the softmax.
    return logits.masked_fill(logits < logits.amax(dim=-1, keepdim=True) + math.log(p), -math.inf)


@dataclass(frozen=True)
class Sampling:
    """How to choose the next token.

    What is set is applied in the order of the attributes, and each rule sees the distribution that the one before it
    left. Without any, tokens are drawn with the probabilities that the model gives them.

    Attributes:
        temperature: What the logits are divided by; 0 always takes the most likely token.
        top_k: Keep only this many tokens; ``None`` keeps all.
        top_p: Keep only the nucleus of this probability; ``None`` keeps all.
        min_p: Keep only tokens with this share of the largest probability; ``None`` keeps all.

    Raises:
        ValueError: If a number is outside its range.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"temperature is {self.temperature}; expected 0 (the most likely token) or more")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k is {self.top_k}; expected at least 1, or None to keep every token")
        for name, share in (("top_p", self.top_p), ("min_p", self.min_p)):
            if share is not None and not 0 < share <= 1:
                raise ValueError(f"{name} is {share}; expected a number above 0 and at most 1, or None for no limit")

    @property
    def is_greedy(self) -> bool:
        """Whether the most likely token is taken, so that nothing is left to chance."""
        return self.temperature == 0


GREEDY = Sampling(temperature=0.0)
"""Always the most likely token."""


def restrict(logits: Float[Tensor, "batch vocab"], sampling: Sampling) -> Float[Tensor, "batch vocab"]:
    """Apply the temperature and the rules that remove tokens.

    Args:
        logits: As the model gave them.
        sampling: What to apply, with a temperature above 0.

    Returns:
        The logits whose softmax the next token is drawn from.

    Raises:
        ValueError: If the temperature is 0.
    """
    logits = with_temperature(logits, sampling.temperature)
    if sampling.top_k is not None:
        logits = keep_top_k(logits, sampling.top_k)
    if sampling.top_p is not None:
        logits = keep_top_p(logits, sampling.top_p)
    if sampling.min_p is not None:
        logits = keep_min_p(logits, sampling.min_p)
    return logits


def choose(
    logits: Float[Tensor, "batch vocab"], sampling: Sampling, generator: torch.Generator | None = None
) -> Int[Tensor, " batch"]:
    """Choose the next token of each row.

    Args:
        logits: As the model gave them.
        sampling: How to choose.
        generator: Where chance comes from. Only greedy choice does without.

    Returns:
        An id for each row.

    Raises:
        ValueError: If a token has to be drawn and there is no generator.

    Example:
        >>> logits = torch.tensor([[1.0, 2.0, 3.0]])
        >>> choose(logits, Sampling(top_k=1), torch.Generator().manual_seed(0)).tolist()
        [2]
    """
    if sampling.is_greedy:
        return greedy(logits)
    if generator is None:
        raise ValueError(
            f"a temperature of {sampling.temperature} leaves tokens to chance; give a generator, for example "
            "torch.Generator().manual_seed(0), or a temperature of 0"
        )
    probabilities = restrict(logits, sampling).softmax(dim=-1)
    return torch.multinomial(probabilities, num_samples=1, generator=generator).squeeze(-1)
