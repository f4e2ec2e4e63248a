"""The page of benchmarks says what the records say."""

from pathlib import Path

import pytest
from bs4 import BeautifulSoup

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
    rows = load(SECTIONS[section]).metrics.values()
    assert [cells[0] for cells in shown] == [row["work"] for row in rows]
    assert [float(cells[2]) for cells in shown] == [float(f"{row['ratio']:.3g}") for row in rows]
    assert [cells[4].endswith("met") for cells in shown] == [row["met"] for row in rows]
