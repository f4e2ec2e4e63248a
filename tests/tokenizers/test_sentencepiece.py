"""SentencePiece's model files, against the ``sentencepiece`` library."""

import io
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from math import inf
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import pytest
import regex
import sentencepiece
import tokenizers
from fuzzing import read_or_refuse
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import TEXTS, class_texts, take
from wheels import wheel_file

import llmguide.tokenizers.sentencepiece
from llmguide.tokenizers.normalizers import Aligned
from llmguide.tokenizers.sentencepiece import load, loads, read_model
from llmguide.tokenizers.sentencepiece_normalizer import SPACE, SentencePieceNormalizer, read_rules
from llmguide.tokenizers.tokenizer import Tokenizer
from llmguide.tokenizers.unigram import Unigram

CORPUS = [
    *(["the newest and the lowest, the widest and the slowest", "low lower lowest", "aaaa aa aaa aaaaa aa a"] * 5),
    "don't re-test the tester's café: 12345 Tests ﬁt in 3.14 s, naïve façade",
    "漢字かな交じり文と한국어 и русский текст",
    *("a b  c   d    e" for _ in range(3)),
]
SCALARS = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
BATCH = 500
"""How many characters are put in a row where they do not bear on each other."""

PLAIN = {"normalization_rule_name": "identity"}
OPTIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "byte_fallback": PLAIN | {"byte_fallback": True},
    "user_defined": {"user_defined_symbols": ["<u>", "low", "e m", "ﬁ", "12", "▁the", "st"]},
    "control": PLAIN | {"control_symbols": ["<c>", "[INST]"], "pad_id": 3},
    "identity": PLAIN,
    "nfkc_cf": {"normalization_rule_name": "nfkc_cf"},
    "spaces": PLAIN | {"remove_extra_whitespaces": False, "allow_whitespace_only_pieces": True},
    "no_prefix": PLAIN | {"add_dummy_prefix": False},
    "bare": PLAIN | {"add_dummy_prefix": False, "remove_extra_whitespaces": False},
    "suffix": PLAIN | {"treat_whitespace_as_suffix": True},
    "across_words": PLAIN | {"split_by_whitespace": False},
    "surface": PLAIN | {"unk_surface": "?", "unk_piece": "[UNK]"},
    "coverage": PLAIN | {"character_coverage": 0.98},
}
KINDS = ["unigram", "bpe"]
RULES = cache(read_rules)


BORDERS = [
    *("low", "lowest", "the", "aaaaa", "aa", "a", "st", "12", "3.14", "e m", "ﬁ", "HTTPServer", "▁", "▁the", "▁▁"),
    *("<u>", "<s>", "<unk>", "[INST]", "<0x41>", "don't", "’s", "''", "1234", "٣٤", "½", "Å", "ǅ", "İ", "ß", "Ａ"),
    *(" ", "  ", "   ", "\n", "\t", "\r\n", "\u00a0", "\u3000", "\u200b", "\ufeff", "\0", "\x1c"),
    *("e\u0301", "a\u0323\u0307", "क्षि", "\u1112\u1161\u11ab", "שלום", "مرحبا", "\u202b", "漢字", "かな", "한국어"),
    *("👩\u200d👩\u200d👧", "👍🏽", "🇩🇪", "☕️", "\u200d", "\ufffd", "\U0010ffff"),
]


def random_texts(n: int) -> Iterator[str]:
    """Texts weighted to the borders, each also put between random characters."""
    random = Random(n)
    for _ in range(n):
        parts = [random.choice(BORDERS if random.random() < 0.8 else SCALARS) for _ in range(random.randrange(20))]
        yield "".join(parts)


@cache
def trained(kind: str, name: str) -> bytes:
    """The bytes of a small model that the library trained."""
    buffer = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS),
        model_writer=buffer,
        vocab_size=420,
        model_type=kind,
        hard_vocab_limit=False,
        minloglevel=2,
        num_threads=1,
        **OPTIONS[name],
    )
    return buffer.getvalue()


@cache
def pair(kind: str, name: str) -> tuple[Tokenizer, Any]:
    """A small model as we read it, and as the library does.

    A quarter of a million rules for characters are the same in several of them, and are read once.
    """
    content = trained(kind, name)
    with mock.patch.object(llmguide.tokenizers.sentencepiece, "read_rules", RULES):
        ours = loads(content)
    return ours, sentencepiece.SentencePieceProcessor(model_proto=content)


