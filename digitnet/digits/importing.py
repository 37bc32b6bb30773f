"""Data sets made of files: of a folder of pictures, IDX files or an .npz file, in three parts."""

import gzip
import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.datasets import PICTURE, DataSet
from digitnet.digits.found import pictures_at
from digitnet.digits.idx import MAX_BYTES, BadData, idx_bytes, read_idx
from digitnet.digits.picture import read_file
from digitnet.digits.reading import BadPicture, NoDigit, read_digits
from digitnet.engine.cases import Cases, one_hot

Bytes = NDArray[np.uint8]

TRAIN, VALIDATION, TEST = range(3)
FILES = ("images-idx3-ubyte.gz", "labels-idx1-ubyte.gz", "parts-idx1-ubyte.gz")
"""What the files of a set are called: pictures, answers, and the part each case belongs to."""
MOST_CASES = MAX_BYTES // prod(PICTURE)


@dataclass(frozen=True)
class SplitCases:
    """Pictures (cases, 28, 28), their answers 0 to 9, and the part of each: TRAIN to TEST."""

    pictures: Bytes
    answers: Bytes
    parts: Bytes

    def __len__(self) -> int:
        """How many cases."""
        return len(self.pictures)

    def files(self) -> dict[str, bytes]:
        """The set as gzipped IDX files, by their names."""
        arrays = (self.pictures, self.answers, self.parts)
        return {
            name: gzip.compress(idx_bytes(array), mtime=0)
            for name, array in zip(FILES, arrays, strict=True)
        }

    def data_set(self, name: str) -> DataSet:
        """The data set. Where there are too few cases to set some aside, all serve for all."""
        (train, _), (validation, validations_are_in), (test, tests_are_in) = (
            self._part(part, name) for part in (TRAIN, VALIDATION, TEST)
        )
        return DataSet(name, train, validation, test, PICTURE, tests_are_in, validations_are_in)

    def _part(self, part: int, name: str) -> tuple[Cases, frozenset[str]]:
        """The cases of a part, and the data sets whose training cases include them."""
        chosen = self.parts == part
        within: frozenset[str] = frozenset()
        if not chosen.any():
            chosen, within = np.ones(len(self), np.bool_), frozenset({name})
        flat, targets = self.pictures.reshape(len(self), -1), one_hot(self.answers, 10)
        return Cases(flat[chosen], targets[chosen], 1 / 255), within


def parts_of(answers: Bytes) -> Bytes:
    """The part of each case: of each digit, every tenth is to validate and every tenth to test."""
    parts = np.zeros(len(answers), np.uint8)
    for answer in range(10):
        mine = np.flatnonzero(answers == answer)
        parts[mine[4::10]] = TEST
        parts[mine[9::10]] = VALIDATION
    return parts


def read_split(folder: Path) -> SplitCases:
    """The set kept in a folder. Raises BadData."""
    pictures, answers, parts = (
        read_idx(folder / name, 3 if name == FILES[0] else 1) for name in FILES
    )
    _check(pictures, answers, folder)
    if len(parts) != len(answers) or parts.max() > TEST:
        raise BadData("has parts that are not those of its cases", folder)
    return SplitCases(pictures, answers, parts)


def _check(pictures: Bytes, answers: NDArray[Any], path: Path) -> None:
    """Raises BadData for what are no pictures of 28 x 28 and an answer 0 to 9 for each."""
    if pictures.shape[1:] != PICTURE:
        size = " x ".join(str(n) for n in pictures.shape[1:])
        raise BadData(f"has pictures of {size} pixels, not of 28 x 28", path)
    if len(pictures) != len(answers):
        raise BadData(f"has {len(answers):,} answers for {len(pictures):,} pictures", path)
    if not len(answers):
        raise BadData("holds no cases", path)
    if answers.min() < 0 or answers.max() > 9:
        raise BadData("has answers other than 0 to 9", path)


@dataclass
class Import:
    """What is imported: cases, and what had to be left out, each with the reason."""

    cases: SplitCases
    left_out: list[str]


def import_from(path: Path, stop: Callable[[], bool]) -> Import:
    """The cases in a folder of pictures (one subfolder a digit), in IDX files or an .npz file.

    Raises BadData where there are none.
    """
    if path.is_dir():
        if any(path.glob("*images-idx3-ubyte*")):
            return _from_idx_folder(path)
        return _from_pictures(path, stop)
    if not path.exists():
        raise BadData("is not there", path)
    if path.suffix.lower() == ".npz":
        return Import(_from_npz(path), [])
    if "images" in path.name:
        labels = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
        return Import(_whole(read_idx(path, 3), read_idx(labels, 1), path), [])
    raise BadData(
        "is no folder of pictures, no IDX file with images in its name, and no .npz file", path
    )


