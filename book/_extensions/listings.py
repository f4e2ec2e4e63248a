"""Listings pulled out of the package: names in them are links, and each says where it comes from.

``{literalinclude}`` with ``:pyobject:`` shows a function as it is. Under it stands a link to the object's API entry
and, in HTML, one to its place in the source; in the code, every name of the package links to its own entry.
"""

import ast
import html
import re
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
from sphinx.writers.html5 import HTML5Translator

from _extensions.places import Place, link_to

_DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_NAME = re.compile(
    r'(?P<dotted><span class="o">\.</span>)?'
    r'(?P<names><span class="n[a-z]?">\w+</span>(?:<span class="o">\.</span><span class="n[a-z]?">\w+</span>)*)'
    r'(?P<keyword><span class="o">=</span>)?'
)


def module_of(path: Path, root: Path) -> str:
    """Return the dotted name of a source file, given the folder that its package lies in; empty if it is outside."""
    if path.suffix != ".py" or not path.is_relative_to(root):
        return ""
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


@cache
def _parse(path: Path, modified: int) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def _find(tree: ast.Module, dotted: str) -> ast.AST:
    """Return the definition that a dotted name leads to; the module where there is none."""
    found: ast.AST = tree
    for name in dotted.split("."):
        body = getattr(found, "body", [])
        found = next((node for node in body if isinstance(node, _DEFINITIONS) and node.name == name), tree)
    return found


def _bound_within(definition: ast.AST) -> set[str]:
    """Return the names that a definition gives a meaning of their own: parameters and local variables."""
    parameters = {node.arg for node in ast.walk(definition) if isinstance(node, ast.arg)}
    return parameters | {
        node.id for node in ast.walk(definition) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def names_in(path: Path, module: str, pyobject: str) -> dict[str, str]:
    """Return what the names in a listing stand for: dotted names by the name in the code.

    Args:
        path: The source file.
        module: Its dotted name.
        pyobject: The object that is shown, as ``:pyobject:`` names it.
    """
    tree = _parse(path, path.stat().st_mtime_ns)
    names: dict[str, str] = {}
    for statement in tree.body:
        match statement:
            case ast.ImportFrom(module=str(source), names=aliases, level=0):
                names |= {alias.asname or alias.name: f"{source}.{alias.name}" for alias in aliases}
            case ast.Import(names=aliases):
                names |= {alias.asname or alias.name: alias.name for alias in aliases}
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names[name] = f"{module}.{name}"
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                names[name] = f"{module}.{name}"
    definition = _find(tree, pyobject)
    if isinstance(definition, ast.ClassDef):
        inside = [node.name for node in definition.body if isinstance(node, _DEFINITIONS)]
        names = {name: f"{module}.{pyobject}.{name}" for name in inside} | names
    elif "." in pyobject:
        names[pyobject.rpartition(".")[2]] = f"{module}.{pyobject}"
    local = _bound_within(definition) if definition is not tree else set()
    return {name: target for name, target in names.items() if name not in local}


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
    return f"{builder.get_relative_uri(fromdoc, '_modules/' + module.replace('.', '/'))}#{dotted}"


class LinkListings(SphinxPostTransform):
    """Put under each listing where it comes from, and into its block where its names lead."""

    default_priority = 7

    def run(self, **options: object) -> None:
        """Change the blocks that :class:`Listing` marked."""
        builder, fromdoc = self.app.builder, self.env.current_document.docname
        for block in list(self.document.findall(nodes.literal_block)):
            if "shows" not in block:
                continue
            block["links"] = dict(self._links(block["meanings"], builder, fromdoc))
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

    def _links(self, names: dict[str, str], builder: Builder, fromdoc: str) -> Iterator[tuple[str, str]]:
        objects = self.env.domains.python_domain.objects
        for name, target in names.items():
            reached = {name: target} | {
                name + other[len(target) :]: other for other in objects if other.startswith(f"{target}.")
            }
            for written, dotted in reached.items():
                if found := objects.get(dotted):
                    yield written, f"{builder.get_relative_uri(fromdoc, found.docname)}#{found.node_id}"


def link_names(highlighted: str, links: dict[str, str]) -> str:
    """Turn names in highlighted code into links.

    Args:
        highlighted: What Pygments made of the code.
        links: The address of each name, plain or dotted. An attribute of something else and the name of an argument
            are no occurrence of a name.
    """

    def link(match: re.Match[str]) -> str:
        spans = match["names"].split('<span class="o">.</span>')
        if match["dotted"] or match["keyword"]:
            return match[0]
        for end in range(len(spans), 0, -1):
            name = ".".join(re.sub("<[^>]+>", "", span) for span in spans[:end])
            if name in links:
                dot = '<span class="o">.</span>'
                target = f'<a class="code-link" href="{html.escape(links[name])}">{dot.join(spans[:end])}</a>'
                return dot.join([target, *spans[end:]])
        return match[0]

    return _NAME.sub(link, highlighted)


def _visit(translator: HTML5Translator, node: nodes.literal_block) -> None:
    """Write a block as Sphinx does, then link the names in what it wrote."""
    before = len(translator.body)
    try:
        HTML5Translator.visit_literal_block(translator, node)
    except nodes.SkipNode:
        if node.get("links"):
            translator.body[before:] = [link_names("".join(translator.body[before:]), node["links"])]
        raise


def _depart(translator: HTML5Translator, node: nodes.literal_block) -> None:
    HTML5Translator.depart_literal_block(translator, node)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Replace ``literalinclude``, and link names wherever Sphinx writes HTML."""
    app.setup_extension("_extensions.api_pages")  # its setting names the package
    app.add_directive("literalinclude", Listing, override=True)
    app.add_node(nodes.literal_block, override=True, html=(_visit, _depart))
    app.add_post_transform(LinkListings)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
