"""Blocks of quantized weights, bit for bit against the `gguf` package, and small blocks by hand."""

import struct

import gguf
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmguide.transformer.dequantize import FORMATS, Format, q4_1, q5_0, q6_k, q8_0

KINDS = sorted(FORMATS)


def blocks(kind: Format, count: int, seed: int) -> np.ndarray:
    """Draw blocks of random bytes."""
    return np.random.default_rng(seed).integers(0, 256, (count, kind.bytes), np.uint8)


def same(ours: np.ndarray, theirs: np.ndarray) -> bool:
    """Compare bit for bit, except that one NaN is as good as another."""
    return bool(np.all((ours.view(np.uint32) == theirs.view(np.uint32)) | (np.isnan(ours) & np.isnan(theirs))))


@pytest.mark.parametrize("number", KINDS)
def test_sizes_are_the_package_s(number: int) -> None:
    kind = FORMATS[number]
    assert gguf.GGMLQuantizationType(number).name == kind.name
    assert gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(number)] == (kind.weights, kind.bytes)


@pytest.mark.no_cover
@pytest.mark.parametrize("number", KINDS)
@given(count=st.integers(0, 40), seed=st.integers(0, 2**32))
def test_random_blocks_are_the_package_s(number: int, count: int, seed: int) -> None:
    kind = FORMATS[number]
    drawn = blocks(kind, count, seed)
    with np.errstate(all="ignore"):  # random bytes make NaN, infinite and tiny scales
        ours = kind.dequantize(drawn)
        theirs = gguf.dequantize(drawn, gguf.GGMLQuantizationType(number)) if count else np.zeros((0, kind.weights))
    assert ours.shape == (count, kind.weights)
    assert ours.dtype == np.float32
    assert same(ours, theirs.reshape(ours.shape).astype(np.float32))


@pytest.mark.parametrize(
    "number", [number for number in KINDS if FORMATS[number].name in {"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"}]
)
def test_what_the_package_quantizes_comes_back_near(number: int) -> None:
    kind = FORMATS[number]
    weights = np.random.default_rng(0).standard_normal((8, 256)).astype(np.float32)
    packed = gguf.quantize(weights, gguf.GGMLQuantizationType(number)).reshape(-1, kind.bytes)
    error = np.abs(kind.dequantize(packed) - weights.reshape(-1, kind.weights)).max()
    assert error < {"Q4": 0.3, "Q5": 0.15, "Q8": 0.02}[kind.name[:2]]


def half(value: float) -> bytes:
    """Write a float16."""
    return struct.pack("<e", value)


def row(content: bytes) -> np.ndarray:
    """Make one block."""
    return np.frombuffer(content, np.uint8)[None]


def test_blocks_by_hand() -> None:
    # Scale 0.5, smallest weight 10; the first byte holds 3 (first weight) and 12 (seventeenth).
    weights = q4_1(row(half(0.5) + half(10) + bytes([0xC3]) + bytes(15)))[0]
    assert weights[[0, 1, 16, 17]].tolist() == [11.5, 10.0, 16.0, 10.0]
    # The second weight is 2 + 16 (its fifth bit is set), less 16; all others 0 - 16.
    weights = q5_0(row(half(1) + struct.pack("<I", 0b10) + bytes([0, 2]) + bytes(14)))[0]
    assert weights[:3].tolist() == [-16.0, 2.0, -16.0]
    assert q8_0(row(half(2) + bytes([255, 3]) + bytes(30)))[0, :3].tolist() == [-2.0, 6.0, 0.0]
    # Weight 64 has the lower bits 5 in the upper half of byte 0 and the upper bits 2 in bits 4 and 5 of byte 0.
    scales = bytes([1, 0, 0, 0, 3]) + bytes(11)
    weights = q6_k(row(bytes([0x50]) + bytes(127) + bytes([0b10_0000]) + bytes(63) + scales + half(0.25)))[0]
    assert weights[[0, 16, 64, 65]].tolist() == [-8.0, 0.0, 0.75 * (5 + 32 - 32), -24.0]
