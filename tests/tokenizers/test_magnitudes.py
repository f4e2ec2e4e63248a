"""What the chapters say of published vocabularies in round words, held to the files."""

from functools import cache
from pathlib import Path

import pytest
import regex
from published_twins import BY_RANKS, FIRST, engine, require
from test_published import EXCEPTIONS

from llmguide import datasets
from llmguide.experiments.records import load
from llmguide.tokenizers import published
from llmguide.tokenizers.vocabulary import report

# Megabytes and whole vocabularies; other tests cover what they go through.
pytestmark = pytest.mark.no_cover

PAGES = Path(__file__).parents[2] / "book/foundations"


def says(page: str, words: str) -> bool:
    """Look for words on a page, wherever its lines end."""
    return words in " ".join((PAGES / f"{page}.md").read_text("utf-8").split())


@cache
def tokens(name: str) -> set[bytes]:
    """The tokens of a vocabulary that text makes, as bytes."""
    require(name)
    tokenizer = published.load(name)
    numbers = (i for i, token in enumerate(tokenizer.model.tokens) if tokenizer.model.makes(token))
    return {tokenizer.token_bytes(number) for number in numbers}


def test_what_two_vocabularies_share() -> None:
    words = (
        "More than four in five of GPT-2's tokens are in cl100k, and as many of cl100k's in o200k; "
        "of GPT-2's nearly three in four are in SmolLM2's, of Tekken's more than three in four in o200k."
    )
    assert says("tokenizers-in-use", words)

    def share(one: str, other: str) -> float:
        return len(tokens(one) & tokens(other)) / len(tokens(one))

    assert 0.8 < share("cl100k_base", "o200k_base") < share("gpt2", "cl100k_base") < 0.9
    assert 0.7 < share("gpt2", "smollm2") < 0.75 < share("tekken", "o200k_base") < 0.8


def test_how_much_larger_cl100k_is_than_the_even_vocabulary() -> None:
    assert says("tokenizers-in-use", "than that of cl100k, which is twenty-four times as large")
    assert says("tokenizers-in-use", "more even than one twenty-four times as large")
    require("cl100k_base")
    assert round(published.load("cl100k_base").vocab_size / 4096) == 24


def test_what_two_megabytes_use_of_gpt2() -> None:
    assert says("tokenizers-in-use", "would read little more than a third of its tokens")
    tokenizer = published.load("gpt2")
    used = {number for name in datasets.all_datasets() for number in tokenizer.encode_ids(datasets.load(name))}
    assert 1 / 3 < len(used) / len(tokens("gpt2")) < 0.38


def test_what_names_and_capitals_cost() -> None:
    assert says("tokenizers-in-use", "Both take about a quarter more with most vocabularies")
    metrics = load("tokenization-numbers-code").metrics
    names = ("gpt2", "cl100k_base", "o200k_base", "smollm2", "mistral-v3", "tekken")
    for kind in ("name", "capital"):
        ratios = [metrics[name][kind] / metrics[name]["word"] for name in names]
        assert sum(1.2 < ratio < 1.33 for ratio in ratios) > len(names) / 2


def test_how_close_the_methods_compress() -> None:
    words = "are within about eight per cent, and without WordPiece by gain, at 4,096 tokens, within about four."
    assert says("subword-algorithms", words)
    metrics = load("tokenization-algorithms").metrics
    methods = ("bpe", "unigram", "wordpiece-count", "wordpiece-gain")

    def spread(size: str, chosen: tuple[str, ...]) -> float:
        """How far the shortest tokens lie below the longest, on the corpus where it is further."""
        found = [[metrics[corpus][one][size]["bytes_per_token"] for one in chosen] for corpus in ("english", "python")]
        return max(1 - min(values) / max(values) for values in found)

    assert 0.075 < max(spread(size, methods) for size in ("1024", "2048", "4096")) < 0.085
    assert 0.035 < spread("4096", methods[:3]) < 0.045


def test_the_unreachable_tokens_of_mistral_are_bytes_whose_character_has_a_piece() -> None:
    assert says("tokenizers-in-use", "Mistral v3 has 125: the tokens that stand for one byte")
    require("mistral-v3")
    tokenizer = published.load("mistral-v3")
    unreachable = report(tokenizer).unreachable
    spelled = [tokenizer.model.tokens[number] for number in unreachable]
    assert len(spelled) == 125
    assert all(regex.fullmatch("<0x[0-9A-F]{2}>", token) for token in spelled)


@pytest.mark.parametrize("name", BY_RANKS)
def test_how_often_a_character_that_is_cut_otherwise_has_other_ids(name: str) -> None:
    words = "With GPT-2, cl100k and o200k no ids differ, with Tekken those of one text in fifty."
    assert says("tokenizers-in-use", words)
    require(name)
    tokenizer, encoding = published.load(name), engine(name)
    texts = [f"e{chr(number)}1 {chr(number)}E" for number in EXCEPTIONS[name][::7]]
    differ = sum(
        tokenizer.encode_ids(text) != [FIRST[name] + rank for rank in encoding.encode_ordinary(text)] for text in texts
    )
    assert differ == 0 if name != "tekken" else 1 / 60 < differ / len(texts) < 1 / 40
