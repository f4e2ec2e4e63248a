"""A model is asked to repeat tokens."""

from dataclasses import replace

import pytest
from published_twins import require

from llmguide.interpret.repeating import repeat_probabilities
from llmguide.transformer.checkpoints import Loaded
from llmguide.transformer.model import Transformer
from llmguide.transformer.published import smollm2


@pytest.fixture(scope="module")
def smol() -> Loaded[Transformer]:
    require("smollm2")
    return smollm2()


def test_a_known_token_is_repeated_and_an_unused_one_is_not(smol: Loaded[Transformer]) -> None:
    assert smol.tokenizer is not None
    door, unused = smol.tokenizer.encode_ids(" door")[0], smol.tokenizer.model.ids["<gh_stars>"]
    known, unknown = repeat_probabilities(smol, [door, unused])
    assert known > 0.2
    assert unknown < 0.01
    assert repeat_probabilities(smol, [door]) == pytest.approx([known], rel=1e-4)
    assert repeat_probabilities(smol, [unused, *[door] * 14, unused])[1:15] == pytest.approx([known] * 14, rel=1e-4)
    with pytest.raises(ValueError, match="tokens holds 49152; the model has tokens 0 to 49151"):
        repeat_probabilities(smol, [49152])
    with pytest.raises(ValueError, match="loaded has no tokenizer to write the prompt with"):
        repeat_probabilities(replace(smol, tokenizer=None), [door])
