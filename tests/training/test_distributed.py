"""Two real processes against one: the same losses, and a killed one ends the run, which then goes on."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from forking import Forks
from torch import nn

from llmguide.training import distributed
from llmguide.training.assembly import train_as_configured
from llmguide.training.distributed import joined_processes
from llmguide.training.toml_config import load_config
from llmguide.training.workers import OneWorker

FILE = """\
[model]
architecture = "llama"
vocab_size = 290
context_length = 48
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
rows = 3
held_out_rows = 3

[training]
steps = 12
learning_rate = 1e-2
checkpoint_every = 4
evaluate_every = 6

[output]
directory = "one"
dtype = "float32"
"""

PROGRAM = """\
import os, signal, sys
from pathlib import Path
from llmguide.cli.main import main
from llmguide.training.batches import PackedBatches

usual, killed_at, killed = PackedBatches.__call__, int(sys.argv.pop(1)), sys.argv.pop(1)

def call(self, step):
    if step == killed_at and os.environ["RANK"] == killed:
        os.kill(os.getpid(), signal.SIGKILL)
    return usual(self, step)

PackedBatches.__call__ = call
code = main()
names = [path.read_text("ascii").strip() for path in Path("/proc/self/task").glob("*/comm")]
sys.stderr.write(f"threads left: {[name for name in names if 'gloo' in name]}\\n")  # in one piece
sys.exit(code)
"""

AVERAGING = """\
import torch
from torch.nn.parallel import DistributedDataParallel
from llmguide.training.batches import PackedBatches
from llmguide.training.distributed import joined_processes
from llmguide.training.objective import summed_loss
from llmguide.training.packing import pack
from llmguide.transformer import Transformer, initialize, llama

def new_model():
    model = Transformer(llama(
        vocab_size=16, context_length=16, d_model=16, n_layers=2, n_heads=2, n_kv_heads=1, d_hidden=24
    ))
    initialize(model, torch.Generator().manual_seed(0))
    return model

torch.set_num_threads(1)
batch = PackedBatches(pack([[1 + n % 15] * (1 + n % 9) for n in range(40)], 12, 0), 5, 0)(0)
with joined_processes() as workers:
    own = batch.part(workers.rank, workers.size)
    assert own.tokens * workers.size != batch.tokens  # the parts weigh differently
    ours, theirs = new_model(), new_model()
    torch.autograd.backward(summed_loss(ours, own) / batch.tokens)
    workers.add_gradients(ours.parameters())
    wrapped = DistributedDataParallel(theirs)
    wrapped.config = theirs.config
    torch.autograd.backward(summed_loss(wrapped, own) * workers.size / batch.tokens)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-5, atol=1e-7)
    if workers.rank == 0:
        print(sum(each.grad.norm().item() > 0 for each in ours.parameters()), "gradients are equal")
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose steps have rows of different length, so that the two processes count different numbers of tokens."""
    monkeypatch.chdir(tmp_path)
    lines = [" ".join(map(str, range(n, n + 1 + n % 7))) for n in range(80)]
    (tmp_path / "numbers.txt").write_text("\n".join(lines), "utf-8")
    (tmp_path / "train.toml").write_text(FILE, "utf-8")
    (tmp_path / "program.py").write_text(PROGRAM, "utf-8")
    return tmp_path / "train.toml"


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    made = Forks()
    yield made
    made.close()


def torchrun(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a program twice, side by side, as readers do."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run([*launcher, *command], capture_output=True, text=True, check=False)


def two_processes(run: Run, directory: str, killed_at: int = -1, killed: int = 1) -> subprocess.CompletedProcess[str]:
    """Train with two processes, one of which may be killed at a step."""
    command = ["train", "train.toml", f"output.directory={directory}", "--json", "--threads", "1"]
    return run("program.py", str(killed_at), str(killed), *command)


def metrics(directory: str) -> list[dict[str, float]]:
    return [json.loads(line) for line in Path(directory, "metrics.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.no_cover
def test_two_processes_are_as_good_as_one_and_go_on_after_a_kill(file: Path, forks: Forks) -> None:
    forked = partial(forks.run, file.parent)
    one = train_as_configured(load_config(file), progress=False)
    two = two_processes(torchrun, "two")
    assert two.returncode == 0, two.stderr
    assert two.stderr.count("threads left: []") == 2  # one that is left can abort a process that is shutting down
    report = json.loads(two.stdout)  # which only one of them prints
    assert (report["steps"], report["tokens"]) == (12, one.tokens)
    lines = metrics("two")
    assert [line["step"] for line in lines] == [*range(1, 13)]
    for ours, theirs in zip(metrics("one"), lines, strict=True):
        # torch takes the norm of each matrix in 32 bits, and then that of the norms.
        expected = {name: pytest.approx(ours[name], rel=1e-5 if name == "gradient_norm" else 1e-6) for name in ours}
        assert theirs == expected

    for rank, run in ((0, torchrun), (1, forked)):
        directory = f"killed-{rank}"
        killed = two_processes(run, directory, killed_at=6, killed=rank)
        assert killed.returncode != 0
        assert killed.stdout == ""
        message = f"llmguide: process {1 - rank} of 2 has lost another one, which was killed or has failed"
        assert [line for line in killed.stderr.splitlines() if line.startswith(message)], killed.stderr
        assert not Path(directory, "model.safetensors").exists()
        resumed = two_processes(forked, directory)
        assert json.loads(resumed.stdout)["resumed_at"] == 4, resumed.stderr
        for name in ("model.safetensors", "metrics.jsonl", "tokenizer.json"):
            assert Path(directory, name).read_bytes() == Path("two", name).read_bytes()


def test_torchs_averaging_gives_the_same_gradients(tmp_path: Path, forks: Forks) -> None:
    """DistributedDataParallel, with each loss scaled by the number of processes, as the module's text says."""
    (tmp_path / "averaging.py").write_text(AVERAGING, "utf-8")
    done = forks.run(tmp_path, str(tmp_path / "averaging.py"))
    assert done.stdout == "15 gradients are equal\n", done.stderr


