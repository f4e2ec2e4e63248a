"""What is said of the book's version and date is the same wherever it is said."""

import ast
import json
import re
import tomllib
from datetime import date
from pathlib import Path

import yaml
from chapters import CHAPTERS

import llmguide

ROOT = Path(__file__).parents[2]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
BOOK = CITATION["preferred-citation"]


def test_software_and_book_are_of_the_same_version_and_day() -> None:
    assert CITATION["version"] == BOOK["version"] == llmguide.__version__
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == llmguide.__version__
    assert CITATION["date-released"] == BOOK["date-released"]
    assert date.fromisoformat(BOOK["date-released"]).year == BOOK["year"]


def test_the_same_words_describe_it_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    settings = ast.parse((ROOT / "book/conf.py").read_text("utf-8"))
    [of_the_book] = [
        ast.literal_eval(node.value)
        for node in settings.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "book_keywords"
    ]
    assert CITATION["keywords"] == project["keywords"] == of_the_book


def test_the_changelog_begins_with_this_version() -> None:
    heading = f"## {llmguide.__version__} ({CITATION['date-released']})"
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert next(line for line in changes.splitlines() if line.startswith("## ")) == heading
    page = (ROOT / "book/reference/changelog.md").read_text("utf-8")
    assert re.findall("^## .*", page, re.MULTILINE) == re.findall("^## .*", changes, re.MULTILINE)


def test_no_chapter_is_younger_than_the_version() -> None:
    """A citation gives the version's date, so a chapter of a later day needs a version of its own."""
    changes = " ".join((ROOT / "CHANGELOG.md").read_text("utf-8").split())
    titles = [
        re.findall("^# (.*)", (ROOT / f"book/{name}.md").read_text("utf-8"), re.MULTILINE)[0] for name in CHAPTERS
    ]
    for notebook in (ROOT / "book/notebooks").glob("*.ipynb"):
        cells = json.loads(notebook.read_text("utf-8"))["cells"]
        titles += re.findall("^# (.*)", "".join(cells[0]["source"]), re.MULTILINE)[:1]
    packages = [path.parent.name for path in (ROOT / "llmguide").glob("*/__init__.py")]
    assert len(titles) > len(CHAPTERS)
    missing = [title for title in titles if f"*{title}*" not in changes]
    missing += [name for name in packages if f"`llmguide.{name}`" not in changes]
    assert not missing, "enter them in CHANGELOG.md under a new version and its day, and set these everywhere"


def test_the_page_on_citing_says_what_the_citation_file_says() -> None:
    page = (ROOT / "book/reference/how-to-cite.md").read_text("utf-8")
    [author] = BOOK["authors"]
    version, year = f"Version {BOOK['version']}", str(BOOK["year"])
    assert f"> {author['name']}. *{BOOK['title']}*. {version}, {year}." in page
    for value in (author["name"], BOOK["title"], version, year):
        assert f"{{{value}}}" in page  # in the BibTeX entry


def test_the_licences_lie_beside_the_text() -> None:
    assert CITATION["license"] == "Apache-2.0"
    assert (ROOT / "LICENSE").read_text("utf-8").split()[:2] == ["Apache", "License"]
    assert BOOK["license"] == "CC-BY-4.0"
    assert (ROOT / "LICENSE-text").read_text("utf-8").startswith("Attribution 4.0 International\n")
