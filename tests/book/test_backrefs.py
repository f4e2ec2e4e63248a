"""Chapters, API entries, equations, listings and works lead to each other."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag
from small_book import SmallBook

MODULE = '''"""A small module."""

from toyguide.letters import count


def train(text: str) -> int:
    """Train on a text.

    Source: :cite:t:`able2020work`.
    """
    count.cache = True
    return count(text) + helper(count=3).count


def helper(count: int) -> int:
    """Help."""
    return count


class Coder:
    """Code.

    Example:
        >>> 1 + 1
        2
    """

    def encode(self) -> int:
        """Encode."""
        return train("x")
'''
LETTERS = '''"""Letters."""


def count(text: str) -> int:
    """Count."""
    return len(text)
'''
CHAPTER = """
(ch-one)=
# One

We mention {py:func}`toyguide.bpe.helper` {cite:p}`able2020work,able2020other`.

(sec-a)=
## A

```{literalinclude} /../toyguide/bpe.py
:pyobject: train
:caption: Training
```

{cite:t}`able2020work` say so.

(sec-b)=
## B

```{math}
:label: eq-b
:implements: toyguide.bpe.train, toyguide.letters.count
a = b
```

Here {explains}`~toyguide.bpe.Coder` and {explains}`toyguide.bpe` are explained.
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

