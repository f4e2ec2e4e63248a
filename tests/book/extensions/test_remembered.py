"""What is looked up once: the contents for the sources of a folder, and the pages for the numbers in them."""

from types import SimpleNamespace
from typing import Any, cast

from _extensions.remembered import _READING, _Reading, forget_pages, remember_contents
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def test_the_sources_of_a_folder_share_their_contents_and_pages_have_their_own() -> None:
    app = cast(Sphinx, SimpleNamespace(builder=SimpleNamespace()))
    made: list[str] = []

    def contents(name: str, **options: Any) -> str:
        def make(**options: Any) -> str:
            made.append(name)
            return f"{name} {options}"

        context = {"toctree": make}
        remember_contents(app, name, "page.html", context, None)
        return context["toctree"](**options)

    assert contents("_modules/llmguide/tokenizers/bpe", depth=1) == contents("_modules/llmguide/tokenizers/x", depth=1)
    assert contents("_modules/llmguide/tokenizers/bpe", depth=2) == "_modules/llmguide/tokenizers/bpe {'depth': 2}"
    assert contents("_modules/llmguide/world", depth=1) == "_modules/llmguide/world {'depth': 1}"
    for page in ("api/llmguide.tokenizers", "api/llmguide.world", "404"):
        assert contents(page, depth=1) == f"{page} {{'depth': 1}}"
    sources = ["_modules/llmguide/tokenizers/bpe"] * 2 + ["_modules/llmguide/world"]
    assert made == [*sources, "api/llmguide.tokenizers", "api/llmguide.world", "404"]


class Environment:
    """Counts how often a page is read."""

    name = "the book"

    def __init__(self) -> None:
        self.read: list[str] = []

    def get_doctree(self, name: str) -> str:
        self.read.append(name)
        return f"page {name}"


def test_a_page_is_read_once_until_pages_are_read_anew() -> None:
    counting = Environment()
    env = cast(BuildEnvironment, counting)
    for _ in range(2):
        reading = _READING.setdefault(env, _Reading(env))
        assert reading.get_doctree("one") == "page one"
        assert reading.name == "the book"
    assert counting.read == ["one"]
    forget_pages(cast(Sphinx, None), env)
    assert _READING.setdefault(env, _Reading(env)).get_doctree("one") == "page one"
    assert counting.read == ["one", "one"]
