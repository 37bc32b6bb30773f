"""Imports a data set from a folder of pictures, IDX files or an .npz file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.found import pictures_at
from digitnet.digits.idx import BadData, read_idx
from digitnet.digits.importing_npz import read_npz
from digitnet.digits.own import (
    MAX_CASES,
    TEST,
    TRAIN,
    VALIDATION,
    Bytes,
    OwnCases,
    check,
    parts_of,
)
from digitnet.digits.picture import read_file
from digitnet.digits.reading import BadPicture, NoDigit, read_digits


@dataclass
class Import:
    """The imported cases. left_out: the files that could not be read, with the reasons."""

    cases: OwnCases
    left_out: list[str]


def import_from(path: Path, stop: Callable[[], bool]) -> Import:
    """Imports a folder of pictures (one subfolder per digit), IDX files or an .npz file.

    Raises BadData if there are no valid cases, or `stop` returns True.
    """
    if path.is_dir():
        if any(path.glob("*images-idx3-ubyte*")):
            return _from_idx_folder(path)
        return _from_pictures(path, stop)
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


def _from_pictures(folder: Path, stop: Callable[[], bool]) -> Import:
    """Imports pictures in subfolders named 0 to 9, each prepared as by `img`."""
    try:
        found = [file for file in pictures_at(folder) if file.answer is not None]
    except OSError as error:
        raise BadData(error.strerror or str(error), folder) from None
    if not found:
        raise BadData("has no subfolders 0 to 9 with pictures in them", folder)
    pictures, answers, left_out = [], [], []
    for file in found[:MAX_CASES]:
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
