"""From a file with a picture to the digits in it, prepared for a network."""

import numpy as np

from digitnet.digits.image import NoDigit, Picture, prepare
from digitnet.digits.ink import find_ink
from digitnet.digits.picture import BadPicture, read_picture
from digitnet.digits.pieces import Solid, one_by_one
from digitnet.engine.types import Array

SHEET, COVERED = 0.15, 0.85
"""A filled shape of this part of the picture, which covers this part of its box, may be a sheet of
paper."""


def read_digits(data: bytes) -> list[Picture]:
    """The digits in a file, each 28 x 28 bytes as in MNIST, in the order they are read.

    Raises BadPicture where the file is not a picture that can be read, NoDigit where there is no
    digit in it.
    """
    return [prepare(drawing) for drawing in _drawings(read_picture(data))]


def _drawings(colours: Array) -> list[Array]:
    """The ink of each digit. A sheet on a dark table is looked at by itself."""
    try:
        return one_by_one(find_ink(colours))
    except Solid as solid:
        rows, columns = solid.place
        height, width = rows.stop - rows.start, columns.stop - columns.start
        is_large = height * width > SHEET * colours.shape[0] * colours.shape[1]
        if not is_large or solid.covered < COVERED:
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
