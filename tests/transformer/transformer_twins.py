"""Small random models of `transformers`, the same in ours, and how far apart the two are.

Run as a program, this prints the largest difference of each kind for each architecture.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor
from torch.nn import functional as F
from transformers.integrations.moe import ExpertsInterface
from transformers.models.deepseek_v3 import modeling_deepseek_v3
from transformers.models.granitemoehybrid import modeling_granitemoehybrid as modeling_granite
from transformers.models.llama import modeling_llama
from transformers.models.mamba2 import modeling_mamba2
from transformers.models.mistral import modeling_mistral
from transformers.models.mixtral import modeling_mixtral
from transformers.models.qwen2 import modeling_qwen2
from transformers.models.qwen3 import modeling_qwen3

from llmguide.transformer.checkpoints import Loaded, load_folder, save_folder
from llmguide.transformer.hf_config import ARCHITECTURES, NAMINGS, architecture_of
from llmguide.transformer.hf_names import to_tensors
from llmguide.transformer.model import Transformer

SHAPES = [(1, 1), (1, 13), (3, 8), (2, 48)]
"""Batches and lengths that are tried."""

_WIDE: dict[str, Any] = {
    "vocab_size": 61, "hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 80,
    "max_position_embeddings": 64,
}  # fmt: skip
_GROUPED = _WIDE | {"num_key_value_heads": 2, "bos_token_id": None, "eos_token_id": None}
_LATENT = _GROUPED | {
    "num_key_value_heads": 4, "qk_nope_head_dim": 8, "qk_rope_head_dim": 6, "v_head_dim": 10, "kv_lora_rank": 12,
    "q_lora_rank": 14, "first_k_dense_replace": 1, "moe_intermediate_size": 20, "n_routed_experts": 8,
    "num_experts_per_tok": 3, "n_group": 4, "topk_group": 2,
}  # fmt: skip
_GPT2: dict[str, Any] = {
    "vocab_size": 61, "n_embd": 48, "n_layer": 3, "n_head": 4, "n_positions": 64,
    "bos_token_id": None, "eos_token_id": None,
}  # fmt: skip

_YARN_OF_DEEPSEEK = {
    "rope_type": "yarn", "rope_theta": 100.0, "factor": 8.0, "mscale": 0.7, "mscale_all_dim": 1.0,
    "original_max_position_embeddings": 16,
}  # fmt: skip
_LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 500.0, "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}  # fmt: skip

_GRANITE = _GROUPED | {
    "layer_types": ["linear_attention", "full_attention", "linear_attention"], "num_local_experts": 0,
    "shared_intermediate_size": 80, "mamba_n_heads": 6, "mamba_d_state": 10, "mamba_n_groups": 2, "mamba_chunk_size": 8,
    "embedding_multiplier": 12.0, "attention_multiplier": 0.2, "residual_multiplier": 0.4, "logits_scaling": 6.0,
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A configuration of the library."""

    kind: str
    options: dict[str, Any]


MAIN = {
    "gpt2": Case("gpt2", _GPT2),
    "bert": Case("bert", _WIDE),
    "llama": Case("llama", _GROUPED),
    "mistral": Case("mistral", _GROUPED | {"sliding_window": 5}),
    "qwen2": Case("qwen2", _GROUPED),
    "qwen3": Case("qwen3", _GROUPED | {"head_dim": 16}),
    "granite": Case("granitemoehybrid", _GRANITE),
    "granite-experts": Case(
        "granitemoehybrid", _GRANITE | {"num_local_experts": 5, "num_experts_per_tok": 2, "intermediate_size": 24}
    ),
    "mixtral": Case("mixtral", _GROUPED | {"num_local_experts": 4}),
    "deepseek_v3": Case("deepseek_v3", _LATENT),
}
"""One of each architecture."""

