"""Recorded results: what they hold, and whether the sources that made them have changed since.

Nothing here imports an experiment or any library, so that the book can read a record cheaply.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import Enum
from pathlib import Path
from statistics import fmean, stdev
from typing import TypeAlias, TypeGuard

from llmguide.experiments.files import results_directory, write_json
from llmguide.experiments.fingerprint import digest

Metrics: TypeAlias = Mapping[str, object]  # nested: numbers, strings, lists and mappings; keys are strings without dots


@dataclass(frozen=True)
class ClaimResult:
    """How a claim came out.

    Attributes:
        statement: What was claimed.
        smallest_effect: The smallest effect of interest.
        effects: The effect in each seed.
        holds: Whether all of them reach the smallest of interest.
    """

    statement: str
    smallest_effect: float
    effects: Mapping[str, float]
    holds: bool


@dataclass(frozen=True)
class Record:
    """The result of a full run, as it lies in ``book/results``.

    Attributes:
        experiment: Name of the experiment.
        title: Its title.
        command: What repeats the run.
        config: Its settings.
        seeds: One run for each.
        metrics: Mean over seeds of each number; anything else only where all seeds agree on it.
        spread: Sample standard deviation over seeds of each number, in the same nesting.
        per_seed: The metrics of each seed; the seeds are strings, as JSON wants them.
        claims: How each claim came out.
        versions: Python's version, ours, and those of the packages that the experiment declares.
        machine: The processor and the system.
        wall_seconds: Time for all seeds together.
        date: Day of the run (ISO 8601).
        fingerprint: Digest of each module and each corpus that the numbers depend on.
        reduced: Metrics of the reduced case for the first seed.
        tolerance: Relative difference that still counts as the same number.
    """

    experiment: str
    title: str
    command: str
    config: Metrics
    seeds: tuple[int, ...]
    metrics: Metrics
    spread: Metrics
    per_seed: Mapping[str, Metrics]
    claims: Mapping[str, ClaimResult]
    versions: Mapping[str, str]
    machine: str
    wall_seconds: float
    date: str
    fingerprint: Mapping[str, str]
    reduced: Metrics
    tolerance: float


class Status(Enum):
    """What can be said of a record without running anything."""

    FRESH = "fresh"
    STALE = "stale"  # a source has changed since
    FAILING = "failing"  # a claim does not hold
    BROKEN = "broken"  # its parts contradict each other: somebody edited it
    MISSING = "missing"


def load(name: str, directory: Path | str | None = None) -> Record:
    """Read the recorded result of an experiment.

    Args:
        name: Name of the experiment.
        directory: Where results lie; see :func:`~llmguide.experiments.files.results_directory`.

    Returns:
        The record.

    Raises:
        FileNotFoundError: If there is no record; the message gives the command that makes one.
        ValueError: If the file is not a record; the message says what is wrong with it.
    """
    file = results_directory(directory) / f"{name}.json"
    if not file.is_file():
        raise FileNotFoundError(f"no recorded result {file}: make it with `llmguide experiments run {name}`")
    try:
        content = json.loads(file.read_text("utf-8"))
        expected = {field.name for field in fields(Record)}
        if content.keys() != expected:
            raise ValueError(f"missing or unknown keys: {', '.join(sorted(content.keys() ^ expected))}")
        claims = {key: ClaimResult(**claim) for key, claim in content["claims"].items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{file} is not a recorded result: {error}") from error
    return Record(**{**content, "seeds": tuple(content["seeds"]), "claims": claims})


def save(record: Record, directory: Path | str | None = None) -> Path:
    """Write a record, all of it or nothing.

    Args:
        record: What to write.
        directory: Where results lie; see :func:`~llmguide.experiments.files.results_directory`.

    Returns:
        The file written.
    """
    file = results_directory(directory) / f"{record.experiment}.json"
    write_json(file, asdict(record))
    return file


def lookup(source: Record | Metrics, path: str) -> object:
    """Follow a dotted path into nested metrics.

    Args:
        source: A record, for its mean metrics, or any nested metrics such as ``record.spread``.
        path: Keys, and indices of lists, joined by dots.

    Returns:
        What lies there.

    Raises:
        LookupError: If nothing does; the message gives the keys at the last place that exists.

    Example:
        >>> lookup({"english": {"4096": [3.5, 3.6]}}, "english.4096.1")
        3.6
    """
    value: object = source.metrics if isinstance(source, Record) else source
    walked: list[str] = []
    for key in path.split("."):
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, Sequence) and not isinstance(value, str) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            where = ".".join(walked) or "the top"
            there = ", ".join(map(str, value)) if isinstance(value, Mapping) else repr(value)
            raise LookupError(f"no {key!r} in {path!r}; at {where} there is: {there}")
        walked.append(key)
    return value


def number(source: Record | Metrics, path: str) -> float:
    """Follow a dotted path to a number.

    Args:
        source: As for :func:`lookup`.
        path: As for :func:`lookup`.

    Returns:
        The number.

    Raises:
        LookupError: If nothing lies there.
        TypeError: If something else does.
    """
    value = lookup(source, path)
    if not is_number(value):
        raise TypeError(f"{path!r} is {value!r}, not a number")
    return value


def mean(runs: Sequence[object]) -> object:
    """Average nested metrics over runs; see :class:`Record` for what is not a number.

    Args:
        runs: The same nesting once for each seed.

    Returns:
        The same nesting of means. Integers that agree stay integers.

    Example:
        >>> mean([{"loss": 2.0, "n": 10}, {"loss": 3.0, "n": 10}])
        {'loss': 2.5, 'n': 10}
    """
    return _combine(runs, lambda numbers: fmean(numbers) if len(set(numbers)) > 1 else numbers[0], keep_equal=True)


def spread(runs: Sequence[object]) -> object:
    """Take the sample standard deviation over runs of each number in nested metrics.

    Args:
        runs: The same nesting once for each seed.

    Returns:
        The same nesting of deviations. One run alone has none.

    Example:
        >>> spread([{"loss": 2.0, "name": "a"}, {"loss": 4.0, "name": "a"}])
        {'loss': 1.4142135623730951}
    """
    return _combine(runs, stdev, keep_equal=False) if len(runs) > 1 else {}


def status(name: str, directory: Path | str | None = None) -> Status:
    """Say whether a record can be printed, without running anything.

    Args:
        name: Name of the experiment.
        directory: Where results lie; see :func:`~llmguide.experiments.files.results_directory`.

    Returns:
        The worst that is true of the record.
    """
    try:
        record = load(name, directory)
    except FileNotFoundError:
        return Status.MISSING
    except ValueError:
        return Status.BROKEN
    if not consistent(record):
        return Status.BROKEN
    if not all(claim.holds for claim in record.claims.values()):
        return Status.FAILING
    return Status.STALE if changed_sources(record) else Status.FRESH


def consistent(record: Record) -> bool:
    """Tell whether a record's means, deviations and claims are those of its seeds.

    Args:
        record: A record.

    Returns:
        False if a number was edited by hand.
    """
    runs = list(record.per_seed.values())
    return (
        [str(seed) for seed in record.seeds] == list(record.per_seed)
        and record.metrics == mean(runs)
        and record.spread == spread(runs)
        and all(
            claim.holds == all(effect >= claim.smallest_effect for effect in claim.effects.values())
            for claim in record.claims.values()
        )
    )


def changed_sources(record: Record) -> list[str]:
    """Name the modules and corpora that have changed since the record was made.

    Args:
        record: A record.

    Returns:
        Their names; none for a fresh record.
    """
    return [name for name, recorded in record.fingerprint.items() if digest(name) != recorded]


def is_number(value: object) -> TypeGuard[float]:
    """Tell numbers from everything else; truth values count as something else.

    Args:
        value: Anything.

    Returns:
        Whether it is an integer or a float.
    """
    return isinstance(value, int | float) and not isinstance(value, bool)


def _combine(runs: Sequence[object], of_numbers: Callable[[list[float]], float], *, keep_equal: bool) -> object:
    """Reduce the same nesting over runs; what cannot be reduced is ``None``, and mappings leave it out."""
    first = runs[0]
    if all(is_number(run) for run in runs):
        return of_numbers([run for run in runs if is_number(run)])
    mappings = [run for run in runs if isinstance(run, Mapping)]
    if len(mappings) == len(runs):
        shared = [key for key in mappings[0] if all(key in run for run in mappings)]
        reduced = {key: _combine([run[key] for run in mappings], of_numbers, keep_equal=keep_equal) for key in shared}
        return {key: value for key, value in reduced.items() if value is not None}
    lists = [run for run in runs if isinstance(run, list)]
    if len(lists) == len(runs) and len({len(run) for run in lists}) == 1:
        return [_combine(entries, of_numbers, keep_equal=keep_equal) for entries in zip(*lists, strict=True)]
    return first if keep_equal and all(run == first for run in runs) else None
