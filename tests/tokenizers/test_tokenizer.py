"""The whole tokenizer: text to ids and back."""

import codecs
import subprocess
import sys

import pytest
import tiktoken
from hypothesis import assume, given
from library_twins import as_tiktoken, published_pattern
from strategies import TEXTS
from test_unicode import EXCEPTIONS
from tokenizers import Tokenizer as LibraryTokenizer

from llmguide import datasets
from llmguide.tokenizers import CL100K, GPT2, WHITESPACE, WHOLE, Bpe, Tokenizer, train_tokenizer
from llmguide.tokenizers.alphabet import BYTE_ALPHABET
from llmguide.tokenizers.interop import dumps
from llmguide.tokenizers.normalizers import BertNormalizer, Sequence, StripAccents, UnicodeForm

SENTENCES = datasets.load("sentences") + datasets.load("messages")[:50_000]
EXCEPTED = {chr(number) for number in EXCEPTIONS["pretokenizer/gpt2"]}


@pytest.fixture(scope="module", params=[GPT2, CL100K, WHOLE], ids=lambda pretokenizer: pretokenizer.name)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    texts = SENTENCES.splitlines(keepends=True)
    return train_tokenizer(texts, 1500, pretokenizer=request.param, special_tokens=["<|endoftext|>"])


@pytest.fixture(scope="module")
def twin(tokenizer: Tokenizer) -> LibraryTokenizer:
    library = LibraryTokenizer.from_str(dumps(tokenizer))
    library.encode_special_tokens = True  # as ours: special tokens in text are only text
    return library


@pytest.fixture(scope="module")
def tiktoken_twin(tokenizer: Tokenizer) -> tiktoken.Encoding:
    published = {GPT2: published_pattern("gpt2"), CL100K: published_pattern("cl100k_base")}
    return as_tiktoken(tokenizer, published.get(tokenizer.pretokenizer, tokenizer.pretokenizer.pattern))


@pytest.mark.no_cover
@given(text=TEXTS)
def test_decoding_gives_back_what_was_encoded(tokenizer: Tokenizer, text: str) -> None:
    encoding = tokenizer.encode(text, allowed_special="all")
    assert tokenizer.decode(encoding.ids) == text
    assert b"".join(map(tokenizer.token_bytes, encoding.ids)) == text.encode("utf-8")
    assert encoding.ids == tokenizer.encode_ids(text, allowed_special="all")


@pytest.mark.no_cover
@given(text=TEXTS)
def test_ids_tokens_and_offsets_are_the_library_s(tokenizer: Tokenizer, twin: LibraryTokenizer, text: str) -> None:
    assume(EXCEPTED.isdisjoint(text))
    ours, theirs = tokenizer.encode(text), twin.encode(text)
    assert (ours.ids, ours.tokens, ours.offsets) == (theirs.ids, theirs.tokens, theirs.offsets)
    assert tokenizer.decode(ours.ids) == twin.decode(theirs.ids, skip_special_tokens=False)


@given(text=TEXTS)
def test_ids_are_tiktoken_s(tokenizer: Tokenizer, tiktoken_twin: tiktoken.Encoding, text: str) -> None:
    assume(EXCEPTED.isdisjoint(text))
    assert tokenizer.encode_ids(text) == tiktoken_twin.encode_ordinary(text)


@given(text=TEXTS)
def test_offsets_cover_the_text(tokenizer: Tokenizer, text: str) -> None:
    offsets = tokenizer.encode(text).offsets
    covered = {position for start, end in offsets for position in range(start, end)}
    assert covered == set(range(len(text)))
    assert offsets == sorted(offsets)


@given(text=TEXTS)
def test_a_stream_can_be_decoded_token_by_token(tokenizer: Tokenizer, text: str) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    streamed = [decoder.decode(tokenizer.token_bytes(number)) for number in tokenizer.encode_ids(text)]
    assert "".join(streamed) + decoder.decode(b"", final=True) == text


def test_half_a_character_decodes_to_the_replacement_character() -> None:
    tokenizer = train_tokenizer(["a"], 256)
    ids = tokenizer.encode_ids("é")
    assert len(ids) == 2
    assert tokenizer.decode(ids[:1]) == "\ufffd"


@pytest.mark.parametrize(
    "normalizer", [Sequence((UnicodeForm("NFD"), StripAccents())), BertNormalizer(), UnicodeForm("NFKC")]
)
def test_offsets_point_into_the_text_before_normalization(normalizer: Sequence) -> None:
    text = "Ünïcode: ﬁne CAFÉ, Å 北京!"
    tokenizer = train_tokenizer([text], 300, normalizer=normalizer)
    theirs = LibraryTokenizer.from_str(dumps(tokenizer)).encode(text)
    ours = tokenizer.encode(text)
    assert (ours.ids, ours.tokens, ours.offsets) == (theirs.ids, theirs.tokens, theirs.offsets)
    assert ours.ids == tokenizer.encode_ids(text)


