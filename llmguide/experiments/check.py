"""Checks of recorded results: are they those of today's sources, and does every claim still hold?"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from llmguide.experiments.fingerprint import imported_modules
from llmguide.experiments.framework import AnyExperiment
from llmguide.experiments.records import Record, consistent, is_number, load, save
from llmguide.experiments.runner import as_json, fingerprint, judge, report, run_reduced

FRAMEWORK = frozenset(
    {"llmguide", "llmguide.experiments", "llmguide.experiments.framework", "llmguide.experiments.records"}
)
"""Modules that experiments import and whose code changes no number."""


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    Attributes:
        experiment: Name of the experiment.
        problems: What is wrong and what to do about it; none if the book may print the record.
        restamped: Whether the record was written anew, because changed sources gave the same numbers.
    """

    experiment: str
    problems: tuple[str, ...] = ()
    restamped: bool = False


def check(
    experiment: AnyExperiment,
    directory: Path | str | None = None,
    *,
    rerun: bool = False,
    progress: Callable[[str], None] = report,
) -> Outcome:
    """Check the record of an experiment, and re-stamp it if changed sources still give the same numbers.

    Where a source has changed, the reduced case is run again. If its numbers agree with the recorded ones within the
    recorded tolerance, the full run would tell nothing new, and the record gets the new fingerprint.

    Args:
        experiment: Whose record.
        directory: Where results lie; see :func:`~llmguide.experiments.files.results_directory`.
        rerun: Run the reduced case even if no source has changed.
        progress: Takes lines of progress.

    Returns:
        What was found.
    """
    name, again = experiment.name, f"run `{experiment.command}`"
    undeclared = imported_modules(experiment.module, ignored=FRAMEWORK) - {experiment.module, *experiment.depends}
    if undeclared:
        return Outcome(name, (f"imports what it does not declare in `depends`: {', '.join(sorted(undeclared))}",))
    try:
        record = load(name, directory)
    except (FileNotFoundError, ValueError) as error:
        return Outcome(name, (str(error),))
    if not consistent(record):
        return Outcome(name, (f"means, spreads or claims are not those of the recorded seeds (edited?): {again}",))
    if not _same_settings(experiment, record):
        return Outcome(name, (f"the settings or the seeds have changed since the recorded run: {again}",))

    sources = fingerprint(experiment)
    names = sorted(sources.keys() | record.fingerprint.keys())
    changed = [source for source in names if sources.get(source) != record.fingerprint.get(source)]
    if changed or rerun:
        progress(f"{name}: running the reduced case ({', '.join(changed) if changed else 'nothing'} changed)")
        reduced = run_reduced(experiment, progress)
        differences = list(differing(record.reduced, reduced, record.tolerance, experiment.machine_dependent))
        if differences:
            shown = "; ".join(differences[:3]) + (f"; and {len(differences) - 3} more" if differences[3:] else "")
            return Outcome(name, (f"the reduced case gives other numbers ({shown}): {again}",))
    try:
        claims = judge(experiment, record.per_seed)
    except (LookupError, TypeError) as error:
        return Outcome(name, (f"a claim asks for what the record does not hold ({error}): {again}",))
    current = replace(
        record,
        title=experiment.title,
        command=experiment.command,
        claims=claims,
        fingerprint=sources,
        tolerance=experiment.tolerance,
    )
    failed = [
        f"claim {key!r} fails: effects {_rounded(claim.effects.values())}, at least {claim.smallest_effect:g} wanted"
        for key, claim in claims.items()
        if not claim.holds
    ]
    if current != record:
        save(current, directory)
    return Outcome(name, tuple(failed), restamped=current != record)


def differing(
    recorded: object, current: object, tolerance: float, ignored: Iterable[str] = (), path: str = ""
) -> Iterator[str]:
    """Name the places where two nestings of metrics differ.

    Args:
        recorded: Metrics, or a part of them.
        current: What should be the same.
        tolerance: Relative difference up to which two numbers are the same.
        ignored: Patterns of paths that need not agree.
        path: Path of the part.

    Yields:
        The path with both values.

    Example:
        >>> list(differing({"loss": 2.0, "ms": 10.0}, {"loss": 2.1, "ms": 99.0}, 0.01, ["ms"]))
        ['loss: 2.0 recorded, 2.1 now']
    """
    if any(fnmatchcase(path, pattern) for pattern in ignored):
        return
    if isinstance(recorded, Mapping) and isinstance(current, Mapping):
        for key in dict.fromkeys([*recorded, *current]):
            inner = f"{path}.{key}" if path else key
            yield from differing(recorded.get(key), current.get(key), tolerance, ignored, inner)
    elif isinstance(recorded, list) and isinstance(current, list) and len(recorded) == len(current):
        for index, (one, other) in enumerate(zip(recorded, current, strict=True)):
            yield from differing(one, other, tolerance, ignored, f"{path}.{index}")
    elif is_number(recorded) and is_number(current):
        if not math.isclose(recorded, current, rel_tol=tolerance):
            yield f"{path}: {recorded!r} recorded, {current!r} now"
    elif recorded != current:
        yield f"{path}: {recorded!r} recorded, {current!r} now"


def _same_settings(experiment: AnyExperiment, record: Record) -> bool:
    config = as_json(asdict(experiment.config))
    return config == record.config and experiment.seeds == record.seeds


def _rounded(effects: Iterable[float]) -> str:
    return ", ".join(f"{effect:.4g}" for effect in effects)
