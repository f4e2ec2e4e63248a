"""Diagrams of the chapter on WordPiece and the unigram model, each drawn from what the package computes."""

from functools import cache
from math import exp, log
from typing import Any

from _extensions.figure_style import canvas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from llmguide import datasets
from llmguide.tokenizers import fast_bpe, unigram_training, wordpiece
from llmguide.tokenizers.bpe import Bpe, split_word
from llmguide.tokenizers.dropout import split_probabilities
from llmguide.tokenizers.lattice import best_path
from llmguide.tokenizers.pretokenizers import WORDS
from llmguide.tokenizers.training import count_words
from llmguide.tokenizers.unigram import Unigram
from llmguide.tokenizers.unigram_training import Round

MONO: dict[str, Any] = {"family": "DejaVu Sans Mono"}
VOCAB_SIZE = 4096


def longest_match(figure: Figure) -> None:
    """Draw what longest match looks up while it cuts a word, with the vocabulary that four words give."""
    word = "newer"
    model = wordpiece.train({"low": 5, "lower": 2, "newest": 6, "widest": 3}, vocab_size=26, criterion="gain")
    tried: list[tuple[int, int, bool]] = []
    for _, (start, found) in model.locate(word):
        tried += [(start, end, end == found) for end in range(len(word), found - 1, -1)]
    axes = canvas(figure, width=9.4, height=len(tried) + 1.2, inches=3.0)
    for column, letter in enumerate(word):
        axes.text(column + 0.5, len(tried) + 0.55, letter, ha="center", va="center", fontsize=12, **MONO)
    for row, (start, end, found) in enumerate(tried):
        y = len(tried) - 1 - row
        color = "C0" if found else "C1"
        _box(axes, start + 0.06, y + 0.1, end - start - 0.12, color, filled=found)
        token = ("##" if start else "") + word[start:end]
        answer = "in the vocabulary: take it" if found else "not in the vocabulary"
        axes.text(5.25, y + 0.5, token, va="center", fontsize=9, **MONO)
        axes.text(6.75, y + 0.5, answer, va="center", fontsize=8.5)


def lattice(figure: Figure) -> None:
    """Draw all ways to cut *low*, with the chapter's probabilities."""
    word = "low"
    probabilities = {"l": 0.2, "o": 0.15, "w": 0.1, "lo": 0.2, "ow": 0.3, "low": 0.05}
    model = Unigram(tuple(probabilities), tuple(map(log, probabilities.values())))
    graph = model.lattice(word)
    best = best_path(graph) or ()
    axes = canvas(figure, width=3.4, height=2.15, inches=2.5, left=-0.2)
    base = 0.95
    for arc in graph.arcs:
        length = arc.end - arc.start
        # Letters run along the base; lo and ow bow above it, low below, so that no arc crosses another.
        bow = {1: 0.0, 2: 1.15, 3: -1.0}[length]
        chosen = arc in best
        style = {"color": "C1" if chosen else "C0", "lw": 2.8 if chosen else 1.3}
        bend = f"arc3,rad={-bow / length * 1.0}"
        axes.annotate(
            "",
            (arc.end - 0.09, base),
            (arc.start + 0.09, base),
            arrowprops={"arrowstyle": "-|>", "connectionstyle": bend, "shrinkA": 0, "shrinkB": 0, **style},
        )
        piece = model.tokens[arc.token]
        # An arc's height is in proportion to its width on paper, so its label is placed in points.
        rise = 55 * bow + (9 if bow >= 0 else -9)
        axes.annotate(
            f"{piece}  {probabilities[piece]:g}",
            ((arc.start + arc.end) / 2, base),
            (0, rise),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=9.5,
            color=style["color"],
            **MONO,
        )
    for node in range(len(word) + 1):
        axes.plot([node], [base], marker="o", markersize=17, color="C0", alpha=0.25, markeredgewidth=0)
        axes.text(node, base - 0.01, str(node), ha="center", va="center", fontsize=10)


