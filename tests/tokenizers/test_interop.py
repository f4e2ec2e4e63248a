"""Reading and writing ``tokenizer.json``, against the ``tokenizers`` library."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from library_twins import NORMALIZERS, PRETOKENIZERS
from strategies import TEXTS
from tokenizers import Regex, decoders, models, pre_tokenizers, processors
from tokenizers import Tokenizer as LibraryTokenizer

from llmguide.tokenizers import BERT, CL100K, GPT2, WHITESPACE, WHOLE, WORDS, PreTokenizer, Tokenizer, train_tokenizer
from llmguide.tokenizers.decoders import Joined
from llmguide.tokenizers.interop import dumps, load, loads, save
from llmguide.tokenizers.normalizers import (
    Aligned,
    BertNormalizer,
    Lowercase,
    Normalizer,
    Sequence,
    StripAccents,
    UnicodeForm,
)

TEXT = "Low lower, lowest: 12345 Tests don't re-test the tester's CAFÉ.\n\n  The end!"
DIGITS = PreTokenizer("custom", r"\p{N}|[^\p{N}\s]+")
NORMALIZER = st.recursive(
    st.sampled_from([Lowercase(), StripAccents(), BertNormalizer(strip_accents=True), BertNormalizer()])
    | st.builds(UnicodeForm, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"])),
    lambda inner: st.lists(inner, max_size=3).map(lambda steps: Sequence(tuple(steps))),
    max_leaves=4,
)


@pytest.mark.no_cover
@given(
    normalizer=st.none() | NORMALIZER,
    pretokenizer=st.sampled_from([GPT2, CL100K, WHOLE, WHITESPACE, WORDS, BERT, DIGITS]),
    special=st.sampled_from([[], ["<|end|>"], ["<s>", "</s>"]]),
    text=st.sampled_from([TEXT, "low 12", " \n lowest"]),
)
def test_a_byte_level_tokenizer_is_read_by_the_library_and_by_us(
    normalizer: Normalizer | None, pretokenizer: PreTokenizer, special: list[str], text: str
) -> None:
    tokenizer = train_tokenizer([TEXT], 300, pretokenizer=pretokenizer, normalizer=normalizer, special_tokens=special)
    assert loads(dumps(tokenizer)) == tokenizer
    library = LibraryTokenizer.from_str(dumps(tokenizer))
    assert library.encode(text).ids == tokenizer.encode_ids(text)
    assert loads(library.to_str()) == tokenizer
    for token in special:
        assert library.encode(f"low{token}low").ids == tokenizer.encode_ids(f"low{token}low", "all")


@given(
    pretokenizer=st.sampled_from([GPT2, CL100K, WHOLE, WHITESPACE, WORDS, BERT, DIGITS]),
    end_of_word=st.sampled_from(["", "</w>"]),
    unknown=st.sampled_from([None, "<unk>"]),
    separator=st.sampled_from(["", " "]),
    text=st.sampled_from([TEXT, "Low 12", "lowest"]),
)
def test_a_tokenizer_of_characters_is_read_by_the_library_and_by_us(
    pretokenizer: PreTokenizer, end_of_word: str, unknown: str | None, separator: str, text: str
) -> None:
    separator = "" if end_of_word else separator
    tokenizer = train_tokenizer(
        [TEXT, "Low 12", "lowest"],
        120,
        pretokenizer=pretokenizer,
        byte_level=False,
        end_of_word=end_of_word,
        unknown=unknown,
        separator=separator,
    )
    assert loads(dumps(tokenizer)) == tokenizer
    library = LibraryTokenizer.from_str(dumps(tokenizer))
    assert library.encode(text).ids == tokenizer.encode_ids(text)
    assert library.decode(tokenizer.encode_ids(text)) == tokenizer.decode(tokenizer.encode_ids(text))
    assert loads(library.to_str()) == tokenizer


@given(text=TEXTS)
def test_an_isolated_pattern_keeps_what_lies_between_matches(text: str) -> None:
    split = pre_tokenizers.Split(Regex("[aeiou]+"), "isolated")
    library = LibraryTokenizer(models.BPE())
    library.pre_tokenizer = split
    read = loads(library.to_str())
    assert [(piece.text, (piece.start, piece.end)) for piece in read.pretokenizer.split(text)] == (
        split.pre_tokenize_str(text)
    )
    assert loads(dumps(read)) == read


@pytest.mark.parametrize("name", NORMALIZERS)
def test_the_library_s_normalizers_are_read(name: str) -> None:
    library = LibraryTokenizer(models.BPE())
    library.normalizer = NORMALIZERS[name]
    normalizer = loads(library.to_str()).normalizer
    assert normalizer is not None
    assert normalizer.normalize(Aligned.of(TEXT)).text == NORMALIZERS[name].normalize_str(TEXT)


def document(**changes: Any) -> dict[str, Any]:
    """A valid file with some parts changed; ``model.x`` changes a part of the model."""
    whole: dict[str, Any] = json.loads(dumps(train_tokenizer([TEXT], 300, special_tokens=["<s>"])))
    for name, value in changes.items():
        part, _, key = name.rpartition("__")
        (whole[part] if part else whole)[key] = value
    return whole


DIGITS_PART = {"type": "Digits", "individual_digits": True}
MARKS = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
BYTES = {"type": "ByteLevel", "add_prefix_space": False}
SPECIAL = {"id": 0, "content": "<s>", "single_word": False, "lstrip": False, "rstrip": False, "special": True}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"truncation": {"max_length": 8}}, "truncation is .* does not support"),
        ({"padding": {"strategy": "Fixed"}}, "padding is .* does not support"),
        ({"normalizer": {"type": "Replace"}}, "normalizer is .*Replace.* does not support"),
        ({"normalizer": {"type": "Sequence", "normalizers": [{"type": "Nmt"}]}}, "normalizer is .*Nmt"),
        ({"normalizer": {"type": "BertNormalizer", "lowercase": 1}}, "normalizer is .*BertNormalizer"),
        ({"pre_tokenizer": {"type": "Metaspace"}}, "pre_tokenizer is .*Metaspace"),
        ({"pre_tokenizer": {"type": "Metaspace", "replacement": "__"}}, "pre_tokenizer is .*Metaspace"),
        ({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [DIGITS_PART, MARKS]}}, "pre_tokenizer is .*Sequence"),
        ({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [BYTES, DIGITS_PART]}}, "pre_tokenizer is .*Sequence"),
        ({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True}}, "pre_tokenizer is .*add_prefix_space"),
        (
            {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "("}, "behavior": "Removed", "invert": True}},
            "is not a regular expression",
        ),
        ({"post_processor": {"type": "TemplateProcessing"}}, "post_processor is .*TemplateProcessing"),
        ({"post_processor": {"type": "RobertaProcessing", "trim_offsets": True}}, "post_processor is .*Roberta"),
        ({"post_processor": {"type": "Sequence", "processors": [{"type": "New"}]}}, "post_processor is .*New"),
        ({"decoder": {"type": "WordPiece"}}, "decoder is .*WordPiece"),
        ({"decoder": None}, "decoder is null"),
        ({"model": None}, "expected an object with a 'model'"),
        ({"model__type": "WordPiece"}, "model is .*WordPiece"),
        ({"model__dropout": 0.1}, r"model\.dropout is 0\.1"),
        ({"model__byte_fallback": 1}, r"model\.byte_fallback is 1; expected true or false"),
        ({"model__fuse_unk": True}, r"model\.fuse_unk is True"),
        ({"model__unk_token": "a", "model__fuse_unk": True, "model__byte_fallback": True}, r"model\.fuse_unk is True"),
        ({"model__continuing_subword_prefix": "##"}, r"model\.continuing_subword_prefix is '##'"),
        ({"model__merges": [["a"]]}, r"model\.merges holds \['a'\]"),
        ({"model__merges": ["a b c"]}, r"model\.merges holds 'a b c'"),
        ({"model__merges": [["a", "€"]]}, "needs the token '€'"),
        ({"model__vocab": {"a": "b"}}, "must give each token an integer"),
        ({"model__vocab": {"<s>": 0, "a": 2}, "model__merges": []}, "must be 0 to 1, each given once"),
        ({"model__vocab": {"<s>": 0, "a": 0}, "model__merges": []}, "must be 0 to 1, each given once"),
        ({"model__unk_token": "<unk>"}, "unknown token '<unk>' is not in the vocabulary"),
        ({"model__unk_token": 5}, r"model\.unk_token is 5"),
        ({"added_tokens": {}}, "added_tokens is {}"),
        ({"added_tokens": ["<s>"]}, "added_tokens is"),
        ({"added_tokens": [{**SPECIAL, "special": False}]}, "added_tokens is"),
        ({"added_tokens": [{**SPECIAL, "id": 5}]}, "added_tokens gives '<s>' the id 5, model.vocab 0"),
        ({"added_tokens": [{**SPECIAL, "lstrip": True}]}, r"added_tokens\.lstrip is True"),
        ({"added_tokens": [{**SPECIAL, "id": 500, "content": "<pad>"}]}, "must be 0 to 298"),
    ],
    ids=str,
)
def test_a_part_that_is_not_known_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        loads(json.dumps(document(**changes)))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "[" * 20_000], ids=lambda text: text[:5])
def test_broken_json(text: str, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=r"tokenizer\.json: "):
        load(path)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"tokenizer\.json: .*can't decode byte 0xff"):
        load(path)


def test_a_token_given_twice() -> None:
    text = dumps(train_tokenizer([TEXT], 300)).replace('"!": 0', '"!": 0, "!": 7')
    with pytest.raises(ValueError, match="'!' is given twice in one object"):
        loads(text)


def test_older_files_write_merges_as_text() -> None:
    whole = document()
    expected = loads(json.dumps(whole))
    whole["model"]["merges"] = [" ".join(pair) for pair in whole["model"]["merges"]]
    assert loads(json.dumps(whole)) == expected


def test_special_tokens_may_lie_behind_the_model_s_vocabulary() -> None:
    library = LibraryTokenizer.from_str(dumps(train_tokenizer([TEXT], 300)))
    library.add_special_tokens(["<|one|>", "<|two|>"])
    library.post_processor = processors.ByteLevel(trim_offsets=False)
    ours = loads(library.to_str())
    assert ours.special_tokens == ("<|one|>", "<|two|>")
    text = "low<|two|>er<|one|>"
    assert ours.encode_ids(text, "all") == library.encode(text).ids
    assert ours.decode(ours.encode_ids(text, "all")) == text


def test_what_the_format_cannot_say_is_refused() -> None:
    words = train_tokenizer(["low"], 5, pretokenizer=WHITESPACE, byte_level=False, separator="·")
    with pytest.raises(ValueError, match=r"no way to say Joined\(separator='·'\)"):
        dumps(words)

    class Upper:
        def normalize(self, aligned: Aligned) -> Aligned:
            return aligned.map(str.upper)

    with pytest.raises(ValueError, match=r"no way to say .*Upper"):
        dumps(Tokenizer(words.model, WHITESPACE, Upper(), Joined()))


def test_saving_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tokenizer.json"
    first, second = train_tokenizer([TEXT], 280), train_tokenizer([TEXT], 290)
    save(first, path)
    assert load(path) == first

    def fail(_descriptor: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        save(second, path)
    assert load(path) == first
    assert [entry.name for entry in tmp_path.iterdir()] == ["tokenizer.json"]
    monkeypatch.undo()
    save(second, path)
    assert load(path) == second
    assert decoders.ByteLevel().decode(second.encode("low").tokens) == "low"
    assert PRETOKENIZERS["gpt2"].pre_tokenize_str("low")[0][0] == "low"
