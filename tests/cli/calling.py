"""What a call of the command gives, and the text that the tests train on."""

from collections.abc import Callable
from typing import NamedTuple

TEXT = "low lower lowest\nnew newer newest\n"


class Result(NamedTuple):
    """What a call gave."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]
