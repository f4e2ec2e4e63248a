"""What several of the book's extensions need: errors that name their place, links, and the package's sources."""

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NoReturn

from docutils import nodes
from sphinx.builders import Builder
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.nodes import make_refnode

import llmguide
from _extensions.places import Place, number_of
from llmguide.experiments.fingerprint import imported_modules, source_of


def fail(where: SphinxDirective | SphinxRole, problem: str) -> NoReturn:
    """End the build, with or without ``-W``.

    Args:
        where: The directive or role that cannot go on; the message begins with its file and line.
        problem: What is wrong and what to do about it.

    Raises:
        ExtensionError: Always.
    """
    raise ExtensionError(f"{where.get_location()}: {problem}")


def link(builder: Builder, from_page: str, to_page: str, anchor: str, *content: nodes.Node) -> nodes.reference:
    """Make a reference to a place in the book, right for the builder.

    Args:
        builder: The one that writes the pages.
        from_page: Name of the page that holds the reference.
        to_page: Name of the page that holds the place.
        anchor: The place's id.
        content: What the reader sees.

    Returns:
        The reference.
    """
    return make_refnode(builder, from_page, to_page, anchor, list(content))


def heading_of(env: BuildEnvironment, place: Place) -> str:
    """Return the number and the title of a section, such as "3.2 Byte-pair encoding"."""
    anchor = f"#{place.anchor}" if place.anchor else ""
    entries = (node for node in env.tocs[place.docname].findall(nodes.reference) if node["anchorname"] == anchor)
    title = next(entries, env.titles[place.docname]).astext()
    return f"{'.'.join(map(str, number_of(env, place)))} {title}".strip()


def package_files(code: str) -> list[Path]:
    """Name the source files of ``llmguide`` that some code uses, directly or through others, sorted.

    Args:
        code: Python source. Where it imports the package as a whole, every file may matter.
    """
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if source_of(name) else node.module for name in inner}
    if "llmguide" in names:
        return sorted(Path(llmguide.__file__).parent.rglob("*.py"))
    return sorted(set().union(*(_files_behind(name) for name in names if name.startswith("llmguide."))))


@cache
def _files_behind(module: str) -> frozenset[Path]:
    """Name the source file of a module and those of all it imports from the package."""
    paths = map(source_of, {module, *imported_modules(module)})
    return frozenset(path for path in paths if path is not None)


def note_files(env: BuildEnvironment, files: Iterable[Path]) -> None:
    """Have the page read again whenever one of these files changes."""
    for file in files:
        env.note_dependency(str(file))
