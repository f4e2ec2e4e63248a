"""The page where a reader browses the world: everybody is there, links lead somewhere, no script is needed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from _extensions import world_browser
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page, expect
from small_book import BOOK, SmallBook

from llmguide.world import hops, questions
from llmguide.world.facts import published
from llmguide.world.told import is_told

AXE = Path(__file__).parent / "vendor" / "axe" / "axe.min.js"
LISTS = ("people", "towns", "employers", "lands", "wordings")
PAGE = "# World\n\n" + "".join(f"## {name.title()}\n\n```{{world-browser}} {name}\n```\n\n" for name in LISTS)
MOST_BYTES = 600_000
WORLD = published()


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> SmallBook:
    """A book of this page alone, in the look of the real one."""
    book = SmallBook(
        tmp_path_factory.mktemp("world"),
        ["_extensions.world_browser"],
        {"index": PAGE},
        html_theme="furo",
        html_static_path=[str(BOOK / "_static")],
        html_css_files=["book.css"],
        html_js_files=[("book.js", {"defer": "defer"})],
    )
    book.build()
    return book


@pytest.fixture(scope="module")
def html_dir(book: SmallBook) -> Path:
    """Its folder, in the place of the real book's."""
    return book.outdir("html")


@pytest.fixture(scope="module")
def page(book: SmallBook) -> BeautifulSoup:
    return book.page("index")


@pytest.fixture(scope="module")
def entries(page: BeautifulSoup) -> dict[str, str]:
    """What each place of the page says, by its anchor; found in one walk through the page."""
    return {str(found["id"]): " ".join(found.get_text(" ").split()) for found in page.select(".world-browser [id]")}


# -- What is there -----------------------------------------------------------------------------------------------------
def test_everybody_and_every_town_is_there_with_all_facts(entries: dict[str, str]) -> None:
    for kind, names in (("person", WORLD.people), ("town", WORLD.towns)):
        for name in names:
            said = entries[world_browser.anchor(kind, name)]
            for fact in WORLD.about(name):
                assert fact.value in said
                assert ("told from the other side only" in said) or is_told(fact)


def test_every_link_leads_to_an_entry_and_no_place_has_two_names(page: BeautifulSoup) -> None:
    places = [element["id"] for element in page.select(".world-browser > details")]
    assert len(places) == len(set(places))
    targets = {str(link["href"]) for link in page.select(".world-browser a")}
    assert targets <= {f"#{element['id']}" for element in page.find_all(id=True)}
    assert {f"#{world_browser.anchor('person', person)}" for person in WORLD.people} <= targets


def test_what_is_said_of_training_is_what_training_does(entries: dict[str, str]) -> None:
    for fact in WORLD.facts:
        if fact.relation not in questions.WORDINGS:
            continue
        found = world_browser.where_asked(WORLD, fact.subject, fact.relation)
        asked = {questions.WORDINGS[fact.relation][number - 1] for number in found.get("train", ())}
        assert {wording.format(subject=fact.subject) for wording in asked} == {
            item.key for item in questions.questions(fact, "train")
        }
    for person in WORLD.people:
        split = world_browser.LABELS[hops.group_of(person)]
        assert f"two steps {split}" in entries[world_browser.anchor("person", person)]


@pytest.mark.parametrize(
    ("numbers", "text"), [([1, 2, 4, 5, 6], "1 2 4–6"), ([7], "7"), ([1, 3, 5], "1 3 5"), ([], "")]
)
def test_numbers_in_a_row_are_shortened(numbers: list[int], text: str) -> None:
    assert world_browser.runs(numbers) == text


def test_the_page_is_small(book: SmallBook) -> None:
    assert (book.outdir("html") / "index.html").stat().st_size < MOST_BYTES


def test_other_editions_have_an_extract_that_says_so(book: SmallBook) -> None:
    book.build("epub")
    epub = book.page("index", "epub")
    assert not epub.find("details")
    text = epub.get_text(" ")
    assert f"These are 10 of the {len(WORLD.people)}" in text
    first, *_, last = sorted(WORLD.people)
    assert f"{first} " in text
    assert epub.find("dt", string=last) is None
    book.build("latex")
    tex = (book.outdir("latex") / "book.tex").read_text("utf-8")
    assert f"These are 10 of the {len(WORLD.towns)}" in tex
    assert first in tex


# -- In the browser ----------------------------------------------------------------------------------------------------
def shown(window: Page) -> list[str]:
    return window.locator(".world-browser > details:visible > summary > b").all_inner_texts()


def test_the_field_filters_by_name_town_trade_and_employer(visit: Callable[..., Page]) -> None:
    window = visit("index.html")
    person = WORLD.people[0]
    facts = {fact.relation: fact.value for fact in WORLD.about(person)}
    field = window.get_by_label("Show only")
    for asked in (person, f"{facts['trade']} {facts['birthplace'].upper()}", facts["employer"]):
        field.fill(asked)
        assert person in shown(window)
        assert len(shown(window)) < 30
        expect(window.get_by_role("status")).to_have_text(f"{len(shown(window))} of {total()} entries")
    field.fill("nobody of this name")
    assert shown(window) == []
    field.fill("")
    assert len(shown(window)) == int(total())


def total() -> str:
    lists = (names(WORLD) for names, _ in world_browser.LISTS.values())
    return str(sum(len(list(names)) for names in lists))


def test_a_link_opens_the_entry_it_leads_to_even_if_it_is_filtered_away(visit: Callable[..., Page]) -> None:
    window = visit("index.html")
    person = next(person for person in WORLD.people if WORLD.value(person, "spouse"))
    spouse = WORLD.value(person, "spouse")
    assert spouse is not None
    window.get_by_label("Show only").fill(person)
    window.locator(f"#{world_browser.anchor('person', person)} > summary").click()
    window.locator(f"#{world_browser.anchor('person', person)}").get_by_role("link", name=spouse).click()
    target = window.locator(f"#{world_browser.anchor('person', spouse)}")
    expect(target).to_have_attribute("open", "")
    expect(target).to_be_in_viewport()


def test_without_scripts_entries_open_and_there_is_no_field(browser: Browser, html_dir: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    window = context.new_page()
    window.goto((html_dir / "index.html").as_uri())
    expect(window.get_by_label("Show only")).to_be_hidden()
    first = window.locator(".world-browser > details").first
    first.locator("summary").click()
    expect(first.locator("dl")).to_be_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_and_axe_finds_nothing(visit: Callable[..., Page], scheme: str, width: int) -> None:
    window = visit("index.html", color_scheme=scheme, viewport={"width": width, "height": 900})
    window.evaluate("document.querySelectorAll('details').forEach((entry, place) => { entry.open = place % 9 === 0; })")
    assert window.evaluate("document.documentElement.scrollWidth") <= width
    window.evaluate(AXE.read_text("utf-8"))
    found = window.evaluate(
        "axe.run({include: ['.world-filter', '.world-browser']}, {resultTypes: ['violations'], preload: false})"
    )
    assert [(finding["id"], finding["nodes"][0]["html"][:160]) for finding in found["violations"]] == []
