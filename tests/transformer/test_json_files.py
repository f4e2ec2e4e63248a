"""JSON from outside is read or refused with the key, and never half believed."""

import json
from pathlib import Path

import pytest
from fuzzing import damaged, read_or_refuse
from hypothesis import given
from hypothesis import strategies as st

from llmguide.transformer.json_files import JsonObject, parse_json_object, read_json_object

CONFIG = JsonObject(
    {"width": 64, "epsilon": 1e-6, "base": 10_000, "name": "gpt2", "tied": True, "stops": [1, 2], "none": None,
     "child": {"factor": 8.0, "deep": "x"}, "negative": -1, "huge": 2**70},
    "config.json",
)  # fmt: skip


def test_values_are_given_by_type() -> None:
    assert CONFIG.integer("width") == 64
    assert CONFIG.number("epsilon") == 1e-6
    assert CONFIG.number("base") == 10_000.0
    assert type(CONFIG.number("base")) is float
    assert CONFIG.text("name") == "gpt2"
    assert CONFIG.flag("tied") is True
    assert CONFIG.list_of("stops", int) == [1, 2]
    assert CONFIG.child("child").number("factor") == 8.0
    assert "width" in CONFIG
    assert "none" not in CONFIG


def test_what_is_missing_or_null_has_the_default() -> None:
    for key in ("none", "absent"):
        assert CONFIG.integer(key, 7) == 7
        assert CONFIG.number(key, 0.5) == 0.5
        assert CONFIG.text(key, "?") == "?"
        assert CONFIG.flag(key, False) is False
        assert CONFIG.list_of(key, str, []) == []


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: CONFIG.integer("absent"), "config.json: 'absent' is missing; expected a whole number"),
        (lambda: CONFIG.integer("epsilon"), "'epsilon' is 1e-06; expected a whole number"),
        (lambda: CONFIG.integer("tied"), "'tied' is True; expected a whole number"),
        (lambda: CONFIG.integer("negative"), "'negative' is -1; expected 0 to 2147483647"),
        (lambda: CONFIG.integer("huge"), "'huge' is 1180591620717411303424; expected 0 to"),
        (lambda: CONFIG.integer("width", least=65), "'width' is 64; expected 65 to"),
        (lambda: CONFIG.number("name"), "'name' is 'gpt2'; expected a number"),
        (lambda: CONFIG.number("tied"), "'tied' is True; expected a number"),
        (lambda: CONFIG.number("huge"), "'huge' is 1180591620717411303424; expected a number"),
        (lambda: JsonObject({"a": float("nan")}, "a.gguf").number("a"), "a.gguf: 'a' is nan; expected a finite number"),
        (lambda: CONFIG.text("width"), "'width' is 64; expected a text"),
        (lambda: CONFIG.flag("width"), "'width' is 64; expected true or false"),
        (lambda: CONFIG.list_of("width", int), "'width' is 64; expected a list"),
        (lambda: CONFIG.list_of("stops", str), "'stops' has 1 at 0; expected str"),
        (lambda: CONFIG.child("width"), "'width' is 64; expected an object"),
        (lambda: CONFIG.child("none"), "'none' is missing; expected an object"),
        (lambda: CONFIG.child("child").integer("deep"), "config.json, 'child': 'deep' is 'x'; expected"),
    ],
)
def test_a_wrong_type_is_refused_with_the_key(ask, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ask()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a.json: not JSON: Expecting value"),
        (b"{", "a.json: not JSON"),
        (b"[1]", "a.json: list is no JSON object"),
        (b'"' + b"x" * 100 + b'"', "x… is no JSON object"),
        (b"\xff{}", "a.json: not UTF-8 at byte 0"),
        (b'{"a": NaN}', "a.json: holds NaN; expected numbers that are finite"),
        (b'{"a": -Infinity}', "holds -Infinity"),
        (b'{"a": 1e999}', "holds 1e999; expected numbers that are finite"),
        (b'{"a": {"b": 1, "b": 2}}', "a.json: 'b' is given twice in one object"),
        (b"[" * 200_000, "a.json: objects and lists are nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a.json: "),
    ],
)
def test_what_is_no_object_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refusal:
        parse_json_object(content, "a.json")
    assert type(refusal.value) is ValueError


def test_a_file_is_read_up_to_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"a": "é"}), encoding="utf-8")
    assert read_json_object(path).text("a") == "é"
    with pytest.raises(ValueError, match=r"config\.json: has more than 4 bytes"):
        read_json_object(path, largest=4)
    with pytest.raises(FileNotFoundError):
        read_json_object(tmp_path / "none.json")


JSON = json.dumps({"a": [1, 2.5, {"b": None}], "c": "text", "d": {"e": True}}).encode()


@given(damaged(JSON))
def test_damaged_json_is_read_or_refused(content: bytes) -> None:
    read_or_refuse(lambda found: parse_json_object(found, "a.json"), content)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.no_cover
@given(st.dictionaries(st.text(), VALUES))
def test_what_json_writes_is_read(values: dict[str, object]) -> None:
    assert parse_json_object(json.dumps(values).encode(), "a.json").values == values
