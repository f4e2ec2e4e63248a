"""What others have measured or proved of tokenizers, and the chapter on tokenization quotes."""

from datetime import date

from llmguide.constants.constant import Constant

_LOOKED_UP = date(2026, 11, 30)

FINDINGS: tuple[Constant, ...] = (
    Constant(
        "word-vocabulary-least",
        30_000,
        "words",
        _LOOKED_UP,
        "sennrich2016neural",
        "Section 1: typical vocabularies of neural translation, from this size.",
    ),
    Constant(
        "word-vocabulary-most",
        50_000,
        "words",
        _LOOKED_UP,
        "sennrich2016neural",
        "Section 1: typical vocabularies of neural translation, up to this size.",
    ),
    Constant(
        "greedy-bpe-at-least",
        0.333,
        "of the optimum",
        _LOOKED_UP,
        "kozma2024theoretical",
        "Abstract: what greedy merges save, at the least, of what the best merges save.",
    ),
    Constant(
        "greedy-bpe-at-worst",
        0.625,
        "of the optimum",
        _LOOKED_UP,
        "kozma2024theoretical",
        "Abstract: no more than this can be promised of greedy merges for every text.",
    ),
    Constant(
        "vocabulary-study-smallest",
        33,
        "million parameters",
        _LOOKED_UP,
        "tao2024scaling",
        "Abstract, as 33M: the smallest of the models that were trained with several vocabularies.",
    ),
    Constant(
        "vocabulary-study-largest",
        3,
        "billion parameters",
        _LOOKED_UP,
        "tao2024scaling",
        "Abstract, as 3B: the largest of the models that were trained with several vocabularies.",
    ),
    Constant(
        "llama2-70b-best-vocabulary",
        216_000,
        "tokens",
        _LOOKED_UP,
        "tao2024scaling",
        "Abstract, as 216K: what is predicted as the least that would have been best for Llama 2 70B.",
    ),
    Constant(
        "efficiency-correlation",
        0.78,
        "(coefficient of correlation)",
        _LOOKED_UP,
        "zouhar2023tokenization",
        "Abstract: correlation of the efficiency with exponent 2.5 with BLEU.",
    ),
    Constant(
        "length-correlation",
        -0.32,
        "(coefficient of correlation)",
        _LOOKED_UP,
        "zouhar2023tokenization",
        "Abstract: correlation of the compressed length with BLEU.",
    ),
    Constant(
        "largest-language-ratio",
        15,
        "times",
        _LOOKED_UP,
        "petrov2023language",
        "Abstract: the largest ratio of the lengths of one text in two languages.",
    ),
)
"""Results of papers that the chapter on tokenization quotes.

:meta hide-value:
"""
