"""What the names in code stand for, and links to their entries in the API reference."""

import ast
import html
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx.writers.html5 import HTML5Translator

_DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_DOT = '<span class="o">.</span>'
_NAME = re.compile(
    rf"(?P<dotted>{re.escape(_DOT)})?"
    rf'(?P<names><span class="n[a-z]?">\w+</span>(?:{re.escape(_DOT)}<span class="n[a-z]?">\w+</span>)*)'
    r'(?P<keyword><span class="o">=</span>)?'
)


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


def _imports(tree: ast.AST) -> dict[str, str]:
    """Return what the names stand for that the imports anywhere in some code bind."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(source), names=aliases, level=0):
                names |= {alias.asname or alias.name: f"{source}.{alias.name}" for alias in aliases}
            case ast.Import(names=aliases):
                names |= {alias.asname or alias.name: alias.name for alias in aliases}
    return names


def names_along(blocks: Iterable[str]) -> Iterator[dict[str, str]]:
    """Yield what the names in each block of code of a page stand for, by the imports up to there.

    Args:
        blocks: The blocks in their order. A block that is no whole Python has no names of its own.
    """
    names: dict[str, str] = {}
    for code in blocks:
        try:
            tree = ast.parse(code)
        except SyntaxError:
            yield {}
            continue
        names |= _imports(tree)
        bound = _bound_within(tree)
        names = {name: target for name, target in names.items() if name not in bound}
        yield dict(names)


def names_in(path: Path, module: str, pyobject: str) -> dict[str, str]:
    """Return what the names in a listing stand for: dotted names by the name in the code.

    Args:
        path: The source file.
        module: Its dotted name.
        pyobject: The object that is shown, as ``:pyobject:`` names it.
    """
    tree = _parse(path, path.stat().st_mtime_ns)
    names = _imports(tree)
    for statement in tree.body:
        match statement:
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


def link_names(highlighted: str, links: Mapping[str, str]) -> str:
    """Turn names in highlighted code into links.

    Args:
        highlighted: What Pygments made of the code.
        links: The address of each name, plain or dotted. An attribute of something else and the name of an argument
            are no occurrence of a name.
    """

    def link(match: re.Match[str]) -> str:
        spans = match["names"].split(_DOT)
        if match["dotted"] or match["keyword"]:
            return match[0]
        for end in range(len(spans), 0, -1):
            name = ".".join(re.sub("<[^>]+>", "", span) for span in spans[:end])
            if name in links:
                target = f'<a class="code-link" href="{html.escape(links[name])}">{_DOT.join(spans[:end])}</a>'
                return _DOT.join([target, *spans[end:]])
        return match[0]

    return _NAME.sub(link, highlighted)


def visit_literal_block(translator: HTML5Translator, node: nodes.literal_block) -> None:
    """Write a block as Sphinx does, then link the names in what it wrote."""
    before = len(translator.body)
    try:
        HTML5Translator.visit_literal_block(translator, node)
    except nodes.SkipNode:
        if node.get("links"):
            translator.body[before:] = [link_names("".join(translator.body[before:]), node["links"])]
        raise


def depart_literal_block(translator: HTML5Translator, node: nodes.literal_block) -> None:
    HTML5Translator.depart_literal_block(translator, node)