@pytest.mark.no_cover
@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_ids_of_small_models_are_those_of_the_library(kind: str, name: str) -> None:
    ours, library = pair(kind, name)
    words = st.sampled_from(
        ["low", "lowest", " ", "  ", "<u>", "e m", "12", "▁", "<s>", "<unk>", "[INST]", "aaaaa", "ﬁ"]
    )

    @settings(max_examples=100)
    @given(TEXTS | st.lists(words | st.text("aelowst ▁", max_size=4), max_size=8).map("".join))
    def check(text: str) -> None:
        ids = ours.encode_ids(text)
        assert ids == library.encode(text)
        assert ours.decode(ids) == library.decode(ids)
        encoding = ours.encode(text)
        assert encoding.ids == ids
        places = [(start, end) for start, end in encoding.offsets]
        assert all(0 <= start <= end <= len(text) for start, end in places)
        assert places == sorted(places)

    check()


# Thirty-nine thousand texts; the test above takes the same ways with fewer.
@pytest.mark.no_cover
@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_ids_of_many_texts_are_those_of_the_library(kind: str, name: str) -> None:
    ours, library = pair(kind, name)
    texts = list(random_texts(1_500))
    found = zip(texts, map(ours.encode_ids, texts), library.encode(texts), strict=True)
    assert [(text, ids, theirs) for text, ids, theirs in found if ids != theirs] == []


def test_sums_of_32_bits_break_ties_otherwise_than_sums_of_64() -> None:
    ours, library = pair("unigram", "no_prefix")
    model = ours.model
    assert isinstance(model, Unigram)
    double = replace(model, single_precision=False)
    # The tokenizers library adds the same scores with 64 bits. Here "a aaaa" and "aaaa a" have the same pieces, and
    # which of the two sums is the larger depends on how the sum before them was rounded.
    vocabulary = list(zip(model.tokens, (score if score > -inf else 0.0 for score in model.scores), strict=True))
    other = tokenizers.models.Unigram(vocabulary, 0)
    random = Random(3)
    differ = 0
    for _ in range(1_500):
        text = "".join(random.choice(["0", "aa", "a", "aaa", " ", "low", "q"]) for _ in range(random.randrange(14)))
        word = text.strip().replace(" ", "▁")
        word = regex.sub("▁+", "▁", word)
        assert model.encode(word) == library.encode(text)
        assert double.encode(word) == [token.id for token in other.tokenize(word)]
        differ += double.encode(word) != model.encode(word)
    assert 0 < differ < 150


@pytest.mark.parametrize("name", ["nfkc_cf", "user_defined", "spaces"])
def test_thousands_of_characters_are_normalized_as_by_the_library(name: str) -> None:
    ours, library = pair("unigram", name)
    assert ours.normalizer is not None
    texts = SCALARS[:0x3000]
    normalized = [ours.normalizer.normalize(Aligned.of(text)).text for text in texts]
    assert list(zip(texts, normalized, strict=True)) == list(zip(texts, library.normalize(texts), strict=True))


@pytest.mark.no_cover
def test_every_character_is_normalized_as_by_the_library() -> None:
    """The library gets each of them alone. We get those without spaces in rows, with bars, which no rule joins."""
    normalizer, library = pair("unigram", "defaults")[0].normalizer, pair("unigram", "defaults")[1]
    assert isinstance(normalizer, SentencePieceNormalizer)
    rules = normalizer.rules
    assert not any("|" in stretch for stretch in rules)
    expected = dict(zip(SCALARS, library.normalize(SCALARS), strict=True))
    spaced = [text for text, now in expected.items() if not now or " " in rules.get(text, text)]
    assert [normalizer.normalize(Aligned.of(text)).text for text in spaced] == [expected[text] for text in spaced]
    plain = sorted(expected.keys() - set(spaced))
    assert len(plain) > 1_111_900
    for start in range(0, len(plain), BATCH):
        texts = plain[start : start + BATCH]
        normalized = normalizer.normalize(Aligned.of("|".join(texts))).text
        assert normalized == SPACE + "|".join(expected[text][1:] for text in texts)


