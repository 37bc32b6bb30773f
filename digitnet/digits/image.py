"""Prepares a drawing of a digit as MNIST's were prepared, so that a network can read it."""

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.stroke import distance_to_edge, skeleton, stroke_width, with_pen
from digitnet.engine.types import Array

Picture = NDArray[np.uint8]

SIDE, BOX, CENTRE = 28, 20, 14
"""In pixels: the side of MNIST's pictures, of the digit's box in them, and its barycentre."""
STROKE_WIDTHS = (1.7, 3.2)
"""Stroke widths in a box of 20 that are left unchanged; about four fifths of MNIST's are in this
range."""
MIN_SIZE, MAX_SIZE = 80, 200
"""Minimum and maximum pixels of a drawing's longer side when its strokes are measured."""


class NoDigit(ValueError):
    """No digit was found in a picture; the message says why."""


def prepare(ink: NDArray[np.generic]) -> Picture:
    """The drawing prepared like MNIST's digits: 28 x 28 bytes, 255 for full ink.

    ink: (rows, columns) of any size and scale, 0 for paper.

    As for MNIST, the drawing is cropped, its box is padded to a square and scaled to 20 x 20 by
    averaging areas, its ink is divided by the maximum, and it is placed in 28 x 28 with its
    barycentre on pixel (14, 14) (Bottou et al., "Comparison of classifier methods", 1994; Yadav and
    Bottou, "Cold case: the lost MNIST digits", 2019). In addition, stroke widths far from MNIST's
    are brought nearer, because MNIST's writers used similar pens.

    Raises NoDigit if there is no ink.
    """
    return centred(scaled_to_box(with_usual_stroke_width(cropped(ink))))


def cropped(ink: NDArray[np.generic]) -> Array:
    """The part of a drawing with ink, scaled to 0 to 1. Raises NoDigit if there is none."""
    scaled = np.asarray(ink, np.float32)
    darkest = float(scaled.max(initial=0))
    if not 0 < darkest < np.inf:
        raise NoDigit("nothing is drawn")
    scaled = scaled / darkest
    rows, columns = box_of(scaled >= 0.5)
    return scaled[_wider(rows), _wider(columns)]


def box_of(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rows and columns of the bounding box of the True pixels."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _wider(part: slice) -> slice:
    """The slice extended by one pixel at each end, for the soft edge of the ink."""
    return slice(max(0, part.start - 1), part.stop + 1)


def with_usual_stroke_width(ink: Array) -> Array:
    """The drawing at MIN_SIZE to MAX_SIZE pixels, its stroke width brought into STROKE_WIDTHS."""
    mask = _resized(ink) >= 0.5
    rows, columns = box_of(mask)
    longest = max(rows.stop - rows.start, columns.stop - columns.start)
    mask = np.pad(mask[rows, columns], longest // 4)
    distance, middle = distance_to_edge(mask), skeleton(mask)
    width = stroke_width(distance, middle)
    wanted = float(np.clip(width / longest * BOX, *STROKE_WIDTHS))
    # (width + wider) / (longest + wider) = wanted / BOX
    wider = (wanted * longest / BOX - width) / (1 - wanted / BOX)
    return with_pen(distance, middle, wider)


def _resized(ink: Array) -> Array:
    """Enlarges small drawings smoothly; reduces large ones by the maximum over blocks, so that
    hairlines do not fade.
    """
    from scipy import ndimage

    longest = max(ink.shape)
    padded = np.pad(ink, 1)
    if longest < MIN_SIZE:
        larger: Array = ndimage.zoom(padded, -(-MIN_SIZE // longest), order=3, mode="grid-constant",
                                     grid_mode=True)  # fmt: skip
        return larger
    block = longest // MAX_SIZE + 1
    rows, columns = (-(-n // block) * block for n in ink.shape)
    whole = np.pad(ink, ((0, rows - ink.shape[0]), (0, columns - ink.shape[1])))
    blocks: Array = whole.reshape(rows // block, block, columns // block, block).max(axis=(1, 3))
    return blocks


def scaled_to_box(ink: Array) -> Array:
    """The drawing scaled to 20 x 20; if it is not square, centred."""
    rows, columns = box_of(ink >= 0.5)
    drawn = ink[rows, columns]
    side = max(drawn.shape)
    square = np.zeros((side, side), np.float32)
    top, left = ((side - n) // 2 for n in drawn.shape)
    square[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn
    areas = _areas(side, BOX)
    return areas @ square @ areas.T


def _areas(many: int, few: int) -> Array:
    """The matrix (few, many) that averages `many` pixels over the area of each of `few`."""
    edges = np.arange(few + 1) * (many / few)
    pixels = np.arange(many)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    areas: Array = (np.clip(overlap, 0, None) * (few / many)).astype(np.float32)
    return areas


def centred(box: Array) -> Picture:
    """The 20 x 20 drawing, scaled to full ink, with its barycentre on pixel (14, 14) of 28 x 28."""
    picture = np.zeros((SIDE, SIDE), np.uint8)
    corner = [
        min(max(round(CENTRE - float(barycentre)), 0), SIDE - BOX)
        for barycentre in (np.arange(BOX) @ box.sum(axis=axis) / box.sum() for axis in (1, 0))
    ]
    top, left = corner
    picture[top : top + BOX, left : left + BOX] = np.round(255 * box / box.max())
    return picture
