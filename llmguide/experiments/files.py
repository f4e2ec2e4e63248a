"""Where recorded results lie, and how a file is written so that nobody meets half of it."""

import json
import os
from pathlib import Path

from llmguide.atomic import written

RESULTS_VARIABLE = "LLMGUIDE_RESULTS"


def results_directory(path: Path | str | None = None) -> Path:
    """Find where recorded results lie: the argument, then ``LLMGUIDE_RESULTS``, then the checkout's ``book/results``.

    Args:
        path: The directory, where the caller knows it.

    Returns:
        The directory; it need not exist yet.

    Raises:
        FileNotFoundError: If neither is given and the package does not lie in a checkout of the book.
    """
    given = path or os.environ.get(RESULTS_VARIABLE)
    if given:
        return Path(given)
    book = Path(__file__).resolve().parents[2] / "book"
    if not book.is_dir():
        raise FileNotFoundError(
            f"no recorded results beside the installed package ({book} does not exist): "
            f"name their directory, or set {RESULTS_VARIABLE} to the book/results of a checkout"
        )
    return book / "results"


def write_json(file: Path, content: object) -> None:
    """Write JSON through a temporary file beside it, so that a reader or a kill never meets half of it.

    Args:
        file: Where to; its directory is made if need be.
        content: What.

    Raises:
        ValueError: If a number is not finite: JSON has no way to write it.
    """
    text = json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    with written(file) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
