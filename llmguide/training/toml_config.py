"""A training run as a TOML file: which model, which tokenizer, which text, how to train, where to put it.

Its sections look so::

    [model]
    architecture = "llama"
    vocab_size = 1536
    context_length = 256
    ...

    [training]
    steps = 1000

The settings of ``[model]`` are the arguments of the architecture's function in
:mod:`~llmguide.transformer.architectures`; those of the other sections are the fields of the classes here and of
:class:`~llmguide.training.run.TrainingConfig`.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any, Literal

from llmguide.atomic import written
from llmguide.training.run import TrainingConfig
from llmguide.training.settings import (
    Settings,
    Value,
    build,
    convert,
    differences,
    read_sections,
    refuse_unknown,
    write_sections,
)
from llmguide.transformer.architectures import gpt2, llama, mistral, qwen2, qwen3
from llmguide.transformer.config import ModelConfig
from llmguide.world.mixture import MIXTURE

ARCHITECTURES: dict[str, Callable[..., ModelConfig]] = {
    "gpt2": gpt2,
    "llama": llama,
    "mistral": mistral,
    "qwen2": qwen2,
    "qwen3": qwen3,
}
"""The architectures that ``model.architecture`` may name: those that predict the next token."""

SETTINGS_FILE = "train.toml"
"""The file in a run's directory that holds all of its settings."""

TOKENIZER_FILE = "tokenizer.json"
"""The file in a run's directory that holds its tokenizer."""

MAY_CHANGE = ("output.directory", "output.dtype", "training.checkpoint_every", "training.keep")
"""What may differ when a run goes on, as it changes no number of the training; a directory may be moved."""


_LATER: Settings = {"training.device": "cpu", "data.without": ()}
"""Settings that older runs could not have, and what held for them."""


@dataclass(frozen=True)
class StartConfig:
    """The weights that a model starts from; these settings stand in ``[model]`` beside the architecture's own.

    Attributes:
        init_std: Their standard deviation; see :func:`~llmguide.transformer.initialization.initialize`.
        init_seed: What makes these weights and no others.
    """

    init_std: float = 0.02
    init_seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.init_std < 10:
            raise ValueError(f"init_std must be greater than 0 and below 10, not {self.init_std}")


@dataclass(frozen=True)
class TokenizerConfig:
    """Where the tokenizer comes from.

    Attributes:
        path: A ``tokenizer.json``. Without one, a byte-level BPE of ``model.vocab_size`` tokens learns from the text.
        pretokenizer: How text is cut before that; ``smollm`` makes each digit a token of its own.
        documents: From how many documents to learn, the first of the text.
        special: Control tokens beside the one that ends a document.
    """

    path: str | None = None
    pretokenizer: Literal["gpt2", "cl100k", "o200k", "smollm"] = "smollm"
    documents: int = 20_000
    special: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.documents < 1:
            raise ValueError(f"documents must be at least 1, not {self.documents}")


@dataclass(frozen=True)
class DataConfig:
    """Which text to train on.

    Attributes:
        dataset: ``world``, a corpus of :mod:`llmguide.datasets`, or ``files``.
        files: For ``files``: texts in UTF-8.
        separator: For ``files``: what stands between the documents of a file; if empty, each file is one document.
        n_people: For ``world``: its size.
        world_seed: For ``world``: what makes this world and no other.
        secrets_within: For ``world``: within how many documents its secrets are told as often as planned.
        without: For ``world``: the kinds of documents to leave out; see :data:`~llmguide.world.mixture.MIXTURE`.
        seed: What makes this order of documents and no other.
        rows: How many rows of tokens a step takes, over all processes together.
        length: How many tokens a row has; by default ``model.context_length``.
        held_out_rows: How many rows to keep for measuring the loss on them.
    """

    dataset: str
    files: tuple[str, ...] = ()
    separator: str = ""
    n_people: int = 200
    world_seed: int = 0
    secrets_within: int = 100_000
    without: tuple[str, ...] = ()
    seed: int = 0
    rows: int = 16
    length: int | None = None
    held_out_rows: int = 0

    def __post_init__(self) -> None:
        if (self.dataset == "files") != bool(self.files):
            raise ValueError(
                f"dataset = {self.dataset!r} and {len(self.files)} files: 'files' goes with dataset = \"files\""
            )
        if self.n_people < 4:
            raise ValueError(f"n_people must be at least 4, not {self.n_people}")
        if self.without and self.dataset != "world":
            raise ValueError(f'without = {list(self.without)} goes with dataset = "world", not {self.dataset!r}')
        refuse_unknown(self.without, MIXTURE, "", "kind of document of the world")
        if not self.mixture:
            raise ValueError("without leaves no kind of document over")
        if self.rows < 1 or self.held_out_rows < 0 or (self.length is not None and self.length < 2):
            raise ValueError(
                f"rows ({self.rows}) must be at least 1, length ({self.length}) 2 and held_out_rows "
                f"({self.held_out_rows}) 0"
            )

    @property
    def mixture(self) -> dict[str, float]:
        """For ``world``: which part of the text each kind of document is, of those that are not left out."""
        return {kind: share for kind, share in MIXTURE.items() if kind not in self.without}


