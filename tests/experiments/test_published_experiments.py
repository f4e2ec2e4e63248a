"""The measures of the experiments on published vocabularies, against cases worked by hand."""

from random import Random

import numpy as np
import pytest

from llmguide import datasets
from llmguide.experiments import tokenization_languages as languages
from llmguide.experiments import tokenization_numbers_code as numbers
from llmguide.experiments import vocabularies
from llmguide.experiments.tokenization_training_domain import LANGUAGES
from llmguide.experiments.tokenization_undertrained import UNUSED, cosines_to_mean
from llmguide.tokenizers import published
from llmguide.tokenizers.pretokenizers import CL100K
from llmguide.tokenizers.training import train_tokenizer


@pytest.fixture(scope="module")
def small():
    return train_tokenizer(["1234 = 1234 and 12 and 12"], vocab_size=270, pretokenizer=CL100K)


def test_groups_of_digits_leave_out_the_space_and_the_sign(small):
    assert numbers.digit_groups(small, "1234") == (3, 1)
    assert numbers.digit_groups(small, "12") == (2,)
    assert numbers.digit_groups(small, "55") == (1, 1)


@pytest.mark.parametrize(
    ("groups", "expected"),
    [((3,), True), ((1, 3), True), ((2, 3, 3), True), ((3, 1), False), ((4,), False), ((4, 3), False), ((1, 1), False)],
)
def test_thousands_are_aligned_if_every_token_but_the_first_has_three_digits(groups, expected):
    assert numbers.aligned(groups) is expected


def test_names_are_paired_with_words_of_their_length():
    text = "There Malvolio met a merchant, May he come? He may. And Viola waits, Orsino wanted bread, HAMLET!\nWhither?"
    names, words = numbers.names_and_words(text, most=10, random=Random(0))
    assert set(names) <= {"Malvolio", "Viola", "Orsino"}  # May is also a word, HAMLET has no small letter
    assert "Whither" not in names  # a line begins there
    assert [len(name) for name in names] == [len(word) for word in words]
    assert dict(zip(names, words, strict=True))["Malvolio"] == "merchant"
    assert len(set(words)) == len(words)
    assert len(numbers.names_and_words(text, most=1, random=Random(0))[0]) == 1


def test_identifiers_are_python_s_own_tokens():
    assert numbers.identifiers("class Page(dict):  # a comment\n    'a string'\n    x = page_range") == {
        "Page",
        "dict",
        "page_range",
    }


def test_identifiers_are_cut_at_their_words_or_not():
    tokenizer = train_tokenizer(["page range Page Range page_range"], vocab_size=300, pretokenizer=CL100K)
    assert numbers.cut_at_words(tokenizer, "page_range")
    assert not numbers.cut_at_words(tokenizer, "page_view")


def test_share_is_the_part_of_yes():
    assert vocabularies.share([True, False, False, True]) == 0.5


def test_cosine_is_with_the_mean_of_the_reference():
    vectors = np.array([[2.0, 0.0], [0.0, 2.0], [1.0, 1.0], [-3.0, -3.0]])
    assert cosines_to_mean(vectors, [0, 1]) == pytest.approx([0.5**0.5, 0.5**0.5, 1.0, -1.0])


def test_what_the_experiments_name_exists():
    assert set(languages.SPACED) | {"th", "zh-Hans", "ja"} == set(LANGUAGES) == set(datasets.documents("messages"))
    assert set(vocabularies.LABELS) <= set(published.FILES)
    assert set(languages.OTHER_SCRIPTS) < set(LANGUAGES)
    assert set(UNUSED) <= set(published.load("smollm2").special_tokens)


@pytest.mark.no_cover
def test_bytes_of_the_messages_are_utf8_s():
    config = languages.Config(vocab_size=300, held_out=0.05, vocabularies=("cl100k_base",))
    measured = languages.run(config, 0)
    hindi, english = (measured["premium"]["bytes"][language] for language in ("hi", "en"))
    assert english == 1.0
    assert hindi > 2
    assert measured["highest"]["bytes"] == max(measured["premium"]["bytes"].values())
