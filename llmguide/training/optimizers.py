"""AdamW: steps of the gradient's running mean, divided by its running size, and weights that shrink on their own."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


def adamw_update(
    weight: Float[Tensor, "*shape"],
    gradient: Float[Tensor, "*shape"],
    mean: Float[Tensor, "*shape"],
    square: Float[Tensor, "*shape"],
    step: int,
    *,
    learning_rate: float,
    beta1: float = 0.9,
    beta2: float = 0.95,
    weight_decay: float = 0.0,
    epsilon: float = 1e-8,
) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
    r"""Make one update of AdamW, as one reads it; :func:`adamw` builds the fast one.

    .. math::

        m_t &= \beta_1 m_{t-1} + (1 - \beta_1)\, g_t, \qquad
        v_t = \beta_2 v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        w_t &= (1 - \eta\lambda)\, w_{t-1}
               - \eta\, \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}

    Args:
        weight: The weight :math:`w_{t-1}`.
        gradient: Its gradient :math:`g_t`.
        mean: The running mean of gradients :math:`m_{t-1}`; 0 at first.
        square: The running mean of their squares :math:`v_{t-1}`; 0 at first.
        step: The number of this update :math:`t`, from 1.
        learning_rate: The rate :math:`\eta`.
        beta1: How slowly the mean forgets, :math:`\beta_1`.
        beta2: How slowly the squares are forgotten, :math:`\beta_2`.
        weight_decay: How strongly the weight is pulled towards 0, :math:`\lambda`.
        epsilon: Keeps the division away from 0, :math:`\epsilon`.

    Returns:
        The weight, the mean and the squares after the update.

    Source: :cite:t:`loshchilov2019decoupled`, algorithm 2, with the decay multiplied by the rate, as in PyTorch.

    Example:
        >>> zero = torch.zeros(2)
        >>> weight, _, _ = adamw_update(zero, torch.tensor([5.0, -0.01]), zero, zero, 1, learning_rate=0.1)
        >>> [round(float(value), 4) for value in weight]  # the first step has the rate's size, whatever the gradient's
        [-0.1, 0.1]
    """
    mean = beta1 * mean + (1 - beta1) * gradient
    square = beta2 * square + (1 - beta2) * gradient**2
    direction = (mean / (1 - beta1**step)) / ((square / (1 - beta2**step)).sqrt() + epsilon)
    return (1 - learning_rate * weight_decay) * weight - learning_rate * direction, mean, square


def adamw(
    model: nn.Module, *, learning_rate: float, beta1: float = 0.9, beta2: float = 0.95, weight_decay: float = 0.1
) -> torch.optim.AdamW:
    """Build the optimizer: weight decay for the matrices, none for the vectors.

    A norm's scale and a bias have few entries and a meaning at 1 and 0; pulling them towards 0 helps nothing.

    Args:
        model: The model, whose parameters it will change.
        learning_rate: The rate to begin with.
        beta1: How slowly the mean of gradients forgets.
        beta2: How slowly the squares are forgotten.
        weight_decay: How strongly matrices are pulled towards 0.

    Returns:
        torch's optimizer.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> [len(group["params"]) for group in adamw(nn.Linear(2, 3), learning_rate=0.1).param_groups]
        [1, 1]
    """
    parameters = list(model.parameters())
    groups = [
        {"params": [each for each in parameters if each.ndim >= 2], "weight_decay": weight_decay},
        {"params": [each for each in parameters if each.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]], lr=learning_rate, betas=(beta1, beta2), fused=True
    )


def optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Name what the optimizer remembers about each parameter.

    Args:
        model: The model.
        optimizer: Its optimizer.

    Returns:
        The tensors, by the name of the parameter and of what is remembered: ``head.weight/exp_avg``.
    """
    return {
        f"{name}/{kind}": tensor
        for name, parameter in model.named_parameters()
        for kind, tensor in optimizer.state[parameter].items()
    }


def restore_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Give the optimizer back what :func:`optimizer_tensors` named.

    Args:
        model: The model.
        optimizer: Its optimizer, whose memory is replaced.
        tensors: The tensors by name.

    Raises:
        ValueError: If they belong to other parameters.
    """
    parameters = dict(model.named_parameters())
    memory: dict[str, dict[str, Tensor]] = {name: {} for name in parameters}
    for key, tensor in tensors.items():
        name, _, kind = key.rpartition("/")
        if name not in memory or tensor.shape not in (parameters[name].shape, torch.Size([])):
            raise ValueError(f"the optimizer remembers {key!r} of shape {list(tensor.shape)}, but the model lacks it")
        # torch counts the steps where it finds it quickest, which for the fused update is the parameter's device.
        memory[name][kind] = tensor.to(parameters[name].device)
    for name, parameter in parameters.items():
        optimizer.state[parameter] = memory[name]