api/index
works
```
"""
WORKS = """
(works)=
# Works

```{bibliography}
```
"""
BIB = """
@misc{lab2021report, author = {{Zoo Lab}}, title = {Report}, year = 2021, url = {https://example.org/r}}
@misc{ost2022thing, author = {Öst, Bo}, title = {Thing}, year = 2022, eprint = {2201.1}}
@misc{zed2022thing, author = {Zu, Z}, title = {Thing}, year = 2022, eprint = {2202.1}}
@article{able2020work, author = {Able, Ann and Öst, Bo and Cole, Cy}, title = {A Work}, journal = {J}, year = 2020,
  doi = {10.18653/v1/P20-1}}
@misc{able2020other, author = {Able, Ann and Öst, Bo and Cole, Cy}, title = {Other}, year = 2020, eprint = {2001.1},
  archiveprefix = {arXiv}}
@misc{org1999page, organization = {The {Org}}, title = {Page}, year = 1999, url = {https://example.org/p},
  urldate = {2026-01-02}}
"""


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallBook:
    package = tmp_path / "toyguide"
    package.mkdir()
    (package / "__init__.py").write_text('"""A toy."""\n', "utf-8")
    (package / "bpe.py").write_text(MODULE, "utf-8")
    (package / "letters.py").write_text(LETTERS, "utf-8")
    (tmp_path / "works.bib").write_text(BIB, "utf-8")
    for name in [name for name in sys.modules if name.partition(".")[0] == "toyguide"]:
        monkeypatch.delitem(sys.modules, name)  # another test's copy
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("_extensions.api_pages.FLOORS", {"All": ("", "bpe", "letters")})
    extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode", "sphinxcontrib.bibtex"]
    ours = ["_extensions.api_pages", "_extensions.numbering", "_extensions.backrefs"]
    return SmallBook(
        tmp_path,
        extensions + ours,
        {"index": INDEX, "one": CHAPTER, "works": WORKS},
        api_package="toyguide",
        bibtex_bibfiles=["../works.bib"],
        autodoc_default_options={"members": True},
        autodoc_member_order="bysource",
        nitpick_ignore_regex=[("py:.*", "str|int")],
    )


def lines(page: BeautifulSoup, selector: str) -> list[tuple[str, list[str]]]:
    """The text of each line that a selector finds, with where its links lead."""
    return [
        (line.get_text().replace("\n", " "), [str(link["href"]) for link in line.find_all("a")])
        for line in page.select(selector)
    ]


def entry(page: BeautifulSoup, name: str) -> Tag:
    signature = page.find(id=name)
    assert signature is not None
    return signature.parent


@pytest.mark.parametrize(("builder", "suffix"), [("html", "html"), ("epub", "xhtml")])
def test_an_api_entry_names_the_sections_that_explain_it(book: SmallBook, builder: str, suffix: str) -> None:
    book.build(builder)
    page = book.page("api/toyguide.bpe", builder)
    one = f"../one.{suffix}"
    assert lines(entry(page, "toyguide.bpe.train"), ".explained-in") == [
        ("Explained in: §1.1, Equation 1.1", [f"{one}#sec-a", f"{one}#equation-eq-b"])
    ]
    assert lines(entry(page, "toyguide.bpe.Coder"), ".explained-in") == [("Explained in: §1.2", [f"{one}#sec-b"])]
    assert not entry(page, "toyguide.bpe.helper").select(".explained-in"), "a mention is no explanation"
    assert lines(page, "section > .explained-in") == [("Explained in: §1.2", [f"{one}#sec-b"])], "the module itself"


def test_a_work_names_the_places_that_cite_it(book: SmallBook) -> None:
    book.build()
    page = book.page("works")
    assert lines(page.find(id="cite-able2020work"), ".cited-in") == [
        (
            " Cited in: §1, §1.1, toyguide.bpe.train.",
            ["one.html", "one.html#sec-a", "api/toyguide.bpe.html#toyguide.bpe.train"],
        )
    ]


def test_labels_agree_and_works_are_linked(book: SmallBook) -> None:
    book.build()
    page, chapter = book.page("works"), book.page("one")
    found = [label.get_text() for label in page.select(".citation .label")]
    assert found == ["[Able et al., 2020a]", "[Able et al., 2020b]"], "only cited works, in order, told apart"
    assert "[Able et al., 2020a, Able et al., 2020b]" in chapter.get_text()
    assert "Able et al. [2020a]" in chapter.get_text()
    targets = {str(link["href"]) for link in page.select(".citation a.external")}
    assert targets == {
        "https://doi.org/10.18653/v1/P20-1",
        "https://aclanthology.org/P20-1",
        "https://arxiv.org/abs/2001.1",
    }
    assert "Able et al. [2020a]" in book.page("api/toyguide.bpe").get_text(), "a docstring cites like a chapter"


def test_works_are_sorted_as_a_reader_expects(book: SmallBook) -> None:
    book.write("one", book.read("one") + "\n{cite:p}`zed2022thing,lab2021report,ost2022thing,org1999page`\n")
    book.build()
    found = [label.get_text() for label in book.page("works").select(".citation .label")]
    assert found[2:] == ["[Öst, 2022]", "[The Org, 1999]", "[Zoo Lab, 2021]", "[Zu, 2022]"]
    assert "The Org, 1999" in book.page("one").get_text(), "without persons, the organization stands in the text too"


def test_a_listing_says_where_it_comes_from(book: SmallBook) -> None:
    book.build()
    assert lines(book.page("one"), ".listing-source") == [
        (
            "From toyguide.bpe.train · source",
            ["api/toyguide.bpe.html#toyguide.bpe.train", "_modules/toyguide/bpe.html#train"],
        )
    ]
    assert book.page("_modules/toyguide/bpe").find(id="train"), "the source view has the place that the link names"


def test_a_caption_that_names_the_object_is_not_repeated(book: SmallBook) -> None:
    book.write("one", book.read("one").replace(":caption: Training", ":caption: In {py:func}`~toyguide.bpe.train`"))
    book.build()
    assert lines(book.page("one"), ".listing-source") == [("Its source", ["_modules/toyguide/bpe.html#train"])]


def test_a_listing_may_leave_the_docstring_to_the_api_entry(book: SmallBook) -> None:
    book.write("one", book.read("one").replace(":caption: Training", ":caption: Training\n:no-docstring:"))
    book.build()
    shown = book.page("one").select_one(".highlight-python, .highlight-default").get_text()
    assert "Source:" not in shown
    assert shown.startswith("def train(text: str) -> int:\n    count.cache = True\n")


def test_names_in_a_listing_are_links(book: SmallBook) -> None:
    book.build()
    found = [(link.get_text(), link["href"]) for link in book.page("one").select(".code-link")]
    assert found == [
        ("train", "api/toyguide.bpe.html#toyguide.bpe.train"),
        ("count", "api/toyguide.letters.html#toyguide.letters.count"),
        ("count", "api/toyguide.letters.html#toyguide.letters.count"),
        ("helper", "api/toyguide.bpe.html#toyguide.bpe.helper"),
    ], "an argument's name, an attribute and a local variable are no links"


def test_names_in_typed_code_are_links_by_the_imports_above(book: SmallBook) -> None:
    (book.root / "toyguide" / "__init__.py").write_text('"""A toy."""\n\nfrom toyguide.bpe import train\n', "utf-8")
    code = "```python\nimport toyguide\nfrom toyguide import letters, train as learn\n```\n\n"
    code += (
        "```python\nlearn(letters.count('a'), toyguide.train)\nlearn = 3\n```\n\n```python\nletters.count(learn)\n```\n"
    )
    book.write("works", WORKS + code)
    book.build()
    found = [(link.get_text(), link["href"].partition("#")[2]) for link in book.page("works").select(".code-link")]
    train, count = "toyguide.bpe.train", "toyguide.letters.count"
    assert found == [
        ("toyguide", "module-toyguide"),
        ("toyguide", "module-toyguide"),
        ("letters", "module-toyguide.letters"),
        ("learn", train),
        ("letters.count", count),
        ("toyguide.train", train),
        ("letters.count", count),
    ], "a name that a block binds anew means nothing of the package, in that block and below"


def test_a_notebook_cites_like_a_chapter(book: SmallBook) -> None:
    cell = '## Here\n\nAs <cite data-cite-t="able2020work">Able</cite> say.'
    cells = [
        {"cell_type": "markdown", "id": str(i), "metadata": {}, "source": text} for i, text in enumerate(["# N", cell])
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (book.source / "notes.ipynb").write_text(json.dumps(notebook), "utf-8")
    book.write("index", book.read("index").replace("works\n", "works\nnotes\n"))
    book.settings["extensions"] += ["nbsphinx", "_extensions.build_settings"]
    book.build()
    assert "Able et al. [2020a]" in book.page("notes").get_text()
    assert "N" in lines(book.page("works").find(id="cite-able2020work"), ".cited-in")[0][0]


def test_an_equation_names_its_code(book: SmallBook) -> None:
    book.build()
    assert lines(book.page("one"), ".implemented-by") == [
        (
            "Implemented by train, count",
            ["api/toyguide.bpe.html#toyguide.bpe.train", "api/toyguide.letters.html#toyguide.letters.count"],
        )
    ]


def test_an_equation_tied_to_nothing_fails(book: SmallBook) -> None:
    book.write("one", book.read("one").replace("toyguide.letters.count", "toyguide.letters.gone"))
    book.build(expect_warning=r"reference target not found: toyguide\.letters\.gone")


def test_a_citation_of_an_unknown_work_fails(book: SmallBook) -> None:
    book.write("one", book.read("one").replace("able2020other", "able2020othr"))
    book.build(expect_warning='could not find bibtex key "able2020othr"')


def test_only_the_pages_that_show_a_tie_are_written_again(book: SmallBook) -> None:
    book.build()
    assert book.build() == set()
    book.write("one", book.read("one").replace(", toyguide.letters.count", ""))
    assert {"api/toyguide.letters"} <= (written := book.build())
    assert "api/toyguide.bpe" not in written
    assert not book.page("api/toyguide.letters").select(".explained-in")


def test_parts_of_the_book_are_read_in_parallel(book: SmallBook) -> None:
    book.build(parallel=2)
    assert lines(book.page("api/toyguide.letters"), ".explained-in")


def test_print_resolves_the_same_links(book: SmallBook, program: Callable[[str, str], str]) -> None:
    book.build("latex")
    command = [program("pdflatex", "texlive-latex-recommended"), "-interaction=nonstopmode", "-draftmode", "book.tex"]
    for _ in range(3):
        done = subprocess.run(
            command, cwd=book.outdir("latex"), capture_output=True, text=True, errors="replace", check=False
        )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "undefined" not in done.stdout
    source = (book.outdir("latex") / "book.tex").read_text("utf-8")
    assert "Explained in:" in source
    assert "Cited in:" in source
    assert "Implemented by" in source
