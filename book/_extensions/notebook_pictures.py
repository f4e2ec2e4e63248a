"""What nbsphinx leaves out of a notebook's page: the words for its pictures, and the notebook itself as a file.

The words are for readers who cannot see the pictures. A cell says them as metadata of what it displays, where Jupyter
keeps them too::

    display(figure, metadata={"image/png": {"alt": "Two lines that cross."}})

nbsphinx passes a picture's width and height on, and not its words. Jupyter shows a picture as PNG; the book has it
drawn as SVG for the screen and as PDF for print, which are given the same words.
"""

from pathlib import PurePosixPath

import nbsphinx
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.typing import ExtensionMetadata

from _extensions.recorded import download_of

_PICTURE = ".. image:: {{ output.metadata.filenames[datatype] | posix_path }}"
_WORDS = """
{%- set words = output.metadata.values() | map(attribute='alt') | select | first %}
{%- if words %}
        :alt: {{ words | replace('\\n', ' ') }}
{%- endif %}"""


def with_words(template: str) -> str:
    """Let nbsphinx's template pass on a picture's alternative text.

    Args:
        template: The template, which turns a notebook into reStructuredText.

    Returns:
        The template with the option; unchanged if it has it.

    Raises:
        ExtensionError: If the place for it is not found, because nbsphinx has changed.
    """
    if _WORDS in template:
        return template
    if template.count(_PICTURE) != 1:
        raise ExtensionError("nbsphinx's template has no longer the line after which a picture's words belong")
    return template.replace(_PICTURE, _PICTURE + _WORDS)


def offer_file(app: Sphinx, doctree: nodes.document) -> None:
    """Offer a notebook for download below the title of its page; only web pages can."""
    docname = app.env.current_document.docname
    file = PurePosixPath(app.env.doc2path(docname, base=False))
    title = next(doctree.findall(nodes.title), None)
    if file.suffix != ".ipynb" or title is None:
        return
    link = download_of(app.env, f"/{file}", nodes.literal("", file.name))
    line = nodes.paragraph("", "This page as a notebook: ", link)
    title.parent.insert(title.parent.index(title) + 1, nodes.container("", line, classes=["notebook-file", "web-only"]))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Change nbsphinx's template, which it reads for each notebook, and the page that comes of it."""
    nbsphinx.RST_TEMPLATE = with_words(nbsphinx.RST_TEMPLATE)
    app.connect("doctree-read", offer_file, priority=400)  # before Sphinx collects what can be downloaded
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
