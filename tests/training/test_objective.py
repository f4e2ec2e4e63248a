"""The loss: parts add up to the whole, also in bfloat16; what hardware can do is asked of torch."""

import logging

import pytest
import torch

from llmguide.training import next_token_loss
from llmguide.training.batches import PackedBatches, batch_logits, in_order
from llmguide.training.objective import bfloat16, evaluate, has_bfloat16, summed_loss
from llmguide.training.packing import pack
from llmguide.transformer import Transformer, initialize, llama

CPU = torch.device("cpu")
CONFIG = llama(vocab_size=16, context_length=12, d_model=16, n_layers=2, n_heads=2, n_kv_heads=1, d_hidden=24)
PACKED = pack([[1 + (3 * number + place) % 15 for place in range(2 + number % 7)] for number in range(40)], 12, 0)


def model() -> Transformer:
    """Return a small model."""
    made = Transformer(CONFIG)
    initialize(made, torch.Generator().manual_seed(0), std=0.3)
    return made


def gradient(parts: int, size: int = 12) -> torch.Tensor:
    """Return the gradient of the mean loss of a batch that is worked through in parts."""
    made, batch = model(), PackedBatches(PACKED, size, seed=0)(0)
    for number in range(parts):
        torch.autograd.backward(summed_loss(made, batch.part(number, parts)) / batch.tokens)
    return torch.cat([parameter.grad.flatten() for parameter in made.parameters() if parameter.grad is not None])


def test_the_sum_over_the_tokens_is_their_mean_times_their_number() -> None:
    made, batch = model(), PackedBatches(PACKED, 4, seed=0)(0)
    mean = next_token_loss(batch_logits(made, batch), batch.targets)
    torch.testing.assert_close(summed_loss(made, batch) / batch.tokens, mean)


@pytest.mark.parametrize("parts", [2, 3, 4, 5, 12])
def test_accumulated_gradients_are_those_of_one_large_batch(parts: int) -> None:
    whole = gradient(1)
    assert (gradient(parts) - whole).norm() < 1e-6 * whole.norm()


def test_the_parts_have_different_numbers_of_tokens() -> None:
    batch = PackedBatches(PACKED, 12, seed=0)(0)
    assert len({batch.part(number, 3).tokens for number in range(3)}) > 1  # or a mean of means would do


def test_the_evaluation_is_the_mean_over_all_tokens_and_changes_nothing() -> None:
    made = model().train()
    expected = sum(summed_loss(made, batch).item() for batch in in_order(PACKED, 3))
    tokens = sum(batch.tokens for batch in in_order(PACKED, 3))
    assert evaluate(made, in_order(PACKED, 5)) == pytest.approx(expected / tokens, rel=1e-6)
    assert made.training


class TwoWorkers:
    """One of two processes, whose fellow has nothing to add."""

    size = 2

    def __init__(self, rank: int) -> None:
        self.rank = rank

    def add_gradients(self, parameters: object) -> None:
        """Do nothing."""

    def add(self, value: float) -> float:
        """Return the number itself."""
        return value

    def wait(self) -> None:
        """Do nothing."""


def test_each_process_measures_its_own_rows() -> None:
    batches = in_order(PACKED, len(PACKED) - 1)
    assert len(batches[-1]) == 1  # one of the two has none of these
    shares = [evaluate(model(), batches, TwoWorkers(rank)) for rank in range(2)]
    assert all(share > 0 for share in shares)
    assert sum(shares) == pytest.approx(evaluate(model(), batches), rel=1e-6)


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(ValueError, match="no token of the batches counts"):
        evaluate(model(), in_order(pack([[], []], 2, 0), 1))


def test_bfloat16_is_near_and_the_weights_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    made, batch = model(), PackedBatches(PACKED, 4, seed=0)(0)
    exact, near = summed_loss(made, batch), summed_loss(made, batch, bfloat16(CPU))
    assert near.dtype == torch.float32
    assert near.item() != exact.item()
    torch.testing.assert_close(near, exact, rtol=0.02, atol=0.0)
    torch.autograd.backward(near)
    for parameter in made.parameters():
        assert parameter.dtype == torch.float32
        assert parameter.grad is not None
        assert parameter.grad.dtype == torch.float32


@pytest.mark.parametrize(("able", "expected"), [({"amx_bf16": True}, True), ({"avx2": True}, False)])
def test_the_processor_says_what_it_can(
    able: dict[str, bool], expected: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    with caplog.at_level(logging.WARNING):
        assert (bfloat16(CPU) is not None) == expected
    assert ("this hardware does not multiply in bfloat16" in caplog.text) != expected


def test_other_devices_are_asked_or_distrusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: not including_emulation)
    assert has_bfloat16(torch.device("cuda"))
    assert not has_bfloat16(torch.device("meta"))
