"""The training loop against one written out by hand with torch, and what it refuses."""

import math

import pytest
import torch
from torch.nn import functional as F

from llmguide.training import next_token_loss, train, warmup_cosine
from llmguide.training.loop import IGNORED
from llmguide.transformer import Transformer, gpt2, initialize

CONFIG = gpt2(vocab_size=7, context_length=8, d_model=8, n_layers=1, n_heads=2)


def model_and_batch() -> tuple[Transformer, torch.Tensor]:
    """Return a small model and a row that repeats itself."""
    model = Transformer(CONFIG)
    initialize(model, torch.Generator().manual_seed(0))
    return model, torch.tensor([[1, 2, 3, 1, 2, 3, 1, 2]])


def test_the_loss_is_the_mean_over_what_counts() -> None:
    logits, targets = torch.randn(1, 3, 5), torch.tensor([[4, IGNORED, 0]])
    by_hand = -(logits[0].log_softmax(-1)[0, 4] + logits[0].log_softmax(-1)[2, 0]) / 2
    torch.testing.assert_close(next_token_loss(logits, targets), by_hand)


def test_the_schedule_rises_and_falls() -> None:
    rates = [warmup_cosine(step, steps=100, peak=2.0, warmup=10, floor=0.25) for step in range(101)]
    assert rates[4] == pytest.approx(1.0)
    assert rates[9] == rates[10] == pytest.approx(2.0)
    assert rates[55] == pytest.approx(2.0 * (0.25 + 0.75 / 2))
    assert rates[100] == pytest.approx(0.5)
    with pytest.raises(ValueError, match="need 0 <= warmup < steps and step >= 0, not 5, 5 and 0"):
        warmup_cosine(0, steps=5, peak=1.0, warmup=5)


def test_the_loop_is_adamw_with_clipping() -> None:
    model, row = model_and_batch()
    twin, _ = model_and_batch()
    losses = train(model, lambda _: (row[:, :-1], row[:, 1:]), steps=3, learning_rate=0.01, warmup=1, clip=0.5)
    matrices = [parameter for parameter in twin.parameters() if parameter.ndim >= 2]
    vectors = [parameter for parameter in twin.parameters() if parameter.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95))
    for step, expected in enumerate(losses):
        for group in optimizer.param_groups:
            group["lr"] = warmup_cosine(step, steps=3, peak=0.01, warmup=1)
        loss = F.cross_entropy(twin(row[:, :-1])[0], row[0, 1:])
        assert loss.item() == pytest.approx(expected, rel=1e-6)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(twin.parameters(), 0.5)
        optimizer.step()
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
    assert not model.training


def test_it_learns_and_repeats() -> None:
    runs = []
    for _ in range(2):
        model, row = model_and_batch()
        batch = (row[:, :-1], row[:, 1:])
        runs.append(train(model, lambda _, batch=batch: batch, steps=60, learning_rate=0.02))
    assert runs[0] == runs[1]
    assert runs[0][0] == pytest.approx(math.log(7), abs=0.1)
    assert runs[0][-1] < 0.2


@pytest.mark.parametrize("settings", [{"steps": 0}, {"steps": 1, "learning_rate": 0.0}, {"steps": 1, "clip": -1.0}])
def test_settings_that_cannot_be_are_refused(settings: dict[str, float]) -> None:
    model, row = model_and_batch()
    with pytest.raises(ValueError, match="must be greater than 0"):
        train(model, lambda _: (row, row), **settings)  # type: ignore[arg-type]


def test_a_loss_that_is_no_number_ends_the_run() -> None:
    model, row = model_and_batch()
    with torch.no_grad():
        model.embedding.tokens.weight.fill_(torch.nan)
    with pytest.raises(ValueError, match="the loss is nan at step 0; lower learning_rate"):
        train(model, lambda _: (row, row), steps=1)
