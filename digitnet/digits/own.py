"""Digits of one's own, added one by one and kept in one file.

It is an IDX file, as MNIST's are, with a case in each row: the answer, then its 784 pixels.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.idx import BadData, read_idx
from digitnet.digits.image import SIDE, Picture

NAME, FILE = "mine", "mine-cases-idx2-ubyte"
HINT = "d draws a digit, mine adds it"
PARTS = TRAIN, VALIDATION, TEST = (0, 1, 2)
GOLDEN = (5**0.5 - 1) / 2

Bytes = NDArray[np.uint8]
NONE: Bytes = np.empty((0, 1 + SIDE * SIDE), np.uint8)
"""No cases yet."""


def read_rows(path: Path) -> Bytes:
    """The rows of the file. Raises BadData for what is not such a file."""
    rows = read_idx(path, 2)
    if rows.shape[1] != NONE.shape[1]:
        raise BadData(f"has {rows.shape[1]:,} bytes in a case, not {NONE.shape[1]}", path)
    if rows[:, 0].max() > 9:
        raise BadData(f"has the answer {rows[:, 0].max()}; digits are 0 to 9", path)
    return rows


def read_cases(path: Path) -> tuple[Bytes, Bytes]:
    """Answers (cases,) and pixels (cases, 784). Raises BadData for what is not such a file."""
    rows = read_rows(path)
    return rows[:, 0], np.ascontiguousarray(rows[:, 1:])


def with_case(rows: Bytes, picture: Picture, answer: int) -> Bytes:
    """The rows with one more; a picture that was the last one already has another answer then."""
    row = np.concatenate([np.array([answer], np.uint8), picture.ravel()])
    again = len(rows) > 0 and np.array_equal(rows[-1, 1:], row[1:])
    return np.vstack([rows[: len(rows) - again], row])


def parts(count: int) -> NDArray[np.intp]:
    """Which of PARTS each case belongs to: a tenth to validation, a tenth to the test.

    That goes by its number k alone, so that no case changes sides when others are added: by the
    fractional part of kφ, φ = (√5 - 1)/2, which is spread evenly and has no period, as the order
    has in which people draw (0 to 9, say). The first three cases belong to three parts.
    """
    place = np.arange(count) * GOLDEN % 1
    return np.select([(place >= 0.6) & (place < 0.7), (place >= 0.2) & (place < 0.3)],
                     [TEST, VALIDATION], TRAIN)  # fmt: skip
