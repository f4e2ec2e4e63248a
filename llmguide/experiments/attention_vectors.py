"""What attention weights are made of, kept in few bytes: turned queries and keys, scores, and the lengths of values.

Numbers of 16 bits keep scores and lengths to half a thousandth. A vector keeps its largest size so, and each of its
entries in steps of a 127th of it, in one byte.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from llmguide.experiments.framework import Figure
from llmguide.experiments.records import Record, lookup

UNIT = 1000
"""Steps of a 16-bit number in one."""
VECTOR_STEPS = 127
"""Steps from 0 to the largest entry of a vector."""
D_HEAD = 64
"""Width of a head of SmolLM2."""


@dataclass(frozen=True)
class HeadVectors:
    """What the weights of one head are made of.

    Attributes:
        queries: The turned queries.
        keys: The turned keys.
        scores: The score of each key with each query; 0 where the query does not see the key.
        value_lengths: The length of each value.
    """

    queries: Float[Tensor, "queries d_head"]
    keys: Float[Tensor, "keys d_head"]
    scores: Float[Tensor, "queries keys"]
    value_lengths: Float[Tensor, " keys"]


def pack_numbers(numbers: Float[Tensor, " count"]) -> str:
    """Write numbers as 16 bits each, low byte first, to the base 64.

    Args:
        numbers: From -32.767 to 32.767.

    Returns:
        The numbers in thousandths, rounded.

    Raises:
        ValueError: If a number is too large.

    Example:
        >>> pack_numbers(torch.tensor([1.0, -0.5]))  # 1000 and -500: the bytes 232, 3, 12 and 254
        '6AMM/g=='
    """
    steps = (numbers.double() * UNIT).round()
    if steps.numel() and steps.abs().max() > 2**15 - 1:
        raise ValueError(f"{numbers.abs().max():g} is too large to be kept in 16 bits: at most {(2**15 - 1) / UNIT}")
    return b64encode(steps.numpy().astype("<i2").tobytes()).decode()


def unpack_numbers(packed: str) -> Float[Tensor, " count"]:
    """Read what :func:`pack_numbers` wrote.

    Args:
        packed: The bytes to the base 64.

    Returns:
        The numbers.
    """
    return torch.from_numpy(np.frombuffer(b64decode(packed), "<i2").astype("float32")) / UNIT


def pack_vectors(vectors: Float[Tensor, "count d_head"]) -> str:
    """Write vectors as bytes, to the base 64.

    Args:
        vectors: With entries from -32.767 to 32.767.

    Returns:
        The largest size in each vector, as :func:`pack_numbers` writes it but rounded up; then one byte for each entry,
        with a sign, in 127ths of that size. An entry is off by half of such a step at most.

    Example:
        >>> list(b64decode(pack_vectors(torch.tensor([[1.0, -0.5]]))))  # 1000 = 232 + 3 · 256; then 127 and -64
        [232, 3, 127, 192]
    """
    sizes = (vectors.abs().amax(-1).double() * UNIT).ceil() / UNIT
    steps = (vectors / sizes.clamp(min=1 / UNIT)[:, None] * VECTOR_STEPS).round()
    entries = steps.numpy().astype("i1").tobytes()
    return b64encode(b64decode(pack_numbers(sizes)) + entries).decode()


def unpack_vectors(packed: str, width: int) -> Float[Tensor, "count d_head"]:
    """Read what :func:`pack_vectors` wrote.

    Args:
        packed: The bytes to the base 64.
        width: How many entries a vector has.

    Returns:
        The vectors.

    Raises:
        ValueError: If the bytes are those of no whole number of vectors.
    """
    found = b64decode(packed)
    count, rest = divmod(len(found), 2 + width)
    if rest:
        raise ValueError(f"vectors of {width} entries take {2 + width} bytes each, but packed holds {len(found)} bytes")
    sizes = unpack_numbers(b64encode(found[: 2 * count]).decode())
    steps = torch.from_numpy(np.frombuffer(found, "i1", offset=2 * count).astype("float32")).reshape(count, width)
    return steps * sizes[:, None] / VECTOR_STEPS


def keep(watched: Mapping[str, Tensor], layers: Sequence[int]) -> dict[str, object]:
    """Pack what the weights of some layers are made of.

    Args:
        watched: ``queries_rotated``, ``keys_rotated``, ``scores`` and ``values`` of all layers, a layer a row.
        layers: The layers to keep.

    Returns:
        ``layers``, and by the name of each tensor what was packed: vectors layer by layer, head by head and position by
        position, scores in the order of the weights, and of values their ``value_lengths``.
    """
    kept = {name: tensor[list(layers)] for name, tensor in watched.items()}
    queries, keys = torch.tril_indices(*kept["scores"].shape[-2:])
    vectors = {name: pack_vectors(kept[name].flatten(0, 2)) for name in ("queries_rotated", "keys_rotated")}
    return {
        "layers": list(layers),
        **vectors,
        "scores": pack_numbers(kept["scores"][..., queries, keys].flatten()),
        "value_lengths": pack_numbers(kept["values"].norm(dim=-1).flatten()),
    }


def head_vectors(record: Record, text: str, layer: int, head: int) -> HeadVectors:
    """Read out of a record what the weights of one head are made of.

    Args:
        record: The record.
        text: Name of the text.
        layer: The layer, from 0.
        head: The head, from 0.

    Returns:
        Its vectors, scores and lengths.

    Raises:
        ValueError: If those of the layer are not kept; the message gives the layers that are.
    """
    tokens = cast(list[str], lookup(record, f"texts.{text}.tokens"))
    packed = cast(dict[str, str], lookup(record, f"texts.{text}.vectors"))
    layers = cast(list[int], lookup(record, f"texts.{text}.vectors.layers"))
    if layer not in layers:
        raise ValueError(f"of the text {text!r} the vectors of layer {layer} are not kept; kept are {layers}")
    place, positions = layers.index(layer), len(tokens)
    shape = (len(layers), -1, positions)
    queries = unpack_vectors(packed["queries_rotated"], D_HEAD).reshape(*shape, D_HEAD)[place]
    keys = unpack_vectors(packed["keys_rotated"], D_HEAD).reshape(*shape, D_HEAD)[place]
    lengths = unpack_numbers(packed["value_lengths"]).reshape(shape)[place]
    scores = torch.zeros(positions, positions)
    rows, columns = torch.tril_indices(positions, positions)
    scores[rows, columns] = unpack_numbers(packed["scores"]).reshape(len(layers), len(queries), -1)[place, head]
    shared = head * len(keys) // len(queries)
    return HeadVectors(queries[head], keys[shared], scores, lengths[shared])


def draw_vectors(figure: Figure, record: Record) -> None:
    """Draw one query, one key and their products, pair over pair, and the lengths of the values.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    layer, head = cast(list[int], record.config["induction"])
    tokens = [token.strip() for token in cast(list[str], lookup(record, "texts.long.tokens"))]
    first, query = (place for place, token in enumerate(tokens) if token == "key")
    found = head_vectors(record, "long", layer, head)
    q, k = found.queries[query], found.keys[first + 1]
    panels: Any = figure.subplots(3, 2, width_ratios=(3, 1), gridspec_kw={"hspace": 0.1})
    titles = (
        f"layer {layer}, head {head}: q of the second “{tokens[query]}”",
        f"k of the first “{tokens[first + 1]}”",
        "products",
    )
    for axes, vector, title in zip(panels[:, 0], (q, k, q * k), titles, strict=True):
        _draw_strip(axes, vector)
        axes.set_title(f"{title}, up to {vector.abs().max():.1f}", fontsize=8, loc="left", pad=2)
    panels[2, 0].set_xlabel("pair of coordinates, fastest left", fontsize=8)
    panels[2, 0].tick_params(labelbottom=True, labelsize=7)
    for axes in panels[1:, 1]:
        axes.remove()
    bars = panels[0, 1]
    bars.set_subplotspec(bars.get_gridspec()[:, 1])
    bars.barh(range(query + 1), found.value_lengths[: query + 1].tolist(), color="C0")
    bars.set_yticks(range(query + 1), tokens[: query + 1], fontsize=6)
    bars.invert_yaxis()
    bars.grid(visible=False)
    bars.tick_params(axis="x", labelsize=7)
    bars.set_title("length of v", fontsize=8, pad=2)


def _draw_strip(axes: Any, vector: Float[Tensor, " d_head"]) -> None:
    """Draw a square for each entry, its area the size; a hollow one is negative. Both of a pair share a column."""
    from matplotlib.patches import Rectangle  # noqa: PLC0415 (only drawing needs it)

    half = len(vector) // 2
    largest = vector.abs().max()
    for number, entry in enumerate(vector.tolist()):
        row, pair = divmod(number, half)
        side = 0.9 * (abs(entry) / float(largest)) ** 0.5
        look: dict[str, Any] = {"facecolor": "C0", "linewidth": 0}
        if entry < 0:
            look = {"facecolor": "none", "edgecolor": "C1", "linewidth": 0.8}
        axes.add_patch(Rectangle((pair - side / 2, row - side / 2), side, side, **look))
    axes.set(xlim=(-0.6, half - 0.4), ylim=(1.6, -0.6), aspect="equal", yticks=[])
    axes.set_xticks(range(0, half, 8))
    axes.tick_params(labelbottom=False)
    axes.grid(visible=False)
