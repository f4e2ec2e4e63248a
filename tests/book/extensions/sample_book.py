"""The small book in ``sample/``: copies of it, and builds of them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from bs4 import BeautifulSoup, Tag

ROOT = Path(__file__).parents[3]
SAMPLE = Path(__file__).parent / "sample"
RECORD = """
import conf
from llmguide.experiments.runner import run_experiment
run_experiment(conf.EXPERIMENT, "results", progress=lambda line: None)
"""
# One process for all pages: to import Sphinx takes longer than to read a page.
BUILD_PAGES = """
import contextlib, io, json, pathlib, sys
from sphinx.cmd.build import main

said = []
for text in json.load(sys.stdin):
    pathlib.Path("page.md").write_text(text, "utf-8")
    with contextlib.redirect_stderr(io.StringIO()) as errors:
        main("-q -E -b dummy -D root_doc=page -D include_patterns=page.md . ../page".split())
    said.append(errors.getvalue().strip())
print(json.dumps(said))
"""


def copy_sample(folder: Path) -> Path:
    """Copy the book, and run its experiment so that it has a record."""
    shutil.copytree(SAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__", "conftest.py"))
    run([sys.executable, "-c", RECORD], folder)
    return folder


def build(book: Path, builder: str = "html", *options: str) -> str:
    """Build the book and return what Sphinx says on its error stream."""
    output = book.parent / f"{book.name}-{builder}"
    command = [sys.executable, "-m", "sphinx", "-q", "-n", "-b", builder, "-d", f"{output}.doctrees", *options]
    return run([*command, str(book), str(output)], book).stderr.strip()


def build_pages(book: Path, texts: Sequence[str]) -> list[str]:
    """Read pages, each as a book of its own, and return what Sphinx says of each."""
    done = run([sys.executable, "-c", BUILD_PAGES], book, json.dumps(texts))
    return cast(list[str], json.loads(done.stdout.splitlines()[-1]))


def run(command: list[str], folder: Path, standard_input: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command with the package and the extensions in reach."""
    path = os.pathsep.join([str(ROOT / "book"), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "NO_COLOR": "1", "TMPDIR": str(folder.parent)}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        input=standard_input,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,  # a build with warnings ends with 1
    )


def read_page(output: Path, name: str) -> Tag:
    """Return the text of a built page."""
    file = next(output / f"{name}{suffix}" for suffix in (".html", ".xhtml") if (output / f"{name}{suffix}").exists())
    text = BeautifulSoup(file.read_text("utf-8"), "html.parser").find(attrs={"role": "main"})
    assert isinstance(text, Tag)
    return text


def find(text: Tag, selector: str) -> Tag:
    """Return the one element that a CSS selector names."""
    found = text.select(selector)
    assert len(found) == 1, f"{selector}: {len(found)} found"
    return found[0]


def words(tag: Tag) -> str:
    """Return the text of an element on one line, without permalinks."""
    return " ".join(tag.get_text().replace("¶", "").split())
