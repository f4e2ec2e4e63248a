"""A vocabulary looked through: small ones by hand, trained ones against other ways to find the same."""

import pytest
from hypothesis import given
from strategies import SMALL_WORDS
from tokenizers import Tokenizer as LibraryTokenizer

from llmguide import datasets
from llmguide.tokenizers import CL100K, GPT2, WHITESPACE, Bpe, Tokenizer, bpe, train_tokenizer
from llmguide.tokenizers.alphabet import BYTE_ALPHABET
from llmguide.tokenizers.decoders import EndOfWord, Joined, MetaspaceDecoder
from llmguide.tokenizers.interop import dumps
from llmguide.tokenizers.normalizers import Metaspace
from llmguide.tokenizers.vocabulary import MergeTree, merge_tree, report


def byte_level(*merges: tuple[str, str], special: tuple[str, ...] = ()) -> Tokenizer:
    tokens = (*special, *BYTE_ALPHABET, *dict.fromkeys(map("".join, merges)))
    return Tokenizer(Bpe(tokens, merges), special_tokens=special)


def named(tokenizer: Tokenizer, numbers: tuple[int, ...]) -> list[str]:
    return [tokenizer.model.tokens[number] for number in numbers]


def test_bytes_above_127_are_half_a_character() -> None:
    tokenizer = byte_level(("Ã", "©"), ("©", "Ã"), special=("<s>",))
    assert named(tokenizer, report(tokenizer).partial) == [
        *map(chr, range(0xA1, 0xAD)),
        *map(chr, range(0xAE, 0x100)),
        *BYTE_ALPHABET[-34:],
        "©Ã",
    ]


def test_a_token_that_its_own_merges_do_not_make_is_unreachable() -> None:
    """``bc`` is joined first, so that ``ab`` is never there for ``abc`` to be made of it; ``bcd`` is made."""
    tokenizer = byte_level(("b", "c"), ("a", "b"), ("ab", "c"), ("bc", "d"))
    assert named(tokenizer, report(tokenizer).unreachable) == ["abc"]


def test_a_token_that_no_piece_holds_is_unreachable() -> None:
    """GPT-2's pattern puts a space before a word, never behind it."""
    tokenizer = byte_level(("a", "Ġ"), ("Ġ", "a"))
    assert named(tokenizer, report(tokenizer).unreachable) == ["aĠ"]


def test_a_token_may_need_something_before_it() -> None:
    """The decoder drops the first space and the tokenizer puts it back, so ``low`` is reached only inside a word."""
    tokens = ("▁", *"lowx.", "lo", "low", "▁low", "<0xE2>", "<0x41>")
    model = Bpe(tokens, (("l", "o"), ("lo", "w"), ("▁", "low")))
    tokenizer = Tokenizer(model, WHITESPACE, Metaspace(), MetaspaceDecoder())
    found = report(tokenizer)
    assert named(tokenizer, found.unreachable) == ["<0x41>"]
    assert named(tokenizer, found.partial) == ["<0xE2>"]


def test_a_token_may_need_something_behind_it() -> None:
    """Only the last token of a word has the mark."""
    model = Bpe(("l", "o", "w", "lo", "low", "ow", "x</w>"), (("l", "o"), ("lo", "w"), ("o", "w")), "</w>")
    tokenizer = Tokenizer(model, WHITESPACE, decoder=EndOfWord("</w>"))
    assert tokenizer.encode("lowx").tokens == ["low", "x</w>"]
    assert named(tokenizer, report(tokenizer).unreachable) == []


def test_special_tokens_are_left_out() -> None:
    found = report(byte_level(special=("<s>", "<S>")))
    assert found.size == 258
    assert not {0, 1} & {
        *found.partial,
        *found.unreachable,
        *found.longest,
        *(n for group in found.alike for n in group),
    }


def test_tokens_alike() -> None:
    tokenizer = Tokenizer(
        Bpe(("a", "b", "A", "a</w>", "B</w>", "c", " ", "ß", "ss"), (), "</w>"), WHITESPACE, decoder=EndOfWord("</w>")
    )
    assert [named(tokenizer, group) for group in report(tokenizer).alike] == [
        ["a", "A", "a</w>"],
        ["b", "B</w>"],
        ["ß", "ss"],
    ]


def test_the_longest_tokens_are_measured_in_characters() -> None:
    tokenizer = Tokenizer(Bpe(("a", "漢字", "abc", "b", "xyz"), ()), WHITESPACE, decoder=Joined())
    assert named(tokenizer, report(tokenizer, n_longest=3).longest) == ["abc", "xyz", "漢字"]
    assert report(tokenizer, n_longest=0).longest == ()


@pytest.mark.parametrize("pretokenizer", [GPT2, CL100K], ids=lambda one: one.name)
def test_every_token_of_a_trained_vocabulary_is_reached(pretokenizer: object) -> None:
    """Training makes only what occurs in the corpus, and encoding the corpus makes it again."""
    text = datasets.load("shakespeare")[:200_000]
    tokenizer = train_tokenizer([text], 1500, pretokenizer=pretokenizer)
    found = report(tokenizer)
    assert found.unreachable == ()
    library = LibraryTokenizer.from_str(dumps(tokenizer))
    for number in set(range(1500)) - set(found.partial):
        assert library.encode(library.decode([number])).ids == [number]
    assert all("\ufffd" in library.decode([number]) for number in found.partial)


def leaves(tree: MergeTree) -> str:
    return "".join(map(leaves, tree.parts)) if tree.parts else tree.token


def ranks(tree: MergeTree) -> list[int]:
    return [] if tree.rank is None else [tree.rank, *(rank for part in tree.parts for rank in ranks(part))]


@given(words=SMALL_WORDS)
def test_a_tree_spells_its_token_and_each_part_is_older(words: dict[str, int]) -> None:
    model = bpe.train(words, 25)
    for token in model.tokens:
        tree = merge_tree(model, token)
        assert leaves(tree) == tree.token == token
        assert max(ranks(tree), default=None) == tree.rank
        if tree.rank is not None:
            assert model.merges[tree.rank] == tuple(part.token for part in tree.parts)
            assert not any("".join(pair) == token for pair in model.merges[: tree.rank])


def test_a_tree_is_drawn() -> None:
    model = Bpe(("a", "b", "ab", "aba", "abab"), (("a", "b"), ("ab", "a"), ("aba", "b"), ("ab", "ab")))
    assert merge_tree(model, "abab").draw().splitlines() == [
        "abab  (merge 2)",
        "├─ aba  (merge 1)",
        "│  ├─ ab  (merge 0)",
        "│  │  ├─ a",
        "│  │  └─ b",
        "│  └─ a",
        "└─ b",
    ]
    assert merge_tree(model, "a") == MergeTree("a")
    with pytest.raises(ValueError, match="'c' is not in the vocabulary"):
        merge_tree(model, "c")
