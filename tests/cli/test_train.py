"""``llmguide train``."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch
from calling import Run

from llmguide.cli import train as command
from llmguide.training.assembly import PackedBatches
from llmguide.training.batches import Batch
from llmguide.training.toml_config import load_config, read_config

FILE = """\
[model]
architecture = "llama"
vocab_size = 290
context_length = 32
d_model = 16
n_layers = 1
n_heads = 2
n_kv_heads = 1
d_hidden = 24
head = "tied"

[data]
dataset = "files"
files = ["numbers.txt"]
separator = "\\n"
rows = 2
held_out_rows = 2

[training]
steps = 5
learning_rate = 1e-2

[output]
directory = "run"
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration whose run goes into the directory ``run`` of the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "numbers.txt").write_text("\n".join(f"{n} comes before {n + 1}" for n in range(60)), "utf-8")
    (tmp_path / "train.toml").write_text(FILE, "utf-8")
    return tmp_path / "train.toml"


def interrupted_at(step: int, number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a signal come in the middle of a step."""
    usual = PackedBatches.__call__

    def call(self: PackedBatches, asked: int) -> Batch:
        if asked == step:
            os.kill(os.getpid(), number)
        return usual(self, asked)

    monkeypatch.setattr(PackedBatches, "__call__", call)


def test_a_model_is_trained_and_writes(run: Run, file: Path) -> None:
    result = run("train", file, "training.steps=3", "--threads", 1)
    assert (result.code, result.err) == (0, "")
    assert re.fullmatch(
        r"3 steps, \d+ tokens, loss \d\.\d{4}, \d\.\d{4} on held-out text, in \d+ s\n"
        r"the model is in run; let it write with: llmguide generate run PROMPT\n",
        result.out,
    )
    assert run("generate", "run", "4 comes", "--max-new-tokens", 3).code == 0
    assert load_config("run/train.toml").training.steps == 3
    assert torch.get_num_threads() == 1


def test_the_report_as_json(run: Run, file: Path) -> None:
    report = json.loads(run("train", file, "data.held_out_rows=0", "--json").out)
    assert (report["directory"], report["steps"], report["resumed_at"], report["held_out_loss"]) == ("run", 5, 0, None)
    lines = [json.loads(line) for line in Path("run/metrics.jsonl").read_text("utf-8").splitlines()]
    assert (report["loss"], report["tokens"]) == (lines[-1]["loss"], lines[-1]["tokens"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_saves_and_the_same_command_goes_on(
    run: Run, file: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    assert run("train", file).code == 0
    whole = Path("run/model.safetensors").read_bytes()
    before = signal.getsignal(number)
    with monkeypatch.context() as patched:
        interrupted_at(2, number, patched)
        result = run("train", file, "output.directory=other")
    assert (result.code, result.out) == (130, "")
    assert (
        result.err
        == "llmguide: interrupted; what was reached is saved in other, and the same command goes on from there\n"
    )
    assert not Path("other/model.safetensors").exists()
    assert signal.getsignal(number) == before
    report = json.loads(run("train", file, "output.directory=other", "--json").out)
    assert (report["resumed_at"], report["steps"]) == (3, 5)
    assert Path("other/model.safetensors").read_bytes() == whole


def test_an_interrupt_before_the_steps_stops_at_once(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted_at(0, signal.SIGTERM, monkeypatch)
    assert run("train", file) == (130, "", "llmguide: interrupted\n")


@pytest.mark.parametrize("told", [True, False])
def test_a_second_interrupt_stops_at_once(told: bool, capfd: pytest.CaptureFixture[str]) -> None:
    with command.Stopping(told) as stopping:
        assert not stopping.asked()
        os.kill(os.getpid(), signal.SIGINT)
        assert stopping.asked()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert capfd.readouterr().err == "\nllmguide: saving after this step; once more stops at once\n" * told


def test_a_finished_run_has_nothing_left_to_do(run: Run, file: Path) -> None:
    run("train", file)
    assert "from step 5 on\n" in run("train", file).out


def test_what_is_done_before_the_steps_is_shown_on_a_terminal(
    run: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    run("train", file)
    shown = terminal.getvalue()
    assert "\r\033[Kencoding and packing the text …\r\033[Kstep 1 of 5  loss " in shown
    assert shown.endswith("\r\033[K")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["training.steps=many"], "train.toml: training.steps is 'many', a text; expected a whole number"),
        (["training.step=3"], "train.toml: training.step is no setting; did you mean training.steps? There are"),
        (["steps=3"], "'steps=3' changes no setting; expected section.key=value, such as training.steps=100"),
        (["--threads", "0"], "--threads must be at least 1, not 0"),
        (["data.files=['gone.txt']"], "gone.txt: No such file or directory"),
        (["data.held_out_rows=1000"], "data.held_out_rows is 1000, and the text has only "),
    ],
    ids=str,
)
def test_bad_input_is_one_line_and_code_2(run: Run, file: Path, arguments: list[str], message: str) -> None:
    result = run("train", file.name, *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"llmguide: {message}")
    assert result.err.count("\n") == 1


def test_other_settings_are_refused_where_a_run_has_begun(run: Run, file: Path) -> None:
    run("train", file)
    result = run("train", file, "training.steps=7")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("llmguide: run holds a run with other settings: training.steps was 5 and is 7. Go on")


def test_a_missing_file_is_named(run: Run) -> None:
    assert run("train", "nowhere.toml") == (2, "", "llmguide: nowhere.toml: No such file or directory\n")


def test_the_file_in_the_help_names_every_setting() -> None:
    text = command.EXAMPLES.partition("the file:\n")[2]
    commented = re.compile(r"# (?=(?:path|length|files) = )")
    sections = tomllib.loads(commented.sub("", text))
    told = {f"{section}.{key}" for section, values in sections.items() for key in values}
    settings = read_config(tomllib.loads(text)).settings
    assert told == set(settings) - {"model.d_head", "model.rope_base", "model.epsilon"}


def test_the_help_does_without_torch() -> None:
    code = "import sys; from llmguide.cli.main import build_parser; build_parser(['train']); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "numpy", "llmguide.training"} & set(modules)
