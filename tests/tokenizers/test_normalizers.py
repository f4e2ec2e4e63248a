"""Normalizers, against the ``tokenizers`` library and Python's own Unicode tables."""

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from library_twins import NORMALIZERS as LIBRARY
from strategies import TEXTS
from test_unicode import EXCEPTIONS
from tokenizers import normalizers
from unicode_exceptions import NORMALIZERS

from llmguide.tokenizers.normalizers import Aligned, BertNormalizer, Lowercase, Sequence, StripAccents, UnicodeForm

EXCEPTED = {name: {chr(number) for number in EXCEPTIONS[f"normalizer/{name}"]} for name in NORMALIZERS}


@pytest.mark.no_cover
@pytest.mark.parametrize("name", NORMALIZERS)
@given(text=TEXTS)
def test_a_text_becomes_what_the_library_makes_of_it(name: str, text: str) -> None:
    assume(EXCEPTED[name].isdisjoint(text))
    assert NORMALIZERS[name].normalize(Aligned.of(text)).text == LIBRARY[name].normalize_str(text)


@pytest.mark.no_cover
@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
@given(text=TEXTS)
def test_cluster_by_cluster_is_the_same_as_all_at_once(form: str, text: str) -> None:
    assert UnicodeForm(form).normalize(Aligned.of(text)).text == unicodedata.normalize(form, text)


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"clean_text": False},
        {"handle_chinese_chars": False},
        {"lowercase": False},
        {"strip_accents": False},
        {"lowercase": False, "strip_accents": True},
    ],
)
@given(text=TEXTS)
def test_bert_s_options_are_the_library_s(options: dict[str, bool], text: str) -> None:
    assume(EXCEPTED["bert"].isdisjoint(text))
    assert BertNormalizer(**options).normalize(Aligned.of(text)).text == normalizers.BertNormalizer(
        **options
    ).normalize_str(text)


@pytest.mark.no_cover
@pytest.mark.parametrize("name", NORMALIZERS)
@given(text=TEXTS)
def test_each_character_points_into_the_original_text(name: str, text: str) -> None:
    aligned = NORMALIZERS[name].normalize(Aligned.of(text))
    assert len(aligned.spans) == len(aligned.text)
    assert all(0 <= start < end <= len(text) for start, end in aligned.spans)
    assert list(aligned.spans) == sorted(aligned.spans)


def test_spans_follow_what_is_joined_taken_apart_and_dropped() -> None:
    steps = Sequence((UnicodeForm("NFKC"), UnicodeForm("NFD"), StripAccents(), Lowercase()))
    aligned = steps.normalize(Aligned.of("ﬁA\u030aÉ!"))
    assert aligned == Aligned("fiae!", ((0, 1), (0, 1), (1, 3), (3, 4), (4, 5)))


@given(st.text(max_size=20))
def test_a_sequence_is_its_steps_in_order(text: str) -> None:
    first, second = UnicodeForm("NFD"), StripAccents()
    aligned = Aligned.of(text)
    assert Sequence((first, second)).normalize(aligned) == second.normalize(first.normalize(aligned))
