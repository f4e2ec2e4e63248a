"""What stands in the place of the tokenizer playground where no script runs: its first example, drawn."""

from collections.abc import Iterable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from llmguide import datasets
from llmguide.tokenizers import published
from llmguide.tokenizers.alphabet import unspell
from llmguide.tokenizers.tokenizer import Tokenizer
from llmguide.tokenizers.training import train_tokenizer

TEXT = "The naïve kingdom's heir, 2026"
MONO: dict[str, Any] = {"family": "DejaVu Sans Mono"}
COLUMNS = 64  # characters in a line


def fallback(figure: Figure) -> None:
    """Draw one text as pieces, and as the tokens and ids of two vocabularies."""
    works = datasets.documents("shakespeare")
    del works["hamlet"]  # as in the chapter
    chapter = train_tokenizer(works.values(), vocab_size=4096, special_tokens=["<|endoftext|>"])
    gpt2 = published.load("gpt2")
    pieces = [(piece.replace(" ", "␣"), "") for piece in chapter.pretokenizer.words(TEXT)]
    bands = [
        (f"pieces: {len(pieces)}", pieces),
        *(
            (
                f"{name}, {tokenizer.vocab_size:,} tokens: {len(tokenizer.encode_ids(TEXT))} tokens and their ids",
                _tokens(tokenizer),
            )
            for name, tokenizer in (("this chapter's vocabulary", chapter), ("GPT-2's vocabulary", gpt2))
        ),
    ]
    axes: Axes = figure.subplots()
    axes.set_axis_off()
    y = 0.0
    for index, (heading, cells) in enumerate(bands):
        axes.text(0, y, heading, fontsize=8.5, va="center")
        y = _flow(axes, cells, y - 0.95, f"C{index}") - 1.1
    axes.set(xlim=(-0.3, COLUMNS + 0.3), ylim=(y + 0.7, 0.6))
    figure.set_size_inches(figure.get_figwidth(), 0.21 * (1.3 - y))


def _tokens(tokenizer: Tokenizer) -> list[tuple[str, str]]:
    """Pair each token, as the reader sees it, with its id."""
    encoding = tokenizer.encode(TEXT)
    return [(_seen(token), str(number)) for token, number in zip(encoding.tokens, encoding.ids, strict=True)]


def _seen(token: str) -> str:
    """Write a token as text, or by its bytes where it holds a part of a character."""
    data = unspell(token)
    try:
        return data.decode().replace(" ", "␣")
    except UnicodeDecodeError:
        return "".join(chr(byte).replace(" ", "␣") if byte < 128 else f"‹{byte:02X}›" for byte in data)


def _flow(axes: Axes, cells: Iterable[tuple[str, str]], y: float, color: str) -> float:
    """Set boxes in lines, each with a number below it, and return where the last line ends."""
    x, depth = 0.0, 1.0
    for text, number in cells:
        width = max(len(text), len(number) * 0.8) + 0.9
        depth = 1.9 if number else 1.0
        if x + width > COLUMNS:
            x, y = 0.0, y - depth - 0.35
        shape = FancyBboxPatch((x, y - 0.55), width, 1.05, "round,pad=0,rounding_size=0.2")
        shape.set(facecolor=color, alpha=0.18, linewidth=0)
        axes.add_patch(shape)
        frame = FancyBboxPatch((x, y - 0.55), width, 1.05, "round,pad=0,rounding_size=0.2")
        frame.set(facecolor="none", edgecolor=color, linewidth=1)
        axes.add_patch(frame)
        axes.text(x + width / 2, y - 0.05, text, ha="center", va="center", fontsize=9, **MONO)
        axes.text(x + width / 2, y - 1.0, number, ha="center", va="center", fontsize=7, **MONO)
        x += width + 0.5
    return y - depth + 0.5
