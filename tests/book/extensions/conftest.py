"""The sample book, built once by each builder, with two processes as the real one is."""

from pathlib import Path

import pytest
from sample_book import build, build_pages, copy_sample


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book, which no test changes."""
    return copy_sample(tmp_path_factory.mktemp("sample") / "book")


@pytest.fixture(scope="session")
def html(book: Path) -> Path:
    """The built pages."""
    assert build(book, "html", "-j", "2") == ""
    return book.parent / "book-html"


@pytest.fixture(scope="session")
def epub(book: Path) -> Path:
    """The unpacked EPUB."""
    assert build(book, "epub", "-j", "2") == ""
    return book.parent / "book-epub"


@pytest.fixture(scope="session")
def latex(book: Path) -> str:
    """The LaTeX source."""
    assert build(book, "latex", "-j", "2") == ""
    return (book.parent / "book-latex" / "book.tex").read_text("utf-8")


@pytest.fixture(scope="session")
def draft(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built copy of the book, which tests change, each in a place of its own, and build again."""
    book = copy_sample(tmp_path_factory.mktemp("draft") / "book")
    assert build(book, "html", "-j", "2") == ""
    return book


@pytest.fixture(scope="module")
def said(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What Sphinx says of each page in the test module's ``PAGES``."""
    pages: dict[str, str] = request.module.PAGES
    book = copy_sample(tmp_path_factory.mktemp("pages") / "book")
    if prepare := getattr(request.module, "prepare", None):
        prepare(book)
    return dict(zip(pages, build_pages(book, list(pages.values())), strict=True))
