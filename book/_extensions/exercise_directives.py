"""The markup of exercises and solutions, and what is known of them across the book's pages."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.domains import Domain
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from _extensions.common import fail

GRADES = ("check", "apply", "explore")

logger = logging.getLogger(__name__)


class Exercise(nodes.General, nodes.Element):
    """An exercise; its first child is its :class:`ExerciseTitle`."""


class ExerciseTitle(nodes.General, nodes.TextElement):
    """The line above an exercise, with number and grade, or the line above a solution in print."""


class Solution(nodes.General, nodes.Element):
    """The solution of the exercise that ``node["exercise"]`` names."""


class Collection(nodes.General, nodes.Element):
    """Where ``{exercise-list}`` or ``{solutions}`` stood; replaced when all pages have been read."""


class ExerciseDirective(SphinxDirective):
    """``{exercise} GRADE TITLE``: an exercise with a number of its own."""

    required_arguments = 1
    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar[Any] = {"name": directives.unchanged_required, "no-solution": directives.flag}

    def run(self) -> list[nodes.Node]:
        """Return the exercise."""
        self.assert_has_content()
        grade = self.arguments[0]
        if grade not in GRADES:
            fail(self, f"an exercise is of grade {', '.join(GRADES)}, not {grade!r}")
        if "name" not in self.options:
            fail(self, "an exercise needs a `:name: ex-…`, by which its solution and the text refer to it")
        title = ExerciseTitle()
        if len(self.arguments) > 1:
            inline, messages = self.parse_inline(self.arguments[1])
            title += [*inline, *messages]
        node = Exercise("", title, grade=grade, title=title.astext(), exercise=self.options["name"])
        node["solved"] = "no-solution" not in self.options
        node += self.parse_content_to_nodes()
        self.set_source_info(node)
        self.add_name(node)
        return [node]


class SolutionDirective(SphinxDirective):
    """``{solution} NAME``: the solution of the exercise of that name, on the same page."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[Any] = {"prose": directives.flag}

    def run(self) -> list[nodes.Node]:
        """Return the solution."""
        self.assert_has_content()
        node = Solution(exercise=self.arguments[0], page=self.env.docname, ids=[f"solution-{self.arguments[0]}"])
        node += self.parse_content_to_nodes()
        self.set_source_info(node)
        self.state.document.note_explicit_target(node, node)
        for inner in node.findall(nodes.Element):
            if inner is not node and _is_numbered_or_named(inner):
                fail(self, f"print moves solutions, so nothing in one may have a number or a name: {inner.tagname}")
        tested = any(block.get("testcode") for block in node.findall(nodes.literal_block))
        if tested == ("prose" in self.options):
            fail(self, "a solution either holds {testcode}, which the tests run, or says `:prose:`")
        return [node]


class CollectionDirective(SphinxDirective):
    """``{solutions}`` and ``{exercise-list}``: where they are collected."""

    def run(self) -> list[nodes.Node]:
        """Return the place."""
        node = Collection(what=self.name)
        self.set_source_info(node)
        return [node]


class TestcodeDirective(SphinxDirective):
    """``{testcode}``: Python that the reader sees and the tests run; ``{testsetup}`` is not shown."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the code, or nothing for ``{testsetup}``."""
        self.assert_has_content()
        if self.name == "testsetup":
            return []
        code = "\n".join(self.content)
        node = nodes.literal_block(code, code, language="python", testcode=True)
        self.set_source_info(node)
        return [node]


@dataclass(frozen=True)
class Known:
    """What other pages know of an exercise or of a solution."""

    name: str
    page: str
    line: int
    anchor: str
    title: str = ""
    grade: str = ""
    solved: bool = True


