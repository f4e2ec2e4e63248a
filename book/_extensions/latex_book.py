"""The printed book: what LaTeX must be told that Sphinx does not tell it.

The style lies in ``_latex/``; here the document is prepared for it. Emoji stay whole, long names in code may break,
tables fit the line, the bibliography stands on its page, and the title page knows version and licences.
"""

import platform
import re
from pathlib import Path
from typing import Any

import docutils
import sphinx
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.builders.latex.nodes import thebibliography
from sphinx.config import Config
from sphinx.highlighting import PygmentsBridge
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.texescape import escape
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.latex import LaTeXTranslator

from _extensions.cover import draw_cover
from _extensions.latex_tables import FitTables
from _extensions.scripts import keep_emoji_together

STYLE = Path(__file__).parent.parent / "_latex"
# Where a long name in code may go on in the next line: after these signs, unless the name ends there; and after every
# eighth character of a stretch that has none of them, such as a checksum.
_AFTER_SIGN = re.compile(r"(?:\\_|\\sphinxhyphen\{\}|[(\[=@:|])(?=[^\s}])")
_STRETCH = re.compile(r"[A-Za-z0-9]{24,}")


def let_break(tex: str) -> str:
    r"""Put a place to break where a long name in code may go on in the next line.

    Example:
        >>> print(let_break(r"vocab\_size(x)"))
        vocab\_\bookbreak{}size(\bookbreak{}x)
    """
    tex = _STRETCH.sub(lambda stretch: r"\bookbreak{}".join(re.findall(".{1,8}", stretch[0])), tex)
    return _AFTER_SIGN.sub(r"\g<0>\\bookbreak{}", tex)


def spell_out(tex: str) -> str:
    """Write as commands what LuaTeX cannot read as characters: joined emoji, and the sign for undecodable bytes."""
    return keep_emoji_together(tex).replace("\N{REPLACEMENT CHARACTER}", r"\bookreplacement{}")


class BookPygments(PygmentsBridge):
    """Highlighted code whose every character LuaTeX can read."""

    def highlight_block(self, *arguments: Any, **options: Any) -> str:
        """Return the code as LaTeX."""
        return spell_out(super().highlight_block(*arguments, **options))


class BookLaTeXTranslator(LaTeXTranslator):
    """Sphinx's translator, with the book's scripts and breaks."""

    def __init__(self, document: nodes.document, *arguments: Any) -> None:
        document["contentsname"] = "Contents"  # else the caption of the first toctree
        super().__init__(document, *arguments)
        self.highlighter = BookPygments("latex", self.config.pygments_style, latex_engine=self.config.latex_engine)

    def encode(self, text: str) -> str:
        """Return text as LaTeX."""
        return spell_out(super().encode(text))

    def visit_Text(self, node: nodes.Text) -> None:  # noqa: N802  # docutils dispatches on the node's name
        """Write text; in code, long names may break."""
        super().visit_Text(node)
        if isinstance(node.parent, nodes.literal) and not self.in_title:
            self.body[-1] = let_break(self.body[-1])


class PlaceBibliography(SphinxPostTransform):
    """Return the bibliography, which Sphinx moves to the end of the document, to the page that holds it."""

    default_priority = 760  # after Sphinx's BibliographyTransform, 750
    formats = ("latex",)

    def run(self, **_: Any) -> None:
        """Move the list to the end of its page's section."""
        for bibliography in list(self.document.findall(thebibliography)):
            page = next(iter(bibliography.findall(nodes.citation)))["docname"]
            for file in self.document.findall(addnodes.start_of_file):
                section = file.next_node(nodes.section)
                if file["docname"] == page and section is not None:
                    bibliography.parent.remove(bibliography)
                    section.append(bibliography)


def _tell_style(app: Sphinx, config: Config) -> None:
    """Hand the style files over, and what the title page prints."""
    colophon = (
        f"Made with Sphinx {sphinx.__version__}, docutils {docutils.__version__} and LuaLaTeX, "
        f"on Python {platform.python_version()}."
    )
    data = {
        "subtitle": config.book_subtitle,
        "keywords": ", ".join(config.book_keywords),
        "rights": f"© {config.copyright}.",
        "colophon": colophon,
    }
    lines = [rf"\bookdata{{{name}}}{{{escape(text, config.latex_engine)}}}" for name, text in data.items()]
    preamble = config.latex_elements.get("preamble", "")
    config.latex_elements = {**config.latex_elements, "preamble": "\n".join([preamble, *lines, ""])}
    styles = sorted(str(path) for path in STYLE.glob("*.sty"))
    config.latex_additional_files = [*config.latex_additional_files, *styles]


def _add_cover(app: Sphinx) -> None:
    if app.builder.format == "latex":
        draw_cover(app.config.project, app.config.author, app.outdir / "cover.pdf")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the translator, the transforms, and what the title page prints."""
    app.add_config_value("book_subtitle", "", "env", frozenset({str}))
    app.add_config_value("book_keywords", (), "env", frozenset({list, tuple}))
    app.set_translator("latex", BookLaTeXTranslator)
    app.add_post_transform(PlaceBibliography)
    app.add_post_transform(FitTables)
    app.connect("config-inited", _tell_style)
    app.connect("builder-inited", _add_cover)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
