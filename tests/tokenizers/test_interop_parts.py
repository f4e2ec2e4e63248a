"""The parts of ``tokenizer.json`` beyond byte-level byte-pair encoding, against the ``tokenizers`` library."""

import json
from functools import cache
from math import inf
from pathlib import Path
from typing import Any

import pytest
from fuzzing import read_or_refuse
from hypothesis import given
from hypothesis import strategies as st
from strategies import TEXTS
from test_unicode import EXCEPTIONS
from tokenizers import Tokenizer as LibraryTokenizer
from tokenizers import decoders, models, pre_tokenizers, processors

from llmguide.tokenizers import BERT, GPT2, WHITESPACE, WHOLE, WORDS, Bpe, Tokenizer, train_tokenizer
from llmguide.tokenizers.decoders import MetaspaceDecoder
from llmguide.tokenizers.interop import dumps, load, load_vocab_txt, loads
from llmguide.tokenizers.normalizers import BertNormalizer, Metaspace, Prepend, Replace, Sequence, UnicodeForm
from llmguide.tokenizers.pretokenizers import DIGITS, METASPACE, Chain, PreTokenizer
from llmguide.tokenizers.unigram import Unigram
from llmguide.tokenizers.wordpiece import WordPiece

TEXT = "Low lower, lowest: 12345 Tests don't re-test the tester's CAFÉ.\n\n  The end! [CLS] 漢字 ##er"
EXCEPTED = {chr(number) for name in EXCEPTIONS for number in EXCEPTIONS[name]}
BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))


def library(tokenizer: Tokenizer) -> LibraryTokenizer:
    """Give the library's tokenizer for ours; special tokens in a text are only text there as well."""
    twin = LibraryTokenizer.from_str(dumps(tokenizer))
    twin.encode_special_tokens = True
    return twin


def agreeing(ours: Tokenizer) -> LibraryTokenizer:
    """Give the library's tokenizer for ours, which reads back from what either of the two writes."""
    twin = library(ours)
    assert loads(dumps(ours)) == ours == loads(twin.to_str())
    return twin


def known(text: str) -> str:
    """Leave out the characters that other versions of Unicode do not know."""
    return "".join(character for character in text if character not in EXCEPTED)


@cache
def wordpiece(pretokenizer: PreTokenizer) -> tuple[Tokenizer, LibraryTokenizer]:
    """A small WordPiece, ours and the library's."""
    options = {"pretokenizer": pretokenizer, "normalizer": BertNormalizer(), "special_tokens": ["[PAD]"]}
    ours = train_tokenizer([TEXT], 130, algorithm="wordpiece", criterion="count", **options)
    return ours, agreeing(ours)


@pytest.mark.parametrize("pretokenizer", [BERT, WHITESPACE, WORDS], ids=lambda one: one.name)
@given(text=st.just(TEXT) | TEXTS)
def test_wordpiece_is_read_by_the_library_and_by_us(pretokenizer: PreTokenizer, text: str) -> None:
    text = known(text)
    ours, twin = wordpiece(pretokenizer)
    encoding, expected = ours.encode(text), twin.encode(text)
    assert (encoding.ids, encoding.tokens) == (expected.ids, expected.tokens)
    assert ours.decode(encoding.ids) == twin.decode(expected.ids, skip_special_tokens=False)


UNIGRAM = train_tokenizer([TEXT * 3, "low lower lowest " * 5], 90, algorithm="unigram", special_tokens=["<s>"])


@cache
def unigram_twin() -> LibraryTokenizer:
    """The library's tokenizer for it."""
    return agreeing(UNIGRAM)


@given(text=st.just(TEXT) | TEXTS)
def test_unigram_is_read_by_the_library_and_by_us(text: str) -> None:
    text = text.replace("<s>", "").replace("<unk>", "")
    twin = unigram_twin()
    ids = UNIGRAM.encode_ids(text)
    assert ids == twin.encode(text).ids
    assert UNIGRAM.decode(ids) == twin.decode(ids, skip_special_tokens=False)


