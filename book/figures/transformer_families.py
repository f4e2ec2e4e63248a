"""Diagrams of the chapter on families of transformers, each drawn from what the package computes."""

from typing import Any

import torch
from _extensions.figure_style import canvas, draw_mask
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from llmguide.transformer.accounting import parameters
from llmguide.transformer.attention import AttentionConfig
from llmguide.transformer.block import BlockConfig
from llmguide.transformer.catalogue import MODELS
from llmguide.transformer.encoder_decoder import EncoderDecoderConfig
from llmguide.transformer.latent_attention import LatentAttentionConfig
from llmguide.transformer.masks import causal_mask
from llmguide.transformer.moe import ExpertsConfig
from llmguide.transformer.state_space import StateSpaceConfig


def stacks(figure: Figure) -> None:
    """Draw who sees whom in an encoder, a decoder and an encoder-decoder."""
    size, source = 9, 5
    targets = size - source
    both = torch.zeros(size, size, dtype=torch.bool)
    both[:source, :source] = True
    both[source:, source:] = causal_mask(targets, targets)
    across = torch.zeros(size, size, dtype=torch.bool)
    across[source:, :source] = True
    nothing = torch.zeros(size, size, dtype=torch.bool)
    panels = {
        "encoder": (torch.ones(size, size, dtype=torch.bool), nothing),
        "decoder": (causal_mask(size, size), nothing),
        "encoder-decoder": (both, across),
    }
    axes = canvas(figure, width=3 * size + 4, height=size + 2, inches=2.1)
    for panel, (name, (own, other)) in enumerate(panels.items()):
        left = panel * (size + 2)
        axes.text(left + size / 2, size + 1.1, name, ha="center", va="center", fontsize=9)
        draw_mask(axes, own, left, "C0")
        draw_mask(axes, other, left, "C1")
    axes.set_aspect("equal")


def latent_forms(figure: Figure) -> None:
    """Draw the multiplications of both forms of latent attention over the number of queries."""
    config = MODELS["deepseek-v3"].config
    assert not isinstance(config, EncoderDecoderConfig)
    assert isinstance(config.attention, LatentAttentionConfig)
    queries = [2**power for power in range(11)]
    axes = figure.subplots()
    forms = zip(*(config.attention.multiplications(count, keys=1000) for count in queries), strict=True)
    for label, counts in zip(("expanded", "absorbed"), forms, strict=True):
        axes.plot(queries, counts, label=label)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(queries[::2], [f"{count:,}" for count in queries[::2]])
    axes.minorticks_off()
    axes.set_xlabel("queries at once")
    axes.set_ylabel("multiplications of one head")
    axes.legend(fontsize=8)


MIXERS = {AttentionConfig: ("attention", "C0"), LatentAttentionConfig: ("latent attention", "C2"),
          StateSpaceConfig: ("state space", "C1")}  # fmt: skip


def layer_patterns(figure: Figure) -> None:
    """Draw what each block of three models consists of."""
    chosen = ("llama3-8b", "granite4-h-micro", "deepseek-v3")
    axes = canvas(figure, width=64, height=4.4 * len(chosen) + 3.4, inches=2.3)
    seen: dict[str, str] = {}
    for row, key in enumerate(chosen):
        model = MODELS[key]
        assert not isinstance(model.config, EncoderDecoderConfig)
        top = 4.4 * (len(chosen) - row) - 1.2
        axes.text(0, top + 1.45, model.name, fontsize=8.5, va="bottom")
        for index, block in enumerate(model.config.layers):
            for place, (name, color) in enumerate(_kinds(block)):
                seen[name] = color
                style: dict[str, Any] = {"facecolor": color, "alpha": 0.8, "linewidth": 0}
                axes.add_patch(Rectangle((index, top - 1.15 * place), 0.84, 1.0, **style))
    for number, (name, color) in enumerate(seen.items()):
        left, bottom = 22 * (number % 3), -1.9 - 1.7 * (number // 3)
        axes.add_patch(Rectangle((left, bottom), 1.0, 1.0, facecolor=color, alpha=0.8, linewidth=0))
        axes.text(left + 1.6, bottom + 0.5, name, fontsize=8, va="center")
    axes.set_ylim(-4, 4.4 * len(chosen) + 1.4)


def _kinds(block: BlockConfig) -> list[tuple[str, str]]:
    experts = isinstance(block.feedforward, ExpertsConfig)
    return [MIXERS[type(block.mixer)], ("experts", "C4") if experts else ("feed-forward", "C3")]


def parameter_shares(figure: Figure) -> None:
    """Draw which part of the parameters lies where, model by model."""
    chosen = ("gpt2-small", "t5-base", "smollm2-135m", "granite4-h-micro", "llama3-8b", "llama3-405b", "mixtral-8x7b",
              "deepseek-v3")  # fmt: skip
    axes = figure.subplots()
    figure.set_figheight(2.9)
    left = [0.0] * len(chosen)
    counts = [parameters(MODELS[key].config) for key in chosen]
    parts = {"embedding, head": ("embedding", "head"), "attention, state": ("attention",),
             "feed-forward": ("feedforward",)}  # fmt: skip
    for index, (label, names) in enumerate(parts.items()):
        shares = [
            100
            * sum(count for part, count in found.items() if part.removeprefix("cross_") in names)
            / sum(found.values())
            for found in counts
        ]
        axes.barh(range(len(chosen)), shares, left=left, color=f"C{index}", alpha=0.8, label=label, height=0.7)
        left = [before + share for before, share in zip(left, shares, strict=True)]
    axes.set_yticks(range(len(chosen)), [MODELS[key].name for key in chosen], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("share of the parameters (%)")
    axes.legend(fontsize=8, ncols=3, loc="lower center", bbox_to_anchor=(0.4, 1.0))
