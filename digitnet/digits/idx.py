"""IDX files, the format MNIST comes in, read without trusting anything in them.

An IDX file is: two zero bytes, a type (0x08: unsigned bytes), the number of dimensions, each
dimension as four bytes, big-endian, then the data (LeCun, Cortes and Burges, "The MNIST database").
"""

import struct
import zlib
from hashlib import sha256
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MAX_BYTES = 64 << 20
"""The largest data that is read: nearly half more than MNIST's training images."""
DEFLATE_LIMIT = 1032
"""No deflate stream expands more than this (zlib's technical details, "Maximum Compression
Factor")."""


class BadData(Exception):
    """A data file that cannot be used: which one, and why."""

    def __init__(self, reason: str, path: Path | None = None) -> None:
        """`path` is not known where the file's content is looked at."""
        super().__init__(reason if path is None else f"{path}: {reason}")
        self.reason, self.path = reason, path


def read_idx(
    path: Path, dimensions: int, digest: str | None = None, *, most: int | None = None
) -> NDArray[np.uint8]:
    """The array of unsigned bytes in an IDX file, gzipped or plain, with so many `dimensions`.

    `digest` is the SHA-256 that the uncompressed file must have, if given; `most`, the bytes that
    are read of a file, MAX_BYTES if not given. The array is read-only.

    Raises BadData for everything that is not exactly one whole file of that kind, before any
    memory is spent on what its header merely claims.
    """
    most = MAX_BYTES if most is None else most
    try:
        with path.open("rb") as file:
            packed = file.read(most + 1)
        if len(packed) > most:
            raise BadData(f"is larger than {most >> 20} MiB")
        data, shape = _unpack(packed, dimensions, most)
        if digest is not None and sha256(data).hexdigest() != digest:
            raise BadData("is not the original file: its SHA-256 differs")
    except BadData as error:
        raise BadData(error.reason, path) from None
    except OSError as error:
        raise BadData(error.strerror or str(error), path) from None
    header = len(data) - prod(shape)
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    """The IDX file that holds an array of unsigned bytes."""
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 0x08, array.ndim]) + sizes + array.tobytes()


def _unpack(packed: bytes, dimensions: int, largest: int) -> tuple[bytes, tuple[int, ...]]:
    """The uncompressed file and the shape its header gives."""
    header_bytes = 4 + 4 * dimensions
    if packed[:2] != b"\x1f\x8b":
        shape = _shape(packed[:header_bytes], dimensions, min(len(packed), largest))
        if len(packed) != header_bytes + prod(shape):
            raise BadData(_lengths(shape, len(packed) - header_bytes))
        return packed, shape
    try:
        most = min(DEFLATE_LIMIT * len(packed), largest)
        header = zlib.decompressobj(wbits=31).decompress(packed, header_bytes)
        shape = _shape(header, dimensions, most)
        stream = zlib.decompressobj(wbits=31)
        # one byte more than promised, to see whether there is more
        data = stream.decompress(packed, header_bytes + prod(shape) + 1)
    except zlib.error:
        raise BadData("is damaged: its gzip data does not unpack") from None
    if len(data) > header_bytes + prod(shape):
        raise BadData("goes on after the data that its header announces")
    if not stream.eof:
        raise BadData("is cut short: its gzip data stops early")
    if stream.unused_data:
        raise BadData("goes on after the end of its gzip data")
    if len(data) != header_bytes + prod(shape):
        raise BadData(_lengths(shape, len(data) - header_bytes))
    return data, shape


def _shape(header: bytes, dimensions: int, most: int) -> tuple[int, ...]:
    """The dimensions in an IDX header, for a file that can hold `most` bytes."""
    if len(header) < 4 + 4 * dimensions:
        raise BadData("is too short to be an IDX file")
    if header[:2] != b"\0\0":
        raise BadData("is not an IDX file: it must begin with two zero bytes")
    if header[2] != 0x08:
        raise BadData(f"has data of type 0x{header[2]:02x}, not of unsigned bytes (0x08)")
    if header[3] != dimensions:
        raise BadData(f"has {header[3]} dimensions, not {dimensions}")
    shape = struct.unpack(f">{dimensions}I", header[4:])
    if prod(shape) == 0:
        raise BadData("holds no cases")
    if prod(shape) > most:
        raise BadData(f"claims {prod(shape):,} bytes of data, more than it can hold")
    return shape


def _lengths(shape: tuple[int, ...], found: int) -> str:
    """Says that the data is not as long as the shape asks for."""
    sizes = " x ".join(str(n) for n in shape)
    return f"announces {sizes} = {prod(shape):,} bytes of data and has {found:,}"