VARIANTS = {
    "gpt2-wide": Case("gpt2", _GPT2 | {"n_inner": 50, "activation_function": "gelu", "layer_norm_epsilon": 1e-3}),
    "gpt2-untied": Case("gpt2", _GPT2 | {"tie_word_embeddings": False, "activation_function": "relu"}),
    "bert-kinds": Case("bert", _WIDE | {"type_vocab_size": 3, "layer_norm_eps": 1e-5}),
    "llama-tied": Case("llama", _GROUPED | {"tie_word_embeddings": True, "num_key_value_heads": 4}),
    "llama-biased": Case("llama", _GROUPED | {"attention_bias": True, "mlp_bias": True, "hidden_act": "gelu"}),
    "llama-one": Case("llama", _GROUPED | {"num_key_value_heads": 1, "head_dim": 8}),
    "llama-base": Case("llama", _GROUPED | {"rope_parameters": {"rope_type": "default", "rope_theta": 5e5}}),
    "llama-linear": Case("llama", _GROUPED | {"rope_parameters": {"rope_type": "linear", "factor": 4.0}}),
    "llama-3.1": Case("llama", _GROUPED | {"rope_parameters": _LLAMA3}),
    "llama-yarn": Case(
        "llama",
        _GROUPED | {"rope_parameters": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}},
    ),
    "mistral-far": Case("mistral", _GROUPED | {"sliding_window": None, "head_dim": 20}),
    "qwen2-window": Case("qwen2", _GROUPED | {"use_sliding_window": True, "sliding_window": 6, "max_window_layers": 0}),
    "granite-rotary": Case(
        "granitemoehybrid",
        _GRANITE | {"position_embedding_type": "rope", "tie_word_embeddings": True, "attention_bias": True},
    ),
    "granite-attention": Case("granitemoehybrid", _GRANITE | {"layer_types": ["full_attention"] * 3}),
    "granite-plain": Case(
        "granitemoehybrid",
        _GRANITE
        | {
            "layer_types": ["mamba", "mamba", "attention"],
            "mamba_conv_bias": False,
            "mamba_d_conv": 1,
            "mamba_expand": 3,
            "mamba_n_groups": 1,
        },
    ),
    "mixtral-one": Case("mixtral", _GROUPED | {"num_local_experts": 3, "num_experts_per_tok": 1, "sliding_window": 5}),
    "mixtral-all": Case(
        "mixtral",
        _GROUPED | {"num_local_experts": 2, "hidden_act": "gelu", "head_dim": 20, "tie_word_embeddings": True},
    ),
    "deepseek-yarn": Case("deepseek_v3", _LATENT | {"n_shared_experts": 2, "rope_parameters": _YARN_OF_DEEPSEEK}),
    "deepseek-halves": Case(
        "deepseek_v3",
        _LATENT
        | {
            "q_lora_rank": None,
            "rope_interleave": False,
            "first_k_dense_replace": 0,
            "n_group": 1,
            "topk_group": 1,
            "norm_topk_prob": False,
            "routed_scaling_factor": 0.5,
            "hidden_act": "gelu",
            "tie_word_embeddings": True,
        },
    ),
    "deepseek-dense": Case("deepseek_v3", _LATENT | {"first_k_dense_replace": 5, "rms_norm_eps": 1e-4}),
    "qwen3-biased": Case("qwen3", _GROUPED | {"attention_bias": True, "tie_word_embeddings": True, "head_dim": 12}),
}
"""Choices that files may make."""


def build(case: Case, seed: int = 0, scale: float = 1.0) -> Any:
    """Draw a model of the library; norms and biases are drawn, too, because 1 and 0 would hide mistakes."""
    torch.manual_seed(seed)
    config = getattr(transformers, ARCHITECTURES[case.kind]).config_class(**case.options)
    model = getattr(transformers, ARCHITECTURES[case.kind])(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 1:
                weight.add_(0.02 * torch.randn_like(weight))
            weight.mul_(scale)
        for name, buffer in model.named_buffers():
            if name.endswith("e_score_correction_bias"):
                buffer.add_(0.02 * torch.randn_like(buffer))
    return model


def ours(model: Any, folder: Path, shard: str = "1GB", dtype: torch.dtype = torch.float32) -> Transformer:
    """Save a model of the library and load it with this package."""
    model.save_pretrained(folder, max_shard_size=shard)
    return load_folder(folder, dtype).model


class _Wide:
    """torch, whose float32 is float64."""

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, "float64" if name == "float32" else name)


