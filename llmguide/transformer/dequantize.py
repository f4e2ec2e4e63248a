r"""From the blocks of bytes in a GGUF file back to numbers.

A row of weights is stored in blocks. Each block holds a few numbers of its own, a scale and perhaps an offset, and for
every weight a small whole number :math:`q`; the weight is about :math:`d q` or :math:`d q + m`. The
figure in a format's name says how many bits :math:`q` has. Names that end in 0 have a scale alone; in those that end
in 1 :math:`q` counts from the smallest weight of the block, :math:`m`.

Each function takes blocks as rows of bytes and gives the weights of each block as a row.

Source: the formats are defined by the code of :cite:t:`ggml2023gguf`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

Blocks = UInt8[np.ndarray, "blocks bytes"]
Weights = Float32[np.ndarray, "blocks weights"]


@dataclass(frozen=True)
class Format:
    """How the weights of a tensor are stored.

    Attributes:
        name: What llama.cpp calls it.
        weights: How many weights a block has.
        bytes: How many bytes a block has.
        dequantize: Gives the weights of blocks.
    """

    name: str
    weights: int
    bytes: int
    dequantize: Callable[[Blocks], Weights]


def float32(blocks: Blocks) -> Weights:
    """Read weights of 32 bits.

    Args:
        blocks: Four bytes a weight.

    Returns:
        The weights.
    """
    return blocks.view("<f4").astype(np.float32, copy=False)


def float16(blocks: Blocks) -> Weights:
    r"""Read weights of 16 bits.

    Args:
        blocks: Two bytes a weight.

    Returns:
        The weights.

    Example:
        >>> float16(np.array([[0x00, 0x3C]], np.uint8)).tolist()
        [[1.0]]
    """
    return blocks.view("<f2").astype(np.float32)


def bfloat16(blocks: Blocks) -> Weights:
    r"""Read weights of 16 bits that are the upper half of a number of 32: the same range, fewer digits.

    Args:
        blocks: Two bytes a weight.

    Returns:
        The weights.

    Example:
        >>> bfloat16(np.array([[0x80, 0x3F]], np.uint8)).tolist()
        [[1.0]]
    """
    return (blocks.view("<u2").astype(np.uint32) << 16).view(np.float32)


def q4_0(blocks: Blocks) -> Weights:
    r"""Read weights of four bits with a scale: :math:`d\,(q - 8)`.

    Args:
        blocks: 18 bytes for 32 weights: the scale (float16), then 16 bytes, whose lower halves are the first 16 of the
            whole numbers and whose upper halves the last 16.

    Returns:
        The weights.

    Example:
        >>> block = np.array([[0x00, 0x3C, *[0x97] * 16]], np.uint8)  # the scale is 1; halves of 7 and 9
        >>> q4_0(block)[0, [0, 15, 16, 31]].tolist()
        [-1.0, -1.0, 1.0, 1.0]
    """
    whole = _nibbles(blocks[:, 2:]).astype(np.float32) - 8
    weights: Weights = _half(blocks, 0) * whole
    return weights


def q4_1(blocks: Blocks) -> Weights:
    r"""Read weights of four bits with a scale and a smallest weight: :math:`d\,q + m`.

    Args:
        blocks: 20 bytes for 32 weights: the scale and the smallest weight (float16 each), then 16 bytes of halves as
            in :func:`q4_0`.

    Returns:
        The weights.
    """
    weights: Weights = _half(blocks, 0) * _nibbles(blocks[:, 4:]).astype(np.float32) + _half(blocks, 2)
    return weights


def q5_0(blocks: Blocks) -> Weights:
    r"""Read weights of five bits with a scale: :math:`d\,(q - 16)`.

    Args:
        blocks: 22 bytes for 32 weights: the scale (float16), four bytes with the highest bit of each whole number, and
            16 bytes with the lower four bits, as in :func:`q4_0`.

    Returns:
        The weights.
    """
    whole = _nibbles(blocks[:, 6:]) | _bits(blocks[:, 2:6]) << 4
    weights: Weights = _half(blocks, 0) * (whole.astype(np.float32) - 16)
    return weights


def q5_1(blocks: Blocks) -> Weights:
    r"""Read weights of five bits with a scale and a smallest weight: :math:`d\,q + m`.

    Args:
        blocks: 24 bytes for 32 weights: the scale and the smallest weight (float16 each), four bytes with the highest
            bits, and 16 bytes with the lower four.

    Returns:
        The weights.
    """
    whole = _nibbles(blocks[:, 8:]) | _bits(blocks[:, 4:8]) << 4
    weights: Weights = _half(blocks, 0) * whole.astype(np.float32) + _half(blocks, 2)
    return weights


def q8_0(blocks: Blocks) -> Weights:
    r"""Read weights of eight bits with a scale: :math:`d\,q`.

    Args:
        blocks: 34 bytes for 32 weights: the scale (float16), then a signed byte for each.

    Returns:
        The weights.
    """
    weights: Weights = _half(blocks, 0) * blocks[:, 2:].view(np.int8).astype(np.float32)
    return weights


def q6_k(blocks: Blocks) -> Weights:
    r"""Read weights of six bits with scales in two levels: :math:`d\,s\,(q - 32)`.

    A scale of its own for every 16 weights would cost much if each were a float. So it is a signed byte,
    :math:`s`, and the block of 256 weights has one float :math:`d` in common.

    Args:
        blocks: 210 bytes for 256 weights, in two halves of 128. First the lower four bits: 64 bytes for each half,
            whose lower halves are its first 64 whole numbers and whose upper halves its last 64. Then the upper two
            bits: 32 bytes for each half, four numbers in a byte, 32 places apart. Then the 16 scales, and :math:`d`
            (float16).

    Returns:
        The weights.
    """
    low, high, scales = blocks[:, :128], blocks[:, 128:192], blocks[:, 192:208].view(np.int8)
    lower = np.stack([low.reshape(-1, 2, 64) & 15, low.reshape(-1, 2, 64) >> 4], axis=2)
    upper = np.stack([high.reshape(-1, 2, 32) >> shift & 3 for shift in (0, 2, 4, 6)], axis=2)
    whole = lower.reshape(-1, 16, 16) | upper.reshape(-1, 16, 16) << 4
    scale = _half(blocks, 208) * scales.astype(np.float32)
    weights: Weights = scale[:, :, None] * (whole.astype(np.float32) - 32)
    return weights.reshape(-1, 256)


def _half(blocks: Blocks, place: int) -> Weights:
    """Read the float16 that every block has at this place, as a column."""
    return np.ascontiguousarray(blocks[:, place : place + 2]).view("<f2").astype(np.float32)


def _nibbles(packed: Blocks) -> UInt8[np.ndarray, "blocks weights"]:
    """Take bytes apart: their lower halves, then their upper halves."""
    return np.concatenate([packed & 15, packed >> 4], axis=1)


def _bits(packed: Blocks) -> UInt8[np.ndarray, "blocks weights"]:
    """Take bytes apart into bits, the lowest first."""
    return np.unpackbits(packed, axis=1, bitorder="little")


FORMATS: dict[int, Format] = {
    0: Format("F32", 1, 4, float32),
    1: Format("F16", 1, 2, float16),
    2: Format("Q4_0", 32, 18, q4_0),
    3: Format("Q4_1", 32, 20, q4_1),
    6: Format("Q5_0", 32, 22, q5_0),
    7: Format("Q5_1", 32, 24, q5_1),
    8: Format("Q8_0", 32, 34, q8_0),
    14: Format("Q6_K", 256, 210, q6_k),
    30: Format("BF16", 1, 2, bfloat16),
}
"""The formats that this package reads, by the numbers that GGUF gives them."""
