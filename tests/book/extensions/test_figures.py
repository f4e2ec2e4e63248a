"""Figures of a small book: one for each output and theme, always the same bytes, in colours that can be told apart."""

from itertools import combinations
from math import dist
from pathlib import Path

import pytest
from _extensions import figure_style
from _extensions.drawing import draw_once
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from sample_book import build, find, read_page, words

ALT = "\n:alt: A line.\n"


def test_html_holds_both_themes_with_one_text_for_both(html: Path) -> None:
    figure = find(read_page(html, "two"), "figure#fig-curve")
    images = figure.select("img")
    assert [image["class"] for image in images] == [["only-light"], ["only-dark"]]
    assert {image["alt"] for image in images} == {"A line that climbs."}
    for image, theme in zip(images, ("light", "dark"), strict=True):
        svg = (html / str(image["src"])).read_text("utf-8")
        assert svg.startswith("<svg ")
        assert figure_style.FOREGROUND[theme] in svg
        assert "DOCTYPE" not in svg
        assert "<text" not in svg
    assert words(find(figure, "figcaption > p")) == "Figure 2.1 The length by size."
    assert words(find(figure, ".legend")) == "Data: Length by size (JSON)"


def test_a_drawing_leads_to_the_module_that_drew_it(html: Path, epub: Path, latex: str) -> None:
    legend = find(read_page(html, "two"), "figure#fig-square .legend")
    assert words(legend) == "Drawn by figures/shapes.py"
    assert "def square" in (html / str(find(legend, "a")["href"])).read_text("utf-8")
    assert words(find(read_page(epub, "two"), "figure#fig-square .legend")) == "Drawn by figures/shapes.py"
    assert r"Drawn by \sphinxcode{\sphinxupquote{figures/shapes.py}}" in latex


def test_a_drawing_from_a_record_leads_to_its_entry(html: Path) -> None:
    legend = find(read_page(html, "two"), "figure#fig-square-again .legend")
    assert words(legend) == "Drawn by figures/shapes.py. Data: Length by size (JSON)"
    assert "experiments.html#exp-small-demo" in {link.get("href") for link in legend.find_all("a")}


def test_epub_and_print_get_the_light_variant(epub: Path, latex: str) -> None:
    image = find(read_page(epub, "two"), "figure#fig-curve img")
    assert str(image["src"]).endswith("small-demo-curve-light.svg")
    assert r"\sphinxincludegraphics{{small-demo-curve-light}.pdf}" in latex
    assert "dark" not in latex


def test_an_unchanged_figure_is_not_drawn_again(tmp_path: Path) -> None:
    drawn = []

    def draw(figure: Figure) -> None:
        drawn.append(figure)
        figure.subplots().plot([0, 1])

    folder = draw_once(draw, "line", tmp_path, [b"source"])
    assert len(drawn) == 2  # light, for two kinds of files, and dark
    assert draw_once(draw, "line", tmp_path, [b"source"]) == folder
    assert len(drawn) == 2  # light, for two kinds of files, and dark
    assert draw_once(draw, "line", tmp_path, [b"another source"]) != folder
    assert len(drawn) == 4


def test_a_figure_for_the_screen_alone_has_the_same_bytes_and_no_pdf(tmp_path: Path) -> None:
    def draw(figure: Figure) -> None:
        figure.subplots().plot([0, 1], label="a line")

    whole = draw_once(draw, "line", tmp_path / "whole", [])
    screen = draw_once(draw, "line", tmp_path / "screen", [], for_print=False)
    assert sorted(file.name for file in screen.iterdir()) == ["line-dark.svg", "line-light.svg"]
    for file in screen.iterdir():
        assert file.read_bytes() == (whole / file.name).read_bytes(), file.name


def test_a_figure_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    def draw(figure: Figure) -> None:
        figure.subplots().plot([0, 1], label="a line")
        figure.legend()

    one, other = (draw_once(draw, "line", tmp_path / place, []) for place in ("one", "other"))
    assert sorted(file.name for file in one.iterdir()) == ["line-dark.svg", "line-light.pdf", "line-light.svg"]
    for file in one.iterdir():
        assert file.read_bytes() == (other / file.name).read_bytes(), file.name


def test_a_drawing_that_changes_is_drawn_by_the_next_build(draft: Path) -> None:
    image = draft.parent / "book-html" / "_images" / "shapes-square-light.svg"
    before = image.read_bytes()
    shapes = draft / "figures" / "shapes.py"
    shapes.write_text(shapes.read_text("utf-8").replace("[0, 1, 1, 0, 0]", "[0, 2, 2, 0, 0]"), "utf-8")
    assert build(draft) == ""
    assert image.read_bytes() != before


FAULTS = {
    "```{figure-from} small-demo.curve\n\nA line.\n```": "page.md:3: a figure needs `:alt:`",
    f"```{{figure-from}} small-demo.bars{ALT}\nBars.\n```": "page.md:3: small-demo draws no 'bars'; there are: curve",
    f"```{{figure-from}} small-demo.curve{ALT}\n```": 'page.md:3: ERROR: Content block expected for the "figure-from"',
    f"```{{drawn-figure}} shapes:circle{ALT}\nA circle.\n```": "shapes.py does not define 'circle'",
    f"```{{drawn-figure}} solids:cube{ALT}\nA cube.\n```": "solids.py, which should define `cube(figure)`",
    f"```{{drawn-figure}} shapes:glyph{ALT}\nA glyph.\n```": "cannot draw shapes:glyph: UserWarning: Glyph 20013",
}
PAGES = {text: f"# Page\n\n{text}\n" for text in FAULTS}


@pytest.mark.parametrize(("text", "complaint"), FAULTS.items(), ids=FAULTS.values())
def test_a_faulty_figure_is_refused(said: dict[str, str], text: str, complaint: str) -> None:
    assert complaint in said[text]


def _linear(colour: str) -> tuple[float, ...]:
    return tuple(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour))


def _luminance(colour: str) -> float:
    """The relative luminance that WCAG 2 defines."""
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_stand_out_from_the_page(theme: str) -> None:
    background = figure_style.BACKGROUND[theme]
    for colour in figure_style.CYCLE[theme]:
        assert _contrast(colour, background) >= 3, colour
    assert _contrast(figure_style.FOREGROUND[theme], background) >= 7
    assert _contrast(figure_style.MUTED[theme], background) >= 3


# Machado, Oliveira and Fernandes (2009), severity 1: linear RGB as people without one kind of cone see it.
DEFICIENCIES = {
    "none": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def _lab(linear: tuple[float, ...]) -> tuple[float, float, float]:
    """CIELAB under D65, from linear RGB."""
    red, green, blue = (min(max(channel, 0), 1) for channel in linear)
    xyz = (
        (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505,
        0.2126 * red + 0.7152 * green + 0.0722 * blue,
        (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089,
    )
    x, y, z = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_stay_apart_for_colour_blind_readers(theme: str, deficiency: str) -> None:
    seen = {}
    for colour in figure_style.CYCLE[theme]:
        channels = _linear(colour)
        matrix = DEFICIENCIES[deficiency]
        seen[colour] = _lab(tuple(sum(w * c for w, c in zip(row, channels, strict=True)) for row in matrix))
    for one, other in combinations(seen, 2):
        assert dist(seen[one], seen[other]) >= 20, (one, other)  # 2.3 is a just noticeable difference
