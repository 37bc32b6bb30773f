"""Networks as .npz files, numpy's format: a zip file of arrays.

Sizes are checked before anything is unpacked, and only arrays whose header is one that numpy writes
for plain numbers are passed to numpy: no objects, which would be pickles, and no crafted dtypes.
"""

import io
import re
import zipfile
from math import prod
from typing import Any

import numpy as np

from digitnet.engine.types import Array
from digitnet.registry.codec import Document
from digitnet.registry.errors import DamagedSave
from digitnet.registry.fields import array_document
from digitnet.registry.files import MAX_BYTES

ABOUT = "about"
MAX_MEMBERS = 2000
MAX_EXPANSION = 50
"""Maximum ratio of unpacked to packed bytes; trained weights hardly compress at all."""
MAX_ABOUT_BYTES = 4 * 65_536

_ARRAYS = "weights|biases|gamma|beta|mean|variance"
_MEMBER = re.compile(rf"({ABOUT}|layers\.[0-9]{{1,4}}\.(?:{_ARRAYS}))\.npy")
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '<(?:f([48])|U([0-9]{1,5}))', "
    rb"'fortran_order': (?:False|True), "
    rb"'shape': \(([0-9]{0,10})(?:, ?([0-9]{0,10}))?\), \} *\n",
    re.DOTALL,
)
_MAX_HEADER = 256


def write(about: str, arrays: dict[str, Array]) -> bytes:
    """Returns the file: the arrays, and the description as an array of one string."""
    file = io.BytesIO()
    np.savez(file, **{ABOUT: np.array(about)}, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def read(data: bytes) -> tuple[str, dict[str, Document]]:
    """Returns the description and the arrays in a file. Raises DamagedSave."""
    try:
        return _read(data)
    except DamagedSave:
        raise
    except Exception:  # zipfile, zlib and numpy raise some fifteen kinds of error for bad files
        raise DamagedSave("it is not a whole .npz file") from None


def _read(data: bytes) -> tuple[str, dict[str, Document]]:
    """Like `read`, but lets the errors of zipfile, zlib and numpy through."""
    if data.count(b"PK\x01\x02") > MAX_MEMBERS:  # listing each member takes memory
        raise DamagedSave("it has too many members")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        names = [_MEMBER.fullmatch(member.filename) for member in members]
        if not all(names) or len(set(archive.namelist())) != len(members):
            raise DamagedSave("it has members that no network has, or one twice")
        unpacked = sum(member.file_size for member in members)
        if unpacked > min(MAX_BYTES, MAX_EXPANSION * len(data)):
            raise DamagedSave("it would unpack to more than a network takes")
        arrays = {m[1]: _array(archive, info) for m, info in zip(names, members, strict=True) if m}
    if ABOUT not in arrays:
        raise DamagedSave(
            "it has no description of a network: only files written by export can be read"
        )
    about = str(arrays.pop(ABOUT).item())
    return about, {name: array_document(array) for name, array in arrays.items()}


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> "np.ndarray[Any, Any]":
    """Unpacks one array, after checking that its header agrees with the size in the zip file."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DamagedSave("it is packed in a way that numpy does not use")
    with archive.open(info) as file:
        head = file.read(_MAX_HEADER)
        header = _HEADER.match(head)
        if header is None or bool(header[1]) == info.filename.startswith(ABOUT):
            raise DamagedSave("it holds an array of something other than plain numbers")
        size = int(header[1]) if header[1] else 4 * int(header[2])
        size *= prod(int(n) for n in header.groups()[2:] if n)
        if info.file_size != header.end() + size:
            raise DamagedSave("it has an array whose size is not what its shape asks for")
        if not header[1] and size > MAX_ABOUT_BYTES:
            raise DamagedSave("its description is too long")
        content = head + file.read(info.file_size - len(head))
    array: np.ndarray[Any, Any] = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    return array
