"""The book's own model as it lies in the repository: the weights are those of the record, and others can load them."""

import zlib
from pathlib import Path

import pytest
import torch
import transformers

from llmguide.evaluation.abilities import abilities
from llmguide.experiments.files import results_directory
from llmguide.experiments.records import load, number
from llmguide.experiments.world_model import EXPERIMENT, settings
from llmguide.training.assembly import END
from llmguide.training.toml_config import load_config, read_settings
from llmguide.transformer.checkpoints import Loaded, load_folder
from llmguide.world.exam import exam, grade
from llmguide.world.facts import published

ROOT = Path(__file__).parents[2]
FOLDER = results_directory() / "world-model"
MOST_PARAMETERS = 2_900_000
MOST_BYTES = 6_000_000


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return load_folder(FOLDER)


def test_the_file_for_the_command_says_what_the_experiment_does() -> None:
    config = load_config(ROOT / "datasets" / "world" / "model.toml")
    expected = settings(EXPERIMENT.config, 0, config.output.directory)
    assert config == expected


def test_the_folder_was_trained_with_these_settings() -> None:
    config = settings(EXPERIMENT.config, 0, "world-model")
    assert read_settings(FOLDER / "train.toml") == {
        key: value for key, value in config.settings.items() if value is not None
    }


def test_the_weights_are_those_that_were_examined() -> None:
    content = (FOLDER / "model.safetensors").read_bytes()
    assert len(content) <= MOST_BYTES
    assert zlib.crc32(content) == number(load("world-model").per_seed["0"], "weights.crc32")


def test_it_is_small(loaded: Loaded) -> None:
    assert sum(parameter.numel() for parameter in loaded.model.parameters()) <= MOST_PARAMETERS


@pytest.mark.no_cover
def test_transformers_loads_it_with_equal_logits(loaded: Loaded) -> None:
    assert loaded.tokenizer is not None
    theirs = transformers.AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32)
    words = transformers.AutoTokenizer.from_pretrained(FOLDER)
    for item in exam(published(), "test", per_kind=1):
        ids = loaded.tokenizer.encode_ids(item.document)
        assert words.encode(item.document) == ids
        with torch.no_grad():
            logits = theirs(torch.tensor([ids])).logits
            torch.testing.assert_close(loaded.model(torch.tensor([ids])), logits, atol=1e-4, rtol=1e-4)


@pytest.mark.no_cover
@pytest.mark.parametrize("kind", ["question-asked", "addition-3-steps", "inverse-spouse-untold"])
def test_an_ability_is_found_again(loaded: Loaded, kind: str) -> None:
    assert loaded.tokenizer is not None
    items = exam(published(), "test", [kind], EXPERIMENT.config.per_kind)
    stop_id = loaded.tokenizer.model.ids[END]
    found = abilities(loaded.model, loaded.tokenizer, items, stop_id=stop_id, grade=grade)
    # On another machine two answers that are as good as equal may change places.
    assert found[kind] == pytest.approx(number(load("world-model").per_seed["0"], f"abilities.{kind}"), abs=0.02)
