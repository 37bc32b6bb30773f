"""What the tests of digits' files share: files in IDX format, and what is said of bad ones."""

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
