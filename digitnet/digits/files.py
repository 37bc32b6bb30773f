"""Reads files that anyone may have made: of a bounded size, text, IDX files, .npz archives.

An IDX file, the format of MNIST, consists of two zero bytes, a type (0x08: unsigned bytes), the
number of dimensions, each dimension as four bytes, big-endian, and the data (LeCun, Cortes and
Burges, "The MNIST database").
"""

import codecs
import errno
import gzip
import io
import os
import re
import stat
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from digitnet.engine.report import Refused, Report

Bytes = NDArray[np.uint8]


class BadFile(Refused, ValueError):
    """A file that cannot be used; `reason` continues a sentence about it: `is a folder`.

    path: None if the caller is to add it, as `naming` does.
    """

    def __init__(self, reason: str, path: Path | None = None) -> None:
        super().__init__(reason if path is None else f"{path}: {reason}")
        self.reason, self.path = reason, path


@dataclass(frozen=True)
class ReadSoFar:
    """How much of a file or folder is read, of a total if that is known, in bytes or `unit`."""

    name: str
    done: int
    total: int | None
    unit: str = "bytes"


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Context manager: any BadFile or OSError becomes a BadFile that names the file."""
    try:
        yield
    except BadFile as error:
        raise error if error.path else BadFile(error.reason, path) from None
    except OSError as error:
        raise BadFile(error.strerror or str(error), path) from None


def read_bounded(path: Path, limit: int, *, follow: bool = True) -> bytes:
    """The bytes of a regular file of at most `limit` bytes.

    follow: whether `path` may be a symbolic link. Raises BadFile, and OSError if it cannot be read.
    """
    with open_bounded(path, limit, follow=follow) as file:
        return file.read(os.fstat(file.fileno()).st_size)


def open_bounded(path: Path, limit: int, *, follow: bool = True) -> BinaryIO:
    """Opens a regular file of at most `limit` bytes for reading; like read_bounded."""
    # without O_NONBLOCK, opening a named pipe would block
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    is_link = "is a symbolic link, which is not followed"
    if not follow and path.is_symlink():
        raise BadFile(is_link)
    try:
        descriptor = os.open(path, flags | (0 if follow else getattr(os, "O_NOFOLLOW", 0)))
    except OSError as error:
        if not follow and error.errno == errno.ELOOP:
            raise BadFile(is_link) from None
        raise
    except ValueError:  # UnicodeEncodeError is one
        raise BadFile("is not a valid file name") from None
    status = os.fstat(descriptor)
    problem = ""
    if stat.S_ISDIR(status.st_mode):
        problem = "is a folder"
    elif not stat.S_ISREG(status.st_mode):
        problem = "is not a regular file"
    elif status.st_size > limit:
        problem = f"is larger than {limit >> 20} MiB"
    if problem:
        os.close(descriptor)
        raise BadFile(problem)
    return os.fdopen(descriptor, "rb")


def read_head(path: Path, count: int) -> bytes:
    """The first bytes of a regular file, unpacked if it is gzipped; none if it cannot be read."""
    try:
        with open_bounded(path, sys.maxsize) as file:
            return _unpacked(file)[0].read(count)
    except (OSError, EOFError, BadFile, zlib.error):
        return b""


def _unpacked(file: BinaryIO) -> tuple[BinaryIO, bytes]:
    """A file, unpacked if it is gzipped; and its first two bytes."""
    head = file.read(2)
    file.seek(0)
    packed: Any = gzip.GzipFile(fileobj=file) if head == b"\x1f\x8b" else file
    return packed, head


# text

MAX_TEXT = 2 << 30
CHUNK = 1 << 22  # characters read at a time, and the maximum length of a line
DELIMITERS = ";\t, "


def lines_of(path: Path, report: Report) -> Iterator[list[str]]:
    """The lines of a text file, gzipped or not, some megabytes at a time, leaving out those that
    hold only delimiters. Reports ReadSoFar. Raises BadFile if it is not text, and OSError.
    """
    try:
        with open_bounded(path, MAX_TEXT) as file:
            size = os.fstat(file.fileno()).st_size
            unpacked, head = _unpacked(file)
            encoding = "utf-16" if head in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
            text = io.TextIOWrapper(unpacked, encoding, errors="cp1252", newline=None)
            rest, total = "", 0
            while piece := text.read(CHUNK):
                report(ReadSoFar(path.name, file.tell(), size))
                total += len(piece)
                *lines, rest = (rest + piece).split("\n")
                if len(rest) > CHUNK or "\0" in piece:
                    raise BadFile("is not text")
                if total > MAX_TEXT:
                    raise BadFile(f"would unpack to more than {MAX_TEXT >> 20} MiB")
                if lines := [line for line in lines if line.strip(DELIMITERS)]:
                    yield lines
            if rest.strip(DELIMITERS):
                yield [rest]
    except (UnicodeError, EOFError, gzip.BadGzipFile, zlib.error):
        raise BadFile("is neither text nor a whole gzip file of text") from None


def _by_windows(error: Any) -> tuple[str, int]:
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error("cp1252", _by_windows)


# IDX files

MAX_IDX = 64 << 20  # maximum size of an IDX file: about 1.4 times that of MNIST's training images
# maximum expansion of a deflate stream (zlib's technical details, "Maximum Compression Factor")
DEFLATE_LIMIT = 1032


def read_idx(
    path: Path, dimensions: int, digest: str | None = None, *, max_bytes: int = MAX_IDX
) -> Bytes:
    """The array of unsigned bytes in an IDX file, gzipped or not; it is read-only.

    dimensions: the number of dimensions it must have. digest: the SHA-256 that the uncompressed
    file must have, if given. max_bytes: the maximum size of the file.

    Raises BadFile for anything but one complete file of that kind. No memory is allocated for data
    that the header announces but the file does not have.
    """
    with naming(path):
        return idx_array(read_bounded(path, max_bytes), dimensions, digest, max_bytes=max_bytes)


def idx_array(
    packed: bytes, dimensions: int, digest: str | None = None, *, max_bytes: int = MAX_IDX
) -> Bytes:
    """The array in the bytes of an IDX file, as read_idx. Raises BadFile, without a path."""
    data, shape = _unpack(packed, dimensions, max_bytes)
    if digest is not None and sha256(data).hexdigest() != digest:
        raise BadFile("is not the original file: its SHA-256 differs")
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


def idx_bytes(array: Bytes) -> bytes:
    """The IDX file for an array of unsigned bytes."""
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 0x08, array.ndim]) + sizes + array.tobytes()


def _unpack(packed: bytes, dimensions: int, largest: int) -> tuple[bytes, tuple[int, ...]]:
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
            raise BadFile("is damaged: its gzip data does not unpack") from None
        if len(data) > header_bytes + prod(shape):
            raise BadFile("goes on after the data that its header announces")
        if not stream.eof:
            raise BadFile("is cut short: its gzip data stops early")
        if stream.unused_data:
            raise BadFile("goes on after the end of its gzip data")
    if (length := len(data) - header_bytes) != prod(shape):
        sizes = " x ".join(map(str, shape))
        raise BadFile(f"announces {sizes} = {prod(shape):,} bytes of data and has {length:,}")
    return data, shape


def _shape(header: bytes, dimensions: int, possible: int, largest: int) -> tuple[int, ...]:
    if len(header) < 4 + 4 * dimensions:
        raise BadFile("is too short to be an IDX file")
    if header[:2] != b"\0\0":
        raise BadFile("is not an IDX file: it must begin with two zero bytes")
    if header[2] != 0x08:
        raise BadFile(f"has data of type 0x{header[2]:02x}, not of unsigned bytes (0x08)")
    if header[3] != dimensions:
        raise BadFile(f"has {header[3]} dimensions, not {dimensions}")
    shape = struct.unpack(f">{dimensions}I", header[4:])
    if prod(shape) == 0:
        raise BadFile("holds no cases")
    if prod(shape) > possible:
        raise BadFile(f"claims {prod(shape):,} bytes of data, more than it can hold")
    if prod(shape) > largest:
        raise BadFile(f"has {prod(shape):,} bytes of data; at most {largest:,} are read")
    return shape


# .npz archives

MAX_MEMBERS = 2000

_MAX_HEADER = 512

_HEADER = re.compile(
    rb"\x93NUMPY[\x01\x02]\x00.{2,4}\{'descr': '[<>|]([bfiuU])([1-9][0-9]{0,6})', "
    rb"'fortran_order': (?:False|True), 'shape': \(([0-9, ]{0,60})\), \} *\n",
    re.DOTALL,
)


def read_npz_arrays(
    data: bytes, choose: Callable[[list[str]], Collection[str]], limit: int
) -> dict[str, NDArray[Any]]:
    """Arrays of plain numbers or of text from the bytes of an .npz file.

    choose: gives the names of the arrays to unpack, given all names; it may raise BadFile. limit:
    the bytes that these may have together, which are checked before anything is unpacked.

    Raises BadFile, whatever the data are.
    """
    if data.count(b"PK\x01\x02") > MAX_MEMBERS:  # the directory takes memory for each member
        raise BadFile("has too many members")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            if len(members) < len(archive.infolist()):
                raise BadFile("has a member twice")
            chosen = {name: members[name] for name in choose([*members])}
            if sum(info.file_size for info in chosen.values()) > limit:
                raise BadFile(f"would unpack to more than {limit / (1 << 20):.3g} MiB")
            return {name: _array(archive, info) for name, info in chosen.items()}
    except BadFile:
        raise
    except Exception:  # zipfile, zlib and numpy raise some fifteen kinds of error for bad files
        raise BadFile("is not a whole .npz file") from None


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    """Unpacks one array, after checking that its header agrees with the size in the archive."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadFile("is packed in a way that numpy does not use")
    with archive.open(info) as file:
        header = _HEADER.match(file.read(_MAX_HEADER))
    if header is None:
        raise BadFile("holds an array of something other than plain numbers")
    size = int(header[2]) * (4 if header[1] == b"U" else 1)
    size *= prod(int(n) for n in header[3].replace(b" ", b"").split(b",") if n)
    if info.file_size != header.end() + size:
        raise BadFile("has an array whose size is not what its shape asks for")
    with archive.open(info) as file:
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
        file.read()  # at the end, zipfile compares the sum
    return array
