"""That the reader of IDX files trusts nothing: each bad file is refused, said why, and cheaply."""

import gzip
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from digits_helpers import header, idx, reason_of, written
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from digitnet.digits.files import BadFile, read_idx


def with_bit_flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


PICTURES: NDArray[np.uint8] = (np.arange(5 * 4 * 3) * 37 % 256).astype(np.uint8).reshape(5, 4, 3)

WHOLE = idx(PICTURES)

PACKED = gzip.compress(WHOLE, mtime=0)

HUGE = 2**32 - 1


def test_a_plain_file_reads_back(tmp_path: Path) -> None:
    array = read_idx(written(tmp_path, WHOLE), 3)
    assert array.dtype == np.uint8
    np.testing.assert_array_equal(array, PICTURES)


def test_a_gzipped_file_reads_back(tmp_path: Path) -> None:
    array = read_idx(written(tmp_path, PACKED), 3)
    assert array.dtype == np.uint8
    np.testing.assert_array_equal(array, PICTURES)


@pytest.mark.parametrize("content", [WHOLE, PACKED], ids=["plain", "gzipped"])
def test_the_right_digest_is_that_of_the_uncompressed_file(tmp_path: Path, content: bytes) -> None:
    array = read_idx(written(tmp_path, content), 3, sha256(WHOLE).hexdigest())
    np.testing.assert_array_equal(array, PICTURES)


@pytest.mark.parametrize("content", [WHOLE, PACKED], ids=["plain", "gzipped"])
def test_what_is_read_cannot_be_written_to(tmp_path: Path, content: bytes) -> None:
    array = read_idx(written(tmp_path, content), 3)
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0, 0] = 1


BAD_IN_ITSELF = {
    "empty": (b"", "too short to be an IDX file"),
    "header-cut": (WHOLE[:15], "too short to be an IDX file"),
    "magic-only": (WHOLE[:4], "too short to be an IDX file"),
    "wrong-magic": (header(5, 4, 3, zeros=b"PK") + bytes(60), "two zero bytes"),
    "second-byte-not-zero": (header(5, 4, 3, zeros=b"\0\1") + bytes(60), "two zero bytes"),
    "signed-bytes": (header(5, 4, 3, kind=0x09) + bytes(60), "type 0x09, not of unsigned bytes"),
    "real-numbers": (header(5, 4, 3, kind=0x0D) + bytes(240), "type 0x0d, not of unsigned bytes"),
    "too-few-dimensions": (header(60) + bytes(60), "has 1 dimensions, not 3"),
    "too-many-dimensions": (header(5, 4, 3, 1) + bytes(60), "has 4 dimensions, not 3"),
    "no-dimensions": (header(5, 4, 3)[:3] + b"\0" + bytes(72), "has 0 dimensions, not 3"),
    "no-cases": (header(0, 28, 28), "holds no cases"),
    "no-rows": (header(5, 0, 28), "holds no cases"),
    "no-columns": (header(HUGE, HUGE, 0), "holds no cases"),
    "dimensions-near-2-to-the-32": (header(HUGE, HUGE, HUGE) + bytes(60), "more than it can hold"),
    "product-wraps-to-0-in-64-bits": (header(2**31, 2**31, 4) + bytes(60), "more than it can hold"),
    "product-wraps-to-1-in-32-bits": (header(HUGE, HUGE, 1) + bytes(1), "more than it can hold"),
}
"""Contents that are bad whether they are gzipped or not."""


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize(("content", "says"), BAD_IN_ITSELF.values(), ids=BAD_IN_ITSELF)
def test_a_bad_header_is_refused(
    tmp_path: Path, content: bytes, says: str, pack: Callable[[bytes], bytes]
) -> None:
    assert says in reason_of(written(tmp_path, pack(content)))


BAD_LENGTHS = {
    "plain-short-by-one": (WHOLE[:-1], "announces 5 x 4 x 3 = 60 bytes of data and has 59"),
    "plain-no-data": (WHOLE[:16], "claims 60 bytes of data, more than it can hold"),
    "plain-long-by-one": (WHOLE + b"\0", "announces 5 x 4 x 3 = 60 bytes of data and has 61"),
    "plain-twice": (WHOLE + WHOLE, "announces 5 x 4 x 3 = 60 bytes of data and has 136"),
    "gzip-short-by-one": (
        gzip.compress(WHOLE[:-1]),
        "announces 5 x 4 x 3 = 60 bytes of data and has 59",
    ),
    "gzip-no-data": (
        gzip.compress(WHOLE[:16]),
        "announces 5 x 4 x 3 = 60 bytes of data and has 0",
    ),
    "gzip-long-by-one": (gzip.compress(WHOLE + b"\0"), "goes on after the data that its header"),
    "gzip-twice": (gzip.compress(WHOLE + WHOLE), "goes on after the data that its header"),
}


