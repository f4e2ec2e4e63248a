"""The study-guide map: all of the guide is in the data, the data reach the page, and no link of the map is dead."""

import hashlib
import re
from collections import Counter
from pathlib import Path

import pytest
from _extensions.study_guide import DATA, Guide, load
from small_book import BOOK, SmallBook

# The guide: how many headings, paragraphs, bullets, table rows and lines of its tree of files each group has, counted
# by hand, and the beginning of the SHA-256 of their texts: whoever changes one must have looked into the guide.
GUIDE = {
    "introduction": (8, "7026499a979632a6"),
    "how-llms-work": (10, "c645053fdaac50b4"),
    "components": (10, "c6e760539c4d4150"),
    "applications": (6, "f066d5c72a94f2bb"),
    "comparison": (6, "02f8d7b8f5cd661a"),
    "challenges": (11, "3eec37ab4d22f249"),
    "structure": (25, "dcbf3bd1e997138b"),
    "resources": (7, "f70c08adbf14cf9a"),
    "techniques-client-or-serving": (5, "14b15cdc17325edb"),
    "techniques-data-augmentation": (4, "7a018aef808b7354"),
    "techniques-fine-tuning-and-training": (5, "9a381fe83a826083"),
    "techniques-architecture-and-design-patterns": (5, "e889a81517cd4c0e"),
    "techniques-prompt-engineering": (5, "d646d1ba530569e7"),
    "techniques-application-infrastructure": (5, "98d23f9ac2e5ab0a"),
}

SMALL = """
[chapters]
1 = "Introduction"
2 = "Attention"

[others]
reference = "Reference"

[[group]]
name = "parts"
title = "Parts"
lines = [
  { text = "Parts", heading = true, chapter = 1 },
  { text = "Heads and <masks>", chapter = 2, section = "sec-heads", function = "module.heads", missing = "Masks" },
  { text = "Notes", chapter = "reference", page = "notes", notebook = "notes" },
]
"""
PAGE = """
# Map

```{study-guide-summary}
```

```{study-guide-map} parts
```

(sec-heads)=
## Many heads

```{py:function} module.heads()
```
"""


@pytest.fixture(scope="module")
def guide() -> Guide:
    return load(BOOK / DATA)


def small(tmp_path: Path, data: str = SMALL, page: str = PAGE) -> SmallBook:
    index = "# Book\n\n```{toctree}\nmap\nnotes\n```\n"
    book = SmallBook(tmp_path, ["_extensions.study_guide"], {"index": index, "map": page, "notes": "# Some notes\n"})
    path = book.source / DATA
    path.parent.mkdir(exist_ok=True)
    path.write_text(data, "utf-8")
    return book


def test_every_line_of_the_guide_is_there(guide: Guide) -> None:
    assert [(group.name, len(group.lines)) for group in guide.groups] == [(name, n) for name, (n, _) in GUIDE.items()]


@pytest.mark.parametrize("name", GUIDE)
def test_the_lines_are_the_guide_s(guide: Guide, name: str) -> None:
    [group] = [group for group in guide.groups if group.name == name]
    texts = "\n".join(line.text for line in group.lines)
    assert hashlib.sha256(texts.encode()).hexdigest()[:16] == GUIDE[name][1]


def test_the_guide_has_29_techniques_in_six_groups_and_five_resources(guide: Guide) -> None:
    techniques = [group for group in guide.groups if group.name.startswith("techniques-")]
    assert len(techniques) == 6
    assert sum(len(group.lines) for group in techniques) == 29
    resources = next(group for group in guide.groups if group.name == "resources")
    linked = [line.text for line in resources.lines if line.section == "sec-reading-start"]
    section = (BOOK.parent / "references" / "reading-list.md").read_text("utf-8").partition("(sec-reading-start)=")[2]
    works = re.findall(r"^- \{cite:t\}`(\w+)`", section.partition("\n(sec-")[0], flags=re.MULTILINE)
    assert dict(zip(linked, works, strict=True)) == {
        "The Illustrated Transformer": "alammar2018illustrated",
        "Attention Is All You Need (Paper)": "vaswani2017attention",
        "Stanford CS224N: NLP with Deep Learning": "stanford2026cs224n",
        "Hugging Face Transformers Documentation": "huggingface2026transformers",
        "The GPT-4 Technical Report": "openai2023gpt4",
    }


