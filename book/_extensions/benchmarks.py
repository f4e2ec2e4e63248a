"""``{benchmark} NAME``: the report of a benchmark, out of its record in ``book/results/``.

A benchmark measures times, which no second run repeats. So it has neither claims nor seeds, and its record is shown
whole, where an experiment's numbers are quoted one by one.
"""

import functools

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

from _extensions.common import fail
from _extensions.tables import Cell, format_value, make_table
from llmguide.experiments.files import results_directory
from llmguide.experiments.records import Record, load, lookup

HEADER = ("work", "beside", "ours / theirs", "lowest to highest", "goal")


class BenchmarkDirective(SphinxDirective):
    """Show how a benchmark came out: a table of ratios, then where and when it was measured."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the table, and a paragraph on the circumstances."""
        name = self.arguments[0]
        self.env.note_dependency(str(results_directory() / f"{name}.json"))
        try:
            record = load(name)
        except (OSError, ValueError) as error:
            fail(self, f"no record of the benchmark {name!r}: {error}")
        rows = [_row(record, key) for key in record.metrics]
        versions = ", ".join(f"{package} {version}" for package, version in record.versions.items())
        circumstances = nodes.paragraph("", f"Measured on {record.date} ({record.machine}; {versions}) by ")
        circumstances += nodes.literal("", record.command)
        rounds = record.config["rounds"]
        circumstances += nodes.Text(f", in {rounds} {'round' if rounds == 1 else 'rounds'}")
        if "load" in record.config:
            start, end = (lookup(record.config, f"load.{moment}") for moment in (0, 1))
            circumstances += nodes.Text(f"; {start} processes were at work at the start and {end} at the end")
        circumstances += nodes.Text(".")
        return [make_table(HEADER, rows, row_header=False), circumstances]


def _row(record: Record, key: str) -> tuple[Cell, ...]:
    value = functools.partial(lookup, record)
    return (
        Cell(str(value(f"{key}.work"))),
        Cell(str(value(f"{key}.peer_name"))),
        Cell(format_value(value(f"{key}.ratio"), ".3g"), numeric=True),
        Cell(" to ".join(format_value(value(f"{key}.{end}"), ".3g") for end in ("low", "high")), numeric=True),
        Cell(f"{value(f'{key}.goal')}, {'met' if value(f'{key}.met') else 'missed'}"),
    )


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive; nothing is kept between builds."""
    app.add_directive("benchmark", BenchmarkDirective)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
