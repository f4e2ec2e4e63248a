"""What a position's cache can hold: a latent vector against shared heads, at the same number of bytes.

The task is that of :mod:`~llmguide.experiments.attention_heads_shared`: texts of pairs of a key and a value, then all
keys in another order, each to be answered by its value. Grouped-query attention makes the cache smaller by sharing
heads of keys and values; latent attention keeps one short vector, of which every head makes keys and values of its own.
How wide these are costs no cache, so there is a model with heads as wide as the others', and one with heads twice as
wide. All have about the same number of parameters: what the projections lack, the feed-forward part has.

In the first pilot all matrices began with entries of one size, as the other experiment has it, and the latent models
recalled less than half of what the others did: a matrix that reads 7 numbers makes much smaller keys and values than
one that reads 64. Here it begins larger by the root of the ratio, so that all models begin with keys and values of one
size. Then latent attention with heads as wide as the others' was expected to recall more than shared heads in as many
bytes; of two seeds one found that and the other found them equal, so the claim before the full run was only that it
recalls at most two percentage points less. That claim failed: in 32 bytes it recalled 8 and 13 points less in two seeds
of three, and 5 less in 64 bytes in the third. The other claims held, and stand.

Source: :cite:t:`ainslie2023gqa`; :cite:t:`deepseek2024v2` for the latent vectors.
"""

from dataclasses import dataclass, field, replace

import torch
from torch import nn

