"""The recorded results themselves: fresh, consistent, and every claim holds."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from time import process_time

import pytest

from llmguide.experiments import all_experiments
from llmguide.experiments.check import FRAMEWORK, differing
from llmguide.experiments.files import results_directory
from llmguide.experiments.fingerprint import imported_modules
from llmguide.experiments.records import Status, load, status
from llmguide.experiments.runner import REDUCED_SECONDS, judge, run_case, run_reduced

EXPERIMENTS = {experiment.name: experiment for experiment in all_experiments()}
ROOT = Path(__file__).parents[2]


@cache
def reduced(name):
    """The numbers of the reduced case for the first seed, which must be quick; coverage makes it slower."""
    allowed = REDUCED_SECONDS * (3 if "Tracer" in repr(sys.gettrace()) else 1)
    start = process_time()
    numbers = run_reduced(EXPERIMENTS[name], [].append)
    assert process_time() - start < allowed, "make the reduced case smaller"
    return numbers


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_record_is_fresh_and_untouched(name):
    assert status(name) is Status.FRESH, f"run `llmguide experiments check {name}`"


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_claim_holds_on_the_recorded_numbers(name):
    experiment, record = EXPERIMENTS[name], load(name)
    judged = judge(experiment, record.per_seed)
    assert judged == record.claims
    for claim, result in judged.items():
        assert result.holds, (claim, result.effects, result.smallest_effect)
    assert judged, "an experiment that claims nothing could not have come out otherwise"


def test_a_sentence_of_the_book_refers_to_every_claim():
    pages = "\n".join(page.read_text("utf-8") for page in (ROOT / "book").rglob("*.md"))
    named = set(re.findall(r"\{claim\}`[^`]*<([\w.-]+)>`", pages))
    assert named == {f"{name}.{claim.name}" for name, one in EXPERIMENTS.items() for claim in one.claims}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_reduced_case_still_gives_the_recorded_numbers(name):
    experiment, record = EXPERIMENTS[name], load(name)
    assert not list(differing(record.reduced, reduced(name), record.tolerance, experiment.machine_dependent))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_dependencies_are_declared(name):
    experiment = EXPERIMENTS[name]
    imported = imported_modules(experiment.module, ignored=FRAMEWORK)
    assert imported - {experiment.module} == set(experiment.depends)
    assert {f"dataset:{corpus}" for corpus in experiment.datasets} <= load(name).fingerprint.keys()


@pytest.mark.no_cover
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_where_chance_matters_there_are_three_seeds(name):
    if len(load(name).seeds) < 3:
        experiment = EXPERIMENTS[name]
        other = run_case(experiment, experiment.reduced, experiment.seeds[0] + 1)
        assert other == reduced(name), "nothing may be drawn"


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_figure_draws_on_its_record(name):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    record = load(name)
    for draw in EXPERIMENTS[name].figures.values():
        figure = Figure(figsize=(6, 4), layout="constrained")
        canvas = FigureCanvasAgg(figure)
        draw(figure, record)
        assert any(axes.get_xlabel() for axes in figure.axes)
        canvas.draw()
        renderer = canvas.get_renderer()
        labels = [text.get_window_extent(renderer) for axes in figure.axes for text in axes.texts]
        overlapping = [(a, b) for i, a in enumerate(labels) for b in labels[i + 1 :] if a.overlaps(b)]
        assert not overlapping
        page = figure.bbox
        assert all(page.x0 <= label.x0 and label.x1 <= page.x1 for label in labels), "a label is cut off"


def test_no_record_is_without_its_experiment():
    records = {file.stem for file in results_directory().glob("*.json") if not file.stem.startswith("bench-")}
    assert records == EXPERIMENTS.keys()


def test_reading_a_record_loads_no_experiment_and_no_library():
    program = (
        "import sys; from llmguide.experiments.records import load; load('tokenization-vocabulary-size'); "
        "print([name for name in sys.modules if 'tokenizers' in name or name in ('numpy', 'matplotlib', 'regex')])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
