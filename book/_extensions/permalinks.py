"""Addresses that stay: a record of every page and every id, and redirects for those that had to move.

``book/permalinks.txt`` names every address that the HTML book has had, one a line: ``page`` or ``page#id``. What
disappears without a row in ``book/moved.txt`` (old address, then new one) fails a test. After adding sections, build
the HTML book and add the new addresses:

    PYTHONPATH=book python -m _extensions.permalinks _build/html --update

A page that moved leaves a page behind that sends the reader on, to the new place of the section if that moved too; a
section that moved to another page leaves a line at the end of the old page that says where it is; what has
another id on the same page keeps the old one beside it.

Where a text is also read elsewhere, on a forge or in Jupyter, a label stands in a comment, ``<!-- (sec-name)= -->``, on
a line before its heading: in a Markdown file that a page includes, and in a notebook.
"""

import argparse
import html
import json
import posixpath
import re
import sys
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms import SphinxTransform
from sphinx.util.typing import ExtensionMetadata

RECORD, MOVED = "permalinks.txt", "moved.txt"
# Pages that Sphinx makes without a source, and ids that count things: neither can be linked to for long.
_NO_SOURCE = re.compile(r"(_modules/.*|_static/.*|downloads/.*|genindex|py-modindex|search|404)")
_COUNTED = re.compile(r"(id|index-|codecell|footnote-(reference-)?)\d+")
_COMMENT = re.compile(r"<!-- \((?P<label>[a-z0-9-]+)\)= -->")
_REDIRECT = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Moved</title><link rel="canonical" href="{target}">
<script>const moved = {anchors}; location.replace(moved[location.hash] || "{target}" + location.hash);</script>
<noscript><meta http-equiv="refresh" content="0; url={target}"></noscript></head>
<body><p>This page has moved to <a href="{target}">{target}</a>.</p></body>
</html>
"""


class _Ids(HTMLParser):
    """Collect the ids within the element that has ``role="main"``."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.main = ""
        self.depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if self.main and attributes.get("id") and tag != "script":
            self.ids.add(str(attributes["id"]))
        if not self.main and attributes.get("role") == "main":
            self.main, self.depth = tag, 0
        self.depth += tag == self.main

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag == self.main
        if self.main and not self.depth:
            self.main = ""


def collect(folder: Path) -> set[str]:
    """Return the addresses of a built HTML book: its pages, and the ids on them that do not count anything.

    Args:
        folder: Where the book was built.
    """
    found = set()
    for path in folder.rglob("*.html"):
        page = path.relative_to(folder).with_suffix("").as_posix()
        text = path.read_text("utf-8")
        if _NO_SOURCE.fullmatch(page) or text.startswith(_REDIRECT.partition("{")[0]):
            continue
        parser = _Ids()
        parser.feed(text)
        found |= {page} | {f"{page}#{name}" for name in parser.ids if not _COUNTED.fullmatch(name)}
    return found


def read_record(path: Path) -> set[str]:
    """Return the recorded addresses; none where there is no record yet."""
    return set(path.read_text("utf-8").split()) if path.exists() else set()


def read_moved(path: Path) -> dict[str, str]:
    """Return where addresses moved: the new one by the old one. A line that begins with ``#`` is a comment.

    Raises:
        ExtensionError: If a line is no pair, or an old address stands there twice.
    """
    moved: dict[str, str] = {}
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            pair = line.split()
            if len(pair) != 2 or pair[0] in moved:
                raise ExtensionError(f"{path}:{number}: expected an old address, once, and its new one, not {line!r}")
            moved[pair[0]] = pair[1]
    return moved


def follow(address: str, moved: Mapping[str, str]) -> str:
    """Return where an address leads now; an id moves with its page unless it has a row of its own."""
    seen = {address}
    while True:
        page, hash_, anchor = address.partition("#")
        address = moved.get(address) or moved.get(page, page) + hash_ + anchor
        if address in seen:
            return address
        seen.add(address)


def lost(record: set[str], present: set[str], moved: Mapping[str, str]) -> list[str]:
    """Return the recorded addresses that lead nowhere any more, sorted."""
    return sorted(address for address in record if follow(address, moved) not in present)


def _from(page: str, address: str) -> str:
    """Return the link from one page to an address."""
    target, hash_, anchor = address.partition("#")
    return posixpath.relpath(f"{target}.html", posixpath.dirname(page) or ".") + hash_ + anchor


