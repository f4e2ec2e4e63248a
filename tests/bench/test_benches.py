"""The benchmarks run: on the smallest models, and once. What they find out is not tested here."""

from itertools import count

import bench_generation
import bench_training_step
import gpt2_twins
import pytest
from comparing import Row, compare, fingerprint, seconds

from llmguide.transformer import gpt2, llama

TINY = gpt2_twins.Size("few parameters", 8, 1, 2)


def test_a_row_has_the_median_and_the_extremes_of_the_ratios() -> None:
    own, peer = iter([1.0, 3.0, 2.0]), iter([1.0, 1.0, 4.0])
    row = compare("work", "peer", "s", lambda: next(own), lambda: next(peer), "≤ 0.9", rounds=3)
    assert row == Row("work", "peer", "s", 2.0, 1.0, 1.0, 0.5, 3.0, "≤ 0.9", met=False)


@pytest.mark.parametrize(("goal", "met"), [("≤ 2", True), ("≤ 1.9", False), ("≥ 2", True), ("≥ 2.1", False)])
def test_a_goal_is_a_bound_of_the_median(goal: str, met: bool) -> None:
    assert compare("work", "peer", "s", lambda: 2.0, lambda: 1.0, goal, rounds=1).met is met


def test_time_is_what_passes_on_the_clock() -> None:
    assert seconds(lambda: None, count(10).__next__) == 1


@pytest.mark.parametrize(
    ("script", "module"),
    [
        ("bench_tokenizers", "llmguide.tokenizers.fast_bpe"),
        ("bench_scaling", "llmguide.tokenizers.fast_bpe"),
        ("bench_training_step", "llmguide.transformer.attention"),
        ("bench_generation", "llmguide.transformer.cache"),
    ],
)
def test_what_is_timed_has_a_fingerprint(script: str, module: str) -> None:
    sources = fingerprint(script, ["shakespeare"])
    assert {module, "dataset:shakespeare"} <= set(sources)
    assert "llmguide" not in sources
    assert "absent" not in sources.values()


def test_a_step_of_training_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(bench_training_step.SIZES, "1m", TINY)
    monkeypatch.setitem(bench_training_step.STEPS, "1m", 1)
    rows = bench_training_step.rows_of("1m", rounds=1)
    assert list(rows) == ["1m-transformers", "1m-fused", "1m-scratch"]
    assert all(row.own > 0 and row.peer > 0 for row in rows.values())


def test_generation_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = bench_generation.SHAPE | {"d_model": 8, "n_layers": 1, "n_heads": 2}
    tiny = {"gpt2": gpt2(**shape), "llama": llama(**shape, n_kv_heads=1, d_hidden=12, head="tied")}
    monkeypatch.setattr(bench_generation, "CONFIGS", {"1 M": tiny})
    rows = bench_generation.rows_of_small_models(rounds=1, count=2)
    assert len(rows) == 6
    assert all(row.own > 0 and row.peer > 0 for row in rows.values())
