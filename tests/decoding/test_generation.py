"""Writing on from prompts: beside a loop without cache, and rows beside themselves alone."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from llmguide.decoding import Sampling, generate, stream
from llmguide.decoding.generation import pad_left
from llmguide.transformer import ModelConfig, Transformer, gpt2, initialize, llama, mistral
from llmguide.transformer.checkpoints import Loaded, save_folder
from llmguide.transformer.positions import AlibiPositions

SIZES = {"vocab_size": 17, "context_length": 40, "d_model": 16, "n_layers": 2, "n_heads": 4}
GPT2 = gpt2(**SIZES)
LLAMA = llama(**SIZES, n_kv_heads=2, d_hidden=32)
CONFIGS = {
    "gpt2": GPT2,
    "llama": LLAMA,
    "window": mistral(**SIZES, n_kv_heads=2, d_hidden=32, window=4),
    "alibi": replace(GPT2, positions=AlibiPositions()),
}
PROMPTS = [[3, 1, 4, 1, 5, 9, 2, 6], [5], [3, 5, 8, 9, 7], [1, 16, 0, 3, 8, 4, 6, 2, 6]]


def model_of(config: ModelConfig) -> Transformer:
    """Make a model with weights so large that it does not say the same all the time."""
    model = Transformer(config).double()
    initialize(model, torch.Generator().manual_seed(3), std=0.3, scale_residual=False)
    return model


@pytest.fixture(scope="module", params=CONFIGS)
def model(request: pytest.FixtureRequest) -> Transformer:
    return model_of(CONFIGS[request.param])


@pytest.fixture(scope="module")
def small() -> Transformer:
    return model_of(LLAMA)


@torch.no_grad()
def without_cache(model: Transformer, prompt: list[int], count: int) -> list[int]:
    ids = list(prompt)
    for _ in range(count):
        ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
    return ids[len(prompt) :]


@pytest.mark.no_cover
def test_each_row_is_what_a_loop_without_cache_gives(model: Transformer) -> None:
    expected = [without_cache(model, prompt, 20) for prompt in PROMPTS]
    assert len(set(expected[0])) > 2
    assert generate(model, PROMPTS, max_new_tokens=20) == expected
    assert generate(model, PROMPTS[:1], max_new_tokens=20) == expected[:1]


@pytest.mark.parametrize("name", ["gpt2", "llama", "window"])
def test_each_row_is_what_transformers_generates(name: str, tmp_path: Path) -> None:
    model = model_of(CONFIGS[name])
    save_folder(Loaded(model), tmp_path)
    library = AutoModelForCausalLM.from_pretrained(tmp_path)
    ids, real = pad_left(PROMPTS)
    assert real is not None
    texts = generate(model, PROMPTS, max_new_tokens=20)
    stop = texts[0][9]
    theirs = library.generate(
        ids, attention_mask=real.long(), max_new_tokens=20, do_sample=False, eos_token_id=stop, pad_token_id=0
    )
    for text, row in zip(generate(model, PROMPTS, max_new_tokens=20, stop_ids=[stop]), theirs, strict=True):
        written = row[ids.shape[1] :].tolist()
        assert text == written[: len(text)]
        assert text[-1] == stop or len(text) == 20


@pytest.mark.no_cover
@settings(deadline=None, max_examples=15)
@given(
    prompts=st.lists(st.lists(st.integers(0, 16), min_size=1, max_size=8), min_size=2, max_size=3),
    stops=st.sets(st.integers(0, 16), max_size=6),
)
def test_neighbours_and_ends_of_neighbours_change_nothing(
    small: Transformer, prompts: list[list[int]], stops: set[int]
) -> None:
    for prompt, text in zip(prompts, generate(small, prompts, max_new_tokens=6, stop_ids=stops), strict=True):
        whole = without_cache(small, prompt, 6)
        ends = [place for place, number in enumerate(whole) if number in stops]
        assert text == whole[: ends[0] + 1 if ends else 6]


def test_steps_have_none_for_what_has_ended_and_stop_with_the_last(small: Transformer) -> None:
    whole = generate(small, PROMPTS, max_new_tokens=20)
    stops = {whole[0][2], whole[3][5]}
    texts = generate(small, PROMPTS, max_new_tokens=20, stop_ids=stops)
    steps = list(stream(small, PROMPTS, max_new_tokens=20, stop_ids=stops))
    assert len(steps) == max(map(len, texts))
    for row, text in enumerate(texts):
        assert [step[row] for step in steps] == text + [None] * (len(steps) - len(text))
        assert text == whole[row][: len(text)]


class Counting(Transformer):
    """A model that notes the shape of what it is fed."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.fed: list[tuple[int, ...]] = []

    def forward(self, ids: torch.Tensor, **arguments: object) -> torch.Tensor:  # type: ignore[override]
        self.fed.append(tuple(ids.shape))
        return super().forward(ids, **arguments)  # type: ignore[arg-type]


