"""The walk through the book's model in Chromium, from a folder: every number as Python gives it."""

import re
import shutil
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from availability import unavailable
from playwright.sync_api import Locator, Page, expect
from small_book import BOOK, SmallBook, widget_book
from torch import Tensor
from widget_checks import (
    check_that_drawings_stand_in,
    check_that_paper_shows_drawings,
    check_that_print_and_epub_hold_drawings,
)

from llmguide.interpret.walk import ANSWER, Walk, walk
from llmguide.transformer.checkpoints import load_folder

AXE = Path(__file__).parent / "vendor" / "axe" / "axe.min.js"
PAGE = """
# A page

```{widget} transformer-walk
:name: fig-transformer-walk
:alt: The way of a sentence through four blocks to the probabilities of the next token.

Every number on the way.
```
"""
READY = ".transformer-walk[data-state=ready]"
RECORDED = BOOK / "results" / "world-model"


def build_book(folder: Path, page: str) -> SmallBook:
    """A book of one page about the book's own model."""
    if not (RECORDED / "model.safetensors").is_file():
        unavailable(str(RECORDED), "it holds the book's own model, and is part of the repository")
    book = widget_book(folder, page, ["transformer_walk", "world_model"])
    shutil.copytree(RECORDED, folder / "book" / "results" / "world-model")
    book.build()
    return book


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> SmallBook:
    """A book of one page, in the look of the real one."""
    return build_book(tmp_path_factory.mktemp("walk"), PAGE)


@pytest.fixture(scope="module")
def html_dir(book: SmallBook) -> Path:
    """The folder of that book, in the place of the real one's."""
    return book.outdir("html")


@pytest.fixture(scope="module")
def walked() -> Walk:
    """The same walk in Python."""
    return walk(load_folder(RECORDED))


@pytest.fixture
def window(visit: Callable[..., Page]) -> Page:
    """The page, with the model loaded."""
    page = visit("index.html")
    expect(page.locator(READY)).to_be_visible(timeout=60_000)
    return page


def station(window: Page, name: str) -> Locator:
    return window.locator(f".walk-diagram [data-part='{name}']")


def with_heads(tensor: Tensor) -> Tensor:
    return tensor if tensor.dim() == 3 else tensor[None]


# -- The same as Python ------------------------------------------------------------------------------------------------
def test_every_tensor_is_pythons(window: Page, walked: Walk, report: list[str]) -> None:
    found = window.evaluate(
        """async () => {
            const tensors = WalkEngine.record(await WorldModelEngine.load(), TRANSFORMER_WALK.ids);
            return Object.entries(tensors).map(([name, {heads, rows, width, numbers}]) =>
                [name, [heads, rows, width], new Uint8Array(Float64Array.from(numbers).buffer).toBase64()]);
        }"""
    )
    assert window.evaluate("TRANSFORMER_WALK.ids") == list(walked.ids)
    assert {name for name, _, _ in found} == set(walked.tensors)
    worst, compared = 0.0, 0
    for name, shape, numbers in found:
        want = with_heads(walked.tensors[name])
        assert shape == list(want.shape), name
        have = torch.frombuffer(bytearray(b64decode(numbers)), dtype=torch.float64).float().reshape(shape)
        seen = torch.ones_like(want, dtype=torch.bool)
        if name.endswith(("scores", "weights")):
            seen = seen.tril()
        assert torch.equal(have.isnan(), ~seen), name
        difference = (have - want)[seen].abs().max().item()
        assert difference < 1e-3, f"{name} differs by {difference}"
        worst, compared = max(worst, difference), compared + int(seen.sum())
    report.append(f"walk: {compared:,} numbers of {len(found)} tensors to within {worst:.1e} of Python's")


