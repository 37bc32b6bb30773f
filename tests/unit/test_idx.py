"""That the reader of IDX files trusts nothing: each bad file is refused, said why, and cheaply."""

import gzip
import tracemalloc
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from digits_helpers import (
    BAD,
    HUGE,
    MIB,
    PACKED,
    PICTURES,
    WHOLE,
    gzipped_zeros,
    header,
    idx,
    reason_of,
    with_bit_flipped,
    written,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from digitnet.digits.files import MAX_IDX, BadFile, idx_bytes, read_idx

either = pytest.mark.parametrize("content", [WHOLE, PACKED], ids=["plain", "gzipped"])


@either
def test_a_file_reads_back_and_cannot_be_written_to(tmp_path: Path, content: bytes) -> None:
    array = read_idx(written(tmp_path, content), 3, sha256(WHOLE).hexdigest())
    np.testing.assert_array_equal(array, PICTURES)
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0, 0] = 1


@pytest.mark.parametrize(("content", "says"), BAD.values(), ids=BAD)
def test_a_bad_header_length_or_gzip_stream_is_refused(
    tmp_path: Path, content: bytes, says: str
) -> None:
    assert says in reason_of(written(tmp_path, content))


@either
@pytest.mark.parametrize("of", [b"another", PACKED], ids=["another-file", "the-gzipped-file"])
def test_a_file_with_another_digest_is_refused(tmp_path: Path, content: bytes, of: bytes) -> None:
    reason = reason_of(written(tmp_path, content), digest=sha256(of).hexdigest())
    assert reason == "is not the original file: its SHA-256 differs"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert reason_of(tmp_path / "missing.gz") == "No such file or directory"
    assert reason_of(tmp_path) == "is a folder"
    assert reason_of(written(tmp_path, WHOLE) / "pictures.gz") == "Not a directory"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("idx")


@settings(deadline=None)
@given(
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    seed=st.integers(0, 2**32 - 1),
    packed=st.booleans(),
)
def test_every_array_reads_back(folder: Path, shape: list[int], seed: int, packed: bool) -> None:
    array = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    assert idx_bytes(array) == idx(array)
    content = gzip.compress(idx(array)) if packed else idx(array)
    np.testing.assert_array_equal(read_idx(written(folder, content), len(shape)), array)


@either
def test_no_part_of_a_file_is_read(folder: Path, content: bytes) -> None:
    for length in range(len(content)):
        reason_of(written(folder, content[:length]))


def test_no_flipped_bit_of_a_gzipped_file_changes_what_is_read(folder: Path) -> None:
    refused = 0
    for bit in range(8 * len(PACKED)):
        path = written(folder, with_bit_flipped(PACKED, bit))
        try:
            array = read_idx(path, 3)
        except BadFile:
            refused += 1
        else:  # a bit of gzip's own that says nothing of the data, as the time
            np.testing.assert_array_equal(array, PICTURES)
    assert refused >= 8 * (len(PACKED) - 10)


@settings(deadline=None)
@given(
    head=st.sampled_from([b"", b"\x1f\x8b", b"\x1f\x8b\x08\0", b"\0\0\x08\x01", WHOLE[:16]]),
    tail=st.binary(max_size=80),
    dimensions=st.integers(1, 3),
)
def test_bytes_of_any_kind_are_an_array_or_a_bad_file(
    folder: Path, head: bytes, tail: bytes, dimensions: int
) -> None:
    path = written(folder, head + tail)
    try:
        array = read_idx(path, dimensions)
    except BadFile:
        reason_of(path, dimensions)
    else:
        assert array.ndim == dimensions
        assert array.size > 0


# memory

MEMORY = 150_000_000
"""What a bad file may cost: little more than twice the largest data that is read."""


def reason_and_memory(path: Path, dimensions: int = 3) -> tuple[str, int]:
    """What is wrong with a file, and the most memory it took to find out."""
    tracemalloc.start()
    try:
        return reason_of(path, dimensions), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("length", [MAX_IDX, 5 * MAX_IDX], ids=["by-its-header", "by-far"])
def test_a_file_past_the_limit_is_refused_in_little_memory(tmp_path: Path, length: int) -> None:
    path = written(tmp_path, header(length))
    with path.open("r+b") as file:
        file.truncate(8 + length)  # whole by its header
    reason, peak = reason_and_memory(path, 1)
    assert reason == f"is larger than {MAX_IDX // MIB} MiB"
    assert peak < MEMORY


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (header(10, 28, 28), "goes on after the data that its header announces"),
        (header(MAX_IDX // MIB, 1024, 1024), "goes on after the data that its header announces"),
        (header(500, 1024, 1024), "has 524,288,000 bytes of data; at most 67,108,864 are read"),
        (header(HUGE, HUGE, HUGE), "more than it can hold"),
    ],
    ids=["claims-little", "claims-the-most", "claims-what-it-has", "claims-huge"],
)
def test_a_bomb_is_refused_in_little_memory(tmp_path: Path, head: bytes, says: str) -> None:
    path = written(tmp_path, gzipped_zeros(head, 500 * MIB))
    assert path.stat().st_size < MIB
    reason, peak = reason_and_memory(path)
    assert says in reason
    assert peak < MEMORY


def test_data_packed_a_thousandfold_is_read_where_the_header_is_true(tmp_path: Path) -> None:
    path = written(tmp_path, gzipped_zeros(header(3, 1024, 1024), 3 * MIB))
    np.testing.assert_array_equal(read_idx(path, 3), np.zeros((3, 1024, 1024), np.uint8))
