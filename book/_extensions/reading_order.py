"""Deals out the pages whose code runs when they are read, so that no process waits for another that has them all.

Sphinx gives each process a run of neighbours in the alphabet, and the chapters are neighbours.
"""

from collections.abc import Callable, Sequence

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.parallel import make_chunks
from sphinx.util.typing import ExtensionMetadata


def deal(names: Sequence[str], processes: int, size: Callable[[str], int]) -> list[str]:
    """Put the names of pages into the order in which they are read.

    Args:
        names: All pages that are read.
        processes: How many read side by side.
        size: Gives the size of a page that a person wrote, and 0 for one whose text is generated.

    Returns:
        The pages by size, dealt to the first run of each process; each is filled up with pages of size 0.
    """
    written = sorted(filter(size, names), key=lambda name: (-size(name), name))
    generated = [name for name in names if not size(name)]
    length = len(make_chunks(names, processes)[0]) if names else 0
    hands = [written[first::processes] for first in range(processes)]
    if len(hands[0]) > length:
        return list(names)
    order: list[str] = []
    for hand in hands:
        filling = length - len(hand)
        order += hand + generated[:filling]
        generated = generated[filling:]
    return order + generated


def order_pages(app: Sphinx, env: BuildEnvironment, names: list[str]) -> None:
    """Deal out the pages that are to be read."""

    def size(name: str) -> int:
        return 0 if name.startswith("api/") else env.doc2path(name).stat().st_size

    if app.parallel > 1:
        names[:] = deal(names, app.parallel, size)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Watch for the list of pages."""
    app.connect("env-before-read-docs", order_pages, priority=900)  # after all who add pages to it
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
