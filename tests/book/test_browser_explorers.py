"""The explorers of the attention chapter in Chromium, from a folder: every number as Python gives it."""

import itertools
import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from playwright.sync_api import Locator, Page, expect
from small_book import SmallBook, widget_book
from widget_checks import (
    check_that_drawings_stand_in,
    check_that_paper_shows_drawings,
    check_that_print_and_epub_hold_drawings,
)

from llmguide.experiments.attention_sentence import EXPERIMENT, HEADS, LAYERS, LONG, SHORT, head_weights, read, watch
from llmguide.experiments.attention_vectors import head_vectors
from llmguide.experiments.records import load
from llmguide.transformer import rope_scaling
from llmguide.transformer.positions import rotate, rotation
from llmguide.transformer.published import smollm2
from llmguide.transformer.rope_scaling import LinearScaling, Llama3Scaling, NtkScaling, Scaling, YarnScaling

AXE = Path(__file__).parent / "vendor" / "axe" / "axe.min.js"
PAGE = """
(exp-attention-sentence)=
# A page

```{widget} positions-explorer
:name: fig-positions-explorer
:alt: The wavelengths of the pairs under four scalings, and the score of a query and a key by their distance.

Rotary positions and their scalings.
```

```{widget} attention-explorer
:name: fig-attention-explorer
:alt: The weights of two heads of SmolLM2 as squares.

Where the tokens look.
```
"""
BOXES = {"positions": ".positions-explorer", "attention": ".attention-explorer"}
REVEAL = {"positions": ["Show the curves"], "attention": ["Show the weights", "Show the vectors"]}
FIGURES = ("positions_explorer", "attention_explorer")
RECORDS = ("attention-sentence",)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> SmallBook:
    """A book of one page, in the look of the real one."""
    return widget_book(tmp_path_factory.mktemp("explorers"), PAGE, FIGURES, RECORDS)


@pytest.fixture(scope="module")
def html_dir(book: SmallBook) -> Path:
    """The folder of that book, in the place of the real one's."""
    book.build()
    return book.outdir("html")


@pytest.fixture
def positions(visit: Callable[..., Page]) -> Page:
    """The page, with the curves of the positions explorer shown."""
    page = visit("index.html")
    page.get_by_role("button", name="Show the curves").click()
    return page


# -- Positions: the same as Python -------------------------------------------------------------------------------------
@pytest.fixture
def double_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the package compute its frequencies in float64, where it takes float32 for the checkpoints' sake."""
    monkeypatch.setattr(rope_scaling, "torch", SimpleNamespace(arange=torch.arange, float32=torch.float64))


def scaling_of(kind: str, factor: float, length: int) -> Scaling | None:
    return {
        "none": lambda: None,
        "linear": lambda: LinearScaling(factor),
        "ntk": lambda: NtkScaling(factor),
        "yarn": lambda: YarnScaling(factor, length),
        "llama3": lambda: Llama3Scaling(factor, 1.0, 4.0, length),
    }[kind]()


def settings() -> Iterator[dict[str, Any]]:
    """Settings on a grid: every scaling with every width, base, factor and length."""
    grid = itertools.product(
        ["none", "linear", "ntk", "yarn", "llama3"],
        [16, 32, 64, 96, 128, 256],
        [2.0, 500.5, 10_000.0, 100_000.0, 500_000.0, 1e8],
        [1.0, 1.5, 4.0, 8.0, 128.0],
        [16, 777, 2048, 32_768, 1_000_000],
    )
    for scaling, width, base, factor, length in grid:
        if (factor, length) != (1.0, 16) and (scaling == "none" or (length != 16 and scaling in {"linear", "ntk"})):
            continue  # where they have no effect
        yield {"scaling": scaling, "dHead": width, "base": base, "factor": factor, "originalLength": length}


