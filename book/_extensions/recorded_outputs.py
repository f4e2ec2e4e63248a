"""What code gave in one build, for another that shall give the same bytes without running it again.

What the book's code computes takes minutes; how pages are made of it takes one. A build therefore keeps what its
snippets gave beside what it read (notebooks that have run and figures that are drawn lie there anyway), and a second
one can be told to take all of it from there::

    sphinx-build -D outputs_of=_build/html.doctrees -D nbsphinx_execute=never …

So two builds from the same recorded outputs are compared, where ``make reproducible`` runs everything twice. A snippet
or a notebook that has changed since is refused; a figure that has is drawn.
"""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.typing import ExtensionMetadata

Outcome: TypeAlias = tuple[str, object]
_GIVEN = "recorded_outputs:given"


def outcome(env: BuildEnvironment, code: str, run: Callable[[], Outcome]) -> Outcome:
    """Give what a page's next snippet prints, and its value.

    Args:
        env: The build; the page is the one that it reads.
        code: The snippet.
        run: Runs it.

    Returns:
        What is recorded for it, if the build takes its outputs from another; else what running it gives.

    Raises:
        ExtensionError: If nothing is recorded, or what is recorded was given by other code.
    """
    page = env.current_document
    if _GIVEN not in page:
        page[_GIVEN] = []
    given: list[tuple[str, Outcome]] = page[_GIVEN]
    if env.config.outputs_of:
        file = _file(Path(env.config.outputs_of), page.docname)
        recorded = pickle.loads(file.read_bytes()) if file.is_file() else []
        if [known for known, _ in recorded[len(given) : len(given) + 1]] != [code]:
            raise ExtensionError(f"{page.docname}: {file} was not recorded from this code: build that book anew")
        found: Outcome = recorded[len(given)][1]
    else:
        found = run()
    given.append((code, found))
    return found


def figures_folder(env: BuildEnvironment) -> Path:
    """Return where drawn figures lie."""
    return Path(env.config.outputs_of or env.doctreedir).parent / "figures"


def _file(doctrees: Path, page: str) -> Path:
    return doctrees / "outputs" / f"{page}.pickle"


def _keep(app: Sphinx, doctree: nodes.document) -> None:
    """Keep what the snippets of a page gave."""
    page = app.env.current_document
    if _GIVEN in page:
        file = _file(Path(app.doctreedir), page.docname)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pickle.dumps(page[_GIVEN]))


def _take_notebook(app: Sphinx, page: str, source: list[str]) -> None:
    """Put a notebook that has run in the place of one that has not."""
    if not app.config.outputs_of or Path(app.env.doc2path(page)).suffix != ".ipynb":
        return
    file = Path(app.config.outputs_of) / "nbsphinx" / f"{page}.ipynb"
    recorded = file.read_text("utf-8") if file.is_file() else '{"cells": []}'
    sources = [["".join(cell["source"]) for cell in json.loads(text)["cells"]] for text in (source[0], recorded)]
    if sources[0] != sources[1]:
        raise ExtensionError(f"{page}: {file} is not this notebook: build that book anew")
    source[0] = recorded


def setup(app: Sphinx) -> ExtensionMetadata:
    """Let a build name another whose outputs it takes."""
    app.add_config_value("outputs_of", "", "", frozenset({str}))
    app.connect("doctree-read", _keep)
    app.connect("source-read", _take_notebook)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
