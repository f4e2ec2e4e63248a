"""Rank files and the encoding by ranks, against tiktoken."""

import base64
from collections.abc import Callable, Mapping
from math import log2
from pathlib import Path

import pytest
import tiktoken
from fuzzing import damaged, read_or_refuse
from hypothesis import given
from hypothesis import strategies as st
from strategies import TEXTS
from tiktoken.load import load_tiktoken_bpe

from llmguide.tokenizers.alphabet import BYTE_ALPHABET, spell, unspell
from llmguide.tokenizers.ranks import (
    RankedBpe,
    join_ranked,
    join_ranked_fast,
    read_ranks,
    write_ranks,
)

BYTES = tuple(bytes([byte]) for byte in range(256))
LONGER = st.lists(st.text("ab'é ", min_size=2, max_size=6).map(str.encode), max_size=40, unique=True)
VOCABULARIES = LONGER.map(lambda longer: (*BYTES, *(token for token in longer if len(token) > 1)))
"""Ranks in any order: a token may come before the parts that it is made of, or have none at all."""
SMALL = {letter: rank for rank, letter in enumerate("abc")}
RANKS = st.lists(st.text("abc", min_size=2, max_size=5), max_size=30, unique=True).map(
    lambda longer: SMALL | {token: rank for rank, token in enumerate(longer, start=3)}
)


@given(VOCABULARIES)
def test_what_is_written_is_read_back(tokens: tuple[bytes, ...]) -> None:
    assert read_ranks(write_ranks(tokens)) == tokens


def test_tiktoken_reads_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    tokens = (*BYTES, b" t", b"he", b" the", "né".encode(), b"\xff\xfe")
    (tmp_path / "ranks.tiktoken").write_bytes(write_ranks(tokens))
    assert load_tiktoken_bpe(str(tmp_path / "ranks.tiktoken")) == {token: rank for rank, token in enumerate(tokens)}


def test_only_the_beginning_is_read_if_so_told() -> None:
    content = write_ranks([*BYTES, b"ab", b"cd"]) + b"what comes then is not looked at\n"
    assert read_ranks(content, count=257) == (*BYTES, b"ab")


def test_line_ends_of_windows_do_no_harm() -> None:
    assert read_ranks(write_ranks(BYTES).replace(b"\n", b"\r\n")) == BYTES


