"""What holds for every element that a page runs: a drawing stands in its place wherever scripts do not run."""

from playwright.sync_api import Page, expect
from small_book import SmallBook


def check_that_drawings_stand_in(window: Page, box: str, *promises: str) -> None:
    """Without scripts each figure shows its drawing, hides its controls and says what it would be.

    Args:
        window: The page without scripts.
        box: Selects the controls.
        promises: What each figure says that it would be, in the order of the page.
    """
    for promise, figure in zip(promises, window.locator("figure.widget").all(), strict=True):
        expect(figure.locator("img.only-light")).to_be_visible()
        expect(figure.locator(box)).to_be_hidden()
        assert f"With JavaScript, this figure {promise}" in figure.locator("noscript").inner_html()


def check_that_paper_shows_drawings(window: Page, box: str) -> None:
    """On paper the first figure shows its drawing and hides its controls.

    Args:
        window: The page with scripts.
        box: Selects the controls.
    """
    image = window.locator("figure.widget img.only-light").first
    expect(image).to_be_hidden()
    window.emulate_media(media="print")
    expect(image).to_be_visible()
    expect(window.locator(box).first).to_be_hidden()


def check_that_print_and_epub_hold_drawings(book: SmallBook, box: str, *names: str) -> None:
    """In LaTeX and EPUB there is the drawing of each element, and nothing of its controls.

    Args:
        book: The book of the page.
        box: Selects the controls.
        names: The elements, in the order of the page.
    """
    book.build("latex")
    tex = (book.outdir("latex") / "book.tex").read_text("utf-8")
    assert "this figure is interactive" in tex
    book.build("epub")
    figures = book.page("index", "epub").select("figure.widget")
    assert len(figures) == len(names)
    for name, figure in zip(names, figures, strict=True):
        assert f"{name}-fallback-light}}.pdf" in tex
        assert [image["class"] for image in figure.select("img")] == [["only-light"]]
        assert figure.select(f"script, select, textarea, noscript, {box}") == []
        assert "this figure is interactive" in figure.get_text()
