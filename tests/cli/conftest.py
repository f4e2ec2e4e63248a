"""A trained tokenizer and a way to call the command."""

import io
import sys
from pathlib import Path

import pytest
from calling import TEXT, Result, Run

from llmguide.cli.main import main
from llmguide.tokenizers import Tokenizer, save, train_tokenizer


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