@dataclass(frozen=True)
class OutputConfig:
    """Where to put what.

    Attributes:
        directory: Gets the model, the tokenizer, the metrics and the checkpoints.
        dtype: The kind of numbers of the saved weights. Training itself is in float32.
    """

    directory: str
    dtype: Literal["float16", "float32"] = "float16"


@dataclass(frozen=True)
class RunConfig:
    """All that a run needs to know.

    Attributes:
        model: The choice of parts.
        start: The weights that it starts from.
        tokenizer: Where the tokenizer comes from.
        data: Which text to train on.
        training: How to train.
        output: Where to put what.
        settings: All settings by their whole names, defaults included.
    """

    model: ModelConfig
    start: StartConfig
    tokenizer: TokenizerConfig
    data: DataConfig
    training: TrainingConfig
    output: OutputConfig
    settings: Mapping[str, Value]


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> RunConfig:
    """Read the configuration of a run.

    Args:
        path: A TOML file with the sections ``model``, ``tokenizer``, ``data``, ``training`` and ``output``.
        overrides: Changes such as ``training.steps=100``.

    Returns:
        The configuration, complete and checked.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If a section or a setting is unknown, missing, of the wrong type or out of range. The message gives
            the file, the setting's name, what came and what was expected.
    """
    sections = read_sections(path, overrides)
    try:
        return read_config(sections)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def read_config(sections: Mapping[str, Mapping[str, object]]) -> RunConfig:
    """Check the sections of a configuration.

    Args:
        sections: Of each section the settings.

    Returns:
        The configuration.

    Raises:
        ValueError: If a section or a setting is unknown, missing, of the wrong type or out of range.
    """
    refuse_unknown(sections, ("model", "tokenizer", "data", "training", "output"), "", "section")
    described = dict(sections.get("model", {}))
    architecture = described.pop("architecture", None)
    if architecture is None:
        raise ValueError(f"model.architecture is missing; expected one of {', '.join(map(repr, ARCHITECTURES))}")
    kinds: Any = Literal[tuple(ARCHITECTURES)]
    name = str(convert(architecture, kinds, "model.architecture"))
    start_keys = [key for key in signature(StartConfig).parameters if key in described]
    start, started = build(StartConfig, {key: described.pop(key) for key in start_keys}, "model")
    model, modelled = build(ARCHITECTURES[name], described, "model")
    tokenizer, tokenized = build(TokenizerConfig, sections.get("tokenizer", {}), "tokenizer")
    data, fed = build(DataConfig, sections.get("data", {}), "data")
    training, trained = build(TrainingConfig, sections.get("training", {}), "training")
    output, put = build(OutputConfig, sections.get("output", {}), "output")
    settings = {"model.architecture": name, **modelled, **started, **tokenized, **fed, **trained, **put}
    return RunConfig(model, start, tokenizer, data, training, output, settings)


def claim_directory(config: RunConfig) -> bool:
    """Write a run's settings into its directory, or check that those in it are the same.

    A run that has saved nothing yet has nothing to lose: its settings are replaced, and its tokenizer goes.

    Args:
        config: The configuration.

    Returns:
        True if the run is new, False if one with the same settings has begun there.

    Raises:
        OSError: If the directory cannot be made, read or written.
        ValueError: If a run with other settings has saved something there, the message names those that differ; or if
            something else is there.
    """
    directory = Path(config.output.directory)
    file = directory / SETTINGS_FILE
    if file.is_file():
        # Who puts a configuration together by hand need not name all its settings.
        changed = _changed(read_settings(file), {**_LATER, **config.settings})
        if not changed:
            return False
        if any((directory / "checkpoints").glob("step-*")):
            raise ValueError(
                f"{directory} holds a run with other settings: {'; '.join(changed)}. Go on with the old settings, or "
                "name another directory with output.directory=…"
            )
        (directory / TOKENIZER_FILE).unlink(missing_ok=True)
    elif directory.is_dir() and any(directory.iterdir()):
        raise ValueError(f"{directory} is not empty and holds no run; name another with output.directory=…")
    directory.mkdir(parents=True, exist_ok=True)
    with written(file) as unfinished:
        unfinished.write_text(write_sections(config.settings), encoding="utf-8")
    return True


def _changed(before: Mapping[str, Value], now: Mapping[str, Value]) -> list[str]:
    keep = [name for name in {**before, **now} if name not in MAY_CHANGE]
    return differences({name: before.get(name) for name in keep}, {name: now.get(name) for name in keep})


def read_settings(file: Path) -> Settings:
    """Read a file that :func:`claim_directory` wrote.

    Args:
        file: The file.

    Returns:
        The settings by their whole names; those that there were not yet when it was written, as they held then.

    Raises:
        ValueError: If the file is damaged.
    """
    try:
        sections = tomllib.loads(file.read_text(encoding="utf-8"))
        return _LATER | {
            f"{section}.{key}": tuple(value) if isinstance(value, list) else value
            for section, values in sections.items()
            for key, value in values.items()
        }
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{file} is damaged: {error}; name another directory with output.directory=…") from error
