"""Figures drawn while the book is built: ``{figure-from}`` out of a record, ``{drawn-figure}`` by code alone.

A web page holds a light and a dark variant, of which the theme shows one and hides the other from everybody, screen
readers included. EPUB gets the light SVG, and LaTeX its PDF twin.
"""

import importlib.util
import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, cast

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

from _extensions.common import fail, note_files, package_files
from _extensions.drawing import Draw, draw_once
from _extensions.recorded import (
    download_of,
    experiment_module,
    read_experiment,
    read_record,
    results_directory,
    source_line,
)
from _extensions.recorded_outputs import figures_folder
from llmguide.experiments.fingerprint import source_of


class DrawnFigureDirective(SphinxDirective):
    """``{drawn-figure} MODULE:FUNCTION``: a diagram that ``book/figures/MODULE.py`` draws.

    ``:record: NAME`` names the record of ``book/results/`` that it draws from, and ``:model: NAME`` the folder with a
    model, so that it is drawn anew with them. A line below the caption leads to the module, and to the record.
    """

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[Any] = {
        "name": directives.unchanged_required,
        "alt": directives.unchanged_required,
        "class": directives.class_option,
        "record": directives.unchanged_required,
        "model": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """Return the figure."""
        module, _, function = self.arguments[0].partition(":")
        file = Path(self.env.app.confdir) / "figures" / f"{module}.py"
        self.env.note_dependency(str(file))
        spec = importlib.util.spec_from_file_location(f"figures.{module}", file)
        if spec is None or spec.loader is None or not file.is_file():
            fail(self, f"no {file}, which should define `{function}(figure)`")
        loaded = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
        if not hasattr(loaded, function):
            fail(self, f"{file} does not define {function!r}")
        files = [file, *package_files(file.read_text("utf-8"))]
        if "record" in self.options:
            files.append(results_directory(self.env) / f"{self.options['record']}.json")
            if not files[-1].is_file():
                fail(self, f"no record {self.options['record']!r} to draw from")
        if "model" in self.options:
            folder = results_directory(self.env) / self.options["model"]
            files += model_files(folder)
            if not (folder / "config.json").is_file():
                fail(self, f"no model {self.options['model']!r} to draw from: {folder} has no config.json")
        note_files(self.env, files)
        sources = [path.read_bytes() for path in files]
        name = f"{module}-{function}".replace("_", "-")
        return [self._figure(getattr(loaded, function), name, sources, self._source(module))]

    def _source(self, module: str) -> nodes.paragraph:
        """Return the line below a drawing that leads to the module that drew it, and to the records it draws from."""
        line = nodes.paragraph("", "Drawn by ", classes=["result-source"])
        line += download_of(self.env, f"/figures/{module}.py", nodes.literal("", f"figures/{module}.py"))
        for name in filter(None, map(self.options.get, ("record", "model"))):
            if source_of(experiment_module(name)) and (results_directory(self.env) / f"{name}.json").is_file():
                line += [nodes.Text(". "), *source_line(self.env, read_record(self, name)).children]
            elif name == self.options.get("record"):  # of a benchmark, which has no entry
                file = nodes.literal("", f"results/{name}.json")
                line += [nodes.Text(". Data: "), download_of(self.env, f"/results/{name}.json", file)]
        return line

    def _figure(
        self, draw: Draw, name: str, sources: Iterable[bytes], source: nodes.Node | None = None
    ) -> nodes.figure:
        """Draw, and make the figure with its caption.

        Args:
            draw: Draws on an empty figure.
            name: Name of the image files.
            sources: Contents of everything that the drawing depends on.
            source: Where its data come from.
        """
        if not self.options.get("alt", "").strip():
            fail(self, "a figure needs `:alt:`, which says in words what it shows")
        self.assert_has_content()
        try:
            folder = draw_once(draw, name, figures_folder(self.env), sources, for_print=self.config.figures_for_print)
        except Exception as error:
            fail(self, f"cannot draw {self.arguments[0]}: {type(error).__name__}: {error}")
        relative = os.path.relpath(folder, self.env.srcdir)
        figure = nodes.figure("", classes=["drawn", *self.options.get("class", [])])
        for theme in ("light", "dark"):
            # The builder takes the kind of file that it likes best: SVG, or PDF in LaTeX.
            figure += nodes.image(
                uri=f"/{relative}/{name}-{theme}.*", alt=self.options["alt"], classes=[f"only-{theme}"]
            )
        first, *rest = self.parse_content_to_nodes()
        if not isinstance(first, nodes.paragraph):
            fail(self, "the body of a figure begins with its caption, a paragraph")
        figure += nodes.caption("", "", *first.children)
        if source is not None:
            rest.append(source)
        if rest:
            figure += nodes.legend("", *rest)
        self.set_source_info(figure)
        self.add_name(figure)
        return figure


def model_files(folder: Path) -> list[Path]:
    """Name the files of a model's folder, sorted."""
    return sorted(path for path in folder.glob("*") if path.is_file())


class FigureFromDirective(DrawnFigureDirective):
    """``{figure-from} EXPERIMENT.FIGURE``: a figure that an experiment draws from its record."""

    def run(self) -> list[nodes.Node]:
        """Return the figure."""
        name, _, figure = self.arguments[0].partition(".")
        record, experiment = read_record(self, name), read_experiment(self, name)
        if figure not in experiment.figures:
            fail(self, f"{name} draws no {figure!r}; there are: {', '.join(experiment.figures) or 'none'}")
        draw = partial(_draw_record, experiment.figures[figure], record)
        sources = [(results_directory(self.env) / f"{name}.json").read_bytes()]
        sources += [Path(cast(str, importlib.import_module(experiment.module).__file__)).read_bytes()]
        node = self._figure(draw, f"{name}-{figure}", sources, source_line(self.env, record))
        node["prints"] = name
        return [node]


def _draw_record(draw: Any, record: object, figure: object) -> None:
    draw(figure, record)


class OnlyOnTheWeb(SphinxPostTransform):
    """Leave dark figures and downloads to web pages."""

    default_priority = 3  # before the images are collected

    def run(self, **kwargs: Any) -> None:
        """Remove them elsewhere."""
        if self.app.builder.format == "html" and self.app.builder.name != "epub":
            return
        for node in list(self.document.findall(nodes.Element)):
            if {"only-dark", "web-only"}.intersection(node.get("classes", ())):
                node.parent.remove(node)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register both directives."""
    app.setup_extension("_extensions.recorded_outputs")
    app.setup_extension("_extensions.results")
    app.add_config_value("figures_for_print", True, "env", frozenset({bool}))
    app.add_directive("drawn-figure", DrawnFigureDirective)
    app.add_directive("figure-from", FigureFromDirective)
    app.add_post_transform(OnlyOnTheWeb)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
