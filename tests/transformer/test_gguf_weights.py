"""The tensors of GGUF files, against the `gguf` package, and refusals of tables that the file contradicts."""

import struct
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from allocations import LargestTensor
from fuzzing import damaged, read_or_refuse
from hypothesis import given, settings
from hypothesis import strategies as st
from published_twins import require

from llmguide.tokenizers.published import FILES
from llmguide.transformer.dequantize import FORMATS
from llmguide.transformer.gguf_weights import GgufWeights, read_gguf

QUANTIZED = gguf.GGMLQuantizationType


def written(path: Path, alignment: int | None = None) -> Path:
    """Let the `gguf` package write a file with a tensor in each format that it can make."""
    random = np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, "llama")
    if alignment is not None:
        writer.add_custom_alignment(alignment)
    writer.add_block_count(2)
    for number, kind in FORMATS.items():
        weights = random.standard_normal((3, 256)).astype(np.float32)
        if kind.name == "Q6_K":
            packed = random.integers(0, 256, (3, kind.bytes), np.uint8)
            packed[:, 208:] = [0, 0x3C]
        else:
            packed = gguf.quantize(weights, QUANTIZED(number))
        writer.add_tensor(f"{kind.name}.weight", packed, raw_dtype=QUANTIZED(number))
    writer.add_tensor("norm", random.standard_normal(5).astype(np.float32))
    writer.add_tensor("deep", random.standard_normal((2, 3, 4)).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def equal_to_the_package(path: Path) -> GgufWeights:
    """Compare every tensor, bit for bit."""
    ours, theirs = read_gguf(path), gguf.GGUFReader(path)
    assert list(ours.entries) == [tensor.name for tensor in theirs.tensors]
    for tensor in theirs.tensors:
        entry = ours.entries[tensor.name]
        assert (entry.start, entry.bytes) == (tensor.data_offset, tensor.n_bytes)
        expected = gguf.dequantize(tensor.data, tensor.tensor_type)
        found = ours.load(tensor.name)
        assert found.dtype == torch.float32
        assert tuple(found.shape) == ours.shapes[tensor.name] == tuple(map(int, tensor.shape[::-1]))
        assert np.array_equal(found.numpy().view(np.uint32), expected.reshape(found.shape).view(np.uint32))
    return ours


@pytest.mark.parametrize("alignment", [None, 8, 64])
def test_every_format_is_read_as_by_the_package(tmp_path: Path, alignment: int | None) -> None:
    weights = equal_to_the_package(written(tmp_path / "a.gguf", alignment))
    assert weights.metadata["llama.block_count"] == 2
    assert weights.shapes["deep"] == (2, 3, 4)


def test_a_published_model_is_read_as_by_the_package() -> None:
    require("smollm2")
    weights = equal_to_the_package(FILES["smollm2"].find())
    assert len(weights.entries) == 272
    assert {entry.format.name for entry in weights.entries.values()} == {"F32", "Q4_1", "Q8_0"}


def test_a_loaded_tensor_is_one_s_own(tmp_path: Path) -> None:
    weights = read_gguf(written(tmp_path / "a.gguf"))
    before = weights.load("norm")
    weights.load("norm").zero_()
    assert torch.equal(weights.load("norm"), before)


def text(value: str) -> bytes:
    """Write a text as GGUF does."""
    return struct.pack("<Q", len(value.encode())) + value.encode()


def row(name: str = "a", axes: tuple[int, ...] = (4,), kind: int = 0, place: int = 0) -> bytes:
    """Write a row of the table."""
    return text(name) + struct.pack(f"<I{len(axes)}QIQ", len(axes), *axes, kind, place)


def file(*rows: bytes, size: int = 64, count: int | None = None, alignment: bytes = b"") -> bytes:
    """Write a file with any table."""
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(rows) if count is None else count, bool(alignment))
    table = head + alignment + b"".join(rows)
    return table + bytes(-len(table) % 32) + bytes(size)