@pytest.mark.no_cover
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", OPTIONS)
def test_any_ids_decode_as_by_the_library(kind: str, name: str) -> None:
    ours, library = pair(kind, name)
    numbers = [number for number in range(ours.vocab_size) if not library.is_control(number)]

    @settings(max_examples=60)
    @given(st.lists(st.sampled_from(numbers) | st.sampled_from(numbers[:9]), max_size=9))
    def check(ids: list[int]) -> None:
        assert ours.decode(ids) == library.decode(ids)

    check()


@pytest.mark.parametrize("kind", KINDS)
def test_control_pieces_are_special_tokens(kind: str) -> None:
    ours, library = pair(kind, "control")
    assert ours.special_tokens == ("<unk>", "<s>", "</s>", "<pad>", "<c>", "[INST]")
    assert ours.encode_ids("a[INST]b") == library.encode("a[INST]b")  # text like any other
    inst = ours.model.ids["[INST]"]
    assert inst not in ours.encode_ids("a[INST]b")
    # Allowed, they stand between texts of their own. The library has no such call; it leaves the joining to its user.
    expected = [*library.encode("the low"), inst, *library.encode("low")]
    assert ours.encode_ids("the low[INST]low", ["[INST]"]) == expected
    # The library decodes them to nothing, we spell them out.
    assert library.decode(expected) == "the low low"
    assert ours.decode(expected) == "the low[INST]low"


MISTRAL = {
    "v1": "tokenizer.model.v1",
    "v2": "mistral_instruct_tokenizer_240216.model.v2",
    "v3": "mistral_instruct_tokenizer_240323.model.v3",
}


@cache
def mistral(version: str) -> tuple[Tokenizer, Any]:
    path = wheel_file("mistral-common", "1.13.1", MISTRAL[version])
    return load(path), sentencepiece.SentencePieceProcessor(model_file=str(path))


@pytest.mark.no_cover
def test_mistral_s_second_and_third_vocabulary_differ_in_special_pieces_only() -> None:
    (second, _), (third, library) = mistral("v2"), mistral("v3")
    pairs = zip(second.model.tokens, third.model.tokens, strict=True)
    changed = [(before, after) for before, after in pairs if before != after]
    assert {before for before, _ in changed} < set(second.special_tokens)
    # Twenty of the third are user-defined pieces where one would expect control pieces: any text can name them.
    named = {after for _, after in changed} - set(third.special_tokens)
    assert named == {f"[REFERENCE_DOC_{number}]" for number in range(20)}
    text = "see [REFERENCE_DOC_7]"
    assert third.encode_ids(text) == library.encode(text)
    assert third.encode(text).tokens == ["▁see", "▁", "[REFERENCE_DOC_7]"]
    assert len(second.encode_ids(text)) > 3


# A million characters are too many for coverage to watch. What holds of the third vocabulary's single characters holds
# of the second's, as the test above says.
@pytest.mark.no_cover
@pytest.mark.parametrize("version", ["v1", pytest.param("v2", marks=pytest.mark.long), "v3"])
def test_mistral_s_ids_of_every_character(version: str) -> None:
    """The library gets each of them alone. We get those that no piece holds in rows: there is nothing to join them."""
    ours, library = mistral(version)
    assert ours.vocab_size == library.get_piece_size() == {"v1": 32_000, "v2": 32_768, "v3": 32_768}[version]
    expected = dict(zip(SCALARS, library.encode(SCALARS), strict=True))
    held = {" ", *"".join(ours.model.tokens)}
    assert {character: ours.encode_ids(character) for character in held} == {one: expected[one] for one in held}
    strangers = sorted(set(SCALARS) - held)
    assert len(strangers) > 1_100_000
    space = ours.model.ids[SPACE]
    for start in range(0, len(strangers), BATCH):
        batch = strangers[start : start + BATCH]
        assert {expected[character][0] for character in batch} == {space}
        spelled = [number for character in batch for number in expected[character][1:]]
        assert ours.encode_ids("".join(batch)) == [space, *spelled]


@pytest.mark.no_cover
@pytest.mark.parametrize("version", MISTRAL)
def test_mistral_s_ids_of_texts(version: str) -> None:
    ours, library = mistral(version)

    texts = [*random_texts(3_000), *class_texts(), *take(2_000, version)]
    assert len(texts) > 8_500
    expected = library.encode(texts)
    found = [ours.encode_ids(text) for text in texts]
    assert [(text, ids) for text, ids, theirs in zip(texts, found, expected, strict=True) if ids != theirs] == []
    assert list(map(ours.decode, found)) == library.decode(expected)


