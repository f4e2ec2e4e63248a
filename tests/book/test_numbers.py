"""A number means the same in HTML, EPUB and PDF: of chapter, section, figure, table, equation, listing and exercise.

HTML and EPUB are read as a reader sees them. What the PDF prints is read from the outline and from the ``.aux`` file
in which LaTeX keeps it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag
from pypdf import PdfReader
from pypdf.generic import Destination

Numbers = dict[tuple[str, str], str]  # (page, anchor) -> number

KINDS = ("section", "figure", "table", "listing", "equation", "exercise")


def _anchors(element: Tag) -> Iterator[str]:
    """Yield the element's id, and the further names that Sphinx writes as empty spans beside it."""
    if "id" in element.attrs:
        yield str(element["id"])
    for span in [*element.find_all("span", id=True, recursive=False), *_spans_before(element)]:
        if not span.get_text():
            yield str(span["id"])


def _spans_before(element: Tag) -> Iterator[Tag]:
    for sibling in element.previous_siblings:
        if isinstance(sibling, Tag):
            if sibling.name != "span" or "id" not in sibling.attrs:
                return
            yield sibling


def _digits(text: str) -> str:
    return re.sub(r"[^\d.]", "", text).strip(".")


def numbers_of(page: str, soup: BeautifulSoup) -> dict[str, Numbers]:
    """Return the numbers that a page shows, by kind."""
    found: dict[str, Numbers] = {kind: {} for kind in KINDS}

    def note(kind: str, element: Tag | None, text: str) -> None:
        assert element is not None, f"{page}: {text!r} is numbered and has no anchor"
        for anchor in _anchors(element):
            found[kind][page, anchor] = _digits(text)

    tags = soup.find_all(True)

    def of_class(name: str) -> list[Tag]:
        return [tag for tag in tags if name in tag.get("class", ())]

    for number in of_class("section-number"):
        if number.parent.name in {"h1", "h2", "h3", "h4"}:
            note("section", number.find_parent("section"), number.get_text())
    for number in of_class("caption-number"):
        holder = number.find_parent(["figure", "table"]) or number.find_parent("div", class_="literal-block-wrapper")
        kind = {"figure": "figure", "table": "table"}.get(holder.name if holder else "", "listing")
        note(kind, holder, number.get_text())
    for number in of_class("eqno"):
        note("equation", number.find_parent("div", class_="math"), number.get_text())
    for title in of_class("exercise-title"):
        if "exercise" not in title.parent.get("class", ()):
            continue
        match = re.search(r"\d[\d.]*", title.get_text())
        assert match, f"{page}: an exercise has no number"
        note("exercise", title.parent, match[0])
    return found


def _merge(pages: Iterable[tuple[str, BeautifulSoup]]) -> dict[str, Numbers]:
    merged: dict[str, Numbers] = {kind: {} for kind in KINDS}
    for page, soup in pages:
        for kind, numbers in numbers_of(page, soup).items():
            merged[kind] |= numbers
    return merged


@pytest.fixture(scope="session")
def html_numbers(soups: Mapping[str, BeautifulSoup]) -> dict[str, Numbers]:
    return _merge(
        (page.removesuffix(".html"), soup) for page, soup in soups.items() if not page.startswith("_modules/")
    )


@pytest.fixture(scope="session")
def epub_numbers(epub_soups: Mapping[str, BeautifulSoup]) -> dict[str, Numbers]:
    return _merge((name.removesuffix(".xhtml"), soup) for name, soup in epub_soups.items())


@pytest.fixture(scope="module")
def printed(pdf_file: Path) -> dict[str, str]:
    """The number behind each of LaTeX's labels."""
    aux = pdf_file.with_suffix(".aux").read_text("utf-8")
    return {label: _digits(number) for label, number in re.findall(r"\\newlabel\{([^{}]+)\}\{\{([^{}]*)\}", aux)}


@pytest.mark.parametrize("kind", KINDS)
def test_html_numbers_are_complete_and_unique(html_numbers: dict[str, Numbers], kind: str) -> None:
    numbers = html_numbers[kind]
    assert numbers, f"the book has no {kind} with a number"
    assert all(numbers.values())
    owners = Counter(number for number, _ in {(number, page) for (page, _), number in numbers.items()})
    assert [number for number, count in owners.items() if count > 1] == [], "a number stands on two pages"


@pytest.mark.parametrize("kind", KINDS)
def test_epub_has_the_numbers_of_html(
    html_numbers: dict[str, Numbers], epub_numbers: dict[str, Numbers], kind: str
) -> None:
    assert epub_numbers[kind] == html_numbers[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_pdf_has_the_numbers_of_html(html_numbers: dict[str, Numbers], printed: dict[str, str], kind: str) -> None:
    compared, different = set(), {}
    for (page, anchor), number in html_numbers[kind].items():
        label = f"equation:{page}:{anchor.removeprefix('equation-')}" if kind == "equation" else f"{page}:{anchor}"
        if label in printed:
            compared.add((page, number))
            if printed[label] != number:
                different[label] = f"{number} in HTML, {printed[label] or 'none'} in print"
    assert different == {}
    everything = {(page, number) for (page, _), number in html_numbers[kind].items()}
    assert everything == compared, "these have a number in HTML and no label in print"


def test_pdf_outline_has_the_chapters_and_sections_of_html(
    pdf_outline: tuple[PdfReader, list[Destination]], soups: Mapping[str, BeautifulSoup]
) -> None:
    """Numbered or not, each heading stands in the outline as HTML shows it, in the order of its page."""
    outline = [re.sub(r"\s+", " ", str(entry.title)).strip() for entry in pdf_outline[1]]
    skipped = {"index", "genindex", "py-modindex", "search", "404"}
    for address, soup in soups.items():
        page = address.removesuffix(".html")
        if page in skipped or page.startswith("_modules/"):
            continue
        headings = []
        shown = [tag for tag in soup.find_all(True) if tag.name in {"h1", "h2"} and tag.parent.name == "section"]
        for heading in map(copy, shown):
            for permalink in heading.select(".headerlink"):
                permalink.extract()
            headings.append(re.sub(r"\s+", " ", re.sub(r"^([\d.]*\d)\. ", r"\1 ", heading.get_text())).strip())
        missing = [heading for heading in headings if heading not in outline]
        assert missing == [], f"{page}: not in the PDF's outline"
        places = [outline.index(heading) for heading in headings]
        assert places[0] == min(places), f"{page}: its title comes after its sections"
