"""Diagrams of the miniature world, drawn from the world itself."""

from _extensions.figure_style import canvas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch, Rectangle

from llmguide.world import questions
from llmguide.world.facts import Fact, published
from llmguide.world.splits import SPLITS
from llmguide.world.told import inverse, is_told

LEFT, MIDDLE, RIGHT = 1.2, 6.5, 11.8
NARROW, WIDE = 1.2, 1.7
SPLIT_COLORS = {"train": "C0", "validation": "C1", "test": "C2"}
SHOWN = 60


def around(figure: Figure) -> None:
    """Draw one person with what is true of him, and which sides of it are told."""
    world = published()
    person = world.people[0]
    axes = canvas(figure, width=13, height=6.9, inches=2.6)
    axes.set_ylim(1.1, 6.9)
    facts = {fact.relation: fact for fact in world.about(person)}
    town, spouse = facts["birthplace"].value, facts["spouse"].value
    land, trade = (_fact(town, "land"), _fact(spouse, "trade"))
    _box(axes, MIDDLE, 3.1, f"{person}\n{facts['trade'].value}, born {facts['birth year'].value}", WIDE)
    for x, y, label in (
        (LEFT, 4.5, town),
        (LEFT, 1.7, facts["employer"].value),
        (RIGHT, 4.5, spouse),
        (RIGHT, 1.7, facts["office"].value),
        (LEFT, 6.3, land.value),
        (RIGHT, 6.3, trade.value),
    ):
        _box(axes, x, y, label, NARROW)
    inner, outer = MIDDLE - WIDE - 0.1, LEFT + NARROW + 0.1
    _arrow(axes, (inner, 3.3), (outer, 4.5), facts["birthplace"], above=True)
    _arrow(axes, (inner, 2.9), (outer, 1.7), facts["employer"], above=False)
    inner, outer = MIDDLE + WIDE + 0.1, RIGHT - NARROW - 0.1
    _arrow(axes, (inner, 3.5), (outer, 4.7), facts["spouse"], above=True)
    _arrow(axes, (outer, 4.3), (inner, 3.1), inverse(facts["spouse"]), above=False)
    _arrow(axes, (outer, 1.9), (inner, 2.9), inverse(facts["office"]), above=True)
    _arrow(axes, (inner, 2.5), (outer, 1.5), facts["office"], above=False)
    for x, fact in ((LEFT, land), (RIGHT, trade)):
        _arrow(axes, (x, 4.95), (x, 5.85), fact, above=True)


def _fact(subject: str, relation: str) -> Fact:
    return next(fact for fact in published().about(subject) if fact.relation == relation)


def _box(axes: Axes, x: float, y: float, label: str, half: float) -> None:
    tall = 0.65 if "\n" in label else 0.38
    color = "C2" if half == WIDE else "C0"
    axes.add_patch(
        FancyBboxPatch((x - half, y - tall), 2 * half, 2 * tall, boxstyle="round,pad=0.04", fc="none", ec=color, lw=1.4)
    )
    axes.text(x, y, label, ha="center", va="center", fontsize=8.5)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], fact: Fact, *, above: bool) -> None:
    """Draw a relation from its subject to its value: dashed, if training does not tell it."""
    told = is_told(fact)
    axes.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=9, shrinkA=0, shrinkB=0, lw=1.2,
            color="C0" if told else "C1", linestyle="-" if told else (0, (3, 2)),
        )
    )  # fmt: skip
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    if start[0] == end[0]:
        axes.text(x + 0.2, y, fact.relation, fontsize=8, va="center")
        return
    rising = (end[1] - start[1]) * (end[0] - start[0]) > 0
    align = {(True, True): "right", (True, False): "left", (False, True): "left", (False, False): "right"}
    shift = -0.05 if align[rising, above] == "right" else 0.05
    axes.text(
        x + shift, y + (0.08 if above else -0.08), fact.relation, fontsize=8,
        ha=align[rising, above], va="bottom" if above else "top",
    )  # fmt: skip


def held_out(figure: Figure) -> None:
    """Draw for some people in which split each wording of one question is."""
    world = published()
    axes = figure.subplots()
    wordings = questions.WORDINGS["birthplace"]
    for column, person in enumerate(world.people[:SHOWN]):
        fact = Fact(person, "birthplace", world.value(person, "birthplace") or "")
        for split in SPLITS:
            asked = {item.key for item in questions.questions(fact, split)}
            for row, wording in enumerate(wordings):
                if wording.format(subject=person) in asked:
                    axes.add_patch(Rectangle((column, row), 0.86, 0.8, color=SPLIT_COLORS[split], lw=0))
    figure.set_size_inches(figure.get_figwidth(), 2.6)
    axes.set(xlim=(-0.3, SHOWN + 0.1), ylim=(len(wordings) + 0.1, -0.2), xticks=[])
    axes.set_yticks([row + 0.4 for row in range(len(wordings))], [str(row + 1) for row in range(len(wordings))])
    axes.set_xlabel(f"the first {SHOWN} people of the world, a column each")
    axes.set_ylabel("wording")
    axes.grid(visible=False)
    axes.tick_params(length=0)
    keys = [Patch(color=color, label=split.replace("train", "training")) for split, color in SPLIT_COLORS.items()]
    axes.legend(handles=keys, ncols=3, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
