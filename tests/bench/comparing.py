"""Compare the speed of own work and a peer's: in turns, round after round, with a record of how it came out.

Absolute times depend on the machine and on what else it does, so what counts is the ratio. A row gives its median over
the rounds, the smallest and the largest: with seven rounds the true median lies between those two with a probability of
98 % (1 - 2 / 2**7).
"""

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from platform import python_version
from statistics import median
from typing import Any

import llmguide
from llmguide.experiments.fingerprint import CORPUS_PREFIX, digest, imported_modules
from llmguide.experiments.records import Metrics, Record, save
from llmguide.experiments.runner import _machine

Timed = Callable[[], float]
"""Does the work once and gives the time that it took, or the speed."""


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        work: What is done.
        peer_name: Beside whom.
        unit: Of ``own`` and ``peer``: seconds (less is better) or MB/s (more is better).
        own: Our median.
        peer: The peer's median.
        ratio: The median of own / peer over the rounds.
        low: The smallest ratio of a round.
        high: The largest.
        goal: What the ratio should be.
        met: Whether it is.
        share: The median of the part of our time that the bare products of matrices take, where it was measured.
    """

    work: str
    peer_name: str
    unit: str
    own: float
    peer: float
    ratio: float
    low: float
    high: float
    goal: str
    met: bool
    share: float | None = None


def meets(ratio: float, goal: str) -> bool:
    """Say whether a ratio meets a goal such as ``≤ 0.8``."""
    sign, bound = goal.split()
    return ratio <= float(bound) if sign == "≤" else ratio >= float(bound)


def compare(  # noqa: PLR0917
    work: str, peer_name: str, unit: str, own: Timed, peer: Timed, goal: str, rounds: int, floor: Timed | None = None
) -> Row:
    """Let both work in turns and compare them round by round.

    Args:
        work: What is done.
        peer_name: Beside whom.
        unit: Of what ``own`` and ``peer`` return.
        own: Our work.
        peer: Theirs.
        goal: What the ratio should be.
        rounds: How often.
        floor: The part of the work that no code of a model can save, timed in the same rounds.

    Returns:
        The row.
    """
    pairs, shares = [], []
    for number in range(rounds):
        sys.stderr.write(f"\r{work} beside {peer_name}: round {number + 1} of {rounds}\033[K")
        if number % 2:
            theirs, ours = peer(), own()
        else:
            ours, theirs = own(), peer()
        pairs.append((ours, theirs))
        if floor is not None:
            shares.append(floor() / ours)
    sys.stderr.write("\r\033[K")
    ratios = [ours / theirs for ours, theirs in pairs]
    ratio = median(ratios)
    return Row(
        work=work,
        peer_name=peer_name,
        unit=unit,
        own=median(ours for ours, _ in pairs),
        peer=median(theirs for _, theirs in pairs),
        ratio=ratio,
        low=min(ratios),
        high=max(ratios),
        goal=goal,
        met=meets(ratio, goal),
        share=median(shares) if shares else None,
    )


def seconds(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Do something once and take the time, by the wall or by another clock."""
    started = clock()
    work()
    return clock() - started


def report(rows: Mapping[str, Row]) -> Metrics:
    """Print a line for each comparison, and return them for a record."""
    for row in rows.values():
        verdict = "met" if row.met else "missed"
        products = "" if row.share is None else f", products {row.share:.0%} of ours"
        sys.stdout.write(
            f"{row.work:45} {row.peer_name:17} {row.own:8.3g} {row.peer:8.3g} {row.unit:5}"
            f"{row.ratio:8.3f} ({row.low:.3f} to {row.high:.3f})  {row.goal} {verdict}{products}\n"
        )
    return {name: {key: value for key, value in asdict(row).items() if value is not None} for name, row in rows.items()}


def fingerprint(script: str, corpora: Iterable[str] = ()) -> dict[str, str]:
    """Digest what a benchmark times: the package's modules behind it, and the corpora.

    Args:
        script: The benchmark's module, in this folder.
        corpora: Names of the corpora that it reads.

    Returns:
        Digest by name. The package's first file is left out: it holds the version, and hands names on.
    """
    names = sorted(imported_modules(script) - {"llmguide"})
    return {name: digest(name) for name in [*names, *(CORPUS_PREFIX + corpus for corpus in corpora)]}


def record_benchmark(
    name: str,
    title: str,
    metrics: Metrics,
    *,
    rounds: int,
    packages: Iterable[str],
    sources: Mapping[str, str],
    started: float,
    load: float,
    config: Mapping[str, Any] | None = None,
) -> None:
    """Write a benchmark's record and say where.

    Args:
        name: Name of the record.
        title: What was measured.
        metrics: The measurements.
        rounds: How often each was made.
        packages: The packages whose versions matter.
        sources: What is timed, by :func:`fingerprint`; the page of benchmarks says when it has changed since.
        started: When it began, by ``time.perf_counter``.
        load: How many processes were at work then.
        config: What else it depends on.
    """
    record = Record(
        experiment=name,
        title=title,
        command="make bench",
        config={"rounds": rounds, **(config or {}), "load": [round(load, 1), round(os.getloadavg()[0], 1)]},
        seeds=(),
        metrics=metrics,
        spread={},
        per_seed={},
        claims={},
        versions={
            "python": python_version(),
            "llmguide": llmguide.__version__,
            **{package: version(package) for package in packages},
        },
        machine=_machine(),
        wall_seconds=round(time.perf_counter() - started, 1),
        date=datetime.now(UTC).date().isoformat(),
        fingerprint=sources,
        reduced={},
        tolerance=0.0,
    )
    sys.stdout.write(f"recorded in {save(record)}\n")
