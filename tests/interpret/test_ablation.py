"""What is left out makes no difference to the model any more."""

import pytest
import torch

from llmguide.interpret.ablation import replace_stream, silence
from llmguide.transformer import Tap, Transformer, initialize, llama
from llmguide.transformer.block import Block

IDS = torch.tensor([[3, 1, 4, 1, 5]])


def built() -> Transformer:
    """Return a model whose weights are large enough for every part to matter."""
    model = Transformer(
        llama(vocab_size=11, context_length=8, d_model=8, n_layers=2, n_heads=2, n_kv_heads=1, d_hidden=16)
    )
    initialize(model, torch.Generator().manual_seed(0), std=0.3)
    return model.double().eval()


@pytest.mark.parametrize("part", ["attention", "feedforward"])
@torch.no_grad()
def test_a_silent_part_is_one_whose_last_matrix_is_zero(part: str) -> None:
    model = built()
    silent = model(IDS, tap=Tap([], silence(part, 2)))
    assert not torch.allclose(silent, model(IDS))
    for block in model.blocks:
        assert isinstance(block, Block)
        last = block.attention.output if part == "attention" else block.feedforward.get_submodule("down")
        last.weight.zero_()  # type: ignore[operator, union-attr]
    torch.testing.assert_close(silent, model(IDS))


@torch.no_grad()
def test_a_replaced_stream_is_what_the_parts_return_one_after_the_other() -> None:
    model = built()
    tap = Tap(["*.attention.output", "*.feedforward.output", "logits"], replace_stream(2))
    logits = model(IDS, tap=tap)
    last = tap.tensors["blocks.1.feedforward.output"]
    assert model.final_norm is not None
    torch.testing.assert_close(logits, model.project(model.final_norm(last)))
    block = model.blocks[0]
    assert isinstance(block, Block)
    expected = block.feedforward(block.feedforward_norm(tap.tensors["blocks.0.attention.output"]))
    torch.testing.assert_close(tap.tensors["blocks.0.feedforward.output"], expected)


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(ValueError, match="part must be 'attention' or 'feedforward', not 'norm'"):
        silence("norm", 2)
