"""A number means the same in HTML, EPUB and PDF: of chapter, section, figure, table, equation, listing and exercise.

HTML and EPUB are read as a reader sees them. What the PDF prints is read from the outline and from the ``.aux`` file
in which LaTeX keeps it.
"""

import re
import zipfile
from collections import Counter
from collections.abc import Iterator
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

    for number in soup.select("h1 > .section-number, h2 > .section-number, h3 > .section-number, h4 > .section-number"):
        note("section", number.find_parent("section"), number.get_text())
    for number in soup.select(".caption-number"):
        holder = number.find_parent(["figure", "table"]) or number.find_parent("div", class_="literal-block-wrapper")
        kind = {"figure": "figure", "table": "table"}.get(holder.name if holder else "", "listing")
        note(kind, holder, number.get_text())
    for number in soup.select(".eqno"):
        note("equation", number.find_parent("div", class_="math"), number.get_text())
    for title in soup.select(".exercise > .exercise-title"):
        match = re.search(r"\d[\d.]*", title.get_text())
        assert match, f"{page}: an exercise has no number"
        note("exercise", title.parent, match[0])
    return found


def _merge(pages: Iterator[tuple[str, BeautifulSoup]]) -> dict[str, Numbers]:
    merged: dict[str, Numbers] = {kind: {} for kind in KINDS}
    for page, soup in pages:
        for kind, numbers in numbers_of(page, soup).items():
            merged[kind] |= numbers
    return merged


@pytest.fixture(scope="module")
def html_numbers(html_dir: Path) -> dict[str, Numbers]:
    paths = [
        path for path in html_dir.rglob("*.html") if path.relative_to(html_dir).parts[0] not in {"_static", "_modules"}
    ]
    return _merge(
        (path.relative_to(html_dir).with_suffix("").as_posix(), BeautifulSoup(path.read_text("utf-8"), "html.parser"))
        for path in paths
    )


@pytest.fixture(scope="module")
def epub_numbers(epub_file: Path) -> dict[str, Numbers]:
    with zipfile.ZipFile(epub_file) as archive:
        names = [name for name in archive.namelist() if name.endswith(".xhtml")]
        return _merge(
            (name.removesuffix(".xhtml"), BeautifulSoup(archive.read(name).decode(), "html.parser")) for name in names
        )


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


def _outline(entries: list[Destination | list], depth: int = 0) -> Iterator[str]:  # type: ignore[type-arg]
    for entry in entries:
        if isinstance(entry, list):
            yield from _outline(entry, depth + 1)
        else:
            yield re.sub(r"\s+", " ", str(entry.title)).strip()


def test_pdf_outline_has_the_chapters_and_sections_of_html(pdf_file: Path, html_dir: Path) -> None:
    """Numbered or not, each heading stands in the outline as HTML shows it, in the order of its page."""
    outline = list(_outline(PdfReader(pdf_file).outline))
    skipped = {"index", "genindex", "py-modindex", "search", "404"}
    for path in sorted(html_dir.rglob("*.html")):
        page = path.relative_to(html_dir).with_suffix("").as_posix()
        if page in skipped or page.startswith(("_modules/", "_static/")):
            continue
        soup = BeautifulSoup(path.read_text("utf-8"), "html.parser")
        headings = []
        for heading in soup.select("section > h1, section > h2"):
            for permalink in heading.select(".headerlink"):
                permalink.extract()
            headings.append(re.sub(r"\s+", " ", re.sub(r"^([\d.]*\d)\. ", r"\1 ", heading.get_text())).strip())
        missing = [heading for heading in headings if heading not in outline]
        assert missing == [], f"{page}: not in the PDF's outline"
        places = [outline.index(heading) for heading in headings]
        assert places[0] == min(places), f"{page}: its title comes after its sections"