from llmguide.experiments import attention_heads_shared as pairs
from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.records import Metrics, Record, number
from llmguide.training.loop import IGNORED, next_token_loss, train
from llmguide.transformer.cache import LayerCache
from llmguide.transformer.config import ModelConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.initialization import initialize
from llmguide.transformer.latent_attention import LatentAttention, LatentAttentionConfig
from llmguide.transformer.model import Transformer


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        task: The texts, the size of the models, and their training.
        kv_heads: How many heads of keys and values grouped-query attention keeps.
        latents: How many numbers a position latent attention keeps: the latent vector and one for the shared key.
    """

    task: pairs.Config = field(default_factory=lambda: pairs.Config(steps=300))
    kv_heads: tuple[int, ...] = (8, 2, 1)
    latents: tuple[int, ...] = (16, 8)


def choose_parts(config: Config) -> dict[str, ModelConfig]:
    """Choose the parts of the models that are compared.

    Args:
        config: Settings.

    Returns:
        ``heads8`` and so on for grouped-query attention, ``latent16`` and so on for latent attention, ``wide16`` and
        so on for latent attention with heads twice as wide.
    """
    task = config.task
    chosen = {f"heads{kept}": pairs.choose_parts(task, kept) for kept in config.kv_heads}
    model = chosen[f"heads{config.kv_heads[0]}"]
    whole = _count(model)
    for name, d_head in (("latent", task.d_head), ("wide", 2 * task.d_head)):
        for kept in config.latents:
            # One of the numbers kept is the shared key that a rotation could turn; here nothing turns.
            attention = LatentAttentionConfig(
                task.kv_heads[0], d_nope=d_head - 1, d_rope=1, d_value=d_head, kv_rank=kept - 1
            )
            small = replace(model, attention=attention, feedforward=FeedForwardConfig(1, "gelu", bias=False))
            d_hidden = 1 + (whole - _count(small)) // (2 * task.d_model)
            chosen[f"{name}{kept}"] = replace(small, feedforward=FeedForwardConfig(d_hidden, "gelu", bias=False))
    return chosen


def _count(parts: ModelConfig) -> int:
    return sum(weight.numel() for weight in Transformer(parts).parameters())


def build(config: Config, parts: ModelConfig, seed: int) -> Transformer:
    """Build a model whose keys and values begin as large as those of the others.

    Args:
        config: Settings.
        parts: Its parts.
        seed: Of its first weights.

    Returns:
        The model.
    """
    model = Transformer(parts)
    generator = torch.Generator().manual_seed(seed)
    initialize(model, generator, std=config.task.std)
    for module in model.modules():
        if isinstance(module, LatentAttention):
            larger = config.task.std * (parts.d_model / module.config.kv_rank) ** 0.5
            nn.init.normal_(module.kv_up.weight, std=larger, generator=generator)
    return model


def measure(config: Config, parts: ModelConfig, seed: int) -> dict[str, float | int]:
    """Train a model and let it recall.

    Args:
        config: Settings.
        parts: Its parts.
        seed: Of its first weights and of all texts; equal for all models.

    Returns:
        ``recalled``: the part of the held-out keys whose value is the model's first choice. ``loss``: on those keys, in
        nats. ``cache_bytes``: per position, in float32. ``parameters``: of the model.
    """
    task = config.task
    model = build(config, parts, seed)
    generator = torch.Generator().manual_seed(1_000 + seed)
    held_out, answers = pairs.draw_texts(task, task.held_out, generator)
    train(
        model,
        lambda _: pairs.draw_texts(task, task.batch, generator),
        steps=task.steps,
        learning_rate=task.learning_rate,
    )
    with torch.no_grad():
        logits = model(held_out)
    asked = answers != IGNORED
    cache = model.new_cache(1, 1).layers[0]
    assert isinstance(cache, LayerCache)
    return {
        "recalled": (logits.argmax(-1) == answers)[asked].double().mean().item(),
        "loss": next_token_loss(logits, answers).item(),
        "cache_bytes": sum(kept.numel() * kept.element_size() for kept in (cache.keys, cache.values)),
        "parameters": _count(parts),
    }


def run(config: Config, seed: int) -> Metrics:
    """Train each model and let it recall.

    Args:
        config: Settings.
        seed: Of the first weights and of all texts.

    Returns:
        By model, what :func:`measure` gives.
    """
    return {name: measure(config, parts, seed) for name, parts in choose_parts(config).items()}


def draw(figure: Figure, record: Record) -> None:
    """Draw what is recalled against the bytes that a position takes, a dot for each seed.

    Args:
        figure: Where to draw.
        record: What to draw.
    """
    axes = figure.subplots()
    config = EXPERIMENT.config
    kinds = (
        ("shared heads", "o", [f"heads{kept}" for kept in config.kv_heads]),
        ("latent vector", "s", [f"latent{kept}" for kept in config.latents]),
        ("latent, wider heads", "D", [f"wide{kept}" for kept in config.latents]),
    )
    sizes = set()
    for index, (label, marker, names) in enumerate(kinds):
        held = [number(record, f"{name}.cache_bytes") for name in names]
        sizes.update(held)
        for metrics in record.per_seed.values():
            seed = [100 * number(metrics, f"{name}.recalled") for name in names]
            axes.plot(held, seed, color=f"C{index}", marker=marker, markersize=4, linestyle="none", alpha=0.6)
        axes.plot(
            held, [100 * number(record, f"{name}.recalled") for name in names], color=f"C{index}", label=label, lw=1.2
        )
    axes.set_xscale("log", base=2)
    axes.set_xticks(sorted(sizes), [f"{size:.0f}" for size in sorted(sizes)])
    axes.minorticks_off()
    axes.set_xlabel("bytes of the cache per position")
    axes.set_ylabel("values recalled (%)")
    axes.legend(fontsize=9)


def _gain(metrics: Metrics, model: str, other: str) -> float:
    """Say how much more one model recalls than another."""
    return number(metrics, f"{model}.recalled") - number(metrics, f"{other}.recalled")


EXPERIMENT = Experiment(
    name="transformer-latent-cache",
    title="Latent vectors against shared heads in a cache of the same size",
    explained_in="sec-families-latent",
    config=Config(),
    reduced=Config(task=pairs.Config(steps=5, held_out=20)),
    run=run,
    seeds=(0, 1, 2),
    claims=(
        Claim(
            "wider-heads-hold-more",
            "In 32 bytes a position, latent attention with heads twice as wide recalls at least five points more than "
            "one head of keys and values for all.",
            0.05,
            lambda metrics: _gain(metrics, "wide8", "heads1"),
        ),
        Claim(
            "wider-heads-cost-no-cache",
            "In 32 bytes, latent attention with heads twice as wide recalls at least five points more than with heads "
            "as wide as the others'.",
            0.05,
            lambda metrics: _gain(metrics, "wide8", "latent8"),
        ),
        Claim(
            "a-latent-vector-reaches-eight-heads",
            "In a quarter of the bytes, latent attention with wider heads recalls at most half a point less than eight "
            "heads of keys and values.",
            -0.005,
            lambda metrics: _gain(metrics, "wide16", "heads8"),
        ),
    ),
    figures={"recall": draw},
    depends=(
        "llmguide.experiments.attention_heads_shared",
        "llmguide.transformer.latent_attention",
        *pairs.EXPERIMENT.depends,
    ),
    packages=("torch",),
    # Sums of 32-bit numbers depend on how the machine orders them.
    tolerance=1e-3,
)
