"""Every chapter and numbered section can be cited, with and without scripts, on screen and in print."""

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import pytest
from _extensions.citing import Book, Citation, read_book
from bs4 import BeautifulSoup
from chapters import CHAPTERS
from playwright.sync_api import Page, expect
from small_book import SmallBook
from sphinx.config import eval_config_file
from sphinx.errors import ExtensionError
from sphinx.util.tags import Tags

ROOT = Path(__file__).parents[2]
BOOK = Book("Big & Small", ("Ann Able", "The authors"), "1.2", date(2026, 3, 4))
CFF = """
cff-version: 1.2.0
message: Cite it.
title: "Big & Small"
version: "1.2"
date-released: 2026-03-04
authors:
  - given-names: Ann
    family-names: Able
  - name: The authors
"""
INDEX = """
# Book

```{toctree}
:numbered:
:caption: Part

one
```

```{toctree}
:caption: Reference

reference/how-to-cite
```
"""
ONE = """
(ch-one)=
# One </script> _and_ 100%

Text.

(sec-a)=
## A

Text.
"""


@pytest.fixture
def book(tmp_path: Path) -> SmallBook:
    (tmp_path / "CITATION.cff").write_text(CFF, "utf-8")
    pages = {"index": INDEX, "one": ONE, "reference/how-to-cite": "(how-to-cite)=\n# How to cite\n\nSo.\n"}
    return SmallBook(tmp_path, ["_extensions.numbering", "_extensions.citing"], pages)


def test_text_and_bibtex() -> None:
    citation = Citation(BOOK, "A 100% test", "3.4", "foundations/x", "sec-x", "https://b.org/foundations/x.html#sec-x")
    assert citation.text == (
        "Ann Able and The authors (2026). “A 100% test”, section 3.4 of Big & Small, version 1.2, 4 March 2026. "
        "https://b.org/foundations/x.html#sec-x"
    )
    assert citation.bibtex == (
        "@incollection{llmguide-sec-x,\n"
        "  author = {{Ann Able} and {The authors}},\n"
        "  title = {{A 100\\% test}},\n"
        "  booktitle = {{Big \\& Small}},\n"
        "  chapter = {3.4},\n"
        "  year = {2026},\n"
        "  month = mar,\n"
        "  edition = {Version 1.2, 2026-03-04},\n"
        "  url = {https://b.org/foundations/x.html#sec-x},\n"
        "}"
    )


def test_without_a_public_address_none_is_invented() -> None:
    citation = Citation(BOOK, "T", "3", "foundations/x", "ch-x")
    assert citation.text.endswith("chapter 3 of Big & Small, version 1.2, 4 March 2026. foundations/x#ch-x")
    assert "http" not in citation.text + citation.bibtex


def test_bibtex_can_be_read() -> None:
    from pybtex.database import parse_string

    entry = parse_string(Citation(BOOK, "A {b} \\ 5%", "3", "p", "ch-x").bibtex, "bibtex").entries["llmguide-ch-x"]
    assert entry.fields["chapter"] == "3"
    assert [str(person) for person in entry.persons["author"]] == ["{Ann Able}", "{The authors}"]


def test_the_preferred_citation_is_the_book(tmp_path: Path) -> None:
    path = tmp_path / "CITATION.cff"
    path.write_text("title: program\npreferred-citation:" + CFF.replace("\n", "\n  "), "utf-8")
    assert read_book(path) == BOOK


def test_a_file_without_a_field_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "CITATION.cff"
    path.write_text(CFF.replace("version: ", "edition: "), "utf-8")
    with pytest.raises(ExtensionError, match="no field 'version'"):
        read_book(path)
    path.unlink()
    with pytest.raises(ExtensionError, match="is missing"):
        read_book(path)


def test_each_numbered_heading_has_a_control_that_is_a_link(book: SmallBook) -> None:
    book.build()
    page = book.page("one")
    links = {str(link["data-cite"]): link for link in page.select("a.cite-link")}
    assert {anchor: link["aria-label"] for anchor, link in links.items()} == {
        "ch-one": "Cite chapter 1, One </script> and 100%",
        "sec-a": "Cite section 1.1, A",
    }
    assert all(page.find(id=anchor) for anchor in links)
    assert {str(link["href"]) for link in links.values()} == {"reference/how-to-cite.html"}
    data = json.loads(page.find(id="citations").string)
    assert data["sec-a"]["text"].startswith("Ann Able and The authors (2026). “A”, section 1.1 of Big & Small")
    assert data["ch-one"]["heading"] == "chapter 1, One </script> and 100%"
    assert not book.page("reference/how-to-cite").select(".cite-link"), "what has no number has no control"


