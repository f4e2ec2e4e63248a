"""What every page says about itself: its description, its edition, where to report an error.

What needs a public address is left out while ``html_baseurl`` or ``repository_url`` is empty.
"""

import platform
import re
from datetime import date
from html import escape
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

import sphinx
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole
from sphinx.util.typing import ExtensionMetadata

import llmguide

DESCRIPTION_LENGTH = 200
PLACES = {"genindex": "Every name and term in", "search": "Search in", "py-modindex": "The Python modules of"}


def describe(doctree: nodes.document) -> str:
    """Return the beginning of a page's first paragraph, cut between words; empty if the page has no text of its own."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section | nodes.document):
            text = " ".join(paragraph.astext().split())
            if len(text) <= DESCRIPTION_LENGTH:
                return text
            return text[:DESCRIPTION_LENGTH].rsplit(" ", 1)[0].rstrip(",;:") + "…"
    return ""


def meta_tags(properties: dict[str, str]) -> str:
    """Return the meta elements; what is empty is left out."""
    return "".join(
        f'<meta {"property" if name.startswith("og:") else "name"}="{name}" content="{escape(value)}">\n'
        for name, value in properties.items()
        if value
    )


def _describe_page(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    config, existing = app.config, context.get("metatags") or ""
    title = re.sub(r"<[^>]*>", "", context.get("title") or config.project)
    written = re.search(r'<meta[^>]*content="([^"]*)"[^>]*name="description"', existing)
    if written:
        description = written[1]
    else:
        description = describe(doctree) if doctree else ""
        description = description or f"{PLACES.get(pagename, f'{title}, a page of')} the book {config.project}."
    properties = {
        "description": "" if written else description,
        "og:type": "book" if pagename == config.root_doc else "article",
        "og:title": title,
        "og:site_name": config.project,
        "og:description": description,
        "og:url": context.get("pageurl") or "",
    }
    context["metatags"] = existing + meta_tags(properties)
    context["released"] = f"{config.released:%-d %B %Y}" if config.released else ""
    context["download_name"] = re.sub(r"[^a-z0-9]+", "-", config.project.lower()).strip("-")
    if config.repository_url:
        question = quote(f"Error on the page {pagename}, version {config.version}")
        context["report_url"] = f"{config.repository_url.rstrip('/')}/issues/new?title={question}"


class VersionRole(SphinxRole):
    """``{version-of}`` prints the version of the book or of a tool that built it, so that none is typed."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the version as text."""
        versions = {
            "book": self.config.release,
            "llmguide": llmguide.__version__,
            "python": platform.python_version(),
            "sphinx": sphinx.__display_version__,
            "furo": version("furo"),
        }
        if self.text not in versions:
            message = self.inliner.reporter.error(
                f"No version of {self.text!r} is known; known are {', '.join(versions)}.", line=self.lineno
            )
            return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]
        return [nodes.Text(versions[self.text])], []


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the settings, the role, and what is said on each page."""
    for name, default, kind in (("repository_url", "", str), ("released", None, date)):
        if name not in app.config:  # another extension may use the same setting
            app.add_config_value(name, default, "html", frozenset({kind}))
    app.setup_extension("_extensions.source_pages")
    app.add_role("version-of", VersionRole())
    app.connect("html-page-context", _describe_page)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
