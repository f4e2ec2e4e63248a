"""The study-guide map: for each line of the original guide, where the book covers it or will.

``{study-guide-map}`` makes one table out of ``study-guide.toml``, ``{study-guide-summary}`` counts. The targets are
ordinary cross-references, so that a line whose section, function or notebook is gone fails a nitpicky build.
"""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

DATA = Path("reference") / "study-guide.toml"


@dataclass(frozen=True)
class Line:
    """One line of the guide, and what the book has on it.

    Args:
        text: What the guide says, on one line.
        chapter: The chapter that covers the line or will: its number in the plan, which readers do not see, for the
            chapters of this version have others; or a name for what is no chapter.
        heading: Whether the line heads others.
        section: Label of the section that covers it.
        function: Full name of the object that implements it.
        notebook: The notebook that shows it, without suffix.
        page: Any other page that covers it.
        missing: What of a covered line is still to come.
    """

    text: str
    chapter: int | str
    heading: bool = False
    section: str = ""
    function: str = ""
    notebook: str = ""
    page: str = ""
    missing: str = ""

    @property
    def state(self) -> str:
        """``covered``, ``in part`` or ``planned``."""
        if not (self.section or self.function or self.notebook or self.page):
            return "planned"
        return "in part" if self.missing else "covered"


@dataclass(frozen=True)
class Group:
    """A section of the guide, or one of its six groups of techniques."""

    name: str
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Guide:
    """The whole guide, and how its places in the book are called."""

    places: dict[int | str, str]
    groups: tuple[Group, ...]

    @property
    def lines(self) -> list[Line]:
        """All lines, in the guide's order."""
        return [line for group in self.groups for line in group.lines]


def load(path: Path) -> Guide:
    """Read the data of the map.

    Args:
        path: The TOML file; its head describes the format.

    Raises:
        ValueError: If a line has a field that is unknown or absent, or a chapter that the file does not name, or if it
            says that something is missing without naming what it covers. The message gives file and line.
    """
    data = tomllib.loads(path.read_text("utf-8"))
    places: dict[int | str, str] = {int(n): name for n, name in data["chapters"].items()}
    places |= data["others"]
    groups = tuple(
        Group(group["name"], group["title"], tuple(_line(entry, places, path) for entry in group["lines"]))
        for group in data["group"]
    )
    return Guide(places, groups)


def _line(entry: dict[str, Any], places: dict[int | str, str], path: Path) -> Line:
    where = f"{path.name}: {entry.get('text', entry)!r}"
    known = {field.name for field in fields(Line)}
    if unknown := entry.keys() - known:
        raise ValueError(f"{where} has the unknown field {', '.join(sorted(unknown))}; known are {sorted(known)}")
    if absent := {"text", "chapter"} - entry.keys():
        raise ValueError(f"{where} lacks the field {', '.join(sorted(absent))}")
    line = Line(**entry)
    if line.chapter not in places:
        raise ValueError(f"{where} has chapter = {line.chapter!r}, which is not in [chapters] or [others]")
    if line.missing and line.state == "planned":
        raise ValueError(f"{where} says what is missing, but names no section, function, notebook or page")
    return line


class StudyGuideDirective(SphinxDirective):
    """What both directives do: read the data, and re-read the page when they change."""

    def guide(self) -> Guide:
        """The guide's lines."""
        path = Path(self.env.srcdir) / DATA
        self.env.note_dependency(path)
        try:
            return load(path)
        except ValueError as problem:
            raise self.error(str(problem)) from problem


class StudyGuideMap(StudyGuideDirective):
    """A table of one group: each line of the guide, and where the book has it.

    Two columns, so that it can be read on a telephone and in print.
    """

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the table."""
        guide = self.guide()
        groups = {group.name: group for group in guide.groups}
        name = self.arguments[0]
        if name not in groups:
            raise self.error(f"{DATA.name} has no group {name!r}; it has {', '.join(groups)}")
        body = nodes.tbody()
        for line in groups[name].lines:
            said = nodes.strong(text=line.text) if line.heading else nodes.Text(line.text)
            body += _row(nodes.paragraph("", "", said), nodes.paragraph("", "", *self._covered(line, guide)))
        head = nodes.thead("", _row(nodes.paragraph(text="The guide"), nodes.paragraph(text="The book")))
        columns = nodes.tgroup("", *(nodes.colspec(colwidth=width) for width in (55, 45)), head, body, cols=2)
        table = nodes.table("", columns, classes=["colwidths-given", "study-guide"])
        self.set_source_info(table)
        return [table]

    def _covered(self, line: Line, guide: Guide) -> list[nodes.Node]:
        links: list[nodes.Node] = []
        if line.section:
            links.append(self._link("std", "ref", line.section))
        if line.page:
            links.append(self._link("std", "doc", f"/{line.page}"))
        if line.function:
            links.append(self._link("py", "obj", line.function, nodes.literal(text=_short(line.function))))
        if line.notebook:
            links.append(self._link("std", "doc", f"/{line.notebook}", nodes.inline(text="notebook")))
        planned = f"planned: {guide.places[line.chapter]}"
        if line.state == "planned":
            return [nodes.emphasis(text=planned)]
        if line.missing:
            links.append(nodes.emphasis(text=f"{line.missing} {planned}"))
        return [part for link in links for part in (nodes.Text(" · "), link)][1:]

    def _link(self, domain: str, role: str, target: str, shown: nodes.Node | None = None) -> pending_xref:
        link = pending_xref(
            "",
            shown or nodes.inline(text=target),
            refdomain=domain,
            reftype=role,
            reftarget=target,
            refdoc=self.env.docname,
            refexplicit=shown is not None,
            refwarn=True,
        )
        self.set_source_info(link)
        return link


class StudyGuideSummary(StudyGuideDirective):
    """A sentence that counts the lines covered, covered in part, and planned."""

    def run(self) -> list[nodes.Node]:
        """Make the sentence."""
        lines = self.guide().lines
        counts = {state: sum(line.state == state for line in lines) for state in ("covered", "in part", "planned")}
        text = (
            f"Of the guide's {len(lines)} lines, {counts['covered']} are covered, {counts['in part']} in part, and "
            f"{counts['planned']} are planned."
        )
        return [nodes.paragraph(text=text)]


def _row(*cells: nodes.Node) -> nodes.row:
    return nodes.row("", *(nodes.entry("", cell) for cell in cells))


def _short(name: str) -> str:
    """The last two parts of a full name: ``llmguide.tokenizers.bpe.train`` reads ``bpe.train``."""
    return ".".join(name.rsplit(".", 2)[-2:])


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register both directives; nothing is kept between builds."""
    app.add_directive("study-guide-map", StudyGuideMap)
    app.add_directive("study-guide-summary", StudyGuideSummary)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
