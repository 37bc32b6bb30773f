"""What the tests of digits' files share: files in IDX format, and what is said of bad ones."""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from digitnet.digits.files import BadFile, read_idx

MIB = 1 << 20

SAMPLE_DIGESTS = {
    "sample-train-images-idx3-ubyte": (
        "43e5dc4637107f135a417f26c36210a28b08bffbc8fd5f6a79cd3f3bf6d845f0"
    ),
    "sample-train-labels-idx1-ubyte": (
        "8e370403b49424f2bbc3e80ec829073d5c49b0787826ea04d4693b20b5c93c2c"
    ),
    "sample-test-images-idx3-ubyte": (
        "24993220b79b82aa6a6fe649f3108b2cc168c6dae70d8034027d394cff8c337d"
    ),
    "sample-test-labels-idx1-ubyte": (
        "713c182ac6008a92355e852b4e9f02a2773e072c59fb8783360bffc6163d30e7"
    ),
}
"""SHA-256 of each file of the sample, uncompressed."""


def header(*shape: int, zeros: bytes = b"\0\0", kind: int = 8, dimensions: int = 0) -> bytes:
    return zeros + struct.pack(f">BB{len(shape)}I", kind, dimensions or len(shape), *shape)


def idx(array: NDArray[np.uint8]) -> bytes:
    return header(*array.shape) + array.tobytes()


def with_bit_flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


PICTURES: NDArray[np.uint8] = (np.arange(5 * 4 * 3) * 37 % 256).astype(np.uint8).reshape(5, 4, 3)
WHOLE = idx(PICTURES)
PACKED = gzip.compress(WHOLE, mtime=0)
HUGE = 2**32 - 1

IN_ITSELF = {
    "empty": (b"", "too short to be an IDX file"),
    "header-cut": (WHOLE[:15], "too short to be an IDX file"),
    "wrong-magic": (header(5, 4, 3, zeros=b"PK") + bytes(60), "two zero bytes"),
    "signed-bytes": (header(5, 4, 3, kind=0x09) + bytes(60), "type 0x09, not of unsigned bytes"),
    "too-few-dimensions": (header(60) + bytes(60), "has 1 dimensions, not 3"),
    "too-many-dimensions": (header(5, 4, 3, 1) + bytes(60), "has 4 dimensions, not 3"),
    "no-cases": (header(0, 28, 28), "holds no cases"),
    "no-columns": (header(HUGE, HUGE, 0), "holds no cases"),
    "dimensions-near-2-to-the-32": (header(HUGE, HUGE, HUGE) + bytes(60), "more than it can hold"),
    "product-wraps-to-0-in-64-bits": (header(2**31, 2**31, 4) + bytes(60), "more than it can hold"),
    "product-wraps-to-1-in-32-bits": (header(HUGE, HUGE, 1) + bytes(1), "more than it can hold"),
}

AFTER = "goes on after the end of its gzip data"

BAD = {
    **IN_ITSELF,
    **{f"{name}-gzipped": (gzip.compress(bad), says) for name, (bad, says) in IN_ITSELF.items()},
    "plain-short-by-one": (WHOLE[:-1], "announces 5 x 4 x 3 = 60 bytes of data and has 59"),
    "plain-no-data": (WHOLE[:16], "claims 60 bytes of data, more than it can hold"),
    "plain-long-by-one": (WHOLE + b"\0", "announces 5 x 4 x 3 = 60 bytes of data and has 61"),
    "gzip-short-by-one": (gzip.compress(WHOLE[:-1]), "= 60 bytes of data and has 59"),
    "gzip-no-data": (gzip.compress(WHOLE[:16]), "= 60 bytes of data and has 0"),
    "gzip-long-by-one": (gzip.compress(WHOLE + b"\0"), "goes on after the data that its header"),
    "gzip-claims-what-it-cannot-hold": (gzip.compress(header(20, 1024, 1024)), "claims 20,971,520"),
    "cut-in-the-gzip-header": (PACKED[:8], "too short to be an IDX file"),
    "cut-before-the-checksum": (PACKED[:-8], "is cut short"),
    "cut-in-the-length": (PACKED[:-1], "is cut short"),
    "checksum-damaged": (with_bit_flipped(PACKED, 8 * len(PACKED) - 60), "is damaged"),
    "length-damaged": (with_bit_flipped(PACKED, 8 * len(PACKED) - 10), "is damaged"),
    "data-damaged": (with_bit_flipped(gzip.compress(WHOLE, 0), 8 * 60), "is damaged"),
    "not-deflate": (PACKED[:10] + b"\xff" * 40, "is damaged"),
    "a-second-member": (PACKED + PACKED, AFTER),
    "an-empty-second-member": (PACKED + gzip.compress(b""), AFTER),
    "split-in-two-members": (gzip.compress(WHOLE[:40]) + gzip.compress(WHOLE[40:]), AFTER),
    "junk-at-the-end": (PACKED + b"junk", AFTER),
    "gzipped-twice": (gzip.compress(PACKED), "two zero bytes"),
}


def gzipped_zeros(head: bytes, zeros: int) -> bytes:
    """A gzip stream of `head` and then so many zeros, of which whole MiB are packed once."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    parts = [packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)]
    mebibyte = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    parts += [mebibyte] * (zeros // MIB)
    parts.append(packer.compress(bytes(zeros % MIB)) + packer.flush())
    crc = zlib.crc32(head)
    for size in [MIB] * (zeros // MIB) + [zeros % MIB]:
        crc = zlib.crc32(bytes(size), crc)
    end = struct.pack("<II", crc, (len(head) + zeros) % (1 << 32))
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"".join(parts) + end


def written(folder: Path, content: bytes) -> Path:
    path = folder / "pictures"
    path.unlink(missing_ok=True)  # to overwrite is slow: some file systems then wait for the disk
    path.write_bytes(content)
    return path


def reason_of(path: Path, dimensions: int = 3, digest: str | None = None) -> str:
    """The reason for which a file is refused; checks that the message names it and is one line."""
    with pytest.raises(BadFile) as caught:
        read_idx(path, dimensions, digest)
    assert type(caught.value) is BadFile
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert len(message.splitlines()) == 1
    return message.removeprefix(f"{path}: ")
