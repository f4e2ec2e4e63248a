"""The published tokenizers against the libraries that they were made for, on the same files."""

import json
import os
import re
import unicodedata
from pathlib import Path

import published_scalars
import pytest
import test_unicode
from published_twins import BY_RANKS, NAMES, engine, require, twin
from strategies import class_texts, take
from unicode_exceptions import expand

from llmguide.tokenizers import published
from llmguide.tokenizers.published import FILES, PublishedFile
from llmguide.tokenizers.ranks import read_ranks, write_ranks
from llmguide.tokenizers.tekken import load_tekken

ROOT = Path(__file__).parents[2]
RECORDED = json.loads(published_scalars.DATA.read_text("utf-8"))
EXCEPTIONS = {name: expand(written) for name, written in RECORDED["exceptions"].items()} | {
    "smollm2": test_unicode.EXCEPTIONS["pretokenizer/smollm"]
}


@pytest.mark.no_cover
@pytest.mark.parametrize("name", NAMES)
def test_ids_of_every_scalar_value_are_the_library_s(name: str) -> None:
    require(name)
    assert published_scalars.differing_ids(name) == []


@pytest.mark.no_cover
@pytest.mark.parametrize("name", BY_RANKS)
def test_the_list_of_exceptions_is_exact(name: str) -> None:
    require(name)
    if published_scalars.versions() != RECORDED["versions"]:
        refuse = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        refuse(f"the list is for {RECORDED['versions']}: run {published_scalars.__file__}")
    assert published_scalars.differing_pieces(name) == EXCEPTIONS[name]


@pytest.mark.no_cover
@pytest.mark.parametrize("name", NAMES)
def test_ids_of_thousands_of_texts_are_the_library_s(name: str) -> None:
    require(name)
    excepted = set(map(chr, EXCEPTIONS[name]))
    tokenizer, encode = published.load(name), twin(name)
    texts = [*take(2_000, name, excepted), *(text for text in class_texts() if excepted.isdisjoint(text))]
    assert len(texts) > 5_500
    assert [text for text in texts if tokenizer.encode_ids(text) != encode(text)] == []
    for text in texts[:300]:
        assert tokenizer.encode(text).ids == tokenizer.encode_ids(text)
        assert tokenizer.decode(tokenizer.encode_ids(text)) == text or name == "smollm2"


@pytest.mark.no_cover
@pytest.mark.parametrize("name", BY_RANKS)
def test_a_long_piece_gives_the_library_s_ids(name: str) -> None:
    require(name)
    for text in ("x" * 3_000, "ab" * 1_500, "é" * 999, "!?" * 800, "\t" * 700, "\U0010ffff" * 300):
        assert published.load(name).encode_ids(text) == twin(name)(text)


@pytest.mark.parametrize("name", ["cl100k_base", "o200k_base"])
def test_special_tokens_are_tiktoken_s(name: str) -> None:
    require(name)
    tokenizer, encoding = published.load(name), engine(name)
    assert set(tokenizer.special_tokens) == encoding.special_tokens_set
    assert tokenizer.vocab_size == encoding.n_vocab
    for token in tokenizer.special_tokens:
        text = f"a{token} b{token}"
        assert tokenizer.encode_ids(text, "all") == encoding.encode(text, allowed_special="all")
        assert tokenizer.encode_ids(text) == encoding.encode(text, disallowed_special=())


def test_gpt2_s_special_token_and_first_ids_are_the_published_ones() -> None:
    require("gpt2")
    tokenizer = published.load("gpt2")
    assert tokenizer.encode_ids("<|endoftext|>", "all") == [50256]
    assert tokenizer.vocab_size == 50_257
    assert tokenizer.model.tokens[:3] == ("!", '"', "#")


def test_bert_s_ids_are_the_published_ones() -> None:
    require("bert")
    tokenizer = published.load("bert")
    assert tokenizer.vocab_size == 30_522
    assert tokenizer.encode("Hello, unaffable").tokens == ["hello", ",", "una", "##ffa", "##ble"]
    assert tokenizer.encode("[CLS]").tokens == ["[", "cl", "##s", "]"]
    assert tokenizer.encode_ids("[CLS]Hello, world![SEP]", "all") == [101, 7592, 1010, 2088, 999, 102]


def test_ids_that_are_not_in_use_have_a_name_that_no_text_makes() -> None:
    require("cl100k_base")
    tokenizer = published.load("cl100k_base")
    unused = [token for token in tokenizer.model.tokens if token.startswith("<unused ")]
    assert unused == [f"<unused {number}>" for number in (100256, *range(100261, 100276))]
    assert not any(map(tokenizer.model.makes, unused))
    assert 100256 not in tokenizer.encode_ids("<unused 100256>", "all")


@pytest.mark.no_cover
@pytest.mark.parametrize("name", ["cl100k_base", "o200k_base"])
def test_a_published_rank_file_is_written_back_byte_by_byte(name: str) -> None:
    require(name)
    content = FILES[name].find().read_bytes()
    assert write_ranks(read_ranks(content)) == content


@pytest.mark.no_cover
def test_both_tekken_files_of_the_package_hold_the_same_vocabulary() -> None:
    require("tekken")
    older = FILES["tekken"].find().with_name("tekken_240718.json")
    assert load_tekken(older) == published.load("tekken")


@pytest.mark.parametrize("name", NAMES)
def test_most_exceptions_are_characters_that_python_s_unicode_has_not_assigned(name: str) -> None:
    assigned = [number for number in EXCEPTIONS[name] if unicodedata.category(chr(number)) != "Cn"]
    assert len(assigned) <= 20


def test_a_tokenizer_is_made_once() -> None:
    require("gpt2")
    assert published.load("gpt2") is published.load("gpt2")


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(ValueError, match="no published tokenizer 'gpt5'; there are: gpt2, cl100k_base"):
        published.load("gpt5")


def test_the_lock_pins_the_packages() -> None:
    locked = dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / "data.lock").read_text("utf-8"), flags=re.MULTILINE))
    assert {file.package: file.version for file in FILES.values()}.items() <= locked.items()


def test_the_data_card_says_what_each_file_is() -> None:
    card = (ROOT / "datasets/vocabularies/README.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\S+)` \| ((?!`).+) \|$", card, flags=re.MULTILINE))
    checksums = dict(re.findall(r"^\| `(\S+)` \| `(\w{64})` \|$", card, flags=re.MULTILINE))
    assert checksums == {name: file.sha256 for name, file in FILES.items()}
    assert rows == {
        name: f"{file.package} {file.version} | {file.licence} | {{cite:p}}`{file.source}`"
        for name, file in FILES.items()
    }


def test_a_missing_package_says_how_to_install_it() -> None:
    file = PublishedFile("no-such-package", "1.2", "a/b.json", "00", "MIT", "nobody")
    with pytest.raises(FileNotFoundError, match=r"python -m pip install --no-deps no-such-package==1\.2"):
        file.find()


def test_a_package_without_the_file_says_how_to_install_the_right_one() -> None:
    file = PublishedFile("pytest", "1.2", "pytest/no-such-file", "00", "MIT", "nobody")
    with pytest.raises(
        FileNotFoundError, match=r"the installed pytest has no file pytest/no-such-file: .*pytest==1\.2"
    ):
        file.find()


def test_another_file_than_the_published_one_is_refused() -> None:
    file = PublishedFile("pytest", "1.2", "pytest/__init__.py", "00" * 32, "MIT", "nobody")
    with pytest.raises(ValueError, match=r"is not the published file \(SHA-256 \w{12}…, expected 0{12}…\)"):
        file.find()
