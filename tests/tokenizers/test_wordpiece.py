"""WordPiece: training and encoding, against the ``tokenizers`` library."""

import json
from fractions import Fraction
from itertools import pairwise
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import SMALL_WORDS
from tokenizers import Tokenizer as LibraryTokenizer
from tokenizers import models, pre_tokenizers, trainers

from llmguide import datasets
from llmguide.tokenizers import WORDS, count_words, fast_wordpiece, wordpiece
from llmguide.tokenizers.normalizers import BertNormalizer
from llmguide.tokenizers.wordpiece import Criterion, WordPiece, join, merge, score_pairs, split_word

TRAINERS = pytest.mark.parametrize("train", [wordpiece.train, fast_wordpiece.train], ids=["readable", "fast"])
HUGS = {"hug": 10, "pug": 5, "pun": 12, "bun": 4, "hugs": 5}  # the words of the library's own course


def library_vocabulary(words: dict[str, int], vocab_size: int, min_count: int, first: list[str]) -> dict[str, int]:
    """Train with the library, whose ties are decided by ids: ``first`` are the tokens that get the first ones."""
    library = LibraryTokenizer(models.WordPiece(unk_token="[UNK]"))
    library.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size, min_frequency=min_count, special_tokens=first, show_progress=False
    )
    library.train_from_iterator([f"{word} " * count for word, count in words.items()], trainer)
    vocabulary: dict[str, int] = json.loads(library.to_str())["model"]["vocab"]
    return vocabulary


def first_tokens(words: dict[str, int]) -> list[str]:
    """What is in the vocabulary before the first merge, in our order."""
    characters = sorted(set("".join(words)))
    return ["[UNK]", *characters, *sorted({f"##{character}" for word in words for character in word[1:]})]


@TRAINERS
@given(words=SMALL_WORDS, min_count=st.integers(0, 4), room=st.integers(0, 30))
def test_by_count_it_is_the_library_s_vocabulary(train: type, words: dict[str, int], min_count: int, room: int) -> None:
    """The library numbers the characters inside words in an order that changes from run to run; here it is told one."""
    first = first_tokens(words)
    ours = train(words, len(first) + room, criterion="count", min_count=min_count)
    assert ours.ids == library_vocabulary(words, len(first) + room, min_count, first)


@pytest.mark.no_cover
@pytest.mark.parametrize("corpus", ["sentences", "messages"])
def test_by_count_it_is_the_library_s_vocabulary_on_real_text(corpus: str) -> None:
    words = count_words([datasets.load(corpus)[:60_000]], WORDS, BertNormalizer(), byte_level=False)
    ours = fast_wordpiece.train(words, 1200, criterion="count")
    assert ours.ids == library_vocabulary(words, 1200, 0, first_tokens(words))


def test_left_alone_the_library_learns_the_same_where_nothing_is_tied() -> None:
    words = {"abcd": 40, "bcd": 21, "xcd": 12, "xd": 3}
    ours = fast_wordpiece.train(words, 15, criterion="count")
    assert set(ours.tokens) == set(library_vocabulary(words, 15, 0, ["[UNK]"]))


@given(
    words=SMALL_WORDS,
    min_count=st.integers(0, 4),
    room=st.integers(0, 30),
    criterion=st.sampled_from(["gain", "ratio", "count"]),
    special=st.sampled_from([[], ["ab"], ["##ab", "aa"]]),
    prefix=st.sampled_from(["##", "@@"]),
)
def test_the_twins_agree(  # noqa: PLR0917
    words: dict[str, int], min_count: int, room: int, criterion: Criterion, special: list[str], prefix: str
) -> None:
    options = {"criterion": criterion, "special_tokens": special, "min_count": min_count, "prefix": prefix}
    size = len(first_tokens(words)) + len(special) + room
    assert fast_wordpiece.train(words, size, **options) == wordpiece.train(words, size, **options)


