"""The accounts against models: their parameters, torch's counter of operations, what autograd keeps, real caches."""

from dataclasses import replace

import pytest
import torch
from saved_tensors import kept
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from llmguide.transformer import Tap, Transformer, bert, gpt2, llama, mistral, qwen2, qwen3
from llmguide.transformer.accounting import (
    activation_bytes,
    cache_bytes,
    matmul_flops,
    parameters,
    training_bytes,
    weight_bytes,
)
from llmguide.transformer.config import ModelConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.norms import NormConfig
from llmguide.transformer.positions import AlibiPositions, NoPositions, SinusoidalPositions

GPT2 = gpt2(vocab_size=101, context_length=64, d_model=32, n_layers=2, n_heads=4)
BERT = bert(vocab_size=101, context_length=64, d_model=32, n_layers=3, n_heads=4, d_hidden=40)
LLAMA = llama(vocab_size=101, context_length=64, d_model=32, n_layers=2, n_heads=4, n_kv_heads=2, d_hidden=56)
MISTRAL = mistral(
    vocab_size=101, context_length=64, d_model=32, n_layers=2, n_heads=4, n_kv_heads=1, d_hidden=56, window=8
)
QWEN2 = qwen2(
    vocab_size=101, context_length=64, d_model=32, n_layers=2, n_heads=4, n_kv_heads=2, d_hidden=56, head="tied"
)
QWEN3 = qwen3(
    vocab_size=101, context_length=64, d_model=32, n_layers=2, n_heads=4, n_kv_heads=2, d_head=12, d_hidden=56
)
CONFIGS = {
    "gpt2": GPT2,
    "bert": BERT,
    "bert without a head": replace(BERT, head="none"),
    "llama": LLAMA,
    "mistral": MISTRAL,
    "qwen2": QWEN2,
    "qwen3": QWEN3,
    # No published architecture, but choices that the configuration allows.
    "relu": replace(GPT2, feedforward=FeedForwardConfig(48, "relu"), positions=SinusoidalPositions(), head="none"),
    "gated relu": replace(LLAMA, feedforward=FeedForwardConfig(48, "relu", gated=True), positions=AlibiPositions()),
    "post without positions": replace(LLAMA, norm_placement="post", positions=NoPositions(), head="masked"),
    "layer norm of queries": replace(GPT2, attention=replace(GPT2.attention, qk_norm=NormConfig("layer"))),
}
each_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@each_config
def test_parameters_are_those_of_the_model(config: ModelConfig) -> None:
    model = Transformer(config)
    head = 0 if model.head is None else count(model.head)
    attention = sum(
        count(layer) for name, layer in model.named_modules() if name.endswith((".qkv", "attention.output"))
    )
    feedforward = sum(count(layer) for name, layer in model.named_modules() if name.endswith(".feedforward"))
    embedding = count(model.embedding) - (count(model.embedding.norm) if model.embedding.norm else 0)
    assert parameters(config) == {
        "embedding": embedding,
        "attention": attention,
        "feedforward": feedforward,
        "norms": count(model) - embedding - attention - feedforward - head,
        "head": head,
    }


def test_parameters_are_those_of_published_models() -> None:
    """The default configurations of transformers are GPT-2 small, BERT base, Llama 7B, Mistral 7B and so on."""
    from transformers import (
        BertConfig,
        BertForMaskedLM,
        GPT2Config,
        GPT2LMHeadModel,
        LlamaConfig,
        LlamaForCausalLM,
        MistralConfig,
        MistralForCausalLM,
        Qwen2Config,
        Qwen2ForCausalLM,
        Qwen3Config,
        Qwen3ForCausalLM,
    )

    def theirs(c: LlamaConfig | MistralConfig | Qwen2Config | Qwen3Config) -> dict[str, int]:
        names = {"vocab_size": "vocab_size", "context_length": "max_position_embeddings", "d_model": "hidden_size"}
        names |= {"n_layers": "num_hidden_layers", "n_heads": "num_attention_heads", "d_hidden": "intermediate_size"}
        names |= {"n_kv_heads": "num_key_value_heads"}
        return {ours: getattr(c, name) for ours, name in names.items()}

    pairs = [
        (
            gpt2(vocab_size=50257, context_length=1024, d_model=768, n_layers=12, n_heads=12),
            GPT2LMHeadModel,
            GPT2Config(),
        ),
        (
            bert(vocab_size=30522, context_length=512, d_model=768, n_layers=12, n_heads=12),
            BertForMaskedLM,
            BertConfig(),
        ),
        (llama(**theirs(LlamaConfig())), LlamaForCausalLM, LlamaConfig()),
        (mistral(**theirs(MistralConfig()), window=4096), MistralForCausalLM, MistralConfig()),
        (qwen2(**theirs(Qwen2Config())), Qwen2ForCausalLM, Qwen2Config()),
        (qwen3(**theirs(Qwen3Config()), d_head=128), Qwen3ForCausalLM, Qwen3Config()),
    ]
    for ours, model, published in pairs:
        with torch.device("meta"):
            assert sum(parameters(ours).values()) == count(model(published)), model


def flops_of(counter: FlopCounterMode, *endings: str) -> int:
    counts = counter.get_flop_counts()
    return sum(sum(ops.values()) for name, ops in counts.items() if name.endswith(endings))


