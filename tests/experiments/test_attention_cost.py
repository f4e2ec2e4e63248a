"""The measures of the experiment on attention's cost, against allocations counted by hand."""

from itertools import pairwise

import pytest
import torch
from torch.nn import functional as F

from llmguide.experiments.attention_cost import EXPERIMENT, LABELS, Config, forms, peak_bytes, run
from llmguide.transformer.tiled_attention import largest_intermediate

SMALL = Config(lengths=(32, 64), heads=2, d_head=4, tile=8, chunk=8, repeats=2)


def draw(length):
    return tuple(torch.randn(1, 2, length, 4, generator=torch.Generator().manual_seed(seed)) for seed in range(3))


def test_peak_by_hand():
    def function(q, k, v):
        first = torch.empty(1000)  # 4,000 bytes
        second = torch.empty(500)  # and 2,000
        del first
        third = torch.empty(250)  # 2,000 and 1,000
        return second, third

    assert peak_bytes(function, draw(4)) == 6000


def test_peak_of_a_product_and_its_softmax():
    # The scores, the weights, and then the result beside the weights alone.
    def function(q, k, v):
        scores = q @ k.mT
        weights = scores.softmax(-1)
        del scores
        return weights @ v

    assert peak_bytes(function, draw(64)) == 2 * (2 * 64 * 64 * 4)


def test_the_three_forms_with_softmax_give_torchs_attention():
    q, k, v = draw(20)
    expected = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    functions = forms(SMALL)
    assert functions.keys() == LABELS.keys()
    for form in ("readable", "fused", "tiled"):
        torch.testing.assert_close(functions[form](q, k, v), expected)
    assert functions["linear"](q, k, v).shape == expected.shape


def test_a_run_measures_every_form_at_every_length():
    threads = torch.get_num_threads()
    metrics = run(SMALL, 0)
    assert torch.get_num_threads() == threads
    for measure in ("seconds", "mebibytes"):
        assert metrics[measure].keys() == LABELS.keys()
        assert all(list(values) == ["32", "64"] and min(values.values()) > 0 for values in metrics[measure].values())
    assert 0 < max(metrics["difference"].values()) < 1e-5
    readable, tiled = (metrics["mebibytes"][form] for form in ("readable", "tiled"))
    assert readable["64"] * 2**20 > 2 * 64 * 64 * 4  # all scores
    # The result, and a handful of tensors of a tile.
    assert tiled["64"] * 2**20 <= 2 * 64 * 4 * 4 + 8 * 4 * largest_intermediate(1, 2, d_value=4, tile=8)


def test_each_length_is_twice_the_one_before():
    for config in (EXPERIMENT.config, EXPERIMENT.reduced):
        assert all(after == 2 * before for before, after in pairwise(config.lengths))


@pytest.mark.parametrize("claim", EXPERIMENT.claims, ids=lambda claim: claim.name)
def test_claims_can_fail(claim):
    """Were every form as the readable one, or as the linear one, at every length, each claim would fail for one."""
    lengths = EXPERIMENT.config.lengths
    square, straight = ({str(n): (n / 256) ** power for n in lengths} for power in (2, 1))

    def metrics(values, apart):
        return {m: dict.fromkeys(LABELS, values) for m in ("seconds", "mebibytes")} | {
            "difference": {"fused": apart, "tiled": apart}
        }

    effects = [claim.effect(metrics(square, 1.0)), claim.effect(metrics(straight, 1e-7))]
    assert any(effect < claim.smallest_effect for effect in effects)
