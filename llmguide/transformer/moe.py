"""Mixture of experts: many feed-forward parts, of which each position uses the few that a router chooses for it."""

import math
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.trace import NO_TAP, AnyTap


@dataclass(frozen=True)
class RouterConfig:
    """How a router chooses and weighs the experts of a token.

    Args:
        score: What turns logits into scores: ``softmax`` lets the experts compete, ``sigmoid`` scores each by itself.
        normalize: Whether the weights of the chosen are divided by their sum. The weight of a single one is then 1, and
            no gradient reaches the router.
        n_groups: Into how many groups of equal size the experts are divided.
        n_active_groups: From how many groups a token's experts may come: those whose two best scores sum highest.
        scale: Factor on the weights.
        correction: Whether each expert has a correction, for the choice alone, that :func:`update_correction` moves.

    Raises:
        ValueError: If the score is unknown, a number is out of range, or more groups are active than there are.
    """

    score: Literal["softmax", "sigmoid"] = "softmax"
    normalize: bool = True
    n_groups: int = 1
    n_active_groups: int = 1
    scale: float = 1.0
    correction: bool = False

    def __post_init__(self) -> None:
        if self.score not in ("softmax", "sigmoid"):
            raise ValueError(f"score must be 'softmax' or 'sigmoid', not {self.score!r}")
        if self.n_groups < 1:
            raise ValueError(f"n_groups must be at least 1, not {self.n_groups}")
        if not 1 <= self.n_active_groups <= self.n_groups:
            raise ValueError(
                f"n_active_groups must be from 1 to n_groups ({self.n_groups}), not {self.n_active_groups}"
            )
        if not (self.scale > 0 and math.isfinite(self.scale)):
            raise ValueError(f"scale must be a finite number greater than 0, not {self.scale}")


def _check(n_experts: int, n_active: int, config: RouterConfig) -> None:
    """Complain if so many experts cannot be chosen from so many in this way."""
    if not 1 <= n_active <= n_experts:
        raise ValueError(f"n_active must be from 1 to n_experts ({n_experts}), not {n_active}")
    if n_experts % config.n_groups:
        raise ValueError(f"n_experts ({n_experts}) must be divisible by n_groups ({config.n_groups})")
    each = n_experts // config.n_groups
    if config.n_groups > 1 and each < 2:
        raise ValueError(f"n_groups ({config.n_groups}) leaves {each} expert in each group; a group needs at least 2")
    if n_active > (open_to := config.n_active_groups * each):
        raise ValueError(f"n_active ({n_active}) exceeds the {open_to} experts in {config.n_active_groups} groups")


@dataclass(frozen=True)
class ExpertsConfig:
    """The shape of a mixture of experts.

    Args:
        n_experts: How many experts the router chooses from.
        n_active: How many it chooses for each token.
        expert: The shape of one expert.
        shared: The shape of the expert that every token uses beside the chosen ones, or ``None`` for none. Several
            shared experts are one whose width is their sum.
        router: How it chooses.

    Raises:
        ValueError: If more experts are to be chosen than there are, or the groups do not divide the experts.
    """

    n_experts: int
    n_active: int
    expert: FeedForwardConfig
    shared: FeedForwardConfig | None = None
    router: RouterConfig = field(default_factory=RouterConfig)

    def __post_init__(self) -> None:
        if self.n_experts < 1:
            raise ValueError(f"n_experts must be at least 1, not {self.n_experts}")
        _check(self.n_experts, self.n_active, self.router)

    def build(self, d_model: int) -> "Experts":
        """Return the layer for a model of width ``d_model``."""
        return Experts(d_model, self)


