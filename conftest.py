"""Import a package by its name before pytest imports one of its modules by the path, for the doctests.

By path, pytest imports the package first and then runs the module, even if the package has just imported it. After that
there are two modules of one name, two of each of its classes, and no object of the one equals its like of the other.
"""

import importlib
from pathlib import Path

ROOT = Path(__file__).parent


def pytest_collect_file(file_path: Path) -> None:
    """Import the package that a module of ``llmguide`` lies in; the rest is left to pytest."""
    if file_path.is_relative_to(ROOT / "llmguide"):
        importlib.import_module(".".join(file_path.parent.relative_to(ROOT).parts))
