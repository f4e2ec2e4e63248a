"""Chapters, figures and equations have one numbering in HTML, EPUB and print."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from small_book import SmallBook

CHAPTER = """
(ch-{name})=
# {name}

(sec-{name})=
## First

:::{{figure}} /dot.png
:name: fig-{name}
:alt: a dot

A caption
:::

```{{math}}
:label: eq-{name}
a = b
```

See {{numref}}`fig-{name}`, {{eq}}`eq-{name}`, {{numref}}`sec-delta`, {{numref}}`fig-delta`.
"""

INDEX = """
# Book

:::{figure} /dot.png
:name: fig-cover
:alt: a dot

The cover
:::

```{toctree}
:numbered:
:caption: One

alpha
beta
```

```{toctree}
:caption: Notebooks

notes
```

```{toctree}
:numbered:
:caption: Two

gamma
delta
```

```{toctree}
:caption: Reference

refs
```
"""


@pytest.fixture
def book(tmp_path: Path) -> SmallBook:
    pages = {name: CHAPTER.format(name=name) for name in ("alpha", "beta", "gamma", "delta", "notes", "refs")}
    return SmallBook(tmp_path, ["_extensions.numbering"], {"index": INDEX, **pages})


def numbers(page: BeautifulSoup) -> dict[str, str]:
    """The numbers that a page shows, by what carries them."""
    return {
        "headings": [span.get_text(strip=True) for span in page.select("h1 > .section-number, h2 > .section-number")],
        "figure": page.select_one(".caption-number").get_text(strip=True),
        "equation": page.select_one(".eqno").get_text(strip=True).strip("¶"),
    }


@pytest.mark.parametrize("builder", ["html", "epub"])
def test_chapters_count_on_through_the_parts(book: SmallBook, builder: str) -> None:
    book.build(builder)
    assert numbers(book.page("gamma", builder)) == {
        "headings": ["3.", "3.1."],
        "figure": "Figure 3.1",
        "equation": "(3.1)",
    }
    assert numbers(book.page("delta", builder))["headings"] == ["4.", "4.1."]


def test_pages_outside_the_numbered_parts_have_no_number(book: SmallBook) -> None:
    book.build("html")
    found = [numbers(book.page(name))["figure"] for name in ("notes", "refs")]
    assert found == ["Figure 2", "Figure 3"], "unnumbered figures go on from the cover's"
    assert numbers(book.page("refs"))["headings"] == []


def test_nothing_is_written_again_when_nothing_changed(book: SmallBook) -> None:
    book.build("html")
    assert book.build("html") == set()


def test_text_alone_rewrites_its_own_page(book: SmallBook) -> None:
    book.build("html")
    book.write("beta", book.read("beta").replace("See", "Compare"))
    assert "alpha" not in book.build("html")


def test_every_page_is_written_again_when_a_number_moved(book: SmallBook) -> None:
    book.build("html")
    book.write("index", book.read("index").replace("alpha\nbeta", "beta\nalpha"))
    assert {"alpha", "beta", "gamma", "delta", "notes", "refs"} <= book.build("html")
    assert numbers(book.page("alpha"))["headings"] == ["2.", "2.1."]
    assert "Figure 4.1" in book.page("alpha").get_text()


def test_print_has_the_numbers_of_html(book: SmallBook, program: Callable[[str, str], str]) -> None:
    book.build("html")
    book.build("latex")
    folder = book.outdir("latex")
    command = [program("pdflatex", "texlive-latex-recommended"), "-interaction=nonstopmode", "-draftmode", "book.tex"]
    for _ in range(2):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    aux = (folder / "book.aux").read_text("utf-8", errors="replace")
    printed = dict(re.findall(r"\\newlabel\{(?:equation:)?(\w+:(?:(?:fig|eq|sec|ch)-\w+))\}\{\{([\d.]*)\}", aux))
    for name in ("alpha", "beta", "gamma", "delta", "notes", "refs"):
        shown = numbers(book.page(name))
        assert f"Figure {printed[f'{name}:fig-{name}']}" == shown["figure"]
        assert f"({printed[f'{name}:eq-{name}']})" == shown["equation"]
    parts = re.findall(r"\\contentsline \{part\}\{([^}]*)\}", aux)
    assert parts == ["One", "Notebooks", "Two", "Reference"]
    assert re.search(r"\\contentsline \{chapter\}\{refs\}", aux), "an unnumbered chapter is in the table of contents"
