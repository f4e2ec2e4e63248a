"""The real models, against `transformers` on the same files."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from figures.attention import HEADS_ROWS
from published_twins import require
from torch import Tensor
from transformers import modeling_utils

from llmguide.transformer.checkpoints import Loaded, load_folder, save_folder
from llmguide.transformer.model import Transformer
from llmguide.transformer.published import MINILM, SMOLLM2, minilm, smollm2
from llmguide.transformer.trace import Tap

PROMPTS = (
    "The capital of France is",
    "Once upon a time, in a small village by the sea,",
    "def fibonacci(n):",
    "Water boils at",
    "The three laws of motion are",
    "My favourite recipe for bread begins with",
    "In 1969, for the first time,",
    "1, 1, 2, 3, 5, 8,",
    "Question: Why is the sky blue?\nAnswer:",
    "The opposite of hot is",
    "A transformer is a neural network that",
    "Dear Sir or Madam,",
    "To be, or not to be,",
    "The largest planet of the solar system",
    "import numpy as np\n",
    "She opened the door and saw",
    "Photosynthesis is the process by which",
    "Roses are red,",
    "The quick brown fox",
    "If x + 3 = 10, then x",
)
NEW = 64


def require_minilm() -> None:
    """Skip a test whose files are in a package that is not installed, and fail where everything should be."""
    try:
        for file in MINILM:
            file.find()
    except FileNotFoundError as error:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(error))


@pytest.fixture(scope="module")
def smol() -> Loaded:
    """SmolLM2 in this package."""
    require("smollm2")
    return smollm2()


@pytest.fixture(scope="module")
def smol_of_the_library() -> Any:
    """SmolLM2 in the library, from the same file."""
    require("smollm2")
    path = SMOLLM2.find()
    with pytest.MonkeyPatch.context() as patch:
        # It asks for a package that it does not need on one device.
        patch.setattr(modeling_utils, "is_accelerate_available", lambda: True)
        model = transformers.AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    return model.eval()


def test_what_belongs_to_smollm2(smol: Loaded) -> None:
    assert smol.tokenizer is not None
    assert smol.chat_template is not None
    assert smol.generation.begin_id == 1
    assert [smol.tokenizer.model.tokens[number] for number in smol.generation.stop_ids] == ["<|im_end|>"]
    assert "<|im_start|>" in smol.chat_template
    assert smol.model.config.vocab_size == smol.tokenizer.vocab_size == 49_152
    assert sum(weight.numel() for weight in smol.model.parameters()) == 134_515_008


def write(model: Transformer, rows: list[list[int]], count: int) -> tuple[list[list[int]], Tensor]:
    """Write greedily from prompts of several lengths at once, padded on the left, with the cache.

    Returns:
        The tokens of each row, and the logits that each was chosen by.
    """
    width = max(map(len, rows))
    fresh = torch.tensor([[0] * (width - len(row)) + row for row in rows])
    real = torch.tensor([[False] * (width - len(row)) + [True] * len(row) for row in rows])
    cache, logits = model.new_cache(len(rows), width + count), []
    with torch.no_grad():
        for _ in range(count):
            logits.append(model(fresh, real=real, cache=cache, last_only=True))
            fresh = logits[-1].argmax(-1)
            real = torch.cat([real, torch.ones(len(rows), 1, dtype=torch.bool)], 1)
    of_all = torch.cat(logits, 1)
    return of_all.argmax(-1).tolist(), of_all


@pytest.fixture(scope="module")
def prompts(smol: Loaded) -> list[list[int]]:
    """The prompts in tokens."""
    assert smol.tokenizer is not None
    return [smol.tokenizer.encode_ids(prompt) for prompt in PROMPTS]


@pytest.fixture(scope="module")
def written(smol: Loaded, prompts: list[list[int]]) -> tuple[list[list[int]], Tensor]:
    """What our model writes on from them, and its logits."""
    return write(smol.model, prompts, NEW)


@pytest.mark.no_cover
def test_smollm2_is_the_library_s(
    smol: Loaded, smol_of_the_library: Any, prompts: list[list[int]], written: tuple[list[list[int]], Tensor]
) -> None:
    worst = 0.0
    for prompt, text, logits in zip(prompts, *written, strict=True):
        ids = torch.tensor([prompt + text])
        with torch.no_grad():
            expected = smol_of_the_library(ids).logits[0]
            worst = max(worst, float((smol.model(ids)[0] - expected).abs().max()))  # all at once, without the cache
        expected = expected[len(prompt) - 1 : -1]
        worst = max(worst, float((logits - expected).abs().max()))
        # Each token of ours is the library's choice after the same beginning, so its greedy text is the same.
        assert expected.argmax(-1).tolist() == text
    assert worst <= 1e-3


def test_the_library_s_own_loop_writes_the_same(
    smol: Loaded, smol_of_the_library: Any, prompts: list[list[int]], written: tuple[list[list[int]], Tensor]
) -> None:
    prompts, texts = prompts[:3], written[0][:3]
    width, stop = max(map(len, prompts)), smol.generation.stop_ids[0]
    theirs = smol_of_the_library.generate(
        torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts]),
        attention_mask=torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]),
        max_new_tokens=NEW, do_sample=False, pad_token_id=stop, eos_token_id=stop,
    )  # fmt: skip

    def cut(text: list[int]) -> list[int]:
        return text[: text.index(stop)] if stop in text else text

    assert [cut(text) for text in theirs[:, width:].tolist()] == [cut(text) for text in texts]
    assert max(len(cut(text)) for text in texts) == NEW


def test_the_book_draws_the_tensors_by_their_names_and_shapes(smol: Loaded) -> None:
    assert smol.tokenizer is not None
    tap = Tap()
    with torch.no_grad():
        smol.model(torch.tensor([smol.tokenizer.encode_ids("The key opens the door")]), tap=tap)
    drawn = [(name, shape) for _, boxes in HEADS_ROWS for name, shape, *_ in boxes]
    assert len(drawn) == 10
    for name, shape in drawn:
        tensor = tap.tensors[f"blocks.0.{'' if name == 'attention_norm' else 'attention.'}{name}"]
        assert shape == " × ".join(map(str, tensor.shape[1:])), name


def test_smollm2_answers(smol: Loaded) -> None:
    assert smol.tokenizer is not None
    ids = smol.tokenizer.encode_ids("The capital of France is")
    assert smol.tokenizer.decode(write(smol.model, [ids], 1)[0][0]) == " Paris"


def test_vectors_of_minilm_are_the_library_s() -> None:
    require_minilm()
    loaded = minilm()
    theirs = transformers.AutoModel.from_pretrained(MINILM[0].find().parent).eval()
    assert loaded.model.config.head == "none"
    rng = np.random.default_rng(0)
    ids = torch.from_numpy(rng.integers(1, 30_000, (4, 40)))
    real = torch.arange(40) < torch.tensor([[40], [31], [7], [1]])
    with torch.no_grad():
        expected = theirs(ids, attention_mask=real.long()).last_hidden_state
        found = loaded.model(ids, real=real)
    assert (found - expected)[real].abs().max() <= 1e-5


def test_the_library_loads_minilm_as_ours_saves_it(tmp_path: Path) -> None:
    require_minilm()
    loaded = minilm()
    save_folder(loaded, tmp_path)
    theirs, report = transformers.AutoModel.from_pretrained(tmp_path, output_loading_info=True)
    # The pooler serves a task of BERT's training, and ours does not keep it.
    assert set(report["missing_keys"]) == {"pooler.dense.weight", "pooler.dense.bias"}
    assert not report["unexpected_keys"]
    assert not report["mismatched_keys"]
    ids = torch.arange(1000, 1020)[None]
    with torch.no_grad():
        found = loaded.model(ids)
        assert (theirs.eval()(ids).last_hidden_state - found).abs().max() <= 1e-5
        assert torch.equal(load_folder(tmp_path).model(ids), found)
