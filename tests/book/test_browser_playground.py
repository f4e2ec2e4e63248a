"""The tokenizer playground in Chromium, from a folder: every id, piece and offset as Python gives them."""

import shutil
import unicodedata
from collections.abc import Callable, Iterator
from functools import partial
from itertools import accumulate, groupby
from pathlib import Path
from random import Random
from typing import Any

import pytest
import regex
from _extensions.playground_data import SPECIAL, chapter_tokenizer, learned_merges
from playwright.sync_api import Page, expect
from small_book import SmallBook, widget_book
from widget_checks import (
    check_that_drawings_stand_in,
    check_that_paper_shows_drawings,
    check_that_print_and_epub_hold_drawings,
)

from llmguide.tokenizers import Bpe, Tokenizer, published, trace_encoding
from llmguide.tokenizers.alphabet import spell
from llmguide.tokenizers.normalizers import Aligned, Lowercase, Normalizer, UnicodeForm
from llmguide.tokenizers.pretokenizers import GPT2

AXE = Path(__file__).parent / "vendor" / "axe" / "axe.min.js"
PAGE = """
# A page

```{widget} tokenizer-playground
:name: fig-tokenizer-playground
:alt: A text in pieces, and as the tokens of two vocabularies.

A text on its way to ids.
```
"""
TOKENIZERS: dict[str, Callable[[], Tokenizer]] = {"chapter": chapter_tokenizer, "gpt2": partial(published.load, "gpt2")}
TYPED = [
    "", " ", "  ", "\n", "\n\n", " \n ", "\t", "a", "é", "e\u0301", "\u0301", "木", "👑", "\ufeff", "\x00", "\x7f",
    "\x1c", "\u0085", "\u00a0", "\u2028", "\u200b", "\ufffd", "\ufffe", "\U0010ffff", "\u0378", "ſ", "ß", "İ", "Σ", "ς",
    "the kingdom", " the kingdom", "the  kingdom ", "kingdom\n", "\tkingdom", "KINGDOM", "Kingdom's", "king-dom",
    "k i n g", "don't", "I'll we've they're he's I'm you'd", "DON'T", "it’s", "'s", "''s", "'sad", "rock 'n' roll",
    "' s", "x's's", "1", "12", "1234567", "3.14159", "1,000,000", "10 + 20=30", "½ ² Ⅻ ٣ 五 𝟗", "a1b2c3",
    "2026-11-24T12:00", "0x7f", "def f(x):\n    return  2 * x\n", "if (a&&b) { c[0] -= ~d; }", "    four", "a\tb\t\tc",
    "line\r\nline\rline", "...", "?!", "$%&",
    "<|endoftext|>", "<|endoftext|><|endoftext|>", "a<|endoftext|>b", " <|endoftext|> ", "<|endoftext|",
    "<|ENDOFTEXT|>", "<<|endoftext|>>", "\n<|endoftext|>\n", "Good night<|endoftext|>My password is", "<|endoftext|>’s",
    "1<|endoftext|>2", "👩‍🚀", "👩‍👩‍👧‍👦", "👍🏽", "🇪🇺🇩🇪", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "a👑b", " 👑 ", "👑👑👑", "❤️‍🔥", "\u200d", "🏽",
    "שלום עולם", "מה זה 123?", "السلام عليكم", "١٢٣ abc", "\u202eabc\u202c", "a\u200fb", "שָׁלוֹם", "لا إله",
    "नमस्ते दुनिया", "हि", "ไทยไม่มีช่องว่าง", "日本語のテキスト", "한국어", "한", "中文,标点。", "Ελλάδα", "Россия",
    "Ǆ", "ﬁ", "Ａ１", "Å Å Å", "cafe\u0301 caf\u00e9", "a\u0300\u0316\u0323", "Z͑ͫ̓a̴l̷g̸o", "\u0344", "ạ̈", "n̈", "𝔘𝔫𝔦", "ℌ",
    "antidisestablishmentarianism", "a" * 290, "ab" * 140, "the" * 90, "木" * 90, "-" * 100, " " * 100, "\n" * 60,
    "9" * 90,
]  # fmt: skip
CLASSES = ["Lu", "Ll", "Lo", "Lm", "Mn", "Mc", "Nd", "No", "Pd", "Po", "Sm", "So", "Sk", "Zs", "Cf", "Cc", "Cn", "Co"]


