"""Vectors of sentences, against `transformers` and `tokenizers` on the same files."""

import os
from dataclasses import replace

import pytest
import tokenizers
import torch
import transformers
from torch.nn import functional as F

from llmguide.embeddings.sentences import embed, mean_pool
from llmguide.tokenizers import BERT, train_tokenizer
from llmguide.transformer.architectures import bert
from llmguide.transformer.checkpoints import Loaded
from llmguide.transformer.model import Transformer
from llmguide.transformer.published import MINILM, minilm

TEXTS = [
    "A man is playing the guitar.",
    "Someone makes music on an instrument.",
    "The stock market fell sharply on Monday.",
    "",
    "naïve café — 東京 🙂",
    "one two three " * 200,
    "Shares lost much of their value at the beginning of the week.",
]


@pytest.fixture(scope="module")
def published() -> Loaded:
    """All-MiniLM-L6-v2."""
    try:
        return minilm()
    except FileNotFoundError as error:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(error))
        raise


def by_the_library(texts: list[str]) -> torch.Tensor:
    """Do the same with the library's model and tokenizer."""
    folder = MINILM[0].find().parent
    model = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    vectors = []
    for text in texts:
        ids = torch.tensor([tokenizer.encode(text).ids])
        with torch.no_grad():
            vectors.append(model(ids).last_hidden_state.mean(1))
    return F.normalize(torch.cat(vectors), dim=-1)


def test_vectors_are_the_library_s(published: Loaded) -> None:
    assert published.tokenizer is not None
    expected = by_the_library(TEXTS)
    for size in (1, 3, 32):
        found = embed(TEXTS, published.model, published.tokenizer, batch_size=size)
        assert (found * expected).sum(-1).min() >= 0.99999
        assert torch.allclose(found.norm(dim=-1), torch.ones(len(TEXTS)))


def test_near_meanings_are_near(published: Loaded) -> None:
    assert published.tokenizer is not None
    vectors = embed(TEXTS, published.model, published.tokenizer)
    likeness = vectors @ vectors.T
    assert likeness[0, 1] > 0.4 > likeness[0, 2]
    assert likeness[2, 6] > 0.4 > likeness[2, 0]


def test_no_texts_have_no_vectors(published: Loaded) -> None:
    assert published.tokenizer is not None
    assert embed([], published.model, published.tokenizer).shape == (0, 384)


def test_only_what_is_real_is_averaged() -> None:
    hidden = torch.tensor([[[2.0, 0.0], [4.0, 2.0], [float("nan"), 9.0]]])
    assert mean_pool(hidden, torch.tensor([[True, True, False]])).tolist() == [[3.0, 1.0]]
    with pytest.raises(ValueError, match="row 1 has no real position"):
        mean_pool(torch.ones(2, 2, 1), torch.tensor([[True, True], [False, False]]))


def test_what_does_not_fit_is_refused() -> None:
    special = ("[CLS]", "[SEP]")
    tokenizer = train_tokenizer(
        ["a few words"],
        vocab_size=40,
        algorithm="wordpiece",
        pretokenizer=BERT,
        special_tokens=special,
        unknown="[UNK]",
    )
    config = bert(vocab_size=40, context_length=16, d_model=8, n_layers=1, n_heads=2, head="none")
    model = Transformer(config)
    assert embed(["a few"], model, tokenizer, longest=16).shape == (1, 8)
    for options, message in [
        ({"longest": 1}, "longest must be 2 to the model's 16, not 1"),
        ({"longest": 17}, "longest must be 2 to the model's 16, not 17"),
        ({"longest": 16, "batch_size": 0}, "batch_size must be at least 1, not 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            embed(["a"], model, tokenizer, **options)
    with pytest.raises(ValueError, match="the model's head is 'masked'; expected 'none'"):
        embed(["a"], Transformer(replace(config, head="masked")), tokenizer)
    bare = train_tokenizer(["a few words"], vocab_size=270)
    with pytest.raises(ValueError, match=r"the tokenizer has no \[CLS\]; expected BERT's"):
        embed(["a"], model, bare, longest=16)
