"""Choosing tokens: beside transformers, and what must hold for any logits."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from transformers.generation.logits_process import (
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from llmguide.decoding.sampling import (
    GREEDY,
    Sampling,
    choose,
    greedy,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    restrict,
    with_temperature,
)

Rule = Callable[[Tensor, float], Tensor]
IDS = torch.zeros(64, 1, dtype=torch.long)  # the library asks for the text so far and does not look at it
SHARES = (0.01, 0.1, 0.5, 0.9, 0.99, 1.0)
ROWS = st.lists(st.sampled_from([-9.0, -1.0, 0.0, 0.5, 1.0, 1.5, 3.0]), min_size=1, max_size=12)


def random_logits(seed: int, *, ties: bool = False) -> Tensor:
    logits = 3 * torch.randn(64, 50, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return logits.round() if ties else logits


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("temperature", [0.1, 0.7, 1.0, 2.5])
def test_temperature_is_the_librarys(seed: int, temperature: float) -> None:
    logits = random_logits(seed)
    assert torch.equal(with_temperature(logits, temperature), TemperatureLogitsWarper(temperature)(IDS, logits))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("k", [1, 2, 7, 49, 50, 51])
def test_top_k_is_the_librarys(k: int, ties: bool) -> None:
    logits = random_logits(k, ties=ties)
    assert torch.equal(keep_top_k(logits, k), TopKLogitsWarper(k)(IDS, logits))


@pytest.mark.parametrize("p", SHARES)
def test_top_p_is_the_librarys_without_ties(p: float) -> None:
    logits = random_logits(1)
    assert torch.equal(keep_top_p(logits, p), TopPLogitsWarper(p)(IDS, logits))


@pytest.mark.parametrize("p", SHARES)
def test_top_p_is_the_librarys_and_what_ties_with_it(p: float) -> None:
    logits = random_logits(2, ties=True)
    theirs = TopPLogitsWarper(p)(IDS, logits)
    least = theirs.masked_fill(theirs.isinf(), math.inf).amin(dim=-1, keepdim=True)
    assert torch.equal(keep_top_p(logits, p), logits.masked_fill(logits < least, -math.inf))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("p", SHARES)
def test_min_p_is_the_librarys(p: float, ties: bool) -> None:
    logits = random_logits(3, ties=ties)
    assert torch.equal(keep_min_p(logits, p), MinPLogitsWarper(p)(IDS, logits))


def test_all_together_are_the_librarys_in_its_order() -> None:
    logits = random_logits(4)
    theirs = TemperatureLogitsWarper(1.7)(IDS, logits)
    for warper in (TopKLogitsWarper(30), TopPLogitsWarper(0.9), MinPLogitsWarper(0.05)):
        theirs = warper(IDS, theirs)
    assert torch.equal(restrict(logits, Sampling(temperature=1.7, top_k=30, top_p=0.9, min_p=0.05)), theirs)


@pytest.mark.parametrize("rule", [keep_top_p, keep_min_p, lambda logits, p: keep_top_k(logits, math.ceil(12 * p))])
@given(row=ROWS, p=st.floats(0.001, 1), seed=st.integers(0, 99))
def test_what_is_kept_is_likely_and_does_not_depend_on_the_order(
    rule: Rule, row: list[float], p: float, seed: int
) -> None:
    logits = torch.tensor([row])
    kept = rule(logits, p)
    assert bool(((kept == logits) | (kept == -math.inf)).all())
    left = kept > -math.inf
    assert bool(left[logits == logits.max()].all())
    assert not left.all() or logits[left].min() == logits.min()
    assert left.all() or logits[left].min() > logits[~left].max()
    order = torch.randperm(len(row), generator=torch.Generator().manual_seed(seed))
    assert torch.equal(rule(logits[:, order], p), kept[:, order])


@given(row=ROWS, p=st.floats(0.001, 1))
def test_a_nucleus_is_likely_enough_and_no_larger_than_it_must(row: list[float], p: float) -> None:
    logits = torch.tensor([row], dtype=torch.float64)
    probabilities = logits.softmax(dim=-1)
    left = keep_top_p(logits, p) > -math.inf
    assert probabilities[left].sum() >= p - 1e-9
    likelier = probabilities[left & (logits > logits[left].min())].sum()
    assert likelier < p + 1e-9


def test_draws_have_the_probabilities_of_the_model() -> None:
    logits = torch.tensor([0.1, 0.2, 0.3, 0.4]).log()
    drawn = choose(logits.expand(40_000, 4), Sampling(), torch.Generator().manual_seed(0))
    shares = drawn.bincount(minlength=4) / len(drawn)
    assert torch.allclose(shares, logits.exp(), atol=4 * math.sqrt(0.25 / len(drawn)))


def test_draws_are_never_of_what_was_removed() -> None:
    logits = random_logits(5)
    sampling = Sampling(temperature=3.0, top_k=5, top_p=0.9, min_p=0.01)
    generator = torch.Generator().manual_seed(0)
    kept = restrict(logits, sampling)
    for _ in range(20):
        drawn = choose(logits, sampling, generator)
        assert not kept.gather(1, drawn[:, None]).isinf().any()


def test_a_seed_gives_the_same_draws_again() -> None:
    logits = random_logits(6)
    first, second = (choose(logits, Sampling(), torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, choose(logits, Sampling(), torch.Generator().manual_seed(8)))


def test_greedy_is_the_most_likely_and_needs_no_chance() -> None:
    logits = random_logits(7)
    assert torch.equal(greedy(logits), logits.argmax(dim=-1))
    assert torch.equal(choose(logits, GREEDY), greedy(logits))
    assert torch.equal(choose(logits, Sampling(top_k=1), torch.Generator()), greedy(logits))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": -0.1}, "temperature is -0.1; expected 0"),
        ({"temperature": math.inf}, "temperature is inf"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"top_k": 0}, "top_k is 0; expected at least 1"),
        ({"top_p": 0.0}, "top_p is 0.0; expected a number above 0"),
        ({"top_p": 1.5}, "top_p is 1.5"),
        ({"min_p": -1.0}, "min_p is -1.0"),
        ({"min_p": math.nan}, "min_p is nan"),
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sampling(**arguments)  # type: ignore[arg-type]


def test_arguments_out_of_range_are_refused() -> None:
    logits = random_logits(8)
    with pytest.raises(ValueError, match=r"temperature is 0\.0; expected a positive number"):
        with_temperature(logits, 0.0)
    with pytest.raises(ValueError, match="k is 0"):
        keep_top_k(logits, 0)
    with pytest.raises(ValueError, match=r"p is 1\.1"):
        keep_top_p(logits, 1.1)
    with pytest.raises(ValueError, match=r"p is 0\.0"):
        keep_min_p(logits, 0.0)
    with pytest.raises(ValueError, match=r"temperature of 1.0 leaves tokens to chance; give a generator"):
        choose(logits, Sampling())
