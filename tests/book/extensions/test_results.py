"""Recorded results in a small book: what is printed, what it links to, and what ends the build."""

import json
from pathlib import Path
from typing import Any

import pytest
from _extensions.results import Column
from _extensions.tables import format_value
from sample_book import build, build_pages, copy_sample, find, read_page, words

RECORD = "results/small-demo.json"


def test_values_are_printed_in_their_format_and_link_to_the_experiment(html: Path) -> None:
    sentence = find(read_page(html, "two"), "#sec-counting > p:not(.result-source)")
    assert words(sentence).startswith(
        "The mean is 6.10 ± 1.0 × 10⁻¹, so four gives more than one; more-is-longer holds."
    )
    links = [str(link["href"]) for link in sentence.select("a:has(.result)")]
    assert links == 2 * ["experiments.html#exp-small-demo"] + 2 * ["experiments.html#exp-small-demo-more-is-longer"]
    assert find(read_page(html, "experiments"), "#exp-small-demo-more-is-longer")


def test_a_table_holds_means_deviations_and_its_source(html: Path) -> None:
    two = read_page(html, "two")
    table = find(two, "table#tab-sizes")
    assert [[words(cell) for cell in row.select("th, td")] for row in table.select("tr")] == [
        ["Size", "Length", "Count"],
        ["1", "1.60 ± 0.10", "1,000"],
        ["2", "3.10 ± 0.10", "2,000"],
        ["large", "6.10 ± 0.10", "4,000"],
    ]
    assert words(find(table, "caption")) == "Table 2.1 Every size"
    assert [cell.name for cell in table.select("tbody .stub")] == 3 * ["th"]
    source = find(two, ".table-wrapper + .result-source")
    assert words(source) == "Data: Length by size (JSON)"
    assert [Path(str(link["href"])).name for link in source.select("a")] == [
        "experiments.html#exp-small-demo",
        "small-demo.json",
    ]


def test_print_and_epub_hold_the_same_values_without_the_download(epub: Path, latex: str) -> None:
    assert (
        words(find(read_page(epub, "two"), ".table-wrapper + .result-source, table + .result-source"))
        == "Data: Length by size"
    )
    assert r"\hyperref[\detokenize{experiments:exp-small-demo}]" in latex
    assert "6.10 ± 0.10" in latex
    assert "JSON" not in latex.split(r"\chapter{Experiments}", maxsplit=1)[0]


def test_a_constant_links_to_its_entry(html: Path) -> None:
    constant = find(read_page(html, "one"), 'a[href*="constant-gpt2-vocab-size"]')
    assert words(constant) == "50,257"
    entry = find(read_page(html, "constants"), "#constant-gpt2-vocab-size")
    assert words(entry) == "gpt2-vocab-size: 50,257 tokens"


def test_a_changed_record_is_printed_by_the_next_build(draft: Path) -> None:
    unused = draft.parent / "book-html" / "constants.html"
    before = unused.stat().st_mtime_ns
    record = json.loads((draft / RECORD).read_text("utf-8"))
    for metrics in [record["metrics"], *record["per_seed"].values()]:
        metrics["by_size"]["4"]["length"] = 8.5
    record["spread"]["by_size"]["4"]["length"] = 0.0
    (draft / RECORD).write_text(json.dumps(record), "utf-8")
    assert build(draft) == ""
    assert "The mean is 8.50" in words(read_page(draft.parent / "book-html", "two"))
    assert unused.stat().st_mtime_ns == before, "a page that prints nothing of the record is left alone"


def test_a_table_of_a_whole_record_has_deviations_too(draft: Path) -> None:
    with (draft / "one.md").open("a", encoding="utf-8") as page:
        page.write("\n```{result-table} All\n:path: small-demo\n:columns: 2.length±|.2f|Length\n:name: tab-all\n```\n")
    assert build(draft) == ""
    table = find(read_page(draft.parent / "book-html", "one"), "table#tab-all")
    assert [words(cell) for cell in table.select("tbody tr > *")] == ["3.10 ± 0.10"]


