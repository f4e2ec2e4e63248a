"""Loading and saving whole models: a folder as ``transformers`` writes it, or a GGUF file.

What makes a model usable lies in several files: the configuration, the weights, the tokenizer, the ids at which
generation stops, and the template that turns a conversation into text. They are loaded and saved together.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch

from llmguide.atomic import written
from llmguide.tokenizers import interop
from llmguide.tokenizers.gguf import tokenizer_from_metadata
from llmguide.tokenizers.tokenizer import Tokenizer
from llmguide.transformer import hf_t5
from llmguide.transformer.encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from llmguide.transformer.gguf_models import GGUF_LLAMA, read_gguf_config
from llmguide.transformer.gguf_weights import read_gguf
from llmguide.transformer.hf_config import NAMINGS, architecture_of, read_config, write_config
from llmguide.transformer.hf_names import load_weights, to_tensors
from llmguide.transformer.json_files import JsonObject, read_json_object
from llmguide.transformer.model import Transformer
from llmguide.transformer.safetensors_files import read_folder, write_folder

_LARGEST_TOKENIZER = 64 * 2**20  # bytes; those of 256,000 tokens have 35 million
_LARGEST_TEMPLATE = 2**20

T = TypeVar("T")
AnyModel = TypeVar("AnyModel", bound=Transformer | EncoderDecoder)
"""A model of one stack or of two."""


@dataclass(frozen=True)
class GenerationConfig:
    """What a model's publisher says about writing text with it.

    Attributes:
        begin_id: The token that begins a text, if there is one.
        stop_ids: The tokens at which writing stops.
        padding_id: The token that fills up rows, if there is one.
        sample: Whether to draw tokens at random; otherwise the likeliest is taken.
        temperature: By what the logits are divided.
        top_k: From how many tokens to draw.
        top_p: From the fewest tokens that have this much of the probability together.
        start_id: The token that begins what an encoder-decoder writes.
    """

    begin_id: int | None = None
    stop_ids: tuple[int, ...] = ()
    padding_id: int | None = None
    sample: bool = False
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    start_id: int | None = None


@dataclass(frozen=True)
class Loaded(Generic[AnyModel]):
    """A model with what belongs to it.

    Attributes:
        model: The model, ready to use (dropout does not exist here).
        tokenizer: Its tokenizer, if the folder has one.
        generation: How to write text with it.
        chat_template: The Jinja template that turns a conversation into text, if there is one.
    """

    model: AnyModel
    tokenizer: Tokenizer | None = None
    generation: GenerationConfig = GenerationConfig()
    chat_template: str | None = None


def load_folder(folder: str | Path, dtype: torch.dtype = torch.float32) -> Loaded[Transformer]:
    """Load a model of one stack from a folder as ``transformers`` writes it.

    Args:
        folder: Holds ``config.json`` and ``model.safetensors`` or its shards, and may hold ``tokenizer.json``,
            ``generation_config.json``, ``tokenizer_config.json`` and ``chat_template.jinja``.
        dtype: The kind of numbers that the model shall have, whatever the file has. Routers that score by a sigmoid
            have float32 at least.

    Returns:
        The model and what belongs to it.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If the architecture is not one of ours, a file is damaged, or the files contradict each other. The
            message says which and where.
    """
    folder = Path(folder)
    config_file = folder / "config.json"
    described = read_json_object(config_file)
    config = _naming_file(config_file, lambda: read_config(described))
    weights = read_folder(folder)
    model = load_weights(config, weights, NAMINGS[described.text("model_type")], str(folder), dtype)
    return _with_the_rest(model, folder, described)


def load_encoder_decoder(folder: str | Path, dtype: torch.dtype = torch.float32) -> Loaded[EncoderDecoder]:
    """Load a T5 from a folder as ``transformers`` writes it.

    Args:
        folder: Holds the same files as for :func:`load_folder`.
        dtype: The kind of numbers that the model shall have, whatever the file has.

    Returns:
        The model and what belongs to it.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If the architecture is not ours, a file is damaged, or the files contradict each other. The
            message says which and where.
    """
    folder = Path(folder)
    config_file = folder / "config.json"
    described = read_json_object(config_file)
    if (kind := described.text("model_type")) != "t5":
        raise ValueError(f"{config_file}: 'model_type' is {kind[:60]!r}; of encoder-decoders this package loads t5")
    config = _naming_file(config_file, lambda: hf_t5.read(described))
    weights = read_folder(folder)
    config = hf_t5.settle_head(config, weights, str(folder))
    model = load_weights(config, weights, hf_t5.NAMING, str(folder), dtype)
    return _with_the_rest(model, folder, described)


def _with_the_rest(model: AnyModel, folder: Path, described: JsonObject) -> Loaded[AnyModel]:
    """Load what belongs to a model."""
    tokenizer = _load_tokenizer(folder / "tokenizer.json", model.config.vocab_size)
    hints = folder / "generation_config.json"
    return Loaded(
        model,
        tokenizer,
        _read_generation(read_json_object(hints) if hints.is_file() else described),
        _read_template(folder),
    )


def load_gguf(path: str | Path, dtype: torch.dtype = torch.float32) -> Loaded[Transformer]:
    """Load a model from a GGUF file of the architecture ``llama``. Its weights are dequantized.

    Args:
        path: The file.
        dtype: The kind of numbers that the model shall have.

    Returns:
        The model and what belongs to it.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If the architecture, the tokenizer or a format is not one of ours, the file is damaged, or it
            contradicts itself; the message says where.
    """
    source = str(path)
    weights = read_gguf(path)
    config = _naming_file(Path(path), lambda: read_gguf_config(weights.metadata, weights.shapes, source))
    tokenizer = _naming_file(Path(path), lambda: tokenizer_from_metadata(weights.metadata))
    _check_vocabulary(tokenizer, config.vocab_size, source)
    values = JsonObject(weights.metadata, source)

    def special(name: str) -> int | None:
        key = f"tokenizer.ggml.{name}_token_id"
        return values.integer(key, most=config.vocab_size - 1) if key in values else None

    stop = special("eos")
    return Loaded(
        load_weights(config, weights, GGUF_LLAMA, source, dtype),
        tokenizer,
        GenerationConfig(special("bos"), () if stop is None else (stop,), special("padding")),
        values.text("tokenizer.chat_template") if "tokenizer.chat_template" in values else None,
    )


def save_folder(loaded: Loaded[AnyModel], folder: str | Path, largest: int | None = None) -> None:
    """Save a model in a folder that ``transformers`` loads as well. Each file is complete or untouched.

    A BERT without a head is saved without the pooler of BERT's training, which ours does not keep. Its vectors come out
    the same in ``AutoModel``, which reports the pooler as missing and draws one at random: leave its
    ``pooler_output`` unread.

    Args:
        loaded: The model and what belongs to it.
        folder: Where to; it is made if need be.
        largest: How many bytes of weights a file may hold. ``None`` writes one file.

    Raises:
        OSError: If a file cannot be written.
        ValueError: If no architecture of ``transformers`` makes the model's choices, or ``tokenizer.json`` cannot say
            what the tokenizer does. Then nothing is written.
    """
    folder = Path(folder)
    config = loaded.model.config
    if isinstance(config, EncoderDecoderConfig):
        described, naming = hf_t5.write(config), hf_t5.NAMING
    else:
        described, naming = write_config(config), NAMINGS[architecture_of(config)]
    weight = loaded.model.embedding.tokens.weight
    described["dtype"] = str(weight.dtype).removeprefix("torch.")
    ids = _write_ids(loaded.generation)
    tokenizer = None if loaded.tokenizer is None else interop.dumps(loaded.tokenizer)
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / "config.json", described | ids)
    _write_json(folder / "generation_config.json", ids | _write_sampling(loaded.generation))
    if tokenizer is not None:
        _write_text(folder / "tokenizer.json", tokenizer)
        _write_json(folder / "tokenizer_config.json", _describe_tokenizer(loaded))
    if loaded.chat_template is not None:
        _write_text(folder / "chat_template.jinja", loaded.chat_template)
    write_folder(folder, to_tensors(loaded.model, naming), largest)


def _naming_file(path: Path, read: Callable[[], T]) -> T:
    """Put the file's name before a refusal that lacks it."""
    try:
        return read()
    except ValueError as error:
        raise ValueError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from error


