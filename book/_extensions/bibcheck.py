"""What the BibTeX files, and the citations all over the repository, must satisfy.

Sphinx finds a citation without an entry. It does not find an entry that nothing cites, an entry whose DOI is
mistyped or missing, or one work entered twice; and a key that stands twice in one file silently hides the rest of it.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pybtex.database.input.bibtex import LowLevelParser
from pybtex.exceptions import PybtexError

REQUIRED = {
    "article": ("author", "title", "journal", "year"),
    "book": ("author", "title", "publisher", "year"),
    "incollection": ("author", "title", "booktitle", "publisher", "year"),
    "inproceedings": ("author", "title", "booktitle", "year"),
    "misc": ("author", "title", "year"),
    "phdthesis": ("author", "title", "school", "year"),
    "techreport": ("author", "title", "institution", "year"),
}
KEY = re.compile(r"[a-z]+(\d{4})[a-z][a-z0-9]*")
FORMS = {
    "year": (re.compile(r"(1[89]|20)\d\d"), "a year of four digits"),
    "doi": (re.compile(r"10\.\d{4,9}/[^\s{}]+"), "a bare DOI such as 10.18653/v1/P16-1162"),
    "eprint": (re.compile(r"\d{4}\.\d{4,5}|[a-z-]+/\d{7}"), "an arXiv id without version such as 1706.03762"),
    "url": (re.compile(r"https?://[^\s{}]+"), "an address that begins with http"),
    "urldate": (re.compile(r"\d{4}-\d\d-\d\d"), "a date such as 2026-11-24"),
    "pages": (re.compile(r"\d+|\d+--\d+"), "one page, or two with -- between them"),
}
ROLE = re.compile(r"""
      \{cite(?::\w+)?\}`([^`]+)`         # MyST: {cite:p}`key`
    | :cite(?::\w+)?:`([^`]+)`           # docstrings: :cite:t:`key`
    | data-cite(?:-\w+)?=\\?"([^"\\]+)   # notebooks: <cite data-cite-p=\"key\">
""", re.VERBOSE)  # fmt: skip
ASIDE = re.compile(r"\{[^{}]*\}")  # the text around a key: {see}key{section 3}


@dataclass(frozen=True, order=True)
class Fault:
    """Something wrong with the references: in which file, about which key, and what."""

    file: str
    key: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.what}"


@dataclass(frozen=True)
class Work:
    """One entry of a BibTeX file."""

    key: str
    kind: str
    fields: dict[str, str] = field(hash=False)
    file: str

    def fault(self, what: str) -> Fault:
        """A fault of this entry."""
        return Fault(self.file, self.key, what)


def read(folder: Path) -> tuple[list[Work], list[Fault]]:
    """Read every BibTeX file of a folder, repeated keys included, and the faults of syntax met on the way."""
    works: list[Work] = []
    faults: list[Fault] = []
    for path in sorted(folder.glob("*.bib")):

        def note(error: PybtexError, file: str = path.name) -> None:
            faults.append(Fault(file, "(syntax)", str(error)))

        for kind, (key, fields) in LowLevelParser(path.read_text("utf-8"), handle_error=note):
            if key is None:
                continue
            flat = {name.lower(): " ".join("".join(parts).split()) for name, parts in fields}
            works.append(Work(key, kind.lower(), flat, path.name))
    return works, faults


def check_fields(work: Work) -> Iterator[Fault]:
    """Yield what is missing from an entry, or malformed in it."""
    if work.kind not in REQUIRED:
        yield work.fault(f"@{work.kind} is not one of {', '.join(sorted(REQUIRED))}; software and web pages are @misc")
        return
    for name in REQUIRED[work.kind]:
        if not work.fields.get(name):
            yield work.fault(f"@{work.kind} needs the field {name}")
    for name, (form, meaning) in FORMS.items():
        value = work.fields.get(name)
        if value is not None and not form.fullmatch(value):
            yield work.fault(f"{name} = {value!r} is not {meaning}")
    key = KEY.fullmatch(work.key)
    if key is None:
        yield work.fault("a key is the first author, the year and a word, in lower case: vaswani2017attention")
    elif key[1] != work.fields.get("year", key[1]):
        yield work.fault(f"the key says {key[1]}, the field year says {work.fields['year']}")
    yield from _check_authors(work)
    yield from _check_identifiers(work)


def _check_authors(work: Work) -> Iterator[Fault]:
    names = re.split(r"\s+and\s+", work.fields.get("author", ""))
    for place, name in enumerate(names, start=1):
        if name == "others" and place == len(names) > 1:
            continue
        if name and "," not in name and not (name.startswith("{") and name.endswith("}")):
            yield work.fault(f"write {name!r} as Family, Given (or {{An Organization}} in braces)")


def _check_identifiers(work: Work) -> Iterator[Fault]:
    fields = work.fields
    if not fields.keys() & {"doi", "eprint", "isbn", "url"}:
        yield work.fault("needs a doi, an eprint (arXiv), an isbn, or a url with its urldate")
    if "eprint" in fields and fields.get("archiveprefix") != "arXiv":
        yield work.fault("an eprint needs archiveprefix = {arXiv}")
    if "eprint" in fields and work.kind == "misc" and re.fullmatch(r"\d{4}\.\d+", fields["eprint"]):
        submitted = f"20{fields['eprint'][:2]}"
        if fields.get("year", submitted) != submitted:
            yield work.fault(f"arXiv {fields['eprint']} is of {submitted}, the field year says {fields['year']}")
    if "url" in fields and "urldate" not in fields and "aclanthology.org" not in fields["url"]:
        yield work.fault("a url needs a urldate, the day on which it was checked")
    if "isbn" in fields and not _is_isbn(fields["isbn"]):
        yield work.fault(f"isbn = {fields['isbn']!r} is not an ISBN of 13 digits with a right check digit")


def _is_isbn(text: str) -> bool:
    digits = text.replace("-", "")
    return bool(re.fullmatch(r"\d{13}", digits)) and sum(int(d) * (1, 3)[i % 2] for i, d in enumerate(digits)) % 10 == 0


def check_duplicates(works: list[Work]) -> Iterator[Fault]:
    """Yield the entries that repeat another's key, DOI, arXiv id, ISBN or title."""
    seen: dict[tuple[str, str], Work] = {}
    for work in works:
        for name in ("key", "doi", "eprint", "isbn", "title"):
            value = work.key if name == "key" else work.fields.get(name, "")
            value = re.sub(r"[\W_]", "", value).casefold()
            if not value:
                continue
            first = seen.setdefault((name, value), work)
            if first is not work:
                yield work.fault(f"has the same {name} as {first.key} in {first.file}")