@each_config
@pytest.mark.parametrize(("batch", "positions"), [(3, 16), (1, 1)])
def test_flops_are_those_that_torch_counts(config: ModelConfig, batch: int, positions: int) -> None:
    model = Transformer(config)
    counter = FlopCounterMode(display=False)
    with counter:
        model(torch.zeros(batch, positions, dtype=torch.int64), tap=Tap([]))
    flops = matmul_flops(config, batch, positions)
    assert sum(flops.values()) == counter.get_total_flops()
    assert flops["projections"] + flops["attention"] == flops_of(counter, ".attention")
    assert flops["projections"] == flops_of(counter, ".qkv", ".attention.output")
    assert flops["feedforward"] == flops_of(counter, ".feedforward")


@pytest.mark.parametrize("config", [GPT2, LLAMA, MISTRAL, QWEN2, QWEN3])
def test_flops_with_a_cache(config: ModelConfig) -> None:
    model = Transformer(config)
    cache = model.new_cache(batch=2)
    ids = torch.zeros(2, 16, dtype=torch.int64)
    with torch.no_grad():
        model(ids[:, :11], cache=cache)
        with FlopCounterMode(display=False) as counter:
            model(ids[:, 11:], cache=cache, tap=Tap([]))
    assert sum(matmul_flops(config, 2, 5, cached=11).values()) == counter.get_total_flops()


@pytest.mark.parametrize("config", [config for config in CONFIGS.values() if config.head != "none"])
def test_training_takes_three_times_as_many(config: ModelConfig) -> None:
    model = Transformer(config)
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(2, 9, dtype=torch.int64), tap=Tap([])).sum().backward()
    assert 3 * sum(matmul_flops(config, 2, 9).values()) == counter.get_total_flops()


@each_config
@pytest.mark.parametrize(("batch", "positions"), [(3, 16), (1, 16), (2, 1)])
def test_activations_are_what_autograd_keeps(config: ModelConfig, batch: int, positions: int) -> None:
    ids = torch.zeros(batch, positions, dtype=torch.int64)
    assert sum(activation_bytes(config, batch, positions).values()) == kept(Transformer(config), ids, tap=Tap([]))


def test_activations_by_the_size_of_a_number() -> None:
    model = Transformer(GPT2).double()
    ids = torch.zeros(2, 7, dtype=torch.int64)
    assert sum(activation_bytes(GPT2, 2, 7, bytes_per_number=8).values()) == kept(model, ids, tap=Tap([]))


def test_the_fused_path_keeps_no_weights() -> None:
    """It keeps one number for each query and head instead, the logarithm of its total."""
    model, ids = Transformer(GPT2), torch.zeros(2, 60, dtype=torch.int64)
    saved = kept(model, ids, tap=Tap([])) - kept(model, ids, tap=None)
    weights = activation_bytes(GPT2, 2, 60)["weights"]
    assert 0.9 * weights < saved < weights


@pytest.mark.parametrize("config", [GPT2, LLAMA, MISTRAL, QWEN2, QWEN3])
def test_cache_bytes_are_those_of_a_cache(config: ModelConfig) -> None:
    model = Transformer(config)
    assert cache_bytes(config, 3, 64) == model.new_cache(batch=3).n_bytes
    assert cache_bytes(config, 2, 50, bytes_per_number=2) == model.bfloat16().new_cache(2, capacity=50).n_bytes


def test_attention_overtakes_where_the_length_is_twice_the_width() -> None:
    """By hand: 8 d^2 for the projections of a token, 4 n d for attention; equal at n = 2 d."""
    flops = matmul_flops(GPT2, batch=1, positions=2 * GPT2.d_model)
    assert flops["attention"] == flops["projections"] == GPT2.n_layers * 8 * 32**2 * 64


@pytest.mark.parametrize(("batch", "positions", "cached"), [(0, 1, 0), (1, 0, 0), (1, 1, -1)])
def test_numbers_out_of_range_are_named(batch: int, positions: int, cached: int) -> None:
    with pytest.raises(ValueError, match=rf"batch \({batch}\) and positions \({positions}\) .* cached \({cached}\)"):
        matmul_flops(GPT2, batch, positions, cached)


def test_an_untied_head_costs_as_much_as_a_tied_one() -> None:
    untied = replace(GPT2, head="linear")
    assert matmul_flops(untied, 1, 3) == matmul_flops(GPT2, 1, 3)


# -- Memory ------------------------------------------------------------------------------------------------------------
def test_weights_take_what_their_tensors_take() -> None:
    model = Transformer(QWEN3)
    assert weight_bytes(QWEN3) == sum(weight.nbytes for weight in model.parameters())
    assert weight_bytes(QWEN3, 16) == sum(weight.nbytes for weight in model.bfloat16().parameters())
    assert weight_bytes(GPT2, 4) == -(-count(Transformer(GPT2)) // 2)
    with pytest.raises(ValueError, match="bits_per_weight must be at least 1, not 0"):
        weight_bytes(GPT2, 0)


def test_training_takes_what_adam_keeps() -> None:
    model = Transformer(GPT2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.zeros(1, 4, dtype=torch.int64)).sum().backward()
    optimizer.step()
    moments = sum(state[name].nbytes for state in optimizer.state.values() for name in ("exp_avg", "exp_avg_sq"))
    gradients = sum(weight.grad.nbytes for weight in model.parameters() if weight.grad is not None)
    assert training_bytes(GPT2) == {
        "weights": weight_bytes(GPT2),
        "gradients": gradients,
        "moments": moments,
        "copy": 0,
    }


def test_mixed_precision_takes_sixteen_bytes_a_parameter() -> None:
    """Two for the weight, two for its gradient, twelve for Adam: ZeRO, section 3.1."""
    count_all = sum(parameters(GPT2).values())
    assert sum(training_bytes(GPT2, "mixed").values()) == 16 * count_all == sum(training_bytes(GPT2).values())
