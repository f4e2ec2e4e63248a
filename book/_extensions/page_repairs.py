"""Repairs of the rendered page where theme and writers fall short of WCAG.

Each repair is a small function on the text of a page, so that none of the theme's templates must be copied and each can
be tested alone. A repair that finds nothing to do leaves the page as it was.
"""

import re
from collections.abc import Callable
from functools import reduce

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata


def name_landmarks(page: str) -> str:
    """Name the two side columns and say that they hold navigation, so that a screen reader can offer them by name."""
    for before, after in {
        '<aside class="sidebar-drawer"': '<aside class="sidebar-drawer" aria-label="Book"',
        '<div class="sidebar-tree"': '<div class="sidebar-tree" role="navigation" aria-label="Chapters"',
        '<aside class="toc-drawer': '<aside aria-label="Page" class="toc-drawer',
        '<div class="toc-tree"': '<div class="toc-tree" role="navigation" aria-label="On this page"',
    }.items():
        page = page.replace(before, after)
    return page


def name_margin_notes(page: str) -> str:
    """Name each note in the margin by its title: several unnamed ones cannot be told apart."""

    def name(note: re.Match[str]) -> str:
        label = re.sub(r"<[^>]*>", "", note["title"]).strip().replace('"', "&quot;")
        return f'{note["start"]} aria-label="{label}">{note["between"]}{note["title"]}</p>'

    pattern = r'(?P<start><aside class="sidebar[^>"]*")>(?P<between>\s*<p class="sidebar-title">)(?P<title>.*?)</p>'
    return re.sub(pattern, name, page, flags=re.DOTALL)


def keep_captions_out_of_the_outline(page: str) -> str:
    """Take the role of a heading from the captions of the navigation: they would stand before the page's own title."""
    return re.sub(r'(<p class="caption"[^>]*?) role="heading"', r"\1", page)


def list_the_bibliography(page: str) -> str:
    """Make each entry an item of the list it stands in; docutils gives it a role that ARIA has withdrawn."""
    return page.replace('role="doc-biblioentry"', 'role="listitem"')


def list_parameters(page: str) -> str:
    """Make a list of the parameters of a long signature: Sphinx writes descriptions that have no terms."""

    def as_list(signature: re.Match[str]) -> str:
        items = signature["items"].replace("<dd>", "<li>").replace("</dd>", "</li>")
        return f'<ul class="sig-params">\n{items}</ul>'

    return re.sub(r"<dl>\n(?P<items>(?:<dd>.*</dd>\n)+)</dl>", as_list, page)


def give_ids_once(page: str) -> str:
    """Take from the theme's boxes around formulas and tables the ids that they copied from what they hold."""
    return re.sub(r'(<div class="(?:math|table)-wrapper[^"]*") id="[^"]*"', r"\1", page)


def let_the_keyboard_scroll(page: str) -> str:
    """Let the keyboard reach whatever may be wider than the screen, which nobody can know beforehand."""
    page = re.sub(r"<pre(?=[ >])(?![^>]*tabindex)", '<pre tabindex="0"', page)
    return re.sub(r'<div class="(?=[^"]*\btable-wrapper\b)(?![^>]*tabindex)', '<div tabindex="0" class="', page)


def skip_first(page: str) -> str:
    """Put the link that skips to the text before everything else, and make its target take the focus."""
    link = re.search(r'<a class="skip-to-content.*?</a>\s*', page, flags=re.DOTALL)
    if link is None:
        return page
    page = page.replace(link[0], "", 1)
    page = re.sub(r"<body[^>]*>\s*", lambda body: body[0] + link[0], page, count=1)
    return page.replace('id="furo-main-content">', 'id="furo-main-content" tabindex="-1">')


def scope_header_cells(page: str) -> str:
    """Say of each header cell of a table's head that it heads a column, and of a first cell that it heads a row."""

    def scope(table: re.Match[str]) -> str:
        head, end, body = table[0].partition("</thead>")
        if not end:
            head, body = "", table[0]
        return (
            re.sub(r"<th(?![^>]*scope)(?=[ >])", '<th scope="col"', head)
            + end
            + re.sub(r"<th(?![^>]*scope)(?=[ >])", '<th scope="row"', body)
        )

    return re.sub(r"<table.*?</table>", scope, page, flags=re.DOTALL)


def leave_plain_code_bare(page: str) -> str:
    """Take from code the marks of names, punctuation and space, which have the colour of all code, and of operators.

    They are most of the marks. An operator says by its sign what it is, and a page reads as well without its colour.
    """

    def bare(code: re.Match[str]) -> str:
        return re.sub(r'<span class="(?:n|nn|o|p|w)">([^<]*)</span>', r"\1", code[0])

    return re.sub(r"<pre[ >].*?</pre>", bare, page, flags=re.DOTALL)


REPAIRS: tuple[Callable[[str], str], ...] = (
    name_landmarks,
    name_margin_notes,
    keep_captions_out_of_the_outline,
    list_the_bibliography,
    list_parameters,
    give_ids_once,
    let_the_keyboard_scroll,
    skip_first,
    scope_header_cells,
    leave_plain_code_bare,
)


def repair(page: str) -> str:
    """Apply every repair."""
    return reduce(lambda text, mend: mend(text), REPAIRS, page)


def _repair_what_is_rendered(app: Sphinx) -> None:
    if app.builder.name not in {"html", "dirhtml"}:
        return
    render = app.builder.templates.render

    def render_and_repair(template: str, context: dict[str, object]) -> str:
        return repair(render(template, context))

    # Sphinx has no event between rendering a page and writing it.
    app.builder.templates.render = render_and_repair


def setup(app: Sphinx) -> ExtensionMetadata:
    """Repair each page as it is rendered."""
    app.connect("builder-inited", _repair_what_is_rendered)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