def test_unigram_with_bytes_is_read_by_the_library_and_by_us() -> None:
    model = Unigram(("<unk>", *BYTES, "▁", "a", "▁a"), (-inf,) * 257 + (-2.0, -2.5, -3.0), "<unk>", byte_fallback=True)
    ours = Tokenizer(model, METASPACE, Metaspace(), MetaspaceDecoder(), ("<unk>",))
    twin = library(ours)
    assert loads(dumps(ours)) == ours == loads(twin.to_str())
    assert ours.encode_ids("a né") == twin.encode("a né").ids


def test_the_library_lets_text_forge_what_stands_in_a_unigram_vocabulary() -> None:
    assert UNIGRAM.model.ids["<s>"] in library(UNIGRAM).encode("low <s>").ids
    assert UNIGRAM.model.ids["<s>"] not in UNIGRAM.encode_ids("low <s>")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unk_id": 90}, r"model.unk_id is 90; expected a place in model.vocab, 0 to \d+, or null"),
        ({"unk_id": "<unk>"}, "model is .*Unigram"),
        ({"vocab": [["a", -1.0], ["a", -2.0]]}, "model.vocab gives a token twice"),
        ({"vocab": [["a"]]}, r"model.vocab holds \['a'\]; expected a token and its score"),
        ({"vocab": [["a", True]]}, r"model.vocab holds \['a', True\]"),
        ({"vocab": [["a", 10**400]]}, r"model.vocab holds \['a', 1000"),
        ({"byte_fallback": None}, r"model.byte_fallback is None; expected true or false"),
        ({"byte_fallback": True}, "the token '<0x00>' must be in the vocabulary"),
    ],
    ids=str,
)
def test_a_faulty_unigram_model_is_named(changes: dict[str, Any], message: str) -> None:
    document = json.loads(dumps(UNIGRAM))
    document["model"] |= changes
    with pytest.raises(ValueError, match=message):
        loads(json.dumps(document))


def llama_like(byte_fallback: bool, normalizer: object, pretokenizer: object) -> Tokenizer:
    """A small model in SentencePiece's manner."""
    learned = ("▁", "a", "b", "1", "▁a", "ab", "▁ab", "▁▁", "11")
    merges = (("▁", "a"), ("a", "b"), ("▁a", "b"), ("▁", "▁"), ("1", "1"))
    model = Bpe(("<unk>", "<s>", *BYTES, *learned), merges, unknown="<unk>", byte_fallback=byte_fallback)
    return Tokenizer(model, pretokenizer, normalizer, MetaspaceDecoder(), ("<unk>", "<s>"))


NORMALIZERS = [
    Sequence((Prepend("▁"), Replace(" ", "▁"))),
    Metaspace(),
    Metaspace(prepend="first"),
    Metaspace(prepend="never"),
    Sequence((UnicodeForm("NFKC"), Replace("``", '"'), Metaspace())),
]


@cache
def llama_pair(byte_fallback: bool, normalizer: object, pretokenizer: object) -> tuple[Tokenizer, LibraryTokenizer]:
    """The small model and the library's."""
    ours = llama_like(byte_fallback, normalizer, pretokenizer)
    return ours, agreeing(ours)


@pytest.mark.no_cover
@pytest.mark.parametrize("byte_fallback", [True, False])
@pytest.mark.parametrize("normalizer", NORMALIZERS, ids=repr)
@pytest.mark.parametrize("pretokenizer", [WHOLE, METASPACE, Chain((METASPACE, DIGITS))], ids=repr)
@given(text=st.text("ab 1é▁`🙂", max_size=12))
def test_marks_for_spaces_are_read_by_the_library_and_by_us(
    byte_fallback: bool, normalizer: Metaspace | Sequence, pretokenizer: PreTokenizer | Chain, text: str
) -> None:
    ours, twin = llama_pair(byte_fallback, normalizer, pretokenizer)
    encoding, expected = ours.encode(text), twin.encode(text)
    assert (encoding.ids, encoding.tokens) == (expected.ids, expected.tokens)
    assert ours.decode(encoding.ids) == twin.decode(expected.ids, skip_special_tokens=False)


