"""Descriptions, downloads and search texts: the parts of a page that our extensions write."""

from pathlib import Path

import pytest
from _extensions.downloads import FOLDER, fill, publish, readable_size
from _extensions.search_index import sections_of
from _extensions.site import DESCRIPTION_LENGTH, describe, meta_tags
from _extensions.source_pages import flatten, home_of
from bs4 import BeautifulSoup
from docutils import nodes
from docutils.utils import new_document
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

import llmguide

PLACE = "<p>before</p><!-- downloads of the-book 1.2 --><!-- end of downloads --><p>after</p>"


def document(*texts: str) -> nodes.document:
    tree = new_document("page")
    section = nodes.section()
    section += nodes.title("", "Title")
    section += nodes.note("", nodes.paragraph("", "A note comes first."))
    section.extend(nodes.paragraph("", text) for text in texts)
    tree += section
    return tree


def test_a_page_is_described_by_its_first_paragraph() -> None:
    assert describe(document("What a token\nis.", "More.")) == "What a token is."


def test_a_long_description_is_cut_between_words() -> None:
    description = describe(document("word, " * 100))
    assert len(description) <= DESCRIPTION_LENGTH + 1
    assert description.endswith("word…")


def test_a_page_without_text_describes_nothing() -> None:
    assert describe(document()) == ""


def test_meta_tags_are_escaped_and_empty_ones_left_out() -> None:
    assert meta_tags({"description": 'a "b" <c>', "og:url": ""}) == (
        '<meta name="description" content="a &quot;b&quot; &lt;c&gt;">\n'
    )
    assert 'property="og:title"' in meta_tags({"og:title": "Title"})


@pytest.mark.parametrize(("size", "text"), [(120, "1 kB"), (98_700, "99 kB"), (999_499, "999 kB"), (999_500, "1.0 MB")])
def test_sizes_are_readable(size: int, text: str) -> None:
    assert readable_size(size) == text


def test_downloads_are_linked_with_size_and_version(tmp_path: Path) -> None:
    pdf = tmp_path / "book.pdf"
    pdf.write_bytes(b"x" * 1_300_000)
    page = fill(PLACE, [pdf], "../")
    assert '<a href="../downloads/the-book.pdf">PDF</a>, version 1.2, 1.3 MB' in page
    assert fill(page, [pdf], "../") == page
    assert fill(page, [], "../") == PLACE


def test_a_book_is_published_with_the_files_that_exist(tmp_path: Path) -> None:
    html = tmp_path / "html"
    (html / "deep").mkdir(parents=True)
    (html / "index.html").write_text(PLACE)
    (html / "deep" / "page.html").write_text(PLACE)
    (html / "plain.html").write_text("no place")
    epub = tmp_path / "book.epub"
    epub.write_bytes(b"epub")
    publish(html, [tmp_path / "book.pdf", epub])
    assert [path.name for path in (html / FOLDER).iterdir()] == ["the-book.epub"]
    assert 'href="../downloads/the-book.epub"' in (html / "deep" / "page.html").read_text()
    assert "PDF" not in (html / "index.html").read_text()
    epub.unlink()
    publish(html, [epub])
    assert not (html / FOLDER).exists()
    assert (html / "index.html").read_text() == PLACE


def test_the_book_links_its_pdf_and_its_epub(html_dir: Path, pdf_file: Path, epub_file: Path) -> None:
    for page in ("index.html", "foundations/tokenization.html"):
        links = BeautifulSoup((html_dir / page).read_text("utf-8"), "html.parser").select(".downloads li")
        assert len(links) == 2
        for link, file in zip(links, (pdf_file, epub_file), strict=True):
            size = readable_size(file.stat().st_size)
            assert link.get_text() == f"{file.suffix[1:].upper()}, version {llmguide.__version__}, {size}"
            target = (html_dir / page).parent / str(link.select_one("a[href]")["href"])
            assert target.read_bytes() == file.read_bytes()


def test_publishing_without_a_book_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make html"):
        publish(tmp_path, [])


@pytest.mark.parametrize("address", ["", "https://book.example/en/"])
def test_addresses_are_written_where_they_are_known(tmp_path: Path, address: str) -> None:
    (tmp_path / "index.rst").write_text("Book\n====\n\nThe first paragraph.\n")
    settings = {
        "project": "A book",
        "extensions": ["_extensions.site"],
        "html_theme": "furo",
        "templates_path": [str(Path(__file__).parents[2] / "book" / "_templates")],
        "html_baseurl": address,
        "repository_url": address and "https://code.example/book",
    }
    out = tmp_path / "out"
    with patch_docutils(), docutils_namespace():  # leave no trace for the next application in this process
        Sphinx(tmp_path, None, out, out / "doctrees", "html", settings, status=None).build()
    page = BeautifulSoup((out / "index.html").read_text("utf-8"), "html.parser")
    assert page.find("meta", attrs={"name": "description"})["content"] == "The first paragraph."
    canonical, shared = page.find("link", rel="canonical"), page.find("meta", property="og:url")
    report = page.find("a", string="Report an error")
    if address:
        assert canonical["href"] == shared["content"] == f"{address}index.html"
        assert report["href"].startswith("https://code.example/book/issues/new?title=Error%20on%20the%20page%20index")
    else:
        assert (canonical, shared, report) == (None, None, None)


def test_source_pages_stay_in_the_package() -> None:
    assert home_of(None, "llmguide.tokenizers", "Tokenizer") == "llmguide.tokenizers.tokenizer"
    assert home_of(None, "llmguide.datasets", "Path") == "llmguide.datasets"
    assert flatten('<h1>All</h1><ul><li><a href="a.html">a</a></li><ul><li><a href="b.html">b</a></li></ul></ul>') == (
        '<h1>Source code</h1>\n<ul>\n<li><a href="a.html">a</a></li>\n<li><a href="b.html">b</a></li>\n</ul>\n'
    )


def test_texts_are_kept_by_section() -> None:
    page = """<nav>menu</nav><article role="main"><section id="a">
        <h1>One<a class="headerlink" href="#a">#</a></h1><p>First<br>line.</p>
        <section id="b"><h2><span>1.1. </span>Two</h2>
          <p>The <math><semantics><mi>x</mi><annotation>x</annotation></semantics></math> of <em>b</em>old.</p>
          <div class="math"><math><mo>∑</mo><mi>x</mi><mo>∑</mo></math></div>
          <div class="widget-controls"><label>Text</label></div>
        </section><p>Last.</p></section></article><footer>foot</footer>"""
    assert sections_of(page) == [["a", "One", "First line. Last.", ""], ["b", "1.1. Two", "The x of bold.", "x ∑"]]


def test_every_section_can_be_found(html_dir: Path, soups: dict[str, object]) -> None:
    script = (html_dir / "search-texts.js").read_text("utf-8")
    assert script.startswith("const SEARCH_TEXTS = {")
    assert '"foundations/tokenization":[["' in script
    assert '"404"' not in script
    assert '\nconst SEARCH_TERMS = [["' in script
    assert '["byte-pair encoding","reference/glossary","term-byte-pair-encoding"]' in script
