"""Time a step of training beside other implementations, and record it in ``book/results/bench-training-step.json``.

    make bench

A step is forward, cross-entropy, backward and AdamW, in float32 on one thread, and its time that of the processor, so
that other work on the machine counts less. The models are GPT-2 of the same shape, without dropout. Ours and that of
`transformers` have the same weights and must give the same loss. Theirs takes its eager attention or torch's fused one,
whichever is faster here, and is timed as it comes and with the fused GELU that ours has. LLMs-from-scratch has a head
of its own, so its optimizer updates some more numbers.

In these rows all take torch's plain AdamW. In the rows with own updates each takes the optimizer that its users get:
ours that of ``llmguide.training``, `transformers` the fused one that its ``Trainer`` takes by default,
LLMs-from-scratch the plain one of its chapters. Beside each row the bare products of matrices of a step are timed.
"""

import argparse
import os
import time
from collections.abc import Callable

import torch
from comparing import Row, Timed, compare, fingerprint, record_benchmark, report, seconds
from gpt2_twins import SIZES, VOCAB_SIZE, Size, from_scratch, own, parameters, theirs
from products import Products
from torch import Tensor, nn
from transformers.utils import logging

from llmguide.training.loop import next_token_loss
from llmguide.training.optimizers import adamw

POSITIONS = 128
BATCHES = {"1m": 8, "10m": 4}
STEPS = {"1m": 5, "10m": 2}
"""How many steps are timed together; a step of the small model is short."""
GOALS = {"1m": "≤ 0.8", "10m": "≤ 0.86"}
"""Beside `transformers`."""
SCRATCH_GOAL = "≤ 0.72"
FUSED = "gelu_pytorch_tanh"

Optimizer = Callable[[nn.Module], torch.optim.Optimizer]
"""Makes an optimizer for a model."""


def plain(model: nn.Module) -> torch.optim.Optimizer:
    """Make torch's AdamW as it comes."""
    return torch.optim.AdamW(model.parameters(), lr=1e-4)


def package(model: nn.Module) -> torch.optim.Optimizer:
    """Make the package's own."""
    return adamw(model, learning_rate=1e-4)


def trainer(model: nn.Module) -> torch.optim.Optimizer:
    """Make what the ``Trainer`` of `transformers` makes by default: AdamW with the fused update."""
    return torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)


def goal_of(size: str, peer: str) -> str:
    """Say what the ratio should be, for a size and a peer."""
    return SCRATCH_GOAL if peer.startswith("scratch") else GOALS[size]


class Training:
    """A model that is trained on one batch, again and again.

    Args:
        model: The model.
        logits: From the model and ids to logits.
        batch: How many rows.
        optimizer: What makes its optimizer.
    """

    def __init__(
        self, model: nn.Module, logits: Callable[[Tensor], Tensor], batch: int, optimizer: Optimizer = plain
    ) -> None:
        self.optimizer = optimizer(model)
        self.logits = logits
        generator = torch.Generator().manual_seed(1)
        ids = torch.randint(VOCAB_SIZE, (batch, POSITIONS + 1), generator=generator)
        self.ids, self.targets = ids[:, :-1].contiguous(), ids[:, 1:].contiguous()
        model.train()

    def step(self) -> float:
        """Take a step and return the loss before it."""
        self.optimizer.zero_grad()
        loss = next_token_loss(self.logits(self.ids), self.targets)
        torch.autograd.backward(loss)
        self.optimizer.step()
        return loss.item()

    def timed(self, steps: int) -> Timed:
        """Return what takes some steps and gives the processor's seconds for one."""
        return lambda: seconds(lambda: [self.step() for _ in range(steps)], time.process_time) / steps


def train_ours(size: Size, batch: int, optimizer: Optimizer = plain) -> Training:
    """Make a training of our model."""
    model = own(size, POSITIONS)
    return Training(model, model, batch, optimizer)


