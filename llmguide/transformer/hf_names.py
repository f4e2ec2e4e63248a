"""What other programs call our weights, and how their rows differ from ours.

Ours are named after the diagram of the model. A file may call them otherwise, keep apart what we multiply at once
(queries, keys and values; the gate and what goes up), or store a matrix the other way round. A :class:`Naming` says all
of that for one kind of file, and :func:`load_weights` and :func:`to_tensors` follow it in the two directions.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, overload, runtime_checkable

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.config import ModelConfig
from llmguide.transformer.encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from llmguide.transformer.model import Transformer
from llmguide.transformer.moe import ExpertsConfig, Router
from llmguide.transformer.state_space import StateSpaceConfig


@runtime_checkable
class Weights(Protocol):
    """Weights that lie somewhere and are read one by one."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of each tensor."""
        ...

    def load(self, name: str) -> Shaped[Tensor, "..."]:
        """Read a tensor."""
        ...


@dataclass(frozen=True)
class Naming:
    """What one kind of file calls our modules.

    A number inside of a module's name is written ``{}`` on both sides, as in ``feedforward.experts.{}.down``. A name
    that ends in ``[{}]`` is that of a tensor in which those of all numbers lie one behind the other.

    Attributes:
        outer: The names for the modules outside of the blocks.
        block: How the names in a block begin, with ``{}`` for its number.
        inner: The names for the modules in a block. Where there are several, their rows together are ours. The modules
            of a mixer that is a state space stand under ``state_space``, not ``attention``.
        prefix: How names begin where the file also holds a head; a file of the bare model leaves it out.
        heads: How the names of the head begin, which have no prefix.
        ignored: Tensors that the model does without, as a regular expression.
        transposed: Whether the matrices in the blocks are stored with a row for each input.
        neighbours: The modules whose rows are in the order for turning neighbours; ours turn halves.
        leaves: What it calls the weights of a module that have other names than ours.
        stacks: What it calls the modules of the encoder and of the decoder, where there are both.
        other: How such files may name things instead. What is saved has the first names.
    """

    outer: Mapping[str, str]
    block: str
    inner: Mapping[str, tuple[str, ...]]
    prefix: str = ""
    heads: tuple[str, ...] = ()
    ignored: str = r"(?!)"
    transposed: bool = False
    neighbours: tuple[str, ...] = ()
    leaves: Mapping[str, str] = field(default_factory=lambda: {"scale": "weight"})
    stacks: Mapping[str, "Naming"] = field(default_factory=dict)
    other: "Naming | None" = None


@dataclass(frozen=True)
class Part:
    """A tensor of a file, and how it becomes rows of one of ours.

    Attributes:
        name: What the file calls it.
        shape: Its shape as ours.
        transposed: Whether the file has it the other way round.
        heads: How many heads have their rows in the order for turning neighbours; 0 if none have.
        slot: Which of the matrices it is that lie in the file's tensor; ``None`` if the tensor is no stack of them.
        slots: How many those are.
    """

    name: str
    shape: tuple[int, ...]
    transposed: bool = False
    heads: int = 0
    slot: int | None = None
    slots: int = 0

    @property
    def stored(self) -> tuple[int, ...]:
        """Its shape in the file."""
        shape = self.shape[::-1] if self.transposed else self.shape
        return shape if self.slot is None else (self.slots, *shape)

    def read(self, stored: Shaped[Tensor, "..."]) -> Shaped[Tensor, "..."]:
        """Turn what the file has into our rows.

        Args:
            stored: The tensor of the file.

        Returns:
            The rows.
        """
        if self.slot is not None:
            stored = stored[self.slot]
        if self.heads:
            return stored.reshape(self.heads, -1, 2, *self.shape[1:]).transpose(1, 2).reshape(self.shape)
        return stored.T if self.transposed else stored

    def write(self, rows: Shaped[Tensor, "..."]) -> Shaped[Tensor, "..."]:
        """Turn our rows into what the file has.

        Args:
            rows: The rows.

        Returns:
            The tensor of the file, or one of those that are stacked in it.
        """
        if self.heads:
            return rows.reshape(self.heads, 2, -1, *self.shape[1:]).transpose(1, 2).reshape(self.shape)
        return rows.T if self.transposed else rows


