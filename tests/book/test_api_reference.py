"""In the built book: what is public is documented, and links to other projects have the shape of their addresses."""

import importlib
import inspect
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest
from _extensions.api_pages import find_modules
from availability import unavailable
from bs4 import BeautifulSoup
from sphinx.util.inventory import InventoryFile

ROOT = Path(__file__).parents[2]
SHAPES = {
    "jaxtyping": r"api/array/",
    "numpy": r"reference/generated/(numpy\.\w+)\.html#\1",
    "torch": r"(amp|optim|tensors|tensor_attributes|generated/torch\.[\w.]+)\.html#torch\.[\w.]+",
    "python": r"(c-api|distutils|howto|install|library|reference|tutorial|using|whatsnew)/[\w.-]+\.html#[\w.()-]+",
}


def public_objects(module: ModuleType) -> set[str]:
    """The public functions and classes that a module defines, and the public methods of the classes."""
    found = set()
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(value) or inspect.isroutine(value):
            found.add(f"{module.__name__}.{name}")
        if inspect.isclass(value):
            found |= {
                f"{module.__name__}.{name}.{member}"
                for member, attribute in vars(value).items()
                if not member.startswith("_") and inspect.isroutine(attribute) and attribute.__doc__
            }
    return found


@pytest.mark.book
def test_every_public_object_has_an_entry(html_dir: Path) -> None:
    inventory = InventoryFile.loads((html_dir / "objects.inv").read_bytes(), uri="").data
    documented = {name for kind, names in inventory.items() if kind.startswith("py:") for name in names}
    modules = [module.name for module in find_modules(ROOT / "llmguide")]
    expected = set(modules).union(*(public_objects(importlib.import_module(name)) for name in modules))
    assert expected - documented == set()


@pytest.mark.book
@pytest.mark.parametrize(
    ("page", "package"),
    [
        ("index.html", None),
        ("foundations/tokenization.html", None),
        ("_modules/llmguide/tokenizers/bpe.html", None),
        ("api/index.html", None),
        ("api/llmguide.html", None),
        ("api/llmguide.atomic.html", None),
        ("api/llmguide.tokenizers.html", "tokenizers"),
        ("api/llmguide.tokenizers.bpe.html", "tokenizers"),
        ("api/llmguide.cli.main.html", "cli"),
    ],
)
def test_the_contents_list_every_package_and_the_modules_of_the_one_that_is_read(
    soups: Mapping[str, BeautifulSoup], page: str, package: str | None
) -> None:
    names = [module.name.removeprefix("llmguide.") for module in find_modules(ROOT / "llmguide")]
    expected = {name for name in names if "." not in name or name.partition(".")[0] == package}
    links = soups[page].select(".sidebar-tree .toctree-l2 > a")
    assert len(links) == len(expected)
    assert {link.get_text() for link in links} == expected
    here = [str(link["href"]) for link in soups[page].select(".sidebar-tree .current-page > a")]
    assert here == ([] if page.startswith(("index", "_modules")) else ["#"])


@pytest.mark.book
def test_sphinx_finds_nothing_undocumented(html_dir: Path, tmp_path: Path) -> None:
    doctrees = html_dir.parent / f"{html_dir.name}.doctrees"
    if not doctrees.exists():
        unavailable(str(doctrees), "`make html` keeps it")
    shutil.copytree(doctrees, tmp_path / "doctrees")  # what the next build of the book relies on stays as it is
    options = ["-q", "-b", "coverage", "-d", tmp_path / "doctrees"]
    command = [sys.executable, "-m", "sphinx", *options, ROOT / "book", tmp_path / "report"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = (tmp_path / "report" / "python.txt").read_text("utf-8")
    rows = dict(re.findall(r"^\| (\S+) +\| *[\d.]+% +\| (\d+) ", report, re.MULTILINE))
    assert rows.pop("TOTAL") == "0", report
    assert rows.keys() == {module.name for module in find_modules(ROOT / "llmguide")}


@pytest.mark.book
def test_an_entry_lies_on_the_page_of_its_module(html_dir: Path) -> None:
    inventory = InventoryFile.loads((html_dir / "objects.inv").read_bytes(), uri="").data
    for kind, names in inventory.items():
        if kind.startswith("py:") and kind != "py:module":
            for name, item in names.items():
                page, _, anchor = item.uri.partition("#")
                assert name.startswith(page.removeprefix("api/").removesuffix(".html") + "."), item.uri
                assert anchor == name


@pytest.mark.parametrize("path", sorted((ROOT / "book" / "_inventories").glob("*.inv")), ids=lambda path: path.stem)
def test_inventories_hold_addresses(path: Path) -> None:
    for names in InventoryFile.loads(path.read_bytes(), uri="").data.values():
        for name, item in names.items():
            assert re.fullmatch(SHAPES[path.stem], item.uri), f"{name}: {item.uri}"
