"""What readers type into the search box, and where it must lead them: among the first three, from a folder."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page
from windows import Windows

CHAPTER = "foundations/tokenization.html"
ATTENTION = "foundations/attention.html"
LENGTH = "foundations/attention-at-length.html"
TRANSFORMER = "foundations/transformer.html"
BPE = "api/llmguide.tokenizers.bpe.html"
TERM = "reference/glossary.html#term-"
# The query; how an address among the first three must begin; a section that the page must then name.
QUERIES = [
    ("BPE", CHAPTER, "sec-bpe-by-hand"),
    ("BPE", f"{TERM}byte-pair-encoding", ""),
    ("byte pair", CHAPTER, "sec-bpe-by-hand"),
    ("byte-pair encoding", f"{TERM}byte-pair-encoding", ""),
    ("Byte pair encoding", CHAPTER, "sec-bpe-by-hand"),
    ("merge", f"{TERM}merge", ""),
    ("merge", CHAPTER, ""),
    ("train_tokenizer", "api/llmguide.tokenizers.training.html#llmguide.tokenizers.training.train_tokenizer", ""),
    ("train_tokenizer()", "api/llmguide.tokenizers.training.html#llmguide.tokenizers.training.train_tokenizer", ""),
    ("encode_word", f"{BPE}#llmguide.tokenizers.bpe.encode_word", ""),
    ("PreTokenizer", "api/llmguide.tokenizers.pretokenizers.html#llmguide.tokenizers.pretokenizers.PreTokenizer", ""),
    ("llmguide.tokenizers.interop.save", "api/llmguide.tokenizers.interop.html#llmguide.tokenizers.interop.save", ""),
    ("Σ", "reference/mathematics.html", "sec-entropy"),
    ("unknown token", f"{TERM}unknown-token", ""),
    ("unknown token", "foundations/subword-algorithms.html", "sec-wordpiece-encoding"),
    ("fertility", f"{TERM}fertility", ""),
    ("WordPiece", f"{TERM}WordPiece", ""),
    ("unigram", f"{TERM}unigram", ""),
    ("ü", "notebooks/tokenization-demo.html", ""),
    ("é", CHAPTER, "sec-text-as-bytes"),
    ("normalisation", f"{TERM}normalization", ""),
    ("normalization", CHAPTER, "sec-normalization"),
    ("special tokens", CHAPTER, "sec-special-tokens"),
    ("<|endoftext|>", CHAPTER, "sec-special-tokens"),
    ("cl100k", CHAPTER, "sec-pretokenization"),
    ("GPT-2", CHAPTER, "sec-pretokenization"),
    ("Zipf", CHAPTER, "sec-words"),
    ("UTF-8", f"{TERM}UTF-8", ""),
    ("UTF-8", CHAPTER, "sec-text-as-bytes"),
    ("out of vocabulary", f"{TERM}out-of-vocabulary", ""),
    ("OOV", f"{TERM}out-of-vocabulary", ""),
    ("round trip", f"{TERM}round-trip", ""),
    ("vocabulary size", CHAPTER, "sec-vocabulary-size"),
    ("bits per byte", f"{TERM}bits-per-byte", ""),
    ("glossary", "reference/glossary.html", "sec-glossary"),
    ("cite", "reference/how-to-cite.html", "sec-how-to-cite"),
    ("exercise", "reference/exercises.html", "sec-list-of-exercises"),
    ("tokeniser", f"{TERM}tokenizer", ""),
    ("pretokenization", CHAPTER, "sec-pretokenization"),
    ("code point", f"{TERM}code-point", ""),
    ("prompt injection", CHAPTER, "sec-special-tokens"),
    ("Sennrich", CHAPTER, ""),
    ("study guide", "reference/study-guide.html", "sec-study-guide"),
    ("embed", f"{TERM}embedding", ""),
    ("attention", ATTENTION, ""),
    ("multi-head attention", ATTENTION, "sec-attention-multihead"),
    ("causal mask", ATTENTION, "sec-attention-masks"),
    ("cross-attention", ATTENTION, "sec-attention-cross"),
    ("RoPE", ATTENTION, "sec-attention-rope"),
    ("YaRN", ATTENTION, "sec-attention-rope-scaling"),
    ("ALiBi", f"{TERM}ALiBi", ""),
    ("induction head", ATTENTION, "sec-attention-induction"),
    ("KV cache", LENGTH, "sec-attention-cache"),
    ("grouped-query attention", LENGTH, "sec-attention-groups"),
    ("FlashAttention", LENGTH, "sec-attention-tiled"),
    ("sliding window", LENGTH, "sec-attention-windows"),
    ("linear attention", LENGTH, "sec-attention-linear"),
    ("residual stream", TRANSFORMER, "sec-transformer-stream"),
    ("RMSNorm", f"{TERM}RMSNorm", ""),
    ("SwiGLU", TRANSFORMER, "sec-transformer-swiglu"),
    ("weight tying", TRANSFORMER, "sec-transformer-tying"),
    ("logit lens", TRANSFORMER, "sec-transformer-lens"),
    ("miniature world", "reference/world-model.html", "sec-world"),
    ("reversal curse", f"{TERM}reversal-curse", ""),
    ("exposure", f"{TERM}exposure", ""),
    ("load_gguf", "api/llmguide.transformer.checkpoints.html#llmguide.transformer.checkpoints.load_gguf", ""),
]


FIRST_THREE = """[...document.querySelectorAll("#search-results li")].slice(0, 3).map(item => ({
    address: item.querySelector("a").getAttribute("href"),
    sections: [...item.querySelectorAll(".section-hit > a")].map(link => link.hash.slice(1)),
    marked: item.querySelectorAll("mark").length,
}))"""
# What the form does on the page of results, without reading the index of the book once more.
SEND = """query => {
    const form = document.querySelector("form[role=search]");
    form.elements.q.value = query;
    history.replaceState(null, "", "?" + new URLSearchParams(new FormData(form)));
    document.getElementById("search-results").replaceChildren();
    Search.init();
}"""
Answer = list[dict[str, Any]]


def first_three(window: Page) -> Answer:
    window.wait_for_selector(".search-summary:not(:empty)")
    answer: Answer = window.evaluate(FIRST_THREE)
    return answer


def search(window: Page, query: str) -> Answer:
    window.fill(".sidebar-search", query)
    window.press(".sidebar-search", "Enter")
    return first_three(window)


@pytest.fixture(scope="module")
def ask(windows: Windows, html_dir: Path) -> Iterator[Callable[[str], Answer]]:
    """Call ``ask(query)`` for the first three results. The first is typed; the others come from the page of results."""
    window = windows.open()
    window.goto((html_dir / "reference" / "bibliography.html").as_uri())
    search(window, "attention")

    @cache
    def answer(query: str) -> Answer:
        window.evaluate(SEND, query)
        return first_three(window)

    yield answer
    assert not windows.close(window)


@pytest.mark.parametrize(("query", "address", "section"), QUERIES)
def test_the_first_three_hold_what_was_meant(
    ask: Callable[[str], Answer], query: str, address: str, section: str
) -> None:
    results = ask(query)
    found = next((result for result in results if result["address"].startswith(address)), None)
    assert found, f"{address} is not among {[result['address'] for result in results]}"
    assert not section or section in found["sections"]


@pytest.mark.parametrize("query", ["OOV", "normalisation", "<|endoftext|>", "Σ"])
def test_a_query_that_is_typed_finds_the_same_and_a_result_quotes_it(
    visit: Callable[..., Page], ask: Callable[[str], Answer], query: str
) -> None:
    results = search(visit("index.html"), query)
    assert results == ask(query)
    assert results[-1]["marked"] > 0
