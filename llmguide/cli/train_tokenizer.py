"""``llmguide train-tokenizer``: learn a vocabulary from text files."""

import argparse
import json
import sys
import time
from typing import get_args

from llmguide.cli.console import ProgressBar, read_text, write_text
from llmguide.tokenizers.bpe import Bpe
from llmguide.tokenizers.interop import dumps, save
from llmguide.tokenizers.normalizers import BertNormalizer, Lowercase, Normalizer, Sequence, StripAccents, UnicodeForm
from llmguide.tokenizers.pretokenizers import PRETOKENIZERS
from llmguide.tokenizers.training import Algorithm, train_tokenizer
from llmguide.tokenizers.wordpiece import Criterion

NORMALIZERS: dict[str, Normalizer] = {
    "nfc": UnicodeForm("NFC"),
    "nfd": UnicodeForm("NFD"),
    "nfkc": UnicodeForm("NFKC"),
    "nfkd": UnicodeForm("NFKD"),
    "lowercase": Lowercase(),
    "strip-accents": StripAccents(),
    "bert": BertNormalizer(),
}
"""The normalizers that ``--normalizer`` takes."""

DESCRIPTION = """\
Learn a vocabulary from text and write it as a tokenizer.json, which `llmguide tokenize` and the tokenizers library
read.

Byte-pair encoding starts from the 256 bytes (or, with --characters, from the characters of the text) and joins the most
frequent pair of neighbours until the vocabulary has --vocab-size tokens. WordPiece starts from the characters and joins
the pair with the best ratio of counts. Unigram starts from many substrings and takes away those that are missed least.
All of them learn within the pieces that the pre-tokenizer makes, which usually are words."""

EXAMPLES = r"""examples:
  a byte-level tokenizer of 4,096 tokens, as GPT-2's was made
    llmguide train-tokenizer corpus.txt --output tokenizer.json --vocab-size 4096

  several files, and a control token that no text can forge
    llmguide train-tokenizer *.txt -o tokenizer.json --vocab-size 4096 --special "<|endoftext|>"

  from standard input to standard output
    cat corpus.txt | llmguide train-tokenizer --vocab-size 1024 > tokenizer.json

  characters and a mark for the end of a word, as in the paper that brought byte-pair encoding to translation
    llmguide train-tokenizer corpus.txt -o tokenizer.json --characters --pretokenizer whitespace \
        --end-of-word "</w>" --unknown "<unk>" --vocab-size 1000

  a vocabulary like BERT's
    llmguide train-tokenizer corpus.txt -o tokenizer.json --algorithm wordpiece --normalizer bert --min-count 5 \
        --special "[CLS]" --special "[SEP]" --vocab-size 8000
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``train-tokenizer`` to the program's subcommands.

    Args:
        subparsers: Of the program's parser.
    """
    parser = subparsers.add_parser(
        "train-tokenizer",
        help="learn a vocabulary from text files",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="*", default=["-"], metavar="file", help="text; - or none: standard input")
    parser.add_argument("-o", "--output", default="-", metavar="PATH", help="where to write (default: standard output)")
    parser.add_argument("--vocab-size", type=int, required=True, metavar="N", help="the number of tokens to stop at")
    parser.add_argument("--algorithm", choices=get_args(Algorithm), default="bpe", help="what learns (default: bpe)")
    parser.add_argument(
        "--pretokenizer",
        choices=sorted(PRETOKENIZERS),
        help="how to cut text (default: gpt2, with --algorithm wordpiece bert, with --algorithm unigram metaspace)",
    )
    parser.add_argument(
        "--normalizer",
        choices=sorted(NORMALIZERS),
        action="append",
        default=[],
        help="change text first; may be repeated, and is applied in the order given",
    )
    parser.add_argument("--characters", action="store_true", help="join characters instead of bytes")
    parser.add_argument("--end-of-word", default="", metavar="MARK", help="with --characters: mark the ends of words")
    parser.add_argument("--unknown", metavar="TOKEN", help="without bytes: the token for what the vocabulary lacks")
    parser.add_argument(
        "--criterion",
        choices=get_args(Criterion),
        default="likelihood",
        help="with --algorithm wordpiece: what makes a pair the best (default: likelihood)",
    )
    parser.add_argument(
        "--special", action="append", default=[], metavar="TOKEN", help="a control token; may be repeated"
    )
    parser.add_argument("--min-count", type=int, default=1, metavar="N", help="join no pair that is rarer (default: 1)")
    parser.add_argument("--json", action="store_true", help="report sizes and time as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out ``llmguide train-tokenizer``.

    Args:
        args: As parsed by what :func:`add_parser` added.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: If the text or the options leave nothing to train.
        OSError: If a file cannot be read or written.
    """
    if args.algorithm == "bpe" and not args.characters and (args.end_of_word or args.unknown):
        raise ValueError("--end-of-word and --unknown go with --characters; bytes need neither")
    texts = [read_text(name) for name in args.files]
    steps = tuple(NORMALIZERS[name] for name in args.normalizer)
    started = time.perf_counter()
    bar = ProgressBar("tokens")
    try:
        tokenizer = train_tokenizer(
            texts,
            args.vocab_size,
            algorithm=args.algorithm,
            pretokenizer=PRETOKENIZERS[args.pretokenizer] if args.pretokenizer else None,
            normalizer=steps[0] if len(steps) == 1 else Sequence(steps) if steps else None,
            byte_level=False if args.characters else None,
            special_tokens=args.special,
            end_of_word=args.end_of_word,
            unknown=args.unknown,
            criterion=args.criterion,
            min_count=args.min_count,
            progress=bar,
        )
    finally:
        bar.close()
    report = {
        "characters": sum(map(len, texts)),
        "tokens": tokenizer.vocab_size,
        **({"merges": len(tokenizer.model.merges)} if isinstance(tokenizer.model, Bpe) else {}),
        "seconds": round(time.perf_counter() - started, 3),
    }
    if args.output == "-":
        write_text(dumps(tokenizer) + "\n")
    else:
        save(tokenizer, args.output)
    merges = f", {report['merges']:,} merges" if "merges" in report else ""
    words = f"{report['tokens']:,} tokens{merges} from {report['characters']:,} characters"
    print(json.dumps(report) if args.json else words, file=sys.stderr if args.output == "-" else sys.stdout)
    return 0
