"""Measures and changes the stroke width of a drawing.

The skeleton (the middle of the strokes) is found by thinning; a skeleton pixel's distance to the
edge of the ink is half the stroke's width.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from digitnet.engine.types import Array

Mask = NDArray[np.bool_]

MIN_WIDTH = 0.6
"""Minimum width of a thinned stroke, as a fraction of the intended mean width."""


def distance_to_edge(ink: Mask) -> Array:
    """The distance of each pixel's centre to the edge of the ink, in pixels: positive inside it,
    negative outside. ink: (rows, columns), with a margin, not empty.
    """
    from scipy import ndimage

    inside = ndimage.distance_transform_edt(ink)
    outside = ndimage.distance_transform_edt(~ink)
    distance: Array = np.where(ink, inside - 0.5, 0.5 - outside).astype(np.float32)
    return distance


def skeleton(ink: Mask) -> Mask:
    """The middle of the strokes, one pixel wide and connected in the same way.

    Removes edge pixels, alternately from two sides, as long as no stroke is broken or shortened
    (Zhang and Suen, "A fast parallel algorithm for thinning digital patterns", Communications of
    the ACM 27, 1984).
    """
    from scipy import ndimage

    thin, before = ink.copy(), np.zeros_like(ink)
    while thin.any() and (thin != before).any():
        before = thin.copy()
        for removable in _removable():
            neighbours = ndimage.correlate(thin.view(np.uint8), _NEIGHBOURS, mode="constant")
            thin &= ~removable[neighbours]
    return thin if thin.any() else before  # a square of 2 x 2 pixels would vanish


_NEIGHBOURS = np.array([[128, 1, 2], [64, 0, 4], [32, 16, 8]], np.uint8)
"""The bit of each neighbour: clockwise from north."""


@cache
def _removable() -> tuple[Mask, Mask]:
    """For each pattern of neighbours, whether the first and the second pass remove the pixel."""
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
    from scipy import ndimage

    ink = np.clip(distance + wider / 2 + 0.5, 0, 1)
    if wider < 0:
        width = MIN_WIDTH * max(1.0, stroke_width(distance, middle) + wider)
        to_middle = ndimage.distance_transform_edt(~middle)
        ink = np.maximum(ink, np.clip(width / 2 - to_middle + 0.5, 0, 1) * (distance > 0))
    drawn: Array = ink.astype(np.float32)
    return drawn
