"""The pages of the book's chapters: those of its numbered toctrees, so that no test forgets a part."""

import re
from pathlib import Path

BOOK = Path(__file__).parents[2] / "book"
_TOCTREE = re.compile(r"^```\{toctree\}\n((?::.*\n)*)\n((?:\S+\n)*)```", re.MULTILINE)


def numbered_pages(index: str) -> list[str]:
    """Return the names of the pages in the numbered toctrees of a page's text."""
    return [name for options, names in _TOCTREE.findall(index) if ":numbered:" in options for name in names.split()]


CHAPTERS = numbered_pages((BOOK / "index.md").read_text("utf-8"))
"""For example ``foundations/attention``."""

TEXTS = [*CHAPTERS, "reference/world-model"]
"""The chapters, and the page outside them that explains as they do."""
