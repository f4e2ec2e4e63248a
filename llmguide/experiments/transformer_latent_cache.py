"""What a position's cache can hold: a latent vector against shared heads, at the same number of bytes.

The task is that of :mod:`~llmguide.experiments.attention_heads_shared`: texts of pairs of a key and a value, then all
keys in another order, each to be answered by its value. Grouped-query attention makes the cache smaller by sharing
heads of keys and values; latent attention keeps one short vector, of which every head makes keys and values of its own.
All models have about the same number of parameters: what the projections lack, the feed-forward part has.

Source: :cite:t:`ainslie2023gqa`; :cite:t:`deepseek2024v2` for the latent vectors.
"""

from dataclasses import dataclass, field, replace

import torch

from llmguide.experiments import attention_heads_shared as pairs
from llmguide.experiments.framework import Claim, Experiment, Figure
from llmguide.experiments.records import Metrics, Record, number
from llmguide.training.loop import IGNORED, next_token_loss, train
from llmguide.transformer.config import ModelConfig
from llmguide.transformer.feedforward import FeedForwardConfig
from llmguide.transformer.initialization import initialize
from llmguide.transformer.latent_attention import LatentAttentionConfig
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
        ``heads8`` and so on for grouped-query attention, ``latent16`` and so on for latent attention.
    """
    task = config.task
    n_heads, d_head, d_model = task.kv_heads[0], task.d_head, task.d_model
    chosen = {f"heads{kept}": pairs.choose_parts(task, kept) for kept in config.kv_heads}
    whole = sum(p.numel() for p in Transformer(chosen[f"heads{config.kv_heads[0]}"]).parameters())
    for kept in config.latents:
        # One number is the shared key that a rotation could turn; here nothing turns.
        attention = LatentAttentionConfig(n_heads, d_head - 1, 1, d_head, kept - 1)
        parts = replace(chosen[f"heads{config.kv_heads[0]}"], attention=attention)
        small = replace(parts, feedforward=FeedForwardConfig(1, "gelu", bias=False))
        lacking = whole - sum(p.numel() for p in Transformer(small).parameters())
        hidden = 1 + lacking // (2 * d_model)
        chosen[f"latent{kept}"] = replace(small, feedforward=FeedForwardConfig(hidden, "gelu", bias=False))
    return chosen


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
    model = Transformer(parts)
    initialize(model, torch.Generator().manual_seed(seed), std=task.std)
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
    return {
        "recalled": (logits.argmax(-1) == answers)[asked].double().mean().item(),
        "loss": next_token_loss(logits, answers).item(),
        "cache_bytes": sum(kept.numel() * kept.element_size() for kept in (cache.keys, cache.values)),
        "parameters": sum(p.numel() for p in model.parameters()),
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


EXPERIMENT = Experiment(
    name="transformer-latent-cache",
    title="Latent vectors against shared heads in a cache of the same size",
    explained_in="sec-families-latent",
    config=Config(),
    reduced=Config(task=pairs.Config(steps=5, held_out=20)),
    run=run,
    seeds=(0, 1, 2),
    claims=(),
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