def route(
    logits: Float[Tensor, "*batch experts"],
    n_active: int,
    config: RouterConfig,
    correction: Float[Tensor, " experts"] | None = None,
) -> tuple[Int[Tensor, "*batch active"], Float[Tensor, "*batch active"]]:
    r"""Choose experts for each token, and say how much each counts.

    With scores :math:`s` (softmax or sigmoid of the logits) and corrections :math:`b`, the experts of the token are the
    :math:`k` with the highest :math:`s_i + b_i` among those of the active groups, and their weights are

    .. math:: w_i = \lambda\, \frac{s_i}{\sum_{j\ \text{chosen}} s_j},

    without the sum where ``normalize`` is off; :math:`\lambda` is ``scale``. The correction decides who works; it does
    not enter what the work is worth. Normalized softmax scores of the chosen are the softmax over their logits alone.

    Args:
        logits: The router's output for each token.
        n_active: How many experts to choose, :math:`k`.
        config: How to choose.
        correction: The correction of each expert, :math:`b`.

    Returns:
        The chosen experts, the best first, and their weights, in float32 or better.

    Raises:
        ValueError: If there are fewer experts than ``n_active``, or not as many corrections.

    Source: :cite:t:`shazeer2017outrageously` for choosing the top :math:`k`, :cite:t:`jiang2024mixtral` for the
    softmax, :cite:t:`deepseek2024v3`, equations 12 to 16, for the rest.

    Example:
        >>> logits = torch.tensor([4.0, 2.0, 1.0, 1.0]).log()  # the softmax is 1/2, 1/4, 1/8, 1/8
        >>> chosen, weights = route(logits, 2, RouterConfig())
        >>> chosen.tolist(), weights.mul(3).round().tolist()  # in thirds
        ([0, 1], [2.0, 1.0])
    """
    n_experts = logits.shape[-1]
    _check(n_experts, n_active, config)
    if correction is not None and correction.shape != (n_experts,):
        raise ValueError(f"correction has the shape {list(correction.shape)}; the logits are of {n_experts} experts")
    # Half precision would tie scores that differ.
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    scores = logits.softmax(-1) if config.score == "softmax" else logits.sigmoid()
    preference = scores if correction is None else scores + correction
    if config.n_groups > 1:
        grouped = preference.reshape(*preference.shape[:-1], config.n_groups, -1)
        best_groups = grouped.topk(2).values.sum(-1).topk(config.n_active_groups).indices
        closed = torch.ones_like(grouped[..., 0], dtype=torch.bool).scatter(-1, best_groups, value=False)
        preference = grouped.masked_fill(closed[..., None], -math.inf).flatten(-2)
    chosen = preference.topk(n_active).indices
    weights = scores.gather(-1, chosen)
    if config.normalize:
        # Sigmoids of very negative logits are all 0.
        weights = weights / weights.sum(-1, keepdim=True).clamp(min=torch.finfo(weights.dtype).tiny)
    return chosen, config.scale * weights


class Router(nn.Module):
    """Scores the experts for each token by one matrix.

    Args:
        d_model: Width of the model.
        config: The experts.

    Attributes:
        weight: A row for each expert: the direction of the stream that it answers to.
        correction: What the choice adds to each expert's score, or ``None``. No gradient reaches it.
        wide: Whether the logits are made in float32 in a model of fewer digits too, of weights that are read so: as in
            DeepSeek-V3, where scores by a sigmoid lie close. Those of Mixtral have the stream's precision.
    """

    correction: Tensor | None

    def __init__(self, d_model: int, config: ExpertsConfig) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(config.n_experts, d_model))
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))  # as torch draws a Linear
        self.register_buffer("correction", torch.zeros(config.n_experts) if config.router.correction else None)
        self.wide = config.router.score == "sigmoid"

    def forward(self, x: Float[Tensor, "batch positions d_model"]) -> Float[Tensor, "batch positions experts"]:
        """Return the logits of the experts."""
        dtype = torch.promote_types(x.dtype, torch.float32) if self.wide else x.dtype
        return F.linear(x.to(dtype), self.weight.to(dtype))


class Experts(nn.Module):
    r"""A router, the experts that it chooses from, and perhaps one that always works.

    .. math::
        \operatorname{MoE}(x) = \sum_{i\ \text{chosen}} w_i \operatorname{FFN}_i(x) + \operatorname{FFN}_{shared}(x)

    The loop over the experts is for reading; programs that serve large models multiply all groups by one kernel.

    Args:
        d_model: Width of the model.
        config: How many experts, of what shape, and how they are chosen.

    Source: :cite:t:`shazeer2017outrageously`, and :cite:t:`dai2024deepseekmoe` for the shared expert.
    """

    def __init__(self, d_model: int, config: ExpertsConfig) -> None:
        super().__init__()
        self.config = config
        self.router = Router(d_model, config)
        self.experts = nn.ModuleList(config.expert.build(d_model) for _ in range(config.n_experts))
        self.shared = None if config.shared is None else config.shared.build(d_model)

    def forward(
        self, x: Float[Tensor, "batch positions d_model"], tap: AnyTap = NO_TAP
    ) -> Float[Tensor, "batch positions d_model"]:
        """Return what each position's experts compute for it.

        Args:
            x: The stream, normalized.
            tap: Sees ``router``, the logits of all experts; ``experts``, the weighted sum of the chosen; ``shared``.

        Returns:
            The sum.
        """
        logits = tap("router", self.router(x))
        chosen, weights = route(logits, self.config.n_active, self.config.router, self.router.correction)
        tokens, chosen, weights = x.flatten(0, 1), chosen.flatten(0, 1), weights.flatten(0, 1)
        mixed = torch.zeros_like(tokens, dtype=weights.dtype)  # in float32 at least: in bfloat16 each sum loses digits
        for index, expert in enumerate(self.experts):
            token, place = torch.where(chosen == index)
            if len(token):  # an expert that nobody chose costs nothing
                found = expert(tokens[token][None], tap.inside(f"experts.{index}"))[0]
                mixed.index_add_(0, token, weights[token, place, None] * found)
        total = tap("experts", mixed.to(x.dtype).view_as(x))
        return total if self.shared is None else total + tap("shared", self.shared(x, tap.inside("shared")))


