"""The configuration of a run: typed, complete, and the same when the run goes on."""

import re
from pathlib import Path

import pytest

from llmguide.training.run import TrainingConfig
from llmguide.training.toml_config import (
    ARCHITECTURES,
    SETTINGS_FILE,
    TOKENIZER_FILE,
    DataConfig,
    OutputConfig,
    StartConfig,
    TokenizerConfig,
    claim_directory,
    load_config,
)
from llmguide.transformer import llama
from llmguide.world import MIXTURE

TEXT = """\
[model]
architecture = "llama"
vocab_size = 300
context_length = 16
d_model = 8
n_layers = 1
n_heads = 2
n_kv_heads = 1
d_hidden = 16
head = "tied"
init_seed = 3

[data]
dataset = "files"
files = ["a.txt"]

[training]
steps = 4
learning_rate = 1

[output]
directory = "run"
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.toml").write_text(TEXT, "utf-8")
    return tmp_path / "train.toml"


def test_sections_become_configurations(file: Path) -> None:
    config = load_config(file, ["training.beta2=0.9", "output.dtype=float32"])
    sizes = {"vocab_size": 300, "context_length": 16, "d_model": 8, "n_layers": 1, "n_heads": 2, "n_kv_heads": 1}
    assert config.model == llama(**sizes, d_hidden=16, head="tied")
    assert config.start == StartConfig(init_std=0.02, init_seed=3)
    assert config.tokenizer == TokenizerConfig()
    assert config.data == DataConfig("files", ("a.txt",))
    assert config.training == TrainingConfig(4, 1.0, beta2=0.9)
    assert config.output == OutputConfig("run", "float32")
    assert (config.settings["model.rope_base"], config.settings["training.beta1"]) == (10_000.0, 0.9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "model.architecture=xlama",
            "model.architecture is 'xlama', a text; expected one of 'gpt2', 'llama', 'mistral',",
        ),
        ("model.d_modle=8", "model.d_modle is no setting; did you mean model.d_model?"),
        ("model.n_heads=3", "[model]: d_model (8) must be divisible by n_heads (3), or give d_head"),
        ("model.init_std=0", "[model]: init_std must be greater than 0 and below 10, not 0.0"),
        ("model.scaling=1", "model.scaling is no setting"),
        (
            "trainings.steps=8",
            "trainings is no section; did you mean training? There are model, tokenizer, data, training",
        ),
        ("training.steps=0", "[training]: steps must be at least 1, not 0"),
        ("data.dataset=world", "[data]: dataset = 'world' and 1 files: 'files' goes with dataset = \"files\""),
        ("data.n_people=3", "[data]: n_people must be at least 4, not 3"),
        ("data.without=refusal", "data.without is 'refusal', a text; expected a list of texts"),
        ("data.without=['refusal']", "[data]: without = ['refusal'] goes with dataset = \"world\", not 'files'"),
        ("data.rows=0", "[data]: rows (0) must be at least 1, length (None) 2 and held_out_rows (0) 0"),
        ("training.device=gpu", "training.device is 'gpu', a text; expected one of 'cpu', 'cuda'"),
        ("tokenizer.documents=0", "[tokenizer]: documents must be at least 1, not 0"),
        ("output.dtype=bfloat16", "output.dtype is 'bfloat16', a text; expected one of 'float16', 'float32'; did you"),
    ],
    ids=str,
)
def test_a_mistake_names_the_file_and_the_setting(file: Path, change: str, message: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(f"{file}: {message}")):
        load_config(file, [change])


@pytest.mark.parametrize(
    ("without", "message"),
    [
        (
            "['refusl']",
            "[data]: refusl is no kind of document of the world; did you mean refusal? There are biography, ",
        ),
        (str(list(MIXTURE)), "[data]: without leaves no kind of document over"),
    ],
    ids=["unknown", "all"],
)
def test_kinds_to_leave_out_must_exist_and_leave_some(file: Path, without: str, message: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(f"{file}: {message}")):
        load_config(file, ["data.dataset=world", "data.files=[]", f"data.without={without}"])


def test_what_is_missing_is_named(file: Path) -> None:
    file.write_text(TEXT.replace('architecture = "llama"\n', ""), "utf-8")
    with pytest.raises(ValueError, match=r"model.architecture is missing; expected one of 'gpt2', 'llama'"):
        load_config(file)
    file.write_text(TEXT.partition("[training]")[0], "utf-8")
    with pytest.raises(ValueError, match=r"training.steps is missing; expected a whole number"):
        load_config(file)


@pytest.mark.parametrize("name", sorted(set(ARCHITECTURES) - {"llama"}))
def test_other_architectures_take_their_own_settings(file: Path, name: str) -> None:
    text = TEXT.replace("llama", name).replace('head = "tied"\n', "")
    extra = {"gpt2": [], "mistral": ["model.window=4"], "qwen2": [], "qwen3": ["model.d_head=4"]}[name]
    if name == "gpt2":
        text = text.replace("n_kv_heads = 1\n", "")
    file.write_text(text, "utf-8")
    config = load_config(file, extra)
    assert config.model.n_layers == 1
    assert (config.model.mask.window == 4) == (name == "mistral")


def test_a_run_goes_on_with_its_own_settings_only(file: Path, tmp_path: Path) -> None:
    assert claim_directory(load_config(file))
    assert not claim_directory(load_config(file))
    written = tmp_path / "run" / SETTINGS_FILE
    assert load_config(written).settings == load_config(file).settings  # it can be trained from as it is
    assert not claim_directory(load_config(file, ["output.dtype=float32", "training.keep=5"]))
    (tmp_path / "run" / "checkpoints" / "step-00000001").mkdir(parents=True)
    with pytest.raises(
        ValueError, match=r"run holds a run with other settings: data.seed was 0 and is 1; model.d_head "
    ):
        claim_directory(load_config(file, ["data.seed=1", "model.d_head=8"]))
    (tmp_path / "run").rename(tmp_path / "moved")
    assert not claim_directory(load_config(file, ["output.directory=moved"]))


def test_a_run_from_before_a_setting_goes_on_with_what_held_then(file: Path, tmp_path: Path) -> None:
    claim_directory(load_config(file))
    written = tmp_path / "run" / SETTINGS_FILE
    older = [line for line in written.read_text("utf-8").splitlines(True) if not line.startswith(("device", "without"))]
    assert len(older) == len(written.read_text("utf-8").splitlines()) - 2
    written.write_text("".join(older), "utf-8")
    (tmp_path / "run" / "checkpoints" / "step-00000001").mkdir(parents=True)
    assert not claim_directory(load_config(file))
    with pytest.raises(ValueError, match=r'other settings: training.device was "cpu" and is "cuda"\. Go on'):
        claim_directory(load_config(file, ["training.device=cuda"]))


def test_a_run_that_saved_nothing_may_be_changed(file: Path, tmp_path: Path) -> None:
    claim_directory(load_config(file))
    tokenizer = tmp_path / "run" / TOKENIZER_FILE
    tokenizer.touch()
    assert not claim_directory(load_config(file))
    assert tokenizer.exists()
    assert claim_directory(load_config(file, ["data.seed=1"]))
    assert not tokenizer.exists()
    assert load_config(tmp_path / "run" / SETTINGS_FILE).data.seed == 1


def test_a_directory_that_holds_something_else_is_left_alone(file: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model.safetensors").touch()
    with pytest.raises(ValueError, match="run is not empty and holds no run; name another"):
        claim_directory(load_config(file))


@pytest.mark.parametrize("content", ["[model", "steps = 3"])
def test_damaged_settings_of_a_run_are_named(file: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / SETTINGS_FILE).write_text(content, "utf-8")
    with pytest.raises(ValueError, match=r"train.toml is damaged: "):
        claim_directory(load_config(file))
