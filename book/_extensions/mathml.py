"""Mathematics as MathML, made while the book is built.

A page needs no script and no network to show a formula, a screen reader meets its structure, and HTML and EPUB hold the
same markup. Temml turns TeX into MathML; it runs in an embedded V8, so that building the book needs no Node.js.
"""

import functools
import os
import re
from pathlib import Path

from docutils import nodes
from py_mini_racer import JSEvalException, MiniRacer
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.math import get_node_equation_number
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

TEMML = Path(__file__).parent / "vendor" / "temml" / "temml.min.js"
# Temml lets every named operator be followed by its argument, and a space; at the end of a formula there is none.
_APPLIED_TO_NOTHING = '<mo>\u2061</mo><mspace width="0.1667em"></mspace></mrow><annotation'
_NUMBERED = re.compile(r"\\begin\{(align|gather|equation|alignat|multline)\*?\}")


@functools.cache
def _engine(process: int) -> MiniRacer:
    """Start the engine of one process: its threads do not survive the fork of a parallel build."""
    engine = MiniRacer()
    engine.eval(TEMML.read_text("utf-8"))
    return engine


@functools.cache
def to_mathml(tex: str, *, display: bool) -> str:
    """Return the MathML of a TeX formula.

    Args:
        tex: The formula, without dollar signs.
        display: Whether the formula stands on a line of its own.

    Raises:
        ExtensionError: If Temml cannot read the formula; the message quotes it.
    """
    options = {"displayMode": display, "xml": True, "throwOnError": True, "annotate": True, "wrap": "none"}
    try:
        markup = str(_engine(os.getpid()).call("temml.renderToString", tex, options))
    except JSEvalException as error:
        raise ExtensionError(f"Temml cannot read the formula {tex!r}: {error}") from error
    return markup.replace(_APPLIED_TO_NOTHING, "</mrow><annotation")


def _visit_inline(translator: HTML5Translator, node: nodes.math) -> None:
    translator.body.append(to_mathml(node.astext(), display=False))
    raise nodes.SkipNode


def _visit_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    if node["number"]:
        translator.body.append(f'<span class="eqno">({get_node_equation_number(translator, node)})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    tex = node.astext().strip()
    if r"\\" in tex and not _NUMBERED.match(tex) and r"\begin" not in tex:
        tex = rf"\begin{{aligned}}{tex}\end{{aligned}}"
    # A formula wider than a phone scrolls in a box of its own, which the keyboard can reach.
    translator.body.append(f'<div class="formula" tabindex="0">{to_mathml(tex, display=True)}</div></div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the ``mathml`` renderer; ``html_math_renderer`` chooses it."""
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_block, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
