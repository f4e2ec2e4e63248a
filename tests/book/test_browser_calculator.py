"""The calculator of costs in Chromium, from a folder: every count as Python gives it, to the unit."""

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from _extensions.calculator_data import DEFAULTS, Settings, config_of, settings_of
from playwright.sync_api import Page, expect
from small_book import SmallBook, widget_book
from widget_checks import (
    check_that_drawings_stand_in,
    check_that_paper_shows_drawings,
    check_that_print_and_epub_hold_drawings,
)

from llmguide.transformer.accounting import (
    AnyConfig,
    active_parameters,
    cache_bytes,
    matmul_flops,
    parameters,
    training_bytes,
    weight_bytes,
)
from llmguide.transformer.catalogue import MODELS, agreement
from llmguide.transformer.encoder_decoder import EncoderDecoderConfig
from llmguide.transformer.encoder_decoder_costs import memory_bytes, reading_flops, writing_flops

AXE = Path(__file__).parent / "vendor" / "axe" / "axe.min.js"
PAGE = """
# A page

```{widget} transformer-calculator
:name: fig-transformer-calculator
:alt: Parameters of published models, those at work for one token, and the size of their caches.

What a model costs.
```
"""
BOX = ".transformer-calculator"
COSTS = """cases => cases.map(([settings, batch, prompt, each, bits]) => {
    const E = CalculatorEngine;
    const found = {
        parameters: E.parameters(settings), active: E.activeParameters(settings),
        prompt: E.promptFlops(settings, batch, prompt), token: E.tokenFlops(settings, batch, prompt),
        cache: E.cacheBytes(settings, batch, prompt, each), weights: E.weightBytes(settings, bits),
        float32: E.trainingBytes(settings, "float32"), mixed: E.trainingBytes(settings, "mixed"),
    };
    return JSON.parse(JSON.stringify(found, (name, value) => typeof value === "bigint" ? String(value) : value));
})"""

Case = tuple[Settings, int, int, int, int]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> SmallBook:
    """A book of one page, in the look of the real one."""
    return widget_book(tmp_path_factory.mktemp("calculator"), PAGE, ["transformer_calculator"])


@pytest.fixture(scope="module")
def html_dir(book: SmallBook) -> Path:
    """The folder of that book, in the place of the real one's."""
    book.build()
    return book.outdir("html")


@pytest.fixture
def calculator(visit: Callable[..., Page]) -> Page:
    """The page."""
    return visit("index.html")


# -- The same as Python ------------------------------------------------------------------------------------------------
def costs(config: AnyConfig, case: Case) -> dict[str, Any]:
    """Count by the package, with the names of the script."""
    _, batch, prompt, each, bits = case
    if isinstance(config, EncoderDecoderConfig):
        read, written = reading_flops(config, batch, prompt), writing_flops(config, batch, 1, prompt)
        kept = memory_bytes(config, batch, prompt, each) + cache_bytes(config.decoder, batch, 1, each)
    else:
        read, written = matmul_flops(config, batch, prompt), matmul_flops(config, batch, 1, cached=prompt)
        kept = cache_bytes(config, batch, prompt, each)
    found: dict[str, int | dict[str, int]] = {
        "parameters": parameters(config),
        "active": active_parameters(config),
        "prompt": read,
        "token": written,
        "cache": kept,
        "weights": weight_bytes(config, bits),
        "float32": training_bytes(config, "float32"),
        "mixed": training_bytes(config, "mixed"),
    }
    return {
        name: str(count) if isinstance(count, int) else {part: str(each) for part, each in count.items()}
        for name, count in found.items()
    }


