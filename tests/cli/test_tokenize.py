"""``llmguide tokenize``."""

import json
from pathlib import Path

import pytest
from calling import Run

from llmguide.tokenizers import Tokenizer


def test_ids_there_and_text_back(run: Run, path: Path) -> None:
    text = "lower\r\nnewest – 🙂\n"
    ids = run("tokenize", path, stdin=text.encode())
    assert (ids.code, ids.err) == (0, "")
    assert run("tokenize", path, "--decode", stdin=ids.out.encode()) == (0, text, "")


def test_a_file_and_a_text_are_the_same_as_standard_input(run: Run, path: Path, tokenizer: Tokenizer) -> None:
    (path.parent / "text.txt").write_text("lower newest", "utf-8")
    expected = " ".join(map(str, tokenizer.encode_ids("lower newest"))) + "\n"
    assert run("tokenize", path, path.parent / "text.txt").out == expected
    assert run("tokenize", path, "--text", "lower newest").out == expected
    assert run("tokenize", path, "-", stdin=b"lower newest").out == expected


def test_json(run: Run, path: Path, tokenizer: Tokenizer) -> None:
    encoding = tokenizer.encode("lower é")
    shown = json.loads(run("tokenize", path, "--text", "lower é", "--json").out)
    assert shown == {"ids": encoding.ids, "tokens": encoding.tokens, "offsets": list(map(list, encoding.offsets))}
    back = run("tokenize", path, "--decode", "--json", "--text", json.dumps(shown["ids"]))
    assert json.loads(back.out) == {"text": "lower é"}


def test_views(run: Run, path: Path) -> None:
    assert run("tokenize", path, "--text", "lower é", "--show", "tokens").out == "lo\nwer\nĠ\nÃ\n©\n"
    assert run("tokenize", path, "--text", "lower é", "--show", "count").out == "5\n"
    header, *rows = run("tokenize", path, "--text", "lower é", "--show", "table").out.splitlines()
    assert header.split() == ["id", "characters", "token", "text"]
    assert [row.split()[1:] for row in rows[:2]] == [["0-2", "lo", "'lo'"], ["2-5", "wer", "'wer'"]]
    assert [row.split()[1:] for row in rows[3:]] == [["6-7", "Ã", "'é'"], ["6-7", "©", "'é'"]]


@pytest.mark.parametrize("allowed", ["all", "<|end|>"])
def test_special_tokens_are_text_unless_allowed(run: Run, path: Path, allowed: str) -> None:
    text = ["--text", "low<|end|>", "--show", "tokens"]
    assert "<|end|>" not in run("tokenize", path, *text).out.split()
    assert run("tokenize", path, *text, "--allow-special", allowed).out == "low\n<|end|>\n"


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["--decode"], b"1 two 3", "'two' is not an id; expected whole numbers"),
        (["--decode"], b"-1", "'-1' is not an id"),
        (["--decode"], b"1 99999", "id 99999 is not in the vocabulary"),
        (["--allow-special", "<s>"], b"x", "'<s>' is not a special token"),
        ([], b"ab\xff", "standard input is not UTF-8: byte 2 is 0xff"),
        (["nowhere.txt"], b"", "nowhere.txt: No such file or directory"),
    ],
    ids=str,
)
def test_bad_input_is_one_line_and_code_2(
    run: Run, path: Path, arguments: list[str], stdin: bytes, message: str
) -> None:
    result = run("tokenize", path, *arguments, stdin=stdin)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"llmguide: {message}")
    assert result.err.count("\n") == 1


def test_a_bad_tokenizer(run: Run, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("{\n}", "utf-8")
    assert run("tokenize", bad, "--text", "x").err.startswith(f"llmguide: {bad}: not a tokenizer.json")
