"""Safetensors files, against the `safetensors` library, and refusals of what is damaged, absurd or pickled."""

import json
import struct
from pathlib import Path

import pytest
import torch
from allocations import LargestTensor
from fuzzing import damaged, read_or_refuse
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save, save_file

from llmguide.transformer.safetensors_files import (
    DTYPES,
    INDEX,
    SINGLE,
    SafetensorsWeights,
    read_folder,
    read_safetensors,
    write_folder,
    write_safetensors,
)

TENSORS = {
    "weight": torch.arange(6.0).reshape(2, 3),
    "half": torch.ones(3, 1, dtype=torch.bfloat16),
    "count": torch.tensor(7),
    "empty": torch.zeros(0, 4),
}


def file(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    """Write a file with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype: object = "F32", shape: object = (2,), offsets: object = (0, 8)) -> dict[str, object]:
    """Describe a tensor."""
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def equal(ours: SafetensorsWeights, theirs: dict[str, torch.Tensor]) -> bool:
    """Compare names, kinds, shapes and numbers."""
    return ours.entries.keys() == theirs.keys() and all(
        (loaded := ours.load(name)).dtype == tensor.dtype
        and loaded.shape == tensor.shape == torch.Size(ours.shapes[name])
        and torch.equal(loaded, tensor)
        for name, tensor in theirs.items()
    )


def test_what_the_library_writes_is_read(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / SINGLE, {"format": "pt"})
    assert equal(read_safetensors(tmp_path / SINGLE), TENSORS)


@pytest.mark.parametrize("name", DTYPES)
def test_each_kind_of_number_is_read(tmp_path: Path, name: str) -> None:
    tensors = {"x": torch.tensor([[0, 1], [1, 0]]).to(DTYPES[name])}
    save_file(tensors, tmp_path / SINGLE)
    assert equal(read_safetensors(tmp_path / SINGLE), tensors)


def test_what_is_written_the_library_reads(tmp_path: Path) -> None:
    write_safetensors(tmp_path / SINGLE, TENSORS | {"turned": torch.arange(6.0).reshape(2, 3).T})
    theirs = load_file(tmp_path / SINGLE)
    assert equal(read_safetensors(tmp_path / SINGLE), theirs)
    assert torch.equal(theirs["turned"], torch.arange(6.0).reshape(2, 3).T)


def test_a_failed_writing_leaves_the_old_file(tmp_path: Path) -> None:
    write_safetensors(tmp_path / SINGLE, TENSORS)
    shared = torch.zeros(4)
    with pytest.raises(RuntimeError, match="share memory"):
        write_safetensors(tmp_path / SINGLE, {"a": shared, "b": shared})
    assert equal(read_safetensors(tmp_path / SINGLE), TENSORS)
    assert [path.name for path in tmp_path.iterdir()] == [SINGLE]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has 0 bytes; expected a safetensors file"),
        (file({}, length=2**63), f"the header has {2**63} bytes by its own account, and the file 10"),
        (file({}, length=3), "the header has 3 bytes by its own account, and the file 10"),
        (file(b"[]"), "header: list is no JSON object"),
        (file(b'{"a": 1, "a": 1}'), "header: 'a' is given twice"),
        (file({"a": 1}), "header: 'a' is 1; expected an object"),
        (file({"__metadata__": {"format": 1}}), "'__metadata__': 'format' is 1; expected a text"),
        (file({"a": entry() | {"more": 1}}, bytes(8)), "header, 'a': unknown 'more'"),
        (file({"a": {"dtype": "F32", "shape": []}}), "'data_offsets' is missing"),
        (file({"a": entry(dtype="F4")}, bytes(8)), "dtype 'F4' is not read by this package; F64, F32"),
        (file({"a": entry(shape=(-2,))}, bytes(8)), r"shape \(-2,\); expected at most 8 axes, none of them negative"),
        (file({"a": entry(shape=(1,) * 9)}, bytes(8)), "expected at most 8 axes"),
        (file({"a": entry(shape=(2.0,))}, bytes(8)), "'shape' has 2.0 at 0; expected int"),
        (file({"a": entry(shape=(2**60, 2**60))}, bytes(8)), f"takes {4 * 2**120} bytes, but data_offsets leave 8"),
        (file({"a": entry(shape=(2**60,), offsets=(0, 2**62))}, bytes(8)), f"end at byte {2**62} .* the file at 8"),
        (file({"a": entry(offsets=(8, 0))}, bytes(8)), r"data_offsets \[8, 0\]; expected a start and no smaller end"),
        (file({"a": entry(offsets=(0,))}, bytes(8)), r"data_offsets \[0\]"),
        (file({"a": entry(), "b": entry()}, bytes(8)), "'b' begins at byte 0; expected 8"),
        (file({"a": entry(), "b": entry(offsets=(12, 20))}, bytes(20)), "'b' begins at byte 12; expected 8"),
        (file({"a": entry()}, bytes(7)), "the tensors end at byte 8 behind the header, the file at 7"),
        (file({"a": entry()}, bytes(9)), "the tensors end at byte 8 behind the header, the file at 9"),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as refusal:
        read_safetensors(path)
    assert "bad.safetensors" in str(refusal.value)


SAMPLE = save(TENSORS, {"format": "pt"})


@settings(max_examples=300)
@given(content=damaged(SAMPLE) | st.binary(max_size=200).map(lambda header: file(header, bytes(40))))
def test_damaged_files_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.safetensors"
    path.write_bytes(content)

    def read(_: bytes) -> None:
        weights = read_safetensors(path)
        for name in weights.entries:
            weights.load(name)

    with LargestTensor() as largest:
        read_or_refuse(read, content)
    assert largest.n_bytes <= 100 * len(content) + 1000  # as tightly as numpy is watched


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2**70) | st.floats() | st.sampled_from(["F32", "BF16", "x"]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.no_cover
@settings(max_examples=300)
@given(
    header=st.dictionaries(
        st.sampled_from(["a", "b", "__metadata__"]),
        st.fixed_dictionaries(
            {
                "dtype": st.sampled_from(["F32", "I8"]) | JSON,
                "shape": st.lists(st.integers(0, 4), max_size=3) | JSON,
                "data_offsets": st.lists(st.integers(0, 40), min_size=2, max_size=2) | JSON,
            }
        )
        | JSON,
    ),
    size=st.integers(0, 40),
)
def test_absurd_headers_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, header: dict[str, object], size: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "absurd.safetensors"
    path.write_bytes(content := file(header, bytes(size)))

    def read(_: bytes) -> None:
        weights = read_safetensors(path)
        for name in weights.entries:
            assert tuple(weights.load(name).shape) == weights.shapes[name]

    with LargestTensor() as largest:
        read_or_refuse(read, content)
    assert largest.n_bytes <= 100 * len(content) + 1000  # as tightly as numpy is watched


def test_a_file_that_is_damaged_after_the_check_is_refused(tmp_path: Path) -> None:
    write_safetensors(tmp_path / SINGLE, TENSORS)
    weights = read_safetensors(tmp_path / SINGLE)
    (tmp_path / SINGLE).write_bytes(b"\xff" * 20)
    with pytest.raises(ValueError, match=r"model\.safetensors: cannot read 'weight'"):
        weights.load("weight")
    (tmp_path / SINGLE).unlink()
    with pytest.raises(FileNotFoundError):
        weights.load("weight")


@pytest.mark.parametrize("largest", [None, 1, 12, 30, 1000])
def test_shards_hold_together(tmp_path: Path, largest: int | None) -> None:
    files = write_folder(tmp_path, TENSORS, largest)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in files)
    assert equal(read_folder(tmp_path), TENSORS)
    for path in files[:-1]:
        shard = load_file(path)
        assert len(shard) == 1 or sum(tensor.nbytes for tensor in shard.values()) <= (largest or 10**9)
    assert len(files) == {None: 1, 1: 5, 12: 4, 30: 3, 1000: 1}[largest]


def test_writing_anew_leaves_no_contradiction(tmp_path: Path) -> None:
    write_folder(tmp_path, TENSORS, 12)
    write_folder(tmp_path, {"x": torch.ones(1)})
    assert equal(read_folder(tmp_path), {"x": torch.ones(1)})
    write_folder(tmp_path, TENSORS, 12)
    assert equal(read_folder(tmp_path), TENSORS)
    with pytest.raises(ValueError, match=r"largest \(0\) must be a positive number of bytes"):
        write_folder(tmp_path, TENSORS, 0)


def index(folder: Path, **places: object) -> None:
    """Write an index."""
    (folder / INDEX).write_text(json.dumps({"weight_map": places}))


def shards(folder: Path) -> None:
    """Write two shards."""
    save_file({"a": torch.ones(1)}, folder / "one.safetensors")
    save_file({"b": torch.ones(1)}, folder / "two.safetensors")


def test_an_index_of_any_names_is_followed(tmp_path: Path) -> None:
    shards(tmp_path)
    index(tmp_path, b="two.safetensors", a="one.safetensors")
    assert equal(read_folder(tmp_path), {"a": torch.ones(1), "b": torch.ones(1)})


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ({"a": "one.safetensors"} | {"b": "../two.safetensors"}, "'../two.safetensors' is no plain name"),
        ({"a": "/one.safetensors"}, "'/one.safetensors' is no plain name"),
        ({"a": "..\\one.safetensors"}, "is no plain name"),
        ({"a": ".."}, "is no plain name"),
        ({"a": "one.bin"}, "'one.bin' is no plain name of a safetensors file"),
        ({"a": 1}, "'a' is 1; expected a text"),
        ({"a": "one.safetensors", "b": "three.safetensors", "c": "four.safetensors"},
         "lacks four.safetensors, three.safetensors, which model.safetensors.index.json names"),
        ({"a": "one.safetensors", "b": "two.safetensors", "c": "two.safetensors"}, "two.safetensors lacks 'c'"),
        ({"a": "one.safetensors", "b": "one.safetensors"}, "one.safetensors lacks 'b'"),
        ({"z": "one.safetensors"}, "one.safetensors lacks 'z'"),
        ({f"a{number}": "one.safetensors" for number in range(9)}, "'a4' and 4 more"),
    ],
)  # fmt: skip
def test_an_index_that_contradicts_the_folder_is_refused(
    tmp_path: Path, places: dict[str, object], message: str
) -> None:
    shards(tmp_path)
    index(tmp_path, **places)
    with pytest.raises(ValueError, match=message):
        read_folder(tmp_path)


def test_a_tensor_that_the_index_does_not_know_is_refused(tmp_path: Path) -> None:
    shards(tmp_path)
    save_file({"a": torch.ones(1), "b": torch.ones(1)}, tmp_path / "two.safetensors")
    index(tmp_path, a="one.safetensors", b="two.safetensors")
    with pytest.raises(ValueError, match=r"two\.safetensors holds 'a', which .* does not place there"):
        read_folder(tmp_path)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "consolidated.00.pth"])
def test_pickled_weights_are_not_opened(tmp_path: Path, name: str) -> None:
    torch.save({"a": torch.ones(1)}, tmp_path / name)
    with pytest.raises(ValueError, match=rf"only pickled weights \({name}\), and unpickling runs code"):
        read_folder(tmp_path)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no weights; expected model\.safetensors"):
        read_folder(tmp_path)
    with pytest.raises(ValueError, match="is no folder"):
        read_folder(tmp_path / "none")