def random_settings(chance: random.Random) -> Iterator[Settings]:
    """Draw settings that fit together; widths are not round, so that no two can be mistaken for each other."""
    while True:
        groups, layers = chance.randint(1, 5), chance.randint(1, 12)
        state_groups, experts = chance.randint(1, 3), chance.choice([0, 0, chance.randint(2, 40)])
        two = chance.random() < 0.2
        own: Settings = {
            "vocab": chance.randint(2, 300_000),
            "dModel": chance.randint(1, 9000),
            "layers": layers,
            "encoderLayers": chance.randint(1, 9) if two else 0,
            "learned": chance.choice([0, chance.randint(1, 5000)]),
            "buckets": 0 if chance.random() < 0.7 else 4 * chance.randint(1, 16),
            "tokenTypes": 0 if two else chance.randint(0, 3),
            "norm": chance.choice(["rms", "layer"]),
            "placement": chance.choice(["pre", "post"]),
            "embeddingNorm": chance.randint(0, 1),
            "head": chance.choice(["tied", "linear"] if two else ["tied", "linear", "masked", "none"]),
            "bidirectional": 0 if two else chance.randint(0, 1),
            "attention": chance.choice(["attention", "latent"]),
            "kvHeads": groups,
            "heads": groups * chance.randint(1, 8),
            "dHead": chance.randint(1, 300),
            **{name: chance.randint(0, 1) for name in ("qkNorm", "bias", "outputBias", "convBias", "stateBias")},
            **{name: chance.randint(1, 700) for name in ("dNope", "dRope", "dValue", "kvRank", "dStateHead", "dState")},
            "queryRank": chance.choice([0, chance.randint(1, 2000)]),
            "stateLayers": chance.choice([0, chance.randint(0, layers)]),
            "stateGroups": state_groups,
            "stateHeads": state_groups * chance.randint(1, 40),
            "conv": chance.randint(1, 6),
            "chunk": chance.randint(1, 300),
            "dHidden": chance.randint(1, 30_000),
            "gated": chance.randint(0, 1),
            "hiddenBias": chance.randint(0, 1),
            "experts": experts,
            "active": chance.randint(1, experts) if experts else 1,
            "dExpert": chance.randint(1, 5000),
            "dShared": chance.choice([0, chance.randint(1, 5000)]),
            "denseLayers": chance.randint(0, layers) if experts else 0,
        }
        if own["stateLayers"]:
            own["bidirectional"] = 0  # a state never sees what comes later
        assert own.keys() == DEFAULTS.keys()
        yield own


def compare(page: Page, cases: list[Case]) -> list[dict[str, Any]]:
    """Have the page count, and return what it finds where that is what Python finds."""
    counted: list[dict[str, Any]] = page.evaluate(COSTS, cases)
    for case, found in zip(cases, counted, strict=True):
        assert found == costs(config_of(case[0]), case), case
    return counted


def test_every_count_of_random_configurations_is_pythons(calculator: Page, report: list[str]) -> None:
    chance = random.Random(0)
    drawn = random_settings(chance)
    cases: list[Case] = [
        (
            next(drawn),
            chance.randint(1, 9),
            chance.randint(1, 200_000),
            chance.choice([1, 2, 4, 8]),
            chance.choice([4, 8, 16, 32]),
        )
        for _ in range(240)
    ]
    largest = max(int(counted["prompt"]["attention"]) for counted in compare(calculator, cases))
    assert largest > 2**53  # what a Number would get wrong
    report.append(f"calculator: {len(cases)} random configurations counted as Python does, to the unit")


def test_every_count_of_published_models_is_pythons(calculator: Page) -> None:
    presets = calculator.evaluate("CALCULATOR_PRESETS")
    assert [preset["key"] for preset in presets] == list(MODELS)
    cases: list[Case] = [
        (preset["settings"], batch, prompt, each, bits)
        for preset in presets
        for batch, prompt, each, bits in ((1, 1, 2, 16), (3, 4096, 4, 32), (1, 131_072, 1, 4))
    ]
    for case, found in zip(cases, calculator.evaluate(COSTS, cases), strict=True):
        preset = next(preset for preset in presets if preset["settings"] is case[0])
        assert found == costs(MODELS[preset["key"]].config, case), (preset["key"], case[1:])


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_settings_stand_for_all_that_costs_depend_on(model: Any) -> None:
    settings = settings_of(model.config)
    case: Case = (settings, 2, 77, 2, 16)
    assert costs(config_of(settings), case) == costs(model.config, case)


