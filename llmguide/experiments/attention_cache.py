"""What a token costs with and without the keys and values of those before it: time, by how much was written already."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.models import MODEL
from llmguide.experiments.records import Metrics, Record, number
from llmguide.experiments.timing import shortest_seconds
from llmguide.transformer.accounting import cache_bytes, matmul_flops
from llmguide.transformer.architectures import llama
from llmguide.transformer.initialization import initialize
from llmguide.transformer.model import Transformer


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        lengths: How many tokens have been written when the next one is timed, rising.
        repeats: How often to time each.
        d_model: Width of the model.
        n_layers: Number of blocks.
        n_heads: Heads of queries.
        n_kv_heads: Heads of keys and values.
        d_hidden: Width of the feed-forward parts.
        vocab_size: Number of tokens.
    """

    lengths: tuple[int, ...] = (16, 64, 128, 256, 512, 1024)
    repeats: int = 5
    d_model: int = 576
    n_layers: int = 4
    n_heads: int = 9
    n_kv_heads: int = 3
    d_hidden: int = 1536
    vocab_size: int = 1024


def run(config: Config, seed: int) -> Metrics:
    """Time the next token of texts of several lengths, by both ways.

    Args:
        config: Settings.
        seed: Of the weights and the text.

    Returns:
        By length: ``seconds``, of the processor, ``cached`` and ``anew``; ``flops`` in matrix products, likewise;
        ``cache_bytes``; and whether both ways agree on the logits, ``agree``, as 1 or 0.
    """
    generator = torch.Generator().manual_seed(seed)
    chosen = llama(
        vocab_size=config.vocab_size,
        context_length=max(config.lengths) + 1,
        d_model=config.d_model,
        n_layers=config.n_layers,
        n_heads=config.n_heads,
        n_kv_heads=config.n_kv_heads,
        d_hidden=config.d_hidden,
        head="tied",
    )
    model = Transformer(chosen).eval()
    initialize(model, generator)
    text = torch.randint(config.vocab_size, (1, max(config.lengths) + 1), generator=generator)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return {str(length): measure(model, text[:, : length + 1], config.repeats) for length in config.lengths}
    finally:
        torch.set_num_threads(threads)


def measure(model: Transformer, text: Int[Tensor, "1 positions"], repeats: int) -> dict[str, object]:
    """Time the last token of a text by both ways.

    Args:
        model: The model.
        text: The tokens written so far, and the one to time.
        repeats: How often to time each way.

    Returns:
        As :func:`run`, for one length.
    """
    length = text.shape[1] - 1
    with torch.no_grad():
        cache = model.new_cache(batch=1, capacity=length + 1)
        model(text[:, :-1], cache=cache, last_only=True)

        def cached() -> Tensor:
            cache.truncate(length)
            logits: Tensor = model(text[:, -1:], cache=cache)
            return logits

        def anew() -> Tensor:
            logits: Tensor = model(text, last_only=True)
            return logits

        agree = torch.allclose(cached(), anew(), atol=1e-4)
        seconds = {"cached": shortest_seconds(cached, repeats), "anew": shortest_seconds(anew, repeats)}
    return {
        "seconds": seconds,
        "flops": {
            "cached": sum(matmul_flops(model.config, batch=1, positions=1, cached=length).values()),
            "anew": sum(matmul_flops(model.config, batch=1, positions=length + 1).values()),
        },
        "cache_bytes": cache_bytes(model.config, batch=1, positions=length + 1),
        "agree": int(agree),
    }


def draw(figure: Figure, record: Record) -> None:
    """Draw the time of a token against how many were written before.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    lengths = EXPERIMENT.config.lengths
    for index, (way, label) in enumerate((("anew", "everything computed anew"), ("cached", "with a cache"))):
        times = [1000 * number(record, f"{length}.seconds.{way}") for length in lengths]
        axes.plot(lengths, times, color=f"C{index}", marker="os"[index], label=label)
    axes.set_xlabel("tokens written before")
    axes.set_ylabel("time of the next token (ms)")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8, loc="upper left")


def _ratio(metrics: Metrics, quantity: str) -> float:
    """Compare a token that is computed anew with a cached one, at the longest text."""
    longest = EXPERIMENT.config.lengths[-1]
    return number(metrics, f"{longest}.{quantity}.anew") / number(metrics, f"{longest}.{quantity}.cached")


EXPERIMENT = Experiment(
    name="attention-cache",
    title="What a token costs with and without a cache",
    explained_in="sec-attention-cache",
    config=Config(),
    reduced=Config(lengths=(8, 32), repeats=1, d_model=64, n_layers=2, n_heads=4, n_kv_heads=2, d_hidden=128),
    run=run,
    seeds=(0, 1, 2),
    claims=(
        Claim(
            "the-cache-saves-time",
            "After 1,024 tokens, the next one takes at least ten times as long without a cache as with one.",
            10,
            lambda metrics: _ratio(metrics, "seconds"),
        ),
        Claim(
            "a-cached-token-stays-cheap",
            "With a cache, the token after 1,024 others takes at most three times as long as the one after 16.",
            -3,
            lambda metrics: -number(metrics, "1024.seconds.cached") / number(metrics, "16.seconds.cached"),
        ),
        Claim(
            "the-logits-agree",
            "With the cache and without it the logits agree to 0.0001, at every length.",
            1,
            lambda metrics: min(number(metrics, f"{length}.agree") for length in metrics),
        ),
    ),
    figures={"time-per-token": draw},
    depends=(
        "llmguide.experiments.timing",
        "llmguide.transformer.accounting",
        "llmguide.transformer.activation_costs",
        "llmguide.transformer.initialization",
        "llmguide.transformer.part_costs",
        *MODEL,
    ),
    packages=("torch",),
    machine_dependent=("*.seconds.*",),
)
