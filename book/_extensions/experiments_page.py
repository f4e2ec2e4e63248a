"""The page of experiments, ``{experiments-index}``: every experiment with its claims, its run and where it is used."""

import html
import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

import llmguide.experiments
from _extensions.common import fail, heading_of, link
from _extensions.recorded import ExperimentDomain, download, entry_label, read_record
from _extensions.tables import Cell, format_value, make_table
from llmguide.experiments import all_experiments
from llmguide.experiments.framework import AnyExperiment
from llmguide.experiments.records import ClaimResult, Record, is_number

MOST_ROWS = 40  # a longer list of numbers is folded, and left to the record where nothing can be folded


class UsedIn(nodes.General, nodes.TextElement):
    """Where the links to the sections that print from ``node["experiment"]`` will stand."""


class ExperimentsIndexDirective(SphinxDirective):
    """``{experiments-index}``: a section for each experiment."""

    def run(self) -> list[nodes.Node]:
        """Return the sections."""
        self.state.document["experiments-index"] = experiment_modules()
        return [self._section(experiment) for experiment in all_experiments()]

    def _section(self, experiment: AnyExperiment) -> nodes.section:
        record = read_record(self, experiment.name)
        if failed := [name for name, claim in record.claims.items() if not claim.holds]:
            fail(
                self, f"{experiment.name}: a claim does not hold ({', '.join(failed)}): correct the text that makes it"
            )
        section = nodes.section(classes=["experiment"])
        self._label(section, entry_label(experiment.name))
        section += nodes.title("", record.title)
        section += nodes.paragraph("", _question(experiment.module))
        if record.claims:
            claims = [self._claim(record, name, claim) for name, claim in record.claims.items()]
            section += nodes.definition_list("", *claims, classes=["claims"])
        section += nodes.field_list("", *self._fields(experiment, record), classes=["run"])
        section += list(_numbers(record))
        return section

    def _claim(self, record: Record, name: str, claim: ClaimResult) -> nodes.definition_list_item:
        effects = [f"{_brief(effect)} (seed {seed})" for seed, effect in claim.effects.items()]
        term = nodes.term("", claim.statement)
        self._label(term, entry_label(record.experiment, name))
        smallest = f"{claim.smallest_effect:g}".replace("-", "−")
        wanted = f"Smallest effect of interest: {smallest}. Measured: {', '.join(effects)}. "
        holds = nodes.paragraph("", wanted, nodes.strong("", "The claim holds."))
        return nodes.definition_list_item("", term, nodes.definition("", holds))

    def _fields(self, experiment: AnyExperiment, record: Record) -> Iterator[nodes.field]:
        seeds = ", ".join(map(str, record.seeds))
        module = self._reference("py", "mod", experiment.module, nodes.literal("", experiment.module))
        yield _field("Explained in", self._reference("std", "ref", experiment.explained_in))
        yield _field("Used in", UsedIn(experiment=experiment.name))
        yield _field("Code", module)
        yield _field("Command", nodes.literal("", record.command))
        yield _field("Settings", *_settings(record.config))
        yield _field("Seeds", nodes.Text(seeds))
        yield _field("Run", nodes.Text(f"{record.date}, {_duration(record.wall_seconds)}, {record.machine}"))
        yield _field("Versions", nodes.Text(", ".join(f"{name} {number}" for name, number in record.versions.items())))
        file = nodes.literal("", f"{record.experiment}.json")
        yield _field("Record", download(self.env, record.experiment, file))

    def _reference(self, domain: str, kind: str, target: str, content: nodes.Node | None = None) -> nodes.Node:
        inner = nodes.inline("", "", *([content] if content else [nodes.Text(target)]))
        explicit = {"refexplicit": content is not None, "refwarn": True, "refdoc": self.env.docname}
        return addnodes.pending_xref("", inner, refdomain=domain, reftype=kind, reftarget=target, **explicit)

    def _label(self, node: nodes.Element, label: str) -> None:
        """Give a node a label that the whole book can refer to."""
        node["ids"], node["names"] = [label], [label]
        self.set_source_info(node)
        self.state.document.note_explicit_target(node, node)


