"""Solutions and figures in a browser, without any script: folded, unfolded, printed, and in the theme of the reader."""

from collections.abc import Callable
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Page, expect

CHAPTER = "foundations/tokenization.html"


@pytest.fixture(scope="module")
def solution(html_dir: Path) -> str:
    """The anchor of a solution."""
    chapter = BeautifulSoup((html_dir / CHAPTER).read_text("utf-8"), "html.parser")
    body = chapter.select_one("details.solution .solution-body")
    assert body is not None
    return str(body["id"])


def test_a_solution_unfolds_without_a_script(visit: Callable[..., Page], solution: str) -> None:
    window = visit(CHAPTER, java_script_enabled=False)
    body = window.locator(f"#{solution}")
    expect(body).not_to_be_visible()
    window.locator("details.solution", has=body).locator("summary").press("Enter")
    expect(body).to_be_visible()


def test_a_link_to_a_solution_unfolds_it(visit: Callable[..., Page], solution: str) -> None:
    window = visit("reference/solutions.html", java_script_enabled=False)
    window.locator(f'a[href$="#{solution}"]').click()
    expect(window.locator(f"#{solution}")).to_be_visible()


def test_print_shows_every_solution(visit: Callable[..., Page]) -> None:
    window = visit(CHAPTER)
    window.emulate_media(media="print")
    bodies = window.locator(".solution-body")
    assert bodies.count() > 0
    for place in range(bodies.count()):
        expect(bodies.nth(place)).to_be_visible()


@pytest.mark.parametrize(("scheme", "shown", "hidden"), [("light", "light", "dark"), ("dark", "dark", "light")])
def test_a_figure_follows_the_theme(visit: Callable[..., Page], scheme: str, shown: str, hidden: str) -> None:
    window = visit(CHAPTER, color_scheme=scheme, java_script_enabled=False)
    assert window.locator(f"img.only-{shown}").count() > 0
    expect(window.locator(f"img.only-{shown}").first).to_be_visible()
    expect(window.locator(f"img.only-{hidden}").first).not_to_be_visible()
