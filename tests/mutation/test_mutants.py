"""What is listed as explained is still in the source: a line that was rewritten takes its mutants with it."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
LISTED = tomllib.loads(Path(__file__).with_name("mutants.toml").read_text("utf-8"))


def source(module: str) -> str:
    """A module as the list writes lines: each without its margins, joined by spaces."""
    return " ".join((ROOT / f"llmguide/{package_of(module)}/{module}.py").read_text("utf-8").split())


def package_of(module: str) -> str:
    """The package that a module is one of: of the tokenizers, unless the list says otherwise."""
    return str(LISTED["modules"][module].get("package", "tokenizers"))


def test_every_explained_line_is_in_its_module() -> None:
    modules = {module: source(module) for module in LISTED["modules"]}
    gone = [one for one in LISTED["mutant"] if " ".join(one["was"].split()) not in modules[one["module"]]]
    assert gone == []


def test_every_explained_mutant_changes_something_and_says_why() -> None:
    for one in LISTED["mutant"]:
        assert one["was"] != one["became"]
        assert one["why"].endswith(".")


def test_the_tests_that_are_to_notice_are_there() -> None:
    named = {
        f"tests/{package_of(name)}/{test}" for name, module in LISTED["modules"].items() for test in module["tests"]
    }
    assert [test for test in sorted(named) if not (ROOT / test).is_file()] == []
