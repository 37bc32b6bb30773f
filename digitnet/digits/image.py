"""A drawing of a digit as MNIST's makers would have prepared it, so that a network can read it."""

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.stroke import distance_to_edge, skeleton, stroke_width, with_pen
from digitnet.engine.types import Array

Picture = NDArray[np.uint8]

SIDE, BOX, CENTRE = 28, 20, 14
"""Pixels: MNIST's pictures, the box in them that the digit fills, where its barycentre is."""
PEN = (1.7, 3.2)
"""Widths of strokes, in a box of 20, that are left as they are: four fifths of MNIST's are about
such."""
FINE, COARSE = 80, 200
"""Pixels of the longer side that a drawing has while its strokes are looked at."""


class NoDigit(ValueError):
    """A picture in which no digit can be found; the message says why."""


def prepare(ink: NDArray[np.generic]) -> Picture:
    """The drawing as a network knows digits: 28 x 28 bytes, 255 for full ink.

    ink: (rows, columns) of any size, 0 for the paper; bytes, or numbers of any scale.

    As MNIST's makers did: what is drawn is cut out, its box widened to a square and brought to
    20 x 20 by averaging areas; its ink is divided by the maximum; it is put into 28 x 28 with its
    barycentre on pixel (14, 14) (Bottou et al., "Comparison of classifier methods", 1994; Yadav
    and Bottou, "Cold case: the lost MNIST digits", 2019). What they did not need, as their writers
    had much the same pens: strokes far thinner or thicker than MNIST's are brought near.

    Raises NoDigit where there is no ink.
    """
    return centred(shrunk_to_box(with_a_known_pen(cut_out(ink))))


def cut_out(ink: NDArray[np.generic]) -> Array:
    """The part of a drawing that has ink, as numbers from 0 to 1. Raises NoDigit for none."""
    scaled = np.asarray(ink, np.float32)
    darkest = float(scaled.max(initial=0))
    if not 0 < darkest < np.inf:
        raise NoDigit("nothing is drawn")
    scaled = scaled / darkest
    rows, columns = box_of(scaled >= 0.5)
    return scaled[_wider(rows), _wider(columns)]


def box_of(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rows and columns of the smallest box around what is true."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _wider(part: slice) -> slice:
    """The same with a pixel more at each end: the soft edge of the ink."""
    return slice(max(0, part.start - 1), part.stop + 1)


def with_a_known_pen(ink: Array) -> Array:
    """The drawing at a size of FINE to COARSE, its strokes of a width that networks know."""
    mask = _resized(ink) >= 0.5
    rows, columns = box_of(mask)
    longest = max(rows.stop - rows.start, columns.stop - columns.start)
    mask = np.pad(mask[rows, columns], longest // 4)
    distance, middle = distance_to_edge(mask), skeleton(mask)
    width = stroke_width(distance, middle)
    wanted = float(np.clip(width / longest * BOX, *PEN))
    # (width + wider) / (longest + wider) = wanted / BOX
    wider = (wanted * longest / BOX - width) / (1 - wanted / BOX)
    return with_pen(distance, middle, wider)


def _resized(ink: Array) -> Array:
    """Small drawings are enlarged smoothly; of large ones, blocks become their darkest pixel, so
    that no hairline fades.
    """
    from scipy import ndimage

    longest = max(ink.shape)
    padded = np.pad(ink, 1)
    if longest < FINE:
        larger: Array = ndimage.zoom(padded, -(-FINE // longest), order=3, mode="grid-constant",
                                     grid_mode=True)  # fmt: skip
        return larger
    block = longest // COARSE + 1
    rows, columns = (-(-n // block) * block for n in ink.shape)
    whole = np.pad(ink, ((0, rows - ink.shape[0]), (0, columns - ink.shape[1])))
    blocks: Array = whole.reshape(rows // block, block, columns // block, block).max(axis=(1, 3))
    return blocks


def shrunk_to_box(ink: Array) -> Array:
    """The drawing in 20 x 20, in the middle of it where it is not a square."""
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
    """The 20 x 20 drawing with full ink, its barycentre on pixel (14, 14) of 28 x 28."""
    picture = np.zeros((SIDE, SIDE), np.uint8)
    places = [
        min(max(round(CENTRE - float(barycentre)), 0), SIDE - BOX)
        for barycentre in (np.arange(BOX) @ box.sum(axis=axis) / box.sum() for axis in (1, 0))
    ]
    top, left = places
    picture[top : top + BOX, left : left + BOX] = np.round(255 * box / box.max())
    return picture
