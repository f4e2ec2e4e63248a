"""Runs of text in other languages, and characters that print must keep together.

``{ar}`` and its sisters say which language a run is in: a screen reader pronounces it, a browser picks the right font,
and Arabic stands from right to left with its digits and parentheses where a reader of Arabic expects them.
"""

import re

from docutils import nodes
from docutils.nodes import Node, system_message
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator
from sphinx.writers.latex import LaTeXTranslator

LANGUAGES = {"ar": "rtl", "de": "ltr", "el": "ltr", "hi": "ltr", "ja": "ltr", "ko": "ltr", "zh": "ltr"}

_PICTURE = (
    "[\U0001f000-\U0001faff\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d\u3297\u3299]"
)
_TONE = "[\U0001f3fb-\U0001f3ff]"
_ELEMENT = rf"{_PICTURE}(?:\ufe0f|{_TONE})?"
_JOINED_EMOJI = re.compile(
    rf"{_ELEMENT}(?:\u200d{_ELEMENT})+"  # several pictures made one
    rf"|{_PICTURE}(?:\ufe0f|{_TONE})"  # a sign shown as a picture; a hand with the colour of its skin
    r"|[\U0001f1e6-\U0001f1ff]{2}"  # a flag
    r"|[0-9#*]\ufe0f\u20e3"  # a key
)


class language_run(nodes.inline):  # noqa: N801  # docutils names its nodes so
    """A run of text in the language ``node["lang"]``."""


class LanguageRole(SphinxRole):
    """``{ar}`text```: text in the language that the role is named after."""

    def run(self) -> tuple[list[Node], list[system_message]]:
        """Return the run."""
        return [language_run("", self.text, lang=self.name)], []


def keep_emoji_together(tex: str) -> str:
    r"""Give each emoji of several characters to ``\bookemoji``, which sets it in one font.

    Example:
        >>> keep_emoji_together("an \N{ROCKET} stays, a key 1\ufe0f\u20e3 is marked")
        'an 🚀 stays, a key \\bookemoji{1️⃣} is marked'
    """
    return _JOINED_EMOJI.sub(r"\\bookemoji{\g<0>}", tex)


def _open_html(translator: HTML5Translator, node: language_run) -> None:
    language = node["lang"]
    epub = {"xml:lang": language} if translator.builder.name == "epub" else {}
    attributes = {"lang": language, "dir": LANGUAGES[language], **epub}
    written = "".join(f' {name}="{value}"' for name, value in attributes.items())
    translator.body.append(f"<bdi{written}>")


def _close_html(translator: HTML5Translator, node: language_run) -> None:
    translator.body.append("</bdi>")


def _open_latex(translator: LaTeXTranslator, node: language_run) -> None:
    translator.body.append(r"\bookrighttoleft{" if LANGUAGES[node["lang"]] == "rtl" else "{")


def _close_latex(translator: LaTeXTranslator, node: language_run) -> None:
    translator.body.append("}")


def _pass(translator: nodes.NodeVisitor, node: language_run) -> None:
    pass


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register a role for each language."""
    for language in LANGUAGES:
        app.add_role(language, LanguageRole())
    app.add_node(
        language_run,
        html=(_open_html, _close_html),
        latex=(_open_latex, _close_latex),
        text=(_pass, _pass),
        man=(_pass, _pass),
        texinfo=(_pass, _pass),
    )
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