@cache
def chained() -> tuple[Tokenizer, LibraryTokenizer]:
    """A tokenizer with two pre-tokenizers, ours and the library's."""
    twin = LibraryTokenizer(models.BPE())
    twin.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(False)])
    twin.decoder = decoders.ByteLevel()
    document = json.loads(twin.to_str())
    document["model"] = json.loads(dumps(train_tokenizer([TEXT], 280)))["model"]
    ours = loads(json.dumps(document))
    assert ours.pretokenizer == Chain((DIGITS, GPT2))
    assert loads(dumps(ours)) == ours
    return ours, LibraryTokenizer.from_str(json.dumps(document))


@given(text=TEXTS)
def test_a_chain_of_pretokenizers_cuts_as_the_library_s(text: str) -> None:
    text = known(text)
    ours, twin = chained()
    pieces, spans = ours.pretokenizer.split(text), twin.pre_tokenizer.pre_tokenize_str(text)
    assert [(piece.start, piece.end) for piece in pieces] == [span for _, span in spans]
    assert ours.pretokenizer.words(text) == [piece.text for piece in pieces]
    assert ours.encode_ids(text) == twin.encode(text).ids


@pytest.mark.parametrize("individual", [True, False])
@given(text=st.text("a1٣½ .", max_size=10))
def test_digits_are_cut_as_the_library_cuts_them(individual: bool, text: str) -> None:
    twin = LibraryTokenizer(models.BPE())
    twin.pre_tokenizer = pre_tokenizers.Digits(individual)
    ours = loads(twin.to_str()).pretokenizer
    assert [(piece.start, piece.end) for piece in ours.split(text)] == [
        span for _, span in twin.pre_tokenizer.pre_tokenize_str(text)
    ]


@pytest.mark.parametrize(
    "processor",
    [
        processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B [SEP]", [("[CLS]", 1), ("[SEP]", 2)]),
        processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1)),
        processors.Sequence(
            [processors.ByteLevel(trim_offsets=False), processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))]
        ),
    ],
    ids=lambda one: type(one).__name__,
)
def test_special_tokens_around_a_text_are_left_to_the_caller(processor: Any) -> None:
    ours = train_tokenizer([TEXT], 130, algorithm="wordpiece", special_tokens=["[CLS]", "[SEP]"])
    twin = library(ours)
    twin.post_processor = processor
    assert loads(twin.to_str()) == ours
    assert ours.encode_ids("lower") == twin.encode("lower", add_special_tokens=False).ids
    assert [1, *ours.encode_ids("lower"), 2] == twin.encode("lower").ids


def test_the_library_s_metaspace_decoder_drops_every_space_of_the_first_token() -> None:
    twin = library(llama_like(True, Metaspace(), WHOLE))
    twin.decoder = decoders.Metaspace()
    ours = loads(twin.to_str())
    ids = ours.encode_ids(" a")
    assert ours.encode(" a").tokens == ["▁a"]
    assert ours.decode(ids) == twin.decode(ids) == "a"
    ids = [ours.model.ids["▁▁"], ours.model.ids["a"]]
    assert (ours.decode(ids), twin.decode(ids)) == (" a", "a")


def test_whole_words_before_merges() -> None:
    model = Bpe(
        ("a", "b", "c", "ab", "bc", "abc", "<s>"), (("b", "c"), ("a", "b")), whole_words=True, reserved=("<s>",)
    )
    ours = Tokenizer(model, WHITESPACE, None, MetaspaceDecoder(), ("<s>",))
    twin = library(ours)
    assert loads(dumps(ours)) == ours == loads(twin.to_str())
    assert ours.encode_ids("abc aabc") == twin.encode("abc aabc").ids


def test_fused_unknown_characters_need_no_rule_where_bytes_stand_in() -> None:
    ours = llama_like(True, Metaspace(), WHOLE)
    twin = library(ours)
    twin.model = models.BPE(
        ours.model.ids, list(ours.model.merges), unk_token="<unk>", byte_fallback=True, fuse_unk=True
    )
    assert loads(twin.to_str()) == ours


