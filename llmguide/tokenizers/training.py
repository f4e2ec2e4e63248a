"""Training a tokenizer on a corpus: count its pieces, then let one of the algorithms learn from the counts."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Literal, get_args

from llmguide.tokenizers import fast_bpe, fast_wordpiece, unigram_training
from llmguide.tokenizers.alphabet import BYTE_ALPHABET, spell
from llmguide.tokenizers.decoders import BYTE_LEVEL, EndOfWord, Joined, MetaspaceDecoder, WordPieceDecoder
from llmguide.tokenizers.models import check_choice
from llmguide.tokenizers.normalizers import Aligned, Normalizer, Prepend, Replace, Sequence
from llmguide.tokenizers.pretokenizers import BERT, GPT2, METASPACE, Cutter
from llmguide.tokenizers.tokenizer import Tokenizer, refuse_surrogates
from llmguide.tokenizers.wordpiece import Criterion

Algorithm = Literal["bpe", "wordpiece", "unigram"]
"""The algorithms that :func:`train_tokenizer` knows."""


def count_words(
    texts: Iterable[str],
    pretokenizer: Cutter = GPT2,
    normalizer: Normalizer | None = None,
    byte_level: bool = True,
) -> Counter[str]:
    """Count the pieces of a corpus, which is all that training needs to know about it.

    Args:
        texts: The corpus; no piece crosses from one text into the next.
        pretokenizer: How text is cut into pieces.
        normalizer: What is changed in a text first.
        byte_level: Whether to spell the pieces in the byte alphabet.

    Returns:
        How often each piece occurs.

    Raises:
        ValueError: If a text holds a lone surrogate.

    Example:
        >>> count_words(["low low lower"])
        Counter({'low': 1, 'Ġlow': 1, 'Ġlower': 1})
    """
    counts: Counter[str] = Counter()
    for text in texts:
        refuse_surrogates(text)
        changed = text if normalizer is None else normalizer.normalize(Aligned.of(text)).text
        counts.update(pretokenizer.words(changed))
    return Counter({spell(word): count for word, count in counts.items()}) if byte_level else counts


def train_tokenizer(
    texts: Iterable[str],
    vocab_size: int,
    *,
    algorithm: Algorithm = "bpe",
    pretokenizer: Cutter | None = None,
    normalizer: Normalizer | None = None,
    byte_level: bool | None = None,
    special_tokens: Iterable[str] = (),
    end_of_word: str = "",
    unknown: str | None = None,
    separator: str = "",
    criterion: Criterion = "likelihood",
    min_count: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Tokenizer:
    """Train a tokenizer on a corpus.

    Args:
        texts: The corpus; no token crosses from one text into the next.
        vocab_size: The number of tokens to stop at.
        algorithm: Which algorithm learns.
        pretokenizer: How text is cut into pieces. ``None``: as is usual for the algorithm, by ``GPT2``, ``BERT`` or
            ``METASPACE``.
        normalizer: What is changed in a text first. For ``"unigram"``, spaces become marks after that.
        byte_level: Whether tokens are made of bytes, all 256 of which are then in the vocabulary, or of characters.
            ``None``: bytes for ``"bpe"``. Only that can have them.
        special_tokens: Tokens that text cannot forge; they take the first ids.
        end_of_word: For ``"bpe"`` on characters: what marks the last character of a word.
        unknown: A special token to stand for what the vocabulary cannot write. ``None``: ``"[UNK]"`` for
            ``"wordpiece"`` and ``"<unk>"`` for ``"unigram"``.
        separator: For ``"bpe"`` on characters: what decoding puts between tokens, if no mark ends the words.
        criterion: For ``"wordpiece"``: how a pair is chosen.
        min_count: For algorithms that join pairs: the number of occurrences below which a pair is not joined.
        progress: Called after each merge or round with the number of tokens so far and ``vocab_size``.

    Returns:
        The tokenizer.

    Raises:
        ValueError: If ``texts`` is one string instead of several, if there is nothing to learn from, if the algorithm
            or the criterion does not exist, if an option does not go with the algorithm, or if ``vocab_size`` is below
            the number of tokens that come before the first merge.

    Example:
        >>> train_tokenizer(["low lower lowest"], vocab_size=259).model.merges
        (('l', 'o'), ('lo', 'w'), ('Ġ', 'low'))
        >>> tokenizer = train_tokenizer(["low lower lowest"], vocab_size=22, algorithm="wordpiece")
        >>> tokenizer.encode("lower lows").tokens
        ['lower', 'low', '##s']
    """
    if isinstance(texts, str):
        raise ValueError("texts must be several texts, for example a list; got one string")
    check_choice("algorithm", algorithm, get_args(Algorithm))
    check_choice("criterion", criterion, get_args(Criterion))
    if algorithm != "bpe" and (byte_level or end_of_word or separator):
        raise ValueError(f"byte_level, end_of_word and separator go with algorithm='bpe'; got {algorithm!r}")
    if algorithm == "unigram":
        if min_count != 1:
            raise ValueError(f"algorithm='unigram' joins no pairs, so min_count has no meaning; got {min_count}")
        # Always a mark in front, so that decoding, which drops the first space, gives back those of the text.
        marks = (Prepend("▁"), Replace(" ", "▁"))
        normalizer = Sequence(marks if normalizer is None else (normalizer, *marks))
    pretokenizer = pretokenizer or {"bpe": GPT2, "wordpiece": BERT, "unigram": METASPACE}[algorithm]
    byte_level = algorithm == "bpe" if byte_level is None else byte_level
    counts = count_words(texts, pretokenizer, normalizer, byte_level)
    if algorithm == "wordpiece":
        pieces = fast_wordpiece.train(
            counts,
            vocab_size,
            criterion=criterion,
            special_tokens=special_tokens,
            unknown="[UNK]" if unknown is None else unknown,
            min_count=min_count,
            progress=progress,
        )
        return Tokenizer(pieces, pretokenizer, normalizer, WordPieceDecoder(), pieces.reserved)
    if algorithm == "unigram":
        unknown = "<unk>" if unknown is None else unknown
        special = tuple(dict.fromkeys((unknown, *special_tokens)))
        learned = unigram_training.train(counts, vocab_size, special_tokens=special, unknown=unknown, progress=progress)
        return Tokenizer(learned, pretokenizer, normalizer, MetaspaceDecoder(), special)
    special = (*([unknown] if unknown is not None else []), *special_tokens)
    model = fast_bpe.train(
        counts,
        vocab_size,
        alphabet=BYTE_ALPHABET if byte_level else (),
        special_tokens=special,
        end_of_word=end_of_word,
        min_count=min_count,
        progress=progress,
    )
    decoder = BYTE_LEVEL if byte_level else EndOfWord(end_of_word) if end_of_word else Joined(separator)
    return Tokenizer(replace(model, unknown=unknown), pretokenizer, normalizer, decoder, special)
