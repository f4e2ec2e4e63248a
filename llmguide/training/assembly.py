"""From the description of a run to its parts: documents, tokenizer, rows and model; and to what is left at the end.

Everything is a function of the configuration, so that a run that goes on finds the same parts as when it began.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random

import torch

from llmguide import datasets
from llmguide.tokenizers import interop
from llmguide.tokenizers.pretokenizers import PRETOKENIZERS
from llmguide.tokenizers.tokenizer import Tokenizer
from llmguide.tokenizers.training import train_tokenizer
from llmguide.training.batches import Batch, PackedBatches, batch_of
from llmguide.training.objective import find_device
from llmguide.training.packing import Packed, pack
from llmguide.training.run import TrainingResult, train_run
from llmguide.training.toml_config import TOKENIZER_FILE, DataConfig, RunConfig, claim_directory
from llmguide.training.workers import OneWorker, Workers
from llmguide.transformer.checkpoints import GenerationConfig, Loaded, save_folder
from llmguide.transformer.initialization import initialize
from llmguide.transformer.model import Transformer
from llmguide.world.facts import generate
from llmguide.world.mixture import stream

END = "<|endoftext|>"
"""The special token that ends each document."""

_HELD_OUT_SEED = 2**32  # the seed of held-out text from the world lies this far from that of the training text


def train_as_configured(
    config: RunConfig,
    *,
    workers: Workers | None = None,
    tensorboard: bool = False,
    progress: bool = True,
    stop: Callable[[], bool] | None = None,
    tell: Callable[[str], None] | None = None,
) -> TrainingResult:
    """Carry out a run: begin it, or go on with it, and leave a folder with the model that ``transformers`` loads.

    Args:
        config: What to do.
        workers: The processes that share the run; by default this one alone.
        tensorboard: Whether to write the metrics for TensorBoard, too.
        progress: Whether to show how far it is, if standard error is a terminal.
        stop: Asked after each step whether to save what is reached and end early.
        tell: Called with what begins, before the steps.

    Returns:
        What came of it. If it ended early, the directory holds a checkpoint and no new model.

    Raises:
        OSError: If a file cannot be read or written; what was saved before stays whole.
        ValueError: If the directory holds a run with other settings, the parts do not fit together, or there is no such
            device.
    """
    find_device(config.training.device)  # before the text takes its time
    workers = OneWorker() if workers is None else workers
    if workers.rank == 0:
        claim_directory(config)
        _tell(tell, "finding a tokenizer")
        find_tokenizer(config)
    workers.wait()  # for the files
    tokenizer = find_tokenizer(config)
    _tell(tell, "encoding and packing the text")
    training, held_out = pack_text(config, tokenizer)
    model = build_model(config)
    result = train_run(
        model,
        PackedBatches(training, config.data.rows, config.data.seed),
        config.training,
        config.output.directory,
        held_out=held_out,
        workers=workers,
        tensorboard=tensorboard,
        progress=progress,
        stop=stop,
    )
    if workers.rank == 0 and result.finished:
        save(config, model, tokenizer)
    workers.wait()
    return result


def _tell(listener: Callable[[str], None] | None, what: str) -> None:
    if listener is not None:
        listener(what)


def read_documents(data: DataConfig, seed: int) -> Iterator[str]:
    """Read the documents of a run; those of the world have no end.

    Args:
        data: Which text.
        seed: Decides their order.

    Returns:
        The documents.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If a corpus is not one of ours, or a file is not UTF-8 or holds no document.
    """
    if data.dataset == "world":
        return stream(generate(data.n_people, data.world_seed), seed, data.mixture, data.secrets_within)
    if data.dataset == "files":
        documents = [document for name in data.files for document in _cut(Path(name), data.separator)]
    else:
        try:
            documents = list(datasets.documents(data.dataset).values())
        except ValueError as error:
            raise ValueError(f"data.dataset: {error}") from error
    if not documents:
        raise ValueError(f"{', '.join(data.files)}: there is no text")
    Random(seed).shuffle(documents)
    return iter(documents)


def _cut(file: Path, separator: str) -> list[str]:
    try:
        text = file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8: {error}") from error
    return [document for document in (text.split(separator) if separator else [text]) if document.strip()]


def find_tokenizer(config: RunConfig) -> Tokenizer:
    """Load the run's tokenizer, or make it and write it into the run's directory.

    Args:
        config: Of the run.

    Returns:
        The tokenizer.

    Raises:
        OSError: If a file cannot be read or written.
        ValueError: If the tokenizer does not fit the model, or has no token that ends a document.
    """
    own = Path(config.output.directory, TOKENIZER_FILE)
    if own.is_file():
        return interop.load(own)
    chosen, most = config.tokenizer, config.model.vocab_size
    if chosen.path is None:
        tokenizer = train_tokenizer(
            islice(read_documents(config.data, config.data.seed), chosen.documents),
            most,
            pretokenizer=PRETOKENIZERS[chosen.pretokenizer],
            special_tokens=(END, *chosen.special),
        )
    else:
        tokenizer = interop.load(chosen.path)
    if END not in tokenizer.special_tokens:
        raise ValueError(f"{chosen.path} has no special token {END}, which ends documents; add it with --special")
    if tokenizer.vocab_size > most:
        raise ValueError(f"model.vocab_size is {most}, and the tokenizer has {tokenizer.vocab_size} tokens")
    interop.save(tokenizer, own)
    return tokenizer


def pack_text(config: RunConfig, tokenizer: Tokenizer) -> tuple[Packed, list[Batch]]:
    """Encode and pack as much text as the run reads.

    Args:
        config: Of the run.
        tokenizer: Of the run.

    Returns:
        The rows to train on, and batches that are only measured. Those from the world are drawn from a stream of
        their own, those from other text are its last rows.

    Raises:
        ValueError: If the text has fewer rows than are held out.
    """
    data, end = config.data, tokenizer.model.ids[END]
    length = data.length or config.model.context_length
    if length > config.model.context_length:
        raise ValueError(f"data.length ({length}) exceeds model.context_length ({config.model.context_length})")

    def packed(seed: int, rows: int) -> Packed:
        return pack(map(tokenizer.encode_ids, read_documents(data, seed)), length, end, rows)

    most, kept = config.training.steps * data.rows, data.held_out_rows
    if data.dataset == "world":
        training = packed(data.seed, most)
        held_out = packed(data.seed + _HELD_OUT_SEED, kept) if kept else None
    else:
        everything = packed(data.seed, most + kept)
        if len(everything) <= kept:
            raise ValueError(f"data.held_out_rows is {kept}, and the text has only {len(everything)} rows")
        training, held_out = _rows(everything, 0, len(everything) - kept), _rows(everything, -kept, None)
    if not kept or held_out is None:
        return training, []
    return training, [
        batch_of(held_out, torch.arange(start, min(start + data.rows, kept))) for start in range(0, kept, data.rows)
    ]


def _rows(packed: Packed, start: int, stop: int | None) -> Packed:
    return Packed(packed.ids[start:stop], packed.documents[start:stop], packed.positions[start:stop])


def build_model(config: RunConfig) -> Transformer:
    """Make the model with its first weights.

    Args:
        config: Of the run.

    Returns:
        The model.
    """
    model = Transformer(config.model)
    initialize(model, torch.Generator().manual_seed(config.start.init_seed), config.start.init_std)
    return model


def save(config: RunConfig, model: Transformer, tokenizer: Tokenizer) -> None:
    """Write the model into the run's directory as ``transformers`` writes it.

    Args:
        config: Of the run.
        model: The trained model, whose numbers become of the kind that the configuration names.
        tokenizer: Of the run.

    Raises:
        OSError: If a file cannot be written.
    """
    end = tokenizer.model.ids[END]
    model.to("cpu", getattr(torch, config.output.dtype))
    save_folder(Loaded(model, tokenizer, GenerationConfig(stop_ids=(end,), padding_id=end)), config.output.directory)