def name_parts(model: Transformer | EncoderDecoder, naming: Naming) -> Iterator[tuple[str, list[Part]]]:
    """Tell of what each weight of a model consists in a file.

    Args:
        model: The model; only the shapes of its weights are looked at.
        naming: What the file calls them.

    Yields:
        Our name of a weight, and the file's tensors whose rows it has, one after the other.
    """
    config = model.config
    for ours, weight in model.state_dict().items():
        shape = tuple(weight.shape)
        stack, _, rest = ours.partition(".")
        if isinstance(config, ModelConfig):
            yield ours, _parts_of(ours, shape, config, naming)
        elif stack in naming.stacks:
            choices = config.encoder if stack == "encoder" else config.decoder
            yield ours, _parts_of(rest, shape, choices, naming.stacks[stack])
        else:
            yield ours, _parts_of(ours, shape, config.decoder, naming)


def _parts_of(ours: str, shape: tuple[int, ...], config: ModelConfig, naming: Naming) -> list[Part]:
    """Tell of what one weight consists."""
    path, leaf = ours.rsplit(".", 1)
    leaf = naming.leaves.get(leaf, leaf)
    if not path.startswith("blocks."):
        return [Part(f"{naming.outer[path]}.{leaf}", shape)]
    _, number, module = path.split(".", 2)
    layer = config.layers[int(number)]
    if isinstance(layer.mixer, StateSpaceConfig):
        module = re.sub(r"^attention(?=\.|$)", "state_space", module)
    inside = re.findall(r"(?<=\.)\d+", module)
    names = [name.format(*inside) for name in naming.inner[re.sub(r"(?<=\.)\d+", "{}", module)]]
    turned = naming.transposed and len(shape) == 2
    parts = []
    for name, rows in zip(names, _split(config, module, shape[0], len(names)), strict=True):
        heads = rows // config.attention.d_rotary if name in naming.neighbours else 0
        plain, bracket, _ = name.partition("[")
        part = Part(f"{naming.block.format(number)}{plain}.{leaf}", (rows, *shape[1:]), turned, heads)
        if bracket and isinstance(layer.feedforward, ExpertsConfig):
            slots = layer.feedforward.n_experts
            part = replace(part, name=part.name.removesuffix(f".{leaf}"), slot=int(inside[0]), slots=slots)
        parts.append(part)
    return parts


