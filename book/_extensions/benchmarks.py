"""``{benchmark} NAME``: the report of a benchmark, out of its record in ``book/results/``.

A benchmark measures times, which no second run repeats. So it has neither claims nor seeds, and its record is shown
whole, where an experiment's numbers are quoted one by one. Nor does a changed source make it stale, as it does an
experiment's: it is of its day, and the page says whether what it timed has changed since.

The directive's content says why goals are missed: on each line the rows that it is about, as patterns of their keys, a
colon, and the reason, in which ``{PATH|FORMAT}`` and ``{PATH / PATH|FORMAT}`` print numbers of the record. A line is
shown if one of its rows misses its goal, and a missed row without a reason ends the build.
"""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

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
SHARE = "products / ours"
_NUMBER = re.compile(r"\{([^{}|]+)\|([^{}|]+)\}")


class BenchmarkDirective(SphinxDirective):
    """Show how a benchmark came out: a table of ratios, why goals are missed, and where and when it was measured."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the table, a list of reasons if a goal is missed, and a paragraph on the circumstances."""
        name = self.arguments[0]
        self.env.note_dependency(str(results_directory() / f"{name}.json"))
        try:
            record = load(name)
        except (OSError, ValueError) as error:
            fail(self, f"no record of the benchmark {name!r}: {error}")
        shares = any("share" in row for row in record.metrics.values() if isinstance(row, dict))
        rows = [_row(record, key, shares=shares) for key in record.metrics]
        try:
            reasons = explain(record, self.content)
        except (LookupError, ValueError, TypeError) as error:
            fail(self, f"{{benchmark}} {name}: {error}")
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
        header = (*HEADER, SHARE) if shares else HEADER
        return [make_table(header, rows, row_header=False), *self._reasons(reasons), circumstances]

    def _reasons(self, reasons: list["Reason"]) -> list[nodes.Node]:
        """Make a list of the reasons, each behind the work that it is about."""
        if not reasons:
            return []
        items = []
        for reason in reasons:
            inline, messages = self.parse_inline(reason.text)
            paragraph = nodes.paragraph("", "", nodes.emphasis("", reason.rows), nodes.Text(": "), *inline)
            items.append(nodes.list_item("", paragraph, *messages))
        return [nodes.paragraph("", "Why goals are missed:"), nodes.bullet_list("", *items)]


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


@dataclass
class Reason:
    """Why some rows miss their goals.

    Args:
        patterns: Which rows it is about.
        text: The reason, with the numbers filled in.
        missed: Work and peer of those that do miss their goals.
    """

    patterns: list[str]
    text: str
    missed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def rows(self) -> str:
        """The missed rows in words, those of one peer together."""
        peers = dict.fromkeys(peer for _, peer in self.missed)
        return "; ".join(
            f"{'; '.join(work for work, of in self.missed if of == peer)}, beside {peer}" for peer in peers
        )


def explain(record: Record, lines: Iterable[str]) -> list[Reason]:
    """Pair the missed rows of a benchmark with the reasons that a page gives.

    Args:
        record: The benchmark's record.
        lines: Of each reason the patterns of its rows, a colon and the text. A row takes the first that fits.

    Returns:
        The reasons that missed rows have.

    Raises:
        ValueError: If a missed row has no reason, or a line has no colon.
        LookupError: If a reason prints a number that the record does not have.
        TypeError: If it divides what are no numbers.
    """
    reasons = []
    for line in filter(str.strip, lines):
        patterns, colon, text = line.partition(": ")
        if not colon:
            raise ValueError(f"{line!r} does not say which rows it is about, in front of a colon")
        reasons.append(Reason(patterns.split(), _NUMBER.sub(functools.partial(_fill, record), text)))
    for key in record.metrics:
        if lookup(record, f"{key}.met"):
            continue
        fitting = [reason for reason in reasons if any(fnmatchcase(key, pattern) for pattern in reason.patterns)]
        if not fitting:
            raise ValueError(f"{key} misses its goal, and the page does not say why")
        fitting[0].missed.append((str(lookup(record, f"{key}.work")), str(lookup(record, f"{key}.peer_name"))))
    return [reason for reason in reasons if reason.missed]


def _fill(record: Record, found: re.Match[str]) -> str:
    """Print a number of the record, or the quotient of two."""
    values = [lookup(record, path.strip()) for path in found[1].split("/")]
    if len(values) == 1:
        return format_value(values[0], found[2])
    above, below = values
    if not (isinstance(above, int | float) and isinstance(below, int | float)):
        raise TypeError(f"{found[1]} is no quotient of two numbers")
    return format_value(above / below, found[2])


def _row(record: Record, key: str, *, shares: bool) -> tuple[Cell, ...]:
    value = functools.partial(lookup, record)
    measured = record.metrics[key]
    share = measured.get("share") if isinstance(measured, dict) else None
    share_cell = Cell("" if share is None else format_value(share, ".0%"), numeric=True)
    return (
        Cell(str(value(f"{key}.work"))),
        Cell(str(value(f"{key}.peer_name"))),
        Cell(format_value(value(f"{key}.ratio"), ".3g"), numeric=True),
        Cell(" to ".join(format_value(value(f"{key}.{end}"), ".3g") for end in ("low", "high")), numeric=True),
        Cell(f"{value(f'{key}.goal')}, {'met' if value(f'{key}.met') else 'missed'}"),
        *((share_cell,) if shares else ()),
    )


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive; nothing is kept between builds."""
    app.add_directive("benchmark", BenchmarkDirective)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