def test_gain_is_the_usual_criterion_of_both() -> None:
    """A count of one symbol changes the scores of all of its pairs, so that an old one would be found too late."""
    words = {"abcbb": 3, "bcaca": 3, "acb": 5, "cabacac": 3, "cabbb": 5}
    learned = {
        criterion: wordpiece.train(words, 40, criterion=criterion).tokens for criterion in ("gain", "ratio", "count")
    }
    assert fast_wordpiece.train(words, 40).tokens == wordpiece.train(words, 40).tokens == learned["gain"]
    assert fast_wordpiece.train(words, 40, criterion="ratio").tokens == learned["ratio"]
    assert len(set(learned.values())) == 3


@pytest.mark.parametrize("sign", ["@", "#", "b"])
def test_the_twins_agree_where_words_hold_the_prefix(sign: str) -> None:
    """Three signs in a row make a token that is spelled like one behind the prefix: a symbol that other pairs hold."""
    words = {word.replace("@", sign): count for word, count in {"@aaaa@a": 2, "@@@": 1, "@": 5}.items()}
    assert fast_wordpiece.train(words, 26, prefix=2 * sign) == wordpiece.train(words, 26, prefix=2 * sign)


@pytest.mark.no_cover
@pytest.mark.parametrize("criterion", ["gain", "ratio", "count"])
def test_the_twins_agree_on_real_text(criterion: Criterion) -> None:
    words = count_words([datasets.load("sentences")[:4000]], WORDS, byte_level=False)
    assert fast_wordpiece.train(words, 600, criterion=criterion) == wordpiece.train(words, 600, criterion=criterion)


@TRAINERS
def test_the_criteria_on_the_course_s_words(train: type) -> None:
    assert train(HUGS, 12).tokens == ("[UNK]", *"bghnpsu", "##g", "##n", "##s", "##u")
    assert train(HUGS, 13, criterion="ratio").tokens[-1] == "##gs"
    assert train(HUGS, 13, criterion="count").tokens[-1] == "##ug"


@TRAINERS
@given(words=SMALL_WORDS, special=st.sampled_from([[], ["ab"], ["@@ab", "aa"]]))
def test_another_prefix_changes_nothing_else(train: type, words: dict[str, int], special: list[str]) -> None:
    spelled = [token.replace("@@", "##") for token in special]
    size = len(first_tokens(words)) + len(special) + 10
    usual = train(words, size, special_tokens=spelled)
    other = train(words, size, special_tokens=special, prefix="@@", unknown="[UNK]")
    assert [token.replace("@@", "##") for token in other.tokens] == list(usual.tokens)
    assert [other.encode(word) for word in words] == [usual.encode(word) for word in words]


@TRAINERS
def test_the_criteria_on_the_words_of_the_book(train: type) -> None:
    words = {"low": 5, "lower": 2, "newest": 6, "widest": 3}
    assert train(words, 22, criterion="count").tokens[19:] == ("##es", "##est", "lo")
    assert train(words, 22, criterion="gain").tokens[19:] == ("##st", "lo", "##est")
    assert train(words, 22, criterion="ratio").tokens[19:] == ("wi", "wid", "lo")


def test_scores_by_hand() -> None:
    words = {split_word(word): count for word, count in HUGS.items()}
    scores = score_pairs(words, "ratio")
    assert scores[("##g", "##s")] == float(Fraction(5, 20 * 5))
    assert scores[("##u", "##g")] == float(Fraction(20, 36 * 20))
    assert max(scores, key=scores.__getitem__) == ("##g", "##s")
    assert score_pairs(words, "count")[("##u", "##g")] == 20
    gain = 20 * log(Fraction(20 * 113, 36 * 20))  # the words have 113 symbols
    assert score_pairs(words)[("##u", "##g")] == score_pairs(words, "gain")[("##u", "##g")] == pytest.approx(gain)