def test_every_number_is_what_its_terms_make_it(window: Page, report: list[str]) -> None:
    worst, where, compared = window.evaluate(
        """async () => {
            const model = await WorldModelEngine.load(), tensors = WalkEngine.record(model, TRANSFORMER_WALK.ids);
            const heads = model.config.nHeads, last = TRANSFORMER_WALK.ids.length - 1;
            let worst = 0, where = "", compared = 0;
            for (const station of WalkEngine.stations(model.config)) {
                const tensor = tensors[station.name];
                for (const row of [0, 5, last]) for (let head = 0; head < heads; head++) {
                    const of = Math.floor(head / (heads / tensor.heads));
                    for (const share of [0, 0.13, 0.3, 0.52, 0.77, 1]) {
                        const pairs = /scores|weights/.test(station.part);
                        const column = Math.round(share * (pairs ? row : tensor.width - 1));
                        const { value } = WalkEngine.explain(model, tensors, station, head, row, column);
                        const difference = Math.abs(value - WalkEngine.at(tensor, of, row, column));
                        if (!(difference <= worst)) [worst, where] = [difference, station.name];
                        compared++;
                    }
                }
            }
            return [worst, where, compared];
        }"""
    )
    assert worst < 1e-3, where
    report.append(f"walk: {compared} numbers to within {worst:.1e} of what their terms make")


def test_the_terms_are_the_products_of_tensors_and_weights(window: Page, walked: Walk) -> None:
    model = load_folder(RECORDED).model
    last, answer = len(walked.ids) - 1, int(walked.tensors["logits"][-1].argmax())

    def terms(name: str, head: int, row: int, column: int) -> Tensor:
        found = window.evaluate(
            """async ([name, head, row, column]) => {
                const model = await WorldModelEngine.load(), tensors = WalkEngine.record(model, TRANSFORMER_WALK.ids);
                const station = WalkEngine.stations(model.config).find(station => station.name === name);
                return WalkEngine.explain(model, tensors, station, head, row, column).terms;
            }""",
            [name, head, row, column],
        )
        return torch.tensor(found)

    logit = terms("logits", 0, last, answer)
    torch.testing.assert_close(logit[:, 1], walked.tensors["final_norm"][last], rtol=0, atol=1e-3)
    torch.testing.assert_close(logit[:, 2], model.embedding.tokens.weight[answer].detach(), rtol=0, atol=1e-6)
    query = terms("blocks.1.attention.keys", 2, 3, 5)  # head 2 asks keys of head 1
    rows = model.state_dict()["blocks.1.attention.qkv.weight"]
    torch.testing.assert_close(query[:, 2], rows[4 * 32 + 32 + 5], rtol=0, atol=1e-6)
    score = terms("blocks.2.attention.scores", 3, 7, 4)
    assert len(score) == 32
    torch.testing.assert_close(score[:, 2], walked.tensors["blocks.2.attention.keys_rotated"][1, 4], rtol=0, atol=1e-3)
    norm = terms("blocks.3.feedforward_norm", 0, 2, 0)
    torch.testing.assert_close(norm[:, 1], walked.tensors["blocks.3.attended"][2], rtol=0, atol=1e-3)
    torch.testing.assert_close(norm[:, 2], walked.tensors["blocks.3.attended"][2] ** 2, rtol=1e-3, atol=1e-3)


# -- What a reader sees ------------------------------------------------------------------------------------------------
def number_of(text: str) -> float:
    return float(text.replace("−", "-").replace(",", ""))


