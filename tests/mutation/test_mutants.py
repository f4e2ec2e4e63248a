"""What is listed as explained is still in the source: a line that was rewritten takes its mutants with it."""

from mutate import EXPLAINED, ROOT, noticing, package_of


def source(module: str) -> str:
    """A module as the list writes lines: each without its margins, joined by spaces."""
    return " ".join((ROOT / f"llmguide/{package_of(module)}/{module}.py").read_text("utf-8").split())


def test_every_explained_line_is_in_its_module() -> None:
    modules = {module: source(module) for module in EXPLAINED["modules"]}
    gone = [one for one in EXPLAINED["mutant"] if " ".join(one["was"].split()) not in modules[one["module"]]]
    assert gone == []


def test_every_explained_mutant_changes_something_and_says_why() -> None:
    for one in EXPLAINED["mutant"]:
        assert one["was"] != one["became"]
        assert one["why"].endswith(".")


def test_the_tests_that_are_to_notice_are_there() -> None:
    assert [test for test in noticing(EXPLAINED["modules"]) if not (ROOT / test).is_file()] == []
