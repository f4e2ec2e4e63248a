"""The printed book: whole, legible, and without what LaTeX only mutters about in its log.

``project/`` holds a few pages with whatever is hard to print: every script in prose and in code, wide tables, long
lines. They are set with the book's own settings, so that a fault of the style shows before a chapter meets it.
"""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from chapters import CHAPTERS
from pypdf import PdfReader
from pypdf.generic import Destination, IndirectObject
from tools.reproducible import CIRCUMSTANCES, build, differences

PROJECT = Path(__file__).parent / "project"
CLOCK = {"SOURCE_DATE_EPOCH": "1795478400", "FORCE_SOURCE_DATE": "1"}
WIDEST = 5.0  # points by which a line may stand out of its column: less than two millimetres

Find = Callable[[str, str], str]


@pytest.fixture(scope="session")
def specimen(program: Find, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of ``project/``, set."""
    program("lualatex", "texlive-luatex")
    program("latexmk", "latexmk")
    folder = tmp_path_factory.mktemp("specimen") / "first" / "pdf"
    return build("pdf", PROJECT, folder, CLOCK | CIRCUMSTANCES["first"])


@pytest.fixture(scope="module", params=["book", "specimen"])
def printed(request: pytest.FixtureRequest) -> Path:
    """The book, and then the specimen."""
    path = request.getfixturevalue("pdf_file" if request.param == "book" else "specimen")
    assert isinstance(path, Path)
    return path


@pytest.fixture(scope="module")
def text_of(program: Find) -> Callable[..., str]:
    pdftotext = program("pdftotext", "poppler-utils")

    def read(path: Path, *options: str) -> str:
        command = [pdftotext, "-enc", "UTF-8", *options, str(path), "-"]
        return subprocess.run(command, capture_output=True, check=True, encoding="utf-8", timeout=60).stdout

    return read


def _log(path: Path) -> str:
    # LaTeX breaks the lines of its log at 79 characters; a message that it broke is put together again.
    return re.sub(r"(?<=.{79})\n", "", path.with_suffix(".log").read_text("utf-8", errors="replace"))


def test_no_line_stands_out_of_its_column(printed: Path) -> None:
    found = re.findall(r"Overfull \\([hv])box \(([\d.]+)pt too (?:wide|high)\)([^\n]*)", _log(printed))
    assert [box for box in found if float(box[1]) > WIDEST] == []


def test_no_character_is_missing(printed: Path) -> None:
    assert sorted(set(re.findall(r"Missing character: [^\n]*", _log(printed)))) == []


def test_no_reference_is_undefined(printed: Path, text_of: Callable[[Path], str]) -> None:
    assert re.findall(r"[^\n]*(?:undefined on input line|multiply defined|same identifier)[^\n]*", _log(printed)) == []
    assert "??" not in text_of(printed)


def test_fonts_are_embedded(printed: Path, program: Find) -> None:
    table = subprocess.run(
        [program("pdffonts", "poppler-utils"), str(printed)],
        capture_output=True,
        check=True,
        encoding="utf-8",
        timeout=60,
    ).stdout.splitlines()
    column = table[0].index("emb")
    fonts = {line.split()[0]: line[column : column + 3].strip() for line in table[2:]}
    assert len(fonts) > 5
    assert {name for name, embedded in fonts.items() if embedded != "yes"} == set()


def test_metadata(pdf_file: Path) -> None:
    data = PdfReader(pdf_file).metadata
    assert data is not None
    assert data.title == "Deep Dive into Large Language Models"
    assert data.author == "The llmguide authors"
    assert "language models" in str(data.subject)
    assert "transformers" in str(data.get("/Keywords"))


def test_outline_leads_to_its_pages(pdf_outline: tuple[PdfReader, list[Destination]]) -> None:
    reader, entries = pdf_outline
    assert [entry.title for entry in entries].count("Bibliography") == 1
    pages = [reader.get_destination_page_number(entry) for entry in entries]
    assert None not in pages
    assert pages == sorted(pages, key=lambda page: page or 0)
    opening = reader.pages[pages[[entry.title for entry in entries].index("Bibliography")] or 0]
    assert opening.extract_text().count("Bibliography") == 1, "the list has one heading"


def test_links_resolve(printed: Path) -> None:
    reader = PdfReader(printed)
    names = set(reader.named_destinations)
    links, dead = 0, set()
    for page in reader.pages:
        for annotation in page.get("/Annots", []):
            link = annotation.get_object()
            action = link.get("/A", {})
            target = link.get("/Dest", action.get("/D") if action.get("/S") == "/GoTo" else None)
            if target is None or isinstance(target, (list, IndirectObject)):
                continue
            links += 1
            if str(target) not in names:
                dead.add(str(target))
    assert links > 10
    assert dead == set()


def test_the_index_leads_to_its_pages(
    pdf_file: Path, pdf_outline: tuple[PdfReader, list[Destination]], text_of: Callable[..., str]
) -> None:
    reader, entries = pdf_outline
    [index] = [entry for entry in entries if entry.title == "Index"]
    first = reader.get_destination_page_number(index)
    assert first is not None
    entries_of_the_index = text_of(pdf_file, "-f", str(first + 1))
    for word in ("byte-pair encoding", "hapax legomenon", "Rényi efficiency", "train_tokenizer"):
        assert word in entries_of_the_index
    for page in reader.pages[first:]:
        links = [note.get_object() for note in page.get("/Annots", [])]
        assert len([link for link in links if link.get("/A", {}).get("/S") == "/GoTo"]) > 10


def test_every_chapter_is_in_the_outline(pdf_outline: tuple[PdfReader, list[Destination]], html_dir: Path) -> None:
    index = BeautifulSoup((html_dir / "index.html").read_text("utf-8"), "html.parser")
    chapters = [link.get_text(strip=True) for link in index.select(".sidebar-tree .toctree-l1 > a")]
    assert chapters
    outline = [entry.title for entry in pdf_outline[1]]
    # The sidebar puts a point after the number of a chapter, print does not.
    expected = [re.sub(r"^(\d+)\.\s*", r"\1 ", chapter) for chapter in chapters]
    assert [chapter for chapter in expected if chapter not in outline] == []
    rest = iter(outline)
    assert all(chapter in rest for chapter in expected), "chapters stand in another order"


def test_each_chapter_begins_with_its_citation(pdf_outline: tuple[PdfReader, list[Destination]]) -> None:
    reader, entries = pdf_outline
    for number, _ in enumerate(CHAPTERS, start=1):
        entry = next(entry for entry in entries if str(entry.title).startswith(f"{number} "))
        page = reader.pages[reader.get_destination_page_number(entry) or 0]
        assert f"chapter {number} of Deep Dive into Large Language Models" in " ".join(page.extract_text().split())


# One word of each script that the specimen shows in prose, in a code block, and as an inline literal.
@pytest.mark.parametrize(
    "word",
    [
        "Ελληνικά",
        "токенизация",
        "नमस्ते",
        "你好，世界",
        "こんにちは",
        "안녕하세요",
        "مرحبا بالعالم",
        "שלום",
        "สวัสดี",
        "Ġthe",
        "▁the",
    ],
)
def test_every_script_is_visible(specimen: Path, text_of: Callable[[Path], str], word: str) -> None:
    assert word in text_of(specimen)


def test_every_emoji_is_one_picture(specimen: Path, program: Find) -> None:
    """Joined emoji, flags and keys too: a font that took them apart would give more pictures than emoji."""
    command = [program("pdfimages", "poppler-utils"), "-list", str(specimen)]
    pictures = subprocess.run(
        command, capture_output=True, check=True, encoding="utf-8", timeout=60
    ).stdout.splitlines()
    source = (PROJECT / "scripts.md").read_text("utf-8")
    emoji = re.findall("🙂|🤖|👩‍🚀|👨‍👩‍👧‍👦|👍🏽|🇩🇪|❤️|1️⃣", source)
    assert len(emoji) > 12
    sizes = [line.split()[3:5] for line in pictures if line.split()[2:3] == ["image"]]
    assert sizes.count(["136", "128"]) == len(emoji)  # the size of a picture in Noto Color Emoji


@pytest.mark.pdf
def test_two_pdfs_are_identical(specimen: Path, tmp_path: Path) -> None:
    """As ``test_reproducible`` asks of HTML and EPUB: the specimen is the first of the two builds."""
    second = build("pdf", PROJECT, tmp_path / "second" / "pdf", CLOCK | CIRCUMSTANCES["second"])
    assert list(differences(specimen, second)) == []