WHOLE = write_ranks(BYTES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "all 256 are needed"),
        (b"IQ== 1\n", r"line 1 has the rank 1; expected 0: ranks count up from 0"),
        (WHOLE + b"YWI= 257\n", r"line 257 has the rank 257; expected 256"),
        (WHOLE + b"YWI= 255\n", r"line 257 has the rank 255; expected 256"),
        (WHOLE + b"YWI= -1\n", r"line 257 has the rank b'-1'; expected a whole number"),
        (WHOLE + b"YWI= 99999999999999999999\n", r"line 257 has the rank b'9{20}'; expected a whole number"),
        (WHOLE + b"YWI= 999999999\n", r"line 257 has the rank 999999999; expected 256"),
        (WHOLE + b"YQ== 256\n", r"line 257 gives the token b'a' again, which line 98 has"),
        (WHOLE + b"YW!= 256\n", r"line 257 has the token b'YW!=', which is not Base64"),
        (WHOLE + b"YWI 256\n", r"line 257 has the token b'YWI', which is not Base64"),
        (WHOLE + b" 256\n", r"line 257 has an empty token"),
        (WHOLE + b"YWI=\n", r"line 257 is b'YWI='; expected a token in Base64, one space and a rank"),
        (WHOLE + b"\n\n", r"line 257 is b''"),
        (WHOLE + b"x" * 10_000 + b"\n", r"line 257 is b'x{60}' and 9940 bytes more"),
        (write_ranks(BYTES).replace(b"/w== 255\n", b""), r"the byte b'\\xff' is no token, and 0 more; all 256"),
    ],
)
def test_a_damaged_rank_file_is_refused_with_its_line(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_ranks(content)


def test_a_file_with_too_few_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match="holds 256 tokens; expected at least 300"):
        read_ranks(WHOLE, count=300)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([*BYTES, b""], "token 256 is empty"),
        ([*BYTES, b"a"], "token 256 gives the token b'a' again, which token 97 has"),
        (BYTES[1:], r"the byte b'\\x00' is no token"),
    ],
)
def test_what_could_not_be_read_is_not_written(tokens: list[bytes], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_ranks(tokens)


@given(damaged(write_ranks([*BYTES, b" t", b" the"])))
def test_damaged_rank_files_are_read_or_refused(content: bytes) -> None:
    tokens = read_or_refuse(read_ranks, content)
    if isinstance(tokens, tuple):
        assert read_ranks(write_ranks(tokens)) == tokens


@given(st.text("abc", max_size=30), RANKS)
def test_the_fast_twin_cuts_alike(word: str, ranks: dict[str, int]) -> None:
    assert join_ranked_fast(word, ranks) == join_ranked(word, ranks)


@given(st.text("abc", min_size=201, max_size=300), RANKS)
def test_the_fast_twin_cuts_long_words_alike(word: str, ranks: dict[str, int]) -> None:
    assert join_ranked_fast(word, ranks) == join_ranked(word, ranks)


@given(VOCABULARIES, TEXTS | st.text("ab'é ", max_size=300))
def test_ids_are_tiktoken_s_for_any_ranks(tokens: tuple[bytes, ...], text: str) -> None:
    ranks = {token: rank for rank, token in enumerate(tokens)}
    oracle = tiktoken.Encoding("any", pat_str="(?s:.+)", mergeable_ranks=ranks, special_tokens={})
    assert RankedBpe.of(tokens, {}).encode(spell(text)) == oracle.encode_ordinary(text)


class Counted(int):
    """A rank that counts how often ranks are compared."""

    comparisons = 0

    def __lt__(self, other: object) -> bool:
        Counted.comparisons += 1
        return super().__lt__(other) if isinstance(other, int) else True  # nothing else but infinity

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return int(self) == other

    __hash__ = int.__hash__


class CountedRanks(dict[str, int]):
    """Ranks that count how often they are asked."""

    lookups = 0

    def get(self, token: str, default: object = None) -> object:  # type: ignore[override]
        self.lookups += 1
        return super().get(token, default)


def work(cut: Callable[[str, Mapping[str, int]], object], ranks: Mapping[str, int], length: int) -> tuple[int, int]:
    """Count the look-ups and comparisons that a word of this length takes."""
    counted = CountedRanks({token: Counted(rank) for token, rank in ranks.items()})
    Counted.comparisons = 0
    cut("ab" * (length // 2), counted)
    return counted.lookups, Counted.comparisons


@pytest.mark.parametrize(
    "ranks",
    [
        {"ab" * 2**power: power for power in range(5)},  # all of the word merges, and all of that again
        {"ab": 0},
        {"aba": 0, "ba": 1, "ab": 2, "bab": 3, "abab": 4},
    ],
)
def test_the_work_on_a_long_word_grows_with_its_length_and_not_with_its_square(ranks: dict[str, int]) -> None:
    for length in (1_000, 32_000):
        lookups, comparisons = work(join_ranked_fast, ranks, length)
        assert lookups <= 6 * length
        assert comparisons <= 6 * length * log2(length)
    assert work(join_ranked, ranks, 1_000)[0] > 50 * 1_000  # the twin that recomputes everything, for comparison


@given(VOCABULARIES, TEXTS)
def test_tokens_stand_where_they_say_without_a_gap(tokens: tuple[bytes, ...], text: str) -> None:
    model = RankedBpe.of(tokens, {})
    word = spell(text)
    located = model.locate(word)
    assert [number for number, _ in located] == model.encode(word)
    assert [model.tokens[number] for number, _ in located] == [word[start:end] for _, (start, end) in located]
    assert "".join(model.tokens[number] for number, _ in located) == word


def test_special_tokens_keep_their_ids_and_the_ids_between_have_names_that_no_text_makes() -> None:
    model = RankedBpe.of([*BYTES, b"<|"], {"<|end|>": 259, "<s>": 261})
    assert model.tokens[256:] == ("<|", "<unused 257>", "<unused 258>", "<|end|>", "<unused 260>", "<s>")
    assert model.inert == model.tokens[257:]
    assert [token for token in model.tokens if model.makes(token)] == [*map(spell_byte, range(256)), "<|"]
    assert [model.tokens[number] for number in model.encode("<|end|>")] == ["<|", *"end|>"]
    assert model.encode("<s>") == [60, 115, 62]
    assert model.unknown is None


def spell_byte(byte: int) -> str:
    """Spell one byte."""
    return next(character for character in BYTE_ALPHABET if unspell(character) == bytes([byte]))


def test_special_tokens_may_come_first() -> None:
    model = RankedBpe.of(BYTES, {"<s>": 0, "</s>": 1}, first=3)
    assert model.tokens[:4] == ("<s>", "</s>", "<unused 2>", spell_byte(0))
    assert model.encode("a") == [3 + 97]


@pytest.mark.parametrize(
    ("special", "message"),
    [
        ({"<s>": -1}, "'<s>' has the id -1; expected 0 to"),
        ({"<s>": 10**12}, "'<s>' has the id 1000000000000; expected 0 to"),
        ({"<s>": 97}, "'<s>' has the id 97, which 'a' has already"),
        ({"<s>": 300, "</s>": 300}, "'</s>' has the id 300, which '<s>' has already"),
        ({"a": 256}, "token 'a' occurs more than once"),
    ],
)
def test_special_tokens_that_do_not_fit_are_refused(special: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RankedBpe.of(BYTES, special)


def test_a_model_checks_itself() -> None:
    with pytest.raises(ValueError, match="the inert token '<s>' is not in the vocabulary"):
        RankedBpe(BYTE_ALPHABET, ("<s>",))
    with pytest.raises(ValueError, match="ranks need all 256 bytes; '!' is missing, and 0 more"):
        RankedBpe(BYTE_ALPHABET, ("!",))


def test_a_word_that_is_not_spelled_is_refused() -> None:
    with pytest.raises(ValueError, match="' ' in 'a b' stands for no byte; spell the word first"):
        RankedBpe.of(BYTES, {}).encode("a b")


def test_base64_is_what_the_standard_library_says() -> None:
    line = write_ranks([*BYTES, b"\xfb\xff\xfe"]).splitlines()[-1]
    assert line == base64.b64encode(b"\xfb\xff\xfe") + b" 256"
