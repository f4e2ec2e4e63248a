"""What happens before there is an environment: which Python is taken, and what is said where none will do."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BASH = shutil.which("bash") or "bash"
# Pythons that answer as a set-up asks: which version they are, and whether it is new enough. None can do more.
OLD = "#!/bin/sh\ncase $1 in --version) echo Python 3.9.2;; *) exit 1;; esac\n"
NEW = "#!/bin/sh\ncase $1 in --version) echo Python 3.12.1;; -c) ;; *) exit 1;; esac\n"


def call(
    script: str, folder: Path, *arguments: str, path: str = "", **programs: str
) -> subprocess.CompletedProcess[str]:
    """Run a script of ``.ci`` where the only programs are those of a folder, written there before."""
    for name, text in programs.items():
        (folder / name.replace("_", ".")).write_text(text)
        (folder / name.replace("_", ".")).chmod(0o755)
    return subprocess.run(
        [BASH, f".ci/{script}", *arguments],
        cwd=ROOT, env={"PATH": f"{folder}{path}"}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("programs", "chosen"),
    [
        ({"python3": NEW}, "python3"),
        ({"python3": OLD, "python3_12": NEW}, "python3.12"),
        ({"python3_13": NEW}, "python3.13"),
    ],
)  # fmt: skip
def test_the_first_python_that_is_new_enough_is_taken(tmp_path: Path, programs: dict[str, str], chosen: str) -> None:
    answer = call("find-python", tmp_path, **programs)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, f"{chosen}\n", "")


@pytest.mark.parametrize(("programs", "found"), [({}, "no python3"), ({"python3": OLD}, "Python 3.9.2")])
def test_without_one_a_line_says_what_is_there_and_what_to_do(
    tmp_path: Path, programs: dict[str, str], found: str
) -> None:
    answer = call("find-python", tmp_path, **programs)
    assert (answer.returncode, answer.stdout) == (1, "")
    [line] = answer.stderr.splitlines()
    assert f"Python 3.11 or newer, and here is {found}." in line
    assert "make PYTHON=" in line


def test_what_an_interrupted_set_up_left_is_removed_first(tmp_path: Path) -> None:
    half = tmp_path / "venv"
    (half / "bin").mkdir(parents=True)
    answer = call("setup-venv", tmp_path, str(half), path=f":{os.defpath}", python3=NEW)
    assert answer.returncode == 1
    assert "apt-get install python3-venv" in answer.stderr
    assert not half.exists()


def test_only_a_finished_set_up_is_not_done_again(tmp_path: Path) -> None:
    def is_due() -> bool:
        asked = subprocess.run(["make", "--question", f"VENV={tmp_path}", "setup"], cwd=ROOT, check=False)
        return asked.returncode == 1

    assert is_due()
    (tmp_path / "bin").mkdir()
    assert is_due(), "an interrupted set-up has no file `ready`"
    (tmp_path / "ready").touch()
    assert not is_due()
    os.utime(tmp_path / "ready", (0, 0))
    assert is_due(), "a lock that moved since"


def test_the_scripts_look_for_python_in_one_way() -> None:
    scripts = [path for path in (ROOT / ".ci").iterdir() if "-m venv" in path.read_text("utf-8")]
    assert len(scripts) == 4
    for script in scripts:
        assert "python=$(.ci/find-python)" in script.read_text("utf-8"), script.name
