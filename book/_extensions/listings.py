"""Listings pulled out of the package: names in them are links, and each says where it comes from.

``{literalinclude}`` with ``:pyobject:`` shows a function as it is. Under it stands a link to the object's API entry
and, in HTML, one to its place in the source. In this code and in all other Python of the text, notebooks included, a
name of the package links to its entry.
"""

import ast
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.directives.code import LiteralInclude
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.typing import ExtensionMetadata, OptionSpec

from _extensions.api_pages import find_modules
from _extensions.code_names import depart_literal_block, names_along, names_in, visit_literal_block
from _extensions.places import Place, link_to

_PYTHON = ("python", "python3", "ipython3")


def module_of(path: Path, root: Path) -> str:
    """Return the dotted name of a source file, given the folder that its package lies in; empty if it is outside."""
    if path.suffix != ".py" or not path.is_relative_to(root):
        return ""
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def without_docstring(code: str) -> str:
    """Return the code of a function or a class without its docstring.

    Args:
        code: The whole definition, from its first decorator on.
    """
    lines = code.splitlines(keepends=True)
    match ast.parse(textwrap.dedent(code)).body:
        case [ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() as definition]:
            first = definition.body[0]
            if ast.get_docstring(definition) and first.end_lineno:
                del lines[first.lineno - 1 : first.end_lineno]
                while not lines[first.lineno - 1].strip():  # a blank line that parted it from the code
                    del lines[first.lineno - 1]
    return "".join(lines)


class Listing(LiteralInclude):
    """``literalinclude`` that remembers which object of the package it shows.

    With ``:no-docstring:`` the docstring, which the API entry shows, is left out.
    """

    option_spec: ClassVar[OptionSpec] = {**LiteralInclude.option_spec, "no-docstring": directives.flag}

    def run(self) -> list[nodes.Node]:
        """Return the listing, its block marked with ``shows``, the dotted name of the object."""
        shown = super().run()
        pyobject = self.options.get("pyobject", "")
        path = Path(self.env.relfn2path(self.arguments[0])[1])
        module = module_of(path, Path(self.env.srcdir).parent)
        if not pyobject or not module.startswith(self.config.api_package):
            return shown
        for node in shown:
            for block in node.findall(nodes.literal_block):
                if "no-docstring" in self.options:
                    block.rawsource = without_docstring(block.astext())
                    block.children = [nodes.Text(block.rawsource)]
                block["shows"] = f"{module}.{pyobject}"
                block["meanings"] = names_in(path, module, pyobject)
        return shown


@cache
def _handed_on(package: Path) -> dict[str, str]:
    """Return where the names come from that the packages of a package hand on: ``a.train`` is ``a.bpe.train``."""
    return {f"{module.name}.{name}": source for module in find_modules(package) for name, source in module.hands_on}


@cache
def _below(names: tuple[str, ...]) -> dict[str, list[str]]:
    """Return for each dotted name those of the names that begin with it and a dot, each once."""
    below: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        parts = name.split(".")
        for end in range(1, len(parts)):
            below.setdefault(".".join(parts[:end]), []).append(name)
    return below


def entry_of(env: BuildEnvironment, name: str) -> Place | None:
    """Return the API entry of an object; none where it has none."""
    found = env.domains.python_domain.objects.get(name)
    return Place(found.docname, found.node_id, entry=name.rpartition(".")[2]) if found else None


def source_uri(env: BuildEnvironment, builder: Builder, fromdoc: str, name: str) -> str:
    """Return the address of an object in the pages that ``sphinx.ext.viewcode`` makes; empty where it makes none."""
    if builder.format != "html" or builder.name == "epub":
        return ""
    modules = getattr(env, "_viewcode_modules", {})
    module = name
    while module and not modules.get(module):
        module = module.rpartition(".")[0]
    dotted = name.removeprefix(f"{module}.")
    if not module or dotted not in modules[module][1]:
        return ""
    # What no API page describes, such as a private function, stands on the page without an address of its own.
    address = f"#{dotted}" if dotted in modules[module][2] else ""
    return builder.get_relative_uri(fromdoc, "_modules/" + module.replace(".", "/")) + address


class LinkListings(SphinxPostTransform):
    """Put under each listing where it comes from, and into its block where its names lead."""

    default_priority = 7

    def run(self, **options: object) -> None:
        """Change the blocks that :class:`Listing` marked, and link the names in all other Python."""
        blocks = list(self.document.findall(nodes.literal_block))
        typed = [block for block in blocks if block.get("language") in _PYTHON and "shows" not in block]
        for block, names in zip(typed, names_along(block.astext() for block in typed), strict=True):
            block["links"] = dict(self._links(names))
        for block in blocks:
            if "shows" not in block:
                continue
            block["links"] = dict(self._links(block["meanings"]))
            whole = block.parent if isinstance(block.parent, nodes.container) else block
            if parts := list(self._origin(whole, block["shows"])):
                line = nodes.paragraph("", "", *parts, classes=["listing-source"])
                whole.parent.insert(whole.parent.index(whole) + 1, line)

    def _origin(self, whole: nodes.Element, shown: str) -> Iterator[nodes.Node]:
        """Yield the links to an object's entry and source; a caption that names the object has the first already."""
        builder, fromdoc = self.app.builder, self.env.current_document.docname
        place = entry_of(self.env, shown)
        in_caption = any(node["reftarget"] == shown for node in whole.findall(addnodes.pending_xref))
        if place and not in_caption:
            yield nodes.Text("From ")
            yield link_to(self.env, builder, fromdoc, replace(place, entry=shown))
        if uri := source_uri(self.env, builder, fromdoc, shown):
            yield nodes.Text(" · " if place and not in_caption else "Its ")
            yield nodes.reference("", "", nodes.inline("", "source"), refuri=uri, internal=True)

    def _links(self, names: dict[str, str]) -> Iterator[tuple[str, str]]:
        """Yield the address of each name that has an entry, and of what it holds."""
        builder, fromdoc = self.app.builder, self.env.current_document.docname
        objects = self.env.domains.python_domain.objects
        handed_on = _handed_on(Path(self.env.srcdir).parent / self.config.api_package)
        below = _below((*objects, *handed_on))
        for name, imported in names.items():
            target = handed_on.get(imported, imported)
            reached = {name: target} | {
                name + other[len(target) :]: handed_on.get(other, other) for other in below.get(target, ())
            }
            for written, dotted in reached.items():
                if found := objects.get(dotted):
                    yield written, f"{builder.get_relative_uri(fromdoc, found.docname)}#{found.node_id}"


def setup(app: Sphinx) -> ExtensionMetadata:
    """Replace ``literalinclude``, and link names wherever Sphinx writes HTML."""
    app.setup_extension("_extensions.api_pages")  # its setting names the package
    app.add_directive("literalinclude", Listing, override=True)
    app.add_node(nodes.literal_block, override=True, html=(visit_literal_block, depart_literal_block))
    app.add_post_transform(LinkListings)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
