"""Numbers of texts and vocabularies."""

from datetime import date

from llmguide.constants.constant import Constant

LOOKED_UP = date(2026, 11, 24)

TEXTS: tuple[Constant, ...] = (
    Constant(
        "gpt2-vocab-size",
        50_257,
        "tokens",
        LOOKED_UP,
        "radford2019language",
        "Section 2.3. 256 bytes, 50,000 merges and the end-of-text token, whose id is 50256 in tiktoken.",
    ),
    Constant(
        "gpt2-merges",
        50_000,
        "merges",
        LOOKED_UP,
        "radford2019language",
        "Section 2.3, with 256 bytes and one special token.",
    ),
    Constant(
        "bert-vocab-size",
        30_522,
        "tokens",
        LOOKED_UP,
        "huggingface2026transformers",
        "Default of BertConfig, which describes bert-base-uncased. The paper rounds to 30,000.",
    ),
    Constant(
        "cl100k-vocab-size",
        100_277,
        "ids",
        LOOKED_UP,
        "jain2022tiktoken",
        "One more than the largest id, that of a special token; the ids 100256 and 100261 to 100275 are not in use.",
    ),
    Constant(
        "o200k-vocab-size",
        200_019,
        "ids",
        LOOKED_UP,
        "jain2022tiktoken",
        "One more than the largest id, that of a special token; the ids 199998 and 200000 to 200017 are not in use.",
    ),
    Constant(
        "llama2-vocab-size",
        32_000,
        "tokens",
        LOOKED_UP,
        "touvron2023llama2",
        "Section 2.2, as 32k; 32,000 is the default of LlamaConfig in transformers.",
    ),
    Constant(
        "xlnet-vocab-size",
        32_000,
        "tokens",
        LOOKED_UP,
        "wolf2020transformers",
        "Default of XLNetConfig in transformers.",
    ),
    Constant(
        "albert-vocab-size",
        30_000,
        "tokens",
        LOOKED_UP,
        "lan2020albert",
        "The paper takes the size of BERT's vocabulary, rounded, and SentencePiece.",
    ),
    Constant(
        "t5-vocab-size",
        32_000,
        "tokens",
        LOOKED_UP,
        "raffel2020exploring",
        "The paper says 32,000 wordpieces, made by SentencePiece.",
    ),
    Constant(
        "mistral-7b-vocab-size",
        32_000,
        "tokens",
        LOOKED_UP,
        "jiang2023mistral",
        "The table of the architecture, as vocab_size.",
    ),
    Constant(
        "llama3-vocab-size",
        128_256,
        "tokens",
        LOOKED_UP,
        "grattafiori2024llama3",
        "With Table 3, as 128K; the released configurations say 128,256, of which 256 are special tokens.",
    ),
    Constant(
        "llama3-tokens-of-tiktoken",
        100_000,
        "tokens",
        LOOKED_UP,
        "grattafiori2024llama3",
        "With Table 3, as 100K: the part of the vocabulary that comes from tiktoken.",
    ),
    Constant(
        "llama3-tokens-added",
        28_000,
        "tokens",
        LOOKED_UP,
        "grattafiori2024llama3",
        "With Table 3, as 28K: the part of the vocabulary that was added for other languages than English.",
    ),
    Constant(
        "smollm2-vocab-size",
        49_152,
        "tokens",
        LOOKED_UP,
        "allal2025smollm2",
        "As the paper and the released configurations say.",
    ),
    Constant(
        "llama2-characters-per-token",
        3.17,
        "characters per token",
        LOOKED_UP,
        "grattafiori2024llama3",
        "With Table 3: Llama 2's tokenizer on a sample of English data.",
    ),
    Constant(
        "llama3-characters-per-token",
        3.94,
        "characters per token",
        LOOKED_UP,
        "grattafiori2024llama3",
        "With Table 3: Llama 3's tokenizer on the same sample of English data.",
    ),
    Constant(
        "unicode-code-points",
        0x110000,
        "code points",
        LOOKED_UP,
        "unicode2021standard",
        "From U+0000 to U+10FFFF.",
    ),
    Constant(
        "unicode-scalar-values",
        0x110000 - 0x800,
        "scalar values",
        LOOKED_UP,
        "unicode2021standard",
        "All code points but the surrogates, U+D800 to U+DFFF: what UTF-8 can write.",
    ),
    Constant(
        "unicode-characters",
        144_697,
        "characters",
        LOOKED_UP,
        "unicode2021standard",
        "Graphic and format characters of Unicode 14.0, the version that Python 3.11 knows; counted with unicodedata.",
    ),
    Constant(
        "utf8-longest-character",
        4,
        "bytes",
        LOOKED_UP,
        "yergeau2003utf8",
        "Section 3: the code points from U+10000 take four bytes.",
    ),
)
"""What the chapters on text quote.

:meta hide-value:
"""