@contextmanager
def true_float64() -> Iterator[None]:
    """Let the library compute norms, states and routers in the precision of the input, and not in float32."""

    def norm(self: Any, x: Tensor) -> Tensor:
        return self.weight * (x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.variance_epsilon))

    def gated_norm(self: Any, x: Tensor, gate: Tensor) -> Tensor:
        groups = (x * F.silu(gate)).unflatten(-1, (-1, self.group_size))
        scaled = groups * torch.rsqrt(groups.square().mean(-1, keepdim=True) + self.variance_epsilon)
        return self.weight * scaled.flatten(-2)

    def choose(self: Any, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits = F.linear(x, self.weight)
        weights, experts = logits.softmax(-1).topk(self.top_k)
        return logits, weights / weights.sum(-1, keepdim=True), experts

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modeling_deepseek_v3, "torch", _Wide())
        patch.setattr(Tensor, "float", lambda x: x if x.dtype == torch.float64 else x.to(torch.float32))
        patch.setattr(modeling_granite.GraniteMoeHybridRMSNorm, "forward", norm)
        patch.setattr(modeling_granite.GraniteMoeHybridRMSNormGated, "forward", gated_norm)
        patch.setattr(modeling_mamba2.MambaRMSNormGated, "forward", gated_norm)
        patch.setattr(modeling_mixtral.MixtralTopKRouter, "forward", choose)
        # The library multiplies all experts by one kernel, which has no float64; its readable loop has.
        patch.setattr(ExpertsInterface, "get_interface", lambda self, name, default: default)
        for module in (modeling_llama, modeling_mistral, modeling_mixtral, modeling_qwen2, modeling_qwen3):
            name = next(name for name in vars(module) if name.endswith("RMSNorm"))
            patch.setattr(getattr(module, name), "forward", norm)
        yield


def draw(batch: int, positions: int, seed: int = 0) -> Tensor:
    """Draw ids."""
    return torch.randint(0, 61, (batch, positions), generator=torch.Generator().manual_seed(seed))


def greatest(first: Tensor, second: Tensor) -> float:
    """Give the largest difference."""
    return float((first.double() - second.double()).abs().max())


@torch.no_grad()
def logits_apart(theirs: Any, model: Transformer) -> float:
    """Compare logits at several shapes."""
    return max(greatest(model(ids), theirs(ids).logits) for ids in (draw(*shape) for shape in SHAPES))


@torch.no_grad()
def padded_apart(theirs: Any, model: Transformer) -> float:
    """Compare logits of rows of several lengths, padded on the left, where the tokens are real."""
    ids = draw(4, 12)
    real = torch.arange(12) >= torch.tensor([[0], [3], [7], [11]])
    places = (real.long().cumsum(-1) - 1).clamp(min=0)
    expected = theirs(ids, attention_mask=real.long(), position_ids=places).logits
    return greatest(model(ids, real=real)[real], expected[real])


@torch.no_grad()
def cached_apart(theirs: Any, model: Transformer) -> float:
    """Compare logits of a text that is read in pieces, with a cache on both sides, and padded on the left."""
    ids = draw(2, 24)
    real = torch.ones(2, 24, dtype=torch.bool)
    real[1, :4] = False
    places = (real.long().cumsum(-1) - 1).clamp(min=0)
    cache, past, worst, start = model.new_cache(2), transformers.DynamicCache(config=theirs.config), 0.0, 0
    for end in (9, 10, 11, 15, *range(16, 25)):
        found = model(ids[:, start:end], real=real[:, :end], cache=cache)
        expected = theirs(
            ids[:, start:end],
            attention_mask=real[:, :end].long(),
            position_ids=places[:, start:end],
            cache=past,
        )
        seen = real[:, start:end]
        worst = max(worst, greatest(found[seen], expected.logits[seen]))
        start = end
    return worst


@torch.no_grad()
def write(model: Transformer, prompt: Tensor, count: int) -> Tensor:
    """Write greedily, with the cache."""
    cache = model.new_cache(len(prompt), prompt.shape[1] + count)
    ids, fresh = prompt, prompt
    for _ in range(count):
        fresh = model(fresh, cache=cache)[:, -1:].argmax(-1)
        ids = torch.cat([ids, fresh], 1)
    return ids


