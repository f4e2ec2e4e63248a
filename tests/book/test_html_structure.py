"""Every page of the book is whole: titles, ids, headings, numbers, pictures, links, and nothing from elsewhere."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup, CData, NavigableString, Tag
from chapters import BOOK, CHAPTERS, TEXTS

Soups = Mapping[str, BeautifulSoup]
Tags = dict[str, list[Tag]]
# How much a page may bring along: text and markup, and everything that a browser loads with it.
LARGEST_PAGE = 1_500_000
LARGEST_LOAD = 3_000_000


def text_of(node: Tag) -> str:
    return " ".join(node.get_text(" ", strip=True).split())


@pytest.fixture(scope="session")
def tags(soups: Soups) -> Tags:
    """Every element of each page. To go through these lists takes a fraction of the time of a search in the trees."""
    return {page: soup.find_all(True) for page, soup in soups.items()}


@pytest.fixture(scope="session")
def mains(tags: Tags) -> dict[str, Tag]:
    """The main part of each page."""
    return {page: next(tag for tag in found if tag.get("role") == "main") for page, found in tags.items()}


def has_class(tag: Tag, name: str) -> bool:
    return name in tag.get("class", ())


def is_outside(address: str) -> bool:
    return urlsplit(address).scheme in {"http", "https", "mailto"} or address.startswith("//")


def file_of(html_dir: Path, page: str, address: str) -> Path:
    """The file that a link on a page leads to, without links of the file system; it may be missing."""
    path = unquote(urlsplit(address).path)
    return _resolve(html_dir, page.rpartition("/")[0], path or page.rpartition("/")[2])


@cache
def _resolve(html_dir: Path, folder: str, path: str) -> Path:
    # The page for a missing address links from the root.
    return (html_dir / path.lstrip("/") if path.startswith("/") else html_dir / folder / path).resolve()


def test_ids_are_unique(tags: Tags) -> None:
    faults = [
        f"{page}: {name}"
        for page, found in tags.items()
        for name, times in Counter(tag["id"] for tag in found if tag.has_attr("id")).items()
        if times > 1
    ]
    assert not faults


def test_every_page_has_title_language_and_description(soups: Soups, tags: Tags) -> None:
    faults = []
    for page, soup in soups.items():
        descriptions = [tag for tag in tags[page] if tag.name == "meta" and tag.get("name") == "description"]
        if not soup.head or not soup.head.title or not text_of(soup.head.title):
            faults.append(f"{page}: no title")
        if soup.html is None or soup.html.get("lang") != "en":
            faults.append(f"{page}: no language")
        if not descriptions or not 10 <= len(str(descriptions[0].get("content"))) <= 300:
            faults.append(f"{page}: description {descriptions}")
        if len(descriptions) > 1:
            faults.append(f"{page}: two descriptions")
    assert not faults


def test_headings_form_an_outline(mains: dict[str, Tag]) -> None:
    faults = []
    for page, main in mains.items():
        levels = [int(tag.name[1]) for tag in main.find_all(True) if re.fullmatch("h[1-6]", tag.name)]
        if levels.count(1) != 1 or levels[0] != 1:
            faults.append(f"{page}: must begin with its only h1, has levels {levels[:8]}")
        if any(after > before + 1 for before, after in pairwise(levels)):
            faults.append(f"{page}: a level is left out in {levels}")
    assert not faults


def test_every_picture_is_described(tags: Tags, mains: dict[str, Tag]) -> None:
    faults = []
    for page, found in tags.items():
        for image in [tag for tag in found if tag.name == "img"]:
            alternative = str(image.get("alt", "")).strip()
            file = Path(str(image["src"])).name
            if len(alternative) < 10 or file in alternative or Path(file).stem == alternative:
                faults.append(f"{page}: {file} has the alternative {alternative!r}")
        for drawing in [tag for tag in mains[page].find_all(True) if tag.name in {"svg", "object"}]:
            named = drawing.get("aria-label") or drawing.get("aria-labelledby") or drawing.find("title")
            if drawing.get("aria-hidden") != "true" and not named:
                faults.append(f"{page}: a drawing without a name: {str(drawing)[:80]}")
    assert not faults


def test_a_picture_for_one_theme_has_its_twin(tags: Tags) -> None:
    faults = []
    for page, found in tags.items():
        for theme, other in (("light", "dark"), ("dark", "light")):
            for image in [tag for tag in found if tag.name == "img" and has_class(tag, f"only-{theme}")]:
                twin = f"img.only-{other}"
                beside = [other["alt"] for other in image.find_parent(["figure", "p", "div"]).select(twin)]
                if image["alt"] not in beside:
                    faults.append(f"{page}: {image['src']} is drawn for the {theme} theme only")
    assert not faults


def test_links_and_anchors_resolve(tags: Tags, html_dir: Path) -> None:
    anchors = {
        (html_dir / page).resolve(): {tag["id"] for tag in found if tag.has_attr("id")} for page, found in tags.items()
    }
    is_file = cache(Path.is_file)
    faults = []
    for page, found in tags.items():
        for address in [str(tag["href"]) for tag in found if tag.name == "a" and tag.has_attr("href")]:
            if is_outside(address) or address == "#":
                continue
            target = file_of(html_dir, page, address)
            anchor = unquote(urlsplit(address).fragment)
            if not is_file(target):
                faults.append(f"{page}: {address} leads nowhere")
            elif anchor and target in anchors and anchor not in anchors[target]:
                faults.append(f"{page}: {address} has no such anchor")
    assert not faults


def test_every_resource_lies_in_the_book(tags: Tags, html_dir: Path) -> None:
    exists = cache(Path.exists)
    faults = []
    for page, found in tags.items():
        resources = [str(tag["src"]) for tag in found if tag.has_attr("src")]
        resources += [str(tag["data"]) for tag in found if tag.name == "object" and tag.has_attr("data")]
        resources += [
            str(tag["href"])
            for tag in found
            if tag.name == "link"
            and tag.has_attr("href")
            and not {"canonical", "author", "copyright"} & set(tag["rel"])
        ]
        for address in resources:
            if address.startswith("data:"):
                continue
            if is_outside(address) or not exists(file_of(html_dir, page, address)):
                faults.append(f"{page}: {address}")
        if any(tag.name in {"iframe", "base"} for tag in found):
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


def prose_of(element: Tag) -> Iterator[str]:
    """Yield the texts of an element that stand in no code."""
    for inner in element.children:
        if isinstance(inner, Tag):
            if inner.name not in {"code", "pre"}:
                yield from prose_of(inner)
        elif type(inner) in {NavigableString, CData}:
            yield inner


def test_nothing_is_left_unresolved(mains: dict[str, Tag]) -> None:
    faults = [
        f"{page}: {text_of(node)[:100]}"
        for page, main in mains.items()
        for node in main.find_all(True)
        if has_class(node, "problematic") or has_class(node, "system-message")
    ]
    for page, main in mains.items():
        prose = "".join(prose_of(main))
        faults += [f"{page}: {role}" for role in re.findall(r"\{[a-z:-]+\}`[^`\n]*`", prose)]
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
def test_numbers_are_given_once(tags: Tags, kind: str, where: str) -> None:
    numbers = Counter(
        match[1]
        for found in tags.values()
        for caption in found
        if (has_class(caption, where[1:]) if where.startswith(".") else caption.name == where)
        and (match := re.match(rf"{kind} (\d+\.\d+)", text_of(caption)))
    )
    assert not [number for number, times in numbers.items() if times > 1]


@pytest.fixture
def chapters(soups: Soups) -> Soups:
    return {f"{name}.html": soups[f"{name}.html"] for name in CHAPTERS}


@pytest.fixture
def texts(soups: Soups) -> Soups:
    return {f"{name}.html": soups[f"{name}.html"] for name in TEXTS}


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


def test_captions_are_numbered(texts: Soups) -> None:
    faults = [
        f"{page}: {text_of(caption)[:60]}"
        for page, soup in texts.items()
        for caption in soup.select("[role=main] figcaption, [role=main] table > caption")
        if caption.select_one(".caption-number") is None
    ]
    assert not faults


def test_every_figure_says_where_it_comes_from(texts: Soups) -> None:
    faults = [
        f"{page}: {figure.get('id')}"
        for page, soup in texts.items()
        for figure in soup.select("[role=main] figure")
        if not figure.select(".legend .result-source a[href]")
    ]
    assert not faults


def test_the_edition_is_on_every_page(tags: Tags) -> None:
    import llmguide

    footers = {
        page: next((tag for tag in found if has_class(tag, "bottom-of-page")), None) for page, found in tags.items()
    }
    assert not [page for page, footer in footers.items() if not footer or llmguide.__version__ not in text_of(footer)]
    assert all("CC BY 4.0" in text_of(footer) for footer in footers.values() if footer)


def test_what_needs_an_address_is_left_out_without_one(soups: Soups, tags: Tags) -> None:
    cover = soups["index.html"]
    if cover.find("link", rel="canonical"):
        pytest.skip("this book was built for an address")
    for page, found in tags.items():
        assert not [tag for tag in found if tag.name == "meta" and tag.get("property") == "og:url"], page
        assert not [tag for tag in found if tag.name == "link" and "canonical" in tag.get("rel", ())], page


def test_pages_weigh_little(tags: Tags, html_dir: Path, report: list[str]) -> None:
    size = cache(lambda file: file.stat().st_size if file.is_file() else 0)
    weights = {}
    for page, found in tags.items():
        sheets = [str(tag["href"]) for tag in found if tag.name == "link" and "stylesheet" in tag.get("rel", ())]
        loads = sheets + [str(tag["src"]) for tag in found if tag.name in {"script", "img"} and tag.has_attr("src")]
        files = {file_of(html_dir, page, address) for address in loads if not address.startswith("data:")}
        own = (html_dir / page).stat().st_size
        weights[page] = (own, own + sum(map(size, files)))
    total = sum(path.stat().st_size for path in html_dir.rglob("*") if path.is_file())
    report.append(f"HTML: {len(weights)} pages, {total / 1e6:.1f} MB in all; the heaviest, with what they load:")
    for page, (own, load) in sorted(weights.items(), key=lambda item: -item[1][1])[:3]:
        report.append(f"  {page}: {own / 1e3:.0f} kB, {load / 1e3:.0f} kB")
    assert not [page for page, (own, load) in weights.items() if own > LARGEST_PAGE or load > LARGEST_LOAD]
