"""A batch depends on the seed and the step alone, and every epoch takes each row once."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest
import torch

from llmguide.training.batches import Batch, PackedBatches, batch_logits, batch_of, in_order
from llmguide.training.packing import pack
from llmguide.transformer import Transformer, bert, gpt2, mistral

PACKED = pack([[number] * 5 for number in range(1, 12)], length=6, end=0)  # one document a row


def firsts(batch: Batch) -> list[int]:
    """Return the first token of each row, which names the row."""
    return batch.ids[:, 0].tolist()


def test_every_epoch_takes_each_row_once_in_an_order_of_its_own() -> None:
    batches = PackedBatches(PACKED, 4, seed=3)
    line = [row for step in range(11) for row in firsts(batches(step))]
    epochs = [line[start : start + 11] for start in range(0, 44, 11)]
    assert all(Counter(epoch) == Counter(range(1, 12)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_a_batch_does_not_depend_on_what_was_asked_before() -> None:
    forward, backward = PackedBatches(PACKED, 4, seed=3), PackedBatches(PACKED, 4, seed=3)
    there = [firsts(forward(step)) for step in range(20)]
    back = [firsts(backward(step)) for step in reversed(range(20))]
    assert there == back[::-1]
    assert there != [firsts(PackedBatches(PACKED, 4, seed=4)(step)) for step in range(20)]


def test_another_process_makes_the_same_batches() -> None:
    script = (
        "from llmguide.training.batches import PackedBatches; from llmguide.training.packing import pack\n"
        "packed = pack([[number] * 5 for number in range(1, 12)], length=6, end=0)\n"
        "print(PackedBatches(packed, 4, seed=3)(7).ids.tolist())"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.strip() == str(PackedBatches(PACKED, 4, seed=3)(7).ids.tolist())


def test_a_step_may_take_more_rows_than_there_are() -> None:
    assert Counter(firsts(PackedBatches(PACKED, 22, seed=0)(0))) == dict.fromkeys(range(1, 12), 2)


@pytest.mark.parametrize("size", [0, -1])
def test_no_rows_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"need at least one row, and size \\({size}\\) >= 1"):
        PackedBatches(PACKED, size, seed=0)


@pytest.mark.parametrize("parts", [1, 2, 3, 5])
def test_the_parts_of_a_batch_are_the_batch(parts: int) -> None:
    batch = PackedBatches(PACKED, 5, seed=0)(0)
    shares = [batch.part(number, parts) for number in range(parts)]
    assert torch.equal(torch.cat([share.ids for share in shares]), batch.ids)
    assert sum(share.tokens for share in shares) == batch.tokens
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert [name for name, _ in batch.tensors()] == ["ids", "targets", "documents", "positions"]


def test_fewer_rows_than_parts_are_refused() -> None:
    with pytest.raises(ValueError, match="2 rows cannot be shared among 3 parts; take more rows a step"):
        PackedBatches(PACKED, 2, seed=0)(0).part(0, 3)


def test_all_rows_in_order() -> None:
    assert [firsts(batch) for batch in in_order(PACKED, 4)] == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11]]


def test_a_batch_of_plain_rows_is_what_the_model_takes() -> None:
    model = Transformer(gpt2(vocab_size=16, context_length=8, d_model=8, n_layers=1, n_heads=2))
    ids = torch.tensor([[1, 2, 3]])
    assert torch.equal(batch_logits(model, Batch(ids, ids)), model(ids))


def test_a_bidirectional_model_sees_the_whole_document_and_no_other() -> None:
    model = Transformer(bert(vocab_size=16, context_length=8, d_model=8, n_layers=1, n_heads=2)).eval()
    packed = pack([[1, 2], [3, 4]], length=6, end=0)
    logits = batch_logits(model, batch_of(packed, torch.tensor([0])))
    torch.testing.assert_close(logits[0, 3:], model(torch.tensor([[3, 4, 0]]))[0])


def test_sinks_of_a_row_are_refused() -> None:
    small = {"vocab_size": 16, "context_length": 8, "d_model": 8, "n_layers": 1, "n_heads": 2}
    config = mistral(**small, n_kv_heads=1, d_hidden=8, window=2)
    model = Transformer(replace(config, mask=replace(config.mask, sinks=1)))
    with pytest.raises(ValueError, match="the sinks of a model are the first places of its row"):
        batch_logits(model, PackedBatches(PACKED, 1, seed=0)(0))
