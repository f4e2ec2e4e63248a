"""A build that takes what the book's code gives from another: it runs nothing, and refuses what has changed since."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from small_book import SmallBook
from sphinx.errors import ExtensionError

RUNS = """# Index

```{{toctree}}
notes
```

```{{code-run}}
:hide-output:
with open({log!r}, "a") as log:
    log.write("run ")
```

```{{code-run}}
print("printed")
6 * 7
```

```{{code-run}}
:as: table
:formats: half|.2f
[("half", "whole"), (1 / 2, complex(1))]
```
"""


def notebook(source: str, *outputs: dict[str, Any]) -> str:
    """Return a notebook of one cell."""
    cell = {"cell_type": "code", "id": "b", "metadata": {}, "execution_count": 1, "source": source, "outputs": outputs}
    title = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# Notes\n", "A line."]}
    return json.dumps({"cells": [title, cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a book that has been built, with its log of runs."""
    folder = tmp_path_factory.mktemp("first")
    page = RUNS.format(log=str(folder / "log"))
    book = SmallBook(folder, ["nbsphinx", "_extensions.build_settings", "_extensions.live_output"], {"index": page})
    (book.source / "notes.ipynb").write_text(notebook("1", {"output_type": "stream", "name": "stdout", "text": "one"}))
    book.build()
    return folder


@pytest.fixture
def second(first: Path, tmp_path: Path) -> SmallBook:
    """The same book in another place, not built yet, whose notebook has not been run."""
    shutil.copytree(first / "book", tmp_path / "book")
    (tmp_path / "book" / "notes.ipynb").write_text(notebook("1"))
    extensions = ["nbsphinx", "_extensions.build_settings", "_extensions.live_output"]
    settings = {"outputs_of": str(first / "_build" / "html.doctrees"), "nbsphinx_execute": "never"}
    return SmallBook(tmp_path, extensions, {}, **settings)


def test_nothing_is_run_and_all_is_shown(first: Path, second: SmallBook) -> None:
    second.build()
    assert (first / "log").read_text() == "run "
    for page in ("index", "notes"):
        written = (second.outdir("html") / f"{page}.html").read_text("utf-8")
        assert written == (first / "_build" / "html" / f"{page}.html").read_text("utf-8")
    assert [block.get_text() for block in second.page("index").select(".code-output pre")] == ["printed\n42\n"]
    assert [cell.get_text() for cell in second.page("index").select("td")] == ["0.50", "(1+0j)"]
    assert second.page("notes").select(".nboutput pre")[0].get_text().strip() == "one"


@pytest.mark.parametrize("instead", ["6 * 9", "6 * 7\n```\n\n```{code-run}\n8"])
def test_other_code_is_refused(second: SmallBook, instead: str) -> None:
    second.write("index", second.read("index").replace("6 * 7", instead))
    with pytest.raises(ExtensionError, match=r"index: .*index\.pickle was not recorded from this code"):
        second.build()


def test_a_page_that_was_not_there_is_refused(second: SmallBook) -> None:
    second.write("new", "---\norphan: true\n---\n# New\n\n```{code-run}\n1\n```\n")
    with pytest.raises(ExtensionError, match=r"new: .*new\.pickle was not recorded from this code"):
        second.build()


@pytest.mark.parametrize(("name", "source"), [("notes", "2"), ("other", "1")])
def test_another_notebook_is_refused(second: SmallBook, name: str, source: str) -> None:
    (second.source / f"{name}.ipynb").write_text(notebook(source))
    with pytest.raises(ExtensionError, match=rf"{name}: .*{name}\.ipynb is not this notebook"):
        second.build()
