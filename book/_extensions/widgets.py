"""``{widget} NAME``: a figure to play with on the web, and a drawn one wherever no script runs.

A widget is a numbered figure. Its page holds the drawing and, beside it, the controls, which a line of script uncovers
before anything is painted; paper, the EPUB and a browser without JavaScript show the drawing. A widget consists of

- ``_templates/widgets/NAME.html``, its controls,
- ``_static/widgets/NAME/``, its scripts and its style sheet (several share ``explorer/`` and ``tokenizer/``),
- ``figures/NAME.py`` (with underscores), whose function ``fallback`` draws it, and
- an entry in :data:`WIDGETS`: the scripts to load, and the function that makes its data when the book is built.

Scripts are deferred and classic, and data are scripts too: from a folder, a browser loads nothing else.
"""

import hashlib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import regex
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

from _extensions import attention_data, calculator_data, playground_data, walk_data, world_model_data
from _extensions.common import fail, note_files, package_files
from _extensions.drawing import write_file
from _extensions.figures import DrawnFigureDirective, model_files
from _extensions.recorded import results_directory

TEMPLATES = Path(__file__).parent.parent / "_templates" / "widgets"
IN_PRINT = "On the web, this figure is interactive."


@dataclass(frozen=True)
class Widget:
    """What a widget is made of.

    Attributes:
        scripts: The scripts that its page loads, in order; a name with a slash is another folder's.
        data: Makes the scripts that hold data, their names and contents, from the folder of the book's results.
        data_module: The module of ``data``; when it changes, or what it uses of the package, the data are made again.
        record: The experiment whose record the data and the drawing come from.
        model: The folder of the book's results that holds the model which the data and the drawing come from.
        borrows: Other widgets whose data its page loads, too.
        styles: Its style sheets, in order.
    """

    scripts: tuple[str, ...]
    data: Callable[[Path], Mapping[str, str]] = lambda results: {}
    data_module: Path | None = None
    record: str = ""
    model: str = ""
    borrows: tuple[str, ...] = ()
    styles: tuple[str, ...] = ("widget.css",)


WIDGETS = {
    "tokenizer-playground": Widget(
        scripts=("explorer/kit.js", "data.js", "tokenizer/engine.js", "tokenizer/tokens.js", "widget.js"),
        styles=("tokenizer/tokens.css", "widget.css"),
        data=playground_data.scripts,
        data_module=Path(playground_data.__file__),
    ),
    "positions-explorer": Widget(
        scripts=("explorer/kit.js", "engine.js", "widget.js"),
        styles=("explorer/explorer.css", "widget.css"),
    ),
    "attention-explorer": Widget(
        scripts=("explorer/kit.js", "data.js", "engine.js", "widget.js"),
        styles=("explorer/explorer.css", "widget.css"),
        data=attention_data.scripts,
        data_module=Path(attention_data.__file__),
        record="attention-sentence",
    ),
    "transformer-calculator": Widget(
        scripts=("explorer/kit.js", "data.js", "engine.js", "widget.js"),
        styles=("explorer/explorer.css", "widget.css"),
        data=calculator_data.scripts,
        data_module=Path(calculator_data.__file__),
    ),
    "world-model": Widget(
        scripts=(
            "explorer/kit.js",
            "tokenizer/engine.js",
            "tokenizer/tokens.js",
            "data.js",
            "engine.js",
            "sampling.js",
            "widget.js",
        ),
        styles=("explorer/explorer.css", "tokenizer/tokens.css", "widget.css"),
        data=world_model_data.scripts,
        data_module=Path(world_model_data.__file__),
        model=world_model_data.FOLDER,
    ),
    "transformer-walk": Widget(
        scripts=(
            "explorer/kit.js",
            "tokenizer/engine.js",
            "tokenizer/tokens.js",
            "world-model/data.js",
            "world-model/engine.js",
            "data.js",
            "engine.js",
            "widget.js",
        ),
        styles=("explorer/explorer.css", "tokenizer/tokens.css", "widget.css"),
        data=walk_data.scripts,
        data_module=Path(walk_data.__file__),
        model=world_model_data.FOLDER,
        borrows=("world-model",),
    ),
}


class Controls(nodes.General, nodes.Element):
    """The part of a widget that only a browser shows; ``node["widget"]`` is its name."""


class PrintNote(nodes.paragraph):
    """A sentence for readers of an edition without scripts."""


