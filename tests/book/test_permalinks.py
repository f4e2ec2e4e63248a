"""An address that the book has had leads somewhere for ever."""

import re
from pathlib import Path

import pytest
from _extensions.permalinks import MOVED, RECORD, collect, follow, lost, main, read_moved, read_record
from small_book import SmallBook
from sphinx.errors import ExtensionError

BOOK = Path(__file__).parents[2] / "book"
INDEX = "# Book\n\n```{toctree}\none\npart/two\n```\n"
ONE = "(one)=\n# One\n\n(sec-a)=\n## A\n\n(sec-b)=\n## B\n"
TWO = "(two)=\n# Two\n\n(sec-c)=\n## C\n"


@pytest.fixture
def book(tmp_path: Path) -> SmallBook:
    return SmallBook(tmp_path, ["_extensions.permalinks"], {"index": INDEX, "one": ONE, "part/two": TWO})


def check(book: SmallBook, *options: str) -> int:
    return main([str(book.outdir("html")), "--book", str(book.source), *options])


def test_every_id_of_the_text_is_recorded(book: SmallBook) -> None:
    book.build()
    check(book, "--update")
    record = read_record(book.source / RECORD)
    assert {"index", "one", "one#sec-a", "one#sec-b", "part/two", "part/two#sec-c"} <= record
    assert "one#a" not in record, "a section with a label has no second id made of its title"
    assert not any(re.search(r"search|genindex|#id\d", address) for address in record)


def test_a_lost_id_is_reported_and_never_forgotten(book: SmallBook, capsys: pytest.CaptureFixture[str]) -> None:
    book.build()
    assert check(book, "--update") == 0
    book.write("one", ONE.replace("sec-b", "sec-other"))
    book.build()
    assert check(book, "--update") == 1, "an update adds and does not remove"
    assert "one#sec-b is gone" in capsys.readouterr().err
    assert "one#sec-b" in read_record(book.source / RECORD)


def test_a_moved_section_leaves_a_line(book: SmallBook) -> None:
    book.build()
    check(book, "--update")
    book.write("one", ONE.replace("(sec-b)=\n## B\n", ""))
    book.write("part/two", TWO + "\n(sec-b)=\n## B\n")
    (book.source / MOVED).write_text("# rows\none#sec-b part/two#sec-b\n", "utf-8")
    book.build()
    assert check(book) == 0
    line = book.page("one").find(id="sec-b")
    assert line.get_text() == "What was here has moved to Two."
    assert line.a["href"] == "part/two.html#sec-b"


def test_an_id_that_changed_on_its_page_stays_beside_the_new_one(book: SmallBook) -> None:
    book.build()
    check(book, "--update")
    book.write("one", ONE.replace("sec-b", "sec-other"))
    (book.source / MOVED).write_text("one#sec-b one#sec-other\n", "utf-8")
    book.build()
    assert check(book) == 0
    page = book.page("one")
    assert page.find(id="sec-b").parent["id"] == "sec-other"
    assert page.find(class_="moved") is None


def test_a_label_in_a_comment_of_an_included_file(book: SmallBook) -> None:
    (book.root / "read_elsewhere.md").write_text("# Two\n\n<!-- (sec-d)= -->\n\n## A title\n\nText.\n", "utf-8")
    book.write(
        "part/two",
        '(two)=\n# Two\n\n```{include} ../../read_elsewhere.md\n:start-after: "# Two"\n```\n\n{ref}`sec-d`\n',
    )
    book.build()
    page = book.page("part/two")
    assert page.find(id="sec-d").h2.get_text().startswith("A title")
    assert page.find("a", class_="reference", href="#sec-d").get_text() == "A title"
    assert "<!--" not in str(page.find(id="sec-d"))


@pytest.mark.book
def test_sections_of_notebooks_and_of_the_page_on_contributing_have_labels(html_dir: Path) -> None:
    for page in ["reference/contributing", *(f"notebooks/{path.stem}" for path in BOOK.glob("notebooks/*.ipynb"))]:
        ids = re.findall(r'<section id="(.*?)"', (html_dir / f"{page}.html").read_text("utf-8"))
        assert len(ids) > 1
        assert not [name for name in ids if not name.startswith("sec-")], f"{page}: put <!-- (sec-…)= --> before it"


def test_a_moved_page_sends_its_readers_on(book: SmallBook) -> None:
    book.build()
    check(book, "--update")
    (book.source / "one.md").rename(book.source / "part" / "first.md")
    book.write("index", INDEX.replace("one", "part/first"))
    (book.outdir("html") / "one.html").unlink()
    (book.source / MOVED).write_text("one part/first\n", "utf-8")
    book.build()
    assert check(book) == 0
    page = book.page("one")
    assert page.a["href"] == "part/first.html"
    assert 'location.replace(moved[location.hash] || "part/first.html" + location.hash)' in page.script.string


def test_a_page_cannot_have_moved_and_be_there(book: SmallBook) -> None:
    (book.source / MOVED).write_text("one part/two\n", "utf-8")
    with pytest.raises(ExtensionError, match="says that one moved, and the page is still there"):
        book.build()


def test_rows_are_followed_to_their_end() -> None:
    moved = {"a": "b", "b": "c", "a#x": "d#y", "loop": "loop"}
    assert follow("a", moved) == "c"
    assert follow("a#z", moved) == "c#z"
    assert follow("a#x", moved) == "d#y"
    assert follow("loop", moved) == "loop"
    assert lost({"a", "a#x", "a#z"}, {"c", "d#y"}, moved) == ["a#z"]


@pytest.mark.parametrize("rows", ["a\n", "a b c\n", "a b\na c\n"])
def test_a_row_that_is_no_pair_is_refused(tmp_path: Path, rows: str) -> None:
    path = tmp_path / MOVED
    path.write_text(rows, "utf-8")
    with pytest.raises(ExtensionError, match=r"moved\.txt:\d: expected an old address"):
        read_moved(path)


@pytest.mark.book
def test_no_address_of_the_book_disappeared(html_dir: Path) -> None:
    gone = lost(read_record(BOOK / RECORD), collect(html_dir), read_moved(BOOK / MOVED))
    assert gone == [], "restore each, or add its new address to book/moved.txt"


@pytest.mark.book
def test_every_address_of_the_book_is_recorded(html_dir: Path) -> None:
    new = collect(html_dir) - read_record(BOOK / RECORD)
    assert sorted(new) == [], "record them: PYTHONPATH=book python -m _extensions.permalinks _build/html --update"


@pytest.mark.book
def test_a_control_that_cites_names_an_explicit_label(html_dir: Path) -> None:
    cited = {
        anchor
        for path in html_dir.rglob("*.html")
        for anchor in re.findall(r'data-cite="(.*?)"', path.read_text("utf-8"))
    }
    assert cited, "no page has a control"
    assert not {anchor for anchor in cited if not re.match(r"(ch|sec)-", anchor)}, "give the heading a label: (sec-…)="