def test_every_station_shows_pythons_numbers(window: Page, walked: Walk) -> None:
    box, on = window.locator(".transformer-walk"), window.get_by_role("button", name="On", exact=True)
    cells = """[...document.querySelectorAll(".walk-cells [role=gridcell]")]
        .map(cell => [Number(cell.dataset.column), cell.lastChild.textContent])"""
    for place, (name, tensor) in enumerate(walked.tensors.items()):
        assert box.get_attribute("data-station") == name
        expect(window.locator(".walk-step")).to_have_text(f"Station {place + 1} of {len(walked.tensors)}")
        shown = window.evaluate(cells)
        want = with_heads(tensor)[0, -1]
        assert sorted(column for column, _ in shown) == list(range(len(want)))
        for column, text in shown:
            assert number_of(text) == pytest.approx(want[column].item(), rel=0.06, abs=0.006), (name, column)
        column = int(window.locator(".walk-cells [aria-selected=true]").get_attribute("data-column") or -1)
        assert float(box.get_attribute("data-value") or "nan") == pytest.approx(want[column].item(), abs=1e-3)
        if place < len(walked.tensors) - 1:
            on.click()
    expect(on).to_have_attribute("aria-disabled", "true")
    expect(window.locator(".walk-cells [role=gridcell]").first).to_contain_text(ANSWER.strip())


def test_a_reader_chooses_token_block_head_and_number(window: Page, walked: Walk) -> None:
    box = window.locator(".transformer-walk")
    station(window, "attention.values").click()
    window.get_by_label("Block", exact=True).select_option("2")
    window.get_by_label("Head", exact=True).select_option("3")
    window.locator(".walk-tokens [role=option]").nth(7).click()
    window.locator(".walk-cells [data-column='21']").click()
    expect(window.locator(".walk-name")).to_contain_text("blocks.2.attention.values")
    expect(window.locator(".walk-shape")).to_contain_text(
        "2 heads × 12 positions × 32; here head 1, which heads 2 and 3"
    )
    want = walked.tensors["blocks.2.attention.values"][1, 7, 21].item()
    assert float(box.get_attribute("data-value") or "nan") == pytest.approx(want, abs=1e-3)
    rows = window.locator(".walk-terms tbody tr")
    expect(rows).to_have_count(128)
    products = [number_of(text) for text in window.locator(".walk-terms tbody td:nth-child(4)").all_inner_texts()]
    assert sum(products) == pytest.approx(want, abs=128 * 5e-5)
    assert number_of(window.locator(".walk-terms tfoot td").nth(2).inner_text()) == pytest.approx(want, abs=1e-3)
    window.locator(".walk-from button").click()
    assert box.get_attribute("data-station") == "blocks.2.attention_norm"
    expect(window.locator(".walk-sentence")).to_contain_text("The squares sum to")
    picture = window.locator(".walk-picture").bounding_box()
    assert picture is not None
    window.mouse.move(picture["x"] + 0.999 * picture["width"], picture["y"] + 1.5 / 12 * picture["height"])
    expect(window.locator("#walk-map-text")).to_contain_text("token 2, number 127")
    window.mouse.down()
    window.mouse.up()
    want = walked.tensors["blocks.2.attention_norm"][1, 127].item()
    assert float(box.get_attribute("data-value") or "nan") == pytest.approx(want, abs=1e-3)


def test_sums_are_told_in_words(window: Page) -> None:
    words = {
        "embedding": "It stands in the embedding matrix",
        "attention.queries_rotated": "turn together",
        "attention.scores": "divided by √32",
        "attention.weights": "The exponentials of the scores",
        "attention.mixed": "Each token's weight",
        "attended": " + ",
        "feedforward.hidden": "SiLU makes",
        "feedforward.output": "The sum of 352 products",
        "probabilities": "The exponentials of the logits",
    }
    for name, expected in words.items():
        station(window, name).click()
        expect(window.locator(".walk-sentence")).to_contain_text(expected)
    expect(window.locator(".walk-terms tbody tr").last).to_contain_text("the other")


