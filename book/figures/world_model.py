"""What stands in the place of the book's model where no script runs: one choice of a token, rule by rule."""

from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmguide.decoding.sampling import keep_min_p, keep_top_k, keep_top_p, with_temperature
from llmguide.tokenizers.alphabet import unspell
from llmguide.transformer.checkpoints import load_folder
from llmguide.world.corpus import published_exam

MODEL = Path(__file__).parent.parent / "results" / "world-model"
TEMPERATURE, TOP_K, TOP_P, MIN_P = 1.3, 8, 0.9, 0.1  # where the controls begin, too
SHOWN = 10  # tokens


def fallback(figure: Figure) -> None:
    """Draw the distribution of the token after a prompt, as the model gives it and after each rule."""
    loaded = load_folder(MODEL)
    assert loaded.tokenizer is not None
    prompt = next(item.prompt for item in published_exam()["test"] if item.kind == "crowd")
    with torch.inference_mode():
        logits = loaded.model(torch.tensor([loaded.tokenizer.encode_ids(prompt)]))[:, -1]
    stages = {"the model\n": logits}
    stages[f"temperature\n{TEMPERATURE}"] = logits = with_temperature(logits, TEMPERATURE)
    stages[f"top-k\n{TOP_K}"] = logits = keep_top_k(logits, TOP_K)
    stages[f"top-p\n{TOP_P}"] = logits = keep_top_p(logits, TOP_P)
    stages[f"min-p\n{MIN_P}"] = keep_min_p(logits, MIN_P)
    order = stages["the model\n"][0].argsort(descending=True, stable=True)[:SHOWN].tolist()
    names = [_seen(loaded.tokenizer.model.tokens[number]) for number in order]
    figure.set_size_inches(figure.get_figwidth(), 3.4)
    figure.suptitle(f"“{prompt}” …", x=0.01, ha="left", fontsize=10)
    for place, (axes, (name, stage)) in enumerate(zip(figure.subplots(1, 5, sharey=True), stages.items(), strict=True)):
        _panel(axes, name, stage[0, order], stage[0].softmax(dim=-1)[order], names if place == 0 else None)


def _panel(axes: Axes, name: str, logits: torch.Tensor, shares: torch.Tensor, names: list[str] | None) -> None:
    """Draw a bar for each token with its probability in per cent; a dash stands for what is removed."""
    axes.barh(range(SHOWN), shares.tolist(), height=0.7, color="C0")
    for row, (logit, share) in enumerate(zip(logits.tolist(), shares.tolist(), strict=True)):
        text = "–" if logit == -torch.inf else f"{100 * share:.0f}" if share >= 0.0995 else f"{100 * share:.1f}"
        axes.annotate(text, (share, row), (3, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_title(name, fontsize=8.5)
    axes.set(xlim=(0, 1.35), ylim=(SHOWN - 0.5, -0.5), xticks=[])
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(left=False)
    if names is not None:
        axes.set_yticks(range(SHOWN), names, fontsize=8.5, family="DejaVu Sans Mono")


def _seen(token: str) -> str:
    """Write a token as text, with a sign for a space and each byte that is no character as a number."""
    data = unspell(token)
    text = data.decode(errors="surrogateescape").replace(" ", "␣").replace("\n", "↵")
    return "".join(c if c.isprintable() else f"‹{data.hex().upper()}›" for c in text)
