"""What the book prints of recorded experiments: the records, and the places that print from them."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, cast

from docutils import nodes
from sphinx import addnodes
from sphinx.builders import Builder
from sphinx.domains import Domain
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective, SphinxRole

from _extensions.common import fail, link, note_files
from _extensions.places import Place, in_reading_order, place_of
from llmguide.experiments.fingerprint import source_of
from llmguide.experiments.framework import AnyExperiment
from llmguide.experiments.records import Record, changed_sources, consistent, load


def results_directory(env: BuildEnvironment) -> Path:
    """Return where the book keeps its records."""
    return Path(env.app.confdir) / "results"


def experiment_module(name: str) -> str:
    """Name the module that defines an experiment."""
    return f"llmguide.experiments.{name.replace('-', '_')}"


def read_record(where: SphinxDirective | SphinxRole, name: str) -> Record:
    """Read a record for a page, make the page depend on it and on its sources, and refuse it if it is stale.

    Args:
        where: What prints from the record.
        name: The experiment's name.

    Returns:
        The record; one reading serves the whole page.

    Raises:
        ExtensionError: If there is no record, if somebody edited it, or if the sources have changed since the run.
    """
    env = where.env
    records = cast(dict[str, Record], env.current_document.setdefault("recorded:records", {}))
    if name not in records:
        file = results_directory(env) / f"{name}.json"
        env.note_dependency(str(file))
        try:
            record = load(name, file.parent)
        except (FileNotFoundError, ValueError) as error:
            fail(where, str(error))
        sources = map(source_of, {*record.fingerprint, experiment_module(name)})
        note_files(env, [path for path in sources if path is not None])
        again = f"run `llmguide experiments check {name}`, and if that finds a difference `{record.command}`"
        if not consistent(record):
            fail(where, f"the numbers in {file} are not those of its seeds (edited by hand?): {again}")
        if changed := changed_sources(record):
            fail(where, f"the record of {name} is stale ({', '.join(changed)} changed since): {again}")
        records[name] = record
    return records[name]


def read_experiment(where: SphinxDirective | SphinxRole, name: str) -> AnyExperiment:
    """Import the definition of an experiment.

    Args:
        where: What asks for it.
        name: The experiment's name.

    Returns:
        The experiment.

    Raises:
        ExtensionError: If there is none of that name.
    """
    try:
        return cast(AnyExperiment, import_module(experiment_module(name)).EXPERIMENT)
    except (ImportError, AttributeError) as error:
        fail(where, f"no experiment {name!r}: {error}")


def entry_label(experiment: str, claim: str = "") -> str:
    """Name the label of an experiment, or of one of its claims, on the page of experiments."""
    return "-".join(filter(None, ("exp", experiment, claim)))


def link_to_entry(env: BuildEnvironment, experiment: str, *content: nodes.Node, claim: str = "") -> nodes.Node:
    """Link content to an experiment's entry, and mark the place as one that prints from the experiment."""
    return addnodes.pending_xref(
        "",
        nodes.inline("", "", *content, classes=["result"]),
        refdomain="experiment",
        reftype="entry",
        reftarget=entry_label(experiment, claim),
        refdoc=env.docname,
        refwarn=True,
        prints=experiment,
    )


def download(env: BuildEnvironment, experiment: str, *content: nodes.Node) -> nodes.Node:
    """Offer an experiment's record for download."""
    return download_of(env, f"/results/{experiment}.json", *content)


def download_of(env: BuildEnvironment, file: str, *content: nodes.Node) -> nodes.Node:
    """Offer a file for download, where the edition can: others show the content only.

    Args:
        env: The environment; the link stands on its page.
        file: Path within the book's sources, from the root, with a slash before it.
        content: What the reader sees.
    """
    return addnodes.download_reference("", "", *content, reftarget=file, refdoc=env.docname, reftype="download")


def source_line(env: BuildEnvironment, record: Record) -> nodes.paragraph:
    """Return the line below a figure or a table that says where its numbers come from."""
    line = nodes.paragraph("", "Data: ", classes=["result-source"])
    line += link_to_entry(env, record.experiment, nodes.Text(record.title))
    file = download(env, record.experiment, nodes.Text("JSON"))
    line += nodes.inline("", "", nodes.Text(" ("), file, nodes.Text(")"), classes=["web-only"])
    return line


class ExperimentDomain(Domain):
    """Which sections print from which experiment, and which pages list the experiments, by page."""

    name = "experiment"
    label = "Experiments"
    data_version = 2
    initial_data: ClassVar[Any] = {"uses": {}, "indexes": {}}

    def resolve_any_xref(self, *_: Any) -> list[tuple[str, nodes.reference]]:
        """Answer a Markdown link that names no domain: nothing here can be meant by it."""
        return []

    def process_doc(self, env: BuildEnvironment, docname: str, document: nodes.document) -> None:
        """Note what a page prints."""
        printing = [node for node in document.findall(nodes.Element) if node.get("prints")]
        if printing:
            self.data["uses"][docname] = [(node["prints"], place_of(node, docname)) for node in printing]
        if "experiments-index" in document:
            self.data["indexes"][docname] = document["experiments-index"]

    def clear_doc(self, docname: str) -> None:
        """Forget a page."""
        self.data["uses"].pop(docname, None)
        self.data["indexes"].pop(docname, None)

    def merge_domaindata(self, docnames: AbstractSet[str], otherdata: dict[str, Any]) -> None:
        """Take over what another process has read."""
        for kind in self.initial_data:
            self.data[kind].update({page: found for page, found in otherdata[kind].items() if page in docnames})

    def resolve_xref(  # noqa: PLR0917 (Sphinx's signature)
        self,
        env: BuildEnvironment,
        fromdocname: str,
        builder: Builder,
        typ: str,
        target: str,
        node: addnodes.pending_xref,
        contnode: nodes.Element,
    ) -> nodes.reference | None:
        """Link to an entry of the page of experiments."""
        page, anchor = env.domains.standard_domain.anonlabels.get(target, ("", ""))
        return link(builder, fromdocname, page, anchor, contnode) if page else None

    def uses(self, experiment: str) -> list[Place]:
        """Return the sections that print from an experiment, as a reader meets them."""
        uses = [use for page in self.data["uses"].values() for use in page]
        return in_reading_order(self.env, [place for name, place in uses if name == experiment])

    def get_objects(self) -> Iterator[tuple[str, str, str, str, str, int]]:
        """Return nothing: the labels of the entries are in the standard domain."""
        yield from ()
