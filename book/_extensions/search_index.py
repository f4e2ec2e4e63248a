"""What the book's search looks through: the text of every section, and the terms of the glossary.

Sphinx's search fetches the pages that it finds to quote them, which a browser refuses when the book is read from a
folder. This extension writes texts and terms into one script, ``search-texts.js``, which only the search page loads;
``_static/search.js`` ranks them and shows where on a page the words stand.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.util.typing import ExtensionMetadata

from _extensions.drawing import write_file

HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
VOID = {"area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
# What is not prose: scripts, the TeX kept beside every formula, controls.
SILENT = {"script", "noscript", "style", "annotation", "button", "svg"}
SILENT_CLASSES = {"widget-controls", "headerlink", "viewcode-link", "viewcode-back"}
FORMULA = "math"  # the class of a displayed formula: found by its signs, never quoted
# Elements within a line; any other begins a new word.
INLINE = {"a", "abbr", "b", "code", "em", "i", "mark", "mi", "mn", "mo", "span", "strong", "sub", "sup"}
INVISIBLE = dict.fromkeys(range(0x2061, 0x2065))  # MathML's invisible operators


@dataclass
class Section:
    """A section: its anchor, its heading, and text and formulas between its heading and its first subsection's."""

    anchor: str
    title: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    signs: list[str] = field(default_factory=list)

    def as_row(self) -> list[str]:
        """Return anchor, title and text, with single spaces, and the signs of the formulas, each once."""
        title, text = (" ".join("".join(parts).split()) for parts in (self.title, self.text))
        return [self.anchor, title, text, " ".join(sorted(set(" ".join(self.signs).split())))]


class _Open(NamedTuple):
    """An element that is not closed yet, and what it makes of the text inside."""

    tag: str
    silent: bool
    formula: bool
    section: bool


class _Reader(HTMLParser):
    """Collect the sections inside the element whose role is ``main``."""

    def __init__(self) -> None:
        super().__init__()
        self.sections: list[Section] = []
        self._open: list[_Open] = []
        self._inside: list[Section] = []
        self._main_depth: int | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in INLINE:
            self._write(" ")
        if tag in VOID:
            return
        given = {name: value or "" for name, value in attributes}
        if self._main_depth is None and given.get("role") == "main":
            self._main_depth = len(self._open)
        classes = given.get("class", "").split()
        silent = tag in SILENT or not SILENT_CLASSES.isdisjoint(classes)
        is_section = tag == "section" and "id" in given and self._main_depth is not None
        if is_section:
            self._inside.append(Section(given["id"]))
            self.sections.append(self._inside[-1])
        self._open.append(_Open(tag, silent, FORMULA in classes, is_section))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID or all(tag != element.tag for element in self._open):
            return
        while True:
            closed = self._open.pop()
            if closed.section:
                self._inside.pop()
            if closed.tag == tag:
                break
        if self._main_depth is not None and len(self._open) <= self._main_depth:
            self._main_depth = None

    def handle_data(self, data: str) -> None:
        self._write(data)

    def _write(self, text: str) -> None:
        if self._main_depth is None or not self._inside or any(element.silent for element in self._open):
            return
        section = self._inside[-1]
        if any(element.formula for element in self._open):
            section.signs.append(f" {text.translate(INVISIBLE)} ")
            return
        in_heading = any(element.tag in HEADINGS for element in self._open)
        (section.title if in_heading else section.text).append(text.translate(INVISIBLE))


def sections_of(page: str) -> list[list[str]]:
    """Return anchor, title and text of each section of a rendered page, and the signs of its displayed formulas.

    Example:
        >>> sections_of('<main role="main"><section id="a"><h1>One</h1><p>Two <b>three</b>.</p></section></main>')
        [['a', 'One', 'Two three.', '']]
    """
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return [section.as_row() for section in reader.sections]


def read_sections(pages: Mapping[str, str], memory: Path) -> dict[str, list[list[str]]]:
    """Find the sections of rendered pages; a page that has not changed since the last time is not read again.

    Args:
        pages: Each page by its name.
        memory: The file that keeps what was found, for the next time.

    Returns:
        For each page what :func:`sections_of` says.
    """
    known: dict[str, dict[str, Any]] = json.loads(memory.read_text("utf-8")) if memory.exists() else {}
    reader = Path(__file__).read_bytes()  # which may read otherwise than the last time
    found: dict[str, dict[str, Any]] = {}
    for name, page in pages.items():
        digest = hashlib.sha256(reader + page.encode()).hexdigest()
        same = known.get(name, {}).get("digest") == digest
        found[name] = known[name] if same else {"digest": digest, "sections": sections_of(page)}
    write_file(memory, _as_json(found).encode())
    return {name: page["sections"] for name, page in found.items()}


def write_texts(app: Sphinx, exception: Exception | None) -> None:
    """Write the script with the texts of all pages that may be found."""
    builder = app.builder
    if exception or not isinstance(builder, StandaloneHTMLBuilder) or builder.name != "html":
        return
    found = sorted(name for name in app.env.all_docs if "nosearch" not in app.env.metadata.get(name, {}))
    pages = {name: builder.get_output_path(name) for name in found}
    written = {name: path.read_text("utf-8") for name, path in pages.items() if path.exists()}
    texts = read_sections(written, Path(app.doctreedir) / "search-texts.json")
    objects = app.env.domains.standard_domain.objects
    terms = sorted([name, *place] for (kind, name), place in objects.items() if kind == "term")
    constants = {"SEARCH_TEXTS": texts, "SEARCH_TERMS": terms}
    script = "".join(f"const {name} = {_as_json(value)};\n" for name, value in constants.items())
    (Path(app.outdir) / "search-texts.js").write_text(script, "utf-8")


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Write the texts when all pages are written."""
    app.connect("build-finished", write_texts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
