"""Formulas become MathML while the book is built, in one process or in several."""

import subprocess
import sys
from pathlib import Path

import pytest
from _extensions.mathml import to_mathml
from sphinx.errors import ExtensionError

BOOK = Path(__file__).parents[2] / "book"


def test_a_formula_keeps_its_structure_and_its_source() -> None:
    markup = to_mathml(r"\frac{a}{b}", display=True)
    assert "<mfrac><mi>a</mi><mi>b</mi></mfrac>" in markup
    assert r'<annotation encoding="application/x-tex">\frac{a}{b}</annotation>' in markup


def test_no_space_follows_an_operator_that_ends_a_formula() -> None:
    assert "mspace" not in to_mathml(r"\operatorname{id}", display=False)


def test_what_is_no_formula_is_quoted() -> None:
    with pytest.raises(ExtensionError, match=r"cannot read the formula '\\\\frac\{a'"):
        to_mathml(r"\frac{a", display=False)


def test_a_parallel_build_sets_the_formulas_of_every_page(tmp_path: Path) -> None:
    # Sphinx writes the first page itself and forks for the others; an engine shared across the fork never answers.
    pages = ["index", *(f"page{number}" for number in range(8))]
    (tmp_path / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(BOOK)!r})\nextensions = ['myst_parser', '_extensions.mathml']\n"
        "myst_enable_extensions = ['dollarmath']\nhtml_math_renderer = 'mathml'\n"
    )
    for page in pages:
        (tmp_path / f"{page}.md").write_text(f"# {page}\n\n$x_{{{page[-1]}}}$\n")
    (tmp_path / "index.md").write_text("# index\n\n$x^2$\n\n```{toctree}\n:glob:\n\npage*\n```\n")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "-j",
        "2",
        "-b",
        "html",
        str(tmp_path),
        str(tmp_path / "out"),
    ]
    subprocess.run(command, check=True, timeout=60)
    assert all("<math" in (tmp_path / "out" / f"{page}.html").read_text("utf-8") for page in pages)
