"""Exercises and their solutions.

An exercise is numbered like a figure, so ``{numref}`` refers to it and every output gives it the same number. On a web
page its solution is folded up below it. In print, where nothing can be folded, the solutions are collected on the page
that says ``{solutions}``, and exercise and solution link to each other.
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, cast

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import docname_join
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator
from sphinx.writers.latex import LaTeXTranslator

from _extensions.common import heading_of, link
from _extensions.exercise_directives import (
    Collection,
    CollectionDirective,
    Exercise,
    ExerciseDirective,
    ExerciseDomain,
    ExerciseTitle,
    Known,
    Solution,
    SolutionDirective,
    TestcodeDirective,
)
from _extensions.latex_styles import add_style
from _extensions.places import Place, reading_order

STYLE = Path(__file__).with_suffix(".sty")


class PageNumber(nodes.Inline, nodes.TextElement):
    """In the PDF " on page 12", and nothing elsewhere."""


class PlaceExercises(SphinxPostTransform):
    """Write the numbers, and move the solutions to where the output wants them."""

    default_priority = 4  # before citations (5) and references (9 and 10) are resolved

    def run(self, **kwargs: Any) -> None:
        """Change the page, or in the case of LaTeX the whole book."""
        self.domain = cast(ExerciseDomain, self.env.domains["exercise"])
        self.builder = self.app.builder
        self.in_print = self.builder.name == "epub" or self.builder.format == "latex"
        self.known = {exercise.name: exercise for exercise in self.domain.exercises()}
        self.solved = {solution.name for solution in self.domain.solutions()} & self.known.keys()
        self._title_exercises()
        moved = self._title_solutions()
        for place in list(self.document.findall(Collection)):
            if place["what"] == "exercise-list":
                place.replace_self(list(self._list_exercises(list(self.known.values()))))
            elif self.in_print:
                place.replace_self([moved.get(name) or self._fetch(name) for name in self.known if name in self.solved])
            else:
                solved = [exercise for exercise in self.known.values() if exercise.name in self.solved]
                place.replace_self(list(self._list_exercises(solved, of_solutions=True)))

    def _title_exercises(self) -> None:
        page = self.domain.solutions_page()
        for node in self.document.findall(Exercise):
            exercise = self.known[node["exercise"]]
            node["number"] = self._number(exercise)
            title = cast(ExerciseTitle, node[0])
            between = [nodes.Text(". ")] if len(title) else []
            grade = nodes.inline("", exercise.grade, classes=["grade", f"grade-{exercise.grade}"])
            title[:] = [nodes.strong("", self._name(exercise)), *between, *title.children, nodes.Text(" "), grade]
            if self.in_print and page is not None and exercise.name in self.solved:
                to_page = exercise.page if self.builder.format == "latex" else page
                anchor = f"solution-{exercise.name}"
                solution = link(self.builder, exercise.page, to_page, anchor, nodes.inline("", "Solution"))
                where = PageNumber(page=to_page, anchor=anchor)
                node.append(nodes.paragraph("", "", solution, where, classes=["to-solution"]))

    def _title_solutions(self) -> dict[str, Solution]:
        """Give each solution on the page its title, and in print take it out."""
        moved = {}
        for node in list(self.document.findall(Solution)):
            if node["exercise"] not in self.known:  # already warned of
                node.parent.remove(node)
                continue
            self._title_solution(node, node["page"])
            if self.in_print and self.domain.solutions_page() is not None:
                node.parent.remove(node)
                moved[node["exercise"]] = node
        return moved

    def _title_solution(self, node: Solution, page: str) -> None:
        exercise = self.known[node["exercise"]]
        node["number"] = self._name(exercise)
        if self.in_print:
            back = link(self.builder, page, exercise.page, exercise.anchor, nodes.inline("", self._name(exercise)))
            where = PageNumber(page=exercise.page, anchor=exercise.anchor)
            node.insert(0, ExerciseTitle("", "", nodes.strong("", "Solution to "), back, where))

    def _fetch(self, name: str) -> Solution:
        """Take a solution from another page (in an EPUB, whose pages are written one by one)."""
        page = self.known[name].page
        doctree = self.env.get_doctree(page)
        node = next(node for node in doctree.findall(Solution) if node["exercise"] == name)
        for inner in node.findall(nodes.Element):  # what is relative to that page must become relative to this one
            if inner.get("reftype") == "doc" and not inner["reftarget"].startswith("/"):
                inner["reftarget"] = "/" + docname_join(page, inner["reftarget"])
            if "refdoc" in inner:
                inner["refdoc"] = self.env.docname
        self._title_solution(node, self.env.docname)
        return node

    def _list_exercises(self, exercises: list[Known], *, of_solutions: bool = False) -> Iterator[nodes.Node]:
        order = reading_order(self.env)
        exercises = sorted(exercises, key=lambda exercise: order.get(exercise.page, len(order)))
        for page, group in groupby(exercises, key=lambda exercise: exercise.page):
            chapter = nodes.inline("", heading_of(self.env, Place(page)))
            yield nodes.paragraph("", "", link(self.builder, self.env.docname, page, "", chapter))
            items = nodes.bullet_list(classes=["exercise-list"])
            for exercise in group:
                anchor = f"solution-{exercise.name}" if of_solutions else exercise.anchor
                name = nodes.inline("", self._name(exercise))
                reference = link(self.builder, self.env.docname, page, anchor, name)
                grade = nodes.inline("", exercise.grade, classes=["grade", f"grade-{exercise.grade}"])
                title = nodes.Text(f". {exercise.title} ")
                items += nodes.list_item("", nodes.paragraph("", "", reference, title, grade))
            yield items

    def _number(self, exercise: Known) -> str:
        return ".".join(map(str, self.domain.number(exercise)))

    def _name(self, exercise: Known) -> str:
        return f"Exercise {self._number(exercise)}".strip()


def pages_to_read_again(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Name the pages that list exercises, where any page has changed."""
    if not added | changed | removed:
        return []
    return sorted(set(cast(ExerciseDomain, env.domains["exercise"]).pages_that_collect()) - removed)


