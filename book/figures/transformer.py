"""Diagrams of the chapter on the transformer, drawn from what the package computes."""

from collections.abc import Iterable

import torch
from _extensions.figure_style import canvas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch
from torch import Tensor
from torch.nn import functional as F

from llmguide.experiments.files import results_directory
from llmguide.interpret.walk import walk
from llmguide.transformer import Tap, Transformer, initialize, llama
from llmguide.transformer.checkpoints import load_folder
from llmguide.transformer.norms import layer_norm, rms_norm
from llmguide.transformer.published import smollm2

ARROW = {"arrowstyle": "-|>", "color": "0.5", "linewidth": 1.0, "shrinkA": 0, "shrinkB": 0}
DEPTH = 64


def whole_model(figure: Figure) -> None:
    """Draw the book's model with the names of its tensors and their shapes."""
    axes = canvas(figure, width=12, height=15.2, inches=5.8)
    stream = 2.2
    _box(axes, stream, 14.5, 3.2, "embedding", color="C0")
    _shape(axes, 4.2, 14.5, "12 × 128")
    _stream(axes, stream, 14.1, 3.9, gaps=((9.6, 0.27), (5.3, 0.27)))
    frame = FancyBboxPatch((0.2, 4.5), 11.6, 8.9, boxstyle="round,pad=0.05", facecolor="none", edgecolor="0.5")
    axes.add_patch(frame)
    axes.text(11.6, 13.0, "4 blocks", ha="right", va="center", fontsize=9)
    for top, norm, part, after in (
        (12.6, "attention_norm", "attention", "attended"),
        (8.3, "feedforward_norm", "feedforward", "output"),
    ):
        _branch(axes, stream, top, ((norm, "C2"), (part, "C1")))
        _shape(axes, 8.4, top - 0.5, "12 × 128")
        inner = "heads: 4 × 12 × 32\nweights: 4 × 12 × 12" if part == "attention" else "hidden: 12 × 352"
        axes.text(8.4, top - 1.9, inner, fontsize=8, va="center")
        axes.text(stream - 0.3, top - 3.35, after, fontsize=8.5, ha="right", va="center", family="DejaVu Sans Mono")
    for y, name, shape, color in (
        (3.5, "final_norm", "12 × 128", "C2"),
        (2.1, "logits", "12 × 1536", "C3"),
        (0.7, "probabilities", "12 × 1536", "C3"),
    ):
        _box(axes, stream, y, 3.6, name, color=color)
        _shape(axes, 4.4, y, shape)
    for high, low in ((3.1, 2.5), (1.7, 1.1)):
        axes.annotate("", (stream, low), (stream, high), arrowprops=ARROW)
    axes.text(2.5, 2.8, "times the embedding matrix", fontsize=8, va="center", style="italic")
    axes.text(2.5, 1.4, "softmax", fontsize=8, va="center", style="italic")


def placements(figure: Figure) -> None:
    """Draw a block with its norms on the stream, before its parts, and around them."""
    axes = canvas(figure, width=15.6, height=10.6, inches=4.0)
    for column, (title, before, behind) in enumerate((("post", 0, 0), ("pre", 1, 0), ("both sides", 1, 1))):
        stream = 0.9 + 5.3 * column
        axes.text(stream - 0.6, 10.2, title, fontsize=10, va="center")
        sums = [(6.3, 0.27), (2.2, 0.27)]
        on_line = [] if before else [(5.55, 0.35), (1.45, 0.35)]
        _stream(axes, stream, 9.7, 0.95, gaps=sorted(sums + on_line, reverse=True))
        for top, part in ((9.3, "attention"), (5.2, "feed-forward")):
            steps = [("norm", "C2")] * before + [(part, "C1")] + [("norm", "C2")] * behind
            _branch(axes, stream, top, steps, out=2.4, width=2.6, step=0.95)
            if not before:
                _box(axes, stream, top - 3.75, 1.6, "norm", color="C2", height=0.6)
        if before:
            _box(axes, stream, 0.6, 1.6, "norm", color="C2", height=0.6)
            axes.text(stream + 1.0, 0.6, "after all blocks", fontsize=8, va="center")


def _stream(axes: Axes, x: float, top: float, bottom: float, gaps: Iterable[tuple[float, float]]) -> None:
    """Draw the stream downwards, with a gap of a half-height at each place where something stands on it."""
    for place, half in gaps:
        axes.plot([x, x], [top, place + half], color="C0", linewidth=2.2, linestyle="-")
        top = place - half
    axes.plot([x, x], [top, bottom], color="C0", linewidth=2.2, linestyle="-")


