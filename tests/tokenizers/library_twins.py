"""The same tokenizers, built with the production libraries that ours are held against."""

import io
import json
from collections.abc import Iterable

import sentencepiece
import tiktoken
import tokenizers
from tiktoken_ext import openai_public
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from llmguide.tokenizers import Tokenizer

Pairs = list[tuple[str, str]]


def published_pattern(name: str) -> str:
    """Give the pattern of an OpenAI vocabulary as tiktoken holds it, without loading the vocabulary itself."""
    kept = openai_public.load_tiktoken_bpe, openai_public.data_gym_to_mergeable_bpe_ranks
    openai_public.load_tiktoken_bpe = openai_public.data_gym_to_mergeable_bpe_ranks = lambda *_, **__: {}
    try:
        pattern: str = openai_public.ENCODING_CONSTRUCTORS[name]()["pat_str"]
    finally:
        openai_public.load_tiktoken_bpe, openai_public.data_gym_to_mergeable_bpe_ranks = kept
    return pattern


PRETOKENIZERS = {
    "whitespace": pre_tokenizers.WhitespaceSplit(),
    "words": pre_tokenizers.Whitespace(),
    "bert": pre_tokenizers.BertPreTokenizer(),
    # The library's own GPT-2 pattern is inside its byte-level pre-tokenizer, which spells bytes as characters.
    "gpt2": pre_tokenizers.ByteLevel(add_prefix_space=False),
    # The library's engine takes {1,3}+ for a repeated group, not for a possessive one.
    "cl100k": pre_tokenizers.Split(
        tokenizers.Regex(published_pattern("cl100k_base").replace("{1,3}+", "{1,3}")), "isolated"
    ),
    "smollm": pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    ),
}

NORMALIZERS = {
    "NFC": normalizers.NFC(),
    "NFD": normalizers.NFD(),
    "NFKC": normalizers.NFKC(),
    "NFKD": normalizers.NFKD(),
    "lowercase": normalizers.Lowercase(),
    "strip-accents": normalizers.StripAccents(),
    "bert": normalizers.BertNormalizer(),
}


def train_byte_level(
    texts: Iterable[str], vocab_size: int, pretokenizer: str = "gpt2", special_tokens: Iterable[str] = ()
) -> tokenizers.Tokenizer:
    """Train a byte-level tokenizer with the library."""
    twin = tokenizers.Tokenizer(models.BPE())
    spell = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    twin.pre_tokenizer = (
        PRETOKENIZERS["gpt2"]
        if pretokenizer == "gpt2"
        else pre_tokenizers.Sequence([PRETOKENIZERS[pretokenizer], spell])
    )
    twin.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(special_tokens),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    twin.train_from_iterator(texts, trainer)
    return twin


def train_wordpiece(texts: Iterable[str], vocab_size: int) -> tokenizers.Tokenizer:
    """Train WordPiece with the library, on text that is normalized and cut as for BERT."""
    twin = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    twin.normalizer = NORMALIZERS["bert"]
    twin.pre_tokenizer = PRETOKENIZERS["bert"]
    trainer = trainers.WordPieceTrainer(vocab_size=vocab_size, special_tokens=["[UNK]"], show_progress=False)
    twin.train_from_iterator(texts, trainer)
    return twin


def train_unigram(texts: Iterable[str], vocab_size: int) -> sentencepiece.SentencePieceProcessor:
    """Train Unigram with SentencePiece, in one thread, on the lines of some texts."""
    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(line for text in texts for line in text.splitlines() if line),
        model_writer=trained,
        vocab_size=vocab_size,
        model_type="unigram",
        hard_vocab_limit=False,
        num_threads=1,
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=trained.getvalue())


def train_characters(words: Iterable[str], vocab_size: int) -> tokenizers.Tokenizer:
    """Train on characters of words separated by white space with the library."""
    twin = tokenizers.Tokenizer(models.BPE())
    twin.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    twin.train_from_iterator(words, trainers.BpeTrainer(vocab_size=vocab_size, show_progress=False))
    return twin


def merges(twin: tokenizers.Tokenizer) -> Pairs:
    """Give the merges of a library tokenizer, in the order in which it learned them."""
    return [(left, right) for left, right in json.loads(twin.to_str())["model"]["merges"]]


def as_tiktoken(tokenizer: Tokenizer, pattern: str) -> tiktoken.Encoding:
    """Build tiktoken's engine over the vocabulary of one of our byte-level tokenizers."""
    special = {token: tokenizer.model.ids[token] for token in tokenizer.special_tokens}
    ranks = {
        tokenizer.token_bytes(number): number for token, number in tokenizer.model.ids.items() if token not in special
    }
    return tiktoken.Encoding("ours", pat_str=pattern, mergeable_ranks=ranks, special_tokens=special)