def train_theirs(
    size: Size, batch: int, attention: str, activation: str = "gelu_new", optimizer: Optimizer = plain
) -> Training:
    """Make a training of the model of `transformers`."""
    model = theirs(own(size, POSITIONS), attention, activation)
    return Training(model, lambda ids: model(ids, use_cache=False).logits, batch, optimizer)


def train_from_scratch(size: Size, batch: int) -> Training:
    """Make a training of the model of LLMs-from-scratch."""
    model = from_scratch(size, POSITIONS)
    assert parameters(model) - parameters(own(size, POSITIONS)) == VOCAB_SIZE * size.d_model
    return Training(model, model, batch)


def faster_attention(size: Size, batch: int, steps: int) -> str:
    """Say with which attention the model of `transformers` takes its steps faster, by the better of two tries."""
    trainings = {name: train_theirs(size, batch, name).timed(steps) for name in ("eager", "sdpa")}
    for timed in trainings.values():
        timed()
    return min(trainings, key=lambda name: min(trainings[name]() for _ in range(2)))


def rows_of(name: str, rounds: int) -> dict[str, Row]:
    """Compare the steps of one size."""
    size, batch, steps = SIZES[name], BATCHES[name], STEPS[name]
    attention = faster_attention(size, batch, steps)
    ours, scratch = train_ours(size, batch), train_from_scratch(size, batch)
    packaged, trained = train_ours(size, batch, package), train_theirs(size, batch, attention, optimizer=trainer)
    library, fused = (train_theirs(size, batch, attention, activation) for activation in ("gelu_new", FUSED))
    losses = [training.step() for training in (ours, library, fused, packaged, trained)]
    assert max(losses) - min(losses) < 1e-4, f"the losses {losses} differ; the times would mean nothing"
    scratch.step()
    pairs = {
        "transformers": (f"transformers ({attention})", ours, library),
        "fused": (f"transformers ({attention}, fused GELU)", ours, fused),
        "scratch": ("llms-from-scratch", ours, scratch),
        "transformers-own-updates": (f"transformers ({attention})", packaged, trained),
        "scratch-own-updates": ("llms-from-scratch", packaged, scratch),
    }
    products = bare_products(size, batch)
    products()
    return {
        f"{name}-{key}": compare(
            f"training step, {size.label}{', own updates' if key.endswith('updates') else ''}",
            peer_name,
            "s",
            mine.timed(steps),
            peer.timed(steps),
            goal_of(name, key),
            rounds,
            lambda: seconds(products, time.process_time),
        )
        for key, (peer_name, mine, peer) in pairs.items()
    }


def bare_products(size: Size, batch: int) -> Callable[[], None]:
    """Return what makes the products of one step, and nothing else."""
    pairs = Products(own(size, POSITIONS), batch * POSITIONS)

    def multiply() -> None:
        with torch.no_grad():
            pairs.forward()
            pairs.backward()

    return multiply


def main() -> None:
    """Run every comparison, print the table and record it."""
    parser = argparse.ArgumentParser(description="Time a step of training beside other implementations.")
    parser.add_argument("--rounds", type=int, default=7, help="how often each comparison is made (default: 7)")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES), help="which models (default: all)")
    parser.add_argument("--no-record", action="store_true", help="only print the table")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    started, load = time.perf_counter(), os.getloadavg()[0]
    rows = {key: row for name in arguments.sizes for key, row in rows_of(name, arguments.rounds).items()}
    metrics = report(rows)
    if not arguments.no_record:
        record_benchmark(
            "bench-training-step",
            "Time of a step of training beside other implementations",
            metrics,
            rounds=arguments.rounds,
            packages=("torch", "transformers", "llms-from-scratch"),
            sources=fingerprint("bench_training_step"),
            started=started,
            load=load,
            config={"batch": BATCHES, "positions": POSITIONS, "vocab_size": VOCAB_SIZE, "threads": 1},
        )


if __name__ == "__main__":
    main()
