"""Linear attention: its three forms against each other, against the equations in NumPy, and against transformers."""

from typing import Any

import jaxtyping
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from llmguide.transformer.linear_attention import (
    attend_linear,
    decay_matrix,
    mix_at_once,
    mix_fading,
    mix_in_chunks,
    mix_in_steps,
    positive_features,
)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def draw_decays(*shape: int, seed: int = 9) -> Tensor:
    return 1 - 0.9 * torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-11)


def test_features_are_elu_plus_one_without_its_cancellation() -> None:
    x = torch.linspace(-9, 9, 99, dtype=torch.float64)
    close(positive_features(x), F.elu(x) + 1)
    far = torch.tensor(-50.0)
    assert positive_features(far) > 0 == F.elu(far) + 1
    x = torch.tensor([-1.0, 0.0, 3.0], requires_grad=True)
    positive_features(x).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, torch.tensor([-1.0, 0.0, 3.0]).clamp(max=0).exp())


def test_the_decay_matrix_is_that_of_mamba_2() -> None:
    from transformers.models.mamba2.modeling_mamba2 import segment_sum

    decays = draw_decays(2, 3, 7)
    close(decay_matrix(decays), segment_sum(decays.log()).exp())


def test_linear_attention_is_what_its_equation_says() -> None:
    q, k, v = draw(1, 1, 6, 3, seed=1), draw(1, 1, 6, 3, seed=2), draw(1, 1, 6, 2, seed=3)
    phi = [np.where(x[0, 0] > 0, x[0, 0] + 1, np.exp(x[0, 0])) for x in (q.numpy(), k.numpy())]
    for i in range(6):
        weights = np.array([phi[0][i] @ phi[1][j] for j in range(i + 1)])
        expected = weights @ v[0, 0, : i + 1].numpy() / weights.sum()
        np.testing.assert_allclose(attend_linear(q, k, v)[0][0, 0, i], expected, atol=1e-12)


def test_retention_by_hand() -> None:
    # One head of width 1, decay 1/2: state 1, then 1/2 + 2, then 5/4 + 3.
    one, values = torch.ones(1, 1, 3, 1), torch.tensor([1.0, 2.0, 3.0]).reshape(1, 1, 3, 1)
    mixed, state = mix_in_steps(2 * one, one, values, torch.full((1, 1, 3), 0.5))
    assert mixed.flatten().tolist() == [2, 5, 8.5]
    assert state.item() == 4.25


@settings(deadline=None)
@given(
    st.tuples(*(st.integers(1, limit) for limit in (2, 2, 13, 4, 4))),
    st.integers(1, 15),
    st.integers(0, 13),
    st.booleans(),
    st.integers(0, 99),
)
def test_the_three_forms_agree(shape: tuple[int, ...], chunk: int, cut: int, fading: bool, seed: int) -> None:
    batch, heads, positions, d_head, d_value = shape
    q, k = (draw(batch, heads, positions, d_head, seed=seed + i) for i in range(2))
    v = draw(batch, heads, positions, d_value, seed=seed + 2)
    decays = draw_decays(batch, heads, positions, seed=seed + 3) if fading else None
    in_steps, end = mix_in_steps(q, k, v, decays)
    close(mix_at_once(q, k, v, decays), in_steps)
    in_chunks, chunk_end = mix_in_chunks(q, k, v, decays, chunk=chunk)
    close(in_chunks, in_steps)
    close(chunk_end, end)
    # The state is all that the rest of a text needs of its beginning.
    parts, state = [], None
    for part in (slice(0, min(cut, positions)), slice(min(cut, positions), None)):
        few = None if decays is None else decays[..., part]
        mixed, state = mix_in_chunks(q[..., part, :], k[..., part, :], v[..., part, :], few, state, chunk=chunk)
        parts.append(mixed)
    close(torch.cat(parts, -2), in_steps)
    assert state is not None
    close(state, end)


@settings(deadline=None)
@given(st.integers(1, 12), st.booleans(), st.integers(0, 99))
def test_weights_are_averages_of_the_past(positions: int, fading: bool, seed: int) -> None:
    q, k = draw(2, 2, positions, 3, seed=seed), draw(2, 2, positions, 3, seed=seed + 1)
    decays = draw_decays(2, 2, positions, seed=seed) if fading else None
    # For unit vectors as values the mixed values are the weights themselves.
    weights, state = attend_linear(q, k, torch.eye(positions).double().expand(2, 2, -1, -1), decays, chunk=5)
    close(weights.sum(-1), torch.ones(2, 2, positions).double())
    assert (weights >= 0).all()
    assert weights.triu(1).abs().max() < 1e-12
    assert state.shape == (2, 2, 3, positions + 1)


