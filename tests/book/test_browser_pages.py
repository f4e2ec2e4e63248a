"""Every page in Chromium, from its folder, without a network: nothing leaves, nothing overflows, axe finds nothing."""

from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from chapters import TEXTS
from playwright.sync_api import Browser, Page

AXE = Path(__file__).parent / "vendor" / "axe" / "axe.min.js"
PARTS = 54  # a test takes seconds, so that no process waits long for the other at the end
FOR_SERVERS = "404.html"  # its addresses begin at the root, because it is shown at any depth
# All rules but those whose findings are minor or moderate.
MILD = [
    "aria-allowed-role", "aria-deprecated-role", "empty-table-header", "form-field-multiple-labels", "heading-order",
    "html-xml-lang-mismatch", "image-redundant-alt", "landmark-banner-is-top-level",
    "landmark-contentinfo-is-top-level", "landmark-main-is-top-level", "landmark-no-duplicate-banner",
    "landmark-no-duplicate-contentinfo", "landmark-no-duplicate-main", "landmark-one-main", "landmark-unique",
    "meta-viewport-large", "no-autoplay-audio", "page-has-heading-one", "presentation-role-conflict", "region",
    "server-side-image-map", "skip-link", "table-duplicate-name",
]  # fmt: skip
Options = dict[str, Any]
ALL: Options = {"rules": {rule: {"enabled": False} for rule in MILD}}
OF_A_WIDTH: Options = {"rules": {**ALL["rules"], "color-contrast": {"enabled": False}}}
OF_A_THEME: Options = {"runOnly": ["color-contrast", "link-in-text-block", "image-alt", "role-img-alt", "svg-img-alt"]}
# Text over which CSS may have drawn is judged too, and not left to the eye; nor must axe look for what is drawn.
JUDGED_BEHIND_PSEUDO_ELEMENTS = {"color-contrast": {"options": {"ignorePseudo": True}}}
# Where each formula with a number ends, and where its number stands.
NUMBERED = """[...document.querySelectorAll("div.math:has(.eqno)")].map(box => [".formula", ".eqno"].map(part => {
    const {left, right} = box.querySelector(part).getBoundingClientRect();
    return [left, right];
}))"""
# The page's own observer of its size, which makes what scrolls reachable by key, was there before this one.
SETTLED = """document.fonts.ready.then(() => new Promise(settled => new ResizeObserver((_, observer) => {
    observer.disconnect();
    settled(null);
}).observe(document.documentElement)))"""
UNFOLD = "for (const fold of document.querySelectorAll('details')) fold.open = true"
Visit = Callable[..., Page]


@pytest.fixture(scope="session")
def served(html_dir: Path) -> Iterator[str]:
    """The book on a local server that answers missing addresses with the page for them."""

    class Handler(SimpleHTTPRequestHandler):
        def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
            body = (html_dir / FOR_SERVERS).read_bytes()
            self.send_response(code)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(html_dir))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def serious_findings(window: Page, options: Options = ALL) -> list[str]:
    """Run axe, which the window must load with each page."""
    found = window.evaluate(
        "options => axe.run(document, options).then(({violations}) => violations)",
        {"resultTypes": ["violations"], "preload": False, "checks": JUDGED_BEHIND_PSEUDO_ELEMENTS, **options},
    )
    return [
        f"{finding['id']} ({finding['impact']}): {node['html'][:120]}"
        for finding in found
        if finding["impact"] in {"serious", "critical"}
        for node in finding["nodes"][:3]
    ]


@pytest.fixture(params=range(PARTS))
def part(request: pytest.FixtureRequest, pages: list[str]) -> list[str]:
    """A part of the pages, so that several processes can share them."""
    return sorted(set(pages) - {FOR_SERVERS})[request.param :: PARTS]


def resize(window: Page, width: int) -> None:
    window.set_viewport_size({"width": width, "height": 900})
    window.evaluate(SETTLED)


def layout_faults(window: Page, width: int) -> list[str]:
    resize(window, width)
    needed = window.evaluate("document.documentElement.scrollWidth")
    squeezed = window.evaluate(
        """[...document.querySelectorAll(".table-wrapper > table > caption")]
            .filter(caption => caption.offsetWidth < caption.closest(".table-wrapper").clientWidth - 8)
            .map(caption => `squeezes the caption ${caption.textContent}`)"""
    )
    return [*squeezed, *([f"needs {needed} px of {width}"] if needed > width else [])]


def formula_faults(window: Page, width: int) -> list[str]:
    """Find formulas that run under their numbers."""
    return [
        f"formula to {formula[1]:.0f}, number from {number[0]:.0f} to {number[1]:.0f}"
        for formula, number in window.evaluate(NUMBERED)
        if formula[1] > number[0] or number[1] > width
    ]