def _on_page(page: str, moved: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the ids that moved away from a page, each with its new address."""
    for old in moved:
        where, _, anchor = old.partition("#")
        if where == page and anchor:
            yield anchor, follow(old, moved)


def _leave_lines(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    if app.builder.name != "html" or doctree is None:
        return
    lines = [
        f'<p id="{html.escape(anchor)}">What was here has moved to <a href="{html.escape(_from(pagename, new))}">'
        f"{html.escape(app.env.titles[new.partition('#')[0]].astext())}</a>.</p>"
        for anchor, new in _on_page(pagename, app.book_moved)  # type: ignore[attr-defined]
        if new.partition("#")[0] != pagename
    ]
    if lines:
        context["body"] += f'<section class="moved" aria-label="Moved from this page">{"".join(lines)}</section>'


def _leave_pages(app: Sphinx, exception: Exception | None) -> None:
    if app.builder.name != "html" or exception:
        return
    moved: dict[str, str] = app.book_moved  # type: ignore[attr-defined]
    for page in [old for old in moved if "#" not in old]:
        anchors = {f"#{anchor}": _from(page, new) for anchor, new in _on_page(page, moved)}
        path = Path(app.outdir) / f"{page}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        target = _from(page, follow(page, moved))
        path.write_text(_REDIRECT.format(target=target, anchors=json.dumps(anchors, sort_keys=True)), "utf-8")


def _keep_old_ids(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Give what has another id on its page now, a section or an object, the old one too."""
    moved = {new: anchor for anchor, new in _on_page(docname, app.book_moved)}  # type: ignore[attr-defined]
    for node in doctree.findall(nodes.Element) if moved and app.builder.name == "html" else ():
        node["ids"] += [moved[new] for name in node["ids"] if (new := f"{docname}#{name}") in moved]


def _read_labels(app: Sphinx, path: Path, docname: str, content: list[str]) -> None:
    """Turn the comments of an included file into MyST's labels."""
    content[0] = _COMMENT.sub(r"(\g<label>)=", content[0])


class LabelsOfNotebooks(SphinxTransform):
    """Give each section of a notebook the label that stands before it in a comment; nbsphinx passes comments on."""

    default_priority: ClassVar[int] = 700  # after nbsphinx has made ids of the titles, before the labels are collected

    def apply(self, **kwargs: object) -> None:
        """Move the labels, and drop the comments."""
        for comment in list(self.document.findall(nodes.raw)):
            if match := _COMMENT.fullmatch(comment.astext().strip()):
                section = next(comment.findall(nodes.section, False, descend=False, siblings=True, ascend=True))
                section["names"], section["ids"] = [match["label"]], []
                self.document.note_explicit_target(section)
                comment.parent.remove(comment)


def _drop_ids_of_titles(app: Sphinx, doctree: nodes.document) -> None:
    """Leave a section with a label no second id made of its title, which would change with the title."""
    explicit = {doctree.nameids.get(name) for name, is_explicit in doctree.nametypes.items() if is_explicit}
    for section in doctree.findall(nodes.section):
        if stable := [name for name in section["ids"] if name in explicit or name.startswith("module-")]:
            section["ids"] = stable


def _prepare(app: Sphinx) -> None:
    moved = read_moved(Path(app.srcdir) / MOVED)
    if there := sorted(old for old in moved if app.env.doc2path(old).exists()):
        raise ExtensionError(f"{MOVED} says that {', '.join(there)} moved, and the page is still there: remove the row")
    app.book_moved = moved  # type: ignore[attr-defined]


def main(arguments: list[str] | None = None) -> int:
    """Compare a built book with the record, or bring the record up to date; return the exit code."""
    parser = argparse.ArgumentParser(prog="permalinks", description="Check that no address of the book disappeared.")
    parser.add_argument("folder", type=Path, help="the built HTML book")
    parser.add_argument("--book", type=Path, default=Path("book"), help="the folder of the sources (default: book)")
    parser.add_argument("--update", action="store_true", help="add the new addresses to the record")
    options = parser.parse_args(arguments)
    path = options.book / RECORD
    record, present = read_record(path), collect(options.folder)
    if options.update:
        path.write_text("".join(f"{address}\n" for address in sorted(record | present)), "utf-8")
        sys.stdout.write(f"{len(present - record)} addresses added to {path}\n")
    gone = lost(record, present, read_moved(options.book / MOVED))
    for address in gone:
        sys.stderr.write(f"{address} is gone: restore it, or add its new address to {options.book / MOVED}\n")
    return 1 if gone else 0


def setup(app: Sphinx) -> ExtensionMetadata:
    """Keep addresses stable, and send readers of old ones on."""
    app.add_transform(LabelsOfNotebooks)
    app.connect("builder-inited", _prepare)
    app.connect("include-read", _read_labels)
    app.connect("doctree-read", _drop_ids_of_titles, priority=100)  # before anybody notes a section's id
    app.connect("doctree-resolved", _keep_old_ids)
    app.connect("html-page-context", _leave_lines)
    app.connect("build-finished", _leave_pages)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    sys.exit(main())
