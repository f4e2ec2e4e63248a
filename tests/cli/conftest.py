"""A trained tokenizer and a way to call the command."""

import io
import sys
from pathlib import Path

import pytest
import torch
from calling import TEXT, Result, Run

from llmguide.cli.main import main
from llmguide.tokenizers import Tokenizer, save, train_tokenizer
from llmguide.transformer import Transformer, initialize, llama
from llmguide.transformer.checkpoints import GenerationConfig, Loaded, save_folder


@pytest.fixture
def run(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call the command in this process, with ``stdin`` as its standard input."""

    def call(*arguments: object, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main([str(argument) for argument in arguments])
        captured = capsysbinary.readouterr()
        return Result(code, captured.out.decode("utf-8"), captured.err.decode("utf-8"))

    return call


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return train_tokenizer([TEXT], 270, special_tokens=["<|end|>"])


@pytest.fixture
def path(tokenizer: Tokenizer, tmp_path: Path) -> Path:
    save(tokenizer, tmp_path / "tokenizer.json")
    return tmp_path / "tokenizer.json"


TEMPLATE = (
    "{% if bos_token %}{{ bos_token }}{% endif %}"
    "{% for m in messages %}{{ m.role[0] }}:{{ m.content | trim }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}a:{% endif %}"
)


@pytest.fixture(scope="session")
def loaded(tokenizer: Tokenizer) -> Loaded:
    """A model that says something else all the time, which is all that it can."""
    shape = {"vocab_size": tokenizer.vocab_size + 2, "context_length": 64, "d_model": 16, "n_layers": 2, "n_heads": 2}
    model = Transformer(llama(**shape, n_kv_heads=1, d_hidden=32))
    initialize(model, torch.Generator().manual_seed(0), std=0.4, scale_residual=False)
    return Loaded(model, tokenizer, GenerationConfig(stop_ids=(tokenizer.model.ids["<|end|>"],)), TEMPLATE)


@pytest.fixture(scope="session")
def folder(loaded: Loaded, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    save_folder(loaded, path)
    return path
