"""Full runs: every seed, the reduced case, the claims, and the record; a kill loses nothing that was finished."""

import json
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import cast

import llmguide
from llmguide.experiments.files import results_directory, write_json
from llmguide.experiments.fingerprint import CORPUS_PREFIX, digest
from llmguide.experiments.framework import AnyExperiment
from llmguide.experiments.records import ClaimResult, Metrics, Record, load, mean, save, spread

REDUCED_SECONDS = 10.0


def report(line: str) -> None:
    """Print a line of progress on the standard error stream.

    Args:
        line: What to print.
    """
    print(line, file=sys.stderr, flush=True)  # noqa: T201 (progress is for the terminal)


def run_experiment(
    experiment: AnyExperiment,
    directory: Path | str | None = None,
    *,
    fresh: bool = False,
    progress: Callable[[str], None] = report,
) -> Record:
    """Run an experiment for every seed and write its record.

    Each finished seed is written at once to ``NAME.json.partial`` beside the record. A run that was interrupted
    takes up those seeds again, unless the sources or the settings have changed since.

    Args:
        experiment: What to run.
        directory: Where results lie; see :func:`~llmguide.experiments.files.results_directory`.
        fresh: Forget the seeds of an interrupted run.
        progress: Takes lines of progress.

    Returns:
        The record, as written. Its claims may have failed: that is a result too.

    Raises:
        ValueError: If the metrics hold a number that is not finite, or a key with a dot.
    """
    partial = results_directory(directory) / f"{experiment.name}.json.partial"
    sources = fingerprint(experiment)
    settings = as_json(asdict(experiment.config))
    header = {"fingerprint": sources, "config": settings}
    finished = {} if fresh else _finished_seeds(partial, header)
    for position, seed in enumerate(experiment.seeds, start=1):
        where = f"{experiment.name}: seed {seed} ({position} of {len(experiment.seeds)})"
        if str(seed) in finished:
            progress(f"{where} was finished before the interruption")
            continue
        progress(f"{where} …")
        start = time.perf_counter()
        metrics = run_case(experiment, experiment.config, seed)
        seconds = time.perf_counter() - start
        finished[str(seed)] = {"metrics": metrics, "seconds": seconds}
        write_json(partial, {**header, "finished": finished})
        progress(f"{where} took {seconds:.1f} s")
    per_seed = {str(seed): cast(Metrics, finished[str(seed)]["metrics"]) for seed in experiment.seeds}
    record = Record(
        experiment=experiment.name,
        title=experiment.title,
        command=experiment.command,
        config=settings,
        seeds=experiment.seeds,
        metrics=cast(Metrics, mean(list(per_seed.values()))),
        spread=cast(Metrics, spread(list(per_seed.values()))),
        per_seed=per_seed,
        claims=judge(experiment, per_seed),
        versions=_versions(experiment),
        machine=_machine(),
        wall_seconds=round(sum(cast(float, finished[str(seed)]["seconds"]) for seed in experiment.seeds), 1),
        date=date.today().isoformat(),
        fingerprint=sources,
        reduced=run_reduced(experiment, progress),
        tolerance=experiment.tolerance,
    )
    save(record, directory)
    partial.unlink()
    return record


def run_all(
    experiments: Sequence[AnyExperiment],
    directory: Path | str | None = None,
    *,
    fresh: bool = False,
    progress: Callable[[str], None] = report,
) -> Iterator[tuple[AnyExperiment, Record]]:
    """Run several experiments, one after another.

    What is finished is noted in ``runs.json.partial`` beside the records. If the call is interrupted, the next call
    with the same experiments takes up after it; one whose sources have changed since is run again.

    Args:
        experiments: What to run.
        directory: Where results lie; see :func:`~llmguide.experiments.files.results_directory`.
        fresh: Run all of them, and every seed.
        progress: Takes lines of progress.

    Yields:
        Each experiment with its record.
    """
    journal = results_directory(directory) / "runs.json.partial"
    names = [experiment.name for experiment in experiments]
    noted = {} if fresh or not journal.is_file() else json.loads(journal.read_text("utf-8"))
    finished: dict[str, object] = noted["finished"] if noted.get("experiments") == names else {}
    for experiment in experiments:
        sources = fingerprint(experiment)
        if finished.get(experiment.name) == sources:
            progress(f"{experiment.name} was finished before the interruption")
            yield experiment, load(experiment.name, directory)
            continue
        record = run_experiment(experiment, directory, fresh=fresh, progress=progress)
        finished[experiment.name] = sources
        write_json(journal, {"experiments": names, "finished": finished})
        yield experiment, record
    journal.unlink(missing_ok=True)


