"""What all models share, and byte-pair encoding in SentencePiece's manner against the ``tokenizers`` library."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as LibraryTokenizer
from tokenizers import models, normalizers, pre_tokenizers

from llmguide.tokenizers import WHOLE, Bpe, Tokenizer
from llmguide.tokenizers.decoders import MetaspaceDecoder
from llmguide.tokenizers.models import check_vocabulary, spell_bytes
from llmguide.tokenizers.normalizers import Aligned, Metaspace, Prepend, Replace, Sequence

BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
TEXTS = st.text("ab é🙂▁", max_size=12)


@pytest.fixture(scope="module")
def llama_like() -> tuple[Tokenizer, LibraryTokenizer]:
    tokens = ("<unk>", "<s>", *BYTES, "▁", "a", "b", "▁a", "ab", "▁ab", "▁▁", "bab")
    merges = (("▁", "a"), ("a", "b"), ("▁a", "b"), ("▁", "▁"), ("b", "ab"))
    model = Bpe(tokens, merges, unknown="<unk>", byte_fallback=True)
    normalizer = Sequence((Prepend("▁"), Replace(" ", "▁")))
    theirs = LibraryTokenizer(models.BPE(model.ids, list(merges), unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    theirs.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return Tokenizer(model, WHOLE, normalizer, MetaspaceDecoder(), ("<unk>", "<s>")), theirs


@given(text=TEXTS)
def test_spaces_as_marks_and_characters_as_bytes(llama_like: tuple[Tokenizer, LibraryTokenizer], text: str) -> None:
    ours, theirs = llama_like
    encoding, expected = ours.encode(text), theirs.encode(text)
    assert encoding.ids == ours.encode_ids(text) == expected.ids
    assert encoding.tokens == expected.tokens
    assert ours.decode(encoding.ids) == text.replace("▁", " ")


@given(text=TEXTS)
def test_spans_lie_inside_the_text_and_do_not_go_back(
    llama_like: tuple[Tokenizer, LibraryTokenizer], text: str
) -> None:
    offsets = llama_like[0].encode(text).offsets
    assert offsets == sorted(offsets)
    assert {position for start, end in offsets for position in range(start, end)} == set(range(len(text)))


def test_what_encoding_put_before_the_text_covers_nothing(llama_like: tuple[Tokenizer, LibraryTokenizer]) -> None:
    encoding = llama_like[0].encode("b é")
    assert encoding.tokens == ["▁", "b", "▁", "<0xC3>", "<0xA9>"]
    assert encoding.offsets == [(0, 0), (0, 1), (1, 2), (2, 3), (2, 3)]


def test_special_tokens_keep_their_place_and_the_text_between_them_stands_alone(
    llama_like: tuple[Tokenizer, LibraryTokenizer],
) -> None:
    ours, _ = llama_like
    text = "ab<s>a b"
    encoding = ours.encode(text, "all")
    assert encoding.tokens == ["▁ab", "<s>", "▁a", "▁", "b"]
    assert encoding.offsets == [(0, 2), (2, 5), (5, 6), (6, 7), (7, 8)]
    assert encoding.ids == ours.encode_ids(text, "all")
    assert ours.decode(encoding.ids) == text
    assert "<s>" not in ours.encode(text).tokens


@pytest.mark.parametrize("scheme", ["always", "first", "never"])
@pytest.mark.parametrize("text", ["a b", " a", "", "▁a", "<s>a b", "a<s> b<s>c", "<s><s>"])
def test_a_mark_is_put_where_the_library_puts_it(scheme: str, text: str) -> None:
    tokens = ("<s>", "a", "b", "c", "▁")
    theirs = LibraryTokenizer(models.BPE({token: number for number, token in enumerate(tokens)}, []))
    theirs.add_special_tokens(["<s>"])
    theirs.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False)
    ours = Tokenizer(Bpe(tokens, ()), WHOLE, Metaspace("▁", scheme), MetaspaceDecoder(), ("<s>",))
    assert ours.encode(text, "all").tokens == theirs.encode(text).tokens
    assert ours.encode_ids(text, "all") == theirs.encode(text).ids


@given(
    text=st.text("ab", max_size=12), old=st.sampled_from(["a", "ab", "aa", "bab"]), new=st.sampled_from(["", "x", "yz"])
)
def test_replacing_is_the_library_s(text: str, old: str, new: str) -> None:
    aligned = Replace(old, new).normalize(Aligned.of(text))
    assert aligned.text == normalizers.Replace(old, new).normalize_str(text)
    assert len(aligned.spans) == len(aligned.text)
    assert all(
        text[start:end] in (old, character) for character, (start, end) in zip(*vars(aligned).values(), strict=True)
    )


def test_nothing_is_replaced_by_the_empty_text() -> None:
    with pytest.raises(ValueError, match="expected at least one character"):
        Replace("", "x")


def test_a_whole_word_is_taken_before_the_merges() -> None:
    tokens, merges = ("a", "b", "c", "ab", "bc", "abc", "<s>"), (("b", "c"), ("a", "b"))
    model = Bpe(tokens, merges, whole_words=True, reserved=("<s>",))
    theirs = models.BPE(model.ids, list(merges), ignore_merges=True)
    for word in ("abc", "aabc", "ab", "c"):
        assert [model.tokens[number] for number in model.encode(word)] == [
            token.value for token in theirs.tokenize(word)
        ]
    assert Bpe(tokens, merges).encode("abc") == [0, 4]
    assert model.makes("abc")
    assert not model.makes("<s>")
    with pytest.raises(ValueError, match="is not in the vocabulary and there is no unknown token"):
        model.encode("<s>")


def test_a_byte_token_is_made_from_text_only_where_bytes_stand_in() -> None:
    assert Bpe(BYTES, (), byte_fallback=True).makes("<0x41>")
    assert not Bpe(BYTES, ()).makes("<0x41>")


def test_bytes_stand_in_only_if_all_are_there() -> None:
    lacking = Bpe(("<unk>", "<0xC3>"), (), unknown="<unk>", byte_fallback=True)
    assert lacking.locate("é") == [(0, (0, 1))]
    assert Bpe((*lacking.tokens, "<0xA9>"), (), byte_fallback=True).locate("é") == [(1, (0, 1)), (2, (0, 1))]


def test_the_mark_at_the_end_of_a_word_covers_nothing() -> None:
    model = Bpe(("l", "o", "w", "w</w>", "</w>"), (), "</w>")
    assert model.locate("low") == [(0, (0, 1)), (1, (1, 2)), (3, (2, 3))]
    assert model.place(("l", "o", "w", "</w>"))[-1] == (4, (3, 3))


def test_bytes_are_named_by_upper_case_digits() -> None:
    assert spell_bytes("é🙂") == ["<0xC3>", "<0xA9>", "<0xF0>", "<0x9F>", "<0x99>", "<0x82>"]


def test_a_vocabulary_with_a_fault() -> None:
    with pytest.raises(ValueError, match="token 'a' occurs more than once"):
        check_vocabulary(["a", "b", "a"], None)
    with pytest.raises(ValueError, match="unknown token '<unk>' is not in the vocabulary"):
        check_vocabulary(["a"], "<unk>")
