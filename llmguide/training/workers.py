"""How the processes of one run add up what each of them worked out. One process alone has nothing to add."""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from torch import nn


@runtime_checkable
class Workers(Protocol):
    """What the training loop asks of the processes that share a run.

    Every process takes its part of the rows of a step, divides its summed loss by the number of tokens of the whole
    step, and so holds a part of the gradient: the parts are *added*, not averaged.
    """

    @property
    def rank(self) -> int:
        """The number of this process, from 0. Process 0 writes the files."""
        ...

    @property
    def size(self) -> int:
        """The number of processes."""
        ...

    def add_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by the sum over all processes; a parameter without one counts as 0."""
        ...

    def add(self, value: float) -> float:
        """Return the sum of a number over all processes."""
        ...

    def wait(self) -> None:
        """Return when all processes have come this far."""
        ...


class OneWorker:
    """One process that does everything itself."""

    rank = 0
    size = 1

    def add_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Leave the gradients as they are."""

    def add(self, value: float) -> float:
        """Return the number itself."""
        return value

    def wait(self) -> None:
        """Return at once."""
