"""What a reader does, from a folder: search, change the theme, use the keyboard, print, do without scripts."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sphinx.util.inventory import InventoryFile

CHAPTER = "foundations/tokenization.html"
Visit = Callable[..., Page]


def search(window: Page, query: str) -> None:
    window.fill(".sidebar-search", query)
    window.press(".sidebar-search", "Enter")
    window.wait_for_selector(".search-summary:not(:empty)")


# -- Search ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("query", ["BPE", "unknown token", "merging pairs"])
def test_search_leads_to_the_section(visit: Visit, query: str) -> None:
    window = visit("reference/bibliography.html")
    search(window, query)
    hits = window.locator(f'ul.search li:has(> a[href^="{CHAPTER}"]) .section-hit')
    expect(hits.first.locator("mark").first).to_be_visible()
    link = hits.first.locator("a").first
    anchor = str(link.get_attribute("href")).partition("#")[2]
    link.click()
    assert window.url.endswith(f"{CHAPTER}#{anchor}")
    expect(window.locator(f"#{anchor}")).to_be_in_viewport()


def test_search_finds_a_function(visit: Visit, html_dir: Path) -> None:
    with (html_dir / "objects.inv").open("rb") as file:
        functions = InventoryFile.load(file, "", lambda base, uri: uri)["py:function"]
    name, item = next(iter(sorted(functions.items())))
    window = visit("index.html")
    search(window, name.rpartition(".")[2])
    expect(window.locator(f'ul.search a[href="{item.uri}"]')).to_be_visible()


def test_search_says_when_nothing_is_found(visit: Visit) -> None:
    window = visit("index.html")
    search(window, "xyzzyplugh")
    assert "did not match" in window.inner_text(".search-summary")


# -- Theme -------------------------------------------------------------------------------------------------------------
def test_the_theme_is_chosen_and_kept(visit: Visit, html_dir: Path) -> None:
    window = visit(CHAPTER, color_scheme="light")
    background = "getComputedStyle(document.body).backgroundColor"
    light = window.evaluate(background)
    toggle = window.locator(".theme-toggle-content button")
    for _ in range(3):
        toggle.click()
        if window.evaluate("document.body.dataset.theme") == "dark":
            break
    dark = window.evaluate(background)
    assert dark != light
    window.goto((html_dir / "index.html").as_uri())
    assert window.evaluate(background) == dark


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_one_picture_of_each_pair_is_shown(visit: Visit, scheme: str) -> None:
    window = visit(CHAPTER, color_scheme=scheme)
    other = {"light": "dark", "dark": "light"}[scheme]
    # A widget shows its controls in place of its picture.
    shown = window.locator(f"figure:not(.scripted) img.only-{scheme}").all()
    assert shown
    assert all(image.is_visible() for image in shown)
    assert not any(image.is_visible() for image in window.locator(f"img.only-{other}").all())


# -- Keyboard ----------------------------------------------------------------------------------------------------------
FOCUSED = """() => {
    const element = document.activeElement, box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    return {
        name: element.id || element.className || element.tagName,
        main: !!element.closest("[role=main]"),
        ring: style.outlineStyle != "none" && parseFloat(style.outlineWidth) >= 2,
        seen: box.width > 0 && box.right > 0 && box.left < innerWidth,
    };
}"""


def test_the_first_stop_skips_to_the_text(visit: Visit) -> None:
    window = visit(CHAPTER)
    window.keyboard.press("Tab")
    expect(window.locator(".skip-to-content")).to_be_focused()
    expect(window.locator(".skip-to-content")).to_be_in_viewport()
    window.keyboard.press("Enter")
    window.keyboard.press("Tab")
    assert window.evaluate(FOCUSED)["main"]


def test_every_stop_is_seen_and_search_and_theme_are_among_them(visit: Visit) -> None:
    window = visit(CHAPTER)
    stops = []
    for _ in range(2_000):
        window.keyboard.press("Tab")
        window.wait_for_timeout(5)
        stop = window.evaluate(FOCUSED)
        if stop["name"] == "BODY" or (stops and stop == stops[0]):
            break
        stops.append(stop)
    else:
        pytest.fail("the way does not end")
    names = [stop["name"] for stop in stops]
    assert {"skip-to-content muted-link", "sidebar-search", "theme-toggle", "copybtn o-tooltip--left"} <= set(names)
    assert not [stop["name"] for stop in stops if not stop["seen"]]
    # A folded branch of the chapters shows the focus on its label, everything else on itself.
    assert not [stop["name"] for stop in stops if not stop["ring"] and "checkbox" not in stop["name"]]


def test_drawers_open_and_close_by_keyboard(visit: Visit) -> None:
    window = visit(CHAPTER, viewport={"width": 390, "height": 900})
    chapters = window.locator(".sidebar-tree a").first
    expect(chapters).to_be_hidden()
    for drawer, inside in (("__navigation", ".sidebar-drawer"), ("__toc", ".toc-drawer")):
        while window.evaluate("document.activeElement.id") != drawer:
            window.keyboard.press("Tab")
        window.keyboard.press("Space")
        expect(window.locator(f"{inside} a").last).to_be_visible()
        window.keyboard.press("Escape")
        expect(window.locator(f"{inside} a").last).to_be_hidden()


def test_only_what_scrolls_takes_the_focus(visit: Visit) -> None:
    window = visit(CHAPTER)
    window.wait_for_timeout(200)
    faults = window.evaluate(
        """[...document.querySelectorAll("pre, .formula, .table-wrapper")]
            .filter(box => (box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1)
                != box.hasAttribute("tabindex"))
            .map(box => box.outerHTML.slice(0, 100))"""
    )
    assert not faults


# -- Without scripts, and on paper -------------------------------------------------------------------------------------
def test_a_page_can_be_read_without_scripts(visit: Visit) -> None:
    window = visit(CHAPTER, java_script_enabled=False)
    text = window.locator("[role=main]")
    assert len(text.inner_text()) > 2000
    formula = window.locator("math").first.bounding_box()
    assert formula
    assert formula["height"] > 8
    for image in window.locator("[role=main] img.only-light").all():
        box = image.bounding_box()
        assert box
        assert box["height"] > 50
    solution = window.locator("details.solution").first
    expect(solution.locator("p").first).to_be_hidden()
    solution.locator("summary").click()
    expect(solution.locator("p").first).to_be_visible()
    window.locator(".next-page").click()
    assert not window.url.endswith(CHAPTER)
    window.locator(f'.sidebar-tree a[href="{CHAPTER.rpartition("/")[2]}"]').click()  # from a page beside it
    assert window.url.endswith(CHAPTER)


def test_paper_shows_the_text_and_the_solutions_only(visit: Visit) -> None:
    window = visit(CHAPTER, color_scheme="dark")
    window.emulate_media(media="print", color_scheme="dark")
    for hidden in (".sidebar-drawer", ".toc-drawer", ".related-pages", ".copybtn", ".theme-toggle-content"):
        assert not any(part.is_visible() for part in window.locator(hidden).all()), hidden
    for solution in window.locator("details.solution").all():
        box = solution.locator(".solution-body").bounding_box()
        assert box
        assert box["height"] > 0
    assert window.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert re.match(rb"%PDF", window.pdf())
