"""Build the book twice and compare every byte.

    python book/tools/reproducible.py html pdf epub
    python book/tools/reproducible.py --first _build/html html

The second line builds once, and compares with a build that is there: one that was made from nothing, and into which no
PDF or EPUB has been linked yet. What the book's code prints and draws is taken from that build, and all else is made
anew; the first line runs everything twice. The two builds differ in what must not matter: the folder, the order of
sets, the time zone, the hour. Of each file that differs, the first such byte is reported with what stands around it.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "_build" / "reproducible"
FORMATS = {"html": "html", "pdf": "latex", "epub": "epub"}  # and the builder of each
CIRCUMSTANCES = {
    "first": {"PYTHONHASHSEED": "0", "TZ": "UTC"},
    "second": {"PYTHONHASHSEED": "1", "TZ": "Pacific/Auckland"},
}


def commit_time(root: Path) -> str:
    """Return the time of the last commit, in seconds since 1970: the one clock of everything that is built."""
    command = ["git", "log", "-1", "--format=%ct"]
    return subprocess.run(command, cwd=root, capture_output=True, check=True, text=True).stdout.strip()


def build(
    format_: str, source: Path, folder: Path, environment: Mapping[str, str], options: Iterable[str] = ()
) -> Path:
    """Build one format into an empty folder.

    Args:
        format_: ``html``, ``pdf`` or ``epub``.
        source: The folder of the book's sources.
        folder: Where the output goes; what is there is removed.
        environment: What is added to the environment variables.
        options: More options of Sphinx.

    Returns:
        The folder of pages, or the file.

    Raises:
        RuntimeError: If a command fails; the message is the end of what it said.
    """
    shutil.rmtree(folder, ignore_errors=True)
    builder = FORMATS[format_]
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-W", "-n", "-j", "auto", "-b", builder, "-d", f"{folder}.doctrees"]
    shutil.rmtree(f"{folder}.doctrees", ignore_errors=True)
    _run([*sphinx, *options, str(source), str(folder)], ROOT, environment)
    if format_ == "pdf":
        latexmk = ["latexmk", "-pdf", "-dvi-", "-ps-", "-interaction=nonstopmode", "-halt-on-error"]
        _run([*latexmk, "book.tex"], folder, environment)
    return {"html": folder, "pdf": folder / "book.pdf", "epub": folder / "book.epub"}[format_]


def _run(command: list[str], place: Path, environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        command,
        check=False,
        cwd=place,
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-3000:]}")


def differences(first: Path, second: Path) -> Iterator[str]:
    """Yield what differs between two files, or between two folders, one line each."""
    if first.is_file():
        yield from _compare(first, second, first.name)
        return
    names = [
        {path.relative_to(side).as_posix() for path in side.rglob("*") if path.is_file()} for side in (first, second)
    ]
    for name in sorted(names[0] ^ names[1]):
        yield f"{name}: only in the {'first' if name in names[0] else 'second'} build"
    for name in sorted(names[0] & names[1]):
        yield from _compare(first / name, second / name, name)


def _compare(first: Path, second: Path, name: str) -> Iterator[str]:
    one, other = first.read_bytes(), second.read_bytes()
    if one != other:
        pairs = zip(one, other, strict=False)
        place = next((index for index, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
        around = slice(max(place - 30, 0), place + 30)
        yield f"{name}: byte {place} of {len(one)} and {len(other)}: {one[around]!r} | {other[around]!r}"


def main(formats: list[str], first: Path | None = None) -> int:
    """Build and compare; return how many formats differ.

    Args:
        formats: What to build; one format if there is a first build of it.
        first: A first build that is there, beside its folder of doctrees.
    """
    clock = {"SOURCE_DATE_EPOCH": commit_time(ROOT), "FORCE_SOURCE_DATE": "1"}
    different = 0
    for format_ in formats:
        options = [] if format_ == "pdf" else ["-D", "figures_for_print=0"]  # which no page shows
        if first:
            options += ["-D", f"outputs_of={first.resolve()}.doctrees", "-D", "nbsphinx_execute=never"]
        built = [
            first
            if first and name == "first"
            else build(format_, ROOT / "book", FOLDER / name / FORMATS[format_], clock | circumstances, options)
            for name, circumstances in CIRCUMSTANCES.items()
        ]
        found = list(differences(*built))
        different += bool(found)
        print(f"{format_}: {f'{len(found)} files differ' if found else 'identical'}", *found[:20], sep="\n  ")  # noqa: T201
    return different


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Build the book twice and compare every byte.")
    parser.add_argument("formats", nargs="+", choices=FORMATS, help="what to build")
    parser.add_argument("--first", type=Path, help="a build that is there, to compare a second one with")
    arguments = parser.parse_args()
    if arguments.first and len(arguments.formats) != 1:
        parser.error("--first is a build of one format")
    sys.exit(main(arguments.formats, arguments.first))
