"""What Sphinx looks up anew for every reference and every page, looked up once: it gives the same each time."""

import posixpath
import re
from functools import cache
from html import escape
from typing import Any, cast
from weakref import WeakKeyDictionary

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.domains.std import StandardDomain
from sphinx.environment import BuildEnvironment
from sphinx.util.typing import ExtensionMetadata

_LISTS = re.compile(r'<(/?)(ul|li)(?: class="([^"]*)")?>')


class _Reading:
    """An environment that reads each page once. Who takes a page from it must not change the page."""

    def __init__(self, env: BuildEnvironment) -> None:
        self._env = env
        self.get_doctree = cache(env.get_doctree)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._env, name)


_READING: WeakKeyDictionary[BuildEnvironment, _Reading] = WeakKeyDictionary()


class Labels(StandardDomain):
    """Sphinx's domain of labels; it unpickles a whole page for every number of a figure, table or section there."""

    def _resolve_numref_xref(self, env: BuildEnvironment, *arguments: Any) -> nodes.Element | None:
        reading = _READING.setdefault(env, _Reading(env))
        return super()._resolve_numref_xref(reading, *arguments)  # type: ignore[arg-type]


def forget_pages(app: Sphinx, env: BuildEnvironment) -> None:
    """Forget the pages when some have been read anew."""
    _READING.pop(env, None)


def mark_current(contents: str, address: str) -> str:
    """Mark a page in a table of contents, as Sphinx does.

    Args:
        contents: Nested lists of links, in which no page is marked.
        address: Where the page's link leads.

    Returns:
        The same lists. The link leads nowhere, and it and all that it stands in are of the class ``current``.
    """
    link = f'<a class="reference internal" href="{escape(address)}">'
    before, found, after = contents.partition(link)
    if not found:
        return contents
    around: list[re.Match[str]] = []
    for tag in _LISTS.finditer(before):
        if tag[1]:
            around.pop()
        else:
            around.append(tag)
    marked, end = "", 0
    for tag in around:
        classes = f"{tag[3]} current" if tag[3] else "current"
        marked += f'{before[end : tag.start()]}<{tag[2]} class="{classes}">'
        end = tag.end()
    return f'{marked}{before[end:]}<a class="current reference internal" href="#">{after}'


def remember_contents(app: Sphinx, name: str, template: str, context: dict[str, Any], page: nodes.document) -> None:
    """Make the table of contents once for all pages of a folder; they differ in the page that is marked."""
    from_the_root = getattr(app.config, "notfound_pagename", None)  # the page that is shown at any depth
    if "toctree" not in context or name == from_the_root:
        return
    folder = posixpath.dirname(name)
    builder = cast(StandaloneHTMLBuilder, app.builder)
    made: dict[Any, str] = builder.__dict__.setdefault("_contents_of_folders", {})
    nowhere = posixpath.join(folder, "-")  # a page of the folder that has no place in the contents

    def toctree(**options: Any) -> str:
        key = (folder, *sorted(options.items()))
        if key not in made:
            made[key] = builder._get_local_toctree(nowhere, **options)
        return mark_current(made[key], builder.get_relative_uri(nowhere, name))

    context["toctree"] = toctree


def setup(app: Sphinx) -> ExtensionMetadata:
    """Replace the domain of labels, and watch the pages that are written."""
    app.add_domain(Labels, override=True)
    app.connect("env-check-consistency", forget_pages)
    app.connect("html-page-context", remember_contents, priority=400)  # before the theme uses it
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