def varint(number: int) -> bytes:
    """Write a number of variable length."""
    content = b""
    while number >= 0x80:
        content += bytes([number & 0x7F | 0x80])
        number >>= 7
    return content + bytes([number])


def field(number: int, value: int | bytes) -> bytes:
    """Write one field of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def piece(text: str | bytes, kind: int = 1, score: bytes = b"\x00\x00\x80\xbf") -> bytes:
    """Write one piece; the score is -1."""
    content = text.encode("utf-8") if isinstance(text, str) else text
    return field(1, field(1, content) + b"\x15" + score + field(3, kind))


UNKNOWN = piece("<unk>", 2)
IDENTITY = field(3, b"")
BYTES = b"".join(piece(f"<0x{byte:02X}>", 6) for byte in range(256))


def charsmap(units: list[int], replacements: bytes, size: int | None = None) -> bytes:
    """Write rules for characters: a trie and what its leaves point at."""
    trie = b"".join(unit.to_bytes(4, "little") for unit in units)
    return field(3, field(2, (len(trie) if size is None else size).to_bytes(4, "little") + trie + replacements))


def root(child: int, target: int, first: str = "a") -> list[int]:
    """A trie with one node below the root, for a letter, whose base is ``child`` and which has a leaf there."""
    units = [1 << 31] * 256  # no node
    units[0] = 1 << 10  # the root's base is 1
    place = 1 ^ ord(first)
    units[place] = (place ^ child) << 10 | 0x100 | ord(first)
    units[child] = 0x8000_0000 | target
    return units


def test_a_model_written_by_hand() -> None:
    tokenizer = loads(UNKNOWN + piece("a") + piece("▁") + piece("▁b") + charsmap(root(200, 2), b"x\0b\0"))
    assert tokenizer.encode_ids("a") == [3]  # a becomes b
    assert tokenizer.encode_ids("c") == [2, 0]
    assert tokenizer.decode([3, 0, 1]) == "b \u2047 a"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no pieces"),
        (b"\x0a", "needs|no end"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", r"needs 9223372036854775807 bytes, 0 are left"),
        (b"\x0a" + b"\x80" * 12, "no end within 10 bytes"),
        (b"\x0b", "field 1 is of kind 3"),
        (b"\x02\x00", "number 0"),
        (b"\x09\x00\x00", "needs 8 bytes, 2 are left"),
        (b"\x08\x05", "field 1 holds the number 5; expected a message"),
        (field(1, field(1, 5)), "piece 0: field 1 holds the number 5; expected bytes"),
        (field(1, field(1, b"a") + field(2, b"12345")), "piece 0: field 2 holds .* four bytes of a float"),
        (field(1, field(1, b"a") + field(2, 0)), "piece 0: field 2 holds 0; expected the four bytes of a float"),
        (field(1, field(1, b"a") + field(3, b"")), "piece 0: field 3 holds bytes; expected a number"),
        (piece(b"\xff"), "piece 0: field 1 is no UTF-8"),
        (piece("a", 7), r"piece\.type is 7; expected one of \[1, 2, 3, 4, 5, 6\]"),
        (piece("a", score=b"\x00\x00\xc0\x7f"), "'a' has the score nan"),
        (piece("a", score=b"\x00\x00\x80\xff"), "'a' has the score -inf"),
        (piece("a"), "has 0 unknown tokens"),
        (UNKNOWN + piece("[UNK]", 2), "has 2 unknown tokens"),
        (UNKNOWN + piece("a") + piece("a"), "'a' occurs more than once"),
        (UNKNOWN + piece("a") + piece("a", 3), "'a' occurs more than once"),
        (UNKNOWN + piece(""), "empty string"),
        (UNKNOWN + piece("a", 3) + field(2, field(3, 2)), "special token 'a' could be made from ordinary text"),
        (UNKNOWN + BYTES, "byte_fallback is False"),
        (UNKNOWN + field(2, field(35, 1)), "byte_fallback is True"),
        (UNKNOWN + BYTES[:-20] + field(2, field(35, 1)), "byte 4|needs"),
        (UNKNOWN + piece("<0x00>", 6) + field(2, field(35, 1)), "needs the 256 pieces"),
        (UNKNOWN + BYTES + piece("<0xff>", 6) + field(2, field(35, 1)), "'<0xff>' does not fit"),
        (UNKNOWN + field(2, field(3, 3)), "algorithm WORD; expected UNIGRAM or BPE"),
        (UNKNOWN + field(2, field(3, 9)), r"model_type is 9"),
        (UNKNOWN + field(5, field(2, b"x")), "denormalizer_spec"),
        (UNKNOWN + field(3, field(2, b"abc")), "charsmap of 3 bytes"),
        (UNKNOWN + charsmap([0], b"", size=2**32 - 4), "gives its trie 4294967292"),
        (UNKNOWN + charsmap([0, 0], b"\0", size=6), "gives its trie 6"),
        (UNKNOWN + charsmap(root(200, 9), b"b\0"), "points at byte 9 of 2"),
        (UNKNOWN + charsmap(root(200, 0), b"b"), "points at byte 0 of 1, after which no text ends"),
        (UNKNOWN + charsmap(root(200, 0), b"\xff\0"), "no UTF-8"),
        (UNKNOWN + charsmap(root(1, 0), b"b\0"), "more ways"),
        (UNKNOWN + charsmap([0x100 | 300 << 10], b"b\0"), "points at unit 300 of 1"),
        (UNKNOWN + charsmap([0x100 | 1 << 10, 1 << 31], b"b\0"), "rule for the empty text"),
    ],
    ids=str,
)
def test_what_is_no_model_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        loads(content)


def test_errors_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.model"
    path.write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"tokenizer\.model: the model: byte 0"):
        load(path)
    path.write_bytes(trained("bpe", "identity"))
    assert load(path) == loads(trained("bpe", "identity"))


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """A file with some bits flipped, cut off, or with bytes put in."""
    changed = bytearray(content)
    for _ in range(draw(st.integers(0, 4))):
        changed[draw(st.integers(0, len(changed) - 1))] ^= 1 << draw(st.integers(0, 7))
    if draw(st.booleans()):
        place = draw(st.integers(0, len(changed)))
        changed[place:place] = draw(st.binary(max_size=12))
    return bytes(changed[: draw(st.integers(0, len(changed)) | st.just(len(changed)))])


SMALL = UNKNOWN + b"".join(map(piece, ["a", "b", "▁", "ab", "▁ab"])) + piece("<s>", 3) + piece("ba", 4) + piece("bb", 5)
SMALL_FILES = [
    SMALL + charsmap(root(200, 2), b"x\0b\0"),
    SMALL + BYTES + field(2, field(3, 2) + field(35, 1)) + field(3, field(4, 0)),
]


@pytest.mark.no_cover
@settings(max_examples=400)
@given(content=st.sampled_from(SMALL_FILES).flatmap(damaged) | st.binary(max_size=200))
def test_a_damaged_file_is_refused_or_read(content: bytes) -> None:
    tokenizer = read_or_refuse(loads, content)
    if tokenizer is None:
        return
    for text in ("ab bab  a", "é\0", "<s>ba"):
        try:
            ids = tokenizer.encode_ids(text)
        except ValueError:
            continue
        assert all(0 <= number < tokenizer.vocab_size for number in ids)
        assert isinstance(tokenizer.decode(ids), str)


@pytest.mark.no_cover
@pytest.mark.parametrize("kind", KINDS)
def test_a_real_file_cut_off_anywhere_is_refused_or_read(kind: str) -> None:
    content = trained(kind, "identity")
    for end in range(0, len(content), 7):
        read_or_refuse(lambda found: read_model(found).model(), content[:end], message="model|piece|spec")


@pytest.mark.parametrize("kind", KINDS)
def test_unused_pieces_are_never_given(kind: str) -> None:
    content = SMALL + field(2, field(3, KINDS.index(kind) + 1)) + IDENTITY
    ours, library = loads(content), sentencepiece.SentencePieceProcessor(model_proto=content)
    for text in ("bb", "abba", "babba", "aabb bb bbb"):
        assert ours.encode_ids(text) == library.encode(text)
        assert ours.model.ids["bb"] not in ours.encode_ids(text)
