"""Every page of the book is whole: titles, ids, headings, numbers, pictures, links, and nothing from elsewhere."""

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup, Tag
from chapters import BOOK, CHAPTERS

Soups = dict[str, BeautifulSoup]
# How much a page may bring along: text and markup, and everything that a browser loads with it.
LARGEST_PAGE = 1_500_000
LARGEST_LOAD = 3_000_000


def text_of(node: Tag) -> str:
    return " ".join(node.get_text(" ", strip=True).split())


def is_outside(address: str) -> bool:
    return urlsplit(address).scheme in {"http", "https", "mailto"} or address.startswith("//")


def file_of(html_dir: Path, page: str, address: str) -> Path:
    """The file that a link on a page leads to; the page for a missing address links from the root."""
    path = unquote(urlsplit(address).path)
    if path.startswith("/"):
        return html_dir / path.lstrip("/")
    return (html_dir / page).parent / path if path else html_dir / page


def test_ids_are_unique(soups: Soups) -> None:
    faults = [
        f"{page}: {name}"
        for page, soup in soups.items()
        for name, times in Counter(tag["id"] for tag in soup.find_all(id=True)).items()
        if times > 1
    ]
    assert not faults


def test_every_page_has_title_language_and_description(soups: Soups) -> None:
    faults = []
    for page, soup in soups.items():
        description = soup.find("meta", attrs={"name": "description"})
        if not soup.title or not text_of(soup.title):
            faults.append(f"{page}: no title")
        if soup.html is None or soup.html.get("lang") != "en":
            faults.append(f"{page}: no language")
        if not isinstance(description, Tag) or not 10 <= len(str(description.get("content"))) <= 300:
            faults.append(f"{page}: description {description}")
        if len(soup.find_all("meta", attrs={"name": "description"})) > 1:
            faults.append(f"{page}: two descriptions")
    assert not faults


def test_headings_form_an_outline(soups: Soups) -> None:
    faults = []
    for page, soup in soups.items():
        main = soup.find(attrs={"role": "main"})
        assert isinstance(main, Tag), f"{page} has no main part"
        levels = [int(heading.name[1]) for heading in main.find_all(re.compile("^h[1-6]$"))]
        if levels.count(1) != 1 or levels[0] != 1:
            faults.append(f"{page}: must begin with its only h1, has levels {levels[:8]}")
        if any(after > before + 1 for before, after in pairwise(levels)):
            faults.append(f"{page}: a level is left out in {levels}")
    assert not faults


def test_every_picture_is_described(soups: Soups) -> None:
    faults = []
    for page, soup in soups.items():
        for image in soup.find_all("img"):
            alternative = str(image.get("alt", "")).strip()
            file = Path(str(image["src"])).name
            if len(alternative) < 10 or file in alternative or Path(file).stem == alternative:
                faults.append(f"{page}: {file} has the alternative {alternative!r}")
        for drawing in soup.select("[role=main] svg, [role=main] object"):
            named = drawing.get("aria-label") or drawing.get("aria-labelledby") or drawing.find("title")
            if drawing.get("aria-hidden") != "true" and not named:
                faults.append(f"{page}: a drawing without a name: {str(drawing)[:80]}")
    assert not faults


def test_a_picture_for_one_theme_has_its_twin(soups: Soups) -> None:
    faults = []
    for page, soup in soups.items():
        for theme, other in (("light", "dark"), ("dark", "light")):
            for image in soup.select(f"img.only-{theme}"):
                twin = f"img.only-{other}"
                beside = [found["alt"] for found in image.find_parent(["figure", "p", "div"]).select(twin)]
                if image["alt"] not in beside:
                    faults.append(f"{page}: {image['src']} is drawn for the {theme} theme only")
    assert not faults


def test_links_and_anchors_resolve(soups: Soups, html_dir: Path) -> None:
    anchors = {
        (html_dir / page).resolve(): {tag["id"] for tag in soup.find_all(id=True)} for page, soup in soups.items()
    }
    faults = []
    for page, soup in soups.items():
        for link in soup.find_all("a", href=True):
            address = str(link["href"])
            if is_outside(address) or address == "#":
                continue
            target = file_of(html_dir, page, address).resolve()
            anchor = unquote(urlsplit(address).fragment)
            if not target.is_file():
                faults.append(f"{page}: {address} leads nowhere")
            elif anchor and target in anchors and anchor not in anchors[target]:
                faults.append(f"{page}: {address} has no such anchor")
    assert not faults


def test_every_resource_lies_in_the_book(soups: Soups, html_dir: Path) -> None:
    faults = []
    for page, soup in soups.items():
        resources = [str(tag["src"]) for tag in soup.find_all(src=True)]
        resources += [str(tag["data"]) for tag in soup.find_all("object", data=True)]
        resources += [
            str(tag["href"])
            for tag in soup.find_all("link", href=True)
            if not {"canonical", "author", "copyright"} & set(tag["rel"])
        ]
        for address in resources:
            if address.startswith("data:"):
                continue
            if is_outside(address) or not file_of(html_dir, page, address).exists():
                faults.append(f"{page}: {address}")
        if soup.find("iframe") or soup.find("base"):
            faults.append(f"{page}: a frame or a base")
    assert not faults


