"""Equations and the functions that compute them.

``:implements:`` names the function, or several between commas; under the equation stands a link to each. An equation
that no code of the package computes says why with ``:no-code:``.
"""

from typing import ClassVar, cast

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.directives.patches import MathDirective
from sphinx.util.typing import ExtensionMetadata, OptionSpec


def names(argument: str) -> list[str]:
    """Return the dotted names of an option.

    Args:
        argument: The option's text, names between commas.

    Raises:
        ValueError: If a name is empty or not dotted.
    """
    found = [name.strip() for name in (argument or "").split(",")]
    if bad := [name for name in found if "." not in name.strip(".")]:
        raise ValueError(f"{bad[0]!r} is no dotted name; write it whole, as in llmguide.tokenizers.bpe.train")
    return found


class Equation(MathDirective):
    """``math`` that knows its code."""

    option_spec: ClassVar[OptionSpec] = {
        **MathDirective.option_spec,
        "implements": names,
        "no-code": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """Return the equation and, where there is code, the line that links to it."""
        if "implements" in self.options and "no-code" in self.options:
            raise self.error("an equation has either :implements: or :no-code:, not both")
        shown = super().run()
        implementing: list[str] = self.options.get("implements", [])
        if not implementing:
            return shown
        cast(nodes.math_block, shown[-1])["implements"] = implementing
        line = nodes.paragraph("", "", nodes.Text("Implemented by "), classes=["implemented-by"])
        for number, name in enumerate(implementing):
            link = addnodes.pending_xref(
                "",
                nodes.literal("", name.rpartition(".")[2], classes=["xref", "py", "py-obj"]),
                refdomain="py",
                reftype="obj",
                reftarget=name,
                refdoc=self.env.current_document.docname,
                refexplicit=True,
                refwarn=True,
            )
            self.set_source_info(link)
            line += [nodes.Text(", "), link] if number else link
        self.set_source_info(line)
        return [*shown, line]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Replace Sphinx's ``math``."""
    app.add_directive("math", Equation, override=True)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
