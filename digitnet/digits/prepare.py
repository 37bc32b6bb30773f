"""Prepares a drawing of a digit as MNIST's were prepared, so that a network can read it."""

from functools import cache
from typing import Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from digitnet.engine.arrays import Array
from digitnet.engine.report import Refused

Mask = NDArray[np.bool_]

MIN_WIDTH = 0.6  # minimum width of a thinned stroke, as a fraction of the intended mean width


def distance_to_edge(ink: Mask) -> Array:
    """The distance of each pixel's centre to the edge of the ink, in pixels: positive inside it,
    negative outside. ink: (rows, columns), with a margin, not empty.
    """
    inside = scipy.ndimage.distance_transform_edt(ink)
    outside = scipy.ndimage.distance_transform_edt(~ink)
    distance: Array = np.where(ink, inside - 0.5, 0.5 - outside).astype(np.float32)
    return distance


def skeleton(ink: Mask) -> Mask:
    """The middle of the strokes, one pixel wide and connected in the same way.

    Removes edge pixels, alternately from two sides, as long as no stroke is broken or shortened
    (Zhang and Suen, "A fast parallel algorithm for thinning digital patterns", Communications of
    the ACM 27, 1984).
    """
    padded = np.pad(ink, 1)
    thin, step = padded.ravel(), padded.shape[1]
    around = np.array([-step, 1 - step, 1, 1 + step, step, step - 1, -1, -1 - step])
    pixels = before = np.flatnonzero(thin)
    while len(pixels):
        before = pixels
        for removable in _removable():
            neighbours = np.packbits(thin[pixels[:, None] + around], axis=1, bitorder="little")
            removed = removable[neighbours[:, 0]]
            thin[pixels[removed]] = False
            pixels = pixels[~removed]
        if len(pixels) == len(before):
            break
    thin[before] = True  # a square of 2 x 2 pixels would vanish
    return padded[1:-1, 1:-1]


@cache
def _removable() -> tuple[Mask, Mask]:
    """For each pattern of neighbours (a bit for each, clockwise from north), whether the first and
    the second pass remove the pixel.
    """
    bits = np.arange(256)[:, None] >> np.arange(8) & 1
    north, east, south, west = (bits[:, side] == 1 for side in (0, 2, 4, 6))
    begins = ((bits == 0) & (np.roll(bits, -1, axis=1) == 1)).sum(axis=1)
    count = bits.sum(axis=1)
    at_edge = (begins == 1) & (count >= 2) & (count <= 6)
    first = at_edge & ~(north & east & south) & ~(east & south & west)
    second = at_edge & ~(north & east & west) & ~(north & south & west)
    return first, second


def stroke_width(distance: Array, middle: Mask) -> float:
    """The mean width of the strokes in pixels: twice the mean distance on the skeleton."""
    return float(2 * distance[middle].mean())


def with_pen(distance: Array, middle: Mask, wider: float) -> Array:
    """The ink (0 to 1), redrawn with a pen that is `wider` pixels wider; thinner if negative.

    The skeleton is kept, so that thin strokes do not break.
    """
    ink = np.clip(distance + wider / 2 + 0.5, 0, 1)
    if wider < 0:
        width = MIN_WIDTH * max(1.0, stroke_width(distance, middle) + wider)
        to_middle = scipy.ndimage.distance_transform_edt(~middle)
        ink = np.maximum(ink, np.clip(width / 2 - to_middle + 0.5, 0, 1) * (distance > 0))
    drawn: Array = ink.astype(np.float32)
    return drawn


Picture = NDArray[np.uint8]

# in pixels: the side of MNIST's pictures, of the digit's box in them, and its barycentre
SIDE, BOX, CENTRE = 28, 20, 14
# stroke widths in a box of 20 that are left unchanged; about four fifths of MNIST's are in this
# range
STROKE_WIDTHS = (1.7, 3.2)
# minimum and maximum pixels of a drawing's longer side when its strokes are measured
MIN_SIZE, MAX_SIZE = 80, 200


class NoDigit(Refused, ValueError):
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
    return _centred(_scaled_to_box(_with_usual_stroke_width(_cropped(ink))))


GREY = 0.4  # of what is drawn around a piece, where the piece's full ink is 1


def in_context(piece: Array, others: Array) -> Picture:
    """A piece of a drawing as `prepare` would scale and place it, in which strokes have their usual
    width already; and in grey what is drawn around it, so that one sees what was cut.

    piece, others: the drawing, (rows, columns) of ink from 0 to 1, divided in two.
    """
    pixel = max(edges.stop - edges.start for edges in box_of(piece >= 0.5)) / BOX
    from_centre = (np.arange(SIDE + 1) - CENTRE - 0.5) * pixel
    rows, columns = (
        _averages(n, (np.arange(n) + 0.5) @ piece.sum(axis=a) / piece.sum() + from_centre)
        for n, a in zip(piece.shape, (1, 0), strict=True)
    )
    ink = rows @ piece @ columns.T
    around = rows @ others @ columns.T
    seen = np.maximum(ink / max(float(ink.max()), 0.1), GREY * around)
    picture: Picture = np.round(255 * seen).astype(np.uint8)
    return picture