def scalars() -> list[str]:
    """Every character that UTF-8 can write."""
    return [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]


def batched(characters: list[str]) -> Iterator[list[str]]:
    """A thousand characters at a time, without the line break."""
    others = [character for character in characters if character != "\n"]
    return (others[start : start + 1000] for start in range(0, len(others), 1000))


def drawn_texts(count: int) -> list[str]:
    """Texts of characters from every class, mixed with what a pattern trips over."""
    random = Random(4)
    everything = "".join(scalars())
    pools = [regex.findall(rf"\p{{{name}}}", everything) for name in CLASSES]
    snags = [" ", "  ", "\n", "\t", "'s", "'re", "'", "the", "king", "1", "23", "\u200d", "\u0301", SPECIAL, "<|"]
    return [
        "".join(random.choice(random.choice([snags, *pools])) for _ in range(random.randrange(1, 20)))
        for _ in range(count)
    ]


TEXTS = [*TYPED, *drawn_texts(120)]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> SmallBook:
    """A book of one page, in the look of the real one."""
    return widget_book(tmp_path_factory.mktemp("playground"), PAGE, ["tokenizer_playground"])


@pytest.fixture(scope="module")
def html_dir(book: SmallBook) -> Path:
    """The folder of that book, in the place of the real one's."""
    book.build()
    return book.outdir("html")


@pytest.fixture
def window(visit: Callable[..., Page]) -> Page:
    """The page, with the cuts shown."""
    page = visit("index.html")
    page.get_by_role("button", name="Show the cuts").click()
    page.locator("summary").click()
    return page


def choose_vocabulary(window: Page, name: str) -> None:
    window.get_by_label("Vocabulary").select_option(name)
    expect(window.locator(".playground")).to_have_attribute("data-vocabulary", name)


def type_text(window: Page, text: str) -> None:
    window.get_by_label("Text, up to").fill(text)
    window.evaluate("new Promise(done => setTimeout(done, 1))")  # the page answers after the event


Shown = tuple[list[int], list[tuple[int, int]], list[tuple[int, int]], int]


def as_shown(rows: list[list[str]], options: int) -> Shown:
    ids = [int(row[1]) for row in rows]
    offsets = [tuple(map(int, row[5].split("–"))) for row in rows]
    numbers = [row[4] for row in rows]
    groups = [
        [offset for _, offset in group]
        for _, group in groupby(zip(numbers, offsets, strict=True), lambda pair: pair[0])
    ]
    pieces = [(group[0][0], group[-1][1]) for group in groups]
    return ids, offsets, pieces, options


def shown(window: Page) -> Shown:
    """What a reader sees: ids, offsets of tokens, offsets of pieces, and the number of pieces to choose from."""
    rows = "[...document.querySelectorAll('.playground tbody tr')].map(row => [...row.cells].map(c => c.textContent))"
    return as_shown(window.evaluate(rows), window.locator("[role=option]").count())


def shown_of_each(window: Page, texts: list[str]) -> list[tuple[Shown, str]]:
    """What a reader sees of each of the texts when it is typed, and the line of ids."""
    found = window.evaluate(
        """async texts => {
            const field = document.querySelector("#playground-text"), found = [];
            const all = part => [...document.querySelectorAll(part)];
            for (const text of texts) {
                field.value = text;
                field.dispatchEvent(new Event("input", {bubbles: true}));
                await new Promise(done => setTimeout(done, 1));  // the page answers after the event
                const rows = all(".playground tbody tr").map(row => [...row.cells].map(cell => cell.textContent));
                found.push([rows, all("[role=option]").length, all(".playground-ids")[0].textContent]);
            }
            return found;
        }""",
        texts,
    )
    return [(as_shown(rows, options), ids) for rows, options, ids in found]


def expected(tokenizer: Tokenizer, text: str, special: str) -> Shown:
    encoding = tokenizer.encode(text, allowed_special="all" if special == "allowed" else ())
    stretches = text.split(SPECIAL) if special == "allowed" else [text]
    pieces, start = [], 0
    for place, stretch in enumerate(stretches):
        if place:
            pieces.append((start, start + len(SPECIAL)))
            start += len(SPECIAL)
        pieces += [(start + piece.start, start + piece.end) for piece in tokenizer.pretokenizer.split(stretch)]
        start += len(stretch)
    return encoding.ids, encoding.offsets, pieces, len(pieces)