def frequencies_of(case: dict[str, Any]) -> tuple[torch.Tensor, float]:
    scaling = scaling_of(case["scaling"], case["factor"], case["originalLength"])
    if scaling is None:
        return rope_scaling.rotary_frequencies(case["dHead"], case["base"]), 1.0
    return scaling.frequencies(case["dHead"], case["base"]), scaling.magnitude


@pytest.mark.usefixtures("double_precision")
def test_every_frequency_is_pythons(positions: Page, report: list[str]) -> None:
    cases = list(settings())
    assert len(cases) > 1800
    found = positions.evaluate(
        "cases => cases.map(c => [PositionsEngine.frequencies(c), PositionsEngine.magnitude(c)])", cases
    )
    worst = 0.0
    for case, (frequencies, magnitude) in zip(cases, found, strict=True):
        want, length = frequencies_of(case)
        assert want.dtype == torch.float64
        error = (torch.tensor(frequencies, dtype=torch.float64) / want - 1).abs().max().item()
        worst = max(worst, error, abs(magnitude - length))
        assert max(error, abs(magnitude - length)) < 1e-9, case
    report.append(f"positions explorer: {len(cases)} settings, frequencies to within {worst:.1e} of Python's")


def test_the_packages_own_precision_is_the_same_to_its_digits(positions: Page) -> None:
    for case in list(settings())[::50]:
        want, _ = frequencies_of(case)
        assert want.dtype == torch.float32
        found = torch.tensor(positions.evaluate("c => PositionsEngine.frequencies(c)", case))
        torch.testing.assert_close(found, want, rtol=3e-6, atol=0)


def python_scores(case: dict[str, Any], queries: list[int], keys: list[int]) -> torch.Tensor:
    """Scores through the package's turned vectors, in float64, pair by pair."""
    width = case["dHead"]
    frequencies, magnitude = frequencies_of(case)
    query = torch.full((1, 1, 1, width), width**-0.25, dtype=torch.float64)
    unscaled = rope_scaling.rotary_frequencies(width, case["base"])
    key = rotate(query, *rotation(torch.tensor([[case["lookBack"]]]), unscaled))
    turned_queries = rotate(
        query.expand(1, 1, len(queries), width), *rotation(torch.tensor([queries]), frequencies, magnitude)
    )
    turned_keys = rotate(key.expand(1, 1, len(keys), width), *rotation(torch.tensor([keys]), frequencies, magnitude))
    return (turned_queries * turned_keys).sum(-1).flatten() / math.sqrt(width)


@pytest.mark.usefixtures("double_precision")
def test_every_score_is_pythons(positions: Page, report: list[str]) -> None:
    worst, compared = 0.0, 0
    for number, case in enumerate(list(settings())[::9]):
        case["lookBack"] = (0, 1, 8, 100, 256)[number % 5]
        start = (0, 1, 17, 4096)[number % 4]
        by_distance, by_vectors = positions.evaluate(
            """([c, limit, start]) => {
                const E = PositionsEngine, angles = E.frequencies(c), length = E.magnitude(c);
                const head = E.headThatLooksBack(c);
                const all = E.scoresByDistance(head, limit, angles, length);
                return [all, all.map((_, distance) => E.score(head, start + distance, start, angles, length))];
            }""",
            [case, 64, start],
        )
        distances = list(range(65))
        want = python_scores(case, [start + distance for distance in distances], [start] * 65)
        for found in (by_distance, by_vectors):
            error = (torch.tensor(found, dtype=torch.float64) - want).abs().max().item()
            worst, compared = max(worst, error), compared + 65
            assert error < 1e-9, case
    report.append(f"positions explorer: {compared} scores to within {worst:.1e} of Python's")