def is_prepared(picture: Picture) -> bool:
    """Whether a picture of 28 x 28 pixels is as `prepare` leaves it: full ink in a box of 20 x 20
    with its barycentre in the middle, and paper of 0 around it.
    """
    if picture.max() < 250 or picture[0].any():
        return False
    sides = box_of(picture > 0)
    sizes = [side.stop - side.start for side in sides]
    middles = [np.arange(SIDE) @ picture.sum(axis=a) / picture.sum() for a in (1, 0)]
    return max(sizes) == BOX and all(abs(middle - CENTRE) <= 1 for middle in middles)


def _cropped(ink: NDArray[np.generic]) -> Array:
    """The part of a drawing with ink, scaled to 0 to 1. Raises NoDigit if there is none."""
    scaled = np.asarray(ink, np.float32)
    darkest = float(scaled.max(initial=0))
    if not 0 < darkest < np.inf:
        raise NoDigit("nothing is drawn")
    scaled = scaled / darkest
    rows, columns = (
        slice(max(0, side.start - 1), side.stop + 1)  # one pixel more, for the soft edge of the ink
        for side in box_of(scaled >= 0.5)
    )
    return scaled[rows, columns]


def box_of(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _with_usual_stroke_width(ink: Array) -> Array:
    """The drawing at MIN_SIZE to MAX_SIZE pixels, its stroke width brought into STROKE_WIDTHS."""
    mask = _resized(ink) >= 0.5
    rows, columns = box_of(mask)
    longest = max(rows.stop - rows.start, columns.stop - columns.start)
    return _redrawn(np.pad(mask[rows, columns], longest // 4), longest)


def with_usual_strokes(mask: Mask) -> Array:
    """A drawing of digits side by side, redrawn with strokes of usual width for its height."""
    margin = max(1, len(mask) // 4)
    return _redrawn(np.pad(mask, margin), len(mask))[margin:-margin, margin:-margin]


def _redrawn(mask: Mask, size: int) -> Array:
    """The drawing with stroke widths in STROKE_WIDTHS where `size` is scaled to the box."""
    distance, middle = distance_to_edge(mask), skeleton(mask)
    width = stroke_width(distance, middle)
    wanted = float(np.clip(width / size * BOX, *STROKE_WIDTHS))
    # (width + wider) / (size + wider) = wanted / BOX
    wider = (wanted * size / BOX - width) / (1 - wanted / BOX)
    return with_pen(distance, middle, wider)


def _resized(ink: Array) -> Array:
    """Enlarges small drawings smoothly; reduces large ones by the maximum over blocks, so that
    hairlines do not fade.
    """
    longest = max(ink.shape)
    if longest < MIN_SIZE:
        larger: Array = scipy.ndimage.zoom(np.pad(ink, 1), -(-MIN_SIZE // longest), order=3,
                                     mode="grid-constant", grid_mode=True)  # fmt: skip
        return larger
    smaller: Array = in_blocks(ink, longest // MAX_SIZE + 1).max(axis=(1, 3))
    return smaller


def in_blocks(pixels: Array, block: int, mode: Literal["constant", "edge"] = "constant") -> Array:
    """Pixels, (rows, columns, ...), in square blocks: (rows, block, columns, block, ...).

    mode: of numpy.pad, which extends the last blocks.
    """
    margins = [(0, -n % block) for n in pixels.shape[:2]]
    whole = np.pad(pixels, margins + [(0, 0)] * (pixels.ndim - 2), mode)
    rows, columns = (n // block for n in whole.shape[:2])
    return whole.reshape(rows, block, columns, block, *whole.shape[2:])


def _scaled_to_box(ink: Array) -> Array:
    """The drawing scaled to 20 x 20; if it is not square, centred."""
    rows, columns = box_of(ink >= 0.5)
    drawn = ink[rows, columns]
    side = max(drawn.shape)
    square = np.zeros((side, side), np.float32)
    top, left = ((side - n) // 2 for n in drawn.shape)
    square[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn
    averages = areas(side, BOX)
    return averages @ square @ averages.T


def areas(many: int, few: int) -> Array:
    """The matrix (few, many) that averages `many` pixels over the area of each of `few`."""
    return _averages(many, np.arange(few + 1) * (many / few))


def _averages(many: int, edges: NDArray[np.floating]) -> Array:
    """The matrix (edges - 1, many) that averages `many` pixels between edges that are as far from
    each other; what is outside of them is 0.
    """
    pixels = np.arange(many)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    matrix: Array = (np.clip(overlap, 0, None) / (edges[1] - edges[0])).astype(np.float32)
    return matrix


def _centred(box: Array) -> Picture:
    """The 20 x 20 drawing, scaled to full ink, with its barycentre on pixel (14, 14) of 28 x 28."""
    picture = np.zeros((SIDE, SIDE), np.uint8)
    top, left = (
        min(max(round(CENTRE - float(np.arange(BOX) @ box.sum(axis=a) / box.sum())), 0), SIDE - BOX)
        for a in (1, 0)
    )
    picture[top : top + BOX, left : left + BOX] = np.round(255 * box / box.max())
    return picture