class LinkUses(SphinxPostTransform):
    """Fill in the sections that print from each experiment."""

    default_priority = 4

    def run(self, **kwargs: Any) -> None:
        """Replace every :class:`UsedIn`."""
        domain = cast(ExperimentDomain, self.env.domains["experiment"])
        for node in list(self.document.findall(UsedIn)):
            links: list[nodes.Node] = []
            for place in domain.uses(node["experiment"]):
                heading = nodes.inline("", heading_of(self.env, place))
                reference = link(self.app.builder, self.env.docname, place.docname, place.anchor, heading)
                links += [nodes.Text("; "), reference]
            node.replace_self(links[1:] or [nodes.Text("no section yet")])


def experiment_modules() -> list[str]:
    """Name the modules that may define an experiment, without importing them."""
    return sorted(module.name for module in pkgutil.iter_modules(llmguide.experiments.__path__))


def pages_to_read_again(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Name the page of experiments, where any page or the set of experiments has changed."""
    indexes = env.domains["experiment"].data["indexes"]
    anything = added | changed | removed
    return [
        page
        for page, modules in indexes.items()
        if page not in removed and (anything or modules != experiment_modules())
    ]


def _question(module: str) -> str:
    """Return the first paragraph of a module's docstring: what the experiment asks."""
    documentation = inspect.getdoc(importlib.import_module(module)) or ""
    return " ".join(documentation.partition("\n\n")[0].split())


def _numbers(record: Record) -> Iterator[nodes.Node]:
    """Show every mean with its deviation: as a table, or folded where they are too many."""
    means = {path: _brief(value) for path, value in _leaves(record.metrics)}
    deviations = {path: format_value(value, "#.2g" if value else ".0f") for path, value in _leaves(record.spread)}
    if len(means) > MOST_ROWS:
        yield from _folded(means, deviations)
    elif means:
        rows = [
            [Cell(path, code=True), Cell(value, numeric=True), Cell(deviations.get(path, ""), numeric=True)]
            for path, value in means.items()
        ]
        yield make_table(["Result", "Mean", "Deviation"], rows, row_header=True)


def _folded(means: Mapping[str, str], deviations: Mapping[str, str]) -> Iterator[nodes.Node]:
    """Show many means and deviations as lines of one text, which opens without a script; or say where they are."""
    lines = [
        f"{path:{max(map(len, means))}} {value:>{max(map(len, means.values()))}}"
        + (f" ± {deviations[path]}" if path in deviations else "")
        for path, value in means.items()
    ]
    what = f"All {len(means):,} results: mean" + (" ± deviation" if deviations else "")
    text = f'<pre tabindex="0">{html.escape(chr(10).join(lines))}</pre>'
    folded = f'<details class="results"><summary>{what}</summary>{text}</details>'
    yield addnodes.only("", nodes.raw("", folded, format="html"), expr="builder_html")
    where = f"The record has all {len(means):,} results" + (", with their deviations." if deviations else ".")
    yield addnodes.only("", nodes.paragraph("", where), expr="not builder_html")


def _leaves(metrics: object, path: str = "") -> Iterator[tuple[str, float]]:
    if is_number(metrics):
        yield path, metrics
    elif isinstance(metrics, Mapping):
        for key, value in metrics.items():
            yield from _leaves(value, f"{path}.{key}".strip("."))
    elif isinstance(metrics, Sequence) and not isinstance(metrics, str):
        for index, value in enumerate(metrics):
            yield from _leaves(value, f"{path}.{index}".strip("."))


def _settings(config: Mapping[str, object]) -> Iterator[nodes.Node]:
    for position, (name, value) in enumerate(config.items()):
        if position:
            yield nodes.Text(", ")
        yield nodes.literal("", f"{name}={value!r}")


def _field(name: str, *content: nodes.Node) -> nodes.field:
    return nodes.field("", nodes.field_name("", name), nodes.field_body("", nodes.paragraph("", "", *content)))


def _brief(value: float) -> str:
    return format_value(value, "," if isinstance(value, int) else "#.4g")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive and fill in its links when all pages are read."""
    app.setup_extension("_extensions.results")
    app.add_directive("experiments-index", ExperimentsIndexDirective)
    app.add_node(UsedIn)
    app.add_post_transform(LinkUses)
    app.connect("env-get-outdated", pages_to_read_again)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