def test_prompts_are_fed_once_then_one_token_for_each_row_that_goes_on(small: Transformer) -> None:
    model = Counting(LLAMA).double()
    model.load_state_dict(small.state_dict())
    stop = generate(small, PROMPTS, max_new_tokens=1)[0]
    texts = generate(model, PROMPTS, max_new_tokens=10, stop_ids=stop)
    assert {len(text) for text in texts} > {1}
    goes_on = [sum(len(text) > step for text in texts) for step in range(1, 10)]
    assert model.fed == [(4, 9), *((rows, 1) for rows in goes_on if rows)]


def test_between_steps_the_caller_computes_gradients_as_before(small: Transformer) -> None:
    for _ in stream(small, [[1]], max_new_tokens=2):
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()


def test_a_seed_gives_the_same_text_again(small: Transformer) -> None:
    def write(seed: int) -> list[list[int]]:
        generator = torch.Generator().manual_seed(seed)
        return generate(small, PROMPTS, max_new_tokens=20, sampling=Sampling(temperature=2.0), generator=generator)

    assert write(1) == write(1)
    assert write(1) != write(2)
    greedy = generate(small, PROMPTS, max_new_tokens=20)
    only_one = Sampling(top_k=1)
    drawn = generate(small, PROMPTS, max_new_tokens=20, sampling=only_one, generator=torch.Generator().manual_seed(0))
    assert drawn == greedy


def test_the_whole_context_can_be_written(small: Transformer) -> None:
    assert len(generate(small, [[1] * 10], max_new_tokens=30)[0]) == 30


def test_padding_stands_on_the_left() -> None:
    ids, real = pad_left([[7, 8], [4, 5, 6]])
    assert ids.tolist() == [[0, 7, 8], [4, 5, 6]]
    assert real is not None
    assert real.tolist() == [[False, True, True], [True, True, True]]
    assert pad_left([[7, 8], [4, 5]])[1] is None


@pytest.mark.parametrize(
    ("prompts", "count", "message"),
    [
        ([[1]], 0, "max_new_tokens is 0; expected at least 1"),
        ([], 1, "prompts is empty"),
        ([[1], []], 1, r"prompts\[1\] is empty"),
        ([[1], [16, 17]], 1, r"prompts\[1\] holds the id 17; the model's ids go from 0 to 16"),
        ([[-1]], 1, r"prompts\[0\] holds the id -1"),
        ([[1] * 30], 11, r"prompts\[0\] has 30 ids, .*\(11\) it passes context_length \(40\).*write 10 tokens"),
        ([[1] * 40], 1, r"prompts\[0\] has 40 ids, .*: shorten the prompt$"),
    ],
    ids=str,
)
def test_what_cannot_be_written_on_from_is_refused_at_once(
    small: Transformer, prompts: list[list[int]], count: int, message: str
) -> None:
    for write in (generate, stream):
        with pytest.raises(ValueError, match=message):
            write(small, prompts, max_new_tokens=count)


@pytest.mark.usefixtures("unchecked")
def test_a_single_prompt_is_refused(small: Transformer) -> None:
    with pytest.raises(TypeError, match=r"prompts\[0\] is the id 1; expected a list of prompts: \[\[1, 2\]\]"):
        generate(small, [1, 2], max_new_tokens=1)  # type: ignore[list-item]


def test_chance_needs_a_generator(small: Transformer) -> None:
    with pytest.raises(ValueError, match="give a generator"):
        generate(small, [[1]], max_new_tokens=1, sampling=Sampling())