def citations(root: Path) -> dict[str, list[str]]:
    """Find every citation in the book, the notebooks, the reading list, the data cards and the package.

    Args:
        root: The repository.

    Returns:
        For each key that is cited, the places: ``book/foundations/tokenization.md:12``.
    """
    places: dict[str, list[str]] = defaultdict(list)
    for path in _sources(root):
        text = path.read_text("utf-8")
        where = path.relative_to(root).as_posix()
        for match in ROLE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            for key in ASIDE.sub("", match[1] or match[2] or match[3]).split(","):
                places[key.strip()].append(f"{where}:{line}")
    for key, where in _constants(root):
        places[key].append(where)
    return dict(places)


def _sources(root: Path) -> Iterator[Path]:
    for folder, pattern in (
        ("book", "**/*.md"),
        ("book", "notebooks/*.ipynb"),
        ("references", "*.md"),
        ("datasets", "**/*.md"),
        ("llmguide", "**/*.py"),
    ):
        yield from sorted(path for path in (root / folder).glob(pattern) if "_build" not in path.parts)


def _constants(root: Path) -> Iterator[tuple[str, str]]:
    """Find the sources of constants and of published configurations: the strings that have the form of a key."""
    package = root / "llmguide"
    for path in (*sorted((package / "constants").glob("*.py")), package / "transformer" / "catalogue.py"):
        if not path.exists():
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and KEY.fullmatch(node.value):
                yield node.value, f"{path.relative_to(root).as_posix()}:{node.lineno}"


def check(root: Path) -> list[Fault]:
    """Check the references of a repository.

    Args:
        root: The folder that holds ``references/``, ``book/`` and ``llmguide/``.

    Returns:
        All faults, sorted by file and key; none if all is well.
    """
    works, faults = read(root / "references")
    for work in works:
        faults += check_fields(work)
    faults += check_duplicates(works)
    cited = citations(root)
    faults += (work.fault("is cited nowhere") for work in works if work.key not in cited)
    known = {work.key for work in works}
    for key in cited.keys() - known:
        faults += (Fault(place, key, "is cited, but no file in references/ has it") for place in cited[key])
    return sorted(faults)
