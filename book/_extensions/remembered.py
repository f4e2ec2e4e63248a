"""What Sphinx looks up anew for every reference and every page, looked up once: it gives the same each time."""

import posixpath
from collections.abc import Callable
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.domains.std import StandardDomain
from sphinx.environment import BuildEnvironment
from sphinx.util.typing import ExtensionMetadata


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


def remember_contents(app: Sphinx, name: str, template: str, context: dict[str, Any], page: nodes.document) -> None:
    """Make the table of contents once for all sources of a folder: none of them has a place in it."""
    if not name.startswith("_modules/") or "toctree" not in context:
        return
    made: dict[Any, str] = app.builder.__dict__.setdefault("_contents_of_folders", {})
    make: Callable[..., str] = context["toctree"]

    def toctree(**options: Any) -> str:
        key = (posixpath.dirname(name), *sorted(options.items()))
        if key not in made:
            made[key] = make(**options)
        return made[key]

    context["toctree"] = toctree


def setup(app: Sphinx) -> ExtensionMetadata:
    """Replace the domain of labels, and watch the pages that are written."""
    app.add_domain(Labels, override=True)
    app.connect("env-check-consistency", forget_pages)
    app.connect("html-page-context", remember_contents, priority=400)  # before the theme uses it
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