def _visit_exercise_html(translator: HTML5Translator, node: Exercise) -> None:
    attributes: dict[str, Any] = {"role": "group", "aria-labelledby": f"{node['ids'][0]}-title"}
    translator.body.append(translator.starttag(node, "div", CLASS="exercise", **attributes))


def _depart_exercise_html(translator: HTML5Translator, node: Exercise) -> None:
    translator.body.append("</div>\n")


def _visit_title_html(translator: HTML5Translator, node: ExerciseTitle) -> None:
    ids = [f"{node.parent['ids'][0]}-title"] if isinstance(node.parent, Exercise) else []
    translator.body.append(translator.starttag(node, "p", "", CLASS="exercise-title", ids=ids))


def _depart_title_html(translator: HTML5Translator, node: ExerciseTitle) -> None:
    if isinstance(node.parent, Exercise):
        translator.add_permalink_ref(node.parent, "Link to this exercise")
    translator.body.append("</p>\n")


def _visit_solution_html(translator: HTML5Translator, node: Solution) -> None:
    # The id lies inside: a browser that is sent to it unfolds the solution, without any script.
    if translator.builder.name != "epub":
        translator.body.append(f'<details class="solution"><summary>Solution to {node["number"]}</summary>\n')
    translator.body.append(translator.starttag(node, "div", CLASS="solution-body"))


def _depart_solution_html(translator: HTML5Translator, node: Solution) -> None:
    translator.body.append("</div>\n" if translator.builder.name == "epub" else "</div></details>\n")


def _visit_exercise_latex(translator: LaTeXTranslator, node: Exercise) -> None:
    number = rf"\makeatletter\def\@currentlabel{{{node['number']}}}\makeatother"
    label = rf"\phantomsection{number}{translator.hypertarget_to(node)}"
    translator.body.append(f"\n\\begin{{bookexercise}}{label}\n")


def _depart_exercise_latex(translator: LaTeXTranslator, node: Exercise) -> None:
    translator.body.append("\\end{bookexercise}\n")


def _visit_title_latex(translator: LaTeXTranslator, node: ExerciseTitle) -> None:
    translator.body.append(r"\bookexercisetitle{")


def _depart_title_latex(translator: LaTeXTranslator, node: ExerciseTitle) -> None:
    translator.body.append("}\n")


def _visit_solution_latex(translator: LaTeXTranslator, node: Solution) -> None:
    # Labels and references inside belong to the page that the solution was written on.
    translator.curfilestack.append(node["page"])
    translator.body.append(f"\n\\par\\addvspace{{\\medskipamount}}{translator.hypertarget_to(node, anchor=True)}\n")


def _depart_solution_latex(translator: LaTeXTranslator, node: Solution) -> None:
    translator.curfilestack.pop()


def _visit_page_html(translator: HTML5Translator, node: PageNumber) -> None:
    raise nodes.SkipNode


def _visit_page_latex(translator: LaTeXTranslator, node: PageNumber) -> None:
    label = translator.idescape(f"{node['page']}:{node['anchor']}")
    translator.body.append(rf" on page~\pageref{{{label}}}")
    raise nodes.SkipNode


def _plain_title(node: nodes.Node) -> str:
    """Return what ``{ref}`` prints; Sphinx numbers only what has a title."""
    return str(node["title"] or "Exercise") if isinstance(node, Exercise) else ""


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directives, the domain behind them, and how each output shows them."""
    app.add_domain(ExerciseDomain)
    app.add_directive("exercise", ExerciseDirective)
    app.add_directive("solution", SolutionDirective)
    for name in ("solutions", "exercise-list"):
        app.add_directive(name, CollectionDirective)
    for name in ("testcode", "testsetup"):
        app.add_directive(name, TestcodeDirective)
    app.add_enumerable_node(
        Exercise,
        "exercise",
        _plain_title,
        html=(_visit_exercise_html, _depart_exercise_html),
        latex=(_visit_exercise_latex, _depart_exercise_latex),
    )
    app.add_node(
        ExerciseTitle,
        html=(_visit_title_html, _depart_title_html),
        latex=(_visit_title_latex, _depart_title_latex),
    )
    app.add_node(
        Solution,
        html=(_visit_solution_html, _depart_solution_html),
        latex=(_visit_solution_latex, _depart_solution_latex),
    )
    app.add_node(PageNumber, html=(_visit_page_html, None), latex=(_visit_page_latex, None))
    app.add_node(Collection)
    app.add_post_transform(PlaceExercises)
    app.connect("env-get-outdated", pages_to_read_again)
    app.add_css_file("exercises.css")
    app.connect("config-inited", lambda app, config: add_style(config, STYLE))
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
