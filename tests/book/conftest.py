"""What the tests of the built book share: the folder, its pages, a browser, and how to do without.

A test takes what it needs as a fixture. What is missing skips the test with the command that would supply it, and fails
it where the environment says ``CI=true``: there, everything must be present.
"""

import gc
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from availability import unavailable
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page, sync_playwright
from pypdf import PdfReader
from pypdf.generic import Destination
from windows import Windows

ROOT = Path(__file__).parents[2]
# The second line of flags keeps Chromium itself from looking for updates while we count requests. The third gives
# scripts room for what they soon forget, for axe makes objects for every element, and leaves out the last stage of
# compiling, which takes a second core and comes too late: each page begins anew.
CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--js-flags=--min-semi-space-size=64 --max-semi-space-size=128 --no-turbofan",
]  # fmt: skip
# A word of coloured code, as Pygments writes it.
COLOURED = re.compile(r'<span class="[a-z]{1,2}\d?">([^<]*)</span>')


class Soups(Mapping[str, BeautifulSoup]):
    """The page by address, parsed when a test first asks for it. A test that changes one must work on a copy.

    The colours of code are left out: no test asks for them, and they are a third of all elements.

    Args:
        names: The addresses.
        read: Gives the text of a page.
    """

    def __init__(self, names: list[str], read: Callable[[str], str]) -> None:
        self._names = dict.fromkeys(names)
        self._read = read
        self._parsed: dict[str, BeautifulSoup] = {}

    def __getitem__(self, name: str) -> BeautifulSoup:
        if name not in self._parsed:
            if name not in self._names:
                raise KeyError(name)
            text = COLOURED.sub(r"\1", self._read(name))
            gc.disable()  # it would walk over all pages again and again, and find nothing to collect
            self._parsed[name] = BeautifulSoup(text, "html.parser")
            gc.freeze()  # nor later
            gc.enable()
        return self._parsed[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:  # a failing test would otherwise print the book
        return f"<{len(self)} pages>"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by what they use, so that ``-m "not browser"`` needs no care from who writes a test.

    Coverage does not watch them: the tests beside this folder reach the package's lines, and faster so.
    """
    markers = {"html_dir": "book", "browser": "browser", "pdf_file": "pdf", "epub_file": "epub"}
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("no_cover")
        for fixture, marker in markers.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)


@pytest.fixture
def report(record_property: Callable[[str, object], None]) -> list[str]:
    """Lines to print below the results: sizes and other figures that are measured and not judged."""
    lines: list[str] = []
    record_property("report", lines)
    return lines


def _built(variable: str, default: str, remedy: str) -> Path:
    path = Path(os.environ.get(variable) or ROOT / default)
    if not path.exists():
        unavailable(str(path), remedy)
    return path


@pytest.fixture(scope="session")
def html_dir() -> Path:
    """The folder of the built HTML book: ``BOOK_HTML``, or ``_build/html``."""
    return _built("BOOK_HTML", "_build/html", "build it with `make html`")


@pytest.fixture(scope="session")
def pdf_file() -> Path:
    """The built PDF: ``BOOK_PDF``, or ``_build/latex/book.pdf``."""
    asked = subprocess.run([ROOT / ".ci" / "require-debian", "print"], capture_output=True, text=True, check=False)
    remedy = "build it with `make pdf`" if asked.returncode == 0 else asked.stderr.strip()
    return _built("BOOK_PDF", "_build/latex/book.pdf", remedy)


@pytest.fixture(scope="session")
def epub_file() -> Path:
    """The built EPUB: ``BOOK_EPUB``, or ``_build/epub/book.epub``."""
    return _built("BOOK_EPUB", "_build/epub/book.epub", "build it with `make epub`")


@pytest.fixture(scope="session")
def pages(html_dir: Path) -> list[str]:
    """The address of every page, relative to the book's folder; pages that only redirect to another are left out."""
    found = [path for path in html_dir.rglob("*.html") if path.relative_to(html_dir).parts[0] != "_static"]
    return sorted(
        path.relative_to(html_dir).as_posix()
        for path in found
        if 'http-equiv="refresh"' not in path.read_text("utf-8")[:1000]
    )


@pytest.fixture(scope="session")
def soups(html_dir: Path, pages: list[str]) -> Soups:
    """Every page of the HTML book, parsed once."""
    return Soups(pages, lambda page: (html_dir / page).read_text("utf-8"))


@pytest.fixture(scope="session")
def epub_soups(epub_file: Path) -> Iterator[Soups]:
    """Every page of the EPUB, parsed once, by its name in the archive."""
    with zipfile.ZipFile(epub_file) as archive:
        names = [name for name in archive.namelist() if name.endswith(".xhtml")]
        yield Soups(names, lambda name: archive.read(name).decode())


@pytest.fixture(scope="session")
def pdf_outline(pdf_file: Path) -> tuple[PdfReader, list[Destination]]:
    """The opened PDF, and the entries of its outline, one after the other."""
    reader = PdfReader(pdf_file)
    return reader, list(_flat(reader.outline))


def _flat(entries: list[Destination | list]) -> Iterator[Destination]:  # type: ignore[type-arg]
    for entry in entries:
        if isinstance(entry, list):
            yield from _flat(entry)
        else:
            yield entry


@pytest.fixture(scope="session")
def program() -> Callable[[str, str], str]:
    """Call ``program(name, debian_package)`` for the path of an installed program."""

    def find(name: str, debian_package: str) -> str:
        return shutil.which(name) or unavailable(name, f"install the Debian package `{debian_package}`")

    return find


@pytest.fixture(scope="session")
def browser(program: Callable[[str, str], str]) -> Iterator[Browser]:
    """Chromium, started once; without the parts that draw windows, if it is installed so."""
    executable = shutil.which("chromium-headless-shell") or program("chromium", "chromium-headless-shell")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def windows(browser: Browser) -> Windows:
    """Its windows."""
    return Windows(browser)


@pytest.fixture
def visit(windows: Windows, html_dir: Path) -> Iterator[Callable[..., Page]]:
    """Call ``visit(page, **options of a browser context)`` to open a page from its folder, the network switched off.

    Further pages can be loaded into the same window: ``window.goto((html_dir / page).as_uri())``. A script's uncaught
    error, or a request to anywhere but the folder, fails the test when it ends.
    """
    opened: list[Page] = []

    def open_page(page: str, **options: Any) -> Page:
        window = windows.open(**options)
        opened.append(window)
        address, _, anchor = page.partition("#")
        window.goto((html_dir / address).resolve().as_uri() + (f"#{anchor}" if anchor else ""))
        return window

    yield open_page
    faults = [fault for window in opened for fault in windows.close(window)]
    assert not faults, "\n".join(faults)