# -- The same as Python ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("special", ["text", "allowed"])
@pytest.mark.parametrize("vocabulary", TOKENIZERS)
def test_every_id_piece_and_offset_is_pythons(window: Page, vocabulary: str, special: str) -> None:
    choose_vocabulary(window, vocabulary)
    window.get_by_label("in the text is").select_option(special)
    texts = TEXTS if special == "text" else [text for text in TEXTS if SPECIAL in text]
    assert len(texts) >= (200 if special == "text" else 15)
    tokenizer = TOKENIZERS[vocabulary]()
    for text, (found, ids) in zip(texts, shown_of_each(window, texts), strict=True):
        as_typed = text.replace("\r\n", "\n").replace("\r", "\n")  # a text field knows one line break
        want = expected(tokenizer, as_typed, special)
        assert found == want, ascii(text)
        assert ids == ", ".join(map(str, want[0]))


def test_every_character_is_cut_as_python_cuts_it(window: Page) -> None:
    cuts = window.evaluate(
        """() => {
            const classes = TokenizerEngine.readClasses(TOKENIZER_DATA.unicode), cuts = [];
            for (let point = 0; point < 0x110000; point++) {
                if (point >= 0xd800 && point < 0xe000) continue;
                const points = [point, 0x61, 0x20, point, 0x31, point, point, 0x20];
                cuts.push(TokenizerEngine.cut(points, classes).join(""));
            }
            return cuts.join(" ");
        }"""
    )
    ends: dict[tuple[int, ...], str] = {}
    for character, found in zip(scalars(), cuts.split(), strict=True):
        lengths = tuple(map(len, GPT2.words(f"{character}a {character}1{character}{character} ")))
        if lengths not in ends:  # of the few ways to cut, each is written once
            ends[lengths] = "".join(map(str, accumulate(lengths)))
        assert found == ends[lengths], ascii(character)


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "lower"])
def test_every_character_is_normalized_as_python_does_it(window: Page, form: Any) -> None:
    normalizer: Normalizer = Lowercase() if form == "lower" else UnicodeForm(form)
    changed = window.evaluate(
        """form => {
            const classes = TokenizerEngine.readClasses(TOKENIZER_DATA.unicode), changed = {};
            for (let point = 0; point < 0x110000; point++) {
                if (point >= 0xd800 && point < 0xe000) continue;
                const character = String.fromCodePoint(point);
                const now = TokenizerEngine.normalize(character, form, classes);
                if (now !== character) changed[character] = now;
            }
            return changed;
        }""",
        form,
    )
    now = {}
    for some in batched(scalars()):
        lines = normalizer.normalize(Aligned.of("\n".join(some))).text  # nothing joins a line break, or becomes one
        now |= zip(some, lines.split("\n"), strict=True)
    now["\n"] = normalizer.normalize(Aligned.of("\n")).text
    assert len(now) == 0x110000 - 0x800
    assert changed == {character: text for character, text in now.items() if text != character}
    assert len(changed) > 500
    joined = [text for text in TEXTS if "\u0301" in text or "\u200d" in text]
    found = window.evaluate(
        """([texts, form]) => {
            const classes = TokenizerEngine.readClasses(TOKENIZER_DATA.unicode);
            return texts.map(text => TokenizerEngine.normalize(text, form, classes));
        }""",
        [joined, form],
    )
    assert found == [normalizer.normalize(Aligned.of(text)).text for text in joined]


def test_the_normalized_text_is_what_becomes_tokens(window: Page) -> None:
    type_text(window, "cafe\u0301 ﬁt")
    expect(window.locator(".playground-normalized")).to_have_text("unchanged")
    for form in ("NFC", "NFD", "NFKC"):
        window.get_by_label("Normalization").select_option(form)
        want = unicodedata.normalize(form, "cafe\u0301 ﬁt")
        assert shown(window) == expected(chapter_tokenizer(), want, "text")


