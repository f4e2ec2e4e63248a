"""Numbers that somebody else measured or chose: ``{constant}`` prints one, ``{constants-index}`` lists them all.

They are written down once, in :mod:`llmguide.constants`, with unit, date and source. A printed one links to its entry.
"""

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.typing import ExtensionMetadata

from _extensions.common import fail, note_files, package_files
from _extensions.tables import format_value
from llmguide.constants import CONSTANTS, Constant
from llmguide.constants.dates import YEARS


class ConstantRole(SphinxRole):
    """``{constant}`NAME|FORMAT```; with ``|cite`` after the format, the citation of its source follows."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the value as a link to its entry, and its citation if it is wanted."""
        _note_registry(self.env)
        name, spec, cite = (*(part.strip() for part in self.text.split("|")), "", "")[:3]
        if name not in CONSTANTS:
            fail(self, f"no constant {name!r}; there are: {', '.join(CONSTANTS)}")
        if cite not in {"", "cite"}:
            fail(self, f"after the format of a constant only `cite` may stand, not {cite!r}")
        constant = CONSTANTS[name]
        try:
            value = nodes.inline("", format_value(constant.value, spec), classes=["result"])
        except ValueError as error:
            fail(self, f"{{constant}}`{self.text}`: {error}")
        reference = addnodes.pending_xref(
            "",
            value,
            refdomain="experiment",
            reftype="constant",
            reftarget=_label(constant),
            refdoc=self.env.docname,
            refwarn=True,
        )
        if not cite:
            return [reference], []
        role = self.env.domains["cite"].roles["p"]
        source, messages = role("cite:p", constant.source, constant.source, self.lineno, self.inliner)
        return [reference, nodes.Text(" "), *source], messages


class ConstantsIndexDirective(SphinxDirective):
    """``{constants-index}``: every constant with its unit, its source and its date."""

    def run(self) -> list[nodes.Node]:
        """Return the list."""
        _note_registry(self.env)
        return [nodes.definition_list("", *(self._entry(constant) for constant in CONSTANTS.values()))]

    def _entry(self, constant: Constant) -> nodes.definition_list_item:
        label = _label(constant)
        value = f"{format_value(constant.value, '' if constant in YEARS else ',')} {constant.unit}"
        term = nodes.term(
            "", "", nodes.literal("", constant.name), nodes.Text(f": {value}"), ids=[label], names=[label]
        )
        self.set_source_info(term)
        self.state.document.note_explicit_target(term, term)
        source, messages = self.parse_inline(
            f"{constant.note} {{cite:t}}`{constant.source}`, {constant.as_of:%-d %B %Y}."
        )
        return nodes.definition_list_item("", term, nodes.definition("", nodes.paragraph("", "", *source, *messages)))


def _label(constant: Constant) -> str:
    return f"constant-{constant.name}"


def _note_registry(env: BuildEnvironment) -> None:
    note_files(env, package_files("import llmguide.constants"))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the role and the list."""
    app.setup_extension("_extensions.results")
    app.add_role("constant", ConstantRole())
    app.add_directive("constants-index", ConstantsIndexDirective)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
