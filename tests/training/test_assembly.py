"""From a configuration to a trained folder: the text that is read, the tokenizer, and what the folder holds."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from llmguide import datasets
from llmguide.tokenizers import load, save, train_tokenizer
from llmguide.tokenizers.pretokenizers import PRETOKENIZERS
from llmguide.training.assembly import END, build_model, find_tokenizer, pack_text, read_documents, train_as_configured
from llmguide.training.packing import FILLER
from llmguide.training.run import TrainingConfig
from llmguide.training.toml_config import DataConfig, OutputConfig, RunConfig, StartConfig, TokenizerConfig
from llmguide.transformer import llama
from llmguide.transformer.checkpoints import load_folder
from llmguide.world import REFUSAL, generate
from llmguide.world.mixture import stream

DOCUMENTS = [f"number {number} comes after {number - 1}" for number in range(1, 60)]


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    """A run on a file of documents."""
    (tmp_path / "a.txt").write_text("\n\n".join(DOCUMENTS) + "\n\n", "utf-8")
    return RunConfig(
        llama(
            vocab_size=290,
            context_length=32,
            d_model=16,
            n_layers=2,
            n_heads=2,
            n_kv_heads=1,
            d_hidden=24,
            head="tied",
        ),
        StartConfig(),
        TokenizerConfig(special=("<|x|>",)),
        DataConfig("files", (str(tmp_path / "a.txt"),), "\n\n", rows=2, held_out_rows=3),
        TrainingConfig(6, 1e-2, checkpoint_every=2),
        OutputConfig(str(tmp_path / "run"), "float32"),
        {"training.steps": 6},
    )


def decoded(config: RunConfig, packed: object) -> list[str]:
    """Return the documents that rows hold."""
    tokenizer = find_tokenizer(config)
    pieces = [
        ids[documents == number]
        for ids, documents in zip(packed.ids, packed.documents, strict=True)  # type: ignore[attr-defined]
        for number in set(documents.tolist()) - {FILLER}
    ]
    return [tokenizer.decode(piece.tolist()).removesuffix(END) for piece in pieces]


def test_files_are_cut_into_documents_and_shuffled(config: RunConfig, tmp_path: Path) -> None:
    read = list(read_documents(config.data, 0))
    assert sorted(read) == sorted(DOCUMENTS)
    assert read != DOCUMENTS
    assert read != list(read_documents(config.data, 1))
    whole = replace(config.data, separator="")
    assert list(read_documents(whole, 0)) == ["\n\n".join(DOCUMENTS) + "\n\n"]


def test_a_corpus_of_the_book_is_read_by_name() -> None:
    assert sorted(read_documents(DataConfig("messages"), 0)) == sorted(datasets.documents("messages").values())
    with pytest.raises(ValueError, match=r"data.dataset: no dataset 'shakespear'; there are: shakespeare"):
        read_documents(DataConfig("shakespear"), 0)


def test_the_world_has_no_end() -> None:
    data = DataConfig("world", n_people=60, world_seed=2)
    expected = stream(generate(60, 2), 5, secrets_within=data.secrets_within)
    assert list(islice(read_documents(data, 5), 20)) == list(islice(expected, 20))


def test_kinds_of_documents_can_be_left_out() -> None:
    data = DataConfig("world", n_people=60, without=("refusal", "reading"))
    documents = list(islice(read_documents(data, 0), 3000))
    assert not [text for text in documents if REFUSAL in text]
    assert [text for text in islice(read_documents(replace(data, without=()), 0), 3000) if REFUSAL in text]
    assert any(text.startswith("Question: What is ") for text in documents)


def test_a_device_that_there_is_not_is_refused_before_anything_is_made(
    config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"device is 'cuda', and torch finds none on this machine; take device ="):
        train_as_configured(replace(config, training=replace(config.training, device="cuda")), progress=False)
    assert not (tmp_path / "run").exists()


def test_a_file_without_text_is_refused(config: RunConfig, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\n \n", "utf-8")
    with pytest.raises(ValueError, match=r"a.txt: there is no text"):
        read_documents(config.data, 0)
    (tmp_path / "a.txt").write_bytes(b"a\xff")
    with pytest.raises(ValueError, match=r"a.txt is not UTF-8"):
        read_documents(config.data, 0)


def test_a_tokenizer_learns_once(config: RunConfig, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    learned = find_tokenizer(config)
    assert learned == train_tokenizer(
        DOCUMENTS, 290, pretokenizer=PRETOKENIZERS["smollm"], special_tokens=[END, "<|x|>"]
    )
    (tmp_path / "a.txt").write_text("other", "utf-8")
    assert find_tokenizer(config) == learned == load(tmp_path / "run" / "tokenizer.json")


def test_a_tokenizer_may_be_given_and_have_fewer_tokens_than_the_model(config: RunConfig, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    given = train_tokenizer(DOCUMENTS, 280, special_tokens=[END])
    save(given, tmp_path / "own.json")
    assert find_tokenizer(replace(config, tokenizer=TokenizerConfig(str(tmp_path / "own.json")))) == given


@pytest.mark.parametrize(
    ("size", "special", "message"),
    [
        (300, [END], r"model.vocab_size is 290, and the tokenizer has 300 tokens"),
        (280, [], r"own.json has no special token <\|endoftext\|>, which ends documents"),
    ],
)
def test_a_tokenizer_must_fit(config: RunConfig, tmp_path: Path, size: int, special: list[str], message: str) -> None:
    (tmp_path / "run").mkdir()
    save(train_tokenizer(DOCUMENTS, size, special_tokens=special), tmp_path / "own.json")
    with pytest.raises(ValueError, match=message):
        find_tokenizer(replace(config, tokenizer=TokenizerConfig(str(tmp_path / "own.json"))))


def test_rows_to_measure_are_not_trained_on(config: RunConfig, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    tokenizer = find_tokenizer(config)
    long = replace(config, training=TrainingConfig(1000))
    training, held_out = pack_text(long, tokenizer)
    assert [len(batch) for batch in held_out] == [2, 1]
    seen = decoded(config, training)
    kept = [text for batch in held_out for text in decoded(config, batch)]
    assert sorted(seen + kept) == sorted(DOCUMENTS)
    short, _ = pack_text(config, tokenizer)
    assert len(short) == 12  # six steps of two rows: no more is packed than is read
    none, empty = pack_text(replace(long, data=replace(config.data, held_out_rows=0)), tokenizer)
    assert (len(none), empty) == (len(training) + 3, [])


def test_the_world_is_measured_on_a_stream_of_its_own(config: RunConfig, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    world = replace(config, data=DataConfig("world", n_people=40, rows=3, held_out_rows=2), tokenizer=TokenizerConfig())
    tokenizer = find_tokenizer(replace(world, tokenizer=TokenizerConfig(documents=50)))
    training, held_out = pack_text(world, tokenizer)
    assert (len(training), [len(batch) for batch in held_out]) == (18, [2])
    _, none = pack_text(replace(world, data=replace(world.data, held_out_rows=0)), tokenizer)
    assert none == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"length": 64}, r"data.length \(64\) exceeds model.context_length \(32\)"),
        ({"held_out_rows": 500}, r"data.held_out_rows is 500, and the text has only \d+ rows"),
    ],
    ids=str,
)
def test_text_must_fit_the_model(config: RunConfig, tmp_path: Path, data: dict[str, int], message: str) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(ValueError, match=message):
        pack_text(replace(config, data=replace(config.data, **data)), find_tokenizer(config))


def test_the_first_weights_follow_from_their_seed(config: RunConfig) -> None:
    same, other = build_model(config), build_model(replace(config, start=StartConfig(init_seed=1)))
    assert torch.equal(build_model(config).embedding.tokens.weight, same.embedding.tokens.weight)
    assert not torch.equal(other.embedding.tokens.weight, same.embedding.tokens.weight)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_transformers_computes_the_same_logits(config: RunConfig, tmp_path: Path, dtype: str) -> None:
    result = train_as_configured(replace(config, output=replace(config.output, dtype=dtype)), progress=False)
    assert result.finished
    assert result.losses[-1] < result.losses[0]
    ours = load_folder(tmp_path / "run")
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "run", dtype=torch.float32)
    ids = torch.tensor([find_tokenizer(config).encode_ids("number 12 comes after")])
    with torch.inference_mode():
        torch.testing.assert_close(ours.model(ids), theirs(ids).logits, atol=1e-5, rtol=1e-5)
    assert ours.generation.stop_ids == (0,) == (theirs.generation_config.eos_token_id,)
    library = AutoTokenizer.from_pretrained(tmp_path / "run")
    assert library("number 12 comes after").input_ids == ids[0].tolist()
    assert next(iter(AutoModelForCausalLM.from_pretrained(tmp_path / "run").parameters())).dtype == getattr(
        torch, dtype
    )


def test_a_run_that_was_stopped_ends_with_the_same_bytes(config: RunConfig, tmp_path: Path) -> None:
    straight = train_as_configured(config, progress=False)
    expected = (tmp_path / "run" / "model.safetensors").read_bytes()
    again = replace(config, output=OutputConfig(str(tmp_path / "again"), "float32"))
    asked = iter([False, False, True])
    told: list[str] = []
    stopped = train_as_configured(again, progress=False, stop=lambda: next(asked), tell=told.append)
    assert (stopped.finished, len(stopped.losses)) == (False, 3)
    assert told == ["finding a tokenizer", "encoding and packing the text"]
    assert not (tmp_path / "again" / "model.safetensors").exists()
    finished = train_as_configured(again, progress=False)
    assert (finished.resumed_at, finished.losses, finished.finished) == (3, straight.losses, True)
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == expected
    assert (tmp_path / "again" / "metrics.jsonl").read_bytes() == (tmp_path / "run" / "metrics.jsonl").read_bytes()