@pytest.mark.parametrize("symbols", [("a", "##a", "##a"), ("##a", "##a", "##a", "##a"), ("b",), ()])
def test_merging_goes_from_left_to_right(symbols: tuple[str, ...]) -> None:
    merged = merge(symbols, ("##a", "##a"))
    assert "".join(symbols).replace("##", "") == "".join(merged).replace("##", "")
    assert ("##a", "##a") not in pairwise(merged)
    assert merge(("b", "##a", "##a"), ("##a", "##a")) == ("b", "##aa")
    assert join(("a", "##b")) == "ab"
    assert join(("##a", "##b")) == "##ab"


@pytest.mark.parametrize(
    "word", ["unaffable", "un", "aff", "unx", "x" * 101, "u" * 100, "u" * 101, "[CLS]", "##aff", "ununun"]
)
def test_words_are_cut_as_the_library_cuts_them(word: str) -> None:
    model = WordPiece(("[UNK]", "[CLS]", "u", "##u", "un", "##un", "##aff", "##able", "##a", "#", "###"))
    library = models.WordPiece(model.ids, unk_token="[UNK]", max_input_chars_per_word=100)
    expected = library.tokenize(word)
    assert [(number, span) for number, span in model.locate(word)] == [(one.id, one.offsets) for one in expected]
    assert model.encode(word) == [one.id for one in expected]


@given(
    tokens=st.sets(st.text("ab", min_size=1, max_size=4), max_size=8),
    inside=st.sets(st.text("ab", min_size=1, max_size=4), max_size=8),
    word=st.text("abc", min_size=1, max_size=14),
)
def test_any_vocabulary_cuts_as_the_library_s(tokens: set[str], inside: set[str], word: str) -> None:
    model = WordPiece(("[UNK]", *sorted(tokens), *sorted(f"##{token}" for token in inside)), longest_word=12)
    library = models.WordPiece(model.ids, unk_token="[UNK]", max_input_chars_per_word=12)
    assert model.locate(word) == [(one.id, one.offsets) for one in library.tokenize(word)]


def test_reserved_tokens_come_from_no_text() -> None:
    model = WordPiece(("[UNK]", "[CLS]", "[", "##CLS", "##]"), reserved=("[UNK]", "[CLS]"))
    assert [model.tokens[number] for number in model.encode("[CLS]")] == ["[", "##CLS", "##]"]
    assert not model.makes("[CLS]")
    assert model.makes("##CLS")
    assert models.WordPiece(model.ids, unk_token="[UNK]").tokenize("[CLS]")[0].value == "[CLS]"  # it can be forged


def test_without_unknown_token_a_word_may_be_an_error() -> None:
    with pytest.raises(ValueError, match="cannot write 'ab' and there is no unknown token"):
        WordPiece(("a",), unknown=None).encode("ab")


@pytest.mark.parametrize(
    ("tokens", "message"),
    [(("[UNK]", "a", "a"), "token 'a' occurs more than once"), (("a",), r"unknown token '\[UNK\]' is not in")],
)
def test_a_faulty_vocabulary_is_refused(tokens: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WordPiece(tokens)


@TRAINERS
def test_bad_training_input(train: type) -> None:
    with pytest.raises(ValueError, match="the corpus holds no word"):
        train({}, 100)
    with pytest.raises(ValueError, match=r"vocab_size \(5\) is below"):
        train(HUGS, 5)


@TRAINERS
@pytest.mark.parametrize("vocab_size", [12, 15])  # without and with room for a merge
def test_a_misspelt_criterion_is_refused(train: type, vocab_size: int) -> None:
    message = r"^criterion is 'counts'; expected 'gain' or 'ratio' or 'count'$"
    with pytest.raises(ValueError, match=message):
        train(HUGS, vocab_size, criterion="counts")
    with pytest.raises(ValueError, match=message):
        score_pairs({("h", "##u"): 1}, "counts")  # type: ignore[arg-type]


def test_progress_is_told_after_each_merge() -> None:
    seen: list[tuple[int, int]] = []
    fast_wordpiece.train(HUGS, 15, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(13, 15), (14, 15), (15, 15)]
