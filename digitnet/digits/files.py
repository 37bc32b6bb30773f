"""Reads files that anyone may have made: regular ones of a bounded size, and .npz archives."""

import errno
import gzip
import io
import os
import re
import stat
import sys
import zipfile
import zlib
from collections.abc import Callable, Collection
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray


class BadFile(ValueError):
    """A file that cannot be used; the message continues a sentence about it: `is a folder`."""


def read_bounded(path: Path, limit: int, *, follow: bool = True) -> bytes:
    """Returns the bytes of a regular file of at most `limit` bytes.

    follow: whether `path` may be a symbolic link. Raises BadFile, and OSError if it cannot be read.
    """
    with open_bounded(path, limit, follow=follow) as file:
        return file.read(os.fstat(file.fileno()).st_size)


def open_bounded(path: Path, limit: int, *, follow: bool = True) -> BinaryIO:
    """Opens a regular file of at most `limit` bytes for reading; like read_bounded."""
    # without O_NONBLOCK, opening a named pipe would block
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        if not follow and path.is_symlink():
            raise BadFile("is a symbolic link, which is not followed")
        descriptor = os.open(path, flags | (0 if follow else getattr(os, "O_NOFOLLOW", 0)))
    except OSError as error:
        if not follow and error.errno == errno.ELOOP:
            raise BadFile("is a symbolic link, which is not followed") from None
        raise
    except (UnicodeEncodeError, ValueError) as error:
        if isinstance(error, BadFile):
            raise
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
            head = file.read(2)
            file.seek(0)
            packed = gzip.GzipFile(fileobj=file) if head == b"\x1f\x8b" else file
            return packed.read(count)
    except (OSError, EOFError, BadFile, zlib.error):
        return b""


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
    """Returns arrays of plain numbers or of text from the bytes of an .npz file.

    choose: returns the names of the arrays to unpack, given all names; it may raise BadFile. limit:
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