def test_generation_needs_the_state_only() -> None:
    q, k, v = (draw(1, 2, 8, 3, seed=seed) for seed in range(3))
    whole, _ = attend_linear(q, k, v)
    _, state = attend_linear(q[:, :, :5], k[:, :, :5], v[:, :, :5])
    for i in range(5, 8):
        step = slice(i, i + 1)
        mixed, state = attend_linear(q[:, :, step], k[:, :, step], v[:, :, step], state=state)
        close(mixed, whole[:, :, step])


def test_features_of_another_width() -> None:
    q, k, v = (draw(1, 2, 5, 3, seed=seed) for seed in range(3))
    mixed, state = attend_linear(q, k, v, features=lambda x: torch.cat([x.exp(), (-x).exp()], -1), chunk=2)
    assert mixed.shape == v.shape
    assert state.shape == (1, 2, 6, 4)
    weights = (q[..., :, None, :] + k[..., None, :, :]).exp() + (-q[..., :, None, :] - k[..., None, :, :]).exp()
    weights = weights.sum(-1).tril()
    close(mixed, weights / weights.sum(-1, keepdim=True) @ v)


def test_gradients_pass_through_strong_decays() -> None:
    q, k, v = (draw(1, 1, 40, 2, seed=seed).requires_grad_() for seed in range(3))
    decays = torch.full((1, 1, 40), 1e-9, dtype=torch.float64, requires_grad=True)
    mix_at_once(q, k, v, decays).sum().backward()
    for x in (q, k, v, decays):
        assert x.grad is not None
        assert x.grad.isfinite().all()


def test_decays_that_no_number_can_be_come_as_logarithms() -> None:
    q, k, v = (draw(1, 2, 9, 3, seed=seed) for seed in range(3))
    logs = draw_decays(1, 2, 9).log()
    for chunk in (1, 4, 9):
        for found, expected in zip(
            mix_fading(q, k, v, logs, chunk=chunk), mix_in_steps(q, k, v, logs.exp()), strict=True
        ):
            close(found, expected)
    # A state that is lost between two positions, and a text that begins anew there.
    logs[..., 5] = -1e5
    logs.requires_grad_()
    mixed, state = mix_fading(q, k, v, logs, chunk=4)
    # The first decay is of a state of zeros, and may be anything.
    anew, end = mix_in_steps(q[:, :, 5:], k[:, :, 5:], v[:, :, 5:], logs[:, :, 5:].detach().clamp(min=-9).exp())
    (mixed.sum() + state.sum()).backward()
    assert logs.grad is not None
    assert logs.grad.isfinite().all()
    close(mixed[:, :, 5:].detach(), anew)
    close(state.detach(), end)


def test_long_sums_of_logarithms_lose_no_digits() -> None:
    logs = torch.full((1, 1, 256), -100.0)
    logs[..., -1] = -0.1
    one = torch.ones(1, 1, 256, 1)
    mixed, _ = mix_fading(one, one, one, logs, chunk=256)
    torch.testing.assert_close(mixed[..., -1, 0], 1 + torch.tensor([[-0.1]]).exp())


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("logs", "message"),
    [
        (torch.full((1, 1, 2), 0.1), "log_decays must be at most 0"),
        (torch.full((1, 1, 2), torch.nan), "log_decays must be at most 0"),
        (torch.zeros(1, 1, 3), r"log_decays \(1, 1, 3\) must have one number for each of \(1, 1, 2\)"),
    ],
)
def test_logarithms_that_do_not_fit_are_refused(logs: Tensor, message: str) -> None:
    x = torch.ones(1, 1, 2, 3)
    with pytest.raises(ValueError, match=message):
        mix_fading(x, x, x, logs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"decays": torch.tensor([[[0.5, 0.0]]])}, "decays must be above 0 and at most 1"),
        ({"decays": torch.tensor([[[0.5, 1.5]]])}, "decays must be above 0 and at most 1"),
        ({"decays": torch.tensor([[[0.5, torch.nan]]])}, "decays must be above 0 and at most 1"),
        ({"decays": torch.ones(1, 1, 3)}, r"decays \(1, 1, 3\) must have one number for each of \(1, 1, 2\)"),
        ({"keys": torch.ones(1, 1, 2, 4)}, r"queries \(1, 1, 2, 3\) and keys \(1, 1, 2, 4\) must have the same shape"),
        ({"values": torch.ones(1, 1, 5, 3)}, r"one value for each key, not \(1, 1, 5\) for \(1, 1, 2\)"),
        ({"state": torch.ones(1, 1, 3, 3)}, r"state \(1, 1, 3, 3\) must have the shape \(1, 1, 3, 4\)"),
        ({"chunk": 0}, r"chunk \(0\) must be at least 1"),
    ],
)
def test_what_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], message: str) -> None:
    right: dict[str, Any] = dict.fromkeys(("queries", "keys", "values"), torch.ones(1, 1, 2, 3))
    # Outside tests nobody checks the shapes in signatures, and our own message is what a reader gets.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ValueError, match=message):
        attend_linear(**right | arguments)
