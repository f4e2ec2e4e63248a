"""A labelled equation of the text names the code that computes it, or says why none does."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from _extensions.equations import names
from chapters import BOOK, TEXTS
from small_book import SmallBook

_DIRECTIVE = re.compile(r"^(`{3,}|:{3,})\{math\}[^\n]*\n(?P<options>(?::[\w-]+:[^\n]*\n)*)", re.MULTILINE)
_DOLLARS = re.compile(r"^\$\$ *\((?P<label>[\w-]+)\)", re.MULTILINE)


def untied(text: str) -> Iterator[str]:
    """The labels of equations that neither name their code nor say why they have none."""
    yield from (match["label"] for match in _DOLLARS.finditer(text))  # this form takes no options
    for match in _DIRECTIVE.finditer(text):
        options = dict(re.findall(r"^:([\w-]+): *(.*)$", match["options"], re.MULTILINE))
        if (label := options.get("label") or options.get("name")) and not options.get(
            "implements", options.get("no-code")
        ):
            yield label


@pytest.mark.parametrize("chapter", TEXTS)
def test_every_labelled_equation_is_tied_to_code(chapter: str) -> None:
    labels = list(untied((BOOK / f"{chapter}.md").read_text("utf-8")))
    assert labels == [], "give each ```{math} either `:implements: llmguide.…` or `:no-code: reason`"


def test_the_search_sees_both_forms_and_both_options() -> None:
    directives = {
        "eq-a": "",
        "eq-c": ":no-code: A definition.",
        "eq-d": ":implements: m.f",
        "eq-e": ":no-code:",
    }
    text = "".join(f"```{{math}}\n:label: {label}\n{option}\nx\n```\n" for label, option in directives.items())
    text += "$$\nx\n$$ (eq-b)\n\n:::{math}\nunlabelled\n:::\n"
    assert sorted(untied(text)) == ["eq-a", "eq-b", "eq-e"]


@pytest.mark.parametrize("argument", ["train", "a.b, ", ""])
def test_a_name_must_be_whole(argument: str) -> None:
    with pytest.raises(ValueError, match="is no dotted name"):
        names(argument)


def test_an_equation_cannot_have_code_and_none(tmp_path: Path) -> None:
    page = "# Book\n\n```{math}\n:label: eq-a\n:implements: a.b\n:no-code: none\na\n```\n"
    book = SmallBook(tmp_path, ["_extensions.equations"], {"index": page})
    book.build(expect_warning="either :implements: or :no-code:, not both")


def test_a_reason_is_enough(tmp_path: Path) -> None:
    page = "# Book\n\n```{math}\n:label: eq-a\n:no-code: It defines a symbol.\na\n```\n"
    book = SmallBook(tmp_path, ["_extensions.equations"], {"index": page})
    book.build()
    assert not book.page("index").select(".implemented-by")
