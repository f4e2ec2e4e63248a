"""What must be arranged before a build so that it needs nothing else and comes out the same twice."""

import os
from pathlib import Path

import nbclient
import pypandoc
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata


def _find_pandoc() -> None:
    """Put the pandoc that comes with ``pypandoc-binary`` on the path, where nbconvert looks for it."""
    folder = str(Path(pypandoc.get_pandoc_path()).parent)
    if folder not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([folder, os.environ["PATH"]])


def setup(app: Sphinx) -> ExtensionMetadata:
    """Find pandoc, and keep clock times out of executed notebooks."""
    _find_pandoc()
    nbclient.NotebookClient.record_timing.default_value = False
    os.environ.setdefault("PYTHONPATH", str(Path(app.confdir).parent))  # notebooks import the checkout's llmguide
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