def count_load(
    chosen: Int[Tensor, "*batch active"], n_experts: int, real: Bool[Tensor, "batch positions"] | None = None
) -> Int[Tensor, " experts"]:
    """Count the tokens of each expert.

    Args:
        chosen: The experts of each token, from :func:`route`.
        n_experts: How many experts there are.
        real: False where a position only fills its row; those are not counted.

    Returns:
        The number of tokens that chose each expert.

    Raises:
        ValueError: If ``real`` does not fit the tokens.

    Example:
        >>> count_load(torch.tensor([[0, 1], [0, 3]]), 4).tolist()
        [2, 1, 0, 1]
    """
    return (chosen if real is None else _keep(chosen, real)).flatten().bincount(minlength=n_experts)


def balance_loss(
    logits: Float[Tensor, "*batch experts"], n_active: int, real: Bool[Tensor, "batch positions"] | None = None
) -> Float[Tensor, ""]:
    r"""Measure how unevenly a router with softmax scores spreads the tokens; training adds a little of it to the loss.

    .. math:: n_{experts} \sum_i f_i\, P_i

    :math:`f_i` is the number of choices of expert :math:`i` for each token, which has no gradient, and :math:`P_i` the
    mean of its softmax scores, which has one. Where all experts have the same share the sum is ``n_active``; where all
    tokens crowd into the same experts it comes near ``n_experts``. The gradient lowers the scores of the crowded.

    Args:
        logits: The router's output for each token. Those of several layers, stacked, count as one sample.
        n_active: How many experts each token uses.
        real: False where a position only fills its row; those do not count.

    Returns:
        The loss, without a coefficient.

    Raises:
        ValueError: If there are fewer experts than ``n_active``, or ``real`` does not fit the tokens.

    Source: :cite:t:`fedus2022switch`, equations 4 to 6, for one active expert.

    Example:
        >>> one_each, all_the_same = torch.eye(4) * 20, torch.eye(4)[[0, 0, 0, 0]] * 20
        >>> balance_loss(one_each, 1).round().item(), balance_loss(all_the_same, 1).round().item()
        (1.0, 4.0)
    """
    _check(logits.shape[-1], n_active, RouterConfig())
    scores = logits.to(torch.promote_types(logits.dtype, torch.float32)).softmax(-1)
    chosen = scores.topk(n_active).indices
    if real is not None:
        scores, chosen = _keep(scores, real), _keep(chosen, real)
    scores = scores.reshape(-1, scores.shape[-1])
    frequency = count_load(chosen, scores.shape[-1]).to(scores.dtype) / len(scores)
    return scores.shape[-1] * (frequency * scores.mean(0)).sum()


def _keep(x: Shaped[Tensor, "*batch width"], real: Bool[Tensor, "batch positions"]) -> Shaped[Tensor, "tokens width"]:
    """Keep what belongs to real tokens."""
    if x.shape[-3:-1] != real.shape:
        raise ValueError(f"real has the shape {list(real.shape)}; the tokens are {list(x.shape[:-1])}")
    return x[real.expand(x.shape[:-1])]


@torch.no_grad()
def update_correction(correction: Float[Tensor, " experts"], load: Int[Tensor, " experts"], rate: float) -> None:
    r"""Make the experts that had too few tokens a little more likely to be chosen, and those that had too many less.

    .. math:: b_i \leftarrow b_i + u\, \operatorname{sign}(\bar{c} - c_i)

    No loss is added that pulls the model away from what it learns. Call it after each step, with the load of its batch.

    Args:
        correction: The corrections :math:`b`, overwritten.
        load: The tokens of each expert, :math:`c`, from :func:`count_load`.
        rate: The step :math:`u`, in units of the score.

    Raises:
        ValueError: If ``rate`` is not positive, or there are not as many loads as corrections.

    Source: :cite:t:`wang2024auxiliary`.

    Example:
        >>> correction = torch.zeros(4)
        >>> update_correction(correction, torch.tensor([2, 1, 0, 1]), 0.5)
        >>> correction.tolist()
        [-0.5, 0.0, 0.5, 0.0]
    """
    if not rate > 0:
        raise ValueError(f"rate must be greater than 0, not {rate}")
    if load.shape != correction.shape:
        raise ValueError(f"load has the shape {list(load.shape)} and correction {list(correction.shape)}; one for each")
    share = load.to(correction.dtype)
    correction.add_(torch.sign(share.mean() - share), alpha=rate)