def aligned(value: int, kind: int = 4) -> bytes:
    """Write the key that says the alignment."""
    return text("general.alignment") + struct.pack("<I", kind) + value.to_bytes(4 if kind == 4 else 1, "little")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; expected a GGUF file"),
        (b"PK\3\4", "not a GGUF file"),
        (file(count=2**60), f"{2**60} tensors at byte 24 need {32 * 2**60} bytes"),
        (file(row(), size=0, count=3), "3 tensors at byte 24 need 96 bytes, and 40 are left"),
        (file(row(axes=())), "the tensor 'a' has 0 axes; expected 1 to 4"),
        (file(row(axes=(1,) * 5)), "the tensor 'a' has 5 axes; expected 1 to 4"),
        (file(row(axes=(0, 4))), r"the tensor 'a' has the shape \(4, 0\); expected no empty axis"),
        (file(row(axes=(33, 32), kind=2)), r"the shape \(32, 33\); expected .* a multiple of 32 for Q4_0"),
        (file(row(kind=4)), r"the tensor 'a' has the format 4; this package reads 0 \(F32\), 1 \(F16\)"),
        (file(row(axes=(2**60, 2**60))), f"ends {4 * 2**120} bytes behind the table, and the file 64"),
        (file(row(axes=(17,))), "ends 68 bytes behind the table, and the file 64: it is cut short"),
        (file(row(place=2**63)), f"ends {2**63 + 16} bytes behind the table"),
        (file(row(place=16)), "the tensor 'a' is at 16; expected a multiple of 32"),
        (file(row(), row()), "the tensor 'a' is given twice"),
        (file(row(), row("b")), "the tensor 'b' begins at 0, before another one ends at 16"),
        (file(row("x" * 65)), "has a name of 65 characters; expected at most 64 bytes"),
        (file(row(), alignment=aligned(24)), "general.alignment is 24; expected a power of two"),
        (file(row(), alignment=aligned(0)), "general.alignment is 0; expected a power of two"),
        (file(row(), alignment=aligned(1, 7)), "general.alignment is True; expected a power of two"),
        (file(row(), alignment=aligned(2**31)), "ends 16 bytes behind the table, and the file 0"),
        (file(row(), size=0), "ends 16 bytes behind the table, and the file 0: it is cut short or damaged"),
    ],
)
def test_a_damaged_table_is_refused_by_name(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as refusal:
        read_gguf(path)
    assert str(refusal.value).count("bad.gguf") == 1


def test_a_file_that_has_become_shorter_is_refused(tmp_path: Path) -> None:
    weights = read_gguf(written(tmp_path / "a.gguf"))
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    with pytest.raises(ValueError, match="size"):
        weights.load("deep")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file written by the `gguf` package."""
    return written(tmp_path_factory.mktemp("gguf") / "sample.gguf").read_bytes()


def load_all(path: Path, content: bytes) -> None:
    """Read every tensor of a file with this content."""
    path.write_bytes(content)
    weights = read_gguf(path)
    with np.errstate(all="ignore"), LargestTensor() as largest:  # damaged scales are NaN or infinite
        for name, shape in weights.shapes.items():
            assert tuple(weights.load(name).shape) == shape
    assert largest.n_bytes <= 100 * len(content) + 1000  # two bits a number become 32


@pytest.mark.no_cover
@settings(max_examples=300)
@given(data=st.data(), table=st.booleans())
def test_damaged_files_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, sample: bytes, data: st.DataObject, table: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.gguf"
    content = data.draw(damaged(sample[:700])) + sample[700:] if table else data.draw(damaged(sample))
    read_or_refuse(lambda found: load_all(path, found), content)


NUMBERS = st.sampled_from([0, 1, 4, 32, 256, 2**31, 2**32 - 1, 2**60, 2**63, 2**64 - 1])


@pytest.mark.no_cover
@settings(max_examples=300)
@given(
    rows=st.lists(
        st.builds(
            row,
            st.sampled_from("abcd"),
            st.lists(NUMBERS, max_size=5).map(tuple),
            st.sampled_from([*FORMATS, 4, 2**32 - 1]),
            NUMBERS,
        ),
        max_size=4,
    ),
    size=st.integers(0, 5000),
)
def test_absurd_tables_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, rows: list[bytes], size: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "absurd.gguf"
    read_or_refuse(lambda found: load_all(path, found), file(*rows, size=size))
