"""Several processes that train one model: ``torchrun`` starts them, each takes its part of the rows.

``torch.nn.parallel.DistributedDataParallel`` would do as well: if each loss is scaled by the number of processes, its
mean over processes is the sum over tokens (a test compares the gradients). But it wraps the model in another module,
whose weights have other names and which hides :meth:`~llmguide.transformer.model.Transformer.hidden`; and its gain, to
send gradients while others are still being worked out, is small for models that fit this book. Here the loop stays as
it is for one process, and one ``all_reduce`` a step adds the gradients up.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module

import torch
import torch.distributed as dist
from torch import Tensor, nn

from llmguide.training.workers import OneWorker, Workers

LOST = (
    "process {rank} of {size} has lost another one, which was killed or has failed (its own message, if it had time "
    "for one, stands above); the same command goes on from the last checkpoint"
)


class Processes:
    """The processes that ``torchrun`` has started, joined by ``torch.distributed``.

    Use :func:`joined_processes`, which also parts them.
    """

    def __init__(self) -> None:
        self.rank = dist.get_rank()
        self.size = dist.get_world_size()

    @torch.no_grad()
    def add_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by the sum over all processes, in one message.

        Every process gets the same bits, so that their models never drift apart.

        Args:
            parameters: Of the model, in the same order in each process. One without a gradient counts as 0.

        Raises:
            ConnectionError: If another process has ended.
        """
        chosen = [parameter for parameter in parameters if parameter.requires_grad]
        for parameter in chosen:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in chosen if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        self._sum(flat)
        start = 0
        for gradient in gradients:
            gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()

    def add(self, value: float) -> float:
        """Return the sum of a number over all processes.

        Args:
            value: Of this process.

        Returns:
            The sum.

        Raises:
            ConnectionError: If another process has ended.
        """
        total = torch.tensor(value, dtype=torch.float64)
        self._sum(total)
        return total.item()

    def wait(self) -> None:
        """Return when all processes have come this far.

        Raises:
            ConnectionError: If another process has ended.
        """
        self.add(0.0)

    def _sum(self, values: Tensor) -> None:
        try:
            dist.all_reduce(values)
        except RuntimeError as error:  # what gloo raises when a connection breaks, or the time is over
            raise ConnectionError(LOST.format(rank=self.rank, size=self.size)) from error


@contextmanager
def joined_processes(
    environment: Mapping[str, str] | None = None, patience: timedelta = timedelta(minutes=10)
) -> Iterator[Workers]:
    """Join the processes that ``torchrun`` has started, and part them at the end.

    Args:
        environment: Where ``torchrun`` says which process this is; by default the environment of the process.
        patience: How long to wait for another process before it counts as lost.

    Yields:
        The processes; without ``torchrun`` this one alone.

    Raises:
        ConnectionError: If the others cannot be reached.
    """
    given = os.environ if environment is None else environment
    if int(given.get("WORLD_SIZE", "1")) == 1:
        yield OneWorker()
        return
    # torch's optimizers load this module at their first step, and its functions keep the group of that moment as a
    # default value. Such a group outlives destroy_process_group: its threads, which may still hold a tensor that was
    # summed, go on while the interpreter shuts down, and now and then that aborts the process. Loaded before there is a
    # group, it keeps none: the last reference is dropped here, and the group waits for its threads.
    import_module("torch.distributed.nn.functional")
    try:
        dist.init_process_group("gloo", timeout=patience)
    except RuntimeError as error:
        raise ConnectionError(f"cannot reach the other processes: {error}") from error
    try:
        yield Processes()
    finally:
        dist.destroy_process_group()
