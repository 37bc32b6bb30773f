"""Data sets made of files: of a folder of pictures, IDX files or an .npz file, in three parts."""

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
    MOST_CASES,
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
    """What is imported: cases, and what had to be left out, each with the reason."""

    cases: OwnCases
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
        return Import(_joined(read_npz(path), path), [])
    if "images" in path.name:
        labels = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
        return Import(_whole(read_idx(path, 3), read_idx(labels, 1), path), [])
    raise BadData(
        "is no folder of pictures, no IDX file with images in its name, and no .npz file", path
    )


def _joined(sets: Sequence[tuple[int, Bytes, NDArray[Any]]], path: Path) -> OwnCases:
    """Pictures and answers that come as TRAIN, VALIDATION and TEST, which they stay.

    A part that does not come is set aside from those to train with, or from all.
    """
    come = {part for part, _, _ in sets}
    found = []
    for part, pictures, answers in sets:
        cases = _whole(pictures, answers, path)
        if part == TRAIN:
            cases.parts[np.isin(cases.parts, list(come))] = TRAIN
        elif TRAIN in come:
            cases.parts[:] = part
        found.append(cases)
    names = ("pictures", "answers", "parts")
    cases = OwnCases(*(np.concatenate([getattr(each, name) for each in found]) for name in names))
    if len(cases) > MOST_CASES:
        raise BadData(f"has {len(cases):,} cases; at most {MOST_CASES:,} are kept", path)
    return cases


def _whole(pictures: Bytes, answers: NDArray[Any], path: Path) -> OwnCases:
    """Cases that come in one part. Raises BadData for what are none."""
    check(pictures, answers, path)
    answers = answers.astype(np.uint8)
    return OwnCases(pictures, answers, parts_of(answers))


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
    """IDX files in a folder: one pair, or several, of which those to validate and to test are known
    by their names (val; t10k or test).
    """
    found = []
    for path in sorted(folder.glob("*images-idx3-ubyte*"))[:9]:
        labels = path.with_name(path.name.replace("images-idx3", "labels-idx1"))
        is_test = "t10k" in path.name or "test" in path.name
        part = TEST if is_test else VALIDATION if "val" in path.name else TRAIN
        found.append((part, read_idx(path, 3), read_idx(labels, 1)))
    return Import(_joined(found, folder), [])
