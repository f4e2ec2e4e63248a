"""Mixtral as a whole: both ways in which its files keep experts, its balance loss, and what is refused.

Logits, cache, text and gradients are compared with those of `transformers` in test_parity.py.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformer_twins import MAIN, build, draw, logits_apart, ours

from llmguide.transformer.architectures_experts import mixtral
from llmguide.transformer.checkpoints import load_folder
from llmguide.transformer.config import ModelConfig
from llmguide.transformer.hf_config import read_config, write_config
from llmguide.transformer.hf_mixtral import NAMING
from llmguide.transformer.hf_names import load_weights, to_tensors
from llmguide.transformer.initialization import initialize
from llmguide.transformer.json_files import JsonObject
from llmguide.transformer.model import Transformer
from llmguide.transformer.moe import Experts, ExpertsConfig, RouterConfig, balance_loss
from llmguide.transformer.positions import AlibiPositions
from llmguide.transformer.trace import Tap

SIZES: dict[str, Any] = {
    "vocab_size": 20, "context_length": 32, "d_model": 16, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "d_hidden": 24,
    "n_experts": 4,
}  # fmt: skip
FILE = "model.safetensors"


def described(values: dict[str, Any]) -> JsonObject:
    """Make the content of a file."""
    return JsonObject(values, "config.json")


# Files


@pytest.mark.parametrize("shard", ["1GB", "40KB"])
def test_experts_in_one_tensor_are_read(tmp_path: Path, shard: str) -> None:
    theirs = build(MAIN["mixtral"])
    theirs.save_pretrained(tmp_path / "stacked", save_original_format=False, max_shard_size=shard)
    model = load_folder(tmp_path / "stacked").model
    assert logits_apart(theirs, model) <= 1e-5
    each = ours(theirs, tmp_path / "each").state_dict()
    assert all(torch.equal(weight, each[name]) for name, weight in model.state_dict().items())


def test_what_is_written_has_the_published_names(tmp_path: Path) -> None:
    theirs = build(MAIN["mixtral"])
    theirs.save_pretrained(tmp_path / "theirs")
    model = ours(theirs, tmp_path / "again")
    written, expected = to_tensors(model, NAMING), load_file(tmp_path / "theirs" / FILE)
    assert written.keys() == expected.keys()
    assert all(torch.equal(written[name], tensor) for name, tensor in expected.items())


def test_a_stack_is_read_once_and_comes_back() -> None:
    torch.manual_seed(0)
    model = Transformer(mixtral(**SIZES))
    assert NAMING.other is not None
    tensors = to_tensors(model, NAMING.other)
    assert tensors["model.layers.1.mlp.experts.gate_up_proj"].shape == (4, 48, 16)
    asked: list[str] = []

    class Watched:
        shapes: ClassVar = {name: tuple(tensor.shape) for name, tensor in tensors.items()}

        def load(self, name: str) -> torch.Tensor:
            asked.append(name)
            return tensors[name]

    again = load_weights(model.config, Watched(), NAMING, "a test")
    assert sorted(asked) == sorted(tensors)
    assert all(torch.equal(weight, again.state_dict()[name]) for name, weight in model.state_dict().items())


def edit(folder: Path, **changes: Any) -> None:
    """Change tensors of a saved model; None takes one away."""
    tensors = load_file(folder / FILE)
    for name, tensor in changes.items():
        del tensors[name]
        if tensor is not None:
            tensors[name] = tensor
    save_file(tensors, folder / FILE, {"format": "pt"})


@pytest.mark.parametrize(
    ("original", "name", "tensor", "message"),
    [
        (
            True,
            "block_sparse_moe.experts.3.w2.weight",
            None,
            r"not there: layers.1.block_sparse_moe.experts.3.w2.weight",
        ),
        (True, "block_sparse_moe.gate.weight", torch.zeros(5, 48), r"gate.weight' has the shape \(5, 48\); the config"),
        (False, "mlp.experts.down_proj", None, r"that are not there: layers.1.mlp.experts.down_proj$"),
        (False, "mlp.experts.down_proj", torch.zeros(3, 48, 80), r"has the shape \(3, 48, 80\); .* says \(4, 48, 80\)"),
    ],
)
def test_files_that_do_not_fit_are_refused(
    tmp_path: Path, original: bool, name: str, tensor: torch.Tensor | None, message: str
) -> None:
    build(MAIN["mixtral"]).save_pretrained(tmp_path, save_original_format=original)
    edit(tmp_path, **{f"model.layers.1.{name}": tensor})
    with pytest.raises(ValueError, match=message):
        load_folder(tmp_path)


def test_more_experts_than_the_configuration_says_are_refused(tmp_path: Path) -> None:
    build(MAIN["mixtral"]).save_pretrained(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace('"num_local_experts": 4', '"num_local_experts": 3'))
    with pytest.raises(ValueError, match=r"no place in the model: layers.0.block_sparse_moe.experts.3.w1.weight"):
        load_folder(tmp_path)


# Configurations


WRITTEN = write_config(mixtral(**SIZES))


def test_missing_keys_mean_what_they_mean_to_the_library() -> None:
    required = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    values = {key: WRITTEN[key] for key in (*required, "model_type")} | {
        "max_position_embeddings": 32,
        "num_attention_heads": 16,
        "hidden_size": 64,
    }
    library = transformers.MixtralConfig(**{key: value for key, value in values.items() if key != "model_type"})
    assert read_config(described(values)) == read_config(described(library.to_dict()))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"num_local_experts": 0}, "'num_local_experts' is 0; expected 1 to"),
        ({"num_experts_per_tok": 5}, "'num_experts_per_tok' is 5; expected 1 to 4"),
        ({"num_experts_per_tok": "2"}, "'num_experts_per_tok' is '2'; expected a whole number"),
        ({"hidden_act": "mish"}, "'hidden_act' is 'mish'"),
        ({"intermediate_size": 0}, "'intermediate_size' is 0; expected 1 to"),
    ],
)
def test_wrong_values_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_config(described(WRITTEN | values))


CONFIG = mixtral(**SIZES)
EXPERTS = CONFIG.feedforward
assert isinstance(EXPERTS, ExpertsConfig)


@pytest.mark.parametrize(
    "config",
    [
        replace(CONFIG, feedforward=replace(EXPERTS, shared=EXPERTS.expert)),
        replace(CONFIG, feedforward=replace(EXPERTS, router=RouterConfig("sigmoid", correction=True))),
        replace(CONFIG, feedforward=replace(EXPERTS, expert=replace(EXPERTS.expert, bias=True))),
        replace(CONFIG, blocks=(CONFIG.layers[0], replace(CONFIG.layers[1], feedforward=EXPERTS.expert))),
        replace(CONFIG, positions=AlibiPositions()),
        replace(CONFIG, positions=AlibiPositions(), norm_placement="post"),
    ],
)
def test_experts_of_our_own_cannot_be_written(config: ModelConfig) -> None:
    with pytest.raises(ValueError, match="no architecture of transformers makes these choices"):
        write_config(config)


# Training


def test_balance_loss_of_the_whole_model_is_the_librarys(tmp_path: Path) -> None:
    theirs = build(MAIN["mixtral"], scale=3.0)
    model = ours(theirs, tmp_path)
    ids, real = draw(4, 12), torch.arange(12) >= torch.tensor([[0], [3], [7], [11]])
    places = (real.long().cumsum(-1) - 1).clamp(min=0)
    tap = Tap(["*.router"])
    model(ids, real=real, tap=tap)
    logits = torch.stack([tap.tensors[f"blocks.{index}.feedforward.router"] for index in range(3)])
    loss = balance_loss(logits, 2, real)
    expected = theirs(ids, attention_mask=real.long(), position_ids=places, output_router_logits=True).aux_loss
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=0)
    loss.backward()
    expected.backward()
    first = model.blocks[0].feedforward
    assert isinstance(first, Experts)
    gate = theirs.model.layers[0].mlp.gate.weight.grad
    torch.testing.assert_close(first.router.weight.grad, gate, rtol=1e-5, atol=1e-5 * float(gate.abs().max()))


def test_initialization_reaches_routers_and_experts() -> None:
    model = Transformer(mixtral(**SIZES | {"d_model": 128, "n_layers": 8, "d_hidden": 96}))
    initialize(model, torch.Generator().manual_seed(0))
    for block in model.blocks:
        experts = block.feedforward
        assert isinstance(experts, Experts)
        assert experts.router.weight.std().item() == pytest.approx(0.02, rel=0.15)
        for expert in experts.experts:
            assert expert.gate_up.weight.std().item() == pytest.approx(0.02, rel=0.05)
            assert expert.down.weight.std().item() == pytest.approx(0.02 / 4, rel=0.05)


def test_the_published_sizes() -> None:
    """The paper says 47 B parameters, of which 13 B work for a token."""
    config = mixtral(
        vocab_size=32000, context_length=32768, d_model=4096, n_layers=32, n_heads=32, n_kv_heads=8, d_hidden=14336,
    )  # fmt: skip
    with torch.device("meta"):
        model = Transformer(config)
    whole = sum(weight.numel() for weight in model.parameters())
    feedforward = config.feedforward
    assert isinstance(feedforward, ExpertsConfig)
    idle = config.n_layers * (feedforward.n_experts - feedforward.n_active) * 3 * config.d_model * 14336
    assert (round(whole / 1e9), round((whole - idle) / 1e9)) == (47, 13)