def _load_tokenizer(path: Path, vocab_size: int) -> Tokenizer | None:
    """Read ``tokenizer.json`` without what it says about batches, which changes no token."""
    if not path.is_file():
        return None
    document = read_json_object(path, _LARGEST_TOKENIZER).values
    tokenizer = _naming_file(path, lambda: interop.loads(json.dumps({**document, "truncation": None, "padding": None})))
    _check_vocabulary(tokenizer, vocab_size, str(path))
    return tokenizer


def _check_vocabulary(tokenizer: Tokenizer, vocab_size: int, source: str) -> None:
    """Refuse a tokenizer with ids for which the model has no vector; spare vectors are common."""
    if tokenizer.vocab_size > vocab_size:
        raise ValueError(f"{source}: the tokenizer has {tokenizer.vocab_size} tokens and the model {vocab_size}")


def _read_generation(values: JsonObject) -> GenerationConfig:
    """Read the ids of special tokens and how to draw tokens."""
    key = "eos_token_id"
    several = isinstance(values.values.get(key), list)
    stop = values.list_of(key, int) if several else [values.integer(key)] if key in values else []
    return GenerationConfig(
        begin_id=values.integer("bos_token_id") if "bos_token_id" in values else None,
        stop_ids=tuple(stop),
        padding_id=values.integer("pad_token_id") if "pad_token_id" in values else None,
        sample=values.flag("do_sample", False),
        temperature=values.number("temperature") if "temperature" in values else None,
        top_k=values.integer("top_k") if "top_k" in values else None,
        top_p=values.number("top_p") if "top_p" in values else None,
        start_id=values.integer("decoder_start_token_id") if "decoder_start_token_id" in values else None,
    )


