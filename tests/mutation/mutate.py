"""Change a module in every way that mutmut knows, and see whether its tests notice.

    python tests/mutation/mutate.py bpe fast_bpe fast_merging

The work is done in ``_build/mutants``, on a copy of the files that git knows. At the end stands what survived without
being explained in ``mutants.toml``, and what is explained there but no longer exists; either makes the run fail.
"""

import argparse
import subprocess
import sys
import tarfile
import tomllib
from collections import Counter
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPY = ROOT / "_build" / "mutants"
EXPLAINED = tomllib.loads(Path(__file__).with_name("mutants.toml").read_text("utf-8"))
SETTINGS = """[mutmut]
source_paths=llmguide
timeout_multiplier=2
only_mutate={only}
also_copy=
    book
    datasets
    README.md
    LICENSE
pytest_add_cli_args=
    --hypothesis-profile=mutants
    -p
    no:cacheprovider
pytest_add_cli_args_test_selection={tests}
"""

# mutmut forks from a process that has collected the tests before, and takes an exit because of a name that is not found
# for a test that failed. pytest escapes the names that `ids` gives (backslashes, other alphabets) once more each time.
COLLECT_TWICE = """
import sys, pytest
class Names:
    def pytest_collection_finish(self, session):
        seen.append({item.nodeid for item in session.items})
seen = []
for _ in range(2):
    pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider", *sys.argv[1:]], plugins=[Names()])
sys.exit("\\n".join(sorted(seen[0] - seen[1])) or 0)
"""

Change = tuple[str, str, str]
"""A module, the line that was and the line that it became; several lines are joined."""


def run(*arguments: str) -> str:
    """Run mutmut in the copy and give what it prints."""
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, cwd=COPY, check=True, capture_output=True, text=True).stdout


def copy(modules: list[str]) -> None:
    """Copy what git knows, as it is now, and write mutmut's settings beside it."""
    known = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    archive = BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in filter(None, known.split("\0")):
            if (ROOT / name).exists():
                tar.add(ROOT / name, arcname=name)
    archive.seek(0)
    subprocess.run(["rm", "-rf", str(COPY)], check=True)
    COPY.mkdir(parents=True)
    with tarfile.open(fileobj=archive) as tar:
        tar.extractall(COPY, filter="data")
    only = [f"llmguide/{package_of(module)}/{module}.py" for module in modules]
    settings = SETTINGS.format(
        only="".join(f"\n    {one}" for one in only), tests="".join(f"\n    {one}" for one in noticing(modules))
    )
    (COPY / "setup.cfg").write_text(settings, "utf-8")


def package_of(module: str) -> str:
    """Say in which package of ours a module is."""
    return str(EXPLAINED["modules"][module].get("package", "tokenizers"))


def noticing(modules: Iterable[str]) -> list[str]:
    """List the files of the tests that should notice a change of these modules."""
    named = {
        f"tests/{package_of(module)}/{test}" for module in modules for test in EXPLAINED["modules"][module]["tests"]
    }
    return sorted(named)


def check_names(modules: Iterable[str]) -> None:
    """Stop if a test would have another name when it is collected again: all its mutants would look as if killed."""
    command = [sys.executable, "-c", COLLECT_TWICE, *noticing(modules)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"these tests change their names when collected twice; give them plain ids:\n{done.stderr}")


def change(mutant: str) -> Change:
    """Read what a mutant changes."""
    lines = [line for line in run("show", mutant).splitlines() if not line.startswith(("---", "+++"))]
    was = " ".join(line[1:].strip() for line in lines if line.startswith("-"))
    became = " ".join(line[1:].strip() for line in lines if line.startswith("+"))
    return mutant.split(".")[2], was, became


def main() -> int:
    """Mutate, and compare what survived with what is explained."""
    parser = argparse.ArgumentParser(description="Change modules in every way and see whether their tests notice.")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"{', '.join(EXPLAINED['modules'])}; default: all")
    parser.add_argument("--processes", type=int, default=1)
    arguments = parser.parse_args()
    modules = arguments.modules or list(EXPLAINED["modules"])
    check_names(modules)
    copy(modules)
    run("run", "--max-children", str(arguments.processes))
    results = [line.strip().split(": ") for line in run("results", "--all", "true").splitlines() if ": " in line]
    counts = Counter(verdict for _, verdict in results)
    sys.stdout.write(f"{sum(counts.values())} mutants: {dict(counts)}\n")
    caught = {"killed", "timeout", "caught by type check"}
    survived = Counter(change(mutant) for mutant, verdict in results if verdict not in caught)
    # On a busy machine the tests of one that is explained can run out of time: it is there all the same.
    slow = Counter(change(mutant) for mutant, verdict in results if verdict == "timeout")
    explained = Counter(
        (one["module"], one["was"], one["became"]) for one in EXPLAINED["mutant"] if one["module"] in modules
    )
    unexplained, gone = survived - explained, explained - survived - slow
    for title, changes in (("survived", unexplained), ("explained, but no longer there", gone)):
        for module, was, became in changes:
            sys.stdout.write(f"\n{title}, in {module}:\n- {was}\n+ {became}\n")
    return 1 if unexplained or gone else 0


if __name__ == "__main__":
    raise SystemExit(main())
