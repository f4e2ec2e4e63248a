"""Keep prose out of the place where Napoleon looks for a type.

Napoleon reads ``Returns: The number of pairs: aaa has two.`` as a type, "The number of pairs", and a description. In
this package types stand in the signature, never in a docstring, so the text of a ``Returns`` section and of an
attribute's docstring is only ever a description. Napoleon looks for the colon in the first line alone: here the first
word gets a line of its own, which reStructuredText reads as the same paragraph.
"""

import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

_SECTION = re.compile(r"\s*(Returns|Yields):\s*$")
_FIRST_WORD = re.compile(r"(\s*)(\S+) (\S.*)")


def _first_word_apart(lines: list[str], position: int) -> None:
    if found := _FIRST_WORD.fullmatch(lines[position]):
        indent, word, rest = found.groups()
        lines[position : position + 1] = [indent + word, indent + rest]


def keep_prose(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:  # noqa: PLR0917
    """Change the lines of a docstring in place, before Napoleon sees them."""
    if what in ("attribute", "data", "property") and lines:
        _first_word_apart(lines, 0)
    for position in reversed(range(len(lines) - 1)):
        if _SECTION.fullmatch(lines[position]):
            _first_word_apart(lines, position + 1)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Run before Napoleon, whose handler has priority 500."""
    app.connect("autodoc-process-docstring", keep_prose, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
