"""Training on the corpora in ``datasets/``, against the ``tokenizers`` library, merge by merge."""

import re

import pytest
from library_twins import merges, train_byte_level

from llmguide import datasets
from llmguide.tokenizers import (
    BERT,
    CL100K,
    GPT2,
    WHITESPACE,
    PreTokenizer,
    bpe,
    count_words,
    fast_bpe,
    fast_merging,
    train_tokenizer,
    unigram_training,
    wordpiece,
)
from llmguide.tokenizers.alphabet import BYTE_ALPHABET
from llmguide.tokenizers.normalizers import Lowercase
from llmguide.tokenizers.pretokenizers import METASPACE
from llmguide.tokenizers.training import Algorithm
from llmguide.tokenizers.wordpiece import Criterion

CORPORA = tuple(datasets.all_datasets())


def test_there_are_at_least_three_corpora() -> None:
    assert len(CORPORA) >= 3


# Megabytes; the tests below take the same ways on less.
@pytest.mark.no_cover
@pytest.mark.parametrize("pretokenizer", [GPT2, CL100K], ids=lambda pretokenizer: pretokenizer.name)
@pytest.mark.parametrize("corpus", CORPORA)
def test_merges_are_the_library_s_in_the_same_order(corpus: str, pretokenizer: PreTokenizer) -> None:
    text = datasets.load(corpus)
    special = ["<|endoftext|>", "<|pad|>"]
    twin = train_byte_level([text], 4096, pretokenizer.name, special)
    ours = train_tokenizer([text], 4096, pretokenizer=pretokenizer, special_tokens=special)
    assert list(ours.model.merges) == merges(twin)
    assert ours.model.ids == twin.get_vocab()
    encoded = twin.encode(text)
    assert ours.encode_ids(text) == encoded.ids
    beginning = text[:20_000]
    encoding, encoded = ours.encode(beginning), twin.encode(beginning)
    assert (encoding.ids, encoding.tokens, encoding.offsets) == (encoded.ids, encoded.tokens, encoded.offsets)


@pytest.mark.no_cover
@pytest.mark.parametrize("corpus", CORPORA)
def test_the_twins_agree_on_real_text(corpus: str) -> None:
    words = count_words([datasets.load(corpus)[:20_000]])
    readable = bpe.train(words, 500, alphabet=BYTE_ALPHABET)
    fast = fast_bpe.train(words, 500, alphabet=BYTE_ALPHABET)
    assert readable == fast
    assert all(
        bpe.encode_word(tuple(word), fast.ranks) == fast_merging.encode_word(tuple(word), fast.ranks) for word in words
    )


def test_words_are_counted_after_normalizing_and_cutting() -> None:
    counts = count_words(["Low low", "LOW."], WHITESPACE, Lowercase(), byte_level=False)
    assert counts == {"low": 2, "low.": 1}


def test_no_token_crosses_from_one_text_into_the_next() -> None:
    apart = train_tokenizer(["ab"] * 5, 300)
    assert "ba" not in apart.model.ids


def test_characters_with_marks_and_unknown() -> None:
    tokenizer = train_tokenizer(
        ["low low lower"],
        12,
        pretokenizer=WHITESPACE,
        byte_level=False,
        end_of_word="</w>",
        unknown="<unk>",
        special_tokens=["<s>"],
    )
    assert tokenizer.special_tokens == ("<unk>", "<s>")
    assert tokenizer.encode("low lox").tokens == ["low</w>", "lo", "<unk>"]


@pytest.mark.parametrize("criterion", ["gain", "ratio", "count"])
def test_wordpiece_learns_from_bert_s_pieces(criterion: Criterion) -> None:
    texts = ["Low lower, lowest!", "the slowest, the newest"]
    options = {"special_tokens": ["[CLS]"], "criterion": criterion, "min_count": 2}
    tokenizer = train_tokenizer(texts, 45, algorithm="wordpiece", normalizer=Lowercase(), **options)
    words = count_words(texts, BERT, Lowercase(), byte_level=False)
    assert tokenizer.model == wordpiece.train(words, 45, **options)
    assert (tokenizer.pretokenizer, tokenizer.special_tokens) == (BERT, ("[UNK]", "[CLS]"))
    assert tokenizer.decode(tokenizer.encode_ids("LOWER, lowest! Ω")) == "lower, lowest! [UNK]"


@pytest.mark.parametrize("normalizer", [None, Lowercase()])
def test_unigram_learns_from_words_with_marks(normalizer: Lowercase | None) -> None:
    texts = ["low lower lowest", "the slowest the newest"]
    tokenizer = train_tokenizer(texts, 24, algorithm="unigram", normalizer=normalizer, special_tokens=["<s>"])
    words = count_words([text.replace(" ", "▁") for text in ("▁" + one for one in texts)], METASPACE, byte_level=False)
    learned = unigram_training.train(words, 24, special_tokens=["<unk>", "<s>"], unknown="<unk>")
    assert tokenizer.model == learned
    assert tokenizer.special_tokens == ("<unk>", "<s>")
    assert tokenizer.decode(tokenizer.encode_ids("  lower the west")) == "  lower the west"


def test_unigram_joins_no_pairs() -> None:
    with pytest.raises(ValueError, match="min_count has no meaning; got 2"):
        train_tokenizer(["low"], 30, algorithm="unigram", min_count=2)


def test_options_of_another_algorithm_are_refused() -> None:
    for option in ({"byte_level": True}, {"end_of_word": "</w>"}, {"separator": " "}):
        with pytest.raises(ValueError, match="byte_level, end_of_word and separator go with algorithm='bpe'"):
            train_tokenizer(["low"], 30, algorithm="wordpiece", **option)


@pytest.mark.parametrize("options", [{}, {"pretokenizer": GPT2}, {"byte_level": True}], ids=str)
def test_an_unknown_algorithm_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"^algorithm is 'BPE'; expected 'bpe' or 'wordpiece' or 'unigram'$"):
        train_tokenizer(["low"], 300, algorithm="BPE", **options)


@pytest.mark.parametrize("algorithm", ["bpe", "wordpiece", "unigram"])
def test_an_unknown_criterion_is_refused(algorithm: Algorithm) -> None:
    with pytest.raises(ValueError, match=r"^criterion is 'counts'; expected 'gain' or 'ratio' or 'count'$"):
        train_tokenizer(["low"], 300, algorithm=algorithm, criterion="counts")


def test_one_string_is_no_corpus() -> None:
    with pytest.raises(ValueError, match="texts must be several texts"):
        train_tokenizer("low lower", 300)


def test_an_empty_corpus_has_no_characters_to_learn_from() -> None:
    with pytest.raises(ValueError, match="the corpus holds no word"):
        train_tokenizer([""], 300, byte_level=False)
    assert train_tokenizer([""], 300).vocab_size == 256


def test_a_vocabulary_below_the_alphabet() -> None:
    with pytest.raises(
        ValueError, match=re.escape("vocab_size (255) is below the 0 special tokens and 256 characters")
    ):
        train_tokenizer(["low"], 255)


def test_a_lone_surrogate_in_the_corpus() -> None:
    with pytest.raises(ValueError, match=r"lone surrogate U\+D800 at position 1"):
        train_tokenizer(["a\ud800"], 300)