def _branch(
    axes: Axes,
    stream: float,
    top: float,
    steps: Iterable[tuple[str, str]],
    *,
    out: float = 3.6,
    width: float = 4.4,
    step: float = 1.4,
) -> None:
    """Draw what leaves the stream, passes some boxes, and is added to it again."""
    x, y = stream + out, top
    axes.plot([stream, x], [top, top], color="0.5", linewidth=1.0, linestyle="-")
    end = top - 3.0
    for index, (name, color) in enumerate(steps):
        axes.annotate("", (x, top - 0.5 - step * index + 0.3), (x, y), arrowprops=ARROW)
        y = top - 0.5 - step * index
        _box(axes, x, y, width, name, color=color, height=0.6)
        y -= 0.3
    axes.plot([x, x], [y, end], color="0.5", linewidth=1.0, linestyle="-")
    axes.annotate("", (stream + 0.3, end), (x, end), arrowprops=ARROW)
    axes.add_patch(Circle((stream, end), 0.27, facecolor="none", edgecolor="C0", linewidth=1.2))
    axes.text(stream, end, "+", ha="center", va="center", fontsize=10)


def _box(axes: Axes, x: float, y: float, width: float, name: str, *, color: str, height: float = 0.75) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2),
            width,
            height,
            boxstyle="round,pad=0.05",
            facecolor="none",
            edgecolor=color,
        )
    )
    axes.text(x, y, name, ha="center", va="center", fontsize=8.5, family="DejaVu Sans Mono")


def _shape(axes: Axes, x: float, y: float, shape: str) -> None:
    axes.text(x, y, shape, fontsize=8, va="center")


def norms_in_the_plane(figure: Figure) -> None:
    """Draw where the two norms take eight points of a plane."""
    figure.set_size_inches(figure.get_figwidth(), 2.9)
    points = torch.tensor(
        [[2.6, 0.5], [1.9, 2.2], [-0.5, 2.5], [-2.4, 1.6], [-0.7, 0.3], [-1.5, -1.8], [0.4, -0.9], [2.3, -2.0]]
    )
    ones, zeros = torch.ones(2), torch.zeros(2)
    panels = (
        ("RMSNorm", rms_norm(points, ones, 1e-9)),
        ("LayerNorm", layer_norm(points, ones, zeros, 1e-9)),
    )
    for axes, (title, ends) in zip(figure.subplots(1, 2), panels, strict=True):
        if title == "RMSNorm":
            axes.add_patch(Circle((0, 0), 2**0.5, facecolor="none", edgecolor="C1", linewidth=1.2))
        else:
            axes.plot([-2.9, 2.9], [2.9, -2.9], color="C1", linewidth=1.2, linestyle="-")
        for start, end in zip(points.tolist(), ends.tolist(), strict=True):
            axes.annotate("", end, start, arrowprops=ARROW)
        axes.plot(*points.T, "o", color="C0", markersize=4, linestyle="none")
        axes.plot(*ends.T, "s", color="C1", markersize=5, linestyle="none")
        axes.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", title=title)
        axes.grid(visible=False)


def activations(figure: Figure) -> None:
    """Draw three activation functions, and how far the approximation of GELU is off."""
    figure.set_size_inches(figure.get_figwidth(), 2.8)
    left, right = figure.subplots(1, 2)
    x = torch.linspace(-4, 4, 401)
    for index, (name, y) in enumerate((("ReLU", F.relu(x)), ("GELU", F.gelu(x)), ("SiLU", F.silu(x)))):
        left.plot(x, y, color=f"C{index}", label=name)
    left.set(xlabel="x", ylim=(-0.5, 2.5), xlim=(-4, 2.5))
    left.legend(fontsize=8, loc="upper left")
    off = 1e4 * (F.gelu(x.double(), approximate="tanh") - F.gelu(x.double()))
    right.plot(x, off, color="C1", linestyle="-")
    right.set(xlabel="x", title="approximation − GELU (10⁻⁴)")


