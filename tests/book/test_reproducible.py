"""One commit gives the same bytes. ``make reproducible`` compares the whole book, these tests the specimen pages.

``test_pdf`` compares two PDFs, because it has one of them.
"""

from pathlib import Path

import pytest
from tools import reproducible
from tools.reproducible import CIRCUMSTANCES, build, differences, main

PROJECT = Path(__file__).parent / "project"
CLOCK = {"SOURCE_DATE_EPOCH": "1795478400", "FORCE_SOURCE_DATE": "1"}


def _build_twice(format_: str, folder: Path) -> list[str]:
    built = [
        build(format_, PROJECT, folder / name / format_, CLOCK | circumstances)
        for name, circumstances in CIRCUMSTANCES.items()
    ]
    return list(differences(*built))


@pytest.mark.parametrize("format_", ["html", "epub"])
def test_two_builds_are_identical(tmp_path: Path, format_: str) -> None:
    assert _build_twice(format_, tmp_path) == []


def test_a_byte_that_differs_is_named(tmp_path: Path) -> None:
    for side, text in (("first", "built at 10:00"), ("second", "built at 11:00")):
        (tmp_path / side / "page").mkdir(parents=True)
        (tmp_path / side / "page" / "index.html").write_text(text, "utf-8")
        (tmp_path / side / "same.html").write_text("same", "utf-8")
    assert list(differences(tmp_path / "first", tmp_path / "second")) == [
        "page/index.html: byte 10 of 14 and 14: b'built at 10:00' | b'built at 11:00'"
    ]


def test_a_file_of_one_build_is_named(tmp_path: Path) -> None:
    for side in ("first", "second"):
        (tmp_path / side).mkdir()
    (tmp_path / "second" / "stray.html").write_text("", "utf-8")
    assert list(differences(tmp_path / "first", tmp_path / "second")) == ["stray.html: only in the second build"]


def test_a_file_that_ends_early_is_named(tmp_path: Path) -> None:
    (tmp_path / "first.pdf").write_bytes(b"%PDF-1.5 and more")
    (tmp_path / "second.pdf").write_bytes(b"%PDF-1.5")
    assert [line.split(":")[1] for line in differences(tmp_path / "first.pdf", tmp_path / "second.pdf")] == [
        " byte 8 of 17 and 8"
    ]


def test_a_build_that_is_there_is_compared_with_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = {name: tmp_path / name for name in CIRCUMSTANCES}
    for folder in folders.values():
        folder.mkdir()
        (folder / "index.html").write_text("same", "utf-8")
    built: list[str] = []

    def note(format_: str, source: Path, folder: Path, environment: object, options: list[str]) -> Path:
        assert options[:2] == ["-D", "figures_for_print=0"]
        assert f"outputs_of={folders['first']}.doctrees" in options
        built.append(folder.parent.name)
        return folders["second"]

    monkeypatch.setattr(reproducible, "build", note)
    assert main(["html"], folders["first"]) == 0
    (folders["first"] / "index.html").write_text("other", "utf-8")
    assert main(["html"], folders["first"]) == 1
    assert built == ["second", "second"]
    assert "html: identical" in capsys.readouterr().out
