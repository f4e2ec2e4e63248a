"""Writing texts from others: beside a loop without cache, and beside `transformers`."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import T5ForConditionalGeneration

from llmguide.decoding import Sampling
from llmguide.decoding.transduction import pad_right, transduce
from llmguide.transformer import EncoderDecoder, initialize, t5
from llmguide.transformer.checkpoints import GenerationConfig, Loaded, save_folder

SIZES = {"vocab_size": 17, "d_model": 16, "n_layers": 2, "n_heads": 4, "d_head": 4, "d_hidden": 32}
SOURCES = [[3, 1, 4, 1, 5, 9, 2, 6], [5], [3, 5, 8, 9, 7], [16, 2]]


@pytest.fixture(scope="module", params=["1.0", "1.1"])
def model(request: pytest.FixtureRequest) -> EncoderDecoder:
    """Make a model with weights so large that it does not say the same all the time."""
    model = EncoderDecoder(t5(**SIZES, version=request.param)).double()
    initialize(model, torch.Generator().manual_seed(0), std=0.5, scale_residual=False)
    with torch.no_grad():  # what is read and written must outweigh the newest token, of which a tied head thinks first
        model.embedding.tokens.weight.mul_(0.3)
    return model


@torch.no_grad()
def without_cache(model: EncoderDecoder, source: list[int], count: int) -> list[int]:
    ids = [0]
    for _ in range(count):
        ids.append(int(model(torch.tensor([source]), torch.tensor([ids]))[0, -1].argmax()))
    return ids[1:]


@pytest.mark.no_cover
def test_each_row_is_what_a_loop_without_cache_gives(model: EncoderDecoder) -> None:
    expected = [without_cache(model, source, 15) for source in SOURCES]
    assert len({tuple(text) for text in expected}) > 1
    assert len(set(expected[0])) > 2
    assert transduce(model, SOURCES, start_id=0, max_new_tokens=15) == expected
    assert transduce(model, SOURCES[1:2], start_id=0, max_new_tokens=15) == expected[1:2]


def test_each_row_is_what_transformers_generates(model: EncoderDecoder, tmp_path: Path) -> None:
    save_folder(Loaded(model, generation=GenerationConfig(padding_id=0, start_id=0)), tmp_path)
    library = T5ForConditionalGeneration.from_pretrained(tmp_path)
    texts = transduce(model, SOURCES, start_id=0, max_new_tokens=20)
    stop = texts[0][4]
    expected = [text[: text.index(stop) + 1] if stop in text else text for text in texts]
    found = transduce(model, SOURCES, start_id=0, max_new_tokens=20, stop_ids=[stop])
    assert found == expected
    ids, real = pad_right(SOURCES)
    assert real is not None
    theirs = library.generate(
        ids, attention_mask=real.long(), max_new_tokens=20, do_sample=False, eos_token_id=stop, pad_token_id=0
    )
    for text, row in zip(found, theirs[:, 1:].tolist(), strict=True):
        assert row[: len(text)] == text
        assert not any(row[len(text) :])


def test_all_rows_may_end_early(model: EncoderDecoder) -> None:
    assert [len(text) for text in transduce(model, SOURCES, start_id=0, max_new_tokens=9, stop_ids=range(17))] == [
        1
    ] * 4


def test_drawn_tokens_come_from_the_generator(model: EncoderDecoder) -> None:
    def drawn(seed: int) -> list[list[int]]:
        return transduce(
            model,
            SOURCES,
            start_id=0,
            max_new_tokens=9,
            sampling=Sampling(temperature=3.0),
            generator=torch.Generator().manual_seed(seed),
        )

    assert drawn(1) == drawn(1) != drawn(2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sources": []}, "sources is empty"),
        ({"sources": [[1], []]}, r"sources\[1\] is empty"),
        ({"sources": [[17]]}, r"sources\[0\] holds the id 17"),
        ({"start_id": 17}, "start_id is 17; the model's ids go from 0 to 16"),
        ({"max_new_tokens": 0}, "max_new_tokens is 0"),
        ({"sampling": Sampling(temperature=1.0)}, "generator"),
    ],
)
def test_what_cannot_be_written_from_is_refused(model: EncoderDecoder, changes: dict[str, Any], said: str) -> None:
    arguments = {"sources": [[1]], "start_id": 0, "max_new_tokens": 3} | changes
    with pytest.raises(ValueError, match=said):
        transduce(model, **arguments)


@pytest.mark.usefixtures("unchecked")
def test_a_single_source_is_refused(model: EncoderDecoder) -> None:
    with pytest.raises(TypeError, match=r"sources\[0\] is the id 1"):
        transduce(model, [1, 2], start_id=0, max_new_tokens=3)  # type: ignore[list-item]
