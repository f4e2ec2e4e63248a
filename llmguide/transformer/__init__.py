"""One transformer, many architectures: the parts, what composes them, and the files they are loaded from.

Example:
    >>> import torch
    >>> from llmguide.transformer import Transformer, initialize, llama
    >>> config = llama(
    ...     vocab_size=11, context_length=16, d_model=8, n_layers=2, n_heads=2, n_kv_heads=1, d_hidden=16
    ... )
    >>> model = Transformer(config)
    >>> initialize(model, torch.Generator().manual_seed(0))
    >>> model(torch.tensor([[3, 1, 4, 1, 5]])).shape
    torch.Size([1, 5, 11])
"""

from llmguide.transformer.architectures import bert, gpt2, llama, mistral, qwen2, qwen3
from llmguide.transformer.architectures_encoder_decoder import first_transformer, t5
from llmguide.transformer.architectures_experts import mixtral
from llmguide.transformer.architectures_hybrid import granite_hybrid
from llmguide.transformer.architectures_latent import deepseek_v3
from llmguide.transformer.attention import Attention, AttentionConfig, attend, attend_fused
from llmguide.transformer.cache import KvCache
from llmguide.transformer.config import ModelConfig
from llmguide.transformer.encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.initialization import initialize
from llmguide.transformer.masks import MaskConfig
from llmguide.transformer.model import Transformer
from llmguide.transformer.norms import NormConfig
from llmguide.transformer.trace import Tap

__all__ = [
    "Attention",
    "AttentionConfig",
    "EncoderDecoder",
    "EncoderDecoderConfig",
    "FeedForwardConfig",
    "KvCache",
    "MaskConfig",
    "ModelConfig",
    "NormConfig",
    "Tap",
    "Transformer",
    "attend",
    "attend_fused",
    "bert",
    "deepseek_v3",
    "first_transformer",
    "gpt2",
    "granite_hybrid",
    "initialize",
    "llama",
    "mistral",
    "mixtral",
    "qwen2",
    "qwen3",
    "t5",
]
