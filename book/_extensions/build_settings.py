"""What must be arranged before a build so that it needs nothing else and comes out the same twice."""

import os
import re
from pathlib import Path
from time import perf_counter
from typing import Any

import nbconvert.preprocessors
import pypandoc
import traitlets
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata


def _find_pandoc() -> None:
    """Put the pandoc that comes with ``pypandoc-binary`` on the path, where nbconvert looks for it."""
    folder = str(Path(pypandoc.get_pandoc_path()).parent)
    if folder not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([folder, os.environ["PATH"]])


class UntimedExecution(nbconvert.preprocessors.ExecutePreprocessor):
    """Execute a notebook, and keep out of it when each cell ran and in how many portions its text arrived.

    How many seconds it took is kept in a file beside the executed notebook: the notebook itself is published.
    """

    record_timing = traitlets.Bool(False)
    coalesce_streams = traitlets.Bool(True)

    def preprocess(self, nb: Any, resources: Any = None, km: Any = None) -> tuple[Any, dict[str, Any]]:
        """Execute a notebook and note how long it took."""
        start = perf_counter()
        done: tuple[Any, dict[str, Any]] = super().preprocess(nb, resources, km)
        kept = Path(resources["nbsphinx_save_notebook"]).with_suffix(".seconds")
        kept.write_text(f"{perf_counter() - start:.3f}\n", "utf-8")
        return done


def _leave_addresses_out(*event: Any) -> None:
    """Name a function that is a parameter's default without the address at which this build happened to have it."""
    lines: list[str] = event[-1]
    lines[:] = [re.sub(r"<function ([\w.]+) at 0x[0-9a-f]+>", r"\1", line) for line in lines]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Find pandoc, and keep clock times and addresses out of what is built."""
    _find_pandoc()
    nbconvert.preprocessors.ExecutePreprocessor = UntimedExecution  # type: ignore[misc]  # where nbsphinx looks for it
    app.setup_extension("sphinx.ext.autodoc")  # whose event this is
    app.connect("autodoc-process-docstring", _leave_addresses_out, priority=900)  # after sphinx-autodoc-typehints
    os.environ.setdefault("PYTHONPATH", str(Path(app.confdir).parent))  # notebooks import the checkout's llmguide
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