# -- By keyboard and by ear --------------------------------------------------------------------------------------------
def test_everything_can_be_done_by_keyboard(window: Page) -> None:
    box = window.locator(".transformer-walk")
    window.locator(".walk-tokens [tabindex='0']").focus()
    window.keyboard.press("Home")
    window.keyboard.press("ArrowRight")
    expect(window.locator(".walk-tokens [role=option]").nth(1)).to_be_focused()
    for name in ("walk-block", "walk-head"):
        window.keyboard.press("Tab")
        if name == "walk-block":
            expect(window.locator(f"#{name}")).to_be_focused()
    window.locator(".walk-diagram [tabindex='0']").focus()
    for key, name in (
        ("ArrowDown", "blocks.0.attention_norm"),
        ("ArrowRight", "blocks.0.attention.queries"),
        ("ArrowUp", "blocks.0.attention_norm"),
        ("ArrowLeft", "embedding"),
        ("ArrowLeft", "embedding"),
        ("End", "probabilities"),
        ("Home", "embedding"),
    ):
        window.keyboard.press(key)
        assert box.get_attribute("data-station") == name
        expect(window.locator(".walk-diagram [tabindex='0']")).to_be_focused()
    for _ in range(16):
        window.keyboard.press("ArrowDown")
    assert box.get_attribute("data-station") == "blocks.1.attention_norm"  # through the block and on
    window.keyboard.press("Tab")
    expect(window.get_by_role("button", name="Back", exact=True)).to_be_focused()
    window.keyboard.press("Enter")
    assert box.get_attribute("data-station") == "blocks.0.output"
    window.locator(".walk-cells [tabindex='0']").focus()
    for key, column in (
        ("ArrowRight", 1),
        ("ArrowDown", 9),
        ("ArrowLeft", 8),
        ("ArrowUp", 0),
        ("ArrowUp", 0),
        ("End", 127),
    ):
        window.keyboard.press(key)
        expect(window.locator(f".walk-cells [data-column='{column}']")).to_be_focused()
        expect(window.locator(".walk-cells [tabindex='0']")).to_have_count(1)


def test_what_happens_is_said(window: Page) -> None:
    spoken = window.locator(".explorer-spoken")
    assert spoken.get_attribute("role") == "status"
    station(window, "attention.queries").click()
    said = (
        r"Queries of attention, block 0, at “:”, token 12\. 4 heads × 12 positions × 32; here head 0\. number 0: −?\d"
    )
    expect(spoken).to_contain_text(re.compile(said))
    window.locator(".walk-cells [data-column='5']").click()
    expect(spoken).to_contain_text("number 5: ")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit: Callable[..., Page], scheme: str) -> None:
    window = visit("index.html", color_scheme=scheme)
    expect(window.locator(READY)).to_be_visible(timeout=60_000)
    window.evaluate(AXE.read_text("utf-8"))
    for name in ("attention.weights", "feedforward_norm", "probabilities"):
        station(window, name).click()
        found = window.evaluate("axe.run('.transformer-walk', {resultTypes: ['violations'], preload: false})")
        assert [f"{finding['id']}: {finding['nodes'][0]['html'][:200]}" for finding in found["violations"]] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_numbers_can_be_read_on_their_colours(visit: Callable[..., Page], scheme: str) -> None:
    window = visit("index.html", color_scheme=scheme)
    expect(window.locator(READY)).to_be_visible(timeout=60_000)
    contrast = """() => {
        const probe = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
        const over = (...colours) => {
            for (const colour of colours) { probe.fillStyle = colour; probe.fillRect(0, 0, 1, 1); }
            return probe.getImageData(0, 0, 1, 1).data;
        };
        const light = ([...rgb]) => rgb.slice(0, 3).map(part => part / 255)
            .map(part => part <= 0.04 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
            .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0.05);
        const under = getComputedStyle(document.querySelector(".walk-cells")).backgroundColor;
        return Math.min(...[...document.querySelectorAll(".walk-cells [role=gridcell]")].map(cell => {
            const { color, backgroundColor } = getComputedStyle(cell);
            const [text, ground] = [light(over(color)), light(over(under, backgroundColor))];
            return Math.max(text, ground) / Math.min(text, ground);
        }));
    }"""
    for name in ("embedding", "attention.queries", "output", "logits"):
        station(window, name).click()
        assert window.evaluate(contrast) >= 4.5


