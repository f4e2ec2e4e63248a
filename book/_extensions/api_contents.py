"""Beside each page, which pages of the API reference the contents list: the packages, and the modules of its own."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

_ENTRY = re.compile(r'<li class="[^"]*"><a class="[^"]*" href="(?:[^"]*/)?(?P<page>[^"/]*)\.html">[^<]*</a></li>\n')


def leave_out_other_modules(contents: str, package: str, beside: str) -> str:
    r"""Leave the modules out that lie in a package at whose pages the reader is not looking.

    Args:
        contents: Nested lists of links. The page that is shown has a link that leads nowhere, and stays.
        package: The name of the package that is documented.
        beside: The page that is shown; if it documents a module, the modules beside that one stay.

    Example:
        >>> item = '<li class="toctree-l2"><a class="reference" href="{0}.html">{0}</a></li>\n'.format
        >>> pages = "toy", "toy.text", "toy.text.bpe", "toy.model", "toy.model.block"
        >>> kept = leave_out_other_modules("".join(map(item, pages)), "toy", "api/toy.text")
        >>> [page for page in pages if item(page) in kept]
        ['toy', 'toy.text', 'toy.text.bpe', 'toy.model']
    """

    def stay(entry: re.Match[str]) -> str:
        top, *path = entry["page"].split(".")
        return "" if top == package and len(path) > 1 and [top, path[0]] != here else entry[0]

    here = beside.rpartition("/")[2].split(".")[:2]
    return _ENTRY.sub(stay, contents)


def _shorten(app: Sphinx, name: str, template: str, context: dict[str, Any], page: nodes.document | None) -> None:
    if whole := context.get("toctree"):
        context["toctree"] = lambda **options: leave_out_other_modules(whole(**options), app.config.api_package, name)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Shorten the contents before the theme uses them."""
    app.setup_extension("_extensions.api_pages")
    app.setup_extension("_extensions.remembered")
    app.connect("html-page-context", _shorten, priority=450)  # after the whole contents have been made
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