@pytest.mark.parametrize(("content", "says"), BAD_LENGTHS.values(), ids=BAD_LENGTHS)
def test_data_that_is_not_as_long_as_announced_is_refused(
    tmp_path: Path, content: bytes, says: str
) -> None:
    assert says in reason_of(written(tmp_path, content))


BAD_GZIP = {
    "cut-in-the-gzip-header": (PACKED[:8], "too short to be an IDX file"),
    "cut-in-the-middle": (PACKED[: len(PACKED) // 2], "is cut short"),
    "cut-before-the-checksum": (PACKED[:-8], "is cut short"),
    "cut-in-the-checksum": (PACKED[:-6], "is cut short"),
    "cut-in-the-length": (PACKED[:-1], "is cut short"),
    "checksum-damaged": (with_bit_flipped(PACKED, 8 * len(PACKED) - 60), "is damaged"),
    "length-damaged": (with_bit_flipped(PACKED, 8 * len(PACKED) - 10), "is damaged"),
    "data-damaged": (with_bit_flipped(gzip.compress(WHOLE, 0), 8 * 60), "is damaged"),
    "not-deflate": (PACKED[:10] + b"\xff" * 40, "is damaged"),
    "method-unknown": (PACKED[:2] + b"\7" + PACKED[3:], "is damaged"),
    "a-second-member": (PACKED + PACKED, "goes on after the end of its gzip data"),
    "an-empty-second-member": (
        PACKED + gzip.compress(b""),
        "goes on after the end of its gzip data",
    ),
    "split-in-two-members": (
        gzip.compress(WHOLE[:40]) + gzip.compress(WHOLE[40:]),
        "goes on after the end of its gzip data",
    ),
    "junk-at-the-end": (PACKED + b"junk", "goes on after the end of its gzip data"),
    "zeros-at-the-end": (PACKED + bytes(512), "goes on after the end of its gzip data"),
    "gzipped-twice": (gzip.compress(PACKED), "two zero bytes"),
}


@pytest.mark.parametrize(("content", "says"), BAD_GZIP.values(), ids=BAD_GZIP)
def test_damaged_gzip_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    assert says in reason_of(written(tmp_path, content))


@pytest.mark.parametrize("content", [WHOLE, PACKED], ids=["plain", "gzipped"])
@pytest.mark.parametrize(
    "digest",
    [sha256(b"another").hexdigest(), sha256(PACKED).hexdigest(), ""],
    ids=["of-another-file", "of-the-gzipped-file", "empty"],
)
def test_a_file_with_another_digest_is_refused(tmp_path: Path, content: bytes, digest: str) -> None:
    path = written(tmp_path, content)
    assert "is not the original file: its SHA-256 differs" in reason_of(path, digest=digest)


def test_a_file_of_other_pictures_has_another_digest(tmp_path: Path) -> None:
    other = with_bit_flipped(WHOLE, 8 * len(WHOLE) - 1)
    path = written(tmp_path, other)
    assert "its SHA-256 differs" in reason_of(path, digest=sha256(WHOLE).hexdigest())


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert reason_of(tmp_path / "missing.gz") == "No such file or directory"


def test_a_file_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    assert reason_of(tmp_path / "missing" / "pictures.gz") == "No such file or directory"


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert reason_of(tmp_path) == "is a folder"


def test_a_file_in_a_file_is_refused(tmp_path: Path) -> None:
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
    content = gzip.compress(idx(array)) if packed else idx(array)
    np.testing.assert_array_equal(read_idx(written(folder, content), len(shape)), array)


@settings(deadline=None)
@given(length=st.integers(0, len(WHOLE) - 1))
def test_no_part_of_a_plain_file_is_read(folder: Path, length: int) -> None:
    reason_of(written(folder, WHOLE[:length]))


def test_no_part_of_a_gzipped_file_is_read(folder: Path) -> None:
    for length in range(len(PACKED)):
        reason_of(written(folder, PACKED[:length]))


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
def test_bytes_of_any_kind_are_an_array_or_bad_data(
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
