"""Words for the pictures that a notebook's cells show, for readers who cannot see them.

A cell says them as metadata of what it displays, where Jupyter keeps them too::

    display(figure, metadata={"image/png": {"alt": "Two lines that cross."}})

nbsphinx passes a picture's width and height on, and not its words.
"""

import nbsphinx
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.typing import ExtensionMetadata

_WIDTH = "{%- set width = output.metadata[datatype].width %}"
_WORDS = """{%- if output.metadata[datatype].alt %}
        :alt: {{ output.metadata[datatype].alt | replace('\\n', ' ') }}
{%- endif %}
"""


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
    if template.count(_WIDTH) != 1:
        raise ExtensionError("nbsphinx's template has no longer the line before which a picture's words belong")
    return template.replace(_WIDTH, _WORDS + _WIDTH)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Change nbsphinx's template, which it reads for each notebook."""
    nbsphinx.RST_TEMPLATE = with_words(nbsphinx.RST_TEMPLATE)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
