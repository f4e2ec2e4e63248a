"""All the ways to cut a word, and what can be asked of them without listing them one by one.

A lattice is a graph. Its nodes are the places between the characters of a word, its arcs are the pieces that may stand
there, and every path from the first node to the last is a segmentation. A word of n characters may have as many as
2^(n-1) of them, but each question below is answered in one walk over the arcs, because a path's score is the sum of its
arcs' scores: what comes before a node does not matter for what comes after it.

Where segmentations have equal scores, the order is fixed: the one with the longer last piece comes first; if those are
equally long, the one with the longer piece before it, and so on.

Source: :cite:t:`kudo2018subword`, section 3.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import exp, fsum, inf, log
from random import Random
from typing import NamedTuple


class Arc(NamedTuple):
    """One piece at one place: from the node ``start`` to the node ``end``, with its id and its log probability."""

    start: int
    end: int
    token: int
    score: float


Path = tuple[Arc, ...]
"""A segmentation: arcs from the first node to the last, each beginning where the one before it ends."""


@dataclass(frozen=True)
class Lattice:
    """The pieces that may stand in a word.

    Attributes:
        length: The number of characters of the word, and so of its last node.
        arcs: The pieces, ordered by where they start and then by where they end.

    Example:
        >>> low = Lattice(3, (Arc(0, 1, 0, -1.0), Arc(0, 2, 1, -2.0), Arc(1, 3, 2, -2.5), Arc(2, 3, 3, -0.5)))
        >>> [(arc.start, arc.end) for arc in best_path(low)]
        [(0, 2), (2, 3)]
    """

    length: int
    arcs: tuple[Arc, ...]

    @cached_property
    def ending(self) -> tuple[tuple[Arc, ...], ...]:
        """For each node the arcs that end there, the longest first."""
        arcs: list[list[Arc]] = [[] for _ in range(self.length + 1)]
        for arc in self.arcs:
            arcs[arc.end].append(arc)
        return tuple(map(tuple, arcs))


def best_path(lattice: Lattice, single_precision: bool = False) -> Path | None:
    """Find the segmentation of the highest score (the Viterbi algorithm).

    Args:
        lattice: The pieces that may stand in the word.
        single_precision: Whether to round every sum to 32 bits, as SentencePiece does. It decides between segmentations
            whose scores are almost equal, such as the same pieces in another order.

    Returns:
        Its arcs; ``None`` if no path leads to the last node.

    Source: :cite:t:`kudo2018subword`, section 3.2.
    """
    scores = [0.0] + [-inf] * lattice.length
    score = array("f" if single_precision else "d", [0.0])  # a number is rounded when it is put there
    last: list[Arc | None] = [None] * (lattice.length + 1)
    for arc in lattice.arcs:  # every arc that ends at its start came before it
        score[0] = scores[arc.start] + arc.score
        if score[0] > scores[arc.end]:
            scores[arc.end], last[arc.end] = score[0], arc
    path: list[Arc] = []
    node = lattice.length
    while node > 0:
        arc_before = last[node]
        if arc_before is None:
            return None
        path.append(arc_before)
        node = arc_before.start
    return tuple(reversed(path))


def n_best_paths(lattice: Lattice, n: int) -> list[tuple[Path, float]]:
    """Find the segmentations of the highest scores.

    Each node keeps the n best ways to reach it. A better way to a node is better with any continuation, so no path
    among the n best of the whole word can go through one that its node forgot.

    Args:
        lattice: The pieces that may stand in the word.
        n: How many to find.

    Returns:
        Each with its score, the best first; fewer than n if there are not so many.

    Raises:
        ValueError: If ``n`` is negative.
    """
    if n < 0:
        raise ValueError(f"n ({n}) must not be negative")
    # For each node: score, last arc, and which of the ways to that arc's start it continues.
    ways: list[list[tuple[float, Arc | None, int]]] = [[(0.0, None, 0)]]
    for arcs in lattice.ending[1:]:
        reached: list[tuple[float, Arc | None, int]] = [
            (score + arc.score, arc, rank) for arc in arcs for rank, (score, _, _) in enumerate(ways[arc.start])
        ]
        reached.sort(key=lambda way: -way[0])  # stable, so that equal scores stay in the order of the arcs
        ways.append(reached[:n])
    found: list[tuple[Path, float]] = []
    for total, last_arc, last_rank in ways[-1][:n]:
        path: list[Arc] = []
        arc, rank = last_arc, last_rank
        while arc is not None:
            path.append(arc)
            _, arc, rank = ways[arc.start][rank]
        found.append((tuple(reversed(path)), total))
    return found


def log_sum_exp(values: Iterable[float]) -> float:
    """Add numbers that are given by their logarithms, without leaving the logarithms.

    Args:
        values: The logarithms.

    Returns:
        The logarithm of the sum; minus infinity for no numbers.

    Example:
        >>> log_sum_exp([-1000.0, -1000.0]) + 1000  # exp(-1000) itself is too small for a float
        0.6931471805598903
    """
    values = tuple(values)
    highest = max(values, default=-inf)
    return highest if highest == -inf else highest + log(fsum(exp(value - highest) for value in values))


def forward(lattice: Lattice, alpha: float = 1.0) -> list[float]:
    """Add up, for each node, the probabilities of all ways to reach it (the forward algorithm).

    Args:
        lattice: The pieces that may stand in the word.
        alpha: The power to which every probability is raised first.

    Returns:
        The logarithm of each node's sum; the last is that of all segmentations together.
    """
    sums = [0.0]
    for arcs in lattice.ending[1:]:
        sums.append(log_sum_exp(sums[arc.start] + alpha * arc.score for arc in arcs))
    return sums


def backward(lattice: Lattice, alpha: float = 1.0) -> list[float]:
    """Add up, for each node, the probabilities of all ways from it to the end (the backward algorithm).

    Args:
        lattice: The pieces that may stand in the word.
        alpha: The power to which every probability is raised first.

    Returns:
        The logarithm of each node's sum; the first is that of all segmentations together.
    """
    ways: list[list[float]] = [[] for _ in range(lattice.length)] + [[0.0]]
    sums = [0.0] * (lattice.length + 1)
    arcs = list(lattice.arcs)
    for node in range(lattice.length, -1, -1):
        while arcs and arcs[-1].start == node:
            arc = arcs.pop()
            ways[node].append(alpha * arc.score + sums[arc.end])
        sums[node] = log_sum_exp(ways[node])
    return sums


def sample_path(lattice: Lattice, random: Random, alpha: float = 1.0) -> Path | None:
    """Draw a segmentation with a probability proportional to its own, raised to the power ``alpha``.

    The walk goes backwards. At each node the last arc is drawn in proportion to everything that may lie before it,
    which the forward algorithm has added up; so each whole path comes with exactly its share.

    Args:
        lattice: The pieces that may stand in the word.
        random: Where the choices come from.
        alpha: 1 draws by the model's probabilities, 0 all segmentations alike; large values give nearly always the
            best.

    Returns:
        The arcs of the segmentation; ``None`` if no path leads to the last node.

    Source: :cite:t:`kudo2018subword`, section 3.2.
    """
    sums = forward(lattice, alpha)
    if sums[-1] == -inf:
        return None
    path: list[Arc] = []
    node = lattice.length
    while node > 0:
        arcs = lattice.ending[node]
        shares = [exp(sums[arc.start] + alpha * arc.score - sums[node]) for arc in arcs]
        (arc,) = random.choices(arcs, shares)
        path.append(arc)
        node = arc.start
    return tuple(reversed(path))


def expected_counts(lattice: Lattice) -> dict[int, float]:
    """Count how often each piece occurs in a segmentation on average (the forward-backward algorithm).

    Args:
        lattice: The pieces that may stand in the word.

    Returns:
        For each id the mean number of occurrences, over all segmentations by their probabilities. Empty if there is
        no segmentation.

    Source: :cite:t:`kudo2018subword`, section 3.2.
    """
    before, after = forward(lattice), backward(lattice)
    counts: defaultdict[int, float] = defaultdict(float)
    if before[-1] > -inf:
        for arc in lattice.arcs:
            through = before[arc.start] + arc.score + after[arc.end]  # the logarithm of all paths with this arc
            if through > -inf:
                counts[arc.token] += exp(through - before[-1])
    return dict(counts)
