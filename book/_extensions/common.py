"""What several of the book's extensions need: errors that name their place, links, and the sections around a node."""

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.nodes import make_refnode

import llmguide


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


def enclosing_section(node: nodes.Node) -> str:
    """Find the id of the section that a node lies in, the labelled one where there are several."""
    around: nodes.Node | None = node
    while around is not None and not isinstance(around, nodes.section):
        around = around.parent
    if around is None:
        return ""
    return next((name for name in around["ids"] if name.startswith("sec-")), str(around["ids"][0]))


def section_heading(env: BuildEnvironment, page: str, section: str) -> str:
    """Return the number and the title of a section, such as "3.2 Byte-pair encoding".

    Args:
        env: The environment, all pages read.
        page: Name of the page.
        section: Any of the section's ids.

    Returns:
        The heading, or the page's title where the section has none of its own.
    """
    aliases = {section, *env.domains.standard_domain.anonlabels.get(section, ("", ""))[1:]}
    for entry in env.tocs[page].findall(nodes.reference):
        anchor = str(entry["anchorname"])
        if anchor.removeprefix("#") in aliases:
            number = ".".join(map(str, env.toc_secnumbers.get(page, {}).get(anchor, ())))
            return f"{number} {entry.astext()}".strip()
    number = ".".join(map(str, env.toc_secnumbers.get(page, {}).get("", ())))
    return f"{number} {env.titles[page].astext()}".strip()


def pages_in_order(env: BuildEnvironment) -> Iterator[str]:
    """Walk over the book's pages in the order of its tables of contents."""
    seen = set()
    pending = [env.config.root_doc]
    while pending:
        page = pending.pop()
        if page not in seen:
            seen.add(page)
            yield page
            pending.extend(reversed(env.toctree_includes.get(page, ())))


def package_files() -> list[Path]:
    """Name the source files of ``llmguide``, sorted."""
    return sorted(Path(llmguide.__file__).parent.rglob("*.py"))


def package_sources() -> Iterator[bytes]:
    """Return the contents of the source files of ``llmguide``."""
    return (file.read_bytes() for file in package_files())


def note_package(env: BuildEnvironment) -> None:
    """Have the page read again whenever the package's code changes."""
    for file in package_files():
        env.note_dependency(str(file))


def extend_preamble(app: Sphinx, tex: str) -> None:
    """Add definitions to the LaTeX preamble, after whatever the settings put there."""

    def extend(_: Sphinx, config: Config) -> None:
        elements = dict(config.latex_elements)
        elements["preamble"] = f"{elements.get('preamble', '')}\n{tex}"
        config.latex_elements = elements

    app.connect("config-inited", extend)
