"""Published models by their configurations, and what those who made them say of their size.

Nothing is loaded: for files see :mod:`~llmguide.transformer.published`. Contexts are those of the models as released.
Granite's factors on stream and logits are left at 1, and its scale of attention at the usual one, since what its files
say of them could not be verified; no count depends on them.

Example:
    >>> from llmguide.transformer.accounting import parameters
    >>> model = MODELS["mistral-7b"]
    >>> count = sum(parameters(model.config).values())
    >>> count, model.parameters.value, agreement(count, model.parameters)
    (7241732096, 7300000000, 'differs')
"""

from dataclasses import dataclass, replace
from typing import Literal

from llmguide.constants import Constant, get
from llmguide.transformer.architectures import bert, gpt2, llama, mistral, qwen2, qwen3
from llmguide.transformer.architectures_encoder_decoder import t5
from llmguide.transformer.architectures_experts import mixtral
from llmguide.transformer.architectures_hybrid import granite_hybrid
from llmguide.transformer.architectures_latent import deepseek_v3
from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.block import BlockConfig
from llmguide.transformer.config import ModelConfig, Scales
from llmguide.transformer.encoder_decoder import EncoderDecoderConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.moe import ExpertsConfig
from llmguide.transformer.rope_scaling import Llama3Scaling
from llmguide.transformer.state_space import StateSpaceConfig

Agreement = Literal["exact", "rounded", "cut off", "differs"]
"""How a count relates to a published figure: the same to the last digit; the same when rounded to its digits, or when
the digits behind them are dropped; or neither."""


@dataclass(frozen=True)
class PublishedModel:
    """A published model.

    Args:
        key: What it is called here; its size is the constant ``{key}-parameters``.
        name: What those who made it call it.
        config: Its choices of parts.
        source: Citation key of where the configuration is stated.
        note: What the configuration leaves out, or why the published figure is another one.
    """

    key: str
    name: str
    config: ModelConfig | EncoderDecoderConfig
    source: str
    note: str = ""

    @property
    def parameters(self) -> Constant:
        """The published number of parameters."""
        return get(f"{self.key}-parameters")

    @property
    def active(self) -> Constant | None:
        """The published number of those that work for one token, where that is another number."""
        feedforward = (
            self.config.decoder.feedforward
            if isinstance(self.config, EncoderDecoderConfig)
            else (self.config.layers[-1].feedforward)
        )
        return get(f"{self.key}-active-parameters") if isinstance(feedforward, ExpertsConfig) else None


def agreement(count: int, published: Constant) -> Agreement:
    """Say whether a count is what was published.

    Args:
        count: The number that a configuration gives.
        published: The figure, with the value of its last digit.

    Returns:
        How the two relate.

    Example:
        >>> agreement(12_879_925_248, get("mixtral-8x7b-active-parameters"))  # published as 12.9 billion
        'rounded'
    """
    if published.step == 1:
        return "exact" if count == published.value else "differs"
    if abs(count - published.value) * 2 <= published.step:
        return "rounded"
    return "cut off" if 0 <= count - published.value < published.step else "differs"


def _bert(n_layers: int, d_model: int, n_heads: int) -> ModelConfig:
    return bert(vocab_size=30_522, context_length=512, d_model=d_model, n_layers=n_layers, n_heads=n_heads)


def _gpt(n_layers: int, d_model: int, n_heads: int, context_length: int = 1024) -> ModelConfig:
    return gpt2(vocab_size=50_257, context_length=context_length, d_model=d_model, n_layers=n_layers, n_heads=n_heads)


def _t5(n_layers: int, d_model: int, n_heads: int, d_head: int, d_hidden: int) -> EncoderDecoderConfig:
    return t5(vocab_size=32_128, d_model=d_model, n_layers=n_layers, n_heads=n_heads, d_head=d_head, d_hidden=d_hidden)


def _llama(n_layers: int, d_model: int, heads: tuple[int, int], d_hidden: int, context: int) -> ModelConfig:
    return llama(
        vocab_size=32_000, context_length=context, d_model=d_model, n_layers=n_layers, n_heads=heads[0],
        n_kv_heads=heads[1], d_hidden=d_hidden,
    )  # fmt: skip


def _llama3(n_layers: int, d_model: int, n_heads: int, d_hidden: int, *, stretched: bool = False) -> ModelConfig:
    return llama(
        vocab_size=128_256, context_length=131_072 if stretched else 8192, d_model=d_model, n_layers=n_layers,
        n_heads=n_heads, n_kv_heads=8, d_hidden=d_hidden, rope_base=500_000.0,
        scaling=Llama3Scaling(8.0, 1.0, 4.0, 8192) if stretched else None,
    )  # fmt: skip


