"""Tables out of computed values, the same for every extension that makes one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from docutils import nodes

_EXPONENT = re.compile(r"^(.*\d)e([+-]\d+)$")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def format_value(value: object, spec: str) -> str:
    """Write a value as it stands in a sentence.

    Args:
        value: A number or a string.
        spec: A format specification of Python, such as ``.1%``.

    Returns:
        The text, with a true minus sign, and powers of ten where the format gives an exponent.

    Raises:
        ValueError: If the specification does not fit the value.
        TypeError: If the value is neither a number nor a string.

    Example:
        >>> format_value(-0.000123, ".1e")
        '−1.2 × 10⁻⁴'
    """
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        raise TypeError(f"{value!r} is neither a number nor a string")
    text = format(value, spec)
    if isinstance(value, str):
        return text
    if parts := _EXPONENT.match(text):
        text = f"{parts[1]} × 10{str(int(parts[2])).translate(_RAISED)}"
    return text.replace("-", "−")


@dataclass(frozen=True)
class Cell:
    """One entry of a table.

    Args:
        text: What it says.
        numeric: Whether it belongs to the right, with figures of one width.
        code: Whether it is set as code.
    """

    text: str
    numeric: bool = False
    code: bool = False

    def node(self) -> nodes.entry:
        """Return the entry."""
        content = nodes.literal(self.text, self.text) if self.code else nodes.Text(self.text)
        paragraph = nodes.paragraph("", "", content) if self.text else nodes.paragraph()
        return nodes.entry("", paragraph, classes=["numeric"] if self.numeric else [])


def make_table(
    header: Sequence[str], rows: Sequence[Sequence[Cell]], caption: Sequence[nodes.Node] = (), *, row_header: bool
) -> nodes.table:
    """Make a table.

    Args:
        header: The columns' headings.
        rows: As many cells each.
        caption: The content of its caption, if it has one.
        row_header: Whether the first column names the rows.

    Returns:
        The table. How wide its columns are is the output's matter.
    """
    numeric = [all(row[column].numeric for row in rows) for column in range(len(header))]
    group = nodes.tgroup(cols=len(header))
    for column in range(len(header)):
        specification = nodes.colspec(colwidth=1)
        if row_header and column == 0:
            specification["stub"] = 1
        group += specification
    headings = [Cell(text, numeric=right).node() for text, right in zip(header, numeric, strict=True)]
    group += nodes.thead("", nodes.row("", *headings))
    group += nodes.tbody("", *(nodes.row("", *(cell.node() for cell in row)) for row in rows))
    table = nodes.table("", classes=["computed"])
    if caption:
        table += nodes.title("", "", *caption)
    table += group
    return table
