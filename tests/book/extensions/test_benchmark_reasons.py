"""A benchmark's page says why goals are missed, and no missed goal goes without a reason."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from _extensions.benchmarks import explain

from llmguide.experiments.records import Record, load

PAGE = Path(__file__).parents[3] / "book" / "reference" / "benchmarks.md"
BLOCK = re.compile(r"^```\{benchmark\} (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def record() -> Record:
    def row(work: str, peer: str, own: float, *, met: bool) -> dict[str, Any]:
        return {"work": work, "peer_name": peer, "own": own, "met": met}

    rows = {"a-one": row("a", "one", 3.0, met=False), "a-two": row("a", "two", 2.0, met=True)}
    rows["b-one"] = row("b", "one", 1.5, met=False)
    return replace(load("bench-generation"), metrics=rows)


def test_a_reason_has_its_missed_rows_and_numbers_of_the_record(record: Record) -> None:
    reasons = explain(
        record, ["*-two: unused", "", "a-*: takes {a-one.own|.1f} s", "*-one: {a-one.own / b-one.own|.0f}x"]
    )
    assert [(reason.text, reason.rows) for reason in reasons] == [
        ("takes 3.0 s", "a, beside one"),
        ("2x", "b, beside one"),
    ]
    assert explain(record, ["x *-one: slow"])[0].rows == "a; b, beside one"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a-*: slow"], "b-one misses its goal, and the page does not say why"),
        (["slow"], "'slow' does not say which rows it is about"),
        (["*: {c.own|.1f}"], "c"),
    ],
)
def test_what_is_no_reason_is_refused(record: Record, lines: list[str], message: str) -> None:
    with pytest.raises((ValueError, LookupError), match=re.escape(message)):
        explain(record, lines)


def test_the_page_explains_every_missed_goal() -> None:
    blocks = BLOCK.findall(PAGE.read_text("utf-8"))
    assert [name for name, _ in blocks] == ["bench-tokenizers", "bench-training-step", "bench-generation"]
    for name, content in blocks:
        record = load(name)
        reasons = explain(record, content.splitlines())
        missed = [row for row in record.metrics.values() if isinstance(row, dict) and not row["met"]]
        assert sum(len(reason.missed) for reason in reasons) == len(missed)
        assert len(reasons) == len(content.splitlines())  # none is left over
