"""The ways back: from an API entry to the sections that explain it, from a work to the places that cite it.

A chapter says that it explains an object in one of three ways: it shows the object's code with ``{literalinclude}``
and ``:pyobject:``, it ties an equation to it with ``:implements:``, or it names it with the role ``{explains}``, which
links like ``{py:obj}``. A mere mention by ``{py:func}`` marks nothing, so that an entry lists few sections, and the
right ones. No docstring is edited: the lines are added when the pages are written, after all numbers are known.
"""

from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import replace
from typing import cast

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.roles import XRefRole
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.typing import ExtensionMetadata
from sphinxcontrib.bibtex.citation_target import parse_citation_targets

from _extensions.bibliography import cite_domain
from _extensions.places import Place, in_reading_order, label_of, links_to, place_of

Ties = dict[str, list[tuple[str, Place]]]
"""For one page: what it explains and what it cites, each with the place where it does."""

EXPLAINS, CITES = "explains", "cites"


class ExplainsRole(XRefRole):
    """``{explains}`name```: a link to an API entry, and the mark that this section explains it."""

    def process_link(
        self, env: BuildEnvironment, refnode: nodes.Element, has_explicit_title: bool, title: str, target: str
    ) -> tuple[str, str]:
        """Point the link into Python's domain; a ``~`` shortens the title to the last name."""
        refnode["refdomain"], refnode["reftype"] = "py", "obj"
        refnode["explains"] = True
        refnode["refspecific"] = False
        if not has_explicit_title and title.startswith("~"):
            title = title.rpartition(".")[2]
        return title.lstrip("~"), target.lstrip("~")


def _collect(app: Sphinx, doctree: nodes.document) -> None:
    """Note what a page explains and cites."""
    docname = app.env.current_document.docname
    ties: Ties = {EXPLAINS: [], CITES: []}
    for block in doctree.findall(nodes.literal_block):
        if "shows" in block:
            ties[EXPLAINS].append((block["shows"], place_of(block, docname)))
    for equation in doctree.findall(nodes.math_block):
        place = replace(place_of(equation, docname), equation=equation["label"] or "")
        implementing: list[str] = equation.get("implements", [])
        ties[EXPLAINS] += [(name, place) for name in implementing]
    for node in doctree.findall(addnodes.pending_xref):
        if node.get("explains"):
            ties[EXPLAINS].append((node["reftarget"], place_of(node, docname)))
        if node.get("refdomain") == "cite":
            ties[CITES] += [
                (target.key, place_of(node, docname)) for target in parse_citation_targets(node["reftarget"])
            ]
    _ties(app.env)[docname] = ties


def _ties(env: BuildEnvironment) -> dict[str, Ties]:
    ties: dict[str, Ties] = vars(env).setdefault("book_ties", {})
    return ties


def _purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    _ties(env).pop(docname, None)


def _merge(app: Sphinx, env: BuildEnvironment, docnames: Set[str], other: BuildEnvironment) -> None:
    _ties(env).update({docname: ties for docname, ties in _ties(other).items() if docname in docnames})


def _places(env: BuildEnvironment, kind: str) -> dict[str, list[Place]]:
    """Return the places by what they explain or cite, in reading order."""
    found: dict[str, list[Place]] = defaultdict(list)
    for ties in _ties(env).values():
        for target, place in ties[kind]:
            found[target].append(place)
    return {target: in_reading_order(env, places) for target, places in found.items()}


def _write_where_ties_changed(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Turn the ties of all pages round, and name the pages that show them and must be written again."""
    new = {kind: _places(env, kind) for kind in (EXPLAINS, CITES)}
    old = getattr(env, "book_backrefs", {EXPLAINS: {}, CITES: {}})
    env.book_backrefs = new  # type: ignore[attr-defined]
    objects = env.domains.python_domain.objects
    changed = {
        objects[name].docname
        for name in new[EXPLAINS].keys() | old[EXPLAINS].keys()
        if name in objects and new[EXPLAINS].get(name) != old[EXPLAINS].get(name)
    }
    if new[CITES] != old[CITES]:
        changed |= {key.docname for key in cite_domain(env).bibliographies}
    return sorted(changed)


def _insert_before_entries(parent: nodes.Element, line: nodes.paragraph) -> None:
    """Put a line after the text of a docstring and before the entries of what the object holds."""
    below = addnodes.desc | nodes.section
    position = next((i for i, node in enumerate(parent.children) if isinstance(node, below)), len(parent))
    while position and isinstance(parent[position - 1], addnodes.index):
        position -= 1
    parent.insert(position, line)


class ShowBackrefs(SphinxPostTransform):
    """Add "Explained in" to API entries and "Cited in" to the bibliography."""

    default_priority = 6  # after sphinxcontrib-bibtex made the entries, before references are resolved

    def run(self, **options: object) -> None:
        """Add the lines to a page, or to the whole book where one document holds it."""
        backrefs: dict[str, dict[str, list[Place]]] = self.env.book_backrefs  # type: ignore[attr-defined]
        self._explained_in(backrefs[EXPLAINS])
        self._cited_in(backrefs[CITES])

    def _explained_in(self, explained: dict[str, list[Place]]) -> None:
        for entry in list(self.document.findall(addnodes.desc)):
            signatures = list(entry.findall(addnodes.desc_signature))
            names = [f"{node.get('module')}.{node.get('fullname')}" for node in signatures if node.parent is entry]
            places = [place for name in names for place in explained.get(name, ())]
            if entry.get("domain") == "py" and places:
                _insert_before_entries(cast(addnodes.desc_content, entry[-1]), self._line(places))
        for section in list(self.document.findall(nodes.section)):
            modules = [name.removeprefix("module-") for name in section["ids"] if name.startswith("module-")]
            if places := [place for module in modules for place in explained.get(module, ())]:
                _insert_before_entries(section, self._line(places))

    def _line(self, places: Iterable[Place]) -> nodes.paragraph:
        links = self._links(places)
        return nodes.paragraph("", "", nodes.strong("", "Explained in: "), *links, classes=["explained-in"])

    def _links(self, places: Iterable[Place]) -> list[nodes.Node]:
        return links_to(self.env, self.app.builder, self.env.current_document.docname, places)

    def _cited_in(self, cited: dict[str, list[Place]]) -> None:
        keys = {citation.citation_id: citation.key for citation in cite_domain(self.env).citations}
        for entry in self.document.findall(nodes.citation):
            key = next((keys[name] for name in entry["ids"] if name in keys), "")
            entry.attributes.pop("backrefs", None)  # Sphinx's own know only one page
            if places := cited.get(key):
                unique = {label_of(self.env, place): place for place in reversed(places)}
                shown = sorted(unique.values(), key=places.index)
                line = nodes.inline("", "", nodes.Text(" Cited in: "), *self._links(shown), nodes.Text("."))
                line["classes"].append("cited-in")
                cast(nodes.paragraph, entry[-1]).append(line)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Collect while pages are read, turn round when all numbers are known, show when pages are written."""
    app.setup_extension("_extensions.bibliography")
    app.setup_extension("_extensions.equations")
    app.setup_extension("_extensions.listings")
    app.add_role("explains", ExplainsRole())
    app.connect("doctree-read", _collect)
    app.connect("env-purge-doc", _purge)
    app.connect("env-merge-info", _merge)
    app.connect("env-get-updated", _write_where_ties_changed, priority=700)
    app.add_post_transform(ShowBackrefs)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
