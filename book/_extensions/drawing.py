"""Draw a figure once for each output: light and dark SVG for the screen, PDF for print.

The files are named by a digest of everything that the drawing depends on, so a figure is drawn again only when that has
changed, and the builders share the result.
"""

import hashlib
import logging
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

import matplotlib as mpl
from matplotlib.figure import Figure

from _extensions import figure_style

Draw: TypeAlias = Callable[[Figure], None]

# A document type inside an EPUB is an error, and the metadata holds nothing but matplotlib's version.
_PROLOGUE = re.compile(r"<\?xml.*?\?>\s*|<!DOCTYPE.*?>\s*|<metadata>.*?</metadata>\s*", re.DOTALL)
logging.getLogger("fontTools").setLevel(logging.WARNING)  # else every PDF comes with a page of them on the terminal

VARIANTS = {"light": ("svg", "pdf"), "dark": ("svg",)}


def draw_once(draw: Draw, name: str, directory: Path, sources: Iterable[bytes], *, for_print: bool = True) -> Path:
    """Draw a figure for every output unless the same figure lies there already.

    Args:
        draw: Draws on an empty figure.
        name: Name of the files, without theme and suffix.
        directory: Where figures lie.
        sources: Contents of everything that the drawing depends on.
        for_print: Whether to draw the PDF, which web pages do not show.

    Returns:
        The folder with ``NAME-light.svg``, ``NAME-light.pdf`` and ``NAME-dark.svg``.

    Raises:
        UserWarning: If matplotlib warns, for example of a character that the font does not have.
    """
    digest = hashlib.sha256()
    for part in (mpl.__version__.encode(), Path(figure_style.__file__).read_bytes(), Path(__file__).read_bytes()):
        digest.update(part)
    for part in sources:
        digest.update(hashlib.sha256(part).digest())
    folder = directory / digest.hexdigest()[:16]
    for theme, kinds in VARIANTS.items():
        files = {kind: folder / f"{name}-{theme}.{kind}" for kind in kinds if for_print or kind != "pdf"}
        if not all(file.exists() for file in files.values()):
            for kind, content in _drawn(draw, theme, files, folder):
                write_file(files[kind], content)
    return folder


def _drawn(draw: Draw, theme: str, kinds: Iterable[str], folder: Path) -> Iterator[tuple[str, bytes]]:
    """Draw a figure in one theme, and yield each kind of file with the same bytes every time."""
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(), warnings.catch_warnings(), tempfile.TemporaryDirectory(dir=folder) as scratch:
        warnings.simplefilter("error", UserWarning)
        mpl.rcdefaults()
        mpl.rcParams.update(figure_style.style(theme))
        figure = Figure()
        draw(figure)
        for kind in kinds:
            file = Path(scratch) / f"figure.{kind}"
            undated = {"Date": None} if kind == "svg" else {"CreationDate": None}
            figure.savefig(file, metadata=undated)
            figure.set_layout_engine("none")  # what is laid out stays where it is
            yield kind, _PROLOGUE.sub("", file.read_text("utf-8")).encode() if kind == "svg" else file.read_bytes()


def write_file(file: Path, content: bytes) -> None:
    """Write a file at once: another builder may make the same file at the same time."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
    Path(temporary).chmod(0o644)
    Path(temporary).replace(file)