def training(figure: Figure) -> None:
    """Draw the number of pieces and the likelihood through the rounds of training."""
    _, rounds, _ = _trained()
    characters = sum(len(word) * count for word, count in _word_counts().items())
    above, below = figure.subplots(2, 1, sharex=True)
    figure.set_size_inches(figure.get_figwidth(), 3.9)
    steps = range(len(rounds))
    names = {"seed": "seed", "em": "expectation maximization", "prune": "pruning", "final": "last cut"}
    for axes, values in (
        (above, [number.size for number in rounds]),
        (below, [-number.log_likelihood / log(2) / characters for number in rounds]),
    ):
        axes.plot(steps, values, color="C0", lw=1, alpha=0.6)
        for index, (step, label) in enumerate(names.items()):
            places = [place for place in steps if rounds[place].step == step]
            axes.plot(
                places,
                [values[place] for place in places],
                color=f"C{index}",
                marker="o^vs"[index],
                markersize=5,
                linestyle="none",
                label=label,
            )
        axes.spines[["top", "right"]].set_visible(False)
    above.set_yscale("log")
    above.set_yticks([4_000, 8_000, 16_000], ["4,000", "8,000", "16,000"])
    above.minorticks_off()
    above.set_ylabel("pieces")
    above.legend(fontsize=8)
    below.set_ylabel("bits per character")
    below.set_xlabel("round")


def drawn_cuts(figure: Figure) -> None:
    """Draw the exact probabilities of the cuts of one word, by sampling from the model and by dropping merges."""
    word = "kingdom"
    model, _, bpe = _trained()
    cuts = model.n_best(word, 2 ** (len(word) - 1))
    panels = figure.subplots(1, 2)
    figure.set_size_inches(figure.get_figwidth(), 3.4)
    by_alpha = {}
    for alpha in (0.5, 0.2, 0.1):
        weights = {pieces: exp(alpha * score) for pieces, score in cuts}
        by_alpha[f"$\\alpha$ = {alpha:g}"] = {cut: weight / sum(weights.values()) for cut, weight in weights.items()}
    by_p = {f"$p$ = {p:g}": split_probabilities(split_word(word), bpe.ranks, p) for p in (0.1, 0.3, 0.5)}
    for axes, title, settings in ((panels[0], "unigram", by_alpha), (panels[1], "BPE-dropout", by_p)):
        _bars(axes, title, settings)


def _bars(axes: Axes, title: str, settings: dict[str, dict[tuple[str, ...], float]]) -> None:
    """Draw the likeliest cuts as rows of bars, one bar for each setting, and all others as the last row."""
    likeliest = sorted({cut for shares in settings.values() for cut in list(_ranked(shares))[:4]}, key=len)[:6]
    rows = [*(" ".join(cut) for cut in likeliest), "all others"]
    for index, (label, shares) in enumerate(settings.items()):
        values = [shares.get(cut, 0.0) for cut in likeliest]
        values.append(1 - sum(values))
        places = [row + 0.26 * (index - 1) for row in range(len(rows))]
        axes.barh(places, values, height=0.22, color=f"C{index}", label=label)
    axes.set_yticks(range(len(rows)), rows, fontsize=8, **MONO)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1])
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("probability")
    axes.legend(fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _ranked(shares: dict[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


@cache
def _word_counts() -> dict[str, int]:
    works = datasets.documents("shakespeare")
    del works["hamlet"]  # the chapter keeps it for tests
    return dict(count_words(works.values(), WORDS, byte_level=False))


@cache
def _trained() -> tuple[Unigram, list[Round], Bpe]:
    rounds = unigram_training.trace_training(_word_counts(), VOCAB_SIZE)
    pieces = rounds[-1].pieces
    return Unigram(tuple(pieces), tuple(pieces.values())), rounds, fast_bpe.train(_word_counts(), VOCAB_SIZE)


def _box(axes: Axes, x: float, y: float, width: float, color: str, *, filled: bool) -> None:
    shape = "round,pad=0,rounding_size=0.15"
    if filled:
        axes.add_patch(FancyBboxPatch((x, y), width, 0.8, shape, facecolor=color, alpha=0.3, linewidth=0))
    line: dict[str, Any] = {"edgecolor": color, "linewidth": 1.2, "linestyle": "-" if filled else "--"}
    axes.add_patch(FancyBboxPatch((x, y), width, 0.8, shape, facecolor="none", **line))
