"""What is looked up once: the contents for the pages of a folder, and the pages for the numbers in them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from _extensions.remembered import _READING, _Reading, forget_pages, remember_contents
from docutils.nodes import document
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import docutils_namespace, patch_docutils

BOOK = {
    "index": """
Book
====

.. toctree::
   :caption: First

   one
   part/index

.. toctree::
   :caption: Last
   :hidden:

   genindex
""",
    "one": "One & only\n==========\n",
    "part/index": "Part\n====\n\n.. toctree::\n\n   inner\n   deep/other\n",
    "part/inner": "Inner\n=====\n\nBelow\n-----\n",
    "part/deep/other": "Other\n=====\n",
    "alone": ":orphan:\n\nAlone\n=====\n",
}
OPTIONS: dict[str, Any] = {"collapse": False, "titles_only": True, "maxdepth": -1, "includehidden": True}


def test_every_page_has_the_contents_that_sphinx_makes_for_it(tmp_path: Path) -> None:
    for name, text in BOOK.items():
        (tmp_path / f"{name}.rst").parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{name}.rst").write_text(text, encoding="utf-8")
    out = tmp_path / "_build"
    with patch_docutils(), docutils_namespace():
        app = Sphinx(tmp_path, None, out, out / "doctrees", "html", status=None, warning=None)
        app.build()
        builder = cast(StandaloneHTMLBuilder, app.builder)
        marked = 0
        for name in (*BOOK, "genindex", "part/deep/another", "_modules/one"):
            context: dict[str, Any] = {"toctree": None}
            remember_contents(app, name, "page.html", context, document("", None))
            contents = context["toctree"](**OPTIONS)
            assert contents == builder._get_local_toctree(name, **OPTIONS)
            marked += 'class="current reference internal" href="#"' in contents
        assert marked == 5  # one, three of the part, and the index
        # Of the book, the part, what is deep in it, and the sources.
        assert len(vars(builder)["_contents_of_folders"]) == 4


def test_a_page_without_contents_gets_none_and_the_one_for_missing_pages_keeps_its_own() -> None:
    app = cast(Sphinx, SimpleNamespace(config=SimpleNamespace(notfound_pagename="404")))
    pages: dict[str, dict[str, Any]] = {"search": {}, "404": {"toctree": "from the root"}}
    for name, context in pages.items():
        kept = dict(context)
        remember_contents(app, name, "page.html", context, document("", None))
        assert context == kept


class Environment:
    """Counts how often a page is read."""

    name = "the book"

    def __init__(self) -> None:
        self.read: list[str] = []

    def get_doctree(self, name: str) -> str:
        self.read.append(name)
        return f"page {name}"


def test_a_page_is_read_once_until_pages_are_read_anew() -> None:
    counting = Environment()
    env = cast(BuildEnvironment, counting)
    for _ in range(2):
        reading = _READING.setdefault(env, _Reading(env))
        assert reading.get_doctree("one") == "page one"
        assert reading.name == "the book"
    assert counting.read == ["one"]
    forget_pages(cast(Sphinx, None), env)
    assert _READING.setdefault(env, _Reading(env)).get_doctree("one") == "page one"
    assert counting.read == ["one", "one"]
