"""``llmguide inspect``."""

import json
from pathlib import Path

import pytest
from calling import Run

from llmguide.cli.inspect import choices_of, report_on
from llmguide.transformer import bert, mistral, qwen3
from llmguide.transformer.architectures_hybrid import granite_hybrid
from llmguide.transformer.architectures_latent import deepseek_v3
from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.checkpoints import Loaded
from llmguide.transformer.state_space import StateSpaceConfig


def test_a_folder(run: Run, folder: Path, loaded: Loaded) -> None:
    report = json.loads(run("inspect", folder, "--json").out)
    whole = sum(weight.numel() for weight in loaded.model.parameters())
    assert sum(report["parameters"].values()) == whole
    assert (report["architecture"], report["float32_bytes"], report["stored_bytes"]) == ("llama", 4 * whole, 4 * whole)
    assert report["cache_bytes"] == loaded.model.new_cache(1).n_bytes
    text = run("inspect", folder).out
    assert f"together      {whole:>15,}  100.0%\n" in text
    assert "attention     causal; 2 heads of 8, 1 of keys and values\n" in text


@pytest.mark.no_cover
def test_a_published_model(run: Run) -> None:
    report = json.loads(run("inspect", "smollm2", "--json").out)
    assert sum(report["parameters"].values()) == 134_515_008
    assert report["choices"]["layers"] == "30, 576 wide"
    assert 90e6 < report["stored_bytes"] < 97e6


@pytest.mark.no_cover
def test_weights_are_not_read(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmguide.transformer.safetensors_files.SafetensorsWeights.load", None)
    monkeypatch.setattr("llmguide.transformer.gguf_weights.GgufWeights.load", None)
    assert run("inspect", folder).code == run("inspect", "smollm2").code == 0


def test_latent_attention_and_experts_in_words() -> None:
    shape = {"vocab_size": 5000, "context_length": 2048, "d_model": 16, "n_layers": 3, "n_heads": 4}
    heads = {"d_nope": 8, "d_rope": 4, "d_value": 6, "kv_rank": 10, "query_rank": None}
    experts = {"d_hidden": 64, "n_dense": 1, "n_experts": 8, "n_active": 2, "d_expert": 12}
    report = report_on("deepseek_v3", deepseek_v3(**shape, **heads, **experts), 1)
    words = report.choices
    assert words["attention"] == "causal; 4 heads of 8 and 4 rotated, values of 6, from latent vectors of 10"
    mixed = "2 of 8 experts: silu, gated, 12 wide, and one for all, 12 wide"
    assert words["feedforward"] == f"1 times: silu, gated, 64 wide; 2 times: {mixed}"
    assert report.cache_bytes == 3 * 2048 * (10 + 4) * 4


def test_blocks_that_differ_in_words() -> None:
    words = choices_of(
        granite_hybrid(
            vocab_size=5000,
            context_length=2048,
            d_model=16,
            layers=["state space", "state space", "attention", "state space"],
            attention=AttentionConfig(4, 2, 4),
            state_space=StateSpaceConfig(4, 8, 6),
            d_hidden=24,
        )
    )
    state_space = "3 times: a state space, 4 heads of 8 with states of 6"
    assert words["attention"] == f"causal; {state_space}; 1 times: 4 heads of 4, 2 of keys and values"
    assert words["feedforward"] == "silu, gated, 24 wide"


def test_choices_in_words() -> None:
    shape = {"vocab_size": 5000, "context_length": 2048, "d_model": 16, "n_layers": 1, "n_heads": 4}
    words = choices_of(mistral(**shape, n_kv_heads=2, d_hidden=32, window=1024))
    assert words["attention"] == "causal, the last 1,024 positions; 4 heads of 4, 2 of keys and values"
    assert words["vocabulary"] == "5,000 tokens"
    words = choices_of(qwen3(**shape, n_kv_heads=4, d_head=4, d_hidden=32))
    assert words["attention"].endswith(", queries and keys normed")
    words = choices_of(bert(**shape))
    assert (words["attention"], words["norm"]) == ("bidirectional; 4 heads of 4", "layer, after each part")
    assert (words["feedforward"], words["positions"], words["head"]) == ("gelu, 64 wide", "learned", "masked")
    assert report_on("bert", bert(**shape), 1).cache_bytes == 0


def test_a_model_without_a_cache_has_no_line_for_it(run: Run, tmp_path: Path) -> None:
    from llmguide.transformer import Transformer
    from llmguide.transformer.checkpoints import save_folder

    shape = {"vocab_size": 50, "context_length": 16, "d_model": 16, "n_layers": 1, "n_heads": 4}
    save_folder(Loaded(Transformer(bert(**shape))), tmp_path)
    assert "cache" not in run("inspect", tmp_path).out


def test_what_is_no_model(run: Run, tmp_path: Path) -> None:
    result = run("inspect", tmp_path / "nowhere")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"llmguide: {tmp_path / 'nowhere'} is no model; expected a folder")