def run_case(experiment: AnyExperiment, config: object, seed: int) -> Metrics:
    """Run an experiment once and bring its metrics into the form that a record holds.

    Args:
        experiment: What to run.
        config: Its full or its reduced settings.
        seed: The seed.

    Returns:
        The metrics as JSON reads them back.

    Raises:
        ValueError: If a number is not finite, or a key has a dot; the message names the experiment.
    """
    try:
        metrics = as_json(experiment.run(config, seed))
    except ValueError as error:
        raise ValueError(f"{experiment.name}, seed {seed}: {error}") from error
    _refuse_dots(metrics, experiment.name)
    return metrics


def run_reduced(experiment: AnyExperiment, progress: Callable[[str], None] = report) -> Metrics:
    """Run the reduced case, and complain if it takes too long to be run at every check.

    Args:
        experiment: What to run.
        progress: Takes the complaint.

    Returns:
        Its metrics for the first seed.
    """
    start = time.perf_counter()
    metrics = run_case(experiment, experiment.reduced, experiment.seeds[0])
    seconds = time.perf_counter() - start
    if seconds > REDUCED_SECONDS:
        progress(f"{experiment.name}: the reduced case took {seconds:.1f} s; make it smaller ({REDUCED_SECONDS:.0f} s)")
    return metrics


def fingerprint(experiment: AnyExperiment) -> dict[str, str]:
    """Digest everything that an experiment declares to depend on.

    Args:
        experiment: Whose sources.

    Returns:
        Digest by name: of its own module, the declared modules, and the declared corpora.
    """
    corpora = [CORPUS_PREFIX + name for name in experiment.datasets]
    return {name: digest(name) for name in (experiment.module, *experiment.depends, *corpora)}


def judge(experiment: AnyExperiment, per_seed: Mapping[str, Metrics]) -> dict[str, ClaimResult]:
    """Judge every claim of an experiment.

    Args:
        experiment: Whose claims.
        per_seed: The metrics of each seed.

    Returns:
        The results by name of the claim.
    """
    results = {}
    for claim in experiment.claims:
        effects = {seed: float(claim.effect(metrics)) for seed, metrics in per_seed.items()}
        holds = all(effect >= claim.smallest_effect for effect in effects.values())
        results[claim.name] = ClaimResult(claim.statement, claim.smallest_effect, effects, holds)
    return results


def _finished_seeds(partial: Path, header: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Read the seeds that an interrupted run of the same sources and settings has finished."""
    if not partial.is_file():
        return {}
    content = json.loads(partial.read_text("utf-8"))
    same = all(content[key] == value for key, value in header.items())
    return cast(dict[str, dict[str, object]], content["finished"]) if same else {}


def as_json(content: object) -> Metrics:
    """Take content through JSON, so that a record in memory equals the one read back.

    Args:
        content: Nested mappings of what JSON can hold.

    Returns:
        The same, with lists for tuples and strings for keys.

    Raises:
        ValueError: If a number is not finite.
    """
    return cast(Metrics, json.loads(json.dumps(content, allow_nan=False)))


def _refuse_dots(content: object, where: str) -> None:
    if isinstance(content, Mapping):
        for key, value in content.items():
            if "." in key:
                raise ValueError(f"{where}: the key {key!r} has a dot, which separates keys in a path")
            _refuse_dots(value, f"{where}.{key}")


def _versions(experiment: AnyExperiment) -> dict[str, str]:
    installed = {name: version(name) for name in experiment.packages}
    return {"python": platform.python_version(), "llmguide": llmguide.__version__, **installed}


def _machine() -> str:
    """Describe the processor and the system, without the machine's name."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        models = [line for line in cpuinfo.read_text("utf-8").splitlines() if line.startswith("model name")]
        processor = models[0].partition(":")[2].strip() if models else processor
    return f"{processor}, {platform.system()}"
