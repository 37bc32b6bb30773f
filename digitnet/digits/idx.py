"""Reads IDX files, the format of MNIST, without trusting their content.

An IDX file consists of two zero bytes, a type (0x08: unsigned bytes), the number of dimensions,
each dimension as four bytes, big-endian, and the data (LeCun, Cortes and Burges, "The MNIST
database").
"""

import os
import struct
import zlib
from hashlib import sha256
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.files import BadFile, read_bounded

MAX_BYTES = 64 << 20
"""Maximum size of a file: about 1.4 times that of MNIST's training images."""

DEFLATE_LIMIT = 1032
"""Maximum expansion of a deflate stream (zlib's technical details, "Maximum Compression
Factor")."""


class BadData(Exception):
    """A data file that cannot be used; the message says which and why."""

    def __init__(self, reason: str, path: Path | None = None) -> None:
        """path: None if the caller is to add it."""
        super().__init__(reason if path is None else f"{path}: {reason}")
        self.reason, self.path = reason, path


def read_idx(
    path: Path, dimensions: int, digest: str | None = None, *, max_bytes: int = MAX_BYTES
) -> NDArray[np.uint8]:
    """Returns the array of unsigned bytes in an IDX file, gzipped or not; it is read-only.

    dimensions: the number of dimensions it must have. digest: the SHA-256 that the uncompressed
    file must have, if given. max_bytes: the maximum size of the file.

    Raises BadData for anything but one complete file of that kind. No memory is allocated for data
    that the header announces but the file does not have.
    """
    try:
        return idx_array(read_bounded(path, max_bytes), dimensions, digest, max_bytes=max_bytes)
    except (BadData, BadFile) as error:
        raise BadData(str(error), path) from None
    except OSError as error:
        raise BadData(error.strerror or str(error), path) from None


def idx_array(
    packed: bytes, dimensions: int, digest: str | None = None, *, max_bytes: int = MAX_BYTES
) -> NDArray[np.uint8]:
    """Returns the array in the bytes of an IDX file. Raises BadData, without a path."""
    data, shape = _unpack(packed, dimensions, max_bytes)
    if digest is not None and sha256(data).hexdigest() != digest:
        raise BadData("is not the original file: its SHA-256 differs")
    return np.frombuffer(data, np.uint8, offset=len(data) - prod(shape)).reshape(shape)


def locate_idx(folder: Path, stem: str) -> Path | None:
    """The file called `stem` as tools leave it, if it is in a folder.

    It may be gzipped, have a dot before idx, and be in a folder of its own name.
    """
    spelled = (stem, stem.replace("-idx", ".idx"))
    names = [f"{name}{suffix}" for name in spelled for suffix in (".gz", "")]
    places = (folder / inner / name for inner in ("", *names) for name in names)
    # unlike Path.is_file, os.path.isfile never raises
    return next((place for place in places if os.path.isfile(place)), None)  # noqa: PTH113


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    """Returns the IDX file for an array of unsigned bytes."""
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 0x08, array.ndim]) + sizes + array.tobytes()


def _unpack(packed: bytes, dimensions: int, largest: int) -> tuple[bytes, tuple[int, ...]]:
    """Returns the uncompressed file, and the shape in its header."""
    header_bytes, data = 4 + 4 * dimensions, packed
    if packed[:2] != b"\x1f\x8b":
        shape = _shape(packed[:header_bytes], dimensions, len(packed), largest)
    else:
        try:
            header = zlib.decompressobj(wbits=31).decompress(packed, header_bytes)
            shape = _shape(header, dimensions, DEFLATE_LIMIT * len(packed), largest)
            stream = zlib.decompressobj(wbits=31)
            # one byte more than announced, to detect excess data
            data = stream.decompress(packed, header_bytes + prod(shape) + 1)
        except zlib.error:
            raise BadData("is damaged: its gzip data does not unpack") from None
        if len(data) > header_bytes + prod(shape):
            raise BadData("goes on after the data that its header announces")
        if not stream.eof:
            raise BadData("is cut short: its gzip data stops early")
        if stream.unused_data:
            raise BadData("goes on after the end of its gzip data")
    if (length := len(data) - header_bytes) != prod(shape):
        sizes = " x ".join(map(str, shape))
        raise BadData(f"announces {sizes} = {prod(shape):,} bytes of data and has {length:,}")
    return data, shape


def _shape(header: bytes, dimensions: int, possible: int, largest: int) -> tuple[int, ...]:
    """Parses an IDX header; returns the shape, of at most so many bytes."""
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
    if prod(shape) > possible:
        raise BadData(f"claims {prod(shape):,} bytes of data, more than it can hold")
    if prod(shape) > largest:
        raise BadData(f"has {prod(shape):,} bytes of data; at most {largest:,} are read")
    return shape