def test_what_is_shown_is_what_the_engine_computes(positions: Page) -> None:
    positions.get_by_label("Scaling", exact=True).select_option("llama3")
    positions.get_by_label("Factor").fill("8")
    positions.get_by_label("Original length").fill("8192")
    positions.get_by_label("Width of the head").select_option("128")
    positions.get_by_label("Base").fill("500000")
    positions.locator(".positions-explorer summary").click()
    rows = positions.locator(".positions-explorer tbody tr")
    expect(rows).to_have_count(64)
    want, _ = frequencies_of(
        {"scaling": "llama3", "dHead": 128, "base": 500_000.0, "factor": 8.0, "originalLength": 8192}
    )
    for pair in (0, 30, 63):
        cells = rows.nth(pair).locator("td").all_inner_texts()
        wave = 2 * math.pi / want[pair].item()
        assert float(cells[2].replace(",", "")) == pytest.approx(wave, rel=0.005, abs=0.5)
    expect(positions.locator("#positions-waves-text")).to_contain_text("Pair 8 turns by")
    expect(positions.locator(".positions-waves circle")).to_have_count(64)
    expect(positions.locator(".positions-waves rect")).to_have_count(64)
    expect(positions.locator(".positions-waves")).to_contain_text("original length 8,192")


# -- Positions: teaching -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("scaling", "best"), [("none", 8), ("linear", 32), ("ntk", 8), ("yarn", 8), ("llama3", 8)])
def test_the_reader_predicts_where_the_head_looks(visit: Callable[..., Page], scaling: str, best: int) -> None:
    window = visit("index.html")
    box = window.locator(".positions-explorer")
    answer, status = box.locator(".explorer-answer"), box.locator(".explorer-status")
    expect(answer).to_be_hidden()
    box.get_by_label("Scaling", exact=True).select_option(scaling)
    case = {"scaling": scaling, "dHead": 64, "base": 10_000.0, "factor": 4.0, "originalLength": 2048, "lookBack": 8}
    assert int(python_scores(case, list(range(100)), [0] * 100).argmax()) == best
    box.get_by_label("Predict first").fill("5")
    window.keyboard.press("Enter")
    expect(answer).to_be_visible()
    expect(status).to_have_text(f"You predicted 5; the best match is at distance {best}.")
    expect(box.get_by_label("Distance:")).to_be_focused()
    expect(box.get_by_label("Distance:")).to_have_value(str(best))
    box.get_by_role("button", name="Hide, and predict another").click()
    expect(answer).to_be_hidden()
    expect(box.get_by_label("Scaling", exact=True)).to_be_focused()
    box.get_by_label("Predict first").fill(str(best))
    box.get_by_role("button", name="Show the curves").click()
    expect(status).to_have_text(f"Right: the best match is at distance {best}.")


def test_the_score_stays_while_both_move(positions: Page) -> None:
    text = positions.locator("#positions-scores-text")
    before = text.inner_text().split(", computed")[0]
    key = positions.get_by_label("Position of the key")
    key.focus()
    positions.keyboard.press("End")
    expect(positions.locator("span.positions-key")).to_have_text("4,096")
    expect(text).to_contain_text("and 4,096")
    assert text.inner_text().split(", computed")[0] == before
    positions.get_by_label("Distance:").focus()
    positions.keyboard.press("ArrowRight")
    assert text.inner_text().split(", computed")[0] != before


def test_sliders_obey_the_arrow_keys_and_stay_in_range(positions: Page) -> None:
    pair = positions.get_by_label("Pair of coordinates")
    pair.focus()
    positions.keyboard.press("End")
    expect(positions.locator("#positions-waves-text")).to_contain_text("Pair 31 turns")
    positions.get_by_label("Width of the head").select_option("16")
    expect(pair).to_have_value("7")
    expect(positions.locator("#positions-waves-text")).to_contain_text("Pair 7 turns")
    positions.get_by_label("Distances to draw").select_option("4096")
    distance = positions.get_by_label("Distance:")
    distance.focus()
    positions.keyboard.press("End")
    expect(positions.locator("#positions-scores-text")).to_contain_text("At distance 4,096")
    positions.get_by_label("Distances to draw").select_option("64")
    expect(positions.locator("#positions-scores-text")).to_contain_text("At distance 64 ")
    expect(positions.locator("#positions-circle-text")).to_contain_text("at position 76")