def test_style_sheets_ask_for_nothing_outside(html_dir: Path) -> None:
    faults = []
    for sheet in html_dir.rglob("*.css"):
        for address in re.findall(r"url\(\s*[\"']?([^\"')]+)", sheet.read_text("utf-8")):
            if is_outside(address):
                faults.append(f"{sheet.name}: {address}")
            elif not address.startswith(("data:", "#")) and not (sheet.parent / urlsplit(address).path).is_file():
                faults.append(f"{sheet.name}: {address} is missing")
        if "@import" in sheet.read_text("utf-8"):
            faults.append(f"{sheet.name}: imports another sheet")
    assert not faults


def test_nothing_is_left_unresolved(soups: Soups) -> None:
    faults = [
        f"{page}: {text_of(node)[:100]}"
        for page, soup in soups.items()
        for node in soup.select("[role=main] .problematic, [role=main] .system-message")
    ]
    for page, soup in soups.items():
        prose = [text for text in soup.select_one("[role=main]").strings if not text.find_parent(["code", "pre"])]
        faults += [f"{page}: {role}" for role in re.findall(r"\{[a-z:-]+\}`[^`\n]*`", "".join(prose))]
    assert not faults


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        ("Figure", "figcaption"),
        ("Table", "caption"),
        ("Listing", ".code-block-caption"),
        ("Exercise", ".exercise-title"),
    ],
)
def test_numbers_are_given_once(soups: Soups, kind: str, where: str) -> None:
    numbers = Counter(
        match[1]
        for soup in soups.values()
        for caption in soup.select(where)
        if (match := re.match(rf"{kind} (\d+\.\d+)", text_of(caption)))
    )
    assert not [number for number, times in numbers.items() if times > 1]


@pytest.fixture
def chapters(soups: Soups) -> Soups:
    return {f"{name}.html": soups[f"{name}.html"] for name in CHAPTERS}


def test_every_page_beside_a_chapter_is_one() -> None:
    folders = {Path(name).parent for name in CHAPTERS}
    beside = {path.relative_to(BOOK) for folder in folders for path in (BOOK / folder).glob("*.md")}
    assert {path.with_suffix("").as_posix() for path in beside} == set(CHAPTERS)


def test_chapters_sections_and_equations_are_numbered(chapters: Soups) -> None:
    numbers = []
    for page, soup in chapters.items():
        for heading in soup.select("[role=main] :is(h1, h2, h3)"):
            number = heading.select_one(".section-number")
            assert number is not None, f"{page}: {text_of(heading)} has no number"
            numbers.append(text_of(number))
        for equation in soup.select(".eqno"):
            assert re.match(r"\(\d+\.\d+\)", text_of(equation))
            numbers.append(text_of(equation).split(")")[0])
    assert len(numbers) == len(set(numbers))


def test_captions_are_numbered(chapters: Soups) -> None:
    faults = [
        f"{page}: {text_of(caption)[:60]}"
        for page, soup in chapters.items()
        for caption in soup.select("[role=main] figcaption, [role=main] table > caption")
        if caption.select_one(".caption-number") is None
    ]
    assert not faults


def test_every_figure_says_where_it_comes_from(chapters: Soups) -> None:
    faults = [
        f"{page}: {figure.get('id')}"
        for page, soup in chapters.items()
        for figure in soup.select("[role=main] figure")
        if not figure.select(".legend .result-source a[href]")
    ]
    assert not faults


def test_the_edition_is_on_every_page(soups: Soups) -> None:
    import llmguide

    footers = {page: soup.select_one(".bottom-of-page") for page, soup in soups.items()}
    assert not [page for page, footer in footers.items() if not footer or llmguide.__version__ not in text_of(footer)]
    assert all("CC BY 4.0" in text_of(footer) for footer in footers.values() if footer)


def test_what_needs_an_address_is_left_out_without_one(soups: Soups) -> None:
    cover = soups["index.html"]
    if cover.find("link", rel="canonical"):
        pytest.skip("this book was built for an address")
    for page, soup in soups.items():
        assert not soup.find("meta", property="og:url"), page
        assert not soup.find("link", rel="canonical"), page


def test_pages_weigh_little(soups: Soups, html_dir: Path, report: list[str]) -> None:
    weights = {}
    for page, soup in soups.items():
        sheets = [str(tag["href"]) for tag in soup.find_all("link", rel="stylesheet")]
        loads = sheets + [str(tag["src"]) for tag in soup.find_all(["script", "img"], src=True)]
        files = {file_of(html_dir, page, address).resolve() for address in loads if not address.startswith("data:")}
        own = (html_dir / page).stat().st_size
        weights[page] = (own, own + sum(file.stat().st_size for file in files if file.is_file()))
    total = sum(path.stat().st_size for path in html_dir.rglob("*") if path.is_file())
    report.append(f"HTML: {len(weights)} pages, {total / 1e6:.1f} MB in all; the heaviest, with what they load:")
    for page, (own, load) in sorted(weights.items(), key=lambda item: -item[1][1])[:3]:
        report.append(f"  {page}: {own / 1e3:.0f} kB, {load / 1e3:.0f} kB")
    assert not [page for page, (own, load) in weights.items() if own > LARGEST_PAGE or load > LARGEST_LOAD]
