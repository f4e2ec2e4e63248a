r"""Tables that fit the printed page.

A table is measured before it is set: it keeps its natural width where that fits the line; else its columns share the
line by what they hold, none narrower than its longest word, and the type shrinks as far as it must. What does not fit
even so is turned on its side. Columns of numbers are flush right.
"""

import re
from dataclasses import dataclass
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform

LINE, LONG_LINE = 421.0, 674.0  # points: the line of prose, and that of a page turned on its side
CHARACTER = 0.52  # average width of a character, in em
LONG_TABLE = 12  # rows beyond which a table may go on over the page
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


def lay_out(columns: list[Column]) -> tuple[Type, bool, str]:
    """Choose the type, whether the table lies on its side, and LaTeX's column specification."""
    words = sum(column.word for column in columns)
    for line in (LINE, LONG_LINE):
        for type_ in TYPES:
            if words <= type_.room(line, len(columns)):
                return type_, line == LONG_LINE, _specify(columns, type_, line)
    return TYPES[-1], True, _specify(columns, TYPES[-1], LONG_LINE)


def _specify(columns: list[Column], type_: Type, line: float) -> str:
    words, natural = sum(column.word for column in columns), sum(column.natural for column in columns)
    share = min((type_.room(line, len(columns)) - words) / max(natural - words, 1), 1)
    specification = ""
    for column in columns:
        # Sphinx sets each cell as a paragraph: every column needs a width, also where the table has room to spare.
        points = (column.word + share * (column.natural - column.word)) * CHARACTER * type_.size
        side = "left" if column.number else "right"
        specification += rf">{{\ragged{side}\arraybackslash}}p{{{points:.1f}pt}}"
    return specification


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
            if len(rows) > LONG_TABLE:
                table["classes"].append("longtable")
            head = group.next_node(nodes.thead)
            type_, on_side, specification = lay_out(measure(rows, len(head) if head else 0))
            start, end = rf"\begingroup{type_.command}\setlength{{\tabcolsep}}{{{type_.gap}pt}}", r"\endgroup"
            if on_side:
                start, end = rf"\begin{{landscape}}{start}", rf"{end}\end{{landscape}}"
            table.replace_self(
                [
                    nodes.raw("", start, format="latex"),
                    addnodes.tabular_col_spec(spec=specification),
                    table,
                    nodes.raw("", end, format="latex"),
                ]
            )