@pytest.mark.parametrize(
    ("label", "value", "message"),
    [
        ("Factor", "0.5", "from 1 to 128"),
        ("Factor", "", "from 1 to 128"),
        ("Original length", "2.5", "whole number from 16"),
        ("Base", "1", "from 2 to"),
        ("looks back", "300", "from 0 to 256"),
    ],
)
def test_a_number_out_of_range_is_said_and_changes_nothing(
    positions: Page, label: str, value: str, message: str
) -> None:
    positions.get_by_label("Scaling", exact=True).select_option("yarn")
    before = positions.locator("#positions-scores-text").inner_text()
    positions.get_by_label(label).fill(value)
    expect(positions.get_by_label(label)).to_have_attribute("aria-invalid", "true")
    expect(positions.locator(".positions-explorer .explorer-status")).to_contain_text(message)
    assert positions.locator("#positions-scores-text").inner_text() == before


# -- Attention: the same as Python -------------------------------------------------------------------------------------
@pytest.fixture
def attention(visit: Callable[..., Page]) -> Page:
    """The page, with the weights of the attention explorer shown."""
    page = visit("index.html")
    page.get_by_role("button", name="Show the weights").click()
    return page


@pytest.fixture
def vectors(attention: Page) -> Page:
    """The same, with the vectors shown."""
    attention.get_by_role("button", name="Show the vectors").click()
    return attention


@pytest.mark.parametrize("name", ["short", "long"])
def test_every_weight_is_the_models_to_half_a_step(attention: Page, name: str, report: list[str]) -> None:
    tokens, weights = read(smollm2(), {"short": SHORT, "long": LONG}[name])
    found = attention.evaluate(
        """name => {
            const {tokens, row} = AttentionEngine.read(ATTENTION_DATA)[name], {layers, heads} = ATTENTION_DATA;
            const all = (count, make) => Array.from({length: count}, (_, i) => make(i));
            return [tokens, all(layers, l => all(heads, h => all(tokens.length, q => row(l, h, q))))];
        }""",
        name,
    )
    assert found[0] == tokens
    worst = 0.0
    for layer, head, query in itertools.product(range(LAYERS), range(HEADS), range(len(tokens))):
        row = torch.tensor(found[1][layer][head][query])
        assert len(row) == query + 1
        worst = max(worst, (row - weights[layer, head, query, : query + 1]).abs().max().item())
    assert worst <= 1 / 510 + 1e-4  # the sums of another machine may round to the next step
    report.append(f"attention explorer: weights of the {name} text to within {worst:.6f} of the model's")


