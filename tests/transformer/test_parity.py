"""Every architecture against `transformers` on small random models: logits, cache, text, gradients, and back."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformer_twins import (
    MAIN,
    VARIANTS,
    build,
    cached_apart,
    draw,
    float64_apart,
    gradients_apart,
    logits_apart,
    ours,
    padded_apart,
    saved_apart,
    scaled_apart,
    write,
)

from llmguide.transformer.model import Transformer

# Most of the time is the library's; the tests of each part take all ways through ours.
pytestmark = pytest.mark.no_cover

Pair = Callable[[str], tuple[Any, Transformer]]
ALL = MAIN | VARIANTS
DECODERS = [name for name, case in ALL.items() if case.kind != "bert"]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Gives the library's model of a name, and ours; tests change none of their weights."""

    @cache
    def pair_of(name: str) -> tuple[Any, Transformer]:
        theirs = build(ALL[name])
        return theirs, ours(theirs, tmp_path_factory.mktemp(name))

    return pair_of


@pytest.mark.parametrize("name", ALL)
def test_logits_are_the_library_s(pair: Pair, name: str) -> None:
    theirs, model = pair(name)
    assert logits_apart(theirs, model) <= 1e-5
    assert padded_apart(theirs, model) <= 1e-5


def test_kinds_of_tokens_and_padding_on_the_right_are_bert_s(pair: Pair) -> None:
    theirs, model = pair("bert")
    ids, kinds = draw(2, 10), draw(2, 10, seed=1) % 2
    real = torch.arange(10) < torch.tensor([[10], [6]])
    with torch.no_grad():
        expected = theirs(ids, token_type_ids=kinds, attention_mask=real.long()).logits
        found = model(ids, token_types=kinds, real=real)
    assert (found - expected)[real].abs().max() <= 1e-5


@pytest.mark.parametrize("name", DECODERS)
def test_logits_with_a_cache_are_the_library_s(pair: Pair, name: str) -> None:
    assert cached_apart(*pair(name)) <= 1e-5


@pytest.mark.parametrize("name", DECODERS)
def test_greedy_text_is_the_library_s(tmp_path: Path, name: str) -> None:
    theirs = build(ALL[name], scale=5.0)
    prompt = draw(3, 6)
    expected = theirs.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=20, do_sample=False, pad_token_id=0
    )
    assert torch.equal(write(ours(theirs, tmp_path), prompt, 20), expected)


@pytest.mark.parametrize("name", ALL)
def test_gradients_are_the_library_s(pair: Pair, name: str) -> None:
    assert gradients_apart(*pair(name)) <= 1e-5


@pytest.mark.parametrize("name", ALL)
def test_large_weights_add_no_more_than_the_library_s_own_rounding(tmp_path: Path, name: str) -> None:
    found, own = scaled_apart(ALL[name], tmp_path)
    assert found <= 2 * own


@pytest.mark.parametrize("name", ALL)
def test_in_float64_the_two_are_the_same(tmp_path: Path, name: str) -> None:
    assert float64_apart(ALL[name], tmp_path) <= 1e-10


@pytest.mark.parametrize("name", ALL)
def test_the_library_loads_what_is_saved(tmp_path: Path, name: str) -> None:
    assert saved_apart(ALL[name], tmp_path, 20_000 if name in MAIN else None) <= 1e-5
    shards = list((tmp_path / "ours").glob("model-*.safetensors"))
    assert (len(shards) > 3) == (name in MAIN)


@pytest.mark.parametrize("name", MAIN)
def test_shards_and_one_file_give_the_same_model(tmp_path: Path, name: str) -> None:
    theirs = build(MAIN[name])
    whole = ours(theirs, tmp_path / "whole").state_dict()
    spread = ours(theirs, tmp_path / "spread", "20KB").state_dict()
    assert len(list((tmp_path / "spread").glob("*.safetensors"))) > 1
    assert all(torch.equal(weight, spread[name]) for name, weight in whole.items())


def test_a_bare_bert_gives_the_library_s_vectors(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = transformers.BertModel(transformers.BertConfig(**MAIN["bert"].options)).eval()
    model = ours(theirs, tmp_path)
    ids = draw(2, 9)
    with torch.no_grad():
        assert (model(ids) - theirs(ids).last_hidden_state).abs().max() <= 1e-5


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_of_16_bits_are_read_and_kept(tmp_path: Path, dtype: torch.dtype) -> None:
    theirs = build(MAIN["llama"]).to(dtype)
    assert ours(theirs, tmp_path / "single").embedding.tokens.weight.dtype == torch.float32
    model = ours(theirs, tmp_path / "half", dtype=dtype)
    assert model.embedding.tokens.weight.dtype == dtype
    assert torch.equal(model.embedding.tokens.weight, theirs.model.embed_tokens.weight)
