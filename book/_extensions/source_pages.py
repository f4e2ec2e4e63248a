"""Keep the source pages to the package, and their index a plain list."""

import importlib
import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata


def home_of(app: Sphinx, module: str, attribute: str) -> str:
    """Say which module's source page holds a name; never one of a library that the name was imported from.

    Args:
        app: Unused; Sphinx hands it to every listener.
        module: The module that documents the name.
        attribute: The name, with dots if it lies in a class.

    Example:
        >>> home_of(None, "collections", "OrderedDict"), home_of(None, "pathlib", "sys.path")
        ('collections', 'pathlib')
    """
    found: Any = importlib.import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part, None)
    home = getattr(found, "__module__", None)
    package = module.partition(".")[0]
    return home if isinstance(home, str) and home.partition(".")[0] == package else module


def flatten(body: str) -> str:
    """Make one list of the links in Sphinx's index of modules, which nests lists in a way that HTML does not allow."""
    links = re.findall(r"<a href=.*?</a>", body, flags=re.DOTALL)
    items = "".join(f"<li>{link}</li>\n" for link in links)
    return f"<h1>Source code</h1>\n<ul>\n{items}</ul>\n"


def _flatten_index(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    if pagename == "_modules/index":
        context["title"] = "Source code"
        context["body"] = flatten(context["body"])


def setup(app: Sphinx) -> ExtensionMetadata:
    """Listen to viewcode and to the writing of pages."""
    app.setup_extension("sphinx.ext.viewcode")
    app.connect("viewcode-follow-imported", home_of)
    app.connect("html-page-context", _flatten_index)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
