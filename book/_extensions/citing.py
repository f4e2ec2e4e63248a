"""A citation for every chapter and every numbered section, ready to be copied.

The book's own data come from ``CITATION.cff``. In HTML each heading is followed by a link to the page on citing; where
scripts run, it opens a dialog with the citation as text and as BibTeX (``_static/citing.js``). Pages carry the
``citation_*`` tags that Zotero and Google Scholar read. In print a chapter's citation stands at the foot of its first
page. A number belongs to a version of the book and is cited with it; only the anchor is permanent.
"""

import html
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.texescape import escape
from sphinx.util.typing import ExtensionMetadata

from _extensions.latex_styles import add_style
from _extensions.places import Place, number_of

STYLE = Path(__file__).with_suffix(".sty")
_BIBTEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
)


@dataclass(frozen=True)
class Book:
    """What is cited: a version of the book.

    Args:
        title: Its title.
        authors: Its authors, each as one name.
        version: The version.
        released: The day that version was released.
    """

    title: str
    authors: tuple[str, ...]
    version: str
    released: date

    @property
    def author(self) -> str:
        """All authors in one line of prose."""
        *others, last = self.authors
        return f"{', '.join(others)} and {last}" if others else last


def read_book(path: Path) -> Book:
    """Return what a ``CITATION.cff`` says of the book: its preferred citation, where the file is that of a program.

    Raises:
        ExtensionError: If the file is missing, or lacks a field; the message names it.
    """
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
        data = data.get("preferred-citation", data)
        authors = tuple(
            entry.get("name") or f"{entry['given-names']} {entry['family-names']}" for entry in data["authors"]
        )
        return Book(data["title"], authors, str(data["version"]), date.fromisoformat(str(data["date-released"])))
    except FileNotFoundError:
        raise ExtensionError(f"{path} is missing; it holds the title, authors, version and date to cite") from None
    except KeyError as error:
        raise ExtensionError(f"{path} has no field {error}; the book's citations need it") from None


@dataclass(frozen=True)
class Citation:
    """How to cite one section.

    Args:
        book: The book it belongs to.
        title: The section's title.
        number: Its number; a chapter's has no dot.
        page: The page's name, without a suffix.
        anchor: Its permanent id.
        address: Where it can be reached; empty while the book has no public address.
    """

    book: Book
    title: str
    number: str
    page: str
    anchor: str
    address: str = ""

    @property
    def kind(self) -> str:
        """What the section is: a chapter, or a section of one."""
        return "section" if "." in self.number else "chapter"

    @property
    def heading(self) -> str:
        """What the dialog and its control are called."""
        return f"{self.kind} {self.number}, {self.title}"

    @property
    def text(self) -> str:
        """The citation as prose."""
        released = f"{self.book.released:%-d %B %Y}"
        where = self.address or f"{self.page}#{self.anchor}"
        return (
            f"{self.book.author} ({self.book.released.year}). “{self.title}”, {self.kind} {self.number} of "
            f"{self.book.title}, version {self.book.version}, {released}. {where}"
        )

    @property
    def bibtex(self) -> str:
        """The citation as a BibTeX entry."""
        fields = {
            "author": " and ".join(f"{{{name.translate(_BIBTEX)}}}" for name in self.book.authors),
            "title": f"{{{self.title.translate(_BIBTEX)}}}",
            "booktitle": f"{{{self.book.title.translate(_BIBTEX)}}}",
            "chapter": self.number,
            "year": str(self.book.released.year),
            "month": f"{self.book.released:%b}".lower(),
            "edition": f"Version {self.book.version}, {self.book.released.isoformat()}",
            **({"url": self.address} if self.address else {"note": f"{self.page}\\#{self.anchor}"}),
        }
        lines = (f"  {name} = {value if name == 'month' else '{' + value + '}'},\n" for name, value in fields.items())
        return f"@incollection{{llmguide-{self.anchor},\n{''.join(lines)}}}"


