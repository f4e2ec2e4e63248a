"""The page of benchmarks says what the records say."""

from dataclasses import replace
from pathlib import Path

import pytest
from _extensions.benchmarks import state_of
from bs4 import BeautifulSoup

from llmguide.experiments.fingerprint import digest
from llmguide.experiments.records import load

SECTIONS = {
    "sec-benchmarks-tokenizers": "bench-tokenizers",
    "sec-benchmarks-training": "bench-training-step",
    "sec-benchmarks-generation": "bench-generation",
}


@pytest.mark.parametrize("section", SECTIONS)
def test_each_row_of_the_record_is_on_the_page(section: str, html_dir: Path) -> None:
    page = BeautifulSoup((html_dir / "reference/benchmarks.html").read_text("utf-8"), "html.parser")
    table = page.select_one(f"#{section} table")
    assert table is not None
    shown = [[cell.get_text(strip=True) for cell in row.find_all("td")] for row in table.select("tbody tr")]
    record = load(SECTIONS[section])
    assert state_of(record) in " ".join(page.select_one(f"#{section}").get_text().split())
    rows = record.metrics.values()
    assert [cells[0] for cells in shown] == [row["work"] for row in rows]
    assert [float(cells[2]) for cells in shown] == [float(f"{row['ratio']:.3g}") for row in rows]
    assert [cells[4].endswith("met") for cells in shown] == [row["met"] for row in rows]


def test_a_benchmark_says_whether_what_it_timed_has_changed() -> None:
    names = ["llmguide.atomic", "llmguide.datasets", "llmguide.constants", "dataset:shakespeare"]
    today = {name: digest(name) for name in names}
    record = load("bench-tokenizers")
    assert state_of(replace(record, fingerprint=today)) == "The code and the texts are the same today."
    one = state_of(replace(record, fingerprint=today | {"dataset:shakespeare": "0"}))
    assert one.endswith("since then 1 of its 4 sources changed (dataset:shakespeare).")
    every = state_of(replace(record, fingerprint=dict.fromkeys(names, "0")))
    assert every.endswith("4 of its 4 sources changed (llmguide.atomic, llmguide.datasets, llmguide.constants, …).")
    assert "no checksums" in state_of(replace(record, fingerprint={}))