class WidgetDirective(DrawnFigureDirective):
    """``{widget} NAME``; name, alternative text and caption are those of any figure."""

    def run(self) -> list[nodes.Node]:
        """Return the figure."""
        name = self.arguments[0]
        if name not in WIDGETS:
            fail(self, f"there is no widget {name!r}; there are: {', '.join(sorted(WIDGETS))}")
        docname = self.env.current_document.docname
        there = self.env.metadata[docname].setdefault("widgets", "").split()
        if name in there:
            fail(self, f"the widget {name!r} stands on this page already; its controls have ids and can stand once")
        self.env.metadata[docname]["widgets"] = " ".join([*there, name])
        for holder in (name, *WIDGETS[name].borrows):
            note_files(self.env, _sources(WIDGETS[holder], results_directory(self.env)))
        note_files(self.env, [TEMPLATES / f"{name}.html"])
        self.arguments[0] = f"{name.replace('-', '_')}:fallback"
        if WIDGETS[name].record:
            self.options["record"] = WIDGETS[name].record
        if WIDGETS[name].model:
            self.options["model"] = WIDGETS[name].model
        [figure] = super().run()
        assert isinstance(figure, nodes.figure)
        figure["classes"].append("widget")
        figure.insert(0, Controls(widget=name))
        [legend] = figure.findall(nodes.legend)
        legend += PrintNote("", IN_PRINT)
        return [figure]


class WithoutScripts(SphinxPostTransform):
    """Leave the controls to web pages, and the note that they exist to every other edition."""

    default_priority = 3

    def run(self, **kwargs: Any) -> None:
        """Remove what is not for this builder."""
        web = self.app.builder.format == "html" and self.app.builder.name != "epub"
        for node in list(self.document.findall(PrintNote if web else Controls)):
            node.parent.remove(node)
        for note in list(self.document.findall(PrintNote)):
            note.replace_self(nodes.paragraph("", "", *note.children))


def _sources(widget: Widget, results: Path) -> list[Path]:
    """Name the files that the data of a widget come from."""
    if widget.data_module is None:
        return []
    record = [results / f"{widget.record}.json"] if widget.record else []
    model = model_files(results / widget.model) if widget.model else []
    return [widget.data_module, *record, *model, *package_files(widget.data_module.read_text("utf-8"))]


def _open_controls(translator: HTML5Translator, node: Controls) -> None:
    translator.body.append((TEMPLATES / f"{node['widget']}.html").read_text("utf-8"))
    raise nodes.SkipNode


def load_scripts(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Load the scripts and the styles of the widgets that stand on a page."""
    if app.builder.name == "epub":
        return
    names = str(app.env.metadata.get(page, {}).get("widgets", "")).split()
    # Two widgets may share a file, and a script that came twice would declare its names twice.
    for style in dict.fromkeys(_in_folder(name, style) for name in names for style in WIDGETS[name].styles):
        app.add_css_file(style)
    for script in dict.fromkeys(_in_folder(name, script) for name in names for script in WIDGETS[name].scripts):
        app.add_js_file(script, loading_method="defer")


def _in_folder(name: str, file: str) -> str:
    return f"widgets/{file}" if "/" in file else f"widgets/{name}/{file}"


def write_data(app: Sphinx, builder: StandaloneHTMLBuilder) -> None:
    """Make the data of the widgets that the book uses, unless those at hand come from the same sources."""
    if builder.format != "html" or builder.name == "epub":
        return
    used = {name for data in app.env.metadata.values() for name in str(data.get("widgets", "")).split()}
    for name in sorted(used.union(*(WIDGETS[user].borrows for user in used))):
        widget = WIDGETS[name]
        if widget.data_module is None:
            continue
        versions = f"{regex.__version__} {unicodedata.unidata_version}".encode()  # both bring tables of Unicode
        results = results_directory(app.env)
        sources = (path.read_bytes() for path in _sources(widget, results))
        digest = hashlib.sha256(b"".join([versions, *sources])).hexdigest()[:16]
        folder = Path(app.doctreedir).parent / "widgets" / digest
        if not folder.exists():
            for file, content in widget.data(results).items():
                write_file(folder / file, content.encode())
        for made in folder.iterdir():
            write_file(Path(app.outdir) / "_static" / "widgets" / name / made.name, made.read_bytes())


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive and what places, loads and fills a widget."""
    app.setup_extension("_extensions.figures")
    app.add_directive("widget", WidgetDirective)
    app.add_node(Controls, html=(_open_controls, None))
    app.add_node(PrintNote)
    app.add_post_transform(WithoutScripts)
    app.connect("html-page-context", load_scripts)
    app.connect("write-started", write_data)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