def _gemma(n_layers: int, d_model: int, heads: tuple[int, int], d_hidden: int) -> ModelConfig:
    base = llama(
        vocab_size=256_128, context_length=8192, d_model=d_model, n_layers=n_layers, n_heads=heads[0],
        n_kv_heads=heads[1], d_hidden=d_hidden, d_head=256, epsilon=1e-6, head="tied",
    )  # fmt: skip
    return replace(
        base,
        feedforward=FeedForwardConfig(d_hidden, "gelu_tanh", gated=True, bias=False),
        scales=Scales(embedding=d_model**0.5),
    )


def _qwen3(n_layers: int, d_model: int, heads: tuple[int, int], d_hidden: int, experts: int = 0) -> ModelConfig:
    dense = qwen3(
        vocab_size=151_936, context_length=40_960, d_model=d_model, n_layers=n_layers, n_heads=heads[0],
        n_kv_heads=heads[1], d_hidden=d_hidden, d_head=128,
    )  # fmt: skip
    return replace(dense, feedforward=ExpertsConfig(experts, 8, _swiglu(d_hidden))) if experts else dense


def _granite(
    d_model: int, heads: tuple[int, int, int], state_heads: int, d_shared: int, experts: ExpertsConfig | None = None
) -> ModelConfig:
    """Return a Granite 4.0-H: of 40 blocks every tenth, from the sixth on, has attention."""
    base = granite_hybrid(
        vocab_size=100_352, context_length=131_072, d_model=d_model,
        layers=["attention" if layer % 10 == 5 else "state space" for layer in range(40)],
        attention=AttentionConfig(*heads), state_space=StateSpaceConfig(state_heads, 64, 128), d_hidden=d_shared,
    )  # fmt: skip
    if experts is None:
        return base
    return replace(base, feedforward=experts, blocks=tuple(BlockConfig(b.mixer, experts) for b in base.blocks))


def _mixtral(n_layers: int, d_model: int, n_heads: int, d_hidden: int, context_length: int) -> ModelConfig:
    return mixtral(
        vocab_size=32_000, context_length=context_length, d_model=d_model, n_layers=n_layers, n_heads=n_heads,
        n_kv_heads=8, d_hidden=d_hidden,
    )  # fmt: skip


def _deepseek_v3() -> ModelConfig:
    return deepseek_v3(
        vocab_size=129_280, context_length=4096, d_model=7168, n_layers=61, n_heads=128, d_nope=128, d_rope=64,
        d_value=128, kv_rank=512, query_rank=1536, d_hidden=18_432, n_dense=3, n_experts=256, n_active=8,
        d_expert=2048, n_groups=8, n_active_groups=4,
    )  # fmt: skip


def _swiglu(d_hidden: int) -> FeedForwardConfig:
    return FeedForwardConfig(d_hidden, "silu", gated=True, bias=False)


_SMOLLM2 = llama(
    vocab_size=49_152, context_length=8192, d_model=576, n_layers=30, n_heads=9, n_kv_heads=3, d_hidden=1536,
    rope_base=100_000.0, head="tied",
)  # fmt: skip
_MISTRAL = mistral(
    vocab_size=32_000, context_length=8192, d_model=4096, n_layers=32, n_heads=32, n_kv_heads=8,
    d_hidden=14_336, window=4096,
)  # fmt: skip
_QWEN25 = qwen2(
    vocab_size=152_064, context_length=131_072, d_model=3584, n_layers=28, n_heads=28, n_kv_heads=4,
    d_hidden=18_944,
)  # fmt: skip
_FACTORS = "The factors on the stream and the logits, on which no count depends, are left at one."
_NOMINAL = "The name of the model more than a count."

