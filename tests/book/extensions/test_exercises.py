"""Exercises and solutions in a small book: numbers, order, links both ways, and what is refused."""

import re
from pathlib import Path

import pytest
from sample_book import build, find, read_page, words


def test_html_numbers_exercises_by_chapter_and_names_the_group(html: Path) -> None:
    one = read_page(html, "one")
    assert [words(title) for title in one.select(".exercise-title")] == [
        "Exercise 1.1. A sum of two check",
        "Exercise 1.2 explore",
    ]
    assert words(one.select("section > p")[0]) == "See Exercise 1.1 and Exercise 2.1."
    group = find(one, "#ex-sum")
    assert group["role"] == "group"
    assert find(one, f"#{group['aria-labelledby']}").find_parent(id="ex-sum") is group


def test_html_folds_the_solution_with_its_anchor_inside(html: Path) -> None:
    details = find(read_page(html, "one"), "details.solution")
    assert words(find(details, "summary")) == "Solution to Exercise 1.1"
    assert "assert 1 + math.floor" in find(details, "#solution-ex-sum").get_text()
    assert "import math" not in read_page(html, "one").get_text(), "testsetup is hidden"


def test_html_lists_exercises_and_solutions_in_the_order_of_the_chapters(html: Path) -> None:
    listed = read_page(html, "exercises")
    assert [words(item) for item in listed.select("li")] == [
        "Exercise 1.1. A sum of two check",
        "Exercise 1.2. Find something that nobody has found before, and then write … explore",
        "Exercise 2.1. Count to three. apply",
    ]
    assert [words(chapter) for chapter in listed.select("section > p")] == ["1 One", "2 Two"]
    solutions = read_page(html, "solutions")
    assert [link["href"] for link in solutions.select("li a")] == [
        "one.html#solution-ex-sum",
        "two.html#solution-ex-far",
    ]


def test_epub_collects_the_solutions_and_links_both_ways(epub: Path) -> None:
    one, solutions = read_page(epub, "one"), read_page(epub, "solutions")
    assert not one.select(".solution-body")
    assert find(one, "#ex-sum .to-solution a")["href"] == "solutions.xhtml#solution-ex-sum"
    assert not one.select("#ex-open .to-solution")
    assert [body["id"] for body in solutions.select(".solution-body")] == ["solution-ex-sum", "solution-ex-far"]
    first = find(solutions, "#solution-ex-sum")
    assert words(find(first, ".exercise-title")) == "Solution to Exercise 1.1"
    # From here the way is another than from the page on which the solution was written.
    assert [link["href"] for link in first.select("a")] == ["one.xhtml#ex-sum", "two.xhtml#sec-counting", "two.xhtml"]


def test_latex_collects_the_solutions_and_links_both_ways(latex: str) -> None:
    chapters, solutions = latex.split(r"\chapter{Solutions}")
    assert "math.floor" not in chapters.replace(r"\PYG{o}{.}", ".")
    assert re.findall(r"\\label\{\\detokenize\{(\w+:solution-[\w-]+)\}\}", solutions) == [
        "one:solution-ex-sum",
        "two:solution-ex-far",
    ]
    assert r"\hyperref[\detokenize{one:solution-ex-sum}]" in chapters
    assert r"\pageref{\detokenize{one:solution-ex-sum}}" in chapters
    assert r"\pageref{\detokenize{two:ex-far}}" in solutions
    assert r"\def\@currentlabel{1.2}\makeatother\label{\detokenize{one:ex-open}}" in chapters
    assert r"\hyperref[\detokenize{one:ex-sum}]{Exercise \ref{\detokenize{one:ex-sum}}}" in solutions


def test_a_new_exercise_reaches_the_pages_that_list_exercises(draft: Path) -> None:
    one = draft / "one.md"
    new = EXERCISE.replace("ex-a", "ex-new").replace("How many?", ":no-solution:\nHow many?")
    one.write_text(one.read_text("utf-8").replace("(sec-adding)=", f"{new}(sec-adding)="), "utf-8")
    assert build(draft) == ""
    listed = [words(item) for item in read_page(draft.parent / "book-html", "exercises").select("li")]
    assert listed[:2] == ["Exercise 1.1. How many? check", "Exercise 1.2. A sum of two check"]
    solutions = read_page(draft.parent / "book-html", "solutions")
    assert words(solutions.select("li")[0]) == "Exercise 1.2. A sum of two check"


EXERCISE = ":::{exercise} check\n:name: ex-a\nHow many?\n:::\n\n"
SOLUTION = ":::{solution} ex-a\n:prose:\nFour.\n:::\n\n"
FAULTS = {
    EXERCISE.replace("check", "hard"): "page.md:1: an exercise is of grade check, apply, explore, not 'hard'",
    EXERCISE.replace(":name: ex-a\n", ""): "page.md:1: an exercise needs a `:name: ex-…`",
    EXERCISE: "page.md:1: WARNING: exercise 'ex-a' has no solution",
    SOLUTION: "page.md:1: WARNING: solution of an unknown exercise 'ex-a'",
    EXERCISE + 2 * SOLUTION: "WARNING: a second solution of exercise 'ex-a'",
    EXERCISE + SOLUTION.replace(":prose:\n", ""): "page.md:6: a solution either holds {testcode}",
    EXERCISE + SOLUTION.replace("Four.", "```{testcode}\n4\n```"): "page.md:6: a solution either holds {testcode}",
    EXERCISE + SOLUTION.replace("Four.", "```{math}\n:label: eq-a\n4\n```"): "may have a number or a name: target",
    EXERCISE + SOLUTION.replace("Four.", "Four.[^note]") + "[^note]: Or five.\n": "or a name: footnote_reference",
    EXERCISE.replace("How", ":no-solution:\nHow") + SOLUTION: "exercise 'ex-a' says `:no-solution:` but has one",
}
PAGES = {text: text for text in [*FAULTS, EXERCISE + SOLUTION]}


@pytest.mark.parametrize(("page", "complaint"), FAULTS.items(), ids=FAULTS.values())
def test_a_faulty_exercise_is_refused(said: dict[str, str], page: str, complaint: str) -> None:
    assert complaint in said[page]


def test_a_page_without_fault_is_not(said: dict[str, str]) -> None:
    assert said[EXERCISE + SOLUTION] == ""
