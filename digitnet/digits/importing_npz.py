"""Reads pictures and answers from .npz files; checks sizes before decompressing."""

import io
import re
import zipfile
from collections.abc import Iterator
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.datasets import PICTURE
from digitnet.digits.idx import MAX_BYTES, BadData
from digitnet.digits.own import PARTS, TEST, TRAIN, VALIDATION, Bytes
from digitnet.digits.picture import read_file
from digitnet.digits.reading import BadPicture

_WORDS = {TRAIN: ("train",), VALIDATION: ("val", "valid", "validation"), TEST: ("test",)}
_NAMED = (("x_{}", "y_{}"), ("X_{}", "y_{}"), ("{}_images", "{}_labels"), ("{}_x", "{}_y"))
_WHOLE = (("images", "labels"), ("x", "y"), ("X", "y"), ("pictures", "answers"))
"""Names of the arrays of pictures and answers: with parts (_NAMED) and without (_WHOLE)."""
_HEADER = re.compile(
    rb"\x93NUMPY[\x01\x02]\x00.{2,4}\{'descr': '[<|]([fiu])([1248])', 'fortran_order': False, "
    rb"'shape': \(([0-9, ]{1,60})\), \} *\n",
    re.DOTALL,
)


def read_npz(path: Path) -> list[tuple[int, Bytes, NDArray[Any]]]:
    """The sets in an .npz file, as (part, pictures, answers); answers may have any numeric type.

    Arrays whose names do not contain a part are for training. Raises BadData.
    """
    try:
        data = read_file(path)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            arrays = {i.filename.removesuffix(".npy"): i for i in archive.infolist()[:100]}
            found = []
            for part in PARTS:
                names = next((pair for pair in _pairs(part) if set(pair) <= arrays.keys()), None)
                if names:
                    pictures, answers = (_array(archive, arrays[name]) for name in names)
                    found.append((part, _pictures(pictures), answers.reshape(-1)))
    except (BadPicture, BadData) as error:
        raise BadData(str(error).removeprefix(f"{path}: "), path) from None
    except Exception:  # zipfile, zlib and numpy raise about fifteen types of errors for bad files
        raise BadData("is not a whole .npz file", path) from None
    if not found:
        raise BadData("has no arrays called images and labels, or x_train and y_train", path)
    return found


def _pairs(part: int) -> Iterator[tuple[str, str]]:
    """The possible names of the pictures and the answers of a part."""
    for (pictures, answers), word in product(_NAMED, _WORDS[part]):
        yield pictures.format(word), answers.format(word)
    if part == TRAIN:
        yield from _WHOLE


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    """Reads one array of plain numbers, after checking its size. Raises BadData."""
    with archive.open(info) as file:
        head = file.read(512)
        header = _HEADER.match(head)
        if header is None:
            raise BadData("holds an array of something other than plain numbers")
        kind, size = header[1].decode(), int(header[2])
        shape = tuple(int(n) for n in header[3].decode().replace(" ", "").split(",") if n)
        length = prod(shape) * size
        if length > 8 * MAX_BYTES or info.file_size != header.end() + length:
            raise BadData("has an array whose size is not what its shape asks for, or too large")
        content = head[header.end() :] + file.read(length)
    return np.frombuffer(content[:length], np.dtype(f"<{kind}{size}")).reshape(shape)


def _pictures(array: NDArray[Any]) -> Bytes:
    """The pictures as bytes (cases, 28, 28); floats from 0 to 1 are multiplied by 255."""
    if array.ndim == 2 and array.shape[1] == prod(PICTURE):
        array = array.reshape(-1, *PICTURE)
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    if array.ndim != 3 or array.size == 0 or array.nbytes > 8 * MAX_BYTES:
        raise BadData("has pictures that are not 28 x 28")
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > 255:
        raise BadData("has pixels that are not 0 to 255")
    scale = 255 if array.dtype.kind == "f" and array.max() <= 1 else 1
    return np.round(array * scale).astype(np.uint8)
