"""The sample book, built once by each builder, with two processes as the real one is."""

from pathlib import Path

import pytest
from sample_book import build, copy_sample


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


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """A copy of the book that the test may change."""
    return copy_sample(tmp_path / "book")


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the book for pages that do not build."""
    return copy_sample(tmp_path_factory.mktemp("scratch") / "book")
