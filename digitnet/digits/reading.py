"""Reads picture files: finds the digits in them and prepares them for a network."""

import numpy as np

from digitnet.digits.image import NoDigit, Picture, prepare
from digitnet.digits.ink import find_ink
from digitnet.digits.picture import BadPicture, read_picture
from digitnet.digits.pieces import Solid, one_by_one
from digitnet.engine.types import Array

MIN_SHEET, MIN_COVERED = 0.15, 0.85
"""Minimum area of a sheet of paper as a fraction of the picture, and the minimum fraction of its
bounding box that it covers."""


def read_digits(data: bytes) -> list[Picture]:
    """The digits in a picture file, each 28 x 28 bytes like MNIST's, in reading order.

    Raises BadPicture if the file cannot be read as a picture, NoDigit if it contains no digit.
    """
    return [prepare(drawing) for drawing in _drawings(read_picture(data))]


def _drawings(colours: Array) -> list[Array]:
    """The ink of each digit. A sheet of paper on a dark table is cropped first."""
    try:
        return one_by_one(find_ink(colours))
    except Solid as solid:
        rows, columns = solid.place
        height, width = rows.stop - rows.start, columns.stop - columns.start
        is_large = height * width > MIN_SHEET * colours.shape[0] * colours.shape[1]
        if not is_large or solid.covered < MIN_COVERED:
            raise
        inner = np.s_[
            rows.start + height // 20 : rows.stop - height // 20,
            columns.start + width // 20 : columns.stop - width // 20,
        ]
        try:
            return one_by_one(find_ink(colours[inner]))
        except NoDigit:
            raise solid from None


__all__ = ["BadPicture", "NoDigit", "read_digits"]