def test_published_figures_are_judged_as_python_does(calculator: Page) -> None:
    for model in MODELS.values():
        for figure in filter(None, (model.parameters, model.active)):
            counts = [figure.value, figure.value + figure.step // 2, figure.value + figure.step // 2 + 1]
            counts += [figure.value + figure.step, figure.value - figure.step // 2 - 1]
            found = calculator.evaluate(
                "([counts, figure]) => counts.map(count => CalculatorEngine.agreement(BigInt(count), figure))",
                [counts, [figure.value, figure.step]],
            )
            assert found == [agreement(int(count), figure) for count in counts]


# -- What is shown -----------------------------------------------------------------------------------------------------
def rows(page: Page, table: str) -> dict[str, list[str]]:
    found = page.locator(f"{BOX} .calculator-{table} tbody tr")
    return {row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in found.all()}


def test_a_preset_shows_its_counts(calculator: Page) -> None:
    assert rows(calculator, "parameters")["together"] == [
        "46,702,792,704 (46.7 billion)",
        "12,879,925,248 (12.9 billion)",
    ]
    summary = calculator.locator(f"{BOX} .calculator-summary")
    expect(summary).to_contain_text("Published are 46.7 billion: the configuration gives what is published, rounded")
    config = MODELS["mixtral-8x7b"].config
    assert not isinstance(config, EncoderDecoderConfig)
    flops = rows(calculator, "flops")["together"]
    assert flops[0].startswith(f"{sum(matmul_flops(config, 1, 4096).values()):,} (")
    assert flops[1].startswith(f"{sum(matmul_flops(config, 1, 1, cached=4096).values()):,} (")
    memory = rows(calculator, "memory")
    assert memory["what is kept of 4,096 tokens"] == [f"{cache_bytes(config, 1, 4096, 2):,}", "512 MiB"]
    calculator.get_by_label("Model", exact=True).select_option("mistral-7b")
    expect(summary).to_contain_text("not what is published. The configuration gives 7.24 billion.")
    calculator.get_by_label("Model", exact=True).select_option("bert-base")
    assert rows(calculator, "flops")["together"][1] == "–"
    assert any(name.startswith("what is kept: nothing") for name in rows(calculator, "memory"))


def test_a_changed_field_makes_a_model_of_ones_own(calculator: Page) -> None:
    calculator.locator(f"{BOX} .calculator-feedforward summary").click()
    calculator.get_by_label("Experts at work for a token").fill("1")
    expect(calculator.get_by_label("Model", exact=True)).to_have_value("")
    settings = settings_of(MODELS["mixtral-8x7b"].config) | {"active": 1}
    want = sum(active_parameters(config_of(settings)).values())
    assert rows(calculator, "parameters")["together"][1].startswith(f"{want:,} (")
    expect(calculator.locator(f"{BOX} .calculator-summary")).not_to_contain_text("Published")
    expect(calculator.locator(f"{BOX} .explorer-spoken")).to_contain_text("at work for a token")


def test_fields_of_absent_parts_are_out_of_the_way(calculator: Page) -> None:
    for name in ("attention", "states", "feedforward"):
        calculator.locator(f"{BOX} .calculator-{name} summary").click()
    expect(calculator.get_by_label("Width of the latent vector")).to_be_hidden()
    calculator.get_by_label("Model", exact=True).select_option("deepseek-v3")
    expect(calculator.get_by_label("Width of the latent vector")).to_have_value("512")
    expect(calculator.get_by_label("Width of a head, d_head")).to_be_hidden()
    expect(calculator.get_by_label("Groups of heads")).to_be_hidden()
    calculator.get_by_label("Model", exact=True).select_option("granite4-h-small")
    expect(calculator.get_by_label("Groups of heads")).to_be_visible()


@pytest.mark.parametrize(
    ("group", "label", "value", "message"),
    [
        ("stack", "Blocks", "0", "Blocks: a whole number from 1 to 10,000."),
        ("stack", "Vocabulary, in tokens", "", "Vocabulary, in tokens: a whole number from 1"),
        ("attention", "Heads of keys and values", "5", "must be a multiple of the heads of keys and values"),
        ("feedforward", "Experts at work for a token", "9", "No more experts can be at work than there are."),
        ("states", "Blocks with a state instead of attention", "33", "There are not so many blocks"),
        (None, "Prompt, in tokens", "2.5", "Prompt, in tokens: a whole number from 1 to 100,000,000."),
    ],
)
def test_what_does_not_fit_is_said_and_changes_nothing(
    calculator: Page, group: str | None, label: str, value: str, message: str
) -> None:
    if group:
        calculator.locator(f"{BOX} .calculator-{group} summary").click()
    before = rows(calculator, "parameters")
    calculator.get_by_label(label, exact=True).fill(value)
    expect(calculator.locator(f"{BOX} .explorer-status")).to_contain_text(message)
    assert rows(calculator, "parameters") == before


# -- By keyboard, by ear, in every look --------------------------------------------------------------------------------
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit: Callable[..., Page], scheme: str) -> None:
    window = visit("index.html", color_scheme=scheme)
    window.evaluate(AXE.read_text("utf-8"))
    for summary in window.locator(f"{BOX} summary").all():
        summary.click()
    found = window.evaluate(f"axe.run('{BOX}', {{resultTypes: ['violations'], preload: false}})")
    assert [f"{finding['id']}: {finding['nodes'][0]['html'][:200]}" for finding in found["violations"]] == []


def test_every_control_has_a_name_and_shows_the_focus(calculator: Page) -> None:
    box = calculator.locator(BOX)
    for summary in box.locator("summary").all():
        summary.click()
    box.locator("select").first.focus()
    stops = 0
    while calculator.evaluate(f"!!document.activeElement.closest('{BOX}')"):
        style = "getComputedStyle(document.activeElement)"
        assert calculator.evaluate(f"{style}.outlineStyle != 'none' && parseFloat({style}.outlineWidth) >= 2")
        stops += 1
        calculator.keyboard.press("Tab")
    assert stops >= 25
    for control in box.locator("input, select").all():
        if control.is_visible():
            expect(control).to_have_accessible_name(re.compile("[a-zA-Z]{3}"))


@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_its_page_and_stands_still(visit: Callable[..., Page], width: int) -> None:
    window = visit("index.html", viewport={"width": width, "height": 900}, reduced_motion="reduce")
    window.evaluate("document.fonts.ready.then(() => null)")
    for summary in window.locator(f"{BOX} summary").all():
        summary.click()
    window.get_by_label("Model", exact=True).select_option("llama3-405b")
    assert window.evaluate("document.documentElement.scrollWidth") <= width
    small = f"""[...document.querySelectorAll("{BOX} :is(select, input, summary)")]
        .filter(part => part.offsetParent && (part.offsetHeight < 24 || part.offsetWidth < 24)).length"""
    assert window.evaluate(small) == 0
    moving = f"[...document.querySelectorAll('{BOX}, {BOX} *')].flatMap(e => e.getAnimations()).length"
    assert window.evaluate(moving) == 0


# -- Files, and where no script runs -----------------------------------------------------------------------------------
def test_code_is_small_and_asks_for_no_module(html_dir: Path) -> None:
    code = [path for path in (html_dir / "_static/widgets/transformer-calculator").iterdir() if path.name != "data.js"]
    assert sum(path.stat().st_size for path in code) < 30_000
    assert all("innerHTML" not in path.read_text("utf-8") for path in code)
    assert 'type="module"' not in (html_dir / "index.html").read_text("utf-8")


def test_the_drawing_stands_in(visit: Callable[..., Page]) -> None:
    check_that_drawings_stand_in(visit("index.html", java_script_enabled=False), BOX, "counts the parameters")


def test_paper_shows_the_drawing(visit: Callable[..., Page]) -> None:
    check_that_paper_shows_drawings(visit("index.html"), BOX)


def test_print_and_epub_hold_the_drawing_only(book: SmallBook) -> None:
    check_that_print_and_epub_hold_drawings(book, BOX, "transformer-calculator")
