"""Parts of the corpora that a tokenizer is not trained on, and how well it compresses them."""

from collections.abc import Iterable, Mapping
from random import Random

from llmguide.tokenizers.tokenizer import Tokenizer

TOKENIZERS = (
    "llmguide.experiments.held_out",
    *(
        f"llmguide.tokenizers.{module}"
        for module in (
            "alphabet",
            "bpe",
            "decoders",
            "fast_bpe",
            "fast_merging",
            "fast_unigram",
            "fast_wordpiece",
            "lattice",
            "models",
            "normalizers",
            "pretokenizers",
            "special",
            "tokenizer",
            "training",
            "unigram",
            "unigram_steps",
            "unigram_training",
            "wordpiece",
        )
    ),
)
"""The modules that training a tokenizer and measuring its compression depend on."""

Split = tuple[list[str], list[str]]
"""Texts to train on, and texts held out."""


def hold_out_documents(documents: Mapping[str, str], share: float, seed: int) -> Split:
    """Hold out whole documents, so that no text is on both sides.

    Args:
        documents: Text by title.
        share: The part of the documents to hold out; at least one is.
        seed: Chooses which.

    Returns:
        The texts to train on and those held out, each in the order of the corpus.

    Example:
        >>> hold_out_documents({"a": "A", "b": "B", "c": "C"}, share=0.3, seed=0)
        (['A', 'C'], ['B'])
    """
    chosen = set(Random(seed).sample(sorted(documents), max(1, round(share * len(documents)))))
    train = [text for title, text in documents.items() if title not in chosen]
    return train, [text for title, text in documents.items() if title in chosen]


def hold_out_lines(documents: Mapping[str, str], share: float, seed: int) -> Split:
    """Hold out the same lines of each document, for documents that say line by line the same.

    Args:
        documents: Text by title; all have equally many lines.
        share: The part of the lines to hold out; at least one is.
        seed: Chooses which.

    Returns:
        For each document the lines to train on, and for each the lines held out.
    """
    lines = {title: text.splitlines(keepends=True) for title, text in documents.items()}
    count = len(next(iter(lines.values())))
    chosen = set(Random(seed).sample(range(count), max(1, round(share * count))))
    train = ["".join(line for i, line in enumerate(text) if i not in chosen) for text in lines.values()]
    return train, ["".join(line for i, line in enumerate(text) if i in chosen) for text in lines.values()]


def first_lines(text: str, count: int | None) -> str:
    """Take the first lines of a text.

    Args:
        text: Any text.
        count: How many lines; ``None`` for all.

    Returns:
        The beginning of the text.
    """
    return "".join(text.splitlines(keepends=True)[:count])


def count_tokens(tokenizer: Tokenizer, texts: Iterable[str]) -> int:
    """Count the tokens that texts become.

    Args:
        tokenizer: Any tokenizer.
        texts: What to encode.

    Returns:
        The number of tokens of all texts together.
    """
    return sum(len(tokenizer.encode_ids(text)) for text in texts)


def count_bytes(texts: Iterable[str]) -> int:
    """Count the bytes of texts in UTF-8.

    Args:
        texts: What to measure.

    Returns:
        The number of bytes of all texts together.
    """
    return sum(len(text.encode("utf-8")) for text in texts)


def bytes_per_token(tokenizer: Tokenizer, texts: list[str]) -> float:
    """Measure how much text a token stands for on average.

    Args:
        tokenizer: Any tokenizer.
        texts: What to encode.

    Returns:
        Bytes of the texts for each token; the larger, the shorter the sequences.
    """
    return count_bytes(texts) / count_tokens(tokenizer, texts)