def test_pages_carry_the_tags_of_reference_managers(book: SmallBook) -> None:
    book.settings["html_baseurl"] = "https://b.org/book/"
    book.build()
    tags = [(str(tag["name"]), str(tag["content"])) for tag in book.page("one").select('meta[name^="citation_"]')]
    assert tags == [
        ("citation_title", "One </script> and 100%"),
        ("citation_author", "Ann Able"),
        ("citation_author", "The authors"),
        ("citation_publication_date", "2026/03/04"),
        ("citation_language", "en"),
        ("citation_inbook_title", "Big & Small"),
        ("citation_public_url", "https://b.org/book/one.html"),
        ("citation_fulltext_html_url", "https://b.org/book/one.html"),
    ]
    assert "https://b.org/book/one.html#sec-a" in book.page("one").find(id="citations").string


@pytest.mark.book
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_numbered_heading_of_the_book_has_a_control(soups: Mapping[str, BeautifulSoup], chapter: str) -> None:
    page = soups[f"{chapter}.html"]
    headings = [number.get_text().strip(" .") for number in page.select("[role=main] .section-number")]
    labels = [str(control["aria-label"]) for control in page.select("[role=main] a.cite-link")]
    cited = [found[1] for label in labels if (found := re.match(r"Cite (?:chapter|section) ([\d.]+), ", label))]
    assert len(headings) > 3
    assert cited == headings


@pytest.mark.book
def test_every_page_of_the_book_but_lists_and_sources_carries_the_tags(soups: Mapping[str, BeautifulSoup]) -> None:
    untagged = {page for page, soup in soups.items() if not soup.select_one('meta[name="citation_title"]')}
    assert {page for page in untagged if not page.startswith("_modules/")} == {
        "404.html",
        "genindex.html",
        "search.html",
    }


def test_an_epub_has_no_controls(book: SmallBook) -> None:
    book.build("epub")
    assert "cite-link" not in str(book.page("one", "epub"))


def test_a_chapter_in_print_carries_its_citation(book: SmallBook, program: Callable[[str, str], str]) -> None:
    book.build("latex")
    folder = book.outdir("latex")
    source = (folder / "book.tex").read_text("utf-8")
    assert len(re.findall(r"\\bookcitation\{Ann Able", source)) == 1
    command = [program("pdflatex", "texlive-latex-recommended"), "-interaction=nonstopmode", "-draftmode", "book.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.book
def test_the_dialog_works_from_the_keyboard(visit: Callable[..., Page]) -> None:
    window = visit("foundations/tokenization.html")
    control = window.get_by_role("button", name=re.compile(r"^Cite section 1\.1, "))
    control.focus()
    window.keyboard.press("Enter")
    dialog = window.get_by_role("dialog", name=re.compile(r"^Cite section 1\.1, "))
    expect(dialog).to_be_visible()
    assert "section 1.1 of Deep Dive into Large Language Models, version" in dialog.inner_text()
    window.keyboard.press("Enter")  # the first button has the focus
    status = dialog.get_by_role("status")
    expect(status).to_have_text(re.compile(r"^Text (copied\.|is selected)"))
    for _ in range(12):  # Tab goes round inside, and to the browser's own controls, never to the page behind
        window.keyboard.press("Tab")
        assert window.evaluate("document.activeElement.closest('dialog') || document.activeElement === document.body")
    window.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    expect(control).to_be_focused()


@pytest.mark.book
def test_without_scripts_the_control_is_a_link(visit: Callable[..., Page]) -> None:
    window = visit("foundations/tokenization.html", java_script_enabled=False)
    window.get_by_role("link", name=re.compile(r"^Cite section 1\.1, ")).click()
    assert window.url.endswith("/reference/how-to-cite.html")


def test_the_citation_file_agrees_with_the_settings() -> None:
    book = read_book(ROOT / "CITATION.cff")
    settings = eval_config_file(ROOT / "book" / "conf.py", Tags())
    assert book == Book(settings["project"], (settings["author"],), settings["version"], settings["released"])