@pytest.mark.parametrize("name", ["short", "long"])
def test_every_vector_score_and_length_is_the_models(attention: Page, name: str, report: list[str]) -> None:
    tokens, watched = watch(smollm2(), {"short": SHORT, "long": LONG}[name])
    layers = list(EXPERIMENT.config.vectors[name])
    assert layers == ([17] if name == "long" else list(range(LAYERS)))
    queries, keys, *numbers = json.loads(
        attention.evaluate(
            """name => {
                const {tokens, layers, made} = AttentionEngine.read(ATTENTION_DATA)[name], {heads} = ATTENTION_DATA;
                const last = tokens.length - 1, all = (count, make) => Array.from({length: count}, (_, i) => make(i));
                const each = make => layers.map(layer => all(heads, head => make(layer, head)));
                const rows = part => each((l, h) => all(last + 1, q => part(made(l, h, q))));
                return JSON.stringify([
                    rows(({q}) => q),
                    each((l, h) => made(l, h, last).k),
                    rows(({scores}) => scores.concat(Array(last + 1 - scores.length).fill(0))),
                    each((l, h) => made(l, h, last).lengths),
                    each((l, h) => all(last + 1, q => {
                        const {k, lengths} = made(l, h, q), whole = made(l, h, last);
                        const same = (some, all) => String(some) === String(all.slice(0, q + 1));
                        return Number(k.length === q + 1 && same(k, whole.k) && same(lengths, whole.lengths));
                    })),
                ]);
            }""",
            name,
        )
    )
    scores, lengths, alike = (torch.tensor(found) for found in numbers)
    assert alike.shape == (len(layers), HEADS, len(tokens))
    assert alike.all()
    worst = 0.0
    for found, want in (
        (torch.tensor(queries), watched["queries_rotated"][layers]),
        (torch.tensor(keys), watched["keys_rotated"][layers].repeat_interleave(3, dim=1)),
    ):
        half_a_step = (want.abs().amax(-1, keepdim=True) + 1e-3) / 254
        worst = max(worst, ((found - want).abs() / half_a_step).max().item())
        assert ((found - want).abs() <= half_a_step + 1e-4).all()  # the sums of another machine
    want = watched["scores"][layers].tril()
    assert (scores - want).abs().max() <= 6e-4
    value_lengths = watched["values"][layers].norm(dim=-1).repeat_interleave(3, dim=1)
    assert (lengths - value_lengths).abs().max() <= 6e-4
    report.append(f"attention explorer: q and k of the {name} text to within {worst / 2:.3f} steps of the model's")


def test_the_vectors_are_shown_as_they_are(vectors: Page) -> None:
    found = head_vectors(load("attention-sentence"), "long", 17, 4)
    _, weights = head_weights(load("attention-sentence"), "long", 17, 4)
    box = vectors.locator(".attention-explorer")
    text = box.locator("#attention-strips-text")
    expect(text).to_contain_text("The 64 products of q and k add up to 70.5; divided by √64 = 8")
    expect(text).to_contain_text("a score of 8.82. Pair 22 adds most, about 26. Pair 31 takes most away, about 21.")
    expect(text).to_contain_text("Softmax over all 15 scores makes this a weight of 95 %.")
    rows = box.locator(".attention-made tbody tr")
    expect(rows).to_have_count(15)
    shown = [row.locator("td").all_inner_texts() for row in rows.all()]
    as_numbers = torch.tensor([[float(cell.strip(" %").replace("−", "-")) for cell in row] for row in shown])
    scores, lengths, row = found.scores[14, :15], found.value_lengths[:15], weights[14, :15]
    want = torch.stack([scores, 100 * row, lengths, row * lengths], dim=1)
    assert ((as_numbers - want).abs() <= torch.tensor([0.0051, 0.51, 0.0051, 0.0051])).all()
    assert (scores.softmax(-1) - row).abs().max() <= 1 / 510 + 1e-3
    box.locator(".attention-entries summary").click()
    entries = box.locator(".attention-entries tbody tr")
    expect(entries).to_have_count(64)
    q, k = found.queries[14].tolist(), found.keys[2].tolist()
    for place, line in enumerate(box.locator(".attention-entries tbody").inner_text().split("\n")):
        cells = [float(cell.replace("−", "-")) for cell in line.split("\t")]
        assert cells == pytest.approx([place, q[place], k[place], q[place] * k[place]], abs=0.0051)
    expect(box.locator(".attention-strips .attention-cell")).to_have_count(3 * 64)