def test_no_line_stands_twice(guide: Guide) -> None:
    for group in guide.groups:
        assert not [text for text, count in Counter(line.text for line in group.lines).items() if count > 1]


def test_the_chapters_are_those_of_the_book(guide: Guide) -> None:
    chapters = [number for number in guide.places if isinstance(number, int)]
    assert chapters == list(range(1, 25))
    assert len(set(guide.places.values())) == len(guide.places)


def test_the_page_shows_each_group_once() -> None:
    page = (BOOK / DATA).with_suffix(".md").read_text("utf-8")
    assert re.findall(r"```\{study-guide-map\} (\S+)", page) == list(GUIDE)


def test_a_covered_line_links_and_another_says_where_it_will_be(tmp_path: Path) -> None:
    book = small(tmp_path)
    book.build()
    page = book.page("map")
    cells = [[cell.get_text() for cell in row.find_all("td")] for row in page.select("tbody tr")]
    assert cells == [
        ["Parts", "planned: Introduction"],
        ["Heads and <masks>", "Many heads · module.heads · Masks planned: Attention"],
        ["Notes", "Some notes · notebook"],
    ]
    assert [a["href"] for a in page.select("tbody a")] == ["#sec-heads", "#module.heads", "notes.html", "notes.html"]
    assert "Of the guide's 3 lines, 1 are covered, 1 in part, and 1 are planned." in page.get_text().replace("’", "'")


@pytest.mark.parametrize(
    ("old", "new", "warning"),
    [
        ("sec-heads", "sec-tails", "undefined label: 'sec-tails'"),
        ("module.heads", "module.tails", r"py:obj reference target not found: module\.tails"),
        ('notebook = "notes"', 'notebook = "gone"', "unknown document: '/?gone'"),
        ('page = "notes"', 'page = "gone"', "unknown document: '/?gone'"),
        ("chapter = 2", "chapter = 3", r"'Heads and <masks>' has chapter = 3, which is not in \[chapters\]"),
        ('name = "parts"', 'name = "whole"', "has no group 'parts'; it has whole"),
    ],
)
def test_what_does_not_exist_fails_the_build(tmp_path: Path, old: str, new: str, warning: str) -> None:
    small(tmp_path, data=SMALL.replace(old, new)).build(expect_warning=warning)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("heading = true", "head = true", "'Parts' has the unknown field head"),
        ('text = "Notes", ', "", "lacks the field text"),
        ('section = "sec-heads", function = "module.heads", ', "", "says what is missing, but names no section"),
    ],
)
def test_wrong_data_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "study-guide.toml"
    path.write_text(SMALL.replace(old, new), "utf-8")
    with pytest.raises(ValueError, match=f"^study-guide.toml: .*{message}"):
        load(path)


def test_changed_data_rewrite_the_page(tmp_path: Path) -> None:
    book = small(tmp_path)
    book.build()
    assert book.build() == set()
    (book.source / DATA).write_text(SMALL.replace("Attention", "Attending"), "utf-8")
    written = book.build()
    assert "map" in written
    assert "notes" not in written
    assert "planned: Attending" in book.page("map").get_text()


def test_the_map_is_the_same_when_read_in_parallel(tmp_path: Path) -> None:
    book = small(tmp_path)
    for number in range(8):  # below five pages Sphinx does not start a second process
        book.write(f"extra/{number}", f"---\norphan: true\n---\n\n# Page {number}\n")
    book.build(parallel=2)
    assert "Many heads · module.heads" in book.page("map").get_text()
