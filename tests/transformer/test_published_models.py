"""The real models, against `transformers` on the same files."""

import os
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from published_twins import require
from transformers import modeling_utils

from llmguide.transformer.checkpoints import Loaded
from llmguide.transformer.model import Transformer
from llmguide.transformer.published import MINILM, SMOLLM2, minilm, smollm2

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


def write(model: Transformer, rows: list[list[int]], count: int) -> list[list[int]]:
    """Write greedily from prompts of several lengths at once, padded on the left, with the cache."""
    width = max(map(len, rows))
    fresh = torch.tensor([[0] * (width - len(row)) + row for row in rows])
    real = torch.tensor([[False] * (width - len(row)) + [True] * len(row) for row in rows])
    cache, written = model.new_cache(len(rows), width + count), []
    with torch.no_grad():
        for _ in range(count):
            fresh = model(fresh, real=real, cache=cache, last_only=True).argmax(-1)
            real = torch.cat([real, torch.ones(len(rows), 1, dtype=torch.bool)], 1)
            written.append(fresh)
    return torch.cat(written, 1).tolist()


def test_smollm2_is_the_library_s(smol: Loaded, smol_of_the_library: Any) -> None:
    assert smol.tokenizer is not None
    prompts = [smol.tokenizer.encode_ids(prompt) for prompt in PROMPTS]
    texts = write(smol.model, prompts, NEW)
    worst = 0.0
    for prompt, text in zip(prompts, texts, strict=True):
        ids = torch.tensor([prompt + text])
        with torch.no_grad():
            expected = smol_of_the_library(ids).logits[0]
            worst = max(worst, float((smol.model(ids)[0] - expected).abs().max()))
        # Each token of ours is the library's choice after the same beginning, so its greedy text is the same.
        assert expected[len(prompt) - 1 : -1].argmax(-1).tolist() == text
    assert worst <= 1e-3
    theirs = smol_of_the_library.generate(
        torch.tensor(prompts[:1]), attention_mask=torch.ones(1, len(prompts[0]), dtype=torch.long),
        min_new_tokens=NEW, max_new_tokens=NEW, do_sample=False,
    )  # fmt: skip
    stop = smol.generation.stop_ids[0]
    if stop not in texts[0]:
        assert theirs[0, len(prompts[0]) :].tolist() == texts[0]


def test_smollm2_answers(smol: Loaded) -> None:
    assert smol.tokenizer is not None
    ids = smol.tokenizer.encode_ids("The capital of France is")
    assert smol.tokenizer.decode(write(smol.model, [ids], 1)[0]) == " Paris"


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
