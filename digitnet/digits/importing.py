"""Imports a data set from a folder of pictures, IDX files or an .npz file."""

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.datasets import PICTURE
from digitnet.digits.idx import MAX_BYTES, BadData, read_idx
from digitnet.digits.own import (
    MAX_CASES,
    PARTS,
    TEST,
    TRAIN,
    VALIDATION,
    Bytes,
    OwnCases,
    check,
    parts_of,
)
from digitnet.digits.pictures import BadPicture, pictures_at, read_file
from digitnet.digits.pieces import read_digits
from digitnet.digits.prepare import NoDigit
from digitnet.engine.report import Report

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


@dataclass
class Import:
    """The imported cases. left_out: the files that could not be read, with the reasons."""

    cases: OwnCases
    left_out: list[str]


def import_from(path: Path, report: Report) -> Import:
    """Imports a folder of pictures (one subfolder per digit), IDX files or an .npz file.

    Raises BadData if there are no valid cases.
    """
    if path.is_dir():
        if any(path.glob("*images-idx3-ubyte*")):
            return _from_idx_folder(path)
        return _from_pictures(path, report)
    if not path.exists():
        raise BadData("is not there", path)
    if path.suffix.lower() == ".npz":
        return Import(_joined(read_npz(path), path), [])
    if "images" in path.name:
        labels = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
        return Import(_whole(read_idx(path, 3), read_idx(labels, 1), path), [])
    raise BadData(
        "is not a folder of pictures, an IDX file with images in its name, or an .npz file", path
    )


def _joined(sets: Sequence[tuple[int, Bytes, NDArray[Any]]], path: Path) -> OwnCases:
    """Joins sets of (part, pictures, answers), keeping their parts.

    A part that is missing is taken from the training cases, or, without these, from all cases.
    """
    given = {part for part, _, _ in sets}
    found = []
    for part, pictures, answers in sets:
        cases = _whole(pictures, answers, path)
        if part == TRAIN:
            cases.parts[np.isin(cases.parts, list(given))] = TRAIN
        elif TRAIN in given:
            cases.parts[:] = part
        found.append(cases)
    names = ("pictures", "answers", "parts")
    cases = OwnCases(*(np.concatenate([getattr(each, name) for each in found]) for name in names))
    if len(cases) > MAX_CASES:
        raise BadData(f"has {len(cases):,} cases; at most {MAX_CASES:,} are kept", path)
    return cases


def _whole(pictures: Bytes, answers: NDArray[Any], path: Path) -> OwnCases:
    """Cases without parts, which are then assigned. Raises BadData if they are not valid."""
    check(pictures, answers, path)
    answers = answers.astype(np.uint8)
    return OwnCases(pictures, answers, parts_of(answers))


def _from_pictures(folder: Path, report: Report) -> Import:
    """Imports pictures in subfolders named 0 to 9, each prepared as by `img`."""
    try:
        found = [file for file in pictures_at(folder) if file.answer is not None]
    except OSError as error:
        raise BadData(error.strerror or str(error), folder) from None
    if not found:
        raise BadData("has no subfolders 0 to 9 with pictures in them", folder)
    pictures, answers, left_out = [], [], []
    for file in found[:MAX_CASES]:
        report(None)
        try:
            digits = read_digits(read_file(file.path))
        except (BadPicture, NoDigit) as error:
            left_out.append(f"{file.path}: {error}")
            continue
        pictures += digits
        answers += [file.answer] * len(digits)
    if not pictures:
        raise BadData(f"has no picture that can be read; {left_out[0]}", folder)
    return Import(_whole(np.stack(pictures), np.array(answers), folder), left_out)


def _from_idx_folder(folder: Path) -> Import:
    """Imports pairs of IDX files; their names tell which are for validation (val) and test (t10k or
    test).
    """
    found = []
    for path in sorted(folder.glob("*images-idx3-ubyte*"))[:9]:
        labels = path.with_name(path.name.replace("images-idx3", "labels-idx1"))
        is_test = "t10k" in path.name or "test" in path.name
        part = TEST if is_test else VALIDATION if "val" in path.name else TRAIN
        found.append((part, read_idx(path, 3), read_idx(labels, 1)))
    return Import(_joined(found, folder), [])
