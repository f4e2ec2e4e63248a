"""The notebooks as they are stored: without outputs, quick to run, tied to the chapter that they belong to."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from availability import unavailable
from bs4 import BeautifulSoup

BOOK = Path(__file__).parents[2] / "book"
NOTEBOOKS = sorted((BOOK / "notebooks").glob("*.ipynb"))
PAGES = sorted(set(BOOK.rglob("*.md")) - {BOOK / "index.md"})  # the first page lists all notebooks
LONGEST_LINE = 76  # characters that fit on a printed page
MOST_SECONDS = 60


def cells(notebook: Path, kind: str) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(notebook.read_text("utf-8"))["cells"] if cell["cell_type"] == kind]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
class TestNotebook:
    def test_is_stored_without_outputs(self, notebook: Path) -> None:
        kept = [cell["id"] for cell in cells(notebook, "code") if cell["outputs"] or cell["execution_count"]]
        assert not kept, f"cells of {notebook.name} with outputs; clear them before committing: {kept}"

    @pytest.mark.long
    def test_runs_in_time(self, notebook: Path, capsys: pytest.CaptureFixture[str], report: list[str]) -> None:
        start = perf_counter()
        namespace: dict[str, Any] = {"__name__": "__main__"}
        for cell in cells(notebook, "code"):
            exec(compile(source(cell), f"{notebook.name}:{cell['id']}", "exec"), namespace)
        assert capsys.readouterr().out
        seconds = perf_counter() - start
        report.append(f"{notebook.name}: {seconds:.0f} s")
        assert seconds < MOST_SECONDS

    def test_code_fits_the_page(self, notebook: Path) -> None:
        lines = [line for cell in cells(notebook, "code") for line in source(cell).splitlines()]
        assert [line for line in lines if len(line) > LONGEST_LINE] == []

    def test_chapter_and_notebook_link_to_each_other(self, notebook: Path) -> None:
        text = "\n".join(map(source, cells(notebook, "markdown")))
        linked = {(notebook.parent / link).resolve() for link in re.findall(r"\]\(([^)#]+\.md)\)", text)}
        offering = {page for page in PAGES if f"</notebooks/{notebook.name}>" in page.read_text("utf-8")}
        assert offering, f"no chapter offers {notebook.name} for download"
        assert offering <= linked, f"{notebook.name} does not link back to {offering - linked}"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_ran_in_time_for_the_book(notebook: Path, html_dir: Path) -> None:
    """The build has run the notebook in a clean kernel, and keeps what came of it, and how long that took."""
    doctrees = html_dir.with_name(f"{html_dir.name}.doctrees")
    if not doctrees.exists():
        unavailable(str(doctrees), "`make html` keeps it")
    kept = doctrees / "nbsphinx" / "notebooks" / notebook.name
    ran = cells(kept, "code")
    assert list(map(source, ran)) == list(map(source, cells(notebook, "code"))), "the build has run another notebook"
    assert [cell["execution_count"] for cell in ran] == list(range(1, len(ran) + 1))
    outputs = [output for cell in ran for output in cell["outputs"]]
    assert any(output.get("name") == "stdout" for output in outputs)
    assert not [output for output in outputs if output["output_type"] == "error"]
    seconds = kept.with_suffix(".seconds")
    assert seconds.is_file(), f"the build has not noted how long {notebook.name} took"
    assert 0 < float(seconds.read_text("utf-8")) < MOST_SECONDS


@pytest.mark.book
def test_no_cell_of_the_book_writes_an_error_or_a_warning(soups: Mapping[str, BeautifulSoup]) -> None:
    pages = {page: soups[page] for page in soups if page.startswith("notebooks/")}
    assert len(pages) == len(NOTEBOOKS)
    complaints = {page: soup.select_one(".output_area.stderr") for page, soup in pages.items()}
    assert {page: area.get_text() for page, area in complaints.items() if area} == {}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_the_page_offers_the_notebook(notebook: Path, html_dir: Path, soups: Mapping[str, BeautifulSoup]) -> None:
    page = f"notebooks/{notebook.stem}.html"
    link = soups[page].select_one("h1 + .notebook-file a.download")
    assert link is not None, f"{page} does not offer {notebook.name} for download"
    assert ((html_dir / page).parent / str(link["href"])).read_bytes() == notebook.read_bytes()
