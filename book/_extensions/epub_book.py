"""The EPUB: one style sheet, no scripts, MathML declared, nothing that no page uses, the same bytes twice.

Sphinx's EPUB takes along whatever the HTML extensions bring: scripts, style sheets for a browser, notebooks. A reading
system needs none of it, and some refuse it. The book's own builder leaves it out.
"""

import html
import os
import re
import zipfile
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.builders.epub3 import Epub3Builder, NavPoint
from sphinx.util.typing import ExtensionMetadata

from _extensions.cover import draw_cover
from _extensions.page_repairs import list_parameters, list_the_bibliography

STYLES = {"_static/epub.css", "_static/pygments.css"}
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that a ZIP archive can hold; the book's date stands in its metadata

_REFERENCE = re.compile(r"""(?:\b(?:src|href|data)="|url\(["']?)([^"'()]+)""")
_ITEM = re.compile(r'<item id="[^"]+" href="([^"]+)" media-type="[^"]+" />')
# What EPUB Accessibility 1.1 asks a publication to say of itself; the tests of the HTML hold it to this.
_ACCESSIBILITY = {
    "accessMode": ["textual", "visual"],
    "accessModeSufficient": ["textual", "textual,visual"],
    "accessibilityFeature": [
        "alternativeText",
        "MathML",
        "index",
        "readingOrder",
        "structuralNavigation",
        "tableOfContents",
    ],
    "accessibilityHazard": ["none"],
    "accessibilitySummary": ["Mathematics is MathML, figures have alternative text, headings are nested without gaps."],
}


class BookEpubBuilder(Epub3Builder):
    """Sphinx's EPUB 3 builder, without what a reading system cannot use."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        language = html.escape(self.config.language)
        self.html_tag = Epub3Builder.html_tag.replace(">", f' lang="{language}" xml:lang="{language}">')

    def prepare_writing(self, docnames: Set[str]) -> None:
        """Leave the index of modules out: the general index names every object."""
        super().prepare_writing(docnames)
        self.domain_indices = []

    def toc_metadata(self, level: int, navpoints: list[Any]) -> dict[str, Any]:
        """Return the data of the old table of contents, whose identifier must be the package's."""
        return {**super().toc_metadata(level, navpoints), "uid": html.escape(self.config.epub_identifier)}

    def build_navlist(self, navnodes: list[dict[str, Any]]) -> list[NavPoint]:
        """Return the table of contents, in the order of reading."""
        return super().build_navlist(in_reading_order(navnodes))

    def build_navpoints(self, nodes: list[dict[str, Any]]) -> list[Any]:
        """Return the old table of contents, in the order of reading."""
        return super().build_navpoints(in_reading_order(nodes))

    def build_content(self) -> None:
        """Write the package document, with what Sphinx does not know of the pages."""
        self._remove_unused()
        super().build_content()
        package = self.outdir / "content.opf"
        text = _ITEM.sub(self._declare, package.read_text("utf-8"))
        claims = [
            f'    <meta property="schema:{name}">{claim}</meta>\n'
            for name, claims in _ACCESSIBILITY.items()
            for claim in claims
        ]
        package.write_text(text.replace("  </metadata>", "".join(claims) + "  </metadata>"), "utf-8")

    def build_epub(self) -> None:
        """Write the archive: in a fixed order, with a fixed time, so that the same pages give the same bytes."""
        names = ["META-INF/container.xml", "content.opf", "toc.ncx", *sorted(self.files)]
        with zipfile.ZipFile(self.outdir / f"{self.config.epub_basename}.epub", "w") as archive:
            for name in ["mimetype", *names]:
                entry = zipfile.ZipInfo(name, EPOCH)
                entry.external_attr = 0o644 << 16
                entry.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
                archive.writestr(entry, (self.outdir / name).read_bytes())

    def _remove_unused(self) -> None:
        """Remove pages of an earlier build, and files that no page or style sheet names."""
        names = {*self.env.found_docs, "genindex"}
        pages = {self.outdir / f"{name}{self.out_suffix}" for name in names}
        used = {*pages, self.outdir / self.config.epub_cover[0]} if self.config.epub_cover else {*pages}
        for page in sorted(pages):
            used.update(_named(page))
        for style in [path for path in used if path.suffix == ".css"]:
            used.update(_named(style))
        for path in self.outdir.rglob("*"):
            if path.is_file() and path not in used:
                path.unlink()
        self.build_mimetype()
        self.build_container()

    def _declare(self, item: re.Match[str]) -> str:
        path = self.outdir / unquote(item[1])
        content = path.read_text("utf-8") if path.suffix == self.out_suffix else ""
        properties = [name for name, tag in (("mathml", "<math"), ("svg", "<svg")) if tag in content]
        if self.config.epub_cover and item[1] == self.config.epub_cover[0]:
            properties.append("cover-image")
        return item[0].replace(" />", f' properties="{" ".join(properties)}" />') if properties else item[0]


