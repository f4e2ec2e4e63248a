"""The run: its update by hand, what it writes, what it refuses, and going on."""

import hashlib
import itertools
import json
import math
import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_run import CONFIG, MODEL, files_of, model_with_dropout, packed, run
from torch import nn
from torch.nn import functional as F

from llmguide.training.batches import Batch, PackedBatches, batch_logits, in_order
from llmguide.training.checkpoint_folder import CheckpointFolder
from llmguide.training.metrics import read_metrics
from llmguide.training.objective import evaluate
from llmguide.training.packing import pack
from llmguide.training.run import TrainingConfig, train_run
from llmguide.training.workers import OneWorker
from llmguide.transformer import Transformer, initialize

SHORT = TrainingConfig(steps=4, learning_rate=0.01, warmup=2, weight_decay=0.3, clip=0.5, beta1=0.8, beta2=0.9)


def plain_model() -> Transformer:
    """Return a small model that draws no random numbers."""
    model = Transformer(MODEL)
    initialize(model, torch.Generator().manual_seed(0))
    return model


@pytest.mark.parametrize("accumulation", [1, 3])
def test_each_step_is_torchs_adamw_on_the_clipped_gradient_of_the_mean_loss(accumulation: int, tmp_path: Path) -> None:
    model, twin, batches = plain_model(), plain_model(), PackedBatches(packed(), 6, seed=1)
    result = train_run(model, batches, replace(SHORT, accumulation=accumulation), tmp_path)
    groups = [
        {"params": [each for each in twin.parameters() if each.ndim >= 2], "weight_decay": 0.3},
        {"params": [each for each in twin.parameters() if each.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, betas=(0.8, 0.9))
    for step, metrics in enumerate(read_metrics(tmp_path / "metrics.jsonl")):
        batch = batches(step)
        loss = F.cross_entropy(batch_logits(twin, batch).flatten(0, 1), batch.targets.flatten())
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        norm = nn.utils.clip_grad_norm_(twin.parameters(), 0.5)
        for group in optimizer.param_groups:
            group["lr"] = SHORT.rate(step)
        optimizer.step()
        assert metrics["step"] == step + 1
        assert metrics["loss"] == result.losses[step] == pytest.approx(loss.item(), rel=1e-5)
        assert metrics["gradient_norm"] == pytest.approx(norm.item(), rel=1e-4)
        assert metrics["learning_rate"] == SHORT.rate(step)
        assert metrics["tokens"] == sum(batches(before).tokens for before in range(step + 1))
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
    assert not model.training


def test_it_learns_and_says_what_came_of_it(tmp_path: Path) -> None:
    held_out = in_order(packed(), 8)
    model = plain_model()
    config = TrainingConfig(steps=60, learning_rate=0.02, warmup=5, schedule="wsd", decay=20, evaluate_every=25)
    result = train_run(model, PackedBatches(packed(), 4, seed=1), config, tmp_path, held_out=held_out)
    assert result.losses[0] == pytest.approx(math.log(16), abs=0.2)
    assert result.held_out_loss == evaluate(model, held_out)
    assert result.held_out_loss < 0.7 * result.losses[0]
    assert (result.resumed_at, result.finished, len(result.losses)) == (0, True, 60)
    measured = [line["step"] for line in read_metrics(tmp_path / "metrics.jsonl") if "held_out_loss" in line]
    assert measured == [25, 50, 60]
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["step-00000060"]


def test_a_finished_run_is_read_and_not_made_again(tmp_path: Path) -> None:
    first = run(tmp_path, replace(CONFIG, steps=6))
    before = files_of(tmp_path)
    model = model_with_dropout()
    second = train_run(model, PackedBatches(packed(), 4, seed=1), replace(CONFIG, steps=6), tmp_path)
    assert files_of(tmp_path) == before
    assert (second.losses, second.held_out_loss, second.tokens) == (first.losses, first.held_out_loss, first.tokens)
    assert (first.resumed_at, second.resumed_at) == (0, 6)
    saved = (tmp_path / "checkpoints" / "step-00000006" / "model.safetensors").read_bytes()
    assert next(iter(model.state_dict().values())).numpy().tobytes() in saved


@pytest.mark.parametrize("after", [1, 3, 4])
def test_a_run_that_is_asked_to_stop_goes_on_where_it_was(after: int, tmp_path: Path) -> None:
    config = replace(CONFIG, steps=6, keep=1)
    run(tmp_path / "whole", config)
    asked = itertools.count(1)
    torch.manual_seed(5)
    stopped = train_run(
        model_with_dropout(),
        PackedBatches(packed(), 4, seed=1),
        config,
        tmp_path / "again",
        held_out=in_order(packed(), 8)[:2],
        stop=lambda: next(asked) == after,
    )
    assert (stopped.finished, len(stopped.losses)) == (False, after)
    assert run(tmp_path / "again", config).resumed_at == after
    assert files_of(tmp_path / "again") == files_of(tmp_path / "whole")


def test_how_often_to_save_and_what_to_keep_may_change(tmp_path: Path) -> None:
    run(tmp_path, replace(CONFIG, steps=6))
    assert run(tmp_path, replace(CONFIG, steps=6, keep=1, checkpoint_every=1)).resumed_at == 6
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000006"]


def test_another_configuration_is_refused(tmp_path: Path) -> None:
    run(tmp_path, replace(CONFIG, steps=4))
    with pytest.raises(
        ValueError, match=r"step-00000004 belongs to a run with learning_rate = 0.01, not 0.5: give the"
    ):
        run(tmp_path, replace(CONFIG, steps=4, learning_rate=0.5))


def test_other_batches_are_refused(tmp_path: Path) -> None:
    run(tmp_path, replace(CONFIG, steps=4))
    with pytest.raises(ValueError, match="belongs to a run on other batches"):
        run(tmp_path, replace(CONFIG, steps=4), batches=PackedBatches(packed(), 4, seed=2))


def test_another_model_is_refused(tmp_path: Path) -> None:
    run(tmp_path, replace(CONFIG, steps=4))
    other = Transformer(replace(MODEL, n_layers=2))
    with pytest.raises(ValueError, match="belongs to another model"):
        train_run(other, PackedBatches(packed(), 4, seed=1), replace(CONFIG, steps=4), tmp_path)


def test_fewer_rows_than_parts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="4 rows cannot be shared among 5 parts"):
        run(tmp_path, replace(CONFIG, accumulation=5))


def test_a_batch_without_targets_is_refused(tmp_path: Path) -> None:
    empty = PackedBatches(pack([[], []], 2, 0), 2, seed=0)
    with pytest.raises(ValueError, match="no token of the batch of step 0 counts"):
        run(tmp_path, batches=empty)


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_weights(tmp_path: Path) -> None:
    model = plain_model()
    with torch.no_grad():
        model.final_norm.scale[0] = torch.nan
    before = model.embedding.tokens.weight.clone()
    with pytest.raises(
        ValueError, match=r"the loss is nan .* at step 0; lower learning_rate \(0.01\) or lengthen warmup"
    ):
        train_run(model, PackedBatches(packed(), 4, seed=1), SHORT, tmp_path)
    assert torch.equal(model.embedding.tokens.weight, before)
    assert not model.training


def test_bfloat16_learns_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    results = []
    for precision in ("float32", "bfloat16"):
        config = TrainingConfig(steps=20, learning_rate=0.02, warmup=3, precision=precision)  # type: ignore[arg-type]
        batches = PackedBatches(packed(), 4, seed=1)
        results.append(train_run(plain_model(), batches, config, tmp_path / precision).losses[-1])
    assert results[0] != results[1]
    assert results[0] == pytest.approx(results[1], rel=0.05)


def test_several_processes_take_no_accelerator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Two(OneWorker):
        size = 2

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    config, batches = replace(SHORT, device="cuda"), PackedBatches(packed(), 4, seed=1)
    with pytest.raises(ValueError, match="several processes would share one accelerator; take device ="):
        train_run(plain_model(), batches, config, tmp_path, workers=Two())


def test_the_model_is_moved_to_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine without an accelerator: torch is asked whether there is one, and the model is sent there."""
    with monkeypatch.context() as patched:
        patched.setattr(torch.cuda, "is_available", lambda: False)
        with pytest.raises(ValueError, match="device is 'cuda', and torch finds none on this machine"):
            train_run(plain_model(), PackedBatches(packed(), 4, seed=1), replace(SHORT, device="cuda"), tmp_path / "a")
    assert not (tmp_path / "a").exists()
    sent: list[torch.device] = []
    for device in ("cuda", "cpu"):
        model = plain_model()
        with monkeypatch.context() as patched:
            patched.setattr(torch.cuda, "is_available", lambda: True)
            patched.setattr(torch.cuda, "get_rng_state", torch.get_rng_state)
            patched.setattr(model, "to", sent.append)  # the weights stay where they are
            train_run(model, PackedBatches(packed(), 4, seed=1), replace(SHORT, device=device), tmp_path / device)  # type: ignore[arg-type]
    assert sent == [torch.device("cuda"), torch.device("cpu")]


def test_a_checkpoint_from_before_there_was_a_choice_of_device_belongs_to_the_processor(tmp_path: Path) -> None:
    run(tmp_path, replace(CONFIG, steps=4))
    folder = tmp_path / "checkpoints" / "step-00000004"
    state = (folder / "state.json").read_text()
    (folder / "state.json").write_text(older := re.sub(r'\s*"device": "cpu",', "", state))
    assert older != state
    sums = (folder / "SHA256SUMS").read_text()
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in (state, older)]
    (folder / "SHA256SUMS").write_text(sums.replace(*digests))
    assert run(tmp_path, replace(CONFIG, steps=4)).resumed_at == 4


def test_metrics_go_to_tensorboard_when_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []

    class SummaryWriter:
        """Remembers the steps."""

        def __init__(self, directory: str, purge_step: int) -> None:
            assert (directory, purge_step) == (str(tmp_path / "tensorboard"), 1)

        def add_scalar(self, name: str, value: float, step: int) -> None:
            assert (name == "step") is False
            written.append(step)

        def flush(self) -> None:
            """Do nothing."""

        close = flush

    module = type(sys)("torch.utils.tensorboard")
    module.SummaryWriter = SummaryWriter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    train_run(plain_model(), PackedBatches(packed(), 4, seed=1), SHORT, tmp_path, tensorboard=True, progress=False)
    assert written == [step for step in range(1, 5) for _ in ("loss", "learning_rate", "gradient_norm", "tokens")]


class Fellow:
    """One of two processes that has no other to wait for."""

    size = 2

    def __init__(self, rank: int) -> None:
        self.rank = rank

    def add_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Add nothing."""

    def add(self, value: float) -> float:
        """Return the number itself."""
        return value

    def wait(self) -> None:
        """Do not wait."""


def test_only_the_first_process_writes(tmp_path: Path) -> None:
    for rank in (1, 0):
        train_run(plain_model(), PackedBatches(packed(), 4, seed=1), SHORT, tmp_path, workers=Fellow(rank))
        assert any(tmp_path.iterdir()) == (rank == 0)


def test_two_runs_do_not_share_a_directory(tmp_path: Path) -> None:
    batches = PackedBatches(packed(), 4, seed=1)

    def second(step: int) -> Batch:
        if step:
            with pytest.raises(BlockingIOError, match=r"another program is writing in .*: wait for its end"):
                train_run(plain_model(), batches, SHORT, tmp_path)
        return batches(step)

    train_run(plain_model(), second, SHORT, tmp_path)
    assert CheckpointFolder(tmp_path / "checkpoints").steps() == [SHORT.steps]


def test_a_run_takes_plain_rows_too(tmp_path: Path) -> None:
    ids = torch.arange(24).reshape(2, 12) % 16
    config = TrainingConfig(steps=2)
    result = train_run(plain_model(), lambda _: Batch(ids[:, :-1], ids[:, 1:]), config, tmp_path)
    assert result.tokens == 44
    state = json.loads((tmp_path / "checkpoints" / "step-00000002" / "state.json").read_text())
    assert state["config"]["steps"] == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps must be at least 1, not 0"),
        ({"accumulation": 0}, "accumulation must be at least 1, not 0"),
        ({"keep": 0}, "keep must be at least 1, not 0"),
        ({"checkpoint_every": -1}, "checkpoint_every must be at least 0, not -1"),
        ({"evaluate_every": -1}, "evaluate_every must be at least 0, not -1"),
        ({"learning_rate": 0.0}, "learning_rate must be greater than 0, not 0.0"),
        ({"clip": math.nan}, "clip must be greater than 0, not nan"),
        ({"weight_decay": -0.1}, "weight_decay must be at least 0, not -0.1"),
        ({"beta1": 1.0}, "beta1 must be from 0 to below 1, not 1.0"),
        ({"beta2": -0.5}, "beta2 must be from 0 to below 1, not -0.5"),
        ({"floor": 1.5}, "floor must be from 0 to 1, not 1.5"),
        ({"warmup": 10}, "need 0 <= warmup < steps"),
        ({"schedule": "wsd", "warmup": 5, "decay": 6}, r"warmup \+ decay <= steps"),
        ({"decay": 3}, r"decay \(3\) belongs to the schedule 'wsd'"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**{"steps": 10, **settings})  # type: ignore[arg-type]


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("name", ["schedule", "precision", "device"])
def test_choices_that_there_are_not_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be '.*' or '.*', not 'other'"):
        TrainingConfig(steps=10, **{name: "other"})  # type: ignore[arg-type]