def test_every_control_has_a_name(window: Page) -> None:
    station(window, "attended").click()
    for control in window.locator(
        ".transformer-walk :is(select, button, [role=listbox], [role=grid], [role=img])"
    ).all():
        expect(control).to_have_accessible_name(re.compile("[A-Za-z]{2}"))


@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_its_page_and_stands_still(visit: Callable[..., Page], width: int) -> None:
    window = visit("index.html", viewport={"width": width, "height": 900}, reduced_motion="reduce")
    expect(window.locator(READY)).to_be_visible(timeout=60_000)
    shift = """new Promise(done => new PerformanceObserver(list =>
        done(list.getEntries().filter(entry => entry.sources.some(({node}) => node?.parentElement?.closest("figure")))
            .reduce((sum, entry) => sum + entry.value, 0))).observe({type: "layout-shift", buffered: true})
        || setTimeout(() => done(0), 300))"""
    assert window.evaluate(shift) < 0.02
    for name in ("attention.queries", "attention.weights", "feedforward.hidden", "logits"):
        station(window, name).click()
        assert window.evaluate("document.documentElement.scrollWidth") <= width
        wide = """[...document.querySelectorAll(".walk-cells, .walk-cells [role], .walk-diagram [role=option]")]
            .filter(part => part.scrollWidth > part.clientWidth + 1).map(part => part.textContent)"""
        assert window.evaluate(wide) == []
        targets = "button, select, [role=option], [role=gridcell]"
        small = f"""[...document.querySelectorAll(".transformer-walk :is({targets})")
            ].filter(part => part.offsetParent && (part.offsetHeight < 24 || part.offsetWidth < 24)).length"""
        assert window.evaluate(small) == 0


# -- Files, and where no script runs -----------------------------------------------------------------------------------
def test_code_is_small_and_asks_for_no_module(html_dir: Path) -> None:
    folder = html_dir / "_static" / "widgets" / "transformer-walk"
    files = {path.name: path.read_text("utf-8") for path in folder.iterdir()}
    assert set(files) == {"data.js", "engine.js", "widget.css", "widget.js"}
    assert len(files["data.js"]) < 500  # the model is that of the other figure
    assert sum(map(len, files.values())) < 45_000
    assert all("innerHTML" not in text for text in files.values())
    assert 'type="module"' not in (html_dir / "index.html").read_text("utf-8")


def test_weights_that_are_missing_are_reported(visit: Callable[..., Page], html_dir: Path, tmp_path: Path) -> None:
    window = visit("index.html")
    copy = shutil.copytree(html_dir, tmp_path / "copy")
    (copy / "_static/widgets/world-model/weights.js").unlink()
    window.goto((copy / "index.html").as_uri())
    expect(window.locator(".transformer-walk")).to_have_attribute("data-state", "failed")
    expect(window.locator(".explorer-status")).to_contain_text("weights.js")


def test_two_figures_of_a_page_share_the_model(visit: Callable[..., Page], tmp_path: Path) -> None:
    other = PAGE.replace("# A page", "").replace("transformer-walk", "world-model")
    window = visit("index.html")
    window.goto((build_book(tmp_path, PAGE + other).outdir("html") / "index.html").as_uri())
    window.locator(".world-model").scroll_into_view_if_needed()
    for name in ("transformer-walk", "world-model"):
        expect(window.locator(f".{name}")).to_have_attribute("data-state", "ready", timeout=60_000)
    assert window.evaluate("document.querySelectorAll('script[src$=\"weights.js\"]').length") == 1


def test_the_drawing_stands_in(visit: Callable[..., Page]) -> None:
    check_that_drawings_stand_in(
        visit("index.html", java_script_enabled=False), ".transformer-walk", "shows every number"
    )


def test_paper_shows_the_drawing(window: Page) -> None:
    check_that_paper_shows_drawings(window, ".transformer-walk")


def test_print_and_epub_hold_the_drawing_only(book: SmallBook) -> None:
    check_that_print_and_epub_hold_drawings(book, ".transformer-walk", "transformer-walk")
