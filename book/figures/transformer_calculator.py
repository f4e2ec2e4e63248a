"""What stands in the place of the calculator where no script runs: sizes of published models, and what they keep."""

from matplotlib.figure import Figure

from llmguide.transformer.accounting import active_parameters, cache_bytes, parameters
from llmguide.transformer.catalogue import MODELS
from llmguide.transformer.encoder_decoder import EncoderDecoderConfig

POSITIONS = 4096


def fallback(figure: Figure) -> None:
    """Draw each model's parameters, those that work for one token, and what a cache keeps of a text."""
    figure.set_size_inches(figure.get_figwidth(), 6.4)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[3, 2])
    models = list(MODELS.values())
    for place, model in enumerate(models):
        count, active = sum(parameters(model.config).values()), sum(active_parameters(model.config).values())
        left.plot([active, count], [place, place], "-", color="C0", linewidth=1.2)
        left.plot([count], [place], "o", color="C0", markersize=5, label="all parameters" if place == 0 else None)
        if active != count:
            first = not left.get_legend_handles_labels()[1][1:]
            left.plot(
                [active], [place], "s", color="C1", markersize=5, label="at work for one token" if first else None
            )
        if not isinstance(model.config, EncoderDecoderConfig) and model.config.mask.kind == "causal":
            kept = cache_bytes(model.config, 1, POSITIONS, bytes_per_number=2) / 2**20
            right.plot([kept], [place], "D", color="C2", markersize=4.5)
    left.set_yticks(range(len(models)), [model.name for model in models], fontsize=8)
    left.set_xscale("log")
    left.set_xlabel("parameters")
    left.legend(fontsize=8, loc="lower right")
    right.set_xscale("log")
    right.set_xlabel(f"MiB to keep of {POSITIONS:,} tokens")
    for axes in (left, right):
        axes.grid(axis="y", linewidth=0.3)