def growth(figure: Figure) -> None:
    """Draw the size of the stream through untrained blocks, with and without the division."""
    axes = figure.subplots()
    blocks = list(range(DEPTH + 1))
    for index, (name, divided) in enumerate((("as drawn", False), ("divided", True))):
        sizes = _sizes(divided)
        axes.plot(blocks, sizes, color=f"C{index}", label=name)
        if not divided:
            each = sizes[-1] / (2 * DEPTH) ** 0.5
            axes.plot(blocks[1:], [each * (2 * n) ** 0.5 for n in blocks[1:]], ":", color="0.5", linewidth=1.2)
    axes.set(xlabel="blocks passed", ylabel="root mean square", yscale="log")
    axes.set_yticks([0.02, 0.05, 0.1, 0.2], ["0.02", "0.05", "0.1", "0.2"])
    axes.minorticks_off()
    axes.legend(fontsize=8, loc="center right")


def _sizes(divided: bool) -> list[float]:
    model = Transformer(
        llama(vocab_size=64, context_length=32, d_model=64, n_layers=DEPTH, n_heads=4, n_kv_heads=4, d_hidden=176)
    )
    initialize(model, torch.Generator().manual_seed(0), 0.02, scale_residual=divided)
    tap = Tap(["embedding", "blocks.*.output"])
    rows = torch.randint(64, (4, 32), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        model(rows, tap=tap)
    wanted = ["embedding", *(f"blocks.{i}.output" for i in range(DEPTH))]
    return [float(tap.tensors[name].square().mean().sqrt()) for name in wanted]


def contributions(figure: Figure) -> None:
    """Draw what each part of the book's model adds to the logits of the two likeliest tokens."""
    loaded = load_folder(results_directory() / "world-model")
    assert loaded.tokenizer is not None
    tensors = walk(loaded).tensors
    model = loaded.model
    names, vectors = ["embedding"], [tensors["embedding"][-1]]
    for block in range(model.config.n_layers):
        for part, short in (("attention", "attention"), ("feedforward", "feed-forward")):
            names.append(f"{block}: {short}")
            vectors.append(tensors[f"blocks.{block}.{part}.output"][-1])
    end = tensors[f"blocks.{model.config.n_layers - 1}.output"][-1]
    assert model.final_norm is not None
    reader = model.final_norm.scale.detach() / (end.square().mean() + model.final_norm.epsilon).sqrt()
    axes = figure.subplots()
    places = range(len(names))
    for index, token in enumerate(tensors["logits"][-1].topk(2).indices.tolist()):
        row = model.embedding.tokens.weight.detach()[token]
        values = [float(row @ (reader * vector)) for vector in vectors]
        axes.barh(
            [place + 0.4 * index - 0.2 for place in places],
            values,
            height=0.36,
            color=f"C{index}",
            hatch="////" if index else None,
            label=loaded.tokenizer.decode([token]).strip(),
        )
    axes.set_yticks(places, names, fontsize=8.5)
    axes.set(xlabel="added to the logit", ylim=(len(names) - 0.4, -0.6))
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    axes.axvline(0, color="0.5", linewidth=0.8, linestyle="-")
    axes.legend(fontsize=9, loc="upper right")


def smollm2_stream(figure: Figure) -> None:
    """Draw the size of SmolLM2's stream at four positions, and what the logit lens gives the right word."""
    figure.set_size_inches(figure.get_figwidth(), 3.0)
    loaded = smollm2()
    assert loaded.tokenizer is not None
    *context, door = loaded.tokenizer.encode_ids("The key opens the door")
    tap = Tap(["embedding", "blocks.*.output"])
    with torch.no_grad():
        loaded.model(torch.tensor([context]), tap=tap)
        layers = [tap.tensors["embedding"], *(tap.tensors[f"blocks.{i}.output"] for i in range(30))]
        stream: Tensor = torch.cat(layers)
        assert loaded.model.final_norm is not None
        read = loaded.model.project(loaded.model.final_norm(stream[:, -1:])).softmax(-1)[:, 0, door]
    left, right = figure.subplots(1, 2)
    sizes = stream.square().mean(-1).sqrt()
    for position, number in enumerate(context):
        left.plot(sizes[:, position], color=f"C{position}", label=loaded.tokenizer.decode([number]).strip())
    left.set(xlabel="layers passed", title="root mean square", yscale="log")
    left.legend(fontsize=8, loc="center right", bbox_to_anchor=(1.0, 0.68), ncols=2, columnspacing=1.0)
    right.plot(read, color="C3", linestyle="-")
    right.set(xlabel="layers passed", title="probability of door", ylim=(0, 0.55))
