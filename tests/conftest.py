"""Settings of all tests; and packages are imported before pytest imports their modules by the path, for the doctests.

By path, pytest imports a package first and then runs the module, even if the package has just imported it. After that
there are two modules of one name, two of each of its classes, and no object of the one equals its like of the other.
"""

import importlib
import pkgutil
import sys
from collections.abc import Iterator

import jaxtyping
import pytest
from hypothesis import Phase, settings

import llmguide

# A busy machine is no fault of the code under test.
settings.register_profile("without deadline", deadline=None)
# For mutation testing, where a test that fails has done its work: the same examples each time, and none made smaller.
settings.register_profile(
    "mutants", deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("without deadline")

# Every call of the test run checks the shapes that the signatures promise. Not in the tokenizers: they hold no tensors,
# and their tests make millions of calls.
HOOKED = ["decoding", "embeddings", "interpret", "training", "transformer"]
jaxtyping.install_import_hook([f"llmguide.{name}" for name in HOOKED], "beartype.beartype")

for module in pkgutil.walk_packages(llmguide.__path__, "llmguide."):
    if module.ispkg:
        importlib.import_module(module.name)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Let coverage really look away from the tests that are marked ``no_cover``.

    In each of several processes, pytest-cov starts a second watch on top of the one that it began with. For a marked
    test it stops the second only, and coverage goes on with the first, which nobody reads: a test of a million calls
    takes more than twice as long.
    """
    if hasattr(session.config, "workerinput") and "coverage" in sys.modules:
        while watch := sys.modules["coverage"].Coverage.current():
            watch.stop()


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Switch the check of shapes off, as it is for users, to see what the functions themselves refuse."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests of the built book reported, in whichever process they ran."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    properties = [pair for report in reports for pair in report.user_properties]
    if lines := [line for name, said in properties if name == "report" for line in said]:
        terminalreporter.section("the built book")
        terminalreporter.write_line("\n".join(lines))
