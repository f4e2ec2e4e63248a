"""A book of a few lines, built in a folder of its own."""

import base64
import io
import re
import warnings
from collections.abc import Iterable
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

BOOK = Path(__file__).parents[2] / "book"
SETTINGS: dict[str, Any] = {
    "project": "Small Book",
    "author": "The authors",
    "html_theme": "basic",
    "numfig": True,
    "numfig_secnum_depth": 1,
    "numfig_format": {"figure": "Figure %s"},
    "math_numfig": True,
    "math_eqref_format": "Equation {number}",
    "myst_enable_extensions": ["amsmath", "colon_fence", "dollarmath"],
    "nitpicky": True,
    "html_math_renderer": "mathjax",
    "mathjax_path": "mathjax.js",
    "suppress_warnings": ["epub.unknown_project_files"],
    "latex_documents": [("index", "book.tex", "Small Book", "The authors", "manual")],
    "epub_copyright": "the authors",
    "version": "1.0",
    "exclude_patterns": ["_build"],
    "epub_exclude_files": ["mathjax.js"],
}
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class SmallBook:
    """Sources under ``folder/book``, built with the given extensions and every warning an error."""

    def __init__(self, folder: Path, extensions: list[str], pages: dict[str, str], **settings: Any) -> None:
        self.root = folder
        self.source = folder / "book"
        self.settings = {**SETTINGS, **settings, "extensions": ["myst_parser", *extensions]}
        self.source.mkdir(exist_ok=True)
        (self.source / "dot.png").write_bytes(base64.b64decode(DOT))
        for name, text in pages.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        path = self.source / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def read(self, name: str) -> str:
        return (self.source / f"{name}.md").read_text("utf-8")

    def outdir(self, builder: str) -> Path:
        return self.root / "_build" / builder

    def build(self, builder: str = "html", *, expect_warning: str = "", parallel: int = 1) -> set[str]:
        """Build, and return the pages that were written.

        Args:
            builder: Sphinx's name of the builder.
            expect_warning: A pattern; the build must warn of this and nothing else.
            parallel: The number of processes.
        """
        said = io.StringIO()
        written: set[str] = set()
        with patch_docutils(), docutils_namespace(), redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecations inside Sphinx and its extensions are not ours to mend
            app = Sphinx(
                str(self.source),
                None,
                str(self.outdir(builder)),
                str(self.root / "_build" / f"{builder}.doctrees"),
                builder,
                confoverrides=self.settings,
                status=None,
                warning=said,
                parallel=parallel,
            )
            app.connect("doctree-resolved", lambda app, doctree, docname: written.add(docname))
            app.build()
        complaints = re.sub(r"\x1b\[[\d;]*m", "", said.getvalue())
        if expect_warning:
            assert re.search(expect_warning, complaints), f"no warning like {expect_warning!r} in:\n{complaints}"
        else:
            assert not complaints, complaints
        return written

    def page(self, name: str, builder: str = "html") -> BeautifulSoup:
        suffix = {"html": "html", "epub": "xhtml"}[builder]
        return BeautifulSoup((self.outdir(builder) / f"{name}.{suffix}").read_text("utf-8"), "html.parser")


def widget_book(folder: Path, page: str, figures: Iterable[str], records: Iterable[str] = ()) -> SmallBook:
    """Return a book of one page with widgets, in the look of the real one.

    Args:
        folder: Where to build it.
        page: The text of its page.
        figures: The modules of the real book that draw the widgets for print.
        records: The results of the real book that the widgets rest on.
    """
    for kind, names in (("figures", [f"{name}.py" for name in figures]), ("results", [f"{n}.json" for n in records])):
        place = folder / "book" / kind
        place.mkdir(parents=True)
        for name in names:
            (place / name).write_bytes((BOOK / kind / name).read_bytes())
    return SmallBook(
        folder,
        ["_extensions.widgets", "_extensions.page_repairs"],
        {"index": page},
        html_theme="furo",
        html_static_path=[str(BOOK / "_static")],
        html_css_files=["book.css"],
        html_js_files=[("book.js", {"defer": "defer"})],
    )
