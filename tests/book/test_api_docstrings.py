"""A colon in the description of a result or an attribute is not taken for the end of a type."""

from _extensions.api_docstrings import keep_prose
from sphinx.ext.napoleon import Config, GoogleDocstring


def rendered(what: str, docstring: str) -> str:
    lines = docstring.splitlines()
    keep_prose(None, what, "toy.thing", None, None, lines)
    config = Config(napoleon_use_ivar=True)
    return " ".join(str(GoogleDocstring("\n".join(lines), config, what=what, name="toy.thing")).split())


def test_a_result_with_a_colon_is_a_description() -> None:
    assert rendered("function", "Count.\n\nReturns:\n    The pairs: (a, b)\n    and more.\n") == (
        "Count. :returns: The pairs: (a, b) and more."
    )


def test_an_attribute_with_a_colon_has_no_type() -> None:
    assert rendered("data", "A stretch: its first and last.") == "A stretch: its first and last."


def test_one_word_and_no_result_are_left_alone() -> None:
    assert rendered("function", "Go.\n\nReturns:\n    Nothing.") == "Go. :returns: Nothing."
    assert rendered("data", "Name.") == "Name."
