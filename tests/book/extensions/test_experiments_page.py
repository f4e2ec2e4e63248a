"""The page of experiments: everything about a run, and the way back to the sections that print from it."""

import json
from pathlib import Path

from _extensions.experiments_page import _folded
from bs4 import BeautifulSoup
from sample_book import build, find, read_page, words


def test_an_entry_says_all_about_the_run(html: Path) -> None:
    entry = find(read_page(html, "experiments"), "section.experiment")
    assert words(find(entry, "h2")) == "Length by size"
    assert words(entry.select("p")[0]) == "How much longer do things get as they get larger?"
    assert words(find(entry, ".claims dt")) == "Four is at least 3 longer than one."
    measured = "Measured: 4.500 (seed 0), 4.500 (seed 1), 4.500 (seed 2). The claim holds."
    assert words(find(entry, ".claims dd")) == f"Smallest effect of interest: 3. {measured}"
    fields = dict(zip(map(words, entry.select(".run dt")), entry.select(".run dd"), strict=True))
    assert words(fields["Command:"]) == "llmguide experiments run small-demo"
    assert words(fields["Settings:"]) == "sizes=[1, 2, 4]"
    assert words(fields["Seeds:"]) == "0, 1, 2"
    assert words(fields["Versions:"]).startswith("python 3.")
    assert find(fields["Code:"], "a")["href"] == "#module-llmguide.experiments.small_demo"
    assert find(fields["Explained in:"], "a")["href"] == "two.html#sec-counting"
    record = json.loads((html / str(find(fields["Record:"], "a")["href"])).read_text("utf-8"))
    assert record["experiment"] == "small-demo"
    assert words(fields["Run:"]).startswith(record["date"])
    numbers = [[words(cell) for cell in row.select("th, td")] for row in entry.select("tbody tr")]
    assert numbers[:2] == [["by_size.1.length", "1.600", "0.10"], ["by_size.1.count", "1,000", "0"]]


def test_an_entry_leads_back_to_each_section_that_prints_from_it_once(html: Path, epub: Path, latex: str) -> None:
    for output, page in ((html, "two.html"), (epub, "two.xhtml")):
        links = read_page(output, "experiments").select(f'a[href^="{page}"]:not(:has(.std))')
        assert [(link["href"], words(link)) for link in links] == [(f"{page}#sec-counting", "2.1 Counting")]
    assert r"\hyperref[\detokenize{two:sec-counting}]{\sphinxcrossref{2.1 Counting}}" in latex


def test_a_new_use_reaches_the_entry(draft: Path) -> None:
    with (draft / "one.md").open("a", encoding="utf-8") as one:
        one.write("\n(sec-new)=\n## New\n\n{result}`small-demo.by_size.1.count|,`\n")
    assert build(draft) == ""
    entry = find(read_page(draft.parent / "book-html", "experiments"), "section.experiment")
    assert words(find(entry, 'a[href="one.html#sec-new"]')) == "1.2 New"


def test_many_numbers_are_folded_with_their_deviations() -> None:
    folded, elsewhere = _folded({"a.b": "1.500", "long.path<": "12"}, {"a.b": "0.5"})
    assert (folded["expr"], elsewhere["expr"]) == ("builder_html", "not builder_html")
    page = BeautifulSoup(folded.astext(), "html.parser")
    assert words(find(page, "summary")) == "All 2 results: mean ± deviation"
    assert find(page, "pre").get_text().splitlines() == ["a.b        1.500 ± 0.5", "long.path<    12"]
    assert elsewhere.astext() == "The record has all 2 results, with their deviations."
