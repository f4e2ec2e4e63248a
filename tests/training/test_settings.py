"""Settings from TOML: checked against signatures, changed from the command line, written and read again."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmguide.training.settings import (
    Value,
    build,
    convert,
    describe,
    differences,
    is_settable,
    parse_value,
    read_sections,
    write_sections,
)


@dataclass(frozen=True)
class Tried:
    """Every kind of setting."""

    count: int
    rate: float = 0.5
    sure: bool = False
    name: str = "n"
    kind: Literal["cosine", "wsd"] = "cosine"
    sizes: tuple[int, ...] = ()
    pair: tuple[int, float] = (1, 2.0)
    perhaps: int | None = None
    names: tuple[str, ...] | None = None
    where: Path = Path()  # not settable

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError(f"count must be at least 0, not {self.count}")


GIVEN = {
    "count": 3,
    "rate": 1,
    "sure": True,
    "name": "m",
    "kind": "wsd",
    "sizes": [1, 2],
    "pair": [3, 4],
    "perhaps": 5,
    "names": ["a", "b"],
}


def test_a_section_becomes_a_value_and_its_settings() -> None:
    made, settings = build(Tried, GIVEN, "tried")
    assert made == Tried(3, 1.0, True, "m", "wsd", (1, 2), (3, 4.0), 5, ("a", "b"))
    assert settings == {
        "tried.count": 3,
        "tried.rate": 1.0,
        "tried.sure": True,
        "tried.name": "m",
        "tried.kind": "wsd",
        "tried.sizes": (1, 2),
        "tried.pair": (3, 4.0),
        "tried.perhaps": 5,
        "tried.names": ("a", "b"),
    }
    assert build(Tried, {"count": 0}, "tried")[0] == Tried(0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": "many"}, "tried.count is 'many', a text; expected a whole number"),
        ({"count": 3.0}, "tried.count is 3.0, a number with a point; expected a whole number"),
        ({"count": True}, "tried.count is true; expected a whole number"),
        ({"count": -1}, r"\[tried\]: count must be at least 0, not -1"),
        ({"rate": "1e-3x"}, "tried.rate is '1e-3x', a text; expected a number"),
        ({"rate": False}, "tried.rate is false; expected a number"),
        ({"sure": 1}, "tried.sure is 1; expected true or false"),
        ({"name": 1}, "tried.name is 1; expected a text in quotation marks"),
        ({"kind": "cosin"}, "tried.kind is 'cosin', a text; expected one of 'cosine', 'wsd'; did you mean 'cosine'?"),
        ({"sizes": 3}, "tried.sizes is 3; expected a list of whole numbers"),
        ({"sizes": [1, "b"]}, r"tried.sizes\[1\] is 'b', a text; expected a whole number"),
        ({"pair": [1]}, r"tried.pair is \[1\], a list; expected a list of 2: a whole number, a number"),
        ({"perhaps": {}}, "tried.perhaps is {}, a section; expected a whole number"),
        ({"names": [1]}, r"tried.names\[0\] is 1; expected a text"),
        ({"cuont": 3}, "tried.cuont is no setting; did you mean tried.count[?] There are tried.count, tried.rate,"),
        ({"zzzzzzzz": 3}, "tried.zzzzzzzz is no setting. There are tried.count, "),
        ({"where": "."}, "tried.where is no setting"),
    ],
    ids=str,
)
def test_a_mistake_is_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        build(Tried, {"count": 1, **change}, "tried")


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match=r"^tried.count is missing; expected a whole number$"):
        build(Tried, {}, "tried")


def test_words_for_lists_of_anything() -> None:
    assert describe(tuple[Literal["a"], ...]) == "a list, each one of 'a'"
    assert convert(["a"], tuple[Literal["a"], ...], "x") == ("a",)
    assert not is_settable(dict[str, int])


def test_changes_from_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('[training]\nsteps = 3\nclip = 1.0\n[data]\nfiles = ["ä.txt"]\n', "utf-8")
    changes = [
        "training.steps = 4",
        "output.directory=runs/a=b",
        "data.sizes=[1, 2]",
        'data.name="3"',
        "data.sure=true",
    ]
    assert read_sections(file, changes) == {
        "training": {"steps": 4, "clip": 1.0},
        "data": {"files": ["ä.txt"], "sizes": [1, 2], "name": "3", "sure": True},
        "output": {"directory": "runs/a=b"},
    }
    for change in ("steps=3", "training.steps", ".steps=3", "training.=3"):
        with pytest.raises(ValueError, match=r"changes no setting; expected section.key=value"):
            read_sections(file, [change])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[training", "is not TOML: "),
        (b"\xff", "is not TOML: 'utf-8'"),
        (b"steps = 3", r"steps stands outside a section; put it below a line such as \[training\]"),
    ],
    ids=str,
)
def test_a_file_that_is_none_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "run.toml"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=f"run.toml(:)? {message}"):
        read_sections(file)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXTS
KEYS = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)


@pytest.mark.no_cover
@given(st.dictionaries(st.tuples(KEYS, KEYS), PLAIN | st.lists(PLAIN, max_size=3).map(tuple), max_size=6))
def test_what_is_written_is_read_again(settings: dict[tuple[str, str], Value]) -> None:
    ordered = {".".join(name): settings[name] for name in sorted(settings)}
    read = tomllib.loads(write_sections(ordered))
    again = {
        f"{section}.{key}": tuple(value) if isinstance(value, list) else value
        for section, values in read.items()
        for key, value in values.items()
    }
    assert again == ordered
    assert differences(again, ordered) == []


@given(TEXTS)
def test_a_value_of_a_command_is_never_refused(text: str) -> None:
    parse_value(text)


def test_differences_name_each_setting() -> None:
    before = {"a.x": 1, "a.y": None, "a.z": (1, 2)}
    after = {"a.x": 1.5, "a.z": (1, 2), "b.w": "s"}
    assert differences(before, after) == ["a.x was 1 and is 1.5", 'b.w was not set and is "s"']
