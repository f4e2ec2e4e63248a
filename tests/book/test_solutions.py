"""The code in the book's solutions, and the other code that its pages promise to run."""

from pathlib import Path

import pytest
from _extensions.page_code import PageCode, blocks, code_of

BOOK = Path(__file__).parents[2] / "book"
PAGES = sorted(page for page in BOOK.rglob("*.md") if not any(part.startswith("_") for part in page.parts))
CODE = [code for page in PAGES for code in code_of(page)]


def _name(code: PageCode) -> str:
    return code.exercise or f"{code.page.relative_to(BOOK).with_suffix('')}-text"


@pytest.mark.parametrize("code", CODE, ids=_name)
def test_code_runs(code: PageCode) -> None:
    assert code.parts or code.prose, "a solution either holds {testcode} or says `:prose:`"
    assert not (code.parts and code.prose), "a solution that holds {testcode} does not say `:prose:`"
    code.run()


PAGE = """\
# Page

```{testsetup}
numbers = [1, 2]
```

```python
print("```{testcode} in other code is no directive")
```

```{testcode}
assert sum(numbers) == 3
```

:::{exercise} check
:name: ex-a
Add them.
:::

::::{solution} ex-a
:::{note}
```{testcode}
total = sum(numbers)
```
:::
It is three.
```{testcode}
assert total == 3
raise LookupError
```
::::

```{testcode}
assert "total" not in globals()
```

````{solution} ex-b
:prose:
Three.
````
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE, "utf-8")
    return path


def test_solutions_are_found_with_the_setup_before_them(page: Path) -> None:
    solution, other, text = code_of(page)
    assert (solution.exercise, [part.strip() for part in solution.parts]) == (
        "ex-a",
        ["numbers = [1, 2]", "total = sum(numbers)", "assert total == 3\nraise LookupError"],
    )
    assert (other.exercise, other.parts, other.prose) == ("ex-b", (), True)
    assert text.exercise == ""
    text.run()  # in a namespace that no solution has touched


def test_a_failure_shows_the_line_of_the_page(page: Path) -> None:
    with pytest.raises(LookupError) as failure:
        next(code_of(page)).run()
    assert failure.traceback[-1].lineno + 1 == PAGE.splitlines().index("raise LookupError") + 1
    assert str(failure.traceback[-1].path) == str(page)


def test_a_fence_ends_at_one_as_long_as_its_own() -> None:
    (outer,) = blocks(["````{note}", "```{testcode}", "x = 1", "```", "````", "text"])
    assert [(inner.directive, inner.line, inner.content) for inner in outer.inner] == [("testcode", 3, ("x = 1",))]