def test_half_a_character_is_replaced(window: Page) -> None:
    window.evaluate(
        """const field = document.querySelector("#playground-text");
        field.value = "a\\ud83db"; field.dispatchEvent(new Event("input"));"""
    )
    window.evaluate("new Promise(done => setTimeout(done, 1))")
    assert shown(window) == expected(chapter_tokenizer(), "a\ufffdb", "text")


@pytest.mark.parametrize("vocabulary", TOKENIZERS)
@pytest.mark.parametrize("word", [" kingdom", "unbelievable", "木!", " 2026"])
def test_merges_are_shown_step_by_step(window: Page, vocabulary: str, word: str) -> None:
    choose_vocabulary(window, vocabulary)
    piece = GPT2.words(word)[0]
    type_text(window, word)
    tokenizer = TOKENIZERS[vocabulary]()
    model = Bpe(tokenizer.model.tokens, learned_merges(tokenizer))
    steps = trace_encoding(spell(piece), model)
    status, symbols = window.locator(".playground-step"), window.locator(".playground-symbols li:not(.is-rank)")
    gaps = window.locator(".playground-symbols .is-rank")
    expect(symbols).to_have_count(len(piece.encode()))
    for number, step in enumerate(steps, start=1):
        expect(window.locator(".is-next")).to_have_text(str(step.rank))
        window.get_by_role("button", name="Forward").click()
        expect(status).to_contain_text(f"Step {number} of {len(steps)}. The merge of rank {step.rank} joined")
        expect(status).to_contain_text(f"id {model.ids[''.join(step.pair)]}.")
        expect(symbols).to_have_count(len(step.symbols))
        ranks = [model.ranks.get(pair) for pair in zip(step.symbols, step.symbols[1:], strict=False)]
        assert gaps.all_inner_texts() == ["·" if rank is None else str(rank) for rank in ranks]
        expect(symbols.nth(step.position)).to_have_class("is-joined")
    expect(window.locator(".is-next")).to_have_count(0)
    expect(window.get_by_role("button", name="Forward")).to_have_attribute("aria-disabled", "true")


# -- By keyboard and by ear --------------------------------------------------------------------------------------------
def test_every_control_has_a_name_and_a_role(visit: Callable[..., Page]) -> None:
    window = visit("index.html")
    group = window.get_by_role("group", name="Tokenizer playground")
    for name in ("Example", "Vocabulary", "Normalization", f"{SPECIAL} in the text is"):
        expect(group.get_by_role("combobox", name=name, exact=True)).to_be_visible()
    expect(group.get_by_role("textbox", name="Text, up to 2,000 characters")).to_be_visible()
    expect(group.get_by_role("spinbutton", name="Predict first: how many tokens will it be?")).to_be_visible()
    group.get_by_role("button", name="Show the cuts").click()
    options = group.get_by_role("listbox", name="Pieces: choose one to see its merges").get_by_role("option")
    expect(options).to_have_count(7)
    expect(options.nth(2)).to_have_accessible_name("space kingdom")
    tokens = group.get_by_role("list", name="Tokens, and their ids below").get_by_role("listitem")
    expect(tokens).to_have_count(15)
    expect(tokens.nth(3)).to_contain_text("byte C3, id 128")
    merges = group.get_by_role("group", name="Merges of piece 1, The")
    for name in ("First", "Back", "Forward", "Last"):
        expect(merges.get_by_role("button", name=name)).to_be_visible()


def test_pieces_and_steps_obey_the_arrow_keys(window: Page) -> None:
    options = window.get_by_role("listbox").get_by_role("option")
    window.locator("[role=option][tabindex='0']").focus()
    for key, place in (
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("ArrowLeft", 1),
        ("End", 6),
        ("Home", 0),
        ("ArrowLeft", 0),
    ):
        window.keyboard.press(key)
        expect(options.nth(place)).to_be_focused()
        expect(options.nth(place)).to_have_attribute("aria-selected", "true")
        assert window.locator("[role=option][tabindex='0']").count() == 1
        expect(window.locator("#playground-merges-label")).to_contain_text(f"piece {place + 1},")
    status = window.locator(".playground-step")
    window.get_by_role("button", name="Forward").focus()
    model = chapter_tokenizer().model
    assert isinstance(model, Bpe)
    total = len(trace_encoding("The", model))
    for key, step in (
        ("ArrowRight", 1),
        ("Home", 0),
        ("End", total),
        ("ArrowLeft", total - 1),
        ("End", total),
        ("ArrowRight", total),
    ):
        window.keyboard.press(key)
        expect(status).to_contain_text(f"Step {step} of {total}.")
        expect(window.get_by_role("button", name="Forward")).to_be_focused()


