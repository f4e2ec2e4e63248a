"""Code that a small book runs: what is shown, what later code sees, and what ends the build."""

from pathlib import Path

import pytest
from _extensions.live_output import run_snippet
from sample_book import find, read_page, words


def test_a_listing_shows_the_code_with_what_it_prints_and_its_last_value(html: Path) -> None:
    listing = find(read_page(html, "two"), ".code-run:has(#lst-sum)")
    assert words(find(listing, ".code-block-caption")) == "Listing 2.1 A sum"
    assert find(listing, "#lst-sum pre").get_text().splitlines()[-1] == "first + second"
    assert find(listing, ".code-output pre").get_text() == "first 1\n3\n"


def test_a_later_snippet_sees_what_an_earlier_one_defined_and_may_end_in_a_table(html: Path) -> None:
    table = find(read_page(html, "two"), "table#tab-squares")
    assert words(find(table, "caption")) == "Table 2.2 Squares"
    assert [[words(cell) for cell in row.select("th, td")] for row in table.select("tr")] == [
        ["number", "square", "as code"],
        ["1", "1,000", "x1"],
        ["2", "4,000", "x2"],
    ]
    assert [words(code) for code in table.select("code")] == ["x1", "x2"]
    assert "first, second" not in words(find(read_page(html, "two"), "#running")).partition("Table")[2]


def test_epub_and_print_hold_the_same(epub: Path, latex: str) -> None:
    assert words(find(read_page(epub, "two"), ".code-output pre")) == "first 1 3"
    assert "first 1\n3\n" in latex
    assert r"\label{\detokenize{two:lst-sum}}" in latex
    assert r"\sphinxcaption{Squares}\label{\detokenize{two:tab-squares}}" in latex


FAULTS = {
    "one = 1\none / 0": "page.md:3: the code fails:",
    "one = 1\n\none / 0": 'page.md", line 6, in <module>',
    "one = ": "SyntaxError: invalid syntax",
    "first": "NameError: name 'first' is not defined",  # which two.md defines
    "one = 1": "page.md:3: the code prints nothing: end it with an expression, or say `:hide-output:`",
    ":name: lst-a\n1": "page.md:3: a `:name:` needs a `:caption:`",
    ":as: table\n[(1, 2)]": "page.md:3: a table wants rows as the last expression",
    ":as: table\n[('a', 'b'), (1,)]": "page.md:3: not every row of the table has 2 cells",
    ":as: table\n:formats: c|,\n[('a', 'b'), (1, 2)]": "page.md:3: no column c; there are: a, b",
}
SEEDED = ":hide-output:\nimport random\nassert round(random.random(), 6) == 0.844422, random.random()"  # of seed 0
PAGES = {code: f"# Page\n\n```{{code-run}}\n{code}\n```\n" for code in [*FAULTS, SEEDED]}


@pytest.mark.parametrize(("code", "complaint"), FAULTS.items(), ids=FAULTS.values())
def test_code_that_cannot_be_shown_ends_the_build(said: dict[str, str], code: str, complaint: str) -> None:
    assert complaint in said[code]


def test_random_numbers_are_the_same_in_every_build(said: dict[str, str]) -> None:
    assert said[SEEDED] == ""


def test_run_snippet_shares_a_namespace() -> None:
    namespace: dict[str, object] = {}
    assert run_snippet("x = 1\nprint(x)", namespace, "page.md") == ("1\n", None)
    assert run_snippet("x + 1", namespace, "page.md") == ("", 2)
