"""The ``llmguide`` command as a whole."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from llmguide import __version__
from llmguide.cli import tokenize
from llmguide.cli.main import SUBCOMMANDS, main

START = "import sys; from llmguide.cli.main import main; sys.exit(main())"


@pytest.mark.parametrize("arguments", [[], *([name] for name in SUBCOMMANDS)], ids=str)
def test_help_explains_and_ends_well(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in (arguments or SUBCOMMANDS))
    assert "examples:" in shown or not arguments


@pytest.mark.parametrize("name", [name for name in SUBCOMMANDS if name != "experiments"])
def test_the_examples_in_the_help_name_options_that_exist(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([name, "--help"])
    before, _, examples = capsys.readouterr().out.partition("examples:")
    assert set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", examples)) <= set(re.findall(r"--?[a-z][a-z-]*", before))


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"llmguide {__version__}\n")


@pytest.mark.parametrize(
    "arguments", [[], ["no-such"], ["tokenize"], ["tokenize", "t.json", "--show", "colours"]], ids=str
)
def test_bad_usage_is_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: llmguide")


def test_an_interrupt_is_code_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(_args: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(tokenize, "run", interrupt)
    assert main(["tokenize", "tokenizer.json"]) == 130
    assert capsys.readouterr().err == "llmguide: interrupted\n"


def test_a_reader_that_has_had_enough_is_no_error(path: Path) -> None:
    (path.parent / "long.txt").write_text("low " * 100_000, "utf-8")
    command = [sys.executable, "-c", START, "tokenize", path, path.parent / "long.txt", "--show", "tokens"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"low\n"
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_a_call_imports_only_its_own_subcommand() -> None:
    code = "import sys; from llmguide.cli.main import build_parser; build_parser(['tokenize']); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    loaded = {name for name in modules if name.startswith("llmguide.cli.")}
    assert loaded == {"llmguide.cli.main", "llmguide.cli.console", "llmguide.cli.tokenize"}
    assert not {"torch", "numpy", "tokenizers", "llmguide.experiments"} & set(modules)


@pytest.mark.parametrize("name", ["generate", "chat", "inspect"])
def test_the_help_around_models_does_without_torch(name: str) -> None:
    code = f"import sys; from llmguide.cli.main import build_parser; build_parser([{name!r}]); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "numpy", "jinja2", "llmguide.transformer"} & set(modules)