def prepare(book: Path) -> None:
    """Lay records beside the true one that cannot be trusted."""
    for name, edit in {"edited": _edit_mean, "stale": _change_source, "failing": _raise_the_bar}.items():
        record = json.loads((book / RECORD).read_text("utf-8"))
        edit(record)
        (book / "results" / f"{name}.json").write_text(json.dumps(record), "utf-8")


def _edit_mean(record: dict[str, Any]) -> None:
    record["metrics"]["by_size"]["4"]["length"] += 1


def _change_source(record: dict[str, Any]) -> None:
    record["fingerprint"]["llmguide.experiments.small_demo"] = "0" * 64


def _raise_the_bar(record: dict[str, Any]) -> None:
    record["claims"]["more-is-longer"].update(smallest_effect=5, holds=False)


FAULTS = {
    "{result}`small-demo.by_size.5.length|.2f`": "{result}`small-demo.by_size.5.length|.2f` of small-demo: no '5'",
    "{result}`small-demo.by_size.4.length|.2x`": "{result}`small-demo.by_size.4.length|.2x` of small-demo: ",
    "{result}`small-demo.by_size`": "is neither a number nor a string",
    "{spread}`small-demo.by_size.4.width`": "no 'width'",
    "{result}`no-demo.value`": "make it with `llmguide experiments run no-demo`",
    "{result}`edited.by_size.4.length`": "are not those of its seeds",
    "{result}`stale.by_size.4.length`": "is stale (llmguide.experiments.small_demo changed since)",
    "{claim}`failing.more-is-longer`": "effects 4.5, 4.5, 4.5, at least 5",
    "{claim}`small-demo.less`": "small-demo makes no claim 'less'; there are: more-is-longer",
    "{constant}`gpt5-vocab-size|,`": "no constant 'gpt5-vocab-size'; there are: gpt2-vocab-size",
    "{constant}`gpt2-vocab-size|,|source`": "after the format of a constant only `cite` may stand",
    "```{result-table} Empty\n:columns: length\n```": "a result table needs `:path:`",
    "```{result-table} Empty\n:path: small-demo.by_size\n:columns: width|.2f\n```": "small-demo.by_size: no 'width'",
}
PAGES = {text: f"# Page\n\n{text}\n" for text in FAULTS}


@pytest.mark.parametrize(("text", "complaint"), FAULTS.items(), ids=FAULTS)
def test_what_cannot_be_printed_ends_the_build_and_says_where(said: dict[str, str], text: str, complaint: str) -> None:
    assert "page.md:3: " in said[text]
    assert complaint in said[text]


def test_the_page_of_experiments_refuses_a_claim_that_does_not_hold(tmp_path: Path) -> None:
    book = copy_sample(tmp_path / "book")
    record = json.loads((book / RECORD).read_text("utf-8"))
    _raise_the_bar(record)
    (book / RECORD).write_text(json.dumps(record), "utf-8")
    (said,) = build_pages(book, ["# Page\n\n```{experiments-index}\n```\n"])
    assert "page.md:3: small-demo: a claim does not hold (more-is-longer)" in said


@pytest.mark.parametrize(
    ("value", "spec", "text"),
    [
        (0.1234, ".1%", "12.3%"),
        (-0.5, ".2f", "−0.50"),
        (0.000123, ".1e", "1.2 × 10⁻⁴"),
        (-2.5e30, ".0e", "−2 × 10³⁰"),
        (1_234_567, ",", "1,234,567"),
        ("a-b", "", "a-b"),
    ],
)
def test_format_value(value: float | str, spec: str, text: str) -> None:
    assert format_value(value, spec) == text


def test_format_value_refuses_a_truth_value() -> None:
    with pytest.raises(TypeError, match="neither a number nor a string"):
        format_value(True, "")


def test_a_column_may_take_the_entry_itself() -> None:
    assert Column.parse("|,|Tokens").cell(1000, {}, "a").text == "1,000"