def _whole(pictures: Bytes, answers: NDArray[Any], path: Path) -> SplitCases:
    """Cases that come in one part."""
    _check(pictures, answers, path)
    answers = answers.astype(np.uint8)
    return SplitCases(pictures, answers, parts_of(answers))


def _from_pictures(folder: Path, stop: Callable[[], bool]) -> Import:
    """Pictures in subfolders called 0 to 9, each prepared as `img` does."""
    try:
        found = [file for file in pictures_at(folder) if file.answer is not None]
    except OSError as error:
        raise BadData(error.strerror or str(error), folder) from None
    if not found:
        raise BadData("has no subfolders 0 to 9 with pictures in them", folder)
    pictures, answers, left_out = [], [], []
    for file in found[:MOST_CASES]:
        if stop():
            raise BadData("was not read to its end; nothing was imported", folder)
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
    """IDX files in a folder: one pair, or a pair to train and one to test (t10k or test)."""
    images = sorted(folder.glob("*images-idx3-ubyte*"))[:9]
    found = []
    for path in images:
        labels = path.with_name(path.name.replace("images-idx3", "labels-idx1"))
        cases = _whole(read_idx(path, 3), read_idx(labels, 1), path)
        is_test = "t10k" in path.name or "test" in path.name
        if is_test and len(images) > 1:
            cases = SplitCases(cases.pictures, cases.answers, np.full(len(cases), TEST, np.uint8))
        elif len(images) > 1:
            cases.parts[cases.parts == TEST] = TRAIN
        found.append(cases)
    joined = (np.concatenate([getattr(cases, name) for cases in found])
              for name in ("pictures", "answers", "parts"))  # fmt: skip
    cases = SplitCases(*joined)
    if len(cases) > MOST_CASES:
        raise BadData(f"has {len(cases):,} cases; at most {MOST_CASES:,} are kept", folder)
    return Import(cases, [])


_NAMES = {
    "train": (("x_train", "y_train"), ("train_images", "train_labels"), ("X_train", "y_train")),
    "test": (("x_test", "y_test"), ("test_images", "test_labels"), ("X_test", "y_test")),
    "all": (("images", "labels"), ("x", "y"), ("X", "y"), ("pictures", "answers")),
}
"""What arrays of pictures and of answers are called in .npz files."""
_HEADER = re.compile(
    rb"\x93NUMPY[\x01\x02]\x00.{2,4}\{'descr': '[<|]([fiu])([1248])', 'fortran_order': False, "
    rb"'shape': \(([0-9, ]{1,60})\), \} *\n",
    re.DOTALL,
)


def _from_npz(path: Path) -> SplitCases:
    """The arrays of an .npz file. Nothing is unpacked before its size is known."""
    try:
        data = read_file(path)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            arrays = {i.filename.removesuffix(".npy"): i for i in archive.infolist()[:100]}
            found = {}
            for part, pairs in _NAMES.items():
                names = next((pair for pair in pairs if set(pair) <= arrays.keys()), None)
                if names:
                    pictures, answers = (_array(archive, arrays[name]) for name in names)
                    found[part] = _whole(_pictures(pictures), answers.reshape(-1), path)
    except (BadPicture, BadData) as error:
        raise BadData(str(error).removeprefix(f"{path}: "), path) from None
    except Exception:  # zipfile, zlib and numpy raise some fifteen kinds of error for bad files
        raise BadData("is not a whole .npz file", path) from None
    if "train" in found and "test" in found:
        train, test = found["train"], found["test"]
        train.parts[train.parts == TEST] = TRAIN
        test.parts[:] = TEST
        return SplitCases(
            np.concatenate([train.pictures, test.pictures]),
            np.concatenate([train.answers, test.answers]),
            np.concatenate([train.parts, test.parts]),
        )
    if not found:
        raise BadData("has no arrays called images and labels, or x_train and y_train", path)
    return next(iter(found.values()))


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    """One array of plain numbers, its size checked before it is unpacked. Raises BadData."""
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
    """Pictures as bytes (cases, 28, 28); numbers from 0 to 1 are taken times 255."""
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