def scrolled_formulas(window: Page) -> list[str]:
    """Find formulas that are wider than their frames."""
    found: list[str] = window.evaluate(
        "[...document.querySelectorAll('.formula')].filter(box => box.scrollWidth > box.clientWidth + 1)"
        ".map(box => `must be scrolled: ${box.textContent}`)"
    )
    return found


def test_every_page_fits_and_axe_finds_nothing_serious(visit: Visit, part: list[str], html_dir: Path) -> None:
    """Axe looks for everything on the wide light page, and on the others for what a theme or a width can change.

    A theme changes colours, and which picture of a pair is shown. No other rule of axe sees either. Formulas end before
    their numbers, and those of the chapters fit a phone. A page is loaded by a phone, which then grows; where a figure
    runs, it is loaded at both widths.
    """
    window = visit("index.html", reduced_motion="reduce", script=AXE)
    faults = []
    for page in part:
        window.emulate_media(color_scheme="light")
        window.set_viewport_size({"width": 390, "height": 900})
        window.goto((html_dir / page).as_uri())
        found = [*layout_faults(window, 390), *formula_faults(window, 390)]
        if page.removesuffix(".html") in TEXTS:
            found += scrolled_formulas(window)
        window.evaluate(UNFOLD)
        found += serious_findings(window, OF_A_WIDTH)
        if window.evaluate("!!document.querySelector('figure.widget')"):
            window.set_viewport_size({"width": 1280, "height": 900})
            window.reload()
        found += [*layout_faults(window, 1280), *formula_faults(window, 1280)]
        window.evaluate(UNFOLD)
        found += serious_findings(window)
        window.emulate_media(color_scheme="dark")
        found += serious_findings(window, OF_A_THEME)
        found += layout_faults(window, 768)
        faults += [f"{page}: {fault}" for fault in found]
    assert not faults


def test_the_fonts_are_inside(visit: Visit) -> None:
    window = visit("foundations/tokenization.html")
    window.evaluate("document.fonts.ready.then(() => null)")
    loaded = window.evaluate("[...document.fonts].filter(font => font.status == 'loaded').map(font => font.family)")
    assert {family.strip('"') for family in loaded} >= {"Source Serif 4", "STIX Two Math"}


def test_lines_have_a_readable_measure(visit: Visit) -> None:
    window = visit("foundations/tokenization.html")
    window.evaluate("document.fonts.ready.then(() => null)")
    characters = window.evaluate(
        """() => {
            const line = document.createElement("p"), text = document.createElement("span");
            text.textContent = "the quick brown fox jumps over the lazy dog and runs away at last ".repeat(9);
            text.style.whiteSpace = "nowrap";
            line.append(text);
            document.querySelector("[role=main] section").append(line);
            return line.clientWidth / (text.getBoundingClientRect().width / text.textContent.length);
        }"""
    )
    assert 65 <= characters <= 85


@pytest.mark.parametrize("width", [1280, 390])
def test_formulas_with_numbers_are_found_and_one_that_runs_under_its_number(visit: Visit, width: int) -> None:
    window = visit("foundations/attention.html", viewport={"width": width, "height": 900})
    found = window.evaluate(NUMBERED)
    assert len(found) == window.locator(".eqno").count() > 10
    assert not formula_faults(window, width)
    window.add_style_tag(content=".math .eqno { margin-left: -40px }")
    assert len(formula_faults(window, width)) == len(found)
    window.add_style_tag(content=".formula { max-width: 20px !important }")
    assert len(scrolled_formulas(window)) >= len(found)


def test_what_axe_leaves_out_is_never_serious(visit: Visit) -> None:
    window = visit("index.html", script=AXE)
    impacts = window.evaluate(
        """names => names.map(name => {
            const rule = axe._audit.rules.find(rule => rule.id === name);
            const checks = [...rule.any, ...rule.all, ...rule.none].map(check => check.id ?? check);
            return [rule.impact, ...checks.map(check => axe._audit.data.checks[check].impact)];
        })""",
        MILD,
    )
    assert {impact for found in impacts for impact in found} == {"minor", "moderate"}


@pytest.mark.parametrize("address", ["/missing.html", "/a/deep/and/missing.html"])
def test_a_missing_page_is_explained_at_any_depth(browser: Browser, served: str, address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 900})
    context.add_init_script(path=AXE)
    window = context.new_page()
    failed: list[str] = []
    asked: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    window.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
    window.goto(served + address)
    assert failed == [served + address]
    assert "does not exist" in window.inner_text("h1")
    assert window.evaluate("document.documentElement.scrollWidth") <= 390
    assert not serious_findings(window)
    window.emulate_media(color_scheme="dark")
    assert not serious_findings(window, OF_A_THEME)
    window.set_viewport_size({"width": 1280, "height": 900})
    window.click('.sidebar-tree a[href$="foundations/tokenization.html"]')
    assert window.url.startswith(served + "/foundations/tokenization.html")
    assert not [url for url in asked if not url.startswith((served, "data:"))]
    context.close()
