"""The API reference has a page for each module, and an entry for each public object."""

from pathlib import Path

import pytest
from _extensions.api_pages import FLOORS, find_modules, write_pages

ROOT = Path(__file__).parents[2]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    files = {
        "__init__.py": '"""All of it."""\n',
        "tokenizers/__init__.py": '"""To ids."""\nfrom toy.tokenizers.bpe import MERGES, _hidden, train as learn\n',
        "tokenizers/bpe.py": '"""Merge pairs.\n\nMore."""\nMERGES = 3\ndef train():\n    "Train."\n',
        "tokenizers/_secret.py": '"""Nobody sees this."""\n',
    }
    for name, text in files.items():
        path = tmp_path / "toy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path / "toy"


def test_each_public_module_has_a_page(package: Path, tmp_path: Path) -> None:
    write_pages(package, tmp_path / "api")
    pages = {path.name for path in (tmp_path / "api").iterdir()}
    assert pages == {"index.rst", "toy.rst", "toy.tokenizers.rst", "toy.tokenizers.bpe.rst"}
    assert ".. automodule:: toy.tokenizers.bpe\n   :ignore-module-all:" in (
        tmp_path / "api" / "toy.tokenizers.bpe.rst"
    ).read_text("utf-8")


def test_a_package_lists_its_modules_and_what_it_hands_on(package: Path, tmp_path: Path) -> None:
    write_pages(package, tmp_path / "api")
    page = (tmp_path / "api" / "toy.tokenizers.rst").read_text("utf-8")
    assert ":py:mod:`toy.tokenizers.bpe`\n   Merge pairs.\n" in page
    assert ":py:obj:`~toy.tokenizers.bpe.train`" in page
    assert "``MERGES``" in page, "what has no entry is no link"
    assert "_hidden" not in page


def test_the_index_groups_the_modules_by_floor(package: Path, tmp_path: Path) -> None:
    write_pages(package, tmp_path / "api")
    index = (tmp_path / "api" / "index.rst").read_text("utf-8")
    assert index.index("Text and the miniature world\n---") < index.index("toy.tokenizers.bpe") < index.index("Shared")


def test_a_page_that_is_right_is_left_alone_and_a_stale_one_removed(package: Path, tmp_path: Path) -> None:
    folder = tmp_path / "api"
    write_pages(package, folder)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    (package / "tokenizers" / "bpe.py").unlink()
    write_pages(package, folder)
    assert not (folder / "toy.tokenizers.bpe.rst").exists()
    assert (folder / "toy.rst").stat().st_mtime_ns == before["toy.rst"]


def test_a_module_on_no_floor_is_refused(package: Path, tmp_path: Path) -> None:
    (package / "attic.py").write_text('"""Old things."""\n', "utf-8")
    with pytest.raises(ValueError, match=r"toy\.attic of toy: name its floor"):
        write_pages(package, tmp_path / "api")


def test_a_module_without_docstring_is_refused(package: Path, tmp_path: Path) -> None:
    (package / "tokenizers" / "bpe.py").write_text("x = 1\n", "utf-8")
    with pytest.raises(ValueError, match=r"bpe\.py has no docstring"):
        write_pages(package, tmp_path / "api")


def test_every_module_of_the_package_stands_on_one_floor() -> None:
    tops = [top for floor in FLOORS.values() for top in floor]
    assert len(tops) == len(set(tops))
    assert {f"{module.name}.".split(".")[1] for module in find_modules(ROOT / "llmguide")} <= set(tops)
