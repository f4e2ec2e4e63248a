"""From text to token ids and back: byte-pair encoding, WordPiece, Unigram and everything around them.

Example:
    >>> from llmguide.tokenizers import train_tokenizer
    >>> tokenizer = train_tokenizer(["the newest and the lowest, the widest and the slowest"], vocab_size=266)
    >>> tokenizer.encode("the fastest").tokens
    ['the', 'Ġ', 'f', 'a', 's', 't', 'est']
"""

from llmguide.tokenizers.bpe import Bpe
from llmguide.tokenizers.dropout import sample_ids
from llmguide.tokenizers.interop import load, load_vocab_txt, save
from llmguide.tokenizers.pretokenizers import BERT, CL100K, GPT2, WHITESPACE, WHOLE, WORDS, PreTokenizer
from llmguide.tokenizers.tokenizer import Encoding, Tokenizer
from llmguide.tokenizers.traces import trace_encoding, trace_training
from llmguide.tokenizers.training import count_words, train_tokenizer
from llmguide.tokenizers.unigram import Unigram
from llmguide.tokenizers.wordpiece import WordPiece

__all__ = [
    "BERT",
    "CL100K",
    "GPT2",
    "WHITESPACE",
    "WHOLE",
    "WORDS",
    "Bpe",
    "Encoding",
    "PreTokenizer",
    "Tokenizer",
    "Unigram",
    "WordPiece",
    "count_words",
    "load",
    "load_vocab_txt",
    "sample_ids",
    "save",
    "trace_encoding",
    "trace_training",
    "train_tokenizer",
]