def test_the_weights_are_shown_as_they_are(attention: Page) -> None:
    _, weights = head_weights(load("attention-sentence"), "long", 17, 4)
    attention.locator(".attention-all summary").click()
    rows = attention.locator(".attention-all tbody tr")
    expect(rows).to_have_count(18)
    for query in range(18):
        cells = rows.nth(query).locator("td").all_inner_texts()
        assert [float(cell) for cell in cells if cell] == [
            pytest.approx(100 * weight, abs=0.051) for weight in weights[query, : query + 1].tolist()
        ]
    bars = attention.locator(".attention-weights li")
    expect(bars).to_have_count(15)
    expect(bars.nth(2)).to_have_class("is-top")
    expect(bars.nth(2)).to_contain_text("opens 95 %")
    expect(attention.locator(".attention-map .attention-cell")).to_have_count(18 * 19 // 2)


# -- Attention: teaching -----------------------------------------------------------------------------------------------
def test_the_reader_predicts_where_a_token_looks(visit: Callable[..., Page]) -> None:
    window = visit("index.html")
    box = window.locator(".attention-explorer")
    answer, status = box.locator(".explorer-answer"), box.locator(".explorer-status")
    expect(answer).to_be_hidden()
    expect(box.locator(".attention-question")).to_contain_text(
        "In head 4 of layer 17, to which token does the second “key” give"
    )
    box.get_by_label("Predict first").select_option("0")
    box.get_by_role("button", name="Show the weights").click()
    expect(answer).to_be_visible()
    expect(status).to_contain_text("You predicted “The”, token 1; the second “key” gives 95 % of its weight to “opens”")
    expect(status).to_contain_text("followed “key” the first time")
    expect(box.locator("[role=option][aria-selected=true]")).to_be_focused()
    box.get_by_role("button", name="Hide, and predict another").click()
    expect(answer).to_be_hidden()
    expect(box.get_by_label("Predict first")).to_be_focused()
    expect(box.locator(".attention-question")).to_contain_text("In head 0 of layer 16, to which token does “door” give")
    box.get_by_label("Predict first").select_option("3")
    box.get_by_role("button", name="Show the weights").click()
    expect(status).to_contain_text("Right: “door” gives 70 % of its weight to “the”, token 4.")


def test_the_reader_predicts_what_is_handed_over(attention: Page) -> None:
    box = attention.locator(".attention-explorer")
    strips, said = box.locator(".attention-vectors"), box.locator(".attention-said")
    hide, show = (box.get_by_role("button", name=name) for name in ("Hide, and predict another", "Show the weights"))
    for button in (hide, show, hide):
        button.click()
    expect(box.locator(".attention-question")).to_contain_text("In head 4 of layer 24, to which token does “door” give")
    box.get_by_role("button", name="Show the weights").click()
    expect(box.locator(".explorer-status")).to_contain_text(
        "“door” gives 67 % of its weight to “The”, token 1.", ignore_case=True
    )
    expect(strips).to_be_hidden()
    box.get_by_label("Predict again").select_option("0")
    box.get_by_role("button", name="Show the vectors").click()
    expect(strips).to_be_visible()
    expect(said).to_contain_text("You predicted “The”, token 1; “opens” hands over most: a weight of 23 %")
    expect(said).to_contain_text("The weight of “The”, token 1, is 67 %, but times its length only")
    expect(box.get_by_label("The token that is looked at")).to_be_focused()
    expect(box.locator(".attention-made tr.is-top")).to_contain_text("3 opens")


def test_the_key_is_chosen_by_keyboard_and_said(vectors: Page) -> None:
    box = vectors.locator(".attention-explorer")
    key, text = box.get_by_label("The token that is looked at"), box.locator("#attention-strips-text")
    expect(key).to_be_focused()
    expect(key).to_have_value("2")
    vectors.keyboard.press("ArrowUp")
    vectors.keyboard.press("ArrowUp")
    expect(key).to_have_value("0")
    score = head_vectors(load("attention-sentence"), "long", 17, 4).scores[14, 0]
    expect(text).to_contain_text(f"a score of {score:.2f}. Pair 31 adds most")
    expect(box.locator(".explorer-spoken")).to_contain_text(f"a score of {score:.2f}")
    expect(box.locator(".attention-made tr[aria-current]")).to_contain_text("1 The")
    # Of another layer the longer text has no vectors, the shorter has.
    box.get_by_role("slider", name="Layer").focus()
    vectors.keyboard.press("Home")
    expect(box.locator(".attention-vectors")).to_be_hidden()
    expect(box.locator(".attention-missing")).to_have_text(
        "Of this text, the vectors of layer 17 are kept; of “the sentence once”, those of every layer."
    )
    box.get_by_label("Text", exact=True).select_option("short")
    expect(box.locator(".attention-vectors")).to_be_visible()
    expect(box.locator(".attention-missing")).to_be_hidden()
    expect(key.locator("option")).to_have_count(5)


def test_tokens_layers_and_heads_obey_the_keys(attention: Page) -> None:
    record = load("attention-sentence")
    box = attention.locator(".attention-explorer")
    options = box.get_by_role("listbox", name="The token that looks").get_by_role("option")
    expect(options).to_have_count(18)
    expect(options.nth(14)).to_be_focused()
    for key, place in (("ArrowRight", 15), ("End", 17), ("ArrowRight", 17), ("Home", 0), ("ArrowLeft", 0)):
        attention.keyboard.press(key)
        expect(options.nth(place)).to_be_focused()
        expect(options.nth(place)).to_have_attribute("aria-selected", "true")
        assert box.locator("[role=option][tabindex='0']").count() == 1
        expect(box.locator(".attention-weights li")).to_have_count(place + 1)
    attention.keyboard.press("End")
    box.get_by_role("slider", name="Layer").focus()
    attention.keyboard.press("Home")
    box.get_by_role("slider", name="Head").focus()
    attention.keyboard.press("End")
    _, weights = head_weights(record, "long", 0, 8)
    best = int(weights[17].argmax())
    expect(box.locator(".explorer-numbers")).to_contain_text("Layer 0, head 8: “door”, token 18, gives most weight to")
    expect(box.locator(".attention-weights li").nth(best)).to_have_class("is-top")
    expect(box.locator(".explorer-spoken")).to_contain_text("Layer 0, head 8")


def test_a_pointer_shows_where_a_token_looks_for_a_while(attention: Page) -> None:
    box = attention.locator(".attention-explorer")
    options, label = box.locator("div[role=option]"), box.locator("#attention-weights-label")
    expect(label).to_have_text("Where “key”, token 15, looks")
    options.nth(4).hover()
    expect(label).to_have_text("Where “door”, token 5, looks")
    expect(options.nth(14)).to_have_attribute("aria-selected", "true")
    box.get_by_role("button", name="Hide").hover()
    expect(label).to_have_text("Where “key”, token 15, looks")
    frame = box.locator(".attention-map")
    frame.scroll_into_view_if_needed()
    for row, act in ((5, attention.mouse.move), (7, attention.mouse.click)):
        place = box.locator(".attention-cell").nth(row * (row + 1) // 2).bounding_box()
        assert place is not None
        act(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
        expect(label).to_have_text({5: "Where “,”, token 6, looks", 7: "Where “the”, token 8, looks"}[row])
    expect(options.nth(7)).to_have_attribute("aria-selected", "true")


def test_a_shorter_text_keeps_the_choice_in_range(attention: Page) -> None:
    box = attention.locator(".attention-explorer")
    box.get_by_label("Text", exact=True).select_option("short")
    options = box.locator("div[role=option]")
    expect(options).to_have_count(5)
    expect(options.nth(4)).to_have_attribute("aria-selected", "true")
    expect(box.locator(".attention-map .attention-cell")).to_have_count(15)


# -- Both: by keyboard, by ear, in every look --------------------------------------------------------------------------
def reveal(box: Locator, name: str) -> None:
    """Show all that is hidden before a prediction."""
    for button in REVEAL[name]:
        box.get_by_role("button", name=button).click()


@pytest.mark.parametrize("name", BOXES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit: Callable[..., Page], scheme: str, name: str) -> None:
    window = visit("index.html", color_scheme=scheme)
    box = window.locator(BOXES[name])
    window.evaluate(AXE.read_text("utf-8"))
    for shown in (False, True):
        if shown:
            reveal(box, name)
            for summary in box.locator("summary").all():
                summary.click()
        found = window.evaluate(f"axe.run('{BOXES[name]}', {{resultTypes: ['violations'], preload: false}})")
        assert [f"{finding['id']}: {finding['nodes'][0]['html'][:200]}" for finding in found["violations"]] == []


@pytest.mark.parametrize("name", BOXES)
def test_every_control_has_a_name_and_shows_the_focus(visit: Callable[..., Page], name: str) -> None:
    window = visit("index.html")
    box = window.locator(BOXES[name])
    reveal(box, name)
    box.locator("select").first.focus()
    stops = 0
    while window.evaluate(f"!!document.activeElement.closest('{BOXES[name]}')"):
        style = "getComputedStyle(document.activeElement)"
        assert window.evaluate(f"{style}.outlineStyle != 'none' && parseFloat({style}.outlineWidth) >= 2")
        stops += 1
        window.keyboard.press("Tab")
    assert stops >= {"positions": 10, "attention": 8}[name]
    for control in box.locator("input, select, button").all():
        if control.is_visible():
            expect(control).to_have_accessible_name(re.compile("[a-z]{3}"))


def test_no_label_of_a_plot_is_cut_off(positions: Page) -> None:
    box = positions.locator(".positions-explorer")
    box.get_by_label("Scaling", exact=True).select_option("ntk")
    box.get_by_label("Factor").fill("128")
    box.get_by_label("Base").fill("100000000")
    expect(box.locator(".positions-waves")).to_contain_text("10¹⁰")
    outside = """[...document.querySelectorAll(".explorer svg text")].filter(text => {
        const {left, right} = text.getBoundingClientRect(), box = text.closest(".explorer").getBoundingClientRect();
        return left < box.left || right > box.right;
    }).length"""
    positions.get_by_role("button", name="Show the weights").click()
    assert positions.evaluate(outside) == 0


@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_its_page_and_stands_still(visit: Callable[..., Page], width: int) -> None:
    window = visit("index.html", viewport={"width": width, "height": 900}, reduced_motion="reduce")
    window.evaluate("document.fonts.ready.then(() => null)")
    for name, box in BOXES.items():
        reveal(window.locator(box), name)
    assert window.evaluate("document.documentElement.scrollWidth") <= width
    small = """[...document.querySelectorAll(".explorer :is(button, select, input, [role=option])")]
        .filter(part => part.offsetParent && (part.offsetHeight < 24 || part.offsetWidth < 24)).length"""
    assert window.evaluate(small) == 0
    moving = "[...document.querySelectorAll('.explorer, .explorer *')].flatMap(e => e.getAnimations()).length"
    assert window.evaluate(moving) == 0


# -- Files, and where no script runs -----------------------------------------------------------------------------------
def test_code_is_small_and_asks_for_no_module(html_dir: Path) -> None:
    static = html_dir / "_static" / "widgets"
    for folder in ("explorer", *(f"{name}-explorer" for name in BOXES)):
        code = [path for path in (static / folder).iterdir() if path.name != "data.js"]
        assert sum(path.stat().st_size for path in code) < 30_000
        assert all("innerHTML" not in path.read_text("utf-8") for path in code)
    assert (static / "attention-explorer" / "data.js").stat().st_size < 300_000
    page = (html_dir / "index.html").read_text("utf-8")
    assert 'type="module"' not in page
    assert page.count("explorer/kit.js") == 1


def test_the_drawing_stands_in(visit: Callable[..., Page]) -> None:
    check_that_drawings_stand_in(
        visit("index.html", java_script_enabled=False), ".explorer", "has controls", "shows the weights"
    )


def test_paper_shows_the_drawing(visit: Callable[..., Page]) -> None:
    check_that_paper_shows_drawings(visit("index.html"), ".explorer")


def test_print_and_epub_hold_the_drawing_only(book: SmallBook) -> None:
    check_that_print_and_epub_hold_drawings(book, ".explorer", *(f"{name}-explorer" for name in BOXES))