class AddCitations(SphinxPostTransform):
    """Put the control under each numbered heading in HTML, and the note under each chapter's in print."""

    default_priority = 8

    def run(self, **options: object) -> None:
        """Change the headings of a page, or of the whole book."""
        builder = self.app.builder
        if builder.name in ("html", "dirhtml"):
            self._add_controls()
        elif builder.name == "latex":
            for citation, section in self._citations():
                if citation.kind == "chapter":
                    text = escape(citation.text, self.config.latex_engine)
                    section.insert(1, nodes.raw("", f"\\bookcitation{{{text}}}\n", format="latex"))

    def _citations(self) -> Iterator[tuple[Citation, nodes.section]]:
        """Yield what to cite each numbered section by, with its node."""
        base = self.config.html_baseurl
        for section in list(self.document.findall(nodes.section)):
            page = section.get("docname") or self.env.current_document.docname
            outermost = isinstance(section.parent, nodes.document | addnodes.start_of_file)
            number = number_of(self.env, Place(page, "" if outermost else section["ids"][0]))
            if number and (outermost or len(number) > 1):
                address = f"{base.rstrip('/')}/{page}.html#{section['ids'][0]}" if base else ""
                book: Book = self.app.book_cited  # type: ignore[attr-defined]
                dotted = ".".join(map(str, number))
                yield Citation(book, section[0].astext(), dotted, page, section["ids"][0], address), section

    def _add_controls(self) -> None:
        fromdoc = self.env.current_document.docname
        help_uri = self.app.builder.get_relative_uri(fromdoc, self.config.citing_page)
        shown = {}
        for citation, section in self._citations():
            label = html.escape(f"Cite {citation.heading}")
            control = (
                f'<div class="cite"><a class="cite-link" href="{help_uri}" data-cite="{citation.anchor}" '
                f'aria-label="{label}">Cite</a></div>'
            )
            section.insert(1, nodes.raw("", control, format="html"))
            shown[citation.anchor] = {
                "heading": citation.heading,
                "text": citation.text,
                "bibtex": citation.bibtex,
            }
        if shown:
            data = json.dumps(shown, ensure_ascii=False, indent=0).replace("</", "<\\/")  # or it would end the element
            script = f'<script type="application/json" id="citations">{data}</script>'
            self.document.append(nodes.raw("", script, format="html"))


def _add_tags(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    """Add the ``citation_*`` tags to the head of a page that has sources."""
    if app.builder.name not in ("html", "dirhtml") or doctree is None:
        return
    book: Book = app.book_cited  # type: ignore[attr-defined]
    is_cover = pagename == app.config.root_doc
    tags = [("citation_title", book.title if is_cover else app.env.titles[pagename].astext())]
    tags += [("citation_author", author) for author in book.authors]
    tags += [("citation_publication_date", f"{book.released:%Y/%m/%d}"), ("citation_language", app.config.language)]
    if not is_cover:
        tags.append(("citation_inbook_title", book.title))
    if app.config.html_baseurl:
        address = f"{app.config.html_baseurl.rstrip('/')}/{app.builder.get_target_uri(pagename)}"
        tags += [("citation_public_url", address), ("citation_fulltext_html_url", address)]
    written = "".join(f'\n<meta name="{name}" content="{html.escape(value)}" />' for name, value in tags)
    context["metatags"] = context.get("metatags", "") + written


def _prepare(app: Sphinx) -> None:
    app.book_cited = read_book(Path(app.confdir) / app.config.citation_file)  # type: ignore[attr-defined]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Read the book's data once, add citations where pages are written."""
    app.add_config_value("citation_file", "../CITATION.cff", "html", frozenset({str}))
    app.add_config_value("citing_page", "reference/how-to-cite", "html", frozenset({str}))
    app.add_css_file("citing.css")
    app.add_js_file("citing.js", loading_method="defer")
    app.add_post_transform(AddCitations)
    app.connect("config-inited", lambda app, config: add_style(config, STYLE))
    app.connect("builder-inited", _prepare)
    app.connect("html-page-context", _add_tags)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
