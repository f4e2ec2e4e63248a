"""The directive for widgets, and the data that the tokenizer playground and the book's model are given."""

import base64
import doctest
import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from _extensions import playground_data, search_index, world_model_data
from small_book import SmallBook, widget_book
from sphinx.errors import ExtensionError
from world_model_stand_in import END, shape, stand_in, train

from llmguide.tokenizers import Tokenizer, published, train_tokenizer
from llmguide.tokenizers.normalizers import Lowercase
from llmguide.tokenizers.pretokenizers import CL100K, GPT2, SMOLLM
from llmguide.transformer.checkpoints import load_folder
from llmguide.transformer.masks import MaskConfig

WIDGET = "```{{widget}} {name}\n:alt: A drawing.\n\nA caption.\n```\n"


@pytest.mark.parametrize("module", [playground_data, search_index])
def test_examples_in_docstrings(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.attempted > 0
    assert result.failed == 0


def test_an_unknown_widget_ends_the_build(tmp_path: Path) -> None:
    book = SmallBook(tmp_path, ["_extensions.widgets"], {"index": "# Page\n\n" + WIDGET.format(name="slide-rule")})
    with pytest.raises(ExtensionError, match=r"no widget 'slide-rule'; there are: .*, tokenizer-playground"):
        book.build()


def test_gpt2s_merges_make_its_tokens() -> None:
    merges = playground_data.learned_merges(published.load("gpt2"))
    assert len(merges) == 50_000
    assert merges[:3] == (("Ġ", "t"), ("Ġ", "a"), ("h", "e"))  # as in the first lines of its `vocab.bpe`
    assert tuple(left + right for left, right in merges) == published.load("gpt2").model.tokens[256:-1]


def test_ranges_hold_what_they_were_made_from() -> None:
    points = {0, 1, 5, 0x10FFFF}
    numbers = [int(digits, 36) for digits in playground_data.ranges(points).split()]
    found, point = set(), 0
    for gap, length in zip(numbers[::2], numbers[1::2], strict=True):
        found |= set(range(point + gap, point + gap + length))
        point += gap + length
    assert found == points


@pytest.mark.parametrize("special", [[], ["<|a|>", "<|b|>"]])
def test_other_vocabularies_are_refused(special: list[str]) -> None:
    tokenizer: Tokenizer = train_tokenizer(["low lower"], vocab_size=262, special_tokens=special)
    with pytest.raises(ValueError, match="special"):
        playground_data.vocabulary(tokenizer)


# -- The book's model --------------------------------------------------------------------------------------------------
def test_the_weights_are_those_of_the_folder(tmp_path: Path) -> None:
    stand_in(tmp_path / "world-model", begin_id=0)
    written = world_model_data.scripts(tmp_path)
    data = json.loads(written["data.js"].removeprefix("const WORLD_MODEL = ").removesuffix(";\n"))
    packed = base64.b64decode(written["weights.js"].split('"')[1])
    assert zlib.crc32(packed) == data["checksum"]
    numbers = torch.frombuffer(bytearray(packed), dtype=torch.float16)
    assert len(numbers) == data["parameters"] == sum(size for _, size in data["tensors"])
    state, start = load_folder(tmp_path / "world-model").model.state_dict(), 0
    for name, size in data["tensors"]:
        assert torch.equal(numbers[start : start + size].float(), state.pop(name).flatten())
        start += size
    assert not state
    assert data["begin"] == 0
    assert data["stop"] == [train().model.ids[END]]
    assert data["config"]["nKvHeads"] == 2
    assert data["vocabulary"]["digits"]
    assert len(data["examples"]) == len(world_model_data.EXAMPLES)


@pytest.mark.parametrize(("cutter", "digits"), [(GPT2, False), (SMOLLM, True)])
def test_digits_together_or_alone(tmp_path: Path, cutter: object, digits: bool) -> None:
    stand_in(tmp_path / "world-model", tokenizer=train(cutter))  # type: ignore[arg-type]
    assert f'"digits": {json.dumps(digits)}' in world_model_data.scripts(tmp_path)["data.js"]


def other_shape() -> object:
    return replace(shape(700), mask=MaskConfig("causal", window=8))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (lambda: {"config": replace(shape(700), head="linear")}, "tied head"),
        (lambda: {"config": other_shape()}, "Llama's choices"),
        (lambda: {"config": shape(704)}, "700 of the model's 704 tokens"),
        (lambda: {"dtype": torch.float32}, "weights in torch.float32"),
        (lambda: {"tokenizer": train(CL100K)}, "cuts text as GPT-2 does"),
        (lambda: {"tokenizer": replace(train(), normalizer=Lowercase())}, "changes no text"),
    ],
)
def test_a_model_that_the_page_cannot_run_is_refused(
    tmp_path: Path, options: Callable[[], dict[str, object]], message: str
) -> None:
    stand_in(tmp_path / "world-model", **options())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        world_model_data.scripts(tmp_path)


def test_a_model_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    stand_in(tmp_path / "world-model")
    (tmp_path / "world-model" / "tokenizer.json").unlink()
    with pytest.raises(ValueError, match="no tokenizer"):
        world_model_data.scripts(tmp_path)


def test_a_missing_model_ends_the_build(tmp_path: Path) -> None:
    book = widget_book(tmp_path, "# Page\n\n" + WIDGET.format(name="world-model"), ["world_model"])
    with pytest.raises(ExtensionError, match=r"no model 'world-model' to draw from: .* has no config.json"):
        book.build()


def test_a_page_is_made_anew_when_its_model_changes(tmp_path: Path) -> None:
    book = widget_book(tmp_path, "# Page\n\n" + WIDGET.format(name="world-model"), ["world_model"])
    folder = tmp_path / "book" / "results" / "world-model"
    weights = book.outdir("html") / "_static" / "widgets" / "world-model" / "weights.js"
    drawn, kept = [], []
    for size in (700, 500):
        stand_in(folder, tokenizer=train(size=size))
        assert book.build() == {"index"}
        image = book.page("index").select_one("figure.widget img")
        assert image is not None
        drawn.append((book.outdir("html") / str(image["src"])).read_bytes())
        kept.append(weights.read_text("utf-8"))
    assert drawn[0] != drawn[1]
    assert kept[0] != kept[1]
    assert book.build() == set()