_ALL = (
    PublishedModel(
        "bert-base",
        "BERT base",
        _bert(12, 768, 12),
        "devlin2019bert",
        "With the head that predicts masked tokens, without the one for the next sentence.",
    ),
    PublishedModel(
        "gpt2-small",
        "GPT-2 small",
        _gpt(12, 768, 12),
        "radford2019language",
    ),
    PublishedModel(
        "smollm2-135m",
        "SmolLM2-135M",
        _SMOLLM2,
        "allal2025smollm2",
    ),
    PublishedModel(
        "t5-base",
        "T5 base",
        _t5(12, 768, 12, 64, 3072),
        "raffel2020exploring",
    ),
    PublishedModel(
        "bert-large",
        "BERT large",
        _bert(24, 1024, 16),
        "devlin2019bert",
        "With the head that predicts masked tokens, without the one for the next sentence.",
    ),
    PublishedModel(
        "gpt2-xl",
        "GPT-2 XL",
        _gpt(48, 1600, 25),
        "radford2019language",
    ),
    PublishedModel("gemma-2b", "Gemma 2B", _gemma(18, 2048, (8, 1), 16_384), "gemma2024gemma"),
    PublishedModel(
        "granite4-h-micro", "Granite 4.0-H-Micro", _granite(2048, (32, 8, 64), 64, 8192), "granite2025card", _FACTORS
    ),
    PublishedModel(
        "llama-7b",
        "LLaMA 7B",
        _llama(32, 4096, (32, 32), 11_008, 2048),
        "touvron2023llama",
    ),
    PublishedModel(
        "granite4-h-tiny",
        "Granite 4.0-H-Tiny",
        _granite(1536, (12, 4, 128), 48, 1024, ExpertsConfig(64, 6, _swiglu(512), _swiglu(1024))),
        "granite2025card",
        _FACTORS,
    ),
    PublishedModel(
        "mistral-7b",
        "Mistral 7B",
        _MISTRAL,
        "jiang2023mistral",
        "The configuration gives 7.24 billion.",
    ),
    PublishedModel(
        "qwen25-7b",
        "Qwen2.5-7B",
        _QWEN25,
        "qwen2024card",
    ),
    PublishedModel("llama3-8b", "Llama 3 8B", _llama3(32, 4096, 32, 14_336), "meta2024skus"),
    PublishedModel("gemma-7b", "Gemma 7B", _gemma(28, 3072, (16, 16), 24_576), "gemma2024gemma"),
    PublishedModel(
        "t5-11b",
        "T5-11B",
        _t5(24, 1024, 128, 128, 65_536),
        "raffel2020exploring",
    ),
    PublishedModel(
        "qwen3-30b-a3b",
        "Qwen3-30B-A3B",
        _qwen3(48, 2048, (32, 4), 768, 128),
        "qwen2025cards",
        "Of the 3.35 billion active ones 0.31 are the embedding.",
    ),
    PublishedModel(
        "granite4-h-small",
        "Granite 4.0-H-Small",
        _granite(4096, (32, 8, 128), 128, 1536, ExpertsConfig(72, 10, _swiglu(768), _swiglu(1536))),
        "granite2025card",
        _FACTORS,
    ),
    PublishedModel("qwen3-32b", "Qwen3-32B", _qwen3(64, 5120, (64, 8), 25_600), "qwen2025cards"),
    PublishedModel(
        "mixtral-8x7b",
        "Mixtral 8x7B",
        _mixtral(32, 4096, 32, 14_336, 32_768),
        "jiang2024mixtral",
    ),
    PublishedModel(
        "llama-65b",
        "LLaMA 65B",
        _llama(80, 8192, (64, 64), 22_016, 2048),
        "touvron2023llama",
    ),
    PublishedModel(
        "llama2-70b",
        "Llama 2 70B",
        _llama(80, 8192, (64, 8), 28_672, 4096),
        "meta2024skus",
        f"{_NOMINAL} The configuration gives 68.98 billion.",
    ),
    PublishedModel("llama3-70b", "Llama 3 70B", _llama3(80, 8192, 64, 28_672), "meta2024skus", _NOMINAL),
    PublishedModel(
        "mixtral-8x22b",
        "Mixtral 8x22B",
        _mixtral(56, 6144, 48, 16_384, 65_536),
        "mistral2024card",
    ),
    PublishedModel(
        "gpt3",
        "GPT-3",
        _gpt(96, 12_288, 96, 2048),
        "brown2020language",
        "Every other layer attends to a band of positions and not to all; no parameter depends on it.",
    ),
    PublishedModel("qwen3-235b-a22b", "Qwen3-235B-A22B", _qwen3(94, 4096, (64, 4), 1536, 128), "qwen2025cards"),
    PublishedModel(
        "llama3-405b", "Llama 3.1 405B", _llama3(126, 16_384, 128, 53_248, stretched=True), "meta2024skus", _NOMINAL
    ),
    PublishedModel(
        "deepseek-v3",
        "DeepSeek-V3",
        _deepseek_v3(),
        "deepseek2024weights",
        "Of the 37.55 billion active ones 0.93 are the embedding; without them they round to the published 37.",
    ),
)

MODELS: dict[str, PublishedModel] = {model.key: model for model in _ALL}
"""Every model by its key, smallest first.

:meta hide-value:
"""
