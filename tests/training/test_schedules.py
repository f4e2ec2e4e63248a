"""The schedules against torch's own, put together."""

import re

import pytest
import torch
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LinearLR, SequentialLR

from llmguide.training.schedules import warmup_cosine, warmup_stable_decay


def optimizer_at(rate: float) -> torch.optim.SGD:
    """Return an optimizer of nothing much, for torch's schedulers."""
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)


def rates_of(scheduler: torch.optim.lr_scheduler.LRScheduler, steps: int) -> list[float]:
    """Return the rate of each step."""
    rates = []
    for _ in range(steps):
        rates.append(scheduler.optimizer.param_groups[0]["lr"])
        scheduler.optimizer.step()
        scheduler.step()
    return rates


def test_stable_with_decay_is_torchs_three_schedulers_in_sequence() -> None:
    optimizer = optimizer_at(2.0)
    theirs = SequentialLR(
        optimizer,
        [
            LinearLR(optimizer, start_factor=1 / 10, end_factor=1.0, total_iters=9),
            ConstantLR(optimizer, factor=1.0),
            LinearLR(optimizer, start_factor=1.0, end_factor=0.25, total_iters=20),
        ],
        milestones=[10, 80],
    )
    ours = [warmup_stable_decay(step, steps=100, peak=2.0, warmup=10, decay=20, floor=0.25) for step in range(100)]
    assert ours == pytest.approx(rates_of(theirs, 100))


def test_the_cosine_is_torchs() -> None:
    theirs = CosineAnnealingLR(optimizer_at(2.0), T_max=40, eta_min=0.2)
    ours = [warmup_cosine(step, steps=50, peak=2.0, warmup=10, floor=0.1) for step in range(10, 50)]
    assert ours == pytest.approx(rates_of(theirs, 40))


def test_a_longer_run_has_the_same_beginning() -> None:
    short, long = (
        [warmup_stable_decay(step, steps=steps, peak=1.0, warmup=5, decay=10) for step in range(40)]
        for steps in (50, 500)
    )
    assert short == long


def test_nothing_falls_without_a_decay() -> None:
    assert [warmup_stable_decay(step, steps=3, peak=1.0, warmup=0, decay=0) for step in range(5)] == [1.0] * 5


def test_the_cosine_by_hand() -> None:
    """Half of the peak in the first step, halfway down after half of the cosine, and a tenth from the end on."""
    rates = [warmup_cosine(step, steps=6, peak=2.0, warmup=2) for step in (0, 1, 2, 4, 6, 7, 100)]
    assert rates == pytest.approx([1.0, 2.0, 2.0, 1.1, 0.2, 0.2, 0.2])
    assert warmup_cosine(0, steps=1, peak=2.0, warmup=0) == 2.0


def test_a_descent_may_follow_the_warmup_at_once_and_ends_at_a_tenth() -> None:
    rates = [warmup_stable_decay(step, steps=4, peak=2.0, warmup=2, decay=2) for step in (0, 1, 2, 3, 4, 100)]
    assert rates == pytest.approx([1.0, 2.0, 2.0, 1.1, 0.2, 0.2])


@pytest.mark.parametrize(("warmup", "steps", "step"), [(-1, 10, 0), (10, 10, 0), (11, 10, 0), (2, 10, -1)])
def test_a_cosine_out_of_order_is_refused(warmup: int, steps: int, step: int) -> None:
    message = f"^need 0 <= warmup < steps and step >= 0, not {warmup}, {steps} and {step}$"
    with pytest.raises(ValueError, match=message):
        warmup_cosine(step, steps=steps, peak=1.0, warmup=warmup)


@pytest.mark.parametrize(
    "numbers",
    [
        {"step": -1},
        {"warmup": -1},
        {"decay": -1},
        {"warmup": 6, "decay": 5},
        {"warmup": 10},
        {"steps": 0},
    ],
)
def test_numbers_out_of_order_are_refused(numbers: dict[str, int]) -> None:
    given = {"step": 0, "steps": 10, "warmup": 0, "decay": 0} | numbers
    message = (
        f"^need step ({given['step']}), warmup ({given['warmup']}) and decay ({given['decay']}) >= 0, "
        f"warmup + decay <= steps ({given['steps']}) and warmup < steps$"
    )
    with pytest.raises(ValueError, match=re.sub(r"([()+])", r"\\\1", message)):
        warmup_stable_decay(given["step"], steps=given["steps"], peak=1.0, warmup=given["warmup"], decay=given["decay"])
