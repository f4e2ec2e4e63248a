"""The bibliography: labels of author and year, the same in the list and in the text, and links to every work."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from string import ascii_lowercase
from typing import Any, cast

import pybtex.plugin
from pybtex.database import Entry
from pybtex.plugin import register_plugin as register_formatting
from pybtex.richtext import Text
from pybtex.style.formatting.plain import Style as PlainStyle
from pybtex.style.sorting.author_year_title import SortingStyle
from pybtex.style.template import field, href, join, node, optional, sentence
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util.typing import ExtensionMetadata
from sphinxcontrib.bibtex.domain import BibtexDomain
from sphinxcontrib.bibtex.plugin import register_plugin as register_referencing
from sphinxcontrib.bibtex.style import template
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle
from sphinxcontrib.bibtex.style.referencing.basic_author_year import (
    BasicAuthorYearParentheticalReferenceStyle,
    BasicAuthorYearTextualReferenceStyle,
)

_BRACES = str.maketrans("", "", "{}")  # they keep capitals and names together, and sort behind Z
ACL_PREFIX = "10.18653/v1/"  # the ACL's DOI: what follows is the paper's identifier in the ACL Anthology


def _authors(entry: Entry) -> str:
    persons = entry.persons.get("author") or entry.persons.get("editor") or []
    names = [str(Text.from_latex(" ".join(person.prelast_names + person.last_names))) for person in persons]
    if not names:
        named = next((entry.fields[key] for key in ("organization", "institution", "title") if key in entry.fields), "")
        return str(Text.from_latex(named))
    return f"{names[0]} et al." if len(names) > 2 else " and ".join(names)


def labels(entries: Iterable[Entry]) -> list[str]:
    """Return the labels of a sorted bibliography; works of one year by the same authors are told apart by a letter.

    Args:
        entries: The works, in the order of the list.
    """
    plain = [f"{_authors(entry)}, {entry.fields.get('year', 'n.d.')}" for entry in entries]
    total, seen = Counter(plain), Counter[str]()
    found = []
    for label in plain:
        found.append(label + (ascii_lowercase[seen[label]] if total[label] > 1 else ""))
        seen[label] += 1
    return found


class AuthorYearOrder(SortingStyle):  # type: ignore[misc]
    """Sort by author, year and title, where an accent does not move a name behind Z."""

    def sorting_key(self, entry: Entry) -> tuple[str, ...]:
        """Return the key without accents; a work without persons stands under the name its label shows."""
        key = super().sorting_key(entry)
        folded = (key[0] or _authors(entry).lower(), *key[1:])
        plain = (unicodedata.normalize("NFKD", part).encode("ascii", "ignore").decode() for part in folded)
        return tuple(part.translate(_BRACES) for part in plain)


class BookStyle(PlainStyle):  # type: ignore[misc]
    """Entries with author-year labels and links to DOI, ACL Anthology, arXiv or address."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.sort = AuthorYearOrder().sort
        self.format_labels = labels

    def format_web_refs(self, entry: Entry) -> Any:
        """Return every address of a work, the most permanent first."""
        return sentence[
            optional[self.format_doi(entry)],
            self.format_acl(entry),
            optional[self.format_eprint(entry)],
            optional[self.format_url(entry), optional[" (visited on ", field("urldate"), ")"]],
        ]

    def format_acl(self, entry: Entry) -> Any:
        """Return the link into the ACL Anthology that the DOI of an ACL paper implies."""
        paper = entry.fields.get("doi", "").removeprefix(ACL_PREFIX)
        if paper == entry.fields.get("doi", ""):
            return ""
        return href(f"https://aclanthology.org/{paper}")[join["ACL:", paper]]


@node  # type: ignore[untyped-decorator]
def lettered_year(children: Any, data: dict[str, Any]) -> Text:
    """Return the year of a citation with the letter that its label has."""
    return Text(data["formatted_entry"].label.rpartition(", ")[2])


@node  # type: ignore[untyped-decorator]
def authors(children: Any, data: dict[str, Any], full: bool) -> Text:
    """Return who wrote a work, as its label has it; ``full`` names everyone."""
    if not data["entry"].persons:
        return Text(_authors(data["entry"]))
    return data["style"].person.author_or_editor_or_title(full=full).format_data(data)


@dataclass
class Parenthetical(BasicAuthorYearParentheticalReferenceStyle):
    """``[Sennrich et al., 2016]``."""

    def inner(self, role_name: str) -> Any:
        """Return the template of one work within the brackets."""
        who_when = template.join(sep=self.author_year_sep)[authors(full="s" in role_name), lettered_year]
        return template.join2(sep1=self.pre_text_sep, sep2=self.post_text_sep)[
            template.pre_text, template.reference[who_when], template.post_text
        ]


@dataclass
class Textual(BasicAuthorYearTextualReferenceStyle):
    """``Sennrich et al. [2016]``."""

    def inner(self, role_name: str) -> Any:
        """Return the template of one work."""
        year = template.join2(sep1=self.pre_text_sep, sep2=self.post_text_sep)[
            template.pre_text, template.reference[lettered_year], template.post_text
        ]
        bracketed = template.join[self.bracket.left, year, self.bracket.right]
        return template.join(sep=self.text_reference_sep)[authors(full="s" in role_name), bracketed]


@dataclass
class BookReferenceStyle(AuthorYearReferenceStyle):
    """Citations in the text whose years carry the letters of the list."""

    def __post_init__(self) -> None:
        super().__post_init__()  # type: ignore[no-untyped-call]
        for style in (Parenthetical(), Textual()):
            self.role_style |= dict.fromkeys(style.role_names(), style)


def cite_domain(env: BuildEnvironment) -> BibtexDomain:
    """Return the domain that keeps works and citations."""
    return cast(BibtexDomain, env.get_domain("cite"))


def _cited(env: BuildEnvironment) -> Iterator[tuple[str, str]]:
    """Yield every cited key with the page that cites it."""
    for reference in cite_domain(env).citation_refs:
        yield from ((target.key, reference.docname) for target in reference.targets)


def _write_where_labels_changed(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Write the pages again that cite a work whose label is another than in the last build."""
    pages: dict[str, set[str]] = defaultdict(set)
    for key, docname in _cited(env):
        pages[key].add(docname)
    known = cite_domain(env).bibdata.data.entries
    works = AuthorYearOrder().sort([known[key] for key in pages if key in known])
    new = {entry.key: label for entry, label in zip(works, labels(works), strict=True)}
    old, env.book_labels = getattr(env, "book_labels", new), new  # type: ignore[attr-defined]
    return sorted({page for key in new if new[key] != old.get(key, new[key]) for page in pages[key]})


def _configure(app: Sphinx, config: Config) -> None:
    config.bibtex_default_style = config.bibtex_reference_style = "book"
    config.bibtex_cite_id = "cite-{key}"  # permanent, and equal for all builders


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the styles under the name ``book`` and choose them."""
    app.setup_extension("sphinxcontrib.bibtex")
    # pybtex looks through everything that is installed for each citation anew.
    pybtex.plugin._load_entry_point = cache(pybtex.plugin._load_entry_point)
    register_formatting("pybtex.style.formatting", "book", BookStyle)
    register_referencing("sphinxcontrib.bibtex.style.referencing", "book", BookReferenceStyle)
    app.connect("config-inited", _configure, priority=100)
    app.connect("env-get-updated", _write_where_labels_changed, priority=700)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
