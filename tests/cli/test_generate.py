"""``llmguide generate``."""

import json
from pathlib import Path

import pytest
from calling import Run
from published_twins import require

from llmguide.cli import generate as command
from llmguide.cli.models import kind_of
from llmguide.decoding import generate
from llmguide.tokenizers import Tokenizer
from llmguide.transformer.checkpoints import Loaded, save_folder


def written(loaded: Loaded, prompt: str, count: int) -> list[int]:
    assert loaded.tokenizer is not None
    ids = loaded.tokenizer.encode_ids(prompt)
    return generate(loaded.model, [ids], max_new_tokens=count, stop_ids=loaded.generation.stop_ids)[0]


def shown(loaded: Loaded, ids: list[int]) -> str:
    assert loaded.tokenizer is not None
    hidden = {*loaded.generation.stop_ids, *range(loaded.tokenizer.vocab_size, loaded.model.config.vocab_size)}
    return loaded.tokenizer.decode(number for number in ids if number not in hidden)


def test_a_prompt_is_written_on_from(run: Run, folder: Path, loaded: Loaded, tokenizer: Tokenizer) -> None:
    text = shown(loaded, written(loaded, "lower", 20))
    assert run("generate", folder, "lower", "--max-new-tokens", 20) == (0, text + "\n", "")
    assert run("generate", folder, "--max-new-tokens", 20, stdin=b"lower\n").out == text + "\n"


def test_several_prompts_are_one_batch_with_a_heading_each(
    run: Run, folder: Path, loaded: Loaded, tokenizer: Tokenizer
) -> None:
    prompts = ["low", "newest new", "w"]
    texts = [shown(loaded, written(loaded, prompt, 12)) for prompt in prompts]
    expected = "\n".join(f"==> {prompt} <==\n{text}\n" for prompt, text in zip(prompts, texts, strict=True))
    assert run("generate", folder, *prompts, "--max-new-tokens", 12).out == expected


def test_json(run: Run, folder: Path, loaded: Loaded, tokenizer: Tokenizer) -> None:
    lines = run("generate", folder, "low", "newest", "--max-new-tokens", 5, "--json").out.splitlines()
    for prompt, line in zip(["low", "newest"], lines, strict=True):
        ids = written(loaded, prompt, 5)
        expected = {"prompt": prompt, "text": shown(loaded, ids), "ids": ids, "ended_by": "length"}
        assert json.loads(line) == expected


@pytest.mark.parametrize(
    ("steps", "shown", "ended_by"),
    [
        (["lw", ".w", " l"], ("l", "wwl"), ("stop", "length")),
        ([".."], ("", ""), ("stop", "stop")),
        (["l.", "o ", ". "], ("lo", ""), ("stop", "stop")),
        (["l?", "?o"], ("l", "o"), ("length", "length")),
    ],
)
def test_texts_end_at_a_stop_token_and_what_is_no_token_is_not_shown(
    steps: list[str],
    shown: tuple[str, str],
    ended_by: tuple[str, str],
    tokenizer: Tokenizer,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    stop = tokenizer.model.ids["<|end|>"]
    ids = {**tokenizer.model.ids, ".": stop, "?": tokenizer.vocab_size + 1, " ": None}
    columns = [tuple(ids[letter] for letter in step) for step in steps]
    command.write_stream(tokenizer, ["x", "y"], columns, {stop})
    assert capsysbinary.readouterr().out.decode() == f"==> x <==\n{shown[0]}\n\n==> y <==\n{shown[1]}\n"
    command.write_json(tokenizer, ["x", "y"], columns, {stop})
    lines = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    assert [(line["text"], line["ended_by"]) for line in lines] == list(zip(shown, ended_by, strict=True))
    written = [[number for number in column if number is not None] for column in zip(*columns, strict=True)]
    assert [line["ids"] for line in lines] == written


@pytest.mark.no_cover
def test_chance_follows_the_options_and_the_seed(run: Run, folder: Path) -> None:
    def call(*options: object) -> str:
        return run("generate", folder, "low", "--max-new-tokens", 12, *options).out

    warm = ["--temperature", 1.5]
    assert call(*warm) == call(*warm, "--seed", 0)
    assert call(*warm) != call(*warm, "--seed", 1)
    assert call(*warm, "--top-k", 1) == call()
    assert call(*warm, "--top-p", 1e-6) == call()
    assert call(*warm, "--min-p", 1) == call()


def test_special_tokens_are_text_unless_allowed(run: Run, folder: Path, loaded: Loaded, tokenizer: Tokenizer) -> None:
    plain = written(loaded, "<|end|>", 8)
    end = tokenizer.model.ids["<|end|>"]
    meant = generate(loaded.model, [[end]], max_new_tokens=8, stop_ids=[end])[0]
    assert plain != meant
    call = ["generate", folder, "<|end|>", "--max-new-tokens", 8]
    assert run(*call).out == shown(loaded, plain) + "\n"
    assert run(*call, "--allow-special", "<|end|>").out == shown(loaded, meant) + "\n"
    assert run(*call, "--allow-special", "all").out == shown(loaded, meant) + "\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "--top-p", "0.9"], "--top-p has no effect on the likeliest token; give a --temperature"),
        (["x", "--temperature", "-1"], "temperature is -1.0"),
        (["x", "--max-new-tokens", "0"], "max_new_tokens is 0"),
        (
            ["x", "--max-new-tokens", "64"],
            "prompts[0] has 1 ids, and with max_new_tokens (64) it passes context_length",
        ),
        ([], "prompts[0] is empty"),
        (["x", "--allow-special", "<s>"], "'<s>' is not a special token"),
    ],
    ids=str,
)
def test_bad_input_is_one_line_and_code_2(run: Run, folder: Path, arguments: list[str], message: str) -> None:
    result = run("generate", folder, *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"llmguide: {message}")
    assert result.err.count("\n") == 1


def test_what_is_no_model(run: Run, folder: Path, tmp_path: Path, loaded: Loaded) -> None:
    result = run("generate", tmp_path / "nowhere", "x")
    assert (result.code, result.err.split("; ")[0]) == (2, f"llmguide: {tmp_path / 'nowhere'} is no model")
    assert run("generate", tmp_path, "x").err.startswith(f"llmguide: {tmp_path / 'config.json'}: No such file")
    assert (
        run("generate", tmp_path / "no.gguf", "x").err
        == f"llmguide: {tmp_path / 'no.gguf'}: No such file or directory\n"
    )
    save_folder(Loaded(loaded.model), tmp_path)
    assert "has no tokenizer.json" in run("generate", tmp_path, "x").err


def test_what_a_name_means(tmp_path: Path) -> None:
    assert [kind_of(name) for name in ("smollm2", str(tmp_path), "a.gguf")] == ["published", "folder", "gguf"]


@pytest.mark.no_cover
def test_a_published_model_knows_a_capital(run: Run) -> None:
    require("smollm2")
    assert run("generate", "smollm2", "The capital of France is", "--max-new-tokens", 2).out == " Paris.\n"
