"""``{benchmark} NAME``: the report of a benchmark, out of its record in ``book/results/``.

A benchmark measures times, which no second run repeats. So it has neither claims nor seeds, and its record is shown
whole, where an experiment's numbers are quoted one by one. Nor does a changed source make it stale, as it does an
experiment's: it is of its day, and the page says whether what it timed has changed since.
"""

import functools

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

from _extensions.common import fail, note_files
from _extensions.tables import Cell, format_value, make_table
from llmguide.experiments.files import results_directory
from llmguide.experiments.fingerprint import source_of
from llmguide.experiments.records import Record, changed_sources, load, lookup

HEADER = ("work", "beside", "ours / theirs", "lowest to highest", "goal")
MOST_NAMES = 3


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
        circumstances += nodes.Text(f". {state_of(record)}")
        note_files(self.env, [path for path in map(source_of, record.fingerprint) if path is not None])
        return [make_table(HEADER, rows, row_header=False), circumstances]


def state_of(record: Record) -> str:
    """Say whether what a benchmark timed is what there is today.

    Args:
        record: The benchmark's record.

    Returns:
        A sentence.
    """
    if not record.fingerprint:
        return "It is of an earlier state of the package, of which it kept no checksums."
    changed = changed_sources(record)
    if not changed:
        return "The code and the texts are the same today."
    count = f"{len(changed)} of its {len(record.fingerprint)} sources"
    shown = ", ".join(changed[:MOST_NAMES]) + (", …" if len(changed) > MOST_NAMES else "")
    return f"It is of an earlier state of the package: since then {count} changed ({shown})."


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
