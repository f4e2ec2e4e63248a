import importlib
import sys
from types import ModuleType

import pytest

SOURCE = '''
"""A sample experiment."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

from llmguide.experiments.framework import Claim, Experiment
from llmguide.experiments.records import number


@dataclass(frozen=True)
class Config:
    """Settings."""

    flips: int = 1000


def run(config, seed):
    """Flip coins."""
    log = os.environ.get("COIN_FLIPS_LOG")
    if log:
        with Path(log).open("a") as stream:
            stream.write(f"{config.flips} {seed}\\n")
    if os.environ.get("COIN_FLIPS_WAIT_AT") == str(seed):
        time.sleep(600)
    random = Random(seed)
    heads = sum(random.random() < 0.5 for _ in range(config.flips)) / config.flips
    coin = {"name": "penny", "odd": [seed, 0.5]}
    return {"heads": heads, "flips": config.flips, "coin": coin, "ms": time.perf_counter() % 1}


EXPERIMENT = Experiment(
    name="coin-flips",
    title="Coin flips",
    explained_in="sec-coins",
    config=Config(),
    reduced=Config(flips=10),
    run=run,
    claims=(Claim("fair", "At least four in ten are heads.", 0.4, lambda metrics: number(metrics, "heads")),),
    machine_dependent=("ms",),
    packages=("regex",),
)
'''


class SampleModule:
    """The source file of an experiment that a test can edit."""

    def __init__(self, folder):
        self.file = folder / "coin_flips.py"
        self.write(SOURCE)

    def write(self, source: str) -> None:
        self.file.write_text(source)

    def edit(self, old: str, new: str) -> None:
        source = self.file.read_text()
        assert old in source
        self.write(source.replace(old, new))

    def load(self) -> ModuleType:
        sys.modules.pop("coin_flips", None)
        importlib.invalidate_caches()
        return importlib.import_module("coin_flips")

    @property
    def experiment(self):
        return self.load().EXPERIMENT


@pytest.fixture
def sample(tmp_path, monkeypatch):
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # an edit within a second must not meet stale bytecode
    yield SampleModule(folder)
    sys.modules.pop("coin_flips", None)


@pytest.fixture
def results(tmp_path):
    return tmp_path / "results"
