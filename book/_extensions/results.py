"""Recorded results in the text: ``{result}``, ``{spread}``, ``{claim}``, ``{constant}`` and ``{result-table}``.

No measured number is typed into the book. A value that is missing or stale, or a claim that does not hold, ends the
build and says where. Every value links to the experiment that it comes from.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import ReferenceRole, SphinxDirective, SphinxRole
from sphinx.util.typing import ExtensionMetadata

from _extensions.common import fail
from _extensions.latex_styles import add_style
from _extensions.recorded import ExperimentDomain, link_to_entry, read_record, source_line
from _extensions.tables import Cell, format_value, make_table
from llmguide.experiments.records import lookup

STYLE = Path(__file__).with_suffix(".sty")


class ResultRole(SphinxRole):
    """``{result}`` prints a mean over seeds, ``{spread}`` a standard deviation."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the value as a link to its experiment."""
        target, _, spec = self.text.partition("|")
        experiment, _, path = target.strip().partition(".")
        record = read_record(self, experiment)
        try:
            text = format_value(lookup(record.spread if self.name == "spread" else record, path), spec.strip())
        except (LookupError, ValueError, TypeError) as error:
            fail(self, f"{{{self.name}}}`{self.text}` of {experiment}: {error}")
        return [link_to_entry(self.env, experiment, nodes.Text(text))], []


class ClaimRole(ReferenceRole):
    """``{claim}`EXPERIMENT.CLAIM``` or ``{claim}`words of the sentence <EXPERIMENT.CLAIM>```."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the words as a link to the claim."""
        experiment, _, name = self.target.partition(".")
        record = read_record(self, experiment)
        if name not in record.claims:
            fail(self, f"{experiment} makes no claim {name!r}; there are: {', '.join(record.claims) or 'none'}")
        claim = record.claims[name]
        if not claim.holds:
            effects = ", ".join(f"{effect:.4g}" for effect in claim.effects.values())
            fail(self, f"claim {self.target!r} does not hold: effects {effects}, at least {claim.smallest_effect:g}")
        words = self.title if self.has_explicit_title else f"{name} holds"
        return [link_to_entry(self.env, experiment, nodes.Text(words), claim=name)], []


class ResultTableDirective(SphinxDirective):
    """``{result-table} CAPTION``: a table out of a record, one row for each entry at ``:path:``."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[Any] = {
        "path": directives.unchanged_required,
        "columns": directives.unchanged_required,
        "rows": directives.unchanged_required,
        "row-header": directives.unchanged_required,
        "name": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """Return the table and a line that says where it comes from."""
        for option in ("path", "columns"):
            if option not in self.options:
                fail(self, f"a result table needs `:{option}:`")
        experiment, _, path = self.options["path"].partition(".")
        record = read_record(self, experiment)
        columns = [Column.parse(text) for text in _split(self.options["columns"])]
        try:
            entries = lookup(record, path) if path else record.metrics
            spread = record.spread if any(column.spread for column in columns) else {}
            spreads = lookup(spread, path) if path and spread else spread
            rows = [
                [Cell(label), *(column.cell(_item(entries, key), spreads, key) for column in columns)]
                for key, label in self._rows(entries)
            ]
        except (LookupError, ValueError, TypeError) as error:
            fail(self, f"result table of {self.options['path']}: {error}")
        caption, messages = self.parse_inline(self.arguments[0])
        header = [self.options.get("row-header", ""), *(column.heading for column in columns)]
        if not self.options.get("row-header"):
            header, rows = header[1:], [row[1:] for row in rows]
        table = make_table(header, rows, caption, row_header="row-header" in self.options)
        table["prints"] = experiment
        self.set_source_info(table)
        self.add_name(table)
        return [table, source_line(self.env, record), *messages]

    def _rows(self, entries: object) -> list[tuple[str, str]]:
        """Pair the keys of the rows with what the reader sees of them."""
        if "rows" in self.options:
            pairs = [text.partition("|")[::2] for text in _split(self.options["rows"])]
            return [(key, label or key) for key, label in pairs]
        if isinstance(entries, Mapping):
            return [(key, key) for key in entries]
        if isinstance(entries, Sequence) and not isinstance(entries, str):
            return [(str(index), str(index)) for index in range(len(entries))]
        raise TypeError(f"{entries!r} has no entries to make rows of")


@dataclass(frozen=True)
class Column:
    """A column of a result table: where its values lie in a row's entry, and how they are written.

    Args:
        path: Path in the entry; empty if the entry is the value.
        spec: Format specification.
        heading: What the reader sees.
        spread: Whether the standard deviation is written after the mean.
    """

    path: str
    spec: str
    heading: str
    spread: bool

    @classmethod
    def parse(cls, text: str) -> "Column":
        """Read ``path|spec|Heading``; ``path±|spec|Heading`` prints the deviation too."""
        path, spec, heading = (*(part.strip() for part in text.split("|")), "", "")[:3]
        return cls(path.removesuffix("±"), spec, heading or path.removesuffix("±"), path.endswith("±"))

    def cell(self, entry: object, spreads: object, key: str) -> Cell:
        """Write the value of one row."""
        value = self._at(entry)
        text = format_value(value, self.spec)
        if self.spread:
            text += f" ± {format_value(self._at(_item(spreads, key)), self.spec)}"
        return Cell(text, numeric=not isinstance(value, str))

    def _at(self, entry: object) -> object:
        return lookup(entry, self.path) if self.path and isinstance(entry, Mapping) else entry


def _item(entries: object, key: str) -> object:
    return lookup({"row": entries}, f"row.{key}")


def _split(text: str) -> list[str]:
    """Split a list at line ends and at commas before a space: a format may hold a comma."""
    return [part.strip() for part in re.split(r",\s+|\n", text) if part.strip()]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the roles, the table, and the domain that knows where they are used."""
    app.add_domain(ExperimentDomain)
    app.add_role("result", ResultRole())
    app.add_role("spread", ResultRole())
    app.add_role("claim", ClaimRole())
    app.add_directive("result-table", ResultTableDirective)
    app.add_css_file("results.css")
    app.connect("config-inited", lambda app, config: add_style(config, STYLE))
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