def test_without_torchrun_there_is_one_process() -> None:
    for environment in ({}, {"WORLD_SIZE": "1"}):
        with joined_processes(environment) as workers:
            assert isinstance(workers, OneWorker)


def test_sums_over_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What each method sends and keeps, in a group of one process: a sum over it is the number itself."""
    alone = partial(dist.init_process_group, init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    monkeypatch.setattr(dist, "init_process_group", alone)
    used, unused, frozen = (nn.Parameter(torch.ones(2, 3)) for _ in range(3))
    frozen.requires_grad_(False)
    used.grad = torch.arange(6.0).view(2, 3)
    with joined_processes({"WORLD_SIZE": "2"}) as workers:
        assert (workers.rank, workers.size) == (0, 1)
        assert workers.add(0.1) == 0.1  # not rounded to 32 bits
        workers.wait()
        workers.add_gradients([used, unused, frozen])
        sent: list[torch.Tensor] = []
        monkeypatch.setattr(dist, "all_reduce", lambda values: sent.append(values.clone()) or values.mul_(2))
        workers.add_gradients([used, unused, frozen])
    assert [each.tolist() for each in sent] == [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, *[0.0] * 6]]
    assert used.grad.tolist() == [[0.0, 2.0, 4.0], [6.0, 8.0, 10.0]]
    assert unused.grad is not None
    assert frozen.grad is None
    assert not dist.is_initialized()


def test_a_lost_process_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("Connection closed by peer")

    alone = partial(dist.init_process_group, init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    with monkeypatch.context() as patched:
        patched.setattr(dist, "init_process_group", alone)
        patched.setattr(dist, "all_reduce", broken)
        with (
            pytest.raises(ConnectionError, match=r"process 0 of 1 has lost another one.* goes on from the last"),
            joined_processes({"WORLD_SIZE": "2"}, timedelta(seconds=1)) as workers,
        ):
            workers.wait()
    monkeypatch.setattr(distributed.dist, "init_process_group", broken)
    with (
        pytest.raises(ConnectionError, match="cannot reach the other processes: Connection closed by peer"),
        joined_processes({"WORLD_SIZE": "2"}),
    ):
        pass