def _write_ids(generation: GenerationConfig) -> dict[str, Any]:
    stop = generation.stop_ids
    start = {} if generation.start_id is None else {"decoder_start_token_id": generation.start_id}
    return {
        "bos_token_id": generation.begin_id,
        "eos_token_id": list(stop) if len(stop) > 1 else stop[0] if stop else None,
        "pad_token_id": generation.padding_id,
        **start,
    }


def _write_sampling(generation: GenerationConfig) -> dict[str, Any]:
    chosen = {"temperature": generation.temperature, "top_k": generation.top_k, "top_p": generation.top_p}
    return {"do_sample": generation.sample, **{key: value for key, value in chosen.items() if value is not None}}


def _read_template(folder: Path) -> str | None:
    """Read the chat template: from a file of its own, or from the description of the tokenizer."""
    alone, described = folder / "chat_template.jinja", folder / "tokenizer_config.json"
    if alone.is_file():
        with alone.open("rb") as file:
            content = file.read(_LARGEST_TEMPLATE + 1)
        if len(content) > _LARGEST_TEMPLATE:
            raise ValueError(f"{alone} has more than {_LARGEST_TEMPLATE} bytes, too many for a template")
        return _naming_file(alone, lambda: content.decode("utf-8"))
    if not described.is_file():
        return None
    values = read_json_object(described)
    if isinstance(values.values.get("chat_template"), list):  # several by name
        for place, template in enumerate(values.list_of("chat_template", dict)):
            named = JsonObject(template, f"{described}, chat_template {place}")
            if named.text("name") == "default":
                return named.text("template")
        return None
    return values.text("chat_template") if "chat_template" in values else None


def _describe_tokenizer(loaded: Loaded[AnyModel]) -> Mapping[str, Any]:
    """Write what ``transformers`` needs to know of a tokenizer beside ``tokenizer.json``."""
    assert loaded.tokenizer is not None
    model, generation = loaded.tokenizer.model, loaded.generation

    def token(number: int | None) -> str | None:
        return model.tokens[number] if number is not None and number < len(model.tokens) else None

    tokens = {
        "bos_token": token(generation.begin_id),
        "eos_token": token(generation.stop_ids[0] if generation.stop_ids else None),
        "pad_token": token(generation.padding_id),
        "unk_token": model.unknown,
    }
    return {
        # The class that believes tokenizer.json; those of the architectures build the steps anew.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "model_max_length": loaded.model.config.context_length,
        **{name: text for name, text in tokens.items() if text is not None},
    }


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    _write_text(path, json.dumps(content, ensure_ascii=False, indent=2) + "\n")


def _write_text(path: Path, text: str) -> None:
    with written(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
