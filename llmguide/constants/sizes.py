"""How many parameters published models have, as those who made them say: all, and those that work for one token."""

from datetime import date

from llmguide.constants.constant import Constant

_LOOKED_UP = date(2026, 11, 29)
_M, _B = 10**6, 10**9


def _size(name: str, value: int, step: int, source: str, note: str) -> Constant:
    """Describe a count; ``step`` is the value of its last digit."""
    return Constant(f"{name}-parameters", value, "parameters", _LOOKED_UP, source, note, step)


SIZES: tuple[Constant, ...] = (
    _size("bert-base", 110 * _M, 10 * _M, "devlin2019bert", "Section 3, as 110M."),
    _size(
        "gpt2-small",
        124 * _M,
        _M,
        "openai2019gpt2",
        "DEVELOPERS.md, as 124M. README.md takes the paper's count of 117M back as an error.",
    ),
    _size("smollm2-135m", 135 * _M, _M, "allal2025smollm2", "As 135M."),
    _size("t5-base", 220 * _M, 10 * _M, "raffel2020exploring", "Section 3.1.1, as about 220 million."),
    _size("bert-large", 340 * _M, 10 * _M, "devlin2019bert", "Section 3, as 340M."),
    _size(
        "gpt2-xl",
        1558 * _M,
        _M,
        "openai2019gpt2",
        "DEVELOPERS.md, as 1558M, and 1542M in the paper, whose counts README.md takes back as an error.",
    ),
    _size(
        "gemma-2b",
        524_550_144 + 1_981_884_416,
        1,
        "gemma2024gemma",
        "Table 2: 524,550,144 in the embedding and 1,981,884,416 in the rest.",
    ),
    _size("granite4-h-micro", 3 * _B, _B, "granite2025card", "As 3B; the model is dense."),
    _size("llama-7b", 6_700 * _M, 100 * _M, "touvron2023llama", "Table 2, as 6.7B."),
    _size("granite4-h-tiny", 7 * _B, _B, "granite2025card", "As 7B."),
    _size("granite4-h-tiny-active", _B, _B, "granite2025card", "As 1B active."),
    _size("mistral-7b", 7_300 * _M, 100 * _M, "mistral2023announcing", "As 7.3B. The paper says 7 billion."),
    _size("qwen25-7b", 7_610 * _M, 10 * _M, "qwen2024card", "As 7.61B, of which 6.53B outside embedding and head."),
    _size("llama3-8b", 8 * _B, _B, "grattafiori2024llama3", "Table 3, as 8B."),
    _size(
        "gemma-7b",
        786_825_216 + 7_751_248_896,
        1,
        "gemma2024gemma",
        "Table 2: 786,825,216 in the embedding and 7,751,248,896 in the rest.",
    ),
    _size("t5-11b", 11 * _B, _B, "raffel2020exploring", "Section 3.7, as 11 billion."),
    _size("qwen3-30b-a3b", 30_500 * _M, 100 * _M, "qwen2025cards", "As 30.5B in total."),
    _size("qwen3-30b-a3b-active", 3_300 * _M, 100 * _M, "qwen2025cards", "As 3.3B activated."),
    _size("granite4-h-small", 32 * _B, _B, "granite2025card", "As 32B."),
    _size("granite4-h-small-active", 9 * _B, _B, "granite2025card", "As 9B active."),
    _size("qwen3-32b", 32_800 * _M, 100 * _M, "qwen2025cards", "As 32.8B, of which 31.2B outside embedding and head."),
    _size(
        "mixtral-8x7b",
        46_700 * _M,
        100 * _M,
        "mistral2023mixtral",
        "As 46.7B total parameters. The paper rounds to 47B.",
    ),
    _size(
        "mixtral-8x7b-active",
        12_900 * _M,
        100 * _M,
        "mistral2023mixtral",
        "As 12.9B parameters per token. The paper rounds to 13B.",
    ),
    _size("llama-65b", 65_200 * _M, 100 * _M, "touvron2023llama", "Table 2, as 65.2B."),
    _size("llama2-70b", 70 * _B, _B, "touvron2023llama2", "Table 1, as 70B."),
    _size("llama3-70b", 70 * _B, _B, "grattafiori2024llama3", "Table 3, as 70B."),
    _size("mixtral-8x22b", 141 * _B, _B, "mistral2024mixtral", "As 141B."),
    _size("mixtral-8x22b-active", 39 * _B, _B, "mistral2024mixtral", "As 39B active parameters."),
    _size("gpt3", 175 * _B, _B, "brown2020language", "Abstract, as 175 billion. Table 2.1 prints 175.0B."),
    _size("qwen3-235b-a22b", 235 * _B, _B, "qwen2025cards", "As 235B in total."),
    _size("qwen3-235b-a22b-active", 22 * _B, _B, "qwen2025cards", "As 22B activated."),
    _size("llama3-405b", 405 * _B, _B, "grattafiori2024llama3", "Table 3, as 405B."),
    _size(
        "deepseek-v3",
        671 * _B,
        _B,
        "deepseek2024v3",
        "Abstract, as 671B. The module that predicts a second token, 11.5B more, is not part of it.",
    ),
    _size("deepseek-v3-active", 37 * _B, _B, "deepseek2024v3", "Abstract, as 37B activated for each token."),
)
"""The sizes of published models, smallest first; a mixture of experts has two.

:meta hide-value:
"""
