"""Code that runs while the book is built: ``{code-run}`` shows it together with what it prints.

The snippets of a page run in order in one namespace, so a later one sees what an earlier one has defined. What they
print is what ``llmguide`` does today: a page is read again whenever a module that its snippets use has changed.
"""

import ast
import io
import random
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from traceback import format_exception
from typing import Any, ClassVar, TypeGuard, cast

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

from _extensions.common import fail, note_files, package_files
from _extensions.latex_styles import add_style
from _extensions.recorded_outputs import Outcome, outcome
from _extensions.tables import Cell, format_value, make_table

STYLE = Path(__file__).with_suffix(".sty")
NAMESPACE = "live_output:namespace"


def run_snippet(code: str, namespace: dict[str, Any], filename: str, line: int = 1) -> tuple[str, object]:
    r"""Run Python as an interactive session would.

    Args:
        code: Statements; the last may be an expression.
        namespace: What the code sees and where it leaves what it defines.
        filename: What a traceback calls the code.
        line: The line of that file on which the code begins.

    Returns:
        What the code printed, and the value of the last expression.

    Example:
        >>> run_snippet("print('a')\n1 + 1", {}, "<example>")
        ('a\n', 2)
    """
    tree = ast.parse("\n" * (line - 1) + code, filename)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body[-1].value)
        del tree.body[-1]
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(tree, filename, "exec"), namespace)
        value = eval(compile(last, filename, "eval"), namespace) if last else None
    return printed.getvalue(), value


class CodeRunDirective(SphinxDirective):
    """``{code-run}``: Python and its output."""

    has_content = True
    option_spec: ClassVar[Any] = {
        "as": lambda argument: directives.choice(argument, ("output", "table")),
        "caption": directives.unchanged_required,
        "name": directives.unchanged_required,
        "hide-code": directives.flag,
        "hide-output": directives.flag,
        "code-columns": directives.unchanged_required,
        "formats": directives.unchanged_required,
        "row-header": directives.flag,
    }

    def run(self) -> list[nodes.Node]:
        """Run the code and return what the options want to be seen of it."""
        self.assert_has_content()
        if "name" in self.options and "caption" not in self.options:
            fail(self, "a `:name:` needs a `:caption:`: only what has a caption has a number to refer to")
        code = "\n".join(self.content)
        filename = str(self.env.doc2path(self.env.docname))
        first_line = self.lineno + self.content_offset + 1  # MyST counts the offset from the directive's own line

        def run() -> Outcome:
            try:
                printed, value = run_snippet(code, self._namespace(), filename, first_line)
            except Exception as error:
                fail(self, f"the code fails:\n{_traceback(error)}")
            if self.options.get("as") == "table":
                return printed, _plain(value)
            return printed + (repr(value) if value is not None else ""), None

        output, value = outcome(self.env, code, run)
        note_files(self.env, package_files(code))
        shown = [] if "hide-code" in self.options else [self._block(code, "python")]
        if self.options.get("as") == "table":
            table = self._table(output, value)
            return [*([nodes.container("", *shown, classes=["code-run"])] if shown else []), *table]
        if "hide-output" not in self.options and not output.strip():
            fail(self, "the code prints nothing: end it with an expression, or say `:hide-output:`")
        if "hide-output" not in self.options:
            block = self._block(output.rstrip("\n"), "text")
            shown.append(nodes.container("", block, classes=["code-output"]))
        if "caption" in self.options and shown:
            shown[0] = self._captioned(shown[0])
        return [nodes.container("", *shown, classes=["code-run"])] if shown else []

    def _namespace(self) -> dict[str, Any]:
        """Return what the snippets of the page share."""
        page = self.env.current_document
        if NAMESPACE not in page:
            random.seed(0)
            page[NAMESPACE] = {"__name__": self.env.docname}
        return cast(dict[str, Any], page[NAMESPACE])

    def _block(self, text: str, language: str) -> nodes.Element:
        node = nodes.literal_block(text, text, language=language)
        self.set_source_info(node)
        return node

    def _captioned(self, block: nodes.Element) -> nodes.Element:
        """Make a numbered listing of a block, as Sphinx does for ``code-block``."""
        inline, messages = self.parse_inline(self.options["caption"])
        caption = nodes.caption("", "", *inline)
        self.set_source_info(caption)
        listing = nodes.container("", caption, block, *messages, literal_block=True, classes=["literal-block-wrapper"])
        self.set_source_info(listing)
        self.add_name(listing)
        return listing

    def _table(self, printed: str, value: object) -> list[nodes.Node]:
        """Make a table of the code's value: rows of cells, the first of them the header."""
        if printed or not _is_rows(value):
            fail(self, f"a table wants rows as the last expression, the first the header, and no output; got {value!r}")
        header = [str(heading) for heading in value[0]]
        if any(len(row) != len(header) for row in value):
            fail(self, f"not every row of the table has {len(header)} cells")
        as_code = {heading.strip() for heading in self.options.get("code-columns", "").split(",")} - {""}
        formats = dict(part.split("|", 1) for part in self.options.get("formats", "").split(", ") if part)
        if unknown := (as_code | formats.keys()) - set(header):
            fail(self, f"no column {', '.join(sorted(unknown))}; there are: {', '.join(header)}")
        rows = [
            [
                _cell(cell, formats.get(heading, ""), code=heading in as_code)
                for heading, cell in zip(header, row, strict=True)
            ]
            for row in value[1:]
        ]
        caption, messages = self.parse_inline(self.options["caption"]) if "caption" in self.options else ([], [])
        table = make_table(header, rows, caption, row_header="row-header" in self.options)
        self.set_source_info(table)
        self.add_name(table)
        return [table, *messages]


def _traceback(error: Exception) -> str:
    """Return the traceback from the page's code on, without this module's own calls."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    return "".join(format_exception(type(error), error, frames))


def _cell(value: object, spec: str, *, code: bool) -> Cell:
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    text = (
        format_value(value, spec)
        if isinstance(value, int | float | str) and not isinstance(value, bool)
        else str(value)
    )
    return Cell(text, numeric=numeric, code=code)


def _plain(value: object) -> object:
    """Turn the cells of rows that are no numbers into texts."""
    if not _is_rows(value):
        return value
    return [tuple(cell if isinstance(cell, int | float) else str(cell) for cell in row) for row in value]


def _is_rows(value: object) -> TypeGuard[Sequence[Sequence[object]]]:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) < 2:
        return False
    return all(isinstance(row, Sequence) and not isinstance(row, str) for row in value)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive."""
    app.setup_extension("_extensions.recorded_outputs")
    app.connect("config-inited", lambda app, config: add_style(config, STYLE))
    app.add_directive("code-run", CodeRunDirective)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