def test_every_stop_shows_the_focus(window: Page) -> None:
    window.get_by_label("Example").focus()
    stops = 0
    while window.evaluate("!!document.activeElement.closest('.playground')"):
        style = "getComputedStyle(document.activeElement)"
        assert window.evaluate(f"{style}.outlineStyle != 'none' && parseFloat({style}.outlineWidth) >= 2")
        stops += 1
        window.keyboard.press("Tab")
    assert stops >= 11  # five fields, hide, a piece, four steps, and the list that unfolds


def test_the_summary_waits_until_typing_pauses(window: Page) -> None:
    status = window.locator(".playground-spoken")
    window.evaluate(
        """window.spoken = [];
        new MutationObserver(() => spoken.push(document.querySelector(".playground-spoken").textContent))
            .observe(document.querySelector(".playground-spoken"), {childList: true});"""
    )
    field = window.get_by_label("Text, up to")
    field.fill("")
    field.press_sequentially("to be or not", delay=20)
    expect(status).to_contain_text("4 tokens")
    assert status.get_attribute("role") == "status"
    assert len(window.evaluate("spoken")) <= 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit: Callable[..., Page], scheme: str) -> None:
    window = visit("index.html", color_scheme=scheme)
    window.get_by_role("button", name="Show the cuts").click()
    window.locator("summary").click()
    window.get_by_label("Example").select_option("Code")
    window.get_by_role("button", name="Forward").click()
    window.evaluate(AXE.read_text("utf-8"))
    found = window.evaluate("axe.run('.playground', {resultTypes: ['violations'], preload: false})")
    assert [f"{finding['id']}: {finding['nodes'][0]['html'][:200]}" for finding in found["violations"]] == []


# -- Teaching ----------------------------------------------------------------------------------------------------------
def test_the_reader_predicts_before_the_cuts_are_shown(visit: Callable[..., Page]) -> None:
    window = visit("index.html")
    answer, status = window.locator(".playground-answer"), window.locator(".playground-status")
    expect(answer).to_be_hidden()
    window.get_by_label("Predict first").fill("7")
    window.keyboard.press("Enter")
    expect(answer).to_be_visible()
    expect(status).to_have_text("You predicted 7; there are 15 tokens.")
    assert window.evaluate("document.activeElement.getAttribute('role')") == "option"
    window.get_by_role("button", name="Hide, and predict the next").click()
    expect(answer).to_be_hidden()
    expect(window.get_by_label("Text, up to")).to_be_focused()
    window.keyboard.type("kingdom")
    window.get_by_label("Predict first").fill("3")
    count = len(chapter_tokenizer().encode_ids("kingdom"))
    window.get_by_label("Predict first").fill(str(count))
    window.get_by_role("button", name="Show the cuts").click()
    expect(status).to_contain_text(f"Right: there are {count} tokens.")


def test_a_special_token_is_shown_as_one(window: Page) -> None:
    window.get_by_label("Example").select_option("A forged marker")
    expect(window.locator(".is-special")).to_have_count(0)
    window.get_by_label("in the text is").select_option("allowed")
    expect(window.locator(".playground-tokens .is-special")).to_have_text(f"{SPECIAL}{SPECIAL}, id 0")
    window.locator(".playground-pieces .is-special").click()
    expect(window.locator(".playground-step")).to_contain_text("no merge makes it")


