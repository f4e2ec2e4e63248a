"""Diagrams of the benchmarks, each drawn from a record."""

from matplotlib.figure import Figure

from llmguide.experiments.records import load

TITLES = {"bpe": "BPE", "wordpiece": "WordPiece", "unigram": "unigram"}
MARKERS = ("o", "s", "^")


def cost_by_size(figure: Figure) -> None:
    """Draw the time of training and of encoding by the size of the text, ours beside the libraries'."""
    metrics = load("bench-tokenizers-by-size").metrics
    figure.set_figheight(3.4)
    panels = figure.subplots(1, 2, sharex=True)
    for axes, work, title in zip(panels, ("train", "encode"), ("training", "encoding"), strict=True):
        for index, (algorithm, series) in enumerate(metrics.items()):
            for whose, line in (("own", "-"), ("library", "--")):
                axes.loglog(
                    series["megabytes"],
                    series[f"{work}_{whose}"],
                    color=f"C{index}",
                    linestyle=line,
                    marker=MARKERS[index],
                    markersize=4,
                    label=f"{TITLES[algorithm]}, {'ours' if whose == 'own' else 'library'}",
                )
        axes.set(xlabel="megabytes of text", title=title)
    panels[0].set_ylabel("seconds")
    panels[1].legend(fontsize=7)