def test_a_composed_character_points_to_all_that_it_was_made_of() -> None:
    """The library gives such a token the place of the letter alone; what was joined to it belongs to no token there."""
    tokenizer = train_tokenizer(["A\u030a b"], 300, normalizer=UnicodeForm("NFC"))
    assert tokenizer.encode("A\u030a b").offsets == [(0, 2), (2, 4)]
    theirs = LibraryTokenizer.from_str(dumps(tokenizer)).encode("A\u030a b")
    assert theirs.offsets == [(0, 1), (2, 4)]


@pytest.mark.parametrize("special", ["<|endoftext|>"])
def test_special_tokens_decode_to_themselves(tokenizer: Tokenizer, special: str) -> None:
    ids = tokenizer.encode_ids(f"one{special}two", allowed_special=[special])
    assert ids.count(tokenizer.model.ids[special]) == 1
    assert tokenizer.decode(ids) == f"one{special}two"
    encoding = tokenizer.encode(f"one{special}two", allowed_special="all")
    assert (special, (3, 3 + len(special))) in zip(encoding.tokens, encoding.offsets, strict=True)


def test_marked_words_decode_with_spaces() -> None:
    tokenizer = train_tokenizer(["low low lower"], 12, pretokenizer=WHITESPACE, byte_level=False, end_of_word="</w>")
    encoding = tokenizer.encode("lower low")
    assert tokenizer.decode(encoding.ids) == "lower low"
    assert encoding.offsets[-1] == (6, 9)
    theirs = LibraryTokenizer.from_str(dumps(tokenizer))
    assert theirs.encode("lower low").ids == encoding.ids
    assert theirs.decode(encoding.ids) == "lower low"


@pytest.mark.parametrize(("separator", "text"), [("", "lower"), (" ", "low e r")])
def test_characters_decode_with_the_separator(separator: str, text: str) -> None:
    tokenizer = train_tokenizer(
        ["low low low lower"], 7, pretokenizer=WHITESPACE, byte_level=False, separator=separator
    )
    ids = tokenizer.encode_ids("lower")
    assert tokenizer.decode(ids) == text == LibraryTokenizer.from_str(dumps(tokenizer)).decode(ids)
    assert tokenizer.token_bytes(ids[0]) == b"low"


def test_lone_surrogates_are_named(tokenizer: Tokenizer) -> None:
    for encode in (tokenizer.encode, tokenizer.encode_ids):
        with pytest.raises(ValueError, match=r"lone surrogate U\+DFFF at position 2"):
            encode("ab\udfff")


@pytest.mark.parametrize("number", [-1, 1500, 10**9])
def test_an_id_outside_the_vocabulary_is_named(tokenizer: Tokenizer, number: int) -> None:
    for look_up in (tokenizer.token_bytes, lambda one: tokenizer.decode([one])):
        with pytest.raises(ValueError, match=f"id {number} is not in the vocabulary, whose ids go from 0 to 1499"):
            look_up(number)


def test_a_byte_level_vocabulary_must_hold_every_byte() -> None:
    with pytest.raises(ValueError, match="needs all 256 bytes; it lacks '!' and 0 more"):
        Tokenizer(Bpe(BYTE_ALPHABET[1:], ()))


def test_marks_for_the_ends_of_words_need_their_decoder() -> None:
    with pytest.raises(ValueError, match=r"expected the decoder EndOfWord\(mark='</w>'\); got ByteLevelDecoder"):
        Tokenizer(Bpe(BYTE_ALPHABET, (), end_of_word="</w>"))


def test_a_single_word_of_ten_megabytes() -> None:
    """In a process of its own, which coverage does not slow down. An algorithm of quadratic time would need days."""
    code = """
from llmguide.tokenizers import train_tokenizer
word = "a" * 10_000_001
tokenizer = train_tokenizer(["aaaa aaaa"], 259)
assert tokenizer.encode_ids(word) == [tokenizer.model.ids["aaaa"]] * 2_500_000 + [tokenizer.model.ids["a"]]
assert train_tokenizer([word], 258).model.merges == (("a", "a"), ("aa", "aa"))
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def test_the_word_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = train_tokenizer(["low lower"], 260)
    words = tokenizer._words
    monkeypatch.setattr(words, "_most_words", 2)
    text = "low lower lowest " + "x" * 1000
    assert tokenizer.encode_ids(text) == tokenizer.encode(text).ids == tokenizer.encode_ids(text)
    assert len(words) == 2
