"""The bibliography: the repository's own has no fault, and the check finds each kind of fault."""

from pathlib import Path

import pytest
from _extensions import bibcheck

ROOT = Path(__file__).parents[2]

GOOD = """
@inproceedings{sennrich2016neural,
  author = {Sennrich, Rico and Haddow, Barry and Birch, Alexandra},
  title = {Neural Machine Translation of Rare Words with Subword Units},
  booktitle = {ACL},
  pages = {1715--1725},
  year = {2016},
  doi = {10.18653/v1/P16-1162},
}
"""
PREPRINT = """
@misc{kozma2024theoretical,
  author = {Kozma, László and Voderholzer, Johannes},
  title = {Theoretical Analysis of Byte-Pair Encoding},
  year = {2024},
  eprint = {2411.08671},
  archiveprefix = {arXiv},
}
"""
PAGE = """
@misc{alammar2018illustrated,
  author = {Alammar, Jay},
  title = {The Illustrated Transformer},
  year = {2018},
  url = {https://jalammar.github.io/illustrated-transformer/},
  urldate = {2026-11-24},
}
"""
BOOK = """
@book{unicode2021standard,
  author = {{The Unicode Consortium}},
  title = {The Unicode Standard, Version 14.0.0},
  publisher = {The Unicode Consortium},
  year = {2021},
  isbn = {978-1-936213-29-0},
}
"""


def faults(tmp_path: Path, files: dict[str, str]) -> list[str]:
    """The faults of a small repository, as text."""
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return [str(fault) for fault in bibcheck.check(tmp_path)]


def cite(*keys: str) -> dict[str, str]:
    return {"book/page.md": "\n".join(f"A claim {{cite:p}}`{key}`." for key in keys)}


def test_the_repository_has_no_fault() -> None:
    found = bibcheck.check(ROOT)
    assert not found, "\n".join(map(str, found))


def test_the_five_resources_of_the_study_guide_are_entries() -> None:
    works, _ = bibcheck.read(ROOT / "references")
    found = {work.fields.get("eprint") or work.fields.get("url") for work in works}
    assert found >= {
        "https://jalammar.github.io/illustrated-transformer/",
        "1706.03762",
        "https://web.stanford.edu/class/cs224n/",
        "https://huggingface.co/docs/transformers/index",
        "2303.08774",
    }


def test_good_entries_have_no_fault(tmp_path: Path) -> None:
    keys = cite("sennrich2016neural", "kozma2024theoretical", "alammar2018illustrated", "unicode2021standard")
    assert faults(tmp_path, {"references/a.bib": GOOD + PREPRINT + PAGE + BOOK, **keys}) == []


@pytest.mark.parametrize(
    ("entry", "change", "what"),
    [
        (GOOD, ("  booktitle = {ACL},\n", ""), "@inproceedings needs the field booktitle"),
        (GOOD, ("{10.18653/", "{https://doi.org/10.18653/"), "is not a bare DOI"),
        (GOOD, ("  doi = {10.18653/v1/P16-1162},\n", ""), "needs a doi, an eprint (arXiv), an isbn, or a url"),
        (GOOD, ("{2016}", "{2015}"), "the key says 2016, the field year says 2015"),
        (GOOD, ("{2016}", "{16}"), "year = '16' is not a year of four digits"),
        (GOOD, ("1715--1725", "1715-1725"), "is not one page, or two with -- between them"),
        (GOOD, ("Haddow, Barry", "Barry Haddow"), "write 'Barry Haddow' as Family, Given"),
        (GOOD, ("@inproceedings", "@software"), "@software is not one of"),
        (GOOD, ("sennrich2016neural", "Sennrich2016"), "a key is the first author, the year and a word"),
        (GOOD, ("  title = {Neural", "  title = Neural"), "(syntax)"),
        (PREPRINT, ("2411.08671", "2411.08671v2"), "is not an arXiv id without version"),
        (PREPRINT, ("2411.08671", "2311.08671"), "arXiv 2311.08671 is of 2023, the field year says 2024"),
        (PREPRINT, ("  archiveprefix = {arXiv},\n", ""), "an eprint needs archiveprefix"),
        (PAGE, ("  urldate = {2026-11-24},\n", ""), "a url needs a urldate"),
        (PAGE, ("2026-11-24", "24 November 2026"), "is not a date such as"),
        (BOOK, ("29-0", "29-1"), "is not an ISBN of 13 digits with a right check digit"),
    ],
)
def test_a_broken_entry_is_named(tmp_path: Path, entry: str, change: tuple[str, str], what: str) -> None:
    assert change[0] in entry
    broken = entry.replace(*change)
    key = broken.split("{", 1)[1].split(",", 1)[0]
    found = faults(tmp_path, {"references/a.bib": broken, **cite(key)})
    assert any(fault.startswith("a.bib: ") and what in fault for fault in found), found


@pytest.mark.parametrize(
    ("second", "what"),
    [
        (GOOD.replace("10.18653/v1/P16-1162", "10.1/other").replace("Neural", "Another"), "has the same key as"),
        (GOOD.replace("2016neural", "2016again").replace("Neural", "Another"), "has the same doi as"),
        (GOOD.replace("2016neural", "2016again").replace("10.18653/v1/P16-1162", "10.1/x"), "has the same title as"),
    ],
)
@pytest.mark.parametrize("name", ["references/a.bib", "references/b.bib"], ids=["same file", "another file"])
def test_a_work_entered_twice_is_named(tmp_path: Path, second: str, what: str, name: str) -> None:
    files = {"references/a.bib": GOOD}
    files[name] = files.get(name, "") + second
    found = faults(tmp_path, files | cite("sennrich2016neural", "sennrich2016again"))
    assert any(f"{what} sennrich2016neural in a.bib" in fault for fault in found), found


def test_an_entry_that_nothing_cites_is_named(tmp_path: Path) -> None:
    assert faults(tmp_path, {"references/a.bib": GOOD}) == ["a.bib: sennrich2016neural: is cited nowhere"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("book/foundations/page.md", "First\n{cite:t}`sennrich2016neural, nobody1999nothing{section 2}`"),
        ("book/notebooks/demo.ipynb", '["\\n",\n"<cite data-cite-p=\\"sennrich2016neural,nobody1999nothing\\">"]'),
        ("references/reading-list.md", "\n{cite:t}`{see}nobody1999nothing` and {cite}`sennrich2016neural`"),
        ("datasets/world/README.md", "\n{cite:p}`sennrich2016neural,nobody1999nothing`"),
        ("llmguide/bpe.py", '"""Merge.\nSource: :cite:t:`sennrich2016neural`, :cite:`nobody1999nothing`."""'),
        ("llmguide/constants/sizes.py", 'X = ("a value",\n"sennrich2016neural", "nobody1999nothing")'),
    ],
)
def test_citations_are_found_wherever_they_stand(tmp_path: Path, file: str, text: str) -> None:
    found = faults(tmp_path, {"references/a.bib": GOOD, file: text})
    assert found == [f"{file}:2: nobody1999nothing: is cited, but no file in references/ has it"]
