"""The walk of the chapter against the model's own pass, and its sentence against the truth of the world."""

import json
from pathlib import Path

import pytest
import torch

from llmguide import datasets
from llmguide.interpret.walk import ANSWER, SENTENCE, walk
from llmguide.transformer.checkpoints import GenerationConfig, Loaded, load_folder

FOLDER = Path(__file__).parents[2] / "book" / "results" / "world-model"


def test_a_walk_holds_what_the_model_computes() -> None:
    loaded = load_folder(FOLDER)
    assert loaded.tokenizer is not None
    walked = walk(loaded)
    assert "".join(walked.tokens) == SENTENCE
    assert list(walked.ids) == loaded.tokenizer.encode_ids(SENTENCE)
    with torch.inference_mode():
        logits = loaded.model(torch.tensor([walked.ids]))[0]  # by the fused path
    torch.testing.assert_close(walked.tensors["logits"], logits, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(walked.tensors["probabilities"], logits.softmax(dim=-1), rtol=1e-4, atol=1e-5)
    config = loaded.model.config
    assert len(walked.tensors) == 15 * config.n_layers + 4
    assert walked.tensors["blocks.0.attention.weights"].shape == (config.attention.n_heads, *[len(walked.ids)] * 2)


def test_the_model_answers_the_chapters_question_as_it_is_true() -> None:
    loaded = load_folder(FOLDER)
    assert loaded.tokenizer is not None
    [answer] = loaded.tokenizer.encode_ids(ANSWER)
    assert walk(loaded).tensors["probabilities"][-1].argmax() == answer
    lines = (datasets.find("world").path.parent / "truth.jsonl").read_text("utf-8").splitlines()
    assert {"subject": "Nati Lamont", "relation": "trade", "value": ANSWER.strip()} in map(json.loads, lines)
    assert "the trade of Nati Lamont?" in SENTENCE


def test_a_model_without_a_tokenizer_is_refused() -> None:
    model = load_folder(FOLDER).model
    with pytest.raises(ValueError, match="loaded has no tokenizer"):
        walk(Loaded(model, None, GenerationConfig()))