def test_what_the_format_cannot_say_is_refused() -> None:
    model = WordPiece(("a",), unknown=None)
    with pytest.raises(ValueError, match="no way to say a WordPiece with unknown=None"):
        dumps(Tokenizer(model, BERT, decoder=MetaspaceDecoder()))
    inside = Sequence((Metaspace(), UnicodeForm("NFC")))
    with pytest.raises(ValueError, match="no way to say Sequence"):
        dumps(llama_like(True, inside, WHOLE))
    nested = Chain((Chain((DIGITS,)), METASPACE))
    with pytest.raises(ValueError, match="no way to say Chain"):
        dumps(llama_like(True, None, nested))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1 is empty"),
        (b"[UNK]\n\na\n", "line 2 is empty"),
        (b"[UNK]\na\na\n", "token 'a' occurs more than once"),
        (b"a\nb\n", r"unknown token '\[UNK\]' is not in the vocabulary"),
        (b"[UNK]\n\xff\n", "can't decode byte 0xff"),
    ],
)
def test_a_faulty_vocab_txt_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "vocab.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"vocab.txt: .*{message}"):
        load_vocab_txt(path)


@given(content=st.binary(max_size=30) | st.text(max_size=20).map(str.encode).map(b"[UNK]\n".__add__))
def test_any_vocab_txt_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "vocab.txt"
    path.write_bytes(content)
    tokenizer = read_or_refuse(lambda _: load_vocab_txt(path), content, message=r"vocab\.txt: (?s:.{10})")
    if tokenizer is not None:
        lines = content.decode().replace("\r\n", "\n").removesuffix("\n").split("\n")
        assert list(tokenizer.model.tokens) == lines


def test_a_vocab_txt_may_end_its_lines_as_windows_does(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_bytes("[PAD]\r\n[UNK]\r\nÜn\r\n##a\r\n".encode())
    tokenizer = load_vocab_txt(path, lowercase=False)
    assert tokenizer.special_tokens == ("[PAD]", "[UNK]")
    assert tokenizer.encode("Üna ün").tokens == ["Ün", "##a", "[UNK]"]


DOCUMENTS = [
    json.loads(dumps(tokenizer))
    for tokenizer in (
        train_tokenizer([TEXT], 270, normalizer=BertNormalizer(), special_tokens=["<s>"]),
        train_tokenizer([TEXT], 110, algorithm="wordpiece"),
        UNIGRAM,
        llama_like(True, NORMALIZERS[-1], Chain((METASPACE, DIGITS))),
    )
]
NAMES = [
    "type",
    "id",
    "content",
    "vocab",
    "merges",
    "Sequence",
    "Split",
    "ByteLevel",
    "WordPiece",
    "BPE",
    "Metaspace",
    "▁",
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 300) | st.floats() | st.text(max_size=3) | st.sampled_from(NAMES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=5,
)


def places(part: Any) -> list[tuple[Any, Any]]:
    """Every object or list in a document, with each key or index."""
    keys = list(part) if isinstance(part, dict) else range(min(len(part), 4)) if isinstance(part, list) else []
    return [(part, key) for key in keys] + [place for key in keys for place in places(part[key])]


def read_json(tmp_path_factory: pytest.TempPathFactory, text: str) -> Tokenizer | None:
    """Write a ``tokenizer.json`` that may be damaged and read it, or be refused."""
    path = tmp_path_factory.getbasetemp() / "tokenizer.json"
    path.write_bytes(text.encode())
    return read_or_refuse(lambda _: load(path), text.encode(), message=r"tokenizer\.json: (?s:.{10})")


@given(number=st.integers(0, len(DOCUMENTS) - 1), data=st.data())
def test_any_damaged_document_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, number: int, data: st.DataObject
) -> None:
    document = json.loads(json.dumps(DOCUMENTS[number]))
    for _ in range(data.draw(st.integers(1, 2))):
        part, key = data.draw(st.sampled_from(places(document)))
        if data.draw(st.booleans()):
            part[key] = data.draw(ANYTHING)
        else:
            del part[key]
    tokenizer = read_json(tmp_path_factory, json.dumps(document))
    if tokenizer is not None:
        assert loads(dumps(tokenizer)).encode_ids("") == []


@given(number=st.integers(0, len(DOCUMENTS) - 1), data=st.data())
def test_any_cut_or_scribbled_text_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, number: int, data: st.DataObject
) -> None:
    text = json.dumps(DOCUMENTS[number])
    place = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(place, min(place + 20, len(text))))
    damaged = text[:place] + data.draw(st.text(max_size=5)) + text[end:]
    read_json(tmp_path_factory, damaged)