def _split(config: ModelConfig, module: str, rows: int, count: int) -> list[int]:
    """Tell how many rows each of the file's tensors gives."""
    if count == 3:
        assert isinstance(config.attention, AttentionConfig)
        kept = config.attention.n_kv_heads * config.attention.d_head
        return [rows - 2 * kept, kept, kept]
    return [rows // count] * count


@overload
def load_weights(
    config: ModelConfig, weights: Weights, naming: Naming, source: str, dtype: torch.dtype = torch.float32
) -> Transformer: ...
@overload
def load_weights(
    config: EncoderDecoderConfig, weights: Weights, naming: Naming, source: str, dtype: torch.dtype = torch.float32
) -> EncoderDecoder: ...
def load_weights(
    config: ModelConfig | EncoderDecoderConfig,
    weights: Weights,
    naming: Naming,
    source: str,
    dtype: torch.dtype = torch.float32,
) -> Transformer | EncoderDecoder:
    """Build a model with the weights of a file. Names and shapes are compared before any weight is read.

    Args:
        config: The model's configuration.
        weights: The file's tensors.
        naming: What it calls them.
        source: Where they come from, for messages.
        dtype: The kind of numbers that the model shall have; routers that are wide have float32 at least.

    Returns:
        The model.

    Raises:
        ValueError: If a tensor is missing, has another shape than the configuration says, or has no place in the model.
    """
    spellings = _find_spellings(weights.shapes, naming, source)
    if config.n_layers > len(spellings):
        raise ValueError(f"{source}: {len(spellings)} tensors are too few for the {config.n_layers} layers announced")
    with _Undrawn(), torch.device("meta"):  # shapes without numbers
        model = Transformer(config) if isinstance(config, ModelConfig) else EncoderDecoder(config)
    if naming.other is not None:
        naming = min((naming, naming.other), key=lambda names: len(_needed(model, names).keys() - spellings.keys()))
    parts, needed = dict(name_parts(model, naming)), _needed(model, naming)
    if missing := sorted(needed.keys() - spellings.keys()):
        raise ValueError(f"{source}: the model needs tensors that are not there: {_some(missing)}")
    tied = rf"|{re.escape(naming.outer['head'])}\..*" if config.head == "tied" else ""
    ignored = re.compile(naming.ignored + tied)
    if surplus := sorted(name for name in spellings.keys() - needed.keys() if not ignored.fullmatch(name)):
        raise ValueError(f"{source}: tensors that have no place in the model: {_some(surplus)}")
    for name, part in needed.items():
        if (found := weights.shapes[spellings[name]]) != part.stored:
            raise ValueError(
                f"{source}: {spellings[name]!r} has the shape {found}; the configuration says {part.stored}"
            )
    stacks: dict[str, Tensor] = {}

    def read(part: Part) -> Tensor:
        """Read a part; a stack of them is read once."""
        if part.slot is None:
            return part.read(weights.load(spellings[part.name]))
        if part.name not in stacks:
            stacks[part.name] = weights.load(spellings[part.name])
        return part.read(stacks[part.name])

    exact = torch.promote_types(dtype, torch.float32)
    routers = {f"{name}." for name, module in model.named_modules() if isinstance(module, Router) and module.wide}
    state = {
        ours: _join([read(part) for part in of_one]).to(exact if ours.startswith(tuple(routers)) else dtype)
        for ours, of_one in parts.items()
    }
    model.load_state_dict(state, assign=True)
    return model


def _needed(model: Transformer | EncoderDecoder, naming: Naming) -> dict[str, Part]:
    """Say what a file must have for a model, by its names there."""
    return {part.name: part for _, parts in name_parts(model, naming) for part in parts}


class _Undrawn(TorchFunctionMode):
    """Makes modules without drawing the weights that are about to be replaced."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # whatever the function gives
        named = kwargs or {}
        drawing = func in (nn.init.normal_, nn.init.uniform_, nn.init.kaiming_uniform_)
        return named["tensor"] if drawing else func(*args, **named)


def to_tensors(model: Transformer | EncoderDecoder, naming: Naming) -> dict[str, Float[Tensor, "..."]]:
    """Give a model's weights under other names.

    Args:
        model: The model.
        naming: What they shall be called.

    Returns:
        The tensors; none shares its memory with another one.
    """
    weights = model.state_dict()
    prefix = "" if model.config.head == "none" else naming.prefix
    tensors: dict[str, Tensor] = {}
    stacks: dict[str, list[Tensor]] = {}
    for ours, parts in name_parts(model, naming):
        pieces = weights[ours].split([part.shape[0] for part in parts])
        for part, piece in zip(parts, pieces, strict=True):
            name = part.name if part.name.startswith(naming.heads) else prefix + part.name
            if part.slot is None:
                tensors[name] = part.write(piece).clone(memory_format=torch.contiguous_format)
            else:
                stacks.setdefault(name, []).append(part.write(piece))
    return tensors | {name: torch.stack(pieces) for name, pieces in stacks.items()}


def _join(tensors: list[Tensor]) -> Tensor:
    return torch.cat(tensors) if len(tensors) > 1 else tensors[0].contiguous()


def _find_spellings(names: Mapping[str, object], naming: Naming, source: str) -> dict[str, str]:
    """Find what the file really calls the tensors: with or without the prefix, or as TensorFlow did."""
    spellings: dict[str, str] = {}
    for name in names:
        plain = name.removeprefix(naming.prefix)
        plain = re.sub(r"LayerNorm\.gamma$", "LayerNorm.weight", re.sub(r"LayerNorm\.beta$", "LayerNorm.bias", plain))
        if plain in spellings:
            raise ValueError(f"{source}: {name!r} and {spellings[plain]!r} are the same tensor of the model")
        spellings[plain] = name
    return spellings


def _some(names: list[str]) -> str:
    """Name a few of many."""
    shown = ", ".join(name[:80] for name in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
