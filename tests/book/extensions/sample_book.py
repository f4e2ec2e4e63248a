"""The small book in ``sample/``: copies of it, and builds of them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from bs4 import BeautifulSoup, Tag

ROOT = Path(__file__).parents[3]
SAMPLE = Path(__file__).parent / "sample"
RECORD = """
import conf
from llmguide.experiments.runner import run_experiment
run_experiment(conf.EXPERIMENT, "results", progress=lambda line: None)
"""


def copy_sample(folder: Path) -> Path:
    """Copy the book, and run its experiment so that it has a record."""
    shutil.copytree(SAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__", "conftest.py"))
    assert run([sys.executable, "-c", RECORD], folder) == ""
    return folder


def build(book: Path, builder: str = "html", *options: str) -> str:
    """Build the book and return what Sphinx says on its error stream."""
    output = book.parent / f"{book.name}-{builder}"
    command = [sys.executable, "-m", "sphinx", "-q", "-n", "-b", builder, "-d", f"{output}.doctrees", *options]
    return run([*command, str(book), str(output)], book)


def build_page(book: Path, text: str) -> str:
    """Read one page alone and return what Sphinx says of it."""
    (book / "page.md").write_text(text, "utf-8")
    return build(book, "dummy", "-D", "root_doc=page", "-D", "include_patterns=page.md", "-E")


def run(command: list[str], folder: Path) -> str:
    """Run a command with the package and the extensions in reach, and return its error stream."""
    path = os.pathsep.join([str(ROOT / "book"), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "NO_COLOR": "1", "TMPDIR": str(folder.parent)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.stderr.strip()


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
