r"""One numbering of chapters through all parts of the book, equal in HTML, EPUB and print.

The parts are captioned toctrees of the root page. Sphinx begins again at chapter 1 in each ``:numbered:`` toctree,
where LaTeX goes on counting. Here Sphinx sees the numbered toctrees of a page as one while it assigns numbers, and
counts on.

In print a part's caption becomes ``\part``, and the chapters of a toctree without ``:numbered:`` are chapters without
numbers, whose figures, tables, listings and equations count from 1 through the whole book, as they do in HTML.
"""

import copy
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.latex import LaTeXTranslator

from _extensions.latex_styles import add_style

STYLE = Path(__file__).with_suffix(".sty")


class part(nodes.General, nodes.Element):  # noqa: N801  # docutils names its nodes so
    """Where a part of the book begins in print; other builders show the toctree's caption.

    Attributes:
        title: The caption; empty for the pages before the first part.
        numbered: Whether the chapters that follow have numbers.
    """


def _join_numbered_toctrees(doctree: nodes.document) -> nodes.document:
    """Move the entries of all numbered toctrees of a page into its first."""
    numbered = [toctree for toctree in doctree.findall(addnodes.toctree) if toctree.get("numbered")]
    for toctree in numbered[1:]:
        numbered[0]["entries"] += toctree["entries"]
        toctree["numbered"] = 0
        toctree["entries"] = []
    return doctree


def _count_on(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Before Sphinx assigns numbers: let it see each page's numbered toctrees as one."""
    read = env.get_doctree

    def get_doctree(docname: str) -> nodes.document:
        doctree = read(docname)
        return _join_numbered_toctrees(doctree) if docname in env.numbered_toctrees else doctree

    env.get_doctree = get_doctree  # type: ignore[method-assign]
    return []


def _note_changes(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """After Sphinx assigned numbers: write every page again where any number changed, for any may refer to it."""
    del env.get_doctree  # what _count_on laid over the method
    numbers = copy.deepcopy((env.toc_secnumbers, env.toc_fignumbers))
    before, env.book_numbers = getattr(env, "book_numbers", None), numbers  # type: ignore[attr-defined]
    return [] if before in (None, numbers) else sorted(env.found_docs)


def _mark_parts(app: Sphinx, doctree: nodes.document) -> None:
    """Put a :class:`part` before each captioned toctree of the root page, and one before everything."""
    if app.env.current_document.docname != app.config.root_doc:
        return
    for toctree in list(doctree.findall(addnodes.toctree)):
        if toctree.get("caption"):
            wrapper = toctree.parent
            opening = part(title=toctree["caption"], numbered=bool(toctree.get("numbered")))
            wrapper.parent.insert(wrapper.parent.index(wrapper), opening)
    first = next(doctree.findall(nodes.section), doctree)
    first.insert(1 if isinstance(first, nodes.section) else 0, part(title="", numbered=False))


def _skip(translator: nodes.NodeVisitor, node: part) -> None:
    raise nodes.SkipNode


def _print(translator: LaTeXTranslator, node: part) -> None:
    if node["title"]:
        translator.body.append(f"\n\\bookpart{{{translator.encode(node['title'])}}}\n")
    translator.body.append(f"\\book{'numbered' if node['numbered'] else 'unnumbered'}\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> ExtensionMetadata:
    """Lay the continuous numbering around Sphinx's collector, which runs at priority 500."""
    app.add_node(
        part, html=(_skip, None), latex=(_print, None), text=(_skip, None), man=(_skip, None), texinfo=(_skip, None)
    )
    app.connect("config-inited", lambda app, config: add_style(config, STYLE))
    app.connect("doctree-read", _mark_parts)
    app.connect("env-get-updated", _count_on, priority=400)
    app.connect("env-get-updated", _note_changes, priority=600)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
