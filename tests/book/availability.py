"""What a test does when something that it needs is not there."""

import os
from typing import NoReturn

import pytest


def unavailable(what: str, remedy: str) -> NoReturn:
    """Skip the test and say what would let it run; fail it in CI."""
    message = f"{what} is missing: {remedy}"
    if os.environ.get("CI") == "true":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
