"""A damaged checkpoint gives way to the one before, which is said, and a full disk costs nothing that was saved."""

import errno
import logging
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from small_run import CONFIG, files_of, run, watch

from llmguide.training.checkpoint_folder import STATE, SUMS, CheckpointFolder

SHORT = replace(CONFIG, steps=6, warmup=2, checkpoint_every=2, evaluate_every=0, keep=3, accumulation=1)
FILES = ["model.safetensors", "optimizer.safetensors", "random.safetensors", STATE, SUMS]


def tensors(value: float) -> dict[str, dict[str, torch.Tensor]]:
    """Return something to save."""
    return {"model": {"weight": torch.full((3,), value)}, "random": {"cpu": torch.zeros(5, dtype=torch.uint8)}}


def test_what_was_saved_is_found_again(tmp_path: Path) -> None:
    checkpoints = CheckpointFolder(tmp_path / "checkpoints")
    assert checkpoints.newest() is None
    folder = checkpoints.save(7, tensors(0.5), {"tokens": 90, "config": {"steps": 8}})
    found = checkpoints.newest()
    assert found is not None
    assert (found.step, found.folder, found.state.integer("tokens")) == (7, folder, 90)
    assert found.state.child("config").values == {"steps": 8}
    assert torch.equal(found.tensors["model"]["weight"], torch.full((3,), 0.5))
    assert found.tensors["random"]["cpu"].dtype == torch.uint8


def test_everybody_can_check_the_sums(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path).save(1, tensors(0.5), {})
    checked = subprocess.run(["sha256sum", "--check", SUMS], cwd=folder, capture_output=True, text=True, check=True)
    assert checked.stdout.splitlines() == ["model.safetensors: OK", "random.safetensors: OK", f"{STATE}: OK"]


def test_the_last_ones_are_kept_and_nothing_else_is_left(tmp_path: Path) -> None:
    checkpoints = CheckpointFolder(tmp_path, keep=2)
    (tmp_path / ".step-00000001.0a0b0c0d.tmp").mkdir()
    (tmp_path / "notes").mkdir()
    for step in (1, 2, 3, 4):
        checkpoints.save(step, tensors(step), {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes", "step-00000003", "step-00000004"]
    checkpoints.save(3, tensors(9.0), {})  # the one of step 4 was damaged, say
    found = checkpoints.newest()
    assert found is not None
    assert (found.step, found.tensors["model"]["weight"][0].item()) == (3, 9.0)
    assert checkpoints.steps() == [3]


def test_none_to_keep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="keep must be at least 1, not 0"):
        CheckpointFolder(tmp_path, keep=0)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a run that nothing befalls."""
    directory = tmp_path_factory.mktemp("finished")
    run(directory, SHORT)
    return directory


@pytest.fixture(scope="module")
def stopped_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a run up to the step after its second checkpoint."""
    directory = tmp_path_factory.mktemp("stopped")
    count = 0

    def stop(name: str, _: Callable[[], Any]) -> None:
        if name == "append":
            nonlocal count
            count += 1
            if count == 6:
                raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        for owner, name, whole in watch(stop):
            now = getattr(owner, name)
            setattr(owner, name, whole)
            patch.setattr(owner, name, now)
        with pytest.raises(KeyboardInterrupt):
            run(directory, SHORT)
    return directory


@pytest.fixture
def stopped(stopped_once: Path, tmp_path: Path) -> Path:
    """Return such a run, to be damaged."""
    return Path(shutil.copytree(stopped_once, tmp_path / "run"))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def remove(path: Path) -> None:
    path.unlink()


def garble(path: Path) -> None:
    path.write_bytes(b"\xff" * 100)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [truncate, empty, flip, remove, garble])
