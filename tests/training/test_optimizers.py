"""AdamW: the readable update against torch's, which parameters decay, and what a checkpoint takes of it."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from llmguide.training.optimizers import adamw, adamw_update, optimizer_tensors, restore_optimizer
from llmguide.transformer import Transformer, gpt2


@given(
    seed=st.integers(0, 100),
    rate=st.floats(1e-4, 0.1),
    decay=st.floats(0, 1),
    betas=st.tuples(st.floats(0, 0.99), st.floats(0.5, 0.999)),
)
def test_the_update_is_torchs(seed: int, rate: float, decay: float, betas: tuple[float, float]) -> None:
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(3, 4, generator=generator, dtype=torch.float64)
    theirs = nn.Parameter(weight.clone())
    optimizer = torch.optim.AdamW([theirs], lr=rate, betas=betas, weight_decay=decay)
    mean = square = torch.zeros_like(weight)
    for step in range(1, 6):
        gradient = torch.randn(3, 4, generator=generator, dtype=torch.float64)
        theirs.grad = gradient.clone()
        optimizer.step()
        weight, mean, square = adamw_update(
            weight,
            gradient,
            mean,
            square,
            step,
            learning_rate=rate,
            beta1=betas[0],
            beta2=betas[1],
            weight_decay=decay,
        )
        torch.testing.assert_close(weight, theirs.detach(), rtol=1e-9, atol=1e-12)


def trained(steps: int) -> tuple[nn.Module, torch.optim.AdamW]:
    """Return a small model after some updates with made-up gradients."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    optimizer = adamw(model, learning_rate=0.05, weight_decay=0.5)
    update(model, optimizer, steps)
    return model, optimizer


def update(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    """Make updates with made-up gradients."""
    for step in range(steps):
        for parameter in model.parameters():
            parameter.grad = torch.sin(parameter.detach() * 7 + step)
        optimizer.step()


def test_the_fast_one_makes_the_readable_update_and_only_matrices_decay() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    expected = []
    for parameter in model.parameters():
        gradient = torch.sin(parameter.detach() * 7)
        zero = torch.zeros_like(parameter)
        decay = 0.5 if parameter.ndim == 2 else 0.0
        weight = parameter.detach()
        expected.append(adamw_update(weight, gradient, zero, zero, 1, learning_rate=0.05, weight_decay=decay)[0])
    updated, _ = trained(1)
    for ours, theirs in zip(updated.parameters(), expected, strict=True):
        torch.testing.assert_close(ours.detach(), theirs)


def test_the_matrices_of_a_model_decay_and_its_vectors_do_not() -> None:
    model = Transformer(gpt2(vocab_size=7, context_length=8, d_model=8, n_layers=1, n_heads=2))
    decayed, kept = adamw(model, learning_rate=0.1, weight_decay=0.1).param_groups
    names = {parameter: name for name, parameter in model.named_parameters()}
    assert decayed["weight_decay"] == 0.1
    assert kept["weight_decay"] == 0.0
    assert all(names[parameter].endswith(".weight") for parameter in decayed["params"])
    assert all(names[parameter].endswith((".bias", ".scale")) for parameter in kept["params"])
    assert len(decayed["params"]) + len(kept["params"]) == len(names)


def test_a_restored_optimizer_goes_on_as_if_nothing_had_been() -> None:
    model, optimizer = trained(3)
    tensors = {name: tensor.clone() for name, tensor in optimizer_tensors(model, optimizer).items()}
    assert set(tensors) >= {"0.weight/exp_avg", "0.weight/exp_avg_sq", "0.weight/step"}
    twin = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    twin.load_state_dict(model.state_dict())
    other = adamw(twin, learning_rate=0.05, weight_decay=0.5)
    restore_optimizer(twin, other, tensors)
    update(model, optimizer, 4)
    update(twin, other, 4)
    for ours, theirs in zip(twin.parameters(), model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("key", ["1.gone/exp_avg", "0.weight/exp_avg"])
def test_what_another_optimizer_remembers_is_refused(key: str) -> None:
    model, optimizer = trained(1)
    with pytest.raises(ValueError, match=f"the optimizer remembers '{key}' of shape \\[9\\], but the model lacks it"):
        restore_optimizer(model, optimizer, {key: torch.zeros(9)})
