"""The benchmarks run: on the smallest models, and once. What they find out is not tested here."""

from dataclasses import asdict, fields, replace
from itertools import count
from typing import Literal

import bench_generation
import bench_training_step
import gpt2_twins
import pytest
import transformers
from comparing import Row, compare, fingerprint, meets, report, seconds
from products import Products
from torch.utils.flop_counter import FlopCounterMode

from llmguide.experiments import load
from llmguide.transformer import Transformer, gpt2, llama
from llmguide.transformer.accounting import matmul_flops

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


@pytest.mark.no_cover
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
    assert list(rows) == [
        f"1m-{peer}" for peer in ("transformers", "fused", "scratch", "transformers-own-updates", "scratch-own-updates")
    ]
    assert all(row.own > 0 and row.peer > 0 for row in rows.values())
    assert all(row.share is not None and row.share > 0 for row in rows.values())


def test_generation_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = bench_generation.SHAPE | {"d_model": 8, "n_layers": 1, "n_heads": 2}
    tiny = {"gpt2": gpt2(**shape), "llama": llama(**shape, n_kv_heads=1, d_hidden=12, head="tied")}
    monkeypatch.setattr(bench_generation, "CONFIGS", {"1 M": tiny})
    rows = bench_generation.rows_of_small_models(rounds=1, count=2)
    assert len(rows) == 6
    assert all(row.own > 0 and row.peer > 0 for row in rows.values())
    assert all(row.share is not None and row.share > 0 for row in rows.values())


def test_the_floor_is_a_part_of_our_time() -> None:
    times = iter([1.0, 3.0])
    row = compare("work", "peer", "s", lambda: 4.0, lambda: 5.0, "≤ 1", rounds=2, floor=lambda: next(times))
    assert row.share == 0.5
    assert report({"key": row})["key"] == asdict(row)
    assert "share" not in report({"key": replace(row, share=None)})["key"]  # type: ignore[operator]


@pytest.mark.parametrize("head", ["tied", "linear"])
def test_the_products_are_those_of_a_pass(head: Literal["tied", "linear"]) -> None:
    config = replace(gpt2(vocab_size=10, context_length=8, d_model=4, n_layers=2, n_heads=2), head=head)
    products = Products(Transformer(config), positions=6)
    with FlopCounterMode(display=False) as counter:
        products.forward()
    parts = matmul_flops(config, 1, 6)
    assert counter.get_total_flops() == sum(parts.values()) - parts["attention"]
    with FlopCounterMode(display=False) as backward:
        products.backward()
    assert backward.get_total_flops() == 2 * counter.get_total_flops()


@pytest.mark.parametrize("name", ["bench-generation", "bench-training-step"])
def test_the_records_have_the_goals_of_today(name: str) -> None:
    for key, row in load(name).metrics.items():
        assert isinstance(row, dict)
        if name == "bench-training-step":
            size, _, peer = key.partition("-")
            goal = bench_training_step.goal_of(size, peer)
        else:
            size = next((size for size in bench_generation.CONFIGS if size.replace(" ", "").lower() in key), "135 M")
            goal = bench_generation.goal_of(size, row["peer_name"])
        assert row["goal"] == goal, key
        assert row["met"] is meets(row["ratio"], goal), key


def test_the_trainer_of_transformers_takes_the_fused_update() -> None:
    defaults = {field.name: field.default for field in fields(transformers.TrainingArguments)}
    assert defaults["optim"] == "adamw_torch_fused"
