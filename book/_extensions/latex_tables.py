r"""Tables that fit the printed page.

A table is measured before it is set: it keeps its natural width where that fits the line; else its columns share the
line by what they hold, none narrower than its longest word, and the type shrinks as far as it must. What does not fit
even so is turned on its side. Columns of numbers are flush right.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform

LINE, LONG_LINE = 420.0, 660.0  # points: the line of prose, and that of a page turned on its side
CHARACTER = 0.52  # average width of a character, in em
LONG_TABLE = 16  # lines beyond which a table may go on over the page
LONGEST = 48  # characters beyond which a cell is a paragraph and claims no more width

_NUMBER = re.compile(r"[-+−±≈<>≤≥]?\s*[\d.,]+(\s*(%|×|±\s*[\d.,]+|[kMGT]?B|s|ms))?|[–—-]?")
_BREAKS = re.compile(r"\s+|(?<=[-_./(=,:–])|(?<=\w{12})(?=\w{12})")


@dataclass(frozen=True)
class Type:
    """A size of type for tables.

    Attributes:
        command: The LaTeX command.
        size: Its size in points.
        gap: Half the space between two columns, in points.
    """

    command: str
    size: float
    gap: float

    def room(self, line: float, columns: int) -> float:
        """Return how many characters the columns hold together."""
        return (line - 2 * self.gap * columns) / (CHARACTER * self.size)


TYPES = (Type(r"\small", 10, 5), Type(r"\footnotesize", 9, 4), Type(r"\scriptsize", 8, 3))


@dataclass(frozen=True)
class Column:
    """What a column needs, in characters.

    Attributes:
        word: Its longest word, which must not be broken.
        natural: Its longest cell.
        number: Whether its body holds numbers only.
    """

    word: int
    natural: int
    number: bool


def measure(rows: list[list[str]], heads: int) -> list[Column]:
    """Measure the columns of a table of which the first ``heads`` rows are its head."""
    columns = []
    for cells in zip(*rows, strict=True):
        words = [len(word) for cell in cells for word in _BREAKS.split(cell)]
        natural = [min(len(line), LONGEST) for cell in cells for line in cell.splitlines()]
        body = [cell.strip() for cell in cells[heads:]]
        number = any(body) and all(_NUMBER.fullmatch(cell) for cell in body)
        columns.append(Column(max(words, default=1) + 1, max(natural, default=1) + 1, number))
    return columns


def lay_out(columns: list[Column]) -> tuple[Type, bool, list[float]]:
    """Choose the type, whether the table lies on its side, and the width of each column in characters."""
    words, natural = sum(column.word for column in columns), sum(column.natural for column in columns)
    type_, line = next(
        ((type_, line) for line in (LINE, LONG_LINE) for type_ in TYPES if words <= type_.room(line, len(columns))),
        (TYPES[-1], LONG_LINE),
    )
    share = min((type_.room(line, len(columns)) - words) / max(natural - words, 1), 1)
    return type_, line == LONG_LINE, [column.word + share * (column.natural - column.word) for column in columns]


def specify(columns: list[Column], type_: Type, widths: list[float]) -> str:
    """Return LaTeX's column specification.

    Sphinx sets each cell as a paragraph: every column needs a width, also where the table has room to spare.
    """
    sides = ["left" if column.number else "right" for column in columns]
    points = [width * CHARACTER * type_.size for width in widths]
    return "".join(
        rf">{{\ragged{side}\arraybackslash}}p{{{width:.1f}pt}}" for side, width in zip(sides, points, strict=True)
    )


def height(rows: list[list[str]], widths: list[float]) -> int:
    """Return about how many lines the rows take."""
    return sum(max(math.ceil(len(cell) / width) for cell, width in zip(row, widths, strict=True)) for row in rows)


class FitTables(SphinxPostTransform):
    """Lay every table out that no ``tabularcolumns`` directive lays out."""

    default_priority = 700
    formats = ("latex",)

    def run(self, **_: Any) -> None:
        """Give each table its column specification and its type."""
        for table in list(self.document.findall(nodes.table)):
            group = table.next_node(nodes.tgroup)
            before = table.parent.index(table) - 1
            given = before >= 0 and isinstance(table.parent[before], addnodes.tabular_col_spec)
            entries = list(table.findall(nodes.entry))
            if given or group is None or any("morecols" in entry or "morerows" in entry for entry in entries):
                continue
            rows = [[entry.astext() for entry in row.findall(nodes.entry)] for row in table.findall(nodes.row)]
            if any(len(row) != group["cols"] for row in rows):  # a table within a cell
                continue
            head = group.next_node(nodes.thead)
            columns = measure(rows, len(head) if head else 0)
            type_, on_side, widths = lay_out(columns)
            table["align"] = "left"  # as its caption
            # A short table stays together with its caption; a long one may go on over the page.
            lines = height(rows, widths)
            if lines > LONG_TABLE:
                table["classes"].append("longtable")
            together = LONG_TABLE // 2 if lines > LONG_TABLE else lines
            space = rf"\needspace{{{together + 4}\baselineskip}}"
            start = rf"\begingroup{type_.command}{space}\setlength{{\tabcolsep}}{{{type_.gap}pt}}"
            end = r"\endgroup"
            if on_side:
                start, end = rf"\begin{{landscape}}{start}", rf"{end}\end{{landscape}}"
            table.replace_self(
                [
                    nodes.raw("", start, format="latex"),
                    addnodes.tabular_col_spec(spec=specify(columns, type_, widths)),
                    table,
                    nodes.raw("", end, format="latex"),
                ]
            )
