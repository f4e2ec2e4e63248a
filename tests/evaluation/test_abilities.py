"""Answers and likelihoods, each against what a model says of one text at a time."""

import math

import pytest
import torch
from torch.nn import functional as F

from llmguide.decoding.generation import generate
from llmguide.evaluation.abilities import abilities, answer, log_likelihoods, shares
from llmguide.tokenizers.tokenizer import Tokenizer
from llmguide.tokenizers.training import train_tokenizer
from llmguide.transformer.architectures import llama
from llmguide.transformer.initialization import initialize
from llmguide.transformer.model import Transformer
from llmguide.world.items import Item

END = "<|endoftext|>"
ITEMS = [
    Item("sum", "Question: What is 2 + 3? Answer:", " 5.", "2+3"),
    Item("town", "Balamere lies in", " Masaria.", "Balamere"),
    Item("sum", "1 + 1 =", " 2.", "1+1"),
    Item("town", "The river at Balamere is the", " Vodish, which floods it.", "Balamere"),
]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer([item.document for item in ITEMS] * 3, 300, special_tokens=(END,))


@pytest.fixture(scope="module")
def model(tokenizer: Tokenizer) -> Transformer:
    config = llama(
        vocab_size=tokenizer.vocab_size, context_length=96, d_model=32, n_layers=2, n_heads=2, n_kv_heads=1, d_hidden=48
    )
    made = Transformer(config)
    initialize(made, torch.Generator().manual_seed(0), 0.3)
    return made.eval()


def test_answers_in_batches_are_those_of_each_prompt_alone(model: Transformer, tokenizer: Tokenizer) -> None:
    stop = tokenizer.model.ids[END]
    alone = []
    for item in ITEMS:
        room = len(tokenizer.encode_ids(item.answer)) + 8
        (ids,) = generate(model, [tokenizer.encode_ids(item.prompt)], max_new_tokens=room, stop_ids=[stop])
        alone.append(tokenizer.decode([number for number in ids if number != stop]))
    for batch in (1, 4):
        together = answer(model, tokenizer, ITEMS, stop_id=stop, batch=batch)
        # In a batch the longest answer decides how much may be written; alone, a character may have been cut in two.
        assert all(one.startswith(other.rstrip("\ufffd")) for one, other in zip(together, alone, strict=True))
    assert any(alone)


def test_the_token_that_ends_a_text_is_not_part_of_it(model: Transformer, tokenizer: Tokenizer) -> None:
    free = answer(model, tokenizer, ITEMS[:1], stop_id=tokenizer.model.ids[END])[0]
    ids = generate(model, [tokenizer.encode_ids(ITEMS[0].prompt)], max_new_tokens=4)[0]
    cut = answer(model, tokenizer, ITEMS[:1], stop_id=ids[1])[0]
    assert cut == tokenizer.decode([number for number in ids[:1] if number != ids[1]])
    assert free.startswith(cut)


def test_a_prompt_that_leaves_no_room_is_refused(model: Transformer, tokenizer: Tokenizer) -> None:
    with pytest.raises(ValueError, match="context_length"):
        answer(model, tokenizer, [Item("long", "Balamere " * 200, " x.", "")], stop_id=0)


def test_likelihoods_are_those_of_cross_entropy(model: Transformer, tokenizer: Tokenizer) -> None:
    expected = []
    for item in ITEMS:
        prompt, after = tokenizer.encode_ids(item.prompt), tokenizer.encode_ids(item.answer)
        with torch.no_grad():
            logits = model(torch.tensor([prompt + after]))[0, len(prompt) - 1 : -1]
        expected.append(-F.cross_entropy(logits, torch.tensor(after), reduction="sum").item())
    for batch in (1, 3):
        torch.testing.assert_close(
            log_likelihoods(model, tokenizer, ITEMS, batch=batch), torch.tensor(expected), rtol=1e-4, atol=1e-4
        )


def test_answers_of_one_token_share_all_of_the_probability(model: Transformer, tokenizer: Tokenizer) -> None:
    tokens = [chr(33 + place) for place in range(90)]
    single = [Item("one", "Balamere lies in", token, "") for token in tokens if len(tokenizer.encode_ids(token)) == 1]
    assert 0 < log_likelihoods(model, tokenizer, single).exp().sum() < 1
    longer = log_likelihoods(model, tokenizer, [ITEMS[1], Item("town", ITEMS[1].prompt, " Masaria", "")])
    assert longer[0] < longer[1]


@pytest.mark.parametrize("item", [Item("a", "", " x", ""), Item("a", "x", "", "")])
def test_nothing_to_ask_is_refused(model: Transformer, tokenizer: Tokenizer, item: Item) -> None:
    with pytest.raises(ValueError, match="needs a prompt and an answer"):
        log_likelihoods(model, tokenizer, [item])


def test_abilities_count_by_kind(model: Transformer, tokenizer: Tokenizer) -> None:
    found = abilities(
        model, tokenizer, ITEMS, stop_id=tokenizer.model.ids[END], grade=lambda item, text: item.key == "2+3"
    )
    assert found == {"sum": 0.5, "town": 0.0}
    assert math.isclose(sum(shares(ITEMS, [True] * 4).values()), 2)