# -- Limits ------------------------------------------------------------------------------------------------------------
def test_long_text_is_cut_off_and_said_to_be(window: Page) -> None:
    choose_vocabulary(window, "gpt2")
    field = window.get_by_label("Text, up to")
    for text in ("\U0010ffff" * 3000, "a" * 3000, "- " * 1500, " " * 3000):
        field.fill(text)
        want = published.load("gpt2").encode_ids(text[:2000])
        ids = window.locator(".playground-ids")
        expect(ids).to_have_text(", ".join(map(str, want)))
        expect(window.locator(".playground-status")).to_contain_text("Only the first 2,000 characters")
        assert window.locator(".playground-tokens li").count() <= 301
    slowest = window.evaluate(
        """() => {
            const field = document.querySelector("#playground-form"), start = performance.now();
            field.dispatchEvent(new Event("change"));
            return performance.now() - start;
        }"""
    )
    assert slowest < 1000


@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_its_page_and_stands_still(visit: Callable[..., Page], width: int) -> None:
    window = visit("index.html", viewport={"width": width, "height": 900})
    window.evaluate("document.fonts.ready.then(() => null)")
    shift = """new Promise(done => new PerformanceObserver(list =>
        done(list.getEntries().filter(entry => entry.sources.some(({node}) => node?.parentElement?.closest("figure")))
            .reduce((sum, entry) => sum + entry.value, 0))).observe({type: "layout-shift", buffered: true})
        || setTimeout(() => done(0), 300))"""
    assert window.evaluate(shift) < 0.02
    window.get_by_role("button", name="Show the cuts").click()
    for example in window.get_by_label("Example").locator("option").all_inner_texts():
        window.get_by_label("Example").select_option(example)
        assert window.evaluate("document.documentElement.scrollWidth") <= width
        small = """[...document.querySelectorAll(".playground :is(button, select, input, [role=option])")]
            .filter(part => part.offsetParent && (part.offsetHeight < 24 || part.offsetWidth < 24)).length"""
        assert window.evaluate(small) == 0


# -- Files -------------------------------------------------------------------------------------------------------------
def test_the_large_vocabulary_is_loaded_when_it_is_chosen(visit: Callable[..., Page], html_dir: Path) -> None:
    window = visit("index.html")
    loaded: list[str] = []
    window.on("request", lambda request: loaded.append(request.url.rpartition("/")[2]))
    assert window.locator("script[src*='gpt2.js']").count() == 0
    kilobytes = round((html_dir / "_static/widgets/tokenizer-playground/gpt2.js").stat().st_size / 1000)
    expect(window.get_by_label("Vocabulary")).to_contain_text(f"GPT-2’s, 50,257 tokens (loads {kilobytes} KB)")
    choose_vocabulary(window, "gpt2")
    choose_vocabulary(window, "chapter")
    choose_vocabulary(window, "gpt2")
    assert loaded == ["gpt2.js"]


def test_a_missing_vocabulary_is_reported(visit: Callable[..., Page], html_dir: Path, tmp_path: Path) -> None:
    window = visit("index.html")
    copy = shutil.copytree(html_dir, tmp_path / "copy")
    (copy / "_static/widgets/tokenizer-playground/gpt2.js").unlink()
    window.goto((copy / "index.html").as_uri())
    window.get_by_label("Vocabulary").select_option("gpt2")
    expect(window.locator(".playground-status")).to_contain_text("gpt2.js")
    expect(window.get_by_label("Vocabulary")).to_have_value("chapter")


def test_code_is_small_and_asks_for_no_module(html_dir: Path) -> None:
    static = html_dir / "_static/widgets"
    own = [static / "tokenizer-playground" / name for name in ("widget.js", "widget.css")]
    code = [*own, static / "explorer" / "kit.js", *(static / "tokenizer").iterdir()]
    assert sum(path.stat().st_size for path in code) < 50_000
    page = (html_dir / "index.html").read_text("utf-8")
    assert 'type="module"' not in page
    assert all("innerHTML" not in path.read_text("utf-8") for path in code)


# -- Where no script runs ----------------------------------------------------------------------------------------------
def test_the_drawing_stands_in(visit: Callable[..., Page]) -> None:
    check_that_drawings_stand_in(
        visit("index.html", java_script_enabled=False), ".playground", "is a tokenizer to type into"
    )


def test_paper_shows_the_drawing(visit: Callable[..., Page]) -> None:
    check_that_paper_shows_drawings(visit("index.html"), ".playground")


def test_print_and_epub_hold_the_drawing_only(book: SmallBook) -> None:
    check_that_print_and_epub_hold_drawings(book, ".playground", "tokenizer-playground")
