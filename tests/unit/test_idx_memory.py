"""That a bad file costs the reader of IDX files little memory, however much it claims."""

import gzip
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from digits_helpers import header, reason_of, written

from digitnet.digits.files import MAX_IDX, read_idx

MIB = 1 << 20

HUGE = 2**32 - 1

MEMORY = 150_000_000
"""What a bad file may cost: little more than twice the largest data that is read."""


def reason_and_memory(path: Path, dimensions: int = 3) -> tuple[str, int]:
    """What is wrong with a file, and the most memory it took to find out."""
    tracemalloc.start()
    try:
        return reason_of(path, dimensions), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def bomb(head: bytes, mebibytes: int = 500) -> bytes:
    """A valid gzip stream of `head` and then so many MiB of zeros, a thousandth as long."""
    nothing = bytes(MIB)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed_head = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    packed_mebibyte = packer.compress(nothing) + packer.flush(zlib.Z_FULL_FLUSH)
    crc = zlib.crc32(head)
    for _ in range(mebibytes):
        crc = zlib.crc32(nothing, crc)
    end = packer.flush() + struct.pack("<II", crc, len(head) + mebibytes * MIB)
    start = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    return start + packed_head + packed_mebibyte * mebibytes + end


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
        (header(60_000, 28, 28), "goes on after the data that its header announces"),
        (header(MAX_IDX // MIB, 1024, 1024), "goes on after the data that its header announces"),
        (header(500, 1024, 1024), "has 524,288,000 bytes of data; at most 67,108,864 are read"),
        (header(HUGE, HUGE, HUGE), "more than it can hold"),
    ],
    ids=["claims-little", "claims-mnist", "claims-the-most", "claims-what-it-has", "claims-huge"],
)
def test_a_bomb_is_refused_in_little_memory(tmp_path: Path, head: bytes, says: str) -> None:
    path = written(tmp_path, bomb(head))
    assert path.stat().st_size < MIB
    reason, peak = reason_and_memory(path)
    assert says in reason
    assert peak < MEMORY


def test_a_header_that_claims_what_gzip_cannot_hold_is_refused(tmp_path: Path) -> None:
    claim = header(20, 1024, 1024)
    assert "claims 20,971,520 bytes" in reason_of(written(tmp_path, gzip.compress(claim)))


def test_the_bomb_of_these_tests_is_good_gzip_all_through() -> None:
    head = header(3, 1024, 1024)
    assert gzip.decompress(bomb(head, 3)) == head + bytes(3 * MIB)


def test_data_packed_a_thousandfold_is_read_where_the_header_is_true(tmp_path: Path) -> None:
    path = written(tmp_path, bomb(header(3, 1024, 1024), 3))
    np.testing.assert_array_equal(read_idx(path, 3), np.zeros((3, 1024, 1024), np.uint8))
