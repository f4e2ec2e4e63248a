"""What an experiment is: a configuration, a function of it and a seed, figures, and claims that could have failed."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from llmguide.experiments.records import Metrics, Record

Config = TypeVar("Config")
"""The type of an experiment's settings."""


class Figure(Protocol):
    """The part of matplotlib's ``Figure`` that our figures use, so that only drawing needs matplotlib."""

    def subplots(self, *args: Any, **kwargs: Any) -> Any:
        """Add axes; the same as matplotlib's method."""
        ...

    def set_figheight(self, val: float) -> None:
        """Choose the height in inches; the same as matplotlib's method."""
        ...


Draw: TypeAlias = Callable[[Figure, Record], None]


@dataclass(frozen=True)
class Claim:
    """A statement of the book that an experiment could have refuted.

    Attributes:
        name: What the prose refers to, for example ``larger-vocabulary-compresses``.
        statement: One sentence, as a reader would say it, with the size of the effect.
        smallest_effect: The smallest effect of interest, written down before the full run.
        effect: From the metrics of one seed to the size of the effect. The claim holds if it reaches
            ``smallest_effect`` in every seed.
    """

    name: str
    statement: str
    smallest_effect: float
    effect: Callable[[Metrics], float]


@dataclass(frozen=True)
class Experiment(Generic[Config]):
    """A measurement that the book reports.

    Attributes:
        name: The module's name with hyphens.
        title: What the Experiments page calls it.
        explained_in: Label of the section that explains it.
        config: Settings of the full run: a frozen dataclass.
        reduced: Settings of a case of at most ten seconds that tells whether changed code still gives the same
            numbers.
        run: From settings and a seed to nested metrics. Must not depend on anything else.
        seeds: One full run for each; at least three where chance matters.
        claims: What the prose says of the result.
        figures: Functions that draw on an empty matplotlib figure, by name.
        depends: Modules of the package whose code the numbers depend on.
        datasets: Names of the corpora that the numbers depend on.
        packages: Installed distributions whose version is worth recording, beside Python's.
        tolerance: Relative difference of a metric that still counts as the same number.
        machine_dependent: Patterns (as in :mod:`fnmatch`) of metric paths that vary from machine to machine, such
            as ``seconds.*``, and are left out of the comparison.

    Raises:
        ValueError: If a name does not fit, two claims share one, or there is no seed.
    """

    name: str
    title: str
    explained_in: str
    config: Config
    reduced: Config
    run: Callable[[Config, int], Metrics]
    seeds: tuple[int, ...] = (0, 1, 2)
    claims: tuple[Claim, ...] = ()
    figures: Mapping[str, Draw] = field(default_factory=dict)
    depends: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    tolerance: float = 1e-9
    machine_dependent: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in (self.name, *self.figures, *(claim.name for claim in self.claims)):
            if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
                raise ValueError(f"{name!r} must be lower-case words with hyphens, so that a reference can name it")
        claims = [claim.name for claim in self.claims]
        if len(set(claims)) < len(claims):
            raise ValueError(f"{self.name} has two claims of one name: {', '.join(claims)}")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"{self.name} needs distinct seeds and at least one, not {self.seeds}")

    @property
    def module(self) -> str:
        """Name of the module that defines the experiment."""
        return self.run.__module__

    @property
    def command(self) -> str:
        """What a reader types to repeat the full run."""
        return f"llmguide experiments run {self.name}"


AnyExperiment: TypeAlias = Experiment[Any]
"""An experiment, where several with different settings stand side by side."""
