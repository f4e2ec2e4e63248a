"""``llmguide experiments``: list, run and check the measurements that the book reports."""

import argparse

from llmguide.experiments import all_experiments, find_experiment
from llmguide.experiments.check import check
from llmguide.experiments.files import RESULTS_VARIABLE
from llmguide.experiments.framework import AnyExperiment
from llmguide.experiments.records import status
from llmguide.experiments.runner import run_all

DESCRIPTION = f"""\
The numbers and figures of the book come from recorded runs of the experiments in llmguide.experiments. Each record
is one JSON file in book/results; --results or the variable {RESULTS_VARIABLE} name another directory."""

EXAMPLES = """\
examples:
  llmguide experiments list
  llmguide experiments run tokenization-vocabulary-size
  llmguide experiments check

A run that was interrupted goes on where it stopped. Exit codes: 0 all is well; 1 a record is missing or stale, or a
claim fails; 2 no experiment of that name."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``experiments`` to the program's subcommands.

    Args:
        subparsers: Of the program's parser.
    """
    parser = subparsers.add_parser(
        "experiments",
        help="list, run or check the measurements that the book reports",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|run|check")
    lister = actions.add_parser("list", help="name, state and title of every experiment")
    runner = actions.add_parser("run", help="run in full and record the results")
    runner.add_argument("--fresh", action="store_true", help="forget what an interrupted run has finished")
    checker = actions.add_parser(
        "check", help="check that records are those of today's sources and that every claim holds"
    )
    checker.add_argument("--rerun", action="store_true", help="run the reduced case even where nothing has changed")
    for action in (lister, runner, checker):
        action.add_argument("names", nargs="*", metavar="NAME", help="experiments to take; all, if none is named")
        action.add_argument("--results", metavar="DIR", help="directory of the records")


def run(args: argparse.Namespace) -> int:
    """Carry out ``llmguide experiments``.

    Args:
        args: As parsed by what :func:`add_parser` added.

    Returns:
        The exit code: 1 if a record is missing or stale, or a claim fails.

    Raises:
        ValueError: If there is no experiment of a given name.
    """
    chosen = [find_experiment(name) for name in args.names] or list(all_experiments())
    if args.action == "list":
        return _list(chosen, args.results)
    if args.action == "run":
        return _run(chosen, args.results, fresh=args.fresh)
    return _check(chosen, args.results, rerun=args.rerun)


def _list(experiments: list[AnyExperiment], results: str | None) -> int:
    width = max((len(experiment.name) for experiment in experiments), default=0)
    for experiment in experiments:
        print(f"{experiment.name:{width}}  {status(experiment.name, results).value:8}{experiment.title}")
    return 0


def _run(experiments: list[AnyExperiment], results: str | None, *, fresh: bool) -> int:
    failed = False
    for experiment, record in run_all(experiments, results, fresh=fresh):
        for name, claim in record.claims.items():
            effects = ", ".join(f"{effect:.4g}" for effect in claim.effects.values())
            verdict = "holds" if claim.holds else "FAILS"
            print(f"{experiment.name}: {name} {verdict} (effects {effects}; at least {claim.smallest_effect:g} wanted)")
            failed |= not claim.holds
    return int(failed)


def _check(experiments: list[AnyExperiment], results: str | None, *, rerun: bool) -> int:
    failed = False
    for experiment in experiments:
        outcome = check(experiment, results, rerun=rerun)
        good = "re-stamped: the reduced case gives the recorded numbers" if outcome.restamped else "fresh"
        for line in outcome.problems or (good,):
            print(f"{experiment.name}: {line}")
        failed |= bool(outcome.problems)
    return int(failed)
