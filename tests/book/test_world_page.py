"""The page on the miniature world is about the world that the package makes."""

from pathlib import Path

from llmguide import world

PAGE = Path(__file__).parents[2] / "book" / "reference" / "world-model.md"


def test_the_page_names_the_version_of_the_generator() -> None:
    assert f"version {world.VERSION} of the generator" in " ".join(PAGE.read_text("utf-8").split())
