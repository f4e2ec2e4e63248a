"""``llmguide train-tokenizer``."""

import io
import json
import sys
from pathlib import Path

import pytest
from calling import TEXT, Run
from tokenizers import Tokenizer as LibraryTokenizer

from llmguide.cli.console import ProgressBar
from llmguide.tokenizers import BERT, WHITESPACE, load, train_tokenizer
from llmguide.tokenizers.interop import loads
from llmguide.tokenizers.normalizers import Lowercase, Sequence, UnicodeForm


def test_the_file_is_what_the_function_trains(run: Run, tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"{number}.txt").write_text(TEXT * number, "utf-8")
    output = tmp_path / "tokenizer.json"
    result = run("train-tokenizer", tmp_path / "1.txt", tmp_path / "2.txt", "-o", output, "--vocab-size", 270)
    assert result == (0, "270 tokens, 14 merges from 102 characters\n", "")
    assert load(output) == train_tokenizer([TEXT, TEXT * 2], 270)
    assert LibraryTokenizer.from_file(str(output)).encode("lowest").tokens == load(output).encode("lowest").tokens


def test_standard_input_to_standard_output(run: Run) -> None:
    result = run("train-tokenizer", "--vocab-size", 270, stdin=TEXT.encode())
    assert loads(result.out) == train_tokenizer([TEXT], 270)
    assert (result.code, result.err) == (0, "270 tokens, 14 merges from 34 characters\n")


def test_options_reach_the_training(run: Run) -> None:
    arguments = "--pretokenizer whitespace --characters --end-of-word </w> --unknown <unk> --special <s> --min-count 2"
    steps = ["--normalizer", "nfkc", "--normalizer", "lowercase"]
    result = run("train-tokenizer", "--vocab-size", 40, *arguments.split(), *steps, stdin=TEXT.encode())
    assert loads(result.out) == train_tokenizer(
        [TEXT],
        40,
        pretokenizer=WHITESPACE,
        normalizer=Sequence((UnicodeForm("NFKC"), Lowercase())),
        byte_level=False,
        special_tokens=["<s>"],
        end_of_word="</w>",
        unknown="<unk>",
        min_count=2,
    )


def test_wordpiece(run: Run) -> None:
    result = run(
        *("train-tokenizer", "--vocab-size", 40, "--algorithm", "wordpiece", "--criterion", "count"),
        *("--unknown", "<unk>", "--special", "[CLS]"),
        stdin=TEXT.encode(),
    )
    options = {"criterion": "count", "unknown": "<unk>", "special_tokens": ["[CLS]"]}
    expected = train_tokenizer([TEXT], 40, algorithm="wordpiece", **options)
    assert loads(result.out) == expected
    assert (result.code, result.err) == (0, f"{expected.vocab_size} tokens from 34 characters\n")


def test_unigram(run: Run) -> None:
    result = run("train-tokenizer", "--vocab-size", 16, "--algorithm", "unigram", stdin=TEXT.encode())
    expected = train_tokenizer([TEXT], 16, algorithm="unigram")
    assert loads(result.out) == expected
    assert (result.code, result.err) == (0, f"{expected.vocab_size} tokens from 34 characters\n")


def test_one_normalizer_stands_alone(run: Run) -> None:
    result = run(
        *("train-tokenizer", "--vocab-size", 270, "--normalizer", "lowercase", "--pretokenizer", "bert"),
        stdin=TEXT.encode(),
    )
    assert loads(result.out) == train_tokenizer([TEXT], 270, pretokenizer=BERT, normalizer=Lowercase())


def test_the_report_as_json(run: Run, tmp_path: Path) -> None:
    result = run(
        "train-tokenizer", "--vocab-size", 270, "--json", "-o", tmp_path / "tokenizer.json", stdin=TEXT.encode()
    )
    report = json.loads(result.out)
    assert report.pop("seconds") >= 0
    assert report == {"characters": 34, "tokens": 270, "merges": 14}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--vocab-size", "100"], "vocab_size (100) is below the 0 special tokens and 256 characters"),
        (["--vocab-size", "300", "--end-of-word", "</w>"], "--end-of-word and --unknown go with --characters"),
        (["--vocab-size", "300", "--special", "a b", "--special", "a b"], "special token 'a b' must be"),
        (["--vocab-size", "300", "-o", "no/such/folder.json"], "no/such/.folder.json."),
        (["--vocab-size", "300", "nowhere.txt"], "nowhere.txt: No such file or directory"),
    ],
    ids=str,
)
def test_bad_input_is_one_line_and_code_2(run: Run, arguments: list[str], message: str) -> None:
    result = run("train-tokenizer", *arguments, stdin=TEXT.encode())
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"llmguide: {message}")
    assert result.err.count("\n") == 1


def test_an_empty_corpus_of_characters(run: Run) -> None:
    result = run("train-tokenizer", "--characters", "--vocab-size", 300)
    assert (result.code, result.err.startswith("llmguide: the corpus holds no word")) == (2, True)


class Terminal(io.StringIO):
    """A standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_bar_is_shown_on_a_terminal_and_wiped_away(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run("train-tokenizer", "--vocab-size", 270, stdin=TEXT.encode())
    shown = terminal.getvalue().split("\r")
    assert shown[1].startswith("[######")
    assert shown[-2].startswith(f"[{'#' * 40}] 270 of 270 tokens")
    assert shown[-1].startswith("\033[K270 tokens")


def test_the_bar_shows_little_and_elsewhere_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream, drawn in ((Terminal(), 1), (io.StringIO(), 0)):
        monkeypatch.setattr(sys, "stderr", stream)
        bar = ProgressBar("tokens")
        for done in range(1000):
            bar(done, 1_000_000)
        assert min(stream.getvalue().count("["), 1) == drawn
        assert stream.getvalue().count("[") < 100
        bar.close()