class ExerciseDomain(Domain):
    """Exercises, solutions and the places where they are collected, by page."""

    name = "exercise"
    label = "Exercises"
    data_version = 1
    initial_data: ClassVar[Any] = {"exercises": {}, "solutions": {}, "collections": {}}

    def resolve_any_xref(self, *_: Any) -> list[tuple[str, nodes.reference]]:
        """Answer a Markdown link that names no domain: nothing here can be meant by it."""
        return []

    def process_doc(self, env: BuildEnvironment, docname: str, document: nodes.document) -> None:
        """Note what a page holds."""
        exercises = [_known(node, docname) for node in document.findall(Exercise)]
        solutions = [
            Known(node["exercise"], docname, node.line or 0, node["ids"][0]) for node in document.findall(Solution)
        ]
        collections = [node["what"] for node in document.findall(Collection)]
        for kind, found in {"exercises": exercises, "solutions": solutions, "collections": collections}.items():
            if found:
                self.data[kind][docname] = found

    def clear_doc(self, docname: str) -> None:
        """Forget a page."""
        for by_page in (self.data[kind] for kind in self.initial_data):
            by_page.pop(docname, None)

    def merge_domaindata(self, docnames: AbstractSet[str], otherdata: dict[str, Any]) -> None:
        """Take over what another process has read."""
        for kind in self.initial_data:
            self.data[kind].update({page: found for page, found in otherdata[kind].items() if page in docnames})

    def check_consistency(self) -> None:
        """Warn of exercises without solutions, solutions without exercises, and pairs that two pages divide."""
        solutions: dict[str, Known] = {}
        for solution in self.solutions():
            place = (solution.page, solution.line)
            if solution.name in solutions:
                logger.warning("a second solution of exercise %r", solution.name, location=place)
            solutions[solution.name] = solution
        for exercise in self.exercises():
            found = solutions.pop(exercise.name, None)
            place = (exercise.page, exercise.line)
            if found is None and exercise.solved:
                logger.warning("exercise %r has no solution (nor `:no-solution:`)", exercise.name, location=place)
            elif found is not None and not exercise.solved:
                logger.warning("exercise %r says `:no-solution:` but has one", exercise.name, location=place)
            elif found is not None and found.page != exercise.page:
                logger.warning("the solution of exercise %r is on %r", exercise.name, found.page, location=place)
        for unknown in solutions.values():
            place = (unknown.page, unknown.line)
            logger.warning("solution of an unknown exercise %r", unknown.name, location=place)

    def exercises(self) -> list[Known]:
        """Return every exercise in the order of the numbers."""
        found: list[Known] = [entry for entries in self.data["exercises"].values() for entry in entries]
        return sorted(found, key=lambda entry: (self.number(entry), entry.page, entry.line))

    def solutions(self) -> list[Known]:
        """Return every solution, in no particular order."""
        return [entry for entries in self.data["solutions"].values() for entry in entries]

    def number(self, exercise: Known) -> tuple[int, ...]:
        """Return the number of an exercise, chapter first."""
        numbers = self.env.toc_fignumbers.get(exercise.page, {}).get("exercise", {})
        return tuple(numbers.get(exercise.anchor, ()))

    def pages_that_collect(self) -> Iterator[str]:
        """Name the pages that list exercises or solutions of other pages."""
        yield from self.data["collections"]

    def solutions_page(self) -> str | None:
        """Name the page where print collects the solutions."""
        return next((page for page, what in self.data["collections"].items() if "solutions" in what), None)

    def get_objects(self) -> Iterator[tuple[str, str, str, str, str, int]]:
        """Return nothing: the search index finds exercises as text."""
        yield from ()


def _known(node: Exercise, page: str) -> Known:
    title = node["title"] or _beginning(node)
    return Known(node["exercise"], page, node.line or 0, node["ids"][0], title, node["grade"], node["solved"])


def _beginning(node: Exercise, width: int = 60) -> str:
    """Return the first words of an exercise that has no title."""
    text = " ".join(node[1].astext().split()) if len(node) > 1 else ""
    return text if len(text) <= width else text[:width].rsplit(" ", 1)[0] + " …"


def _is_numbered_or_named(node: nodes.Element) -> bool:
    numbered = (
        nodes.section,
        nodes.caption,
        nodes.target,
        nodes.footnote,
        nodes.footnote_reference,
        addnodes.index,
        Exercise,
        Solution,
    )
    is_caption = isinstance(node, nodes.title) and isinstance(node.parent, nodes.table)
    return bool(isinstance(node, numbered) or is_caption or node.get("names") or node.get("label"))
