"""Packing: short documents share rows of one length, so that no computation is spent on padding.

Whoever cuts the stream of all documents into rows trains on answers whose questions stand at the end of another row.
Here a document that fits into a row is never cut: it goes where it leaves the least room, among the rows that are still
open. Documents in one row do not see each other, and each counts its places from 0, as if it stood alone.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

OPEN_ROWS = 32
"""How many rows are kept open. With more, less is wasted and packing takes longer."""

FILLER = -1
"""The number of the document to which filler at the end of a row belongs."""


@dataclass(frozen=True)
class Packed:
    """Rows of documents.

    Attributes:
        ids: The tokens of each row.
        documents: The number of the document that each belongs to; :data:`FILLER` behind the last one of a row.
        positions: The place of each in its document (or in its piece, where the document is longer than a row).
    """

    ids: Int[Tensor, "batch positions"]
    documents: Int[Tensor, "batch positions"]
    positions: Int[Tensor, "batch positions"]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def tokens(self) -> int:
        """The number of tokens without filler."""
        return int((self.documents != FILLER).sum())


class _Row:
    """A row that is being filled."""

    def __init__(self) -> None:
        self.ids = array("i")
        self.pieces: list[tuple[int, int]] = []  # document and length

    def add(self, document: int, piece: Sequence[int]) -> None:
        self.ids.extend(piece)
        self.pieces.append((document, len(piece)))


def pack(documents: Iterable[Sequence[int]], length: int, end: int, rows: int | None = None) -> Packed:
    """Pack documents into rows.

    Args:
        documents: The ids of each document; with ``rows``, there may be no end of them.
        length: Number of positions of a row.
        end: The id that ends each document, and fills up rows.
        rows: How many rows to make; documents for which there is no room any more are left out. ``None`` packs all.

    Returns:
        The rows. Every token of the documents, and an end for each of them, occurs once. Only documents longer than
        a row are cut.

    Raises:
        ValueError: If there is nothing to pack, or a number is out of range.

    Source: :cite:t:`ding2024fewer` for keeping documents whole.

    Example:
        >>> packed = pack([[5, 6], [7, 7, 7, 7], [8]], length=5, end=0)
        >>> packed.ids.tolist()
        [[5, 6, 0, 8, 0], [7, 7, 7, 7, 0]]
        >>> packed.documents[0].tolist(), packed.positions[0].tolist()
        ([0, 0, 0, 2, 2], [0, 1, 2, 0, 1])
    """
    if length < 2 or end < 0 or (rows is not None and rows < 1):
        raise ValueError(f"need length ({length}) >= 2, end ({end}) >= 0 and rows ({rows}) >= 1")
    made: list[_Row] = []
    opened: list[_Row] = []
    for number, document in enumerate(documents):
        whole = [*document, end]
        for start in range(0, len(whole), length):
            piece = whole[start : start + length]
            fitting = [row for row in opened if len(row.ids) + len(piece) <= length]
            if fitting:
                row = max(fitting, key=lambda row: len(row.ids))
            elif rows is not None and len(made) == rows:
                return _tensors(made, length, end)
            else:
                made.append(row := _Row())
                opened.append(row)
                if len(opened) > OPEN_ROWS:
                    opened.remove(max(opened, key=lambda row: len(row.ids)))
            row.add(number, piece)
    if not made:
        raise ValueError("there is no document to pack")
    return _tensors(made, length, end)


def _tensors(made: list[_Row], length: int, end: int) -> Packed:
    """Lay the rows out as tensors. NumPy fills them, as for so little at a time the threads of torch cost too much."""
    ids = np.full((len(made), length), end, np.int32)
    documents, positions = np.full_like(ids, FILLER), np.zeros_like(ids)
    for number, row in enumerate(made):
        filled = len(row.ids)
        names, sizes = np.array(row.pieces, np.int32).T
        ids[number, :filled] = row.ids
        documents[number, :filled] = names.repeat(sizes)
        positions[number, :filled] = np.arange(filled) - (sizes.cumsum() - sizes).repeat(sizes)
        positions[number, filled:] = np.arange(length - filled)
    return Packed(torch.from_numpy(ids), torch.from_numpy(documents), torch.from_numpy(positions))
