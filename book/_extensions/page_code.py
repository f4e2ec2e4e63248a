"""The code that the book's pages promise to run: ``{testcode}`` blocks, found in the Markdown without building it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_OPENING = re.compile(r"^(?P<fence>`{3,}|:{3,})\{(?P<directive>[\w-]+)\}\s*(?P<argument>.*)$")
_OTHER = re.compile(r"^(?P<fence>`{3,}|~{3,})")


@dataclass(frozen=True)
class Block:
    """A directive of a page.

    Args:
        directive: Its name.
        argument: What follows the name.
        line: Line of the page on which its content begins, from one.
        content: Its lines, options included.
        inner: The directives inside it.
    """

    directive: str
    argument: str
    line: int
    content: tuple[str, ...]
    inner: tuple["Block", ...] = field(default=())

    @property
    def code(self) -> str:
        """The content, moved to its line of the page, so that a traceback gives the page's lines."""
        return "\n" * (self.line - 1) + "\n".join(self.content)


@dataclass(frozen=True)
class PageCode:
    """Code to run in a namespace of its own.

    Args:
        page: The Markdown file.
        exercise: Name of the exercise that it solves; empty for the code in a page's text.
        parts: Blocks to run one after the other, hidden set-up first.
        prose: Whether the solution says that it needs no code.
    """

    page: Path
    exercise: str
    parts: tuple[str, ...]
    prose: bool = False

    def run(self) -> None:
        """Run the code; whatever it raises comes through."""
        namespace: dict[str, object] = {"__name__": "__testcode__"}
        for part in self.parts:
            exec(compile(part, str(self.page), "exec"), namespace)


def code_of(page: Path) -> Iterator[PageCode]:
    """Find what a page promises to run.

    Args:
        page: A Markdown file.

    Yields:
        The code of each solution, with the set-up that precedes it, and that of the text as a whole.
    """
    setup: list[str] = []
    text: list[str] = []
    for block in blocks(page.read_text("utf-8").splitlines()):
        if block.directive == "testsetup":
            setup.append(block.code)
            text.append(block.code)
        elif block.directive == "solution":
            parts = tuple(inner.code for inner in _flat(block) if inner.directive in {"testcode", "testsetup"})
            solved = any(inner.directive == "testcode" for inner in _flat(block))
            prose = any(line.startswith(":prose:") for line in block.content)
            yield PageCode(page, block.argument.strip(), (*setup, *parts) if solved else (), prose)
        else:
            text += [inner.code for inner in (block, *_flat(block)) if inner.directive == "testcode"]
    if len(text) > len(setup):
        yield PageCode(page, "", tuple(text))


def blocks(lines: list[str], first_line: int = 1) -> Iterator[Block]:
    """Find the fenced directives of some lines, each with those inside it.

    Args:
        lines: Lines of Markdown.
        first_line: Number of the first of them.

    Yields:
        The outermost directives.
    """
    position = 0
    while position < len(lines):
        opening = _OPENING.match(lines[position]) or _OTHER.match(lines[position])
        position += 1
        if not opening:
            continue
        start = position
        fence = opening["fence"]
        closing = re.compile(rf"^{re.escape(fence[0])}{{{len(fence)},}}\s*$")
        while position < len(lines) and not closing.match(lines[position]):
            position += 1
        content = lines[start:position]
        position += 1
        if "directive" in opening.groupdict():
            inner = () if opening["directive"].startswith("test") else tuple(blocks(content, first_line + start))
            yield Block(opening["directive"], opening["argument"], first_line + start, tuple(content), inner)


def _flat(block: Block) -> Iterator[Block]:
    for inner in block.inner:
        yield inner
        yield from _flat(inner)
