"""Packing loses nothing, keeps the order of each document, and lets no document see another."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from llmguide.training.batches import Batch, batch_logits, batch_of
from llmguide.training.loop import IGNORED
from llmguide.training.packing import FILLER, OPEN_ROWS, Packed, pack
from llmguide.transformer import Transformer, gpt2, initialize, llama, mistral

END = 0
DOCUMENTS = st.lists(st.lists(st.integers(1, 9), max_size=12), min_size=1, max_size=60)


def pieces(packed: Packed) -> dict[int, list[list[int]]]:
    """Return the pieces of each document in the order of the rows."""
    found: dict[int, list[list[int]]] = {}
    for ids, documents in zip(packed.ids.tolist(), packed.documents.tolist(), strict=True):
        for number, group in itertools.groupby(zip(documents, ids, strict=True), key=lambda pair: pair[0]):
            if number != FILLER:
                found.setdefault(number, []).append([token for _, token in group])
    return found


@pytest.mark.no_cover
@given(DOCUMENTS, st.integers(2, 8))
def test_every_token_is_there_once_and_in_order(documents: list[list[int]], length: int) -> None:
    packed = pack(documents, length, END)
    found = pieces(packed)
    assert sorted(found) == list(range(len(documents)))
    for number, document in enumerate(documents):
        whole = [*document, END]
        # A tail goes where it fits, which may be a row before that of its beginning.
        expected = [whole[start : start + length] for start in range(0, len(whole), length)]
        assert sorted(found[number]) == sorted(expected)
        if len(whole) <= length:
            assert found[number] == [whole]
    assert packed.tokens == sum(len(document) + 1 for document in documents)
    assert (packed.ids[packed.documents == FILLER] == END).all()


@given(DOCUMENTS, st.integers(2, 8))
def test_each_piece_counts_its_places_from_zero(documents: list[list[int]], length: int) -> None:
    packed = pack(documents, length, END)
    starts = torch.ones_like(packed.documents, dtype=torch.bool)
    starts[:, 1:] = packed.documents[:, 1:] != packed.documents[:, :-1]
    assert (packed.positions[starts] == 0).all()
    steps = packed.positions[:, 1:] - packed.positions[:, :-1]
    assert (steps[~starts[:, 1:]] == 1).all()


@given(DOCUMENTS, st.integers(2, 8))
def test_each_target_is_the_next_token_of_the_same_document(documents: list[list[int]], length: int) -> None:
    packed = pack(documents, length, END)
    batch = batch_of(packed, torch.arange(len(packed)))
    expected = sum(len(piece) - 1 for each in pieces(packed).values() for piece in each)
    assert batch.tokens == expected
    rows, places = (batch.targets != IGNORED).nonzero(as_tuple=True)
    assert torch.equal(batch.targets[rows, places], packed.ids[rows, places + 1])
    assert torch.equal(packed.documents[rows, places], packed.documents[rows, places + 1])


def test_a_document_goes_where_it_leaves_the_least_room() -> None:
    packed = pack([[1] * 4, [2] * 5, [3] * 2, [4] * 3], length=9, end=END)
    assert packed.documents.tolist() == [[0] * 5 + [3] * 4, [1] * 6 + [2] * 3]


def test_with_many_rows_open_little_is_wasted() -> None:
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(5, 60, (2000,), generator=generator).tolist()
    packed = pack([[1] * length for length in lengths], length=128, end=END)
    assert packed.tokens / packed.ids.numel() > 0.97
    assert len(packed) > OPEN_ROWS


def test_an_endless_stream_fills_as_many_rows_as_are_wanted() -> None:
    packed = pack(([1] * (1 + number % 5) for number in itertools.count()), length=8, end=END, rows=40)
    assert packed.ids.shape == (40, 8)
    assert packed.tokens > 0.9 * 40 * 8


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"length": 1}, r"length \(1\) >= 2"),
        ({"end": -1}, r"end \(-1\) >= 0"),
        ({"rows": 0}, r"rows \(0\) >= 1"),
        ({"documents": []}, "there is no document to pack"),
    ],
)
def test_what_cannot_be_packed_is_refused(settings: dict[str, object], message: str) -> None:
    given = {"documents": [[1]], "length": 4, "end": 0, "rows": None} | settings
    with pytest.raises(ValueError, match=message):
        pack(**given)  # type: ignore[arg-type]


SMALL = {"vocab_size": 16, "context_length": 16, "d_model": 16, "n_layers": 2, "n_heads": 2}
MODELS = {
    "gpt2": gpt2(**SMALL),
    "llama": llama(**SMALL, n_kv_heads=1, d_hidden=24, head="tied"),
    "mistral": mistral(**SMALL, n_kv_heads=1, d_hidden=24, window=3),
}


def model_of(name: str) -> Transformer:
    """Return a small model with random weights."""
    model = Transformer(MODELS[name])
    initialize(model, torch.Generator().manual_seed(1), std=0.5)
    return model.eval()


def losses(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Return the loss of each position."""
    return F.cross_entropy(logits.transpose(1, 2), batch.targets, ignore_index=IGNORED, reduction="none")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("changed", [0, 1, 2])
def test_no_document_sees_another(name: str, changed: int) -> None:
    documents = [[3, 4, 5], [6, 7, 8, 9], [10, 11]]
    others = [list(document) for document in documents]
    others[changed] = [15 - token for token in documents[changed]]
    model = model_of(name)
    before, after = (
        batch_of(packed, torch.arange(1)) for packed in (pack(texts, 14, END) for texts in (documents, others))
    )
    assert before.documents is not None
    outside = before.documents != changed
    with torch.no_grad():
        first, second = batch_logits(model, before), batch_logits(model, after)
    assert torch.equal(first[outside], second[outside])
    assert torch.equal(losses(first, before)[outside], losses(second, after)[outside])
    assert not torch.equal(first[~outside], second[~outside])


@pytest.mark.parametrize("name", MODELS)
def test_a_packed_document_has_the_logits_that_it_has_alone(name: str) -> None:
    documents = [[3, 4, 5], [6, 7, 8, 9], [10, 11]]
    model, packed = model_of(name), pack(documents, 14, END)
    with torch.no_grad():
        together = batch_logits(model, batch_of(packed, torch.arange(1)))
        for number, document in enumerate(documents):
            alone = model(torch.tensor([[*document, END]]))[0]
            torch.testing.assert_close(together[packed.documents == number], alone, rtol=1e-4, atol=1e-5)


def test_no_gradient_crosses_from_one_document_to_another() -> None:
    model, packed = model_of("llama"), pack([[3, 4, 5], [6, 7, 8, 9]], 10, END)
    batch = batch_of(packed, torch.arange(1))
    torch.autograd.backward(losses(batch_logits(model, batch), batch)[packed.documents == 1].sum())
    gradient = model.embedding.tokens.weight.grad
    assert gradient is not None
    alone = model_of("llama")
    row = torch.tensor([[6, 7, 8, 9, END]])
    torch.autograd.backward(F.cross_entropy(alone(row)[0, :-1], row[0, 1:], reduction="sum"))
    torch.testing.assert_close(gradient, alone.embedding.tokens.weight.grad, rtol=1e-4, atol=1e-5)