def in_reading_order(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out the sections of a page that have pages below them, and lift those pages by a level.

    Such a page is read before the pages below it: its second section would lead back from the last page of its first.

    Example:
        >>> section, page = {"level": 2, "refuri": "api.xhtml#text"}, {"level": 3, "refuri": "bpe.xhtml"}
        >>> in_reading_order([{"level": 1, "refuri": "api.xhtml"}, section, page])
        [{'level': 1, 'refuri': 'api.xhtml'}, {'level': 2, 'refuri': 'bpe.xhtml'}]
    """
    pages = [urldefrag(entry["refuri"])[0] for entry in entries]
    holders = {
        page
        for page, entry, below, next_page in zip(pages, entries, entries[1:], pages[1:], strict=False)
        if "#" in entry["refuri"] and below["level"] > entry["level"] and next_page != page
    }
    ordered, left_out = [], list[int]()  # the second: levels of the sections left out that we are in
    for page, entry in zip(pages, entries, strict=True):
        while left_out and entry["level"] <= left_out[-1]:
            left_out.pop()
        if "#" in entry["refuri"] and page in holders:
            left_out.append(entry["level"])
        else:
            ordered.append({**entry, "level": entry["level"] - len(left_out)})
    return ordered


def _for_reading_systems(body: str) -> str:
    """Mend what EPUB does not allow, drop what only a style sheet for browsers would shape, and open what is folded."""
    body = list_parameters(list_the_bibliography(body))
    return re.sub(r'<svg\b[^>]*class="sd-octicon.*?</svg>', "", body, flags=re.S).replace(
        "<details", '<details open="open"'
    )


def _named(path: Path) -> Iterator[Path]:
    """Yield the files inside the book that a page or a style sheet names."""
    if not path.exists():
        return
    for reference in _REFERENCE.findall(path.read_text("utf-8")):
        target = unquote(urldefrag(html.unescape(reference))[0])
        if target and ":" not in target:
            yield Path(os.path.normpath(path.parent / target))


def _use_own_style(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Name no script, no style sheet and no data made for a browser."""
    if app.builder.name == "epub":
        context["body"] = _for_reading_systems(context.get("body", ""))
        context["metatags"] = ""
        context["script_files"] = []
        context["css_files"] = [style for style in context["css_files"] if str(style.filename) in STYLES]


def _add_cover(app: Sphinx) -> None:
    if app.builder.name == "epub" and app.config.epub_cover:
        draw_cover(app.config.project, app.config.author, app.outdir / app.config.epub_cover[0])


def setup(app: Sphinx) -> ExtensionMetadata:
    """Put the book's builder in the place of Sphinx's, and connect what it needs."""
    app.add_builder(BookEpubBuilder, override=True)
    app.connect("builder-inited", _add_cover)
    app.connect("html-page-context", _use_own_style, priority=999)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
