"""The small steps on the way to print and EPUB, each alone."""

import doctest
import importlib
from pathlib import Path

import pytest
from _extensions.cover import attention, draw_cover
from _extensions.epub_book import in_reading_order
from _extensions.latex_book import let_break, spell_out
from _extensions.latex_tables import LINE, Column, height, lay_out, measure, specify
from _extensions.scripts import keep_emoji_together


@pytest.mark.parametrize("module", ["cover", "epub_book", "latex_book", "scripts"])
def test_examples_in_docstrings(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"_extensions.{module}"))
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("emoji", ["👩‍🚀", "👨‍👩‍👧‍👦", "👍🏽", "🇩🇪", "❤️", "1️⃣", "🏳️‍🌈"])
def test_an_emoji_of_several_characters_stays_whole(emoji: str) -> None:
    assert keep_emoji_together(f"a {emoji}{emoji} b") == rf"a \bookemoji{{{emoji}}}\bookemoji{{{emoji}}} b"


@pytest.mark.parametrize("text", ["12 #3", "a → b", "🙂🤖", "नमस्ते", r"\PYG{l+s}{x}"])
def test_other_text_is_left_alone(text: str) -> None:
    assert spell_out(text) == text


def test_the_sign_for_undecodable_bytes_becomes_a_command() -> None:
    assert spell_out("b�") == r"b\bookreplacement{}"


def test_long_names_may_break_and_commands_stay_whole() -> None:
    digest = "26b406c44d080d7827ee089631c5081b"
    assert let_break(digest).replace(r"\bookbreak{}", "") == digest
    assert let_break(digest).count(r"\bookbreak{}") == 3
    assert let_break(r"x\textasciicircum{}") == r"x\textasciicircum{}"
    assert let_break("f()") == r"f(\bookbreak{})"


def test_a_narrow_table_keeps_its_natural_width_and_full_size() -> None:
    rows = [["text", "ids"], ["kingdom", "2753"], ["Kingdom", "43"]]
    columns = measure(rows, heads=1)
    assert columns == [Column(word=8, natural=8, number=False), Column(word=5, natural=5, number=True)]
    type_, on_side, widths = lay_out(columns)
    assert (type_.command, on_side, widths) == (r"\small", False, [8, 5])
    assert specify(columns, type_, widths) == (
        r">{\raggedright\arraybackslash}p{41.6pt}>{\raggedleft\arraybackslash}p{26.0pt}"
    )


def test_a_wide_table_fills_the_line_and_no_more() -> None:
    rows = [["name", "what it is"], ["a", "word " * 60], ["b", "word " * 20]]
    columns = measure(rows, heads=1)
    type_, on_side, widths = lay_out([*columns, *columns, *columns])
    assert not on_side
    assert sum(widths) == pytest.approx(type_.room(LINE, 6))


def test_a_table_of_many_columns_gets_smaller_type_and_then_lies_down() -> None:
    column = Column(word=12, natural=12, number=True)
    found = [lay_out([column] * count) for count in (4, 7, 8)]
    assert [(type_.command, on_side) for type_, on_side, _ in found] == [
        (r"\small", False),
        (r"\scriptsize", False),
        (r"\small", True),
    ]


def test_height_counts_the_lines_of_the_tallest_cell() -> None:
    assert height([["a", "b"], ["x" * 25, "y"]], [10, 5]) == 4


def test_a_section_without_pages_stays_in_the_contents() -> None:
    entries = [
        {"level": 1, "refuri": "a.xhtml"},
        {"level": 2, "refuri": "a.xhtml#one"},
        {"level": 1, "refuri": "b.xhtml"},
    ]
    assert in_reading_order(entries) == entries


def test_pages_below_sections_are_lifted_until_their_page_ends() -> None:
    found = in_reading_order(
        [
            {"level": 1, "refuri": "api.xhtml"},
            {"level": 2, "refuri": "api.xhtml#one"},
            {"level": 3, "refuri": "m.xhtml"},
            {"level": 2, "refuri": "api.xhtml#two"},
            {"level": 3, "refuri": "n.xhtml"},
            {"level": 4, "refuri": "n.xhtml#part"},
            {"level": 1, "refuri": "end.xhtml"},
        ]
    )
    assert [(entry["level"], entry["refuri"]) for entry in found] == [
        (1, "api.xhtml"), (2, "m.xhtml"), (2, "n.xhtml"), (3, "n.xhtml#part"), (1, "end.xhtml"),
    ]  # fmt: skip


def test_attention_looks_back_only_and_sums_to_one() -> None:
    for query, weights in enumerate(attention(6)):
        assert len(weights) == query + 1
        assert sum(weights) == pytest.approx(1)


def test_the_same_cover_twice(tmp_path: Path) -> None:
    for name in ("first", "second"):
        for ending in ("png", "pdf"):
            draw_cover("A Title of Several Words", "Nobody", tmp_path / name / f"cover.{ending}")
    for ending in ("png", "pdf"):
        drawn = [(tmp_path / name / f"cover.{ending}").read_bytes() for name in ("first", "second")]
        assert drawn[0] == drawn[1]
        assert drawn[0].startswith({"png": b"\x89PNG", "pdf": b"%PDF"}[ending])