def test_a_damaged_newest_gives_way_to_the_one_before(
    name: str,
    damage: Callable[[Path], None],
    stopped: Path,
    finished: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    damage(stopped / "checkpoints" / "step-00000004" / name)
    with caplog.at_level(logging.WARNING):
        assert run(stopped, SHORT).resumed_at == 2
    assert "the checkpoint of step 4 is damaged: " in caplog.text
    assert "going on from the checkpoint of step 2, the newest that is whole" in caplog.text
    assert files_of(stopped) == files_of(finished)


def test_a_file_that_does_not_belong_there_is_damage(stopped: Path, caplog: pytest.LogCaptureFixture) -> None:
    (stopped / "checkpoints" / "step-00000004" / "extra.safetensors").touch()
    assert run(stopped, SHORT).resumed_at == 2
    assert f"{SUMS} does not name extra.safetensors" in caplog.text


def test_without_any_that_is_whole_the_run_begins_anew(
    stopped: Path, finished: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for folder in (stopped / "checkpoints").iterdir():
        (folder / STATE).unlink()
    assert run(stopped, SHORT).resumed_at == 0
    assert "state.json is missing" in caplog.text
    assert "checkpoints is whole: beginning anew" in caplog.text
    assert files_of(stopped) == files_of(finished)


def full_at(count: int, patch: pytest.MonkeyPatch) -> list[str]:
    """Let the disk be full at a change; return the names of the changes so far."""
    seen: list[str] = []

    def fill(name: str, half: Callable[[], Any]) -> None:
        if name == "rmtree":  # needs no room
            return
        seen.append(name)
        if len(seen) == count:
            half()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for owner, name, whole in watch(fill):
        now = getattr(owner, name)
        setattr(owner, name, whole)
        patch.setattr(owner, name, now)
    return seen


TWICE = replace(SHORT, steps=4, keep=2)


@pytest.mark.no_cover
def test_a_full_disk_at_any_change_loses_nothing(quick_path: Path) -> None:
    whole = quick_path / "whole"
    with pytest.MonkeyPatch.context() as patch:
        changes = full_at(0, patch)
        run(whole, TWICE)
    assert changes.count("_write") == 10
    expected = files_of(whole)
    for count in range(1, len(changes) + 1):
        directory = quick_path / f"run-{count}"
        with pytest.MonkeyPatch.context() as patch:
            seen = full_at(count, patch)
            with pytest.raises(OSError, match="No space left on device") as caught:
                run(directory, TWICE)
        assert caught.value.errno == errno.ENOSPC
        assert seen == changes[:count]
        saved = CheckpointFolder(directory / "checkpoints").newest()
        # The name in the directory comes last: whoever has seen that has a checkpoint.
        complete = [place for place, name in enumerate(changes) if name == "rename" and place < count - 1]
        assert (saved.step if saved else 0) == 2 * len(complete)
        assert run(directory, TWICE).resumed_at == 2 * len(complete)
        assert files_of(directory) == expected, f"full at change {count}, {changes[count - 1]}"


def test_the_message_of_a_full_disk_says_what_is_safe(tmp_path: Path) -> None:
    checkpoints = CheckpointFolder(tmp_path)
    for step, safe in ((1, "there is none before"), (2, "the checkpoint of step 1 is untouched")):
        with pytest.MonkeyPatch.context() as patch:
            full_at(2, patch)
            with pytest.raises(OSError, match=rf"cannot write the checkpoint of step {step} \(No space .*\); {safe}"):
                checkpoints.save(step, tensors(1.0), {})
        checkpoints.save(step, tensors(1.0), {})


@contextmanager
def mounted(disk: Path, size: int) -> Iterator[None]:
    """Mount a file system of so many bytes."""
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a file system here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_is_full_indeed_loses_nothing(tmp_path: Path) -> None:
    settings = replace(TWICE, keep=1)
    whole, disk = tmp_path / "whole", tmp_path / "disk"
    run(whole, settings)
    expected = files_of(whole)
    with mounted(disk, sum(map(len, expected.values())) * 3 // 2):  # has room for one checkpoint, not for two
        with pytest.raises(OSError, match=r"checkpoint of step 4 .*; the checkpoint of step 2 is untouched"):
            run(disk / "run", settings)
        assert [path.name for path in (disk / "run" / "checkpoints").iterdir()] == ["step-00000002"]
        subprocess.run(["mount", "-o", "remount,size=1m", str(disk)], check=True)
        assert run(disk / "run", settings).resumed_at == 2
        assert files_of(disk / "run") == expected
