"""Experiments whose recorded results the book prints, and the claims that its prose makes of them.

An experiment is a module of this package that defines ``EXPERIMENT``. Its name is the module's, with hyphens for
underscores, and its recorded result lies in ``book/results/NAME.json``.
"""

import importlib
import pkgutil

from llmguide.experiments.framework import AnyExperiment, Claim, Experiment
from llmguide.experiments.records import Record, load, lookup

__all__ = ["Claim", "Experiment", "Record", "all_experiments", "find_experiment", "load", "lookup"]


def all_experiments() -> tuple[AnyExperiment, ...]:
    """Find every experiment of this package by importing its modules.

    Returns:
        The experiments, sorted by name.

    Raises:
        ValueError: If an experiment's name is not its module's; the message gives both.
    """
    found = []
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        experiment = getattr(importlib.import_module(module.name), "EXPERIMENT", None)
        if experiment is None:  # the framework's own modules
            continue
        expected = module.name.rpartition(".")[2].replace("_", "-")
        if experiment.name != expected:
            raise ValueError(f"{module.name} names its experiment {experiment.name!r}: it must be {expected!r}")
        found.append(experiment)
    return tuple(sorted(found, key=lambda experiment: experiment.name))


def find_experiment(name: str) -> AnyExperiment:
    """Find one experiment by its name.

    Args:
        name: For example ``tokenization-vocabulary-size``.

    Returns:
        The experiment.

    Raises:
        ValueError: If there is none of that name; the message lists those there are.
    """
    experiments = {experiment.name: experiment for experiment in all_experiments()}
    if name not in experiments:
        raise ValueError(f"no experiment {name!r}; there are: {', '.join(experiments)}")
    return experiments[name]