def gradients_apart(theirs: Any, model: Transformer) -> float:
    """Compare the gradients of a loss, tensor by tensor, relative to the norm of each."""
    ids, answers = draw(3, 17), draw(3, 17, seed=1).flatten()
    ids[ids == 0] = 1  # the library gives the padding token of BERT no gradient where it is looked up
    theirs.zero_grad()
    model.zero_grad()
    F.cross_entropy(theirs(ids).logits.flatten(0, 1), answers).backward()
    F.cross_entropy(model(ids).flatten(0, 1), answers).backward()
    with torch.no_grad():
        ours_renamed = Transformer(model.config)
        # An expert that no token chose has none.
        gradients = {
            name: torch.zeros_like(weight) if weight.grad is None else weight.grad
            for name, weight in model.named_parameters()
        }
        ours_renamed.load_state_dict(gradients | dict(model.named_buffers()))
        naming = NAMINGS[architecture_of(model.config)]
        found = to_tensors(ours_renamed, naming.other or naming)  # in the library, all experts are one tensor
    for name, _ in theirs.named_buffers():
        found.pop(name, None)
    expected = {name: weight.grad for name, weight in theirs.named_parameters() if weight.grad is not None}
    assert found.keys() == expected.keys()
    # Some gradients are 0, and what is left of them is rounding: a shift of all keys changes no attention weight where
    # nothing turns them, and the weight of the only expert chosen is 1. They are measured against the whole model's.
    whole = torch.cat([gradient.flatten() for gradient in expected.values()]).norm()
    return max(
        float((found[name] - gradient).norm() / (norm if (norm := gradient.norm()) > 1e-6 * whole else whole))
        for name, gradient in expected.items()
    )


def float64_apart(case: Case, folder: Path) -> float:
    """Compare logits in float64."""
    theirs = build(case)
    model = ours(theirs, folder, dtype=torch.float64)
    with true_float64():
        return logits_apart(theirs.double(), model)


def scaled_apart(case: Case, folder: Path) -> tuple[float, float]:
    """Compare logits of a model with weights five times as large with float64: ours, and the library's own."""
    theirs = build(case, scale=5.0)
    model = ours(theirs, folder)
    ids = [draw(*shape) for shape in SHAPES]
    with torch.no_grad():
        found, single = [model(row) for row in ids], [theirs(row).logits for row in ids]
        theirs.double()
        with true_float64():
            exact = [theirs(row).logits for row in ids]
    return (
        max(map(greatest, found, exact)),
        max(map(greatest, single, exact)),
    )


def saved_apart(case: Case, folder: Path, largest: int | None = None) -> float:
    """Compare logits of a model of ours with those of the library that loads what ours saved."""
    model = ours(build(case, scale=2.0), folder / "theirs")
    save_folder(Loaded(model), folder / "ours", largest)
    auto = transformers.AutoModelForMaskedLM if case.kind == "bert" else transformers.AutoModelForCausalLM
    theirs, report = auto.from_pretrained(folder / "ours", output_loading_info=True)
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), report
    return logits_apart(theirs.eval(), model)


def main() -> None:
    """Print what is measured."""
    measures: dict[str, Callable[[str, Case, Path], str]] = {
        "logits": lambda name, case, folder: f"{logits_apart(t := build(case), ours(t, folder)):.1e}",
        "padded": lambda name, case, folder: f"{padded_apart(t := build(case), ours(t, folder)):.1e}",
        "cache": lambda name, case, folder: (
            "" if case.kind == "bert" else f"{cached_apart(t := build(case), ours(t, folder)):.1e}"
        ),
        "gradients": lambda name, case, folder: f"{gradients_apart(t := build(case), ours(t, folder)):.1e}",
        "float64": lambda name, case, folder: f"{float64_apart(case, folder):.1e}",
        "x5 ours/theirs": lambda name, case, folder: "/".join(f"{x:.1e}" for x in scaled_apart(case, folder)),
        "saved": lambda name, case, folder: f"{saved_apart(case, folder):.1e}",
    }
    lines = ["| architecture | " + " | ".join(measures) + " |"]
    for name, case in (MAIN | VARIANTS).items():
        cells = []
        for measure in measures.values():
            with tempfile.TemporaryDirectory() as folder:
                cells.append(measure(name, case, Path(folder)))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
