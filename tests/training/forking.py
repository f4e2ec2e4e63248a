"""Forks the processes of a group from one that has loaded torch, as loading it takes longer than the runs of the tests.

As a program it reads a line of JSON for each group, forks its processes with the variables that ``torchrun`` would set,
and says how they ended.
"""

import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import torch
from small_run import model_with_dropout

from llmguide.training.optimizers import adamw

SECONDS = 300
"""After so long a process is stopped."""


class Forks:
    """Runs a program in several processes side by side."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def run(self, directory: Path, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program, with its arguments, twice; what both of them print comes one behind the other."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"directory": str(directory), "command": command}) + "\n")
        self._process.stdin.flush()
        codes = json.loads(self._process.stdout.readline())
        out, err = (
            "".join((directory / f"{rank}.{name}").read_text("utf-8") for rank in range(len(codes)))
            for name in ("out", "err")
        )
        return subprocess.CompletedProcess(command, max(map(abs, codes)), out, err)

    def close(self) -> None:
        """End the program."""
        self._process.communicate("")


def _free_port() -> int:
    """Find a port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return int(found.getsockname()[1])


def _be_one(rank: int, variables: dict[str, str], directory: str, command: list[str]) -> int:
    """Run the program in this process, and give how it ended."""
    signal.alarm(SECONDS)
    os.chdir(directory)
    for name, number in (("out", 1), ("err", 2)):
        os.dup2(os.open(f"{rank}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.environ |= variables | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
    sys.argv = command
    code: Any = 0
    try:
        runpy.run_path(command[0], run_name="__main__")
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return int(code or 0)


def _serve() -> None:
    """Run what standard input asks for."""
    torch.set_num_threads(1)
    adamw(model_with_dropout(), learning_rate=0.1)  # torch imports a great deal when it builds its first optimizer
    for line in sys.stdin:
        asked = json.loads(line)
        variables = {"WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": str(_free_port())}
        children = []
        for rank in range(2):
            child = os.fork()
            if not child:
                os._exit(_be_one(rank, variables, asked["directory"], asked["command"]))
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        sys.stdout.write(json.dumps(codes) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
