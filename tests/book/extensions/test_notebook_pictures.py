"""Pictures in notebooks keep the words that their cells give them, and a notebook's page offers its file."""

import json
from pathlib import Path

import pytest
from _extensions.notebook_pictures import with_words
from small_book import DOT, SmallBook
from sphinx.errors import ExtensionError

DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'


def test_a_picture_in_a_notebook_has_its_words(tmp_path: Path) -> None:
    extensions = ["nbsphinx", "_extensions.build_settings", "_extensions.notebook_pictures"]
    book = SmallBook(tmp_path, extensions, {"index": "# Index\n\n```{toctree}\nnotes\n```\n"}, nbsphinx_execute="never")
    words = 'Two lines that cross: one "rises",\none falls.'
    drawings = [{"image/png": DOT}, {"image/svg+xml": DRAWING, "application/pdf": DOT}, {"text/plain": "no picture"}]
    shown = [
        {"output_type": "display_data", "data": data, "metadata": {"image/png": {"alt": words}}} for data in drawings
    ]
    cell = {"cell_type": "code", "id": "b", "metadata": {}, "execution_count": 1, "outputs": shown, "source": "1"}
    title = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# N"}
    notebook = {"cells": [title, cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (book.source / "notes.ipynb").write_text(json.dumps(notebook), "utf-8")
    book.build()
    page = book.page("notes")
    pictures = page.select(".nboutput img")
    assert [str(picture["src"])[-4:] for picture in pictures] == [".png", ".svg"]
    assert [picture["alt"] for picture in pictures] == [words.replace("\n", " ")] * 2
    link = page.select_one("h1 + .notebook-file a.download")
    assert link is not None
    assert link.get_text() == "notes.ipynb"
    assert json.loads((book.outdir("html") / str(link["href"])).read_text("utf-8")) == notebook


def test_a_template_without_the_place_is_refused() -> None:
    with pytest.raises(ExtensionError, match="no longer the line"):
        with_words("another template")
