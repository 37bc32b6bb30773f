"""Deformations: each time a case is seen, its picture is turned, scaled, shifted and bent a little.

A deformed picture is J(p) = I(A (p − c) + c + s + e(p)): every pixel p of it is looked up in the
picture I at a place that a matrix A turns, zooms and shears around the centre c, a shift s moves,
and an elastic field e displaces. Between pixels I is interpolated linearly, and outside it there is
nothing (Simard, Steinkraus and Platt 2003, ICDAR).
"""

from math import ceil, isqrt, pi, sqrt

import numpy as np

from digitnet.engine.augment import Augment
from digitnet.engine.draws import uniform
from digitnet.engine.types import Array, Integers, Pixels

BLOCK = 64
"""Cases that are deformed together: few enough to stay in the cache."""
DRAWS = 6
"""Uniform numbers that a case needs beside those of its field."""
SPREAD = sqrt(2 / 3)
"""Root mean square of a field before it is scaled: each of its two coordinates is a sum of uniform
numbers from −1 to 1, of variance 1/3, with weights of norm 1."""


class Deformer:
    """Deforms pictures of one size, in buffers allocated once; one thread at a time may use it."""

    def __init__(self, height: int, width: int, seed: int, augment: Augment) -> None:
        """What is the same for all cases."""
        self.height, self.width, self.seed, self.augment = height, width, seed, augment
        smooth = augment.smooth if augment.elastic else 0.0
        # U and Vᵀ; BLAS is slower with a transposed view
        self.down = _basis(height, smooth)
        self.across = np.ascontiguousarray(_basis(width, smooth).T)
        # for a block of cases
        self.padded: Array = np.zeros((BLOCK, height + 3, width + 3), np.float32)
        self.starts = np.arange(BLOCK)[:, None] * self.padded[0].size
        self.indices = np.empty((BLOCK, height * width), np.intp)  # other types take() would copy
        self.room: Array = np.empty((6, BLOCK, height * width), np.float32)

    def __call__(self, pictures: Pixels, numbers: Integers, out: Array) -> None:
        """out ← the pictures, deformed: (cases, height, width) or (cases, pixels), out float32.

        numbers: of each case, how many had been seen before it in training. What is done to a case
        is a function of the seed and this number alone, whichever others are deformed with it.
        """
        for start in range(0, len(pictures), BLOCK):
            some = slice(start, start + BLOCK)
            rows, columns = self.places(numbers[some])
            self._look_up(pictures[some], rows, columns, out[some])

    def places(self, numbers: Integers) -> Array:
        """Where each pixel of up to BLOCK cases is looked up: (2, cases, pixels), lent.

        Rows and columns of one case are U M Vᵀ each, (height, m) · (m, n) · (n, width). In U and V
        stand, for each row or column, the weights of a grid's points, the distance from the centre,
        and 1; in M the noise at the grid's points, and in its last two rows and columns A and
        c + s. Products of the same size for each case have the same rounding in any batch.
        """
        augment, count = self.augment, len(numbers)
        m, n = self.down.shape[1], self.across.shape[0]
        draws = uniform(self.seed, numbers, DRAWS + 2 * (m - 2) * (n - 2))
        angle = draws[:, 0] * np.float32(augment.rotation * pi / 180)
        zoom_down, zoom_across = 1 + np.float32(augment.zoom) * draws[:, 1:3].T
        lean = np.float32(augment.shear) * draws[:, 3]
        shift = np.float32(augment.shift) * draws[:, 4:6].T
        cos, sin = np.cos(angle), np.sin(angle)
        M = np.zeros((2, count, m, n), np.float32)
        noise = draws[:, DRAWS:] * np.float32(augment.elastic / SPREAD)
        M[:, :, :-2, :-2] = noise.reshape(count, 2, m - 2, n - 2).swapaxes(0, 1)
        # A = rotation · shear · zoom
        M[0, :, -2, -1], M[0, :, -1, -2] = cos * zoom_down, (cos * lean - sin) * zoom_across
        M[1, :, -2, -1], M[1, :, -1, -2] = sin * zoom_down, (sin * lean + cos) * zoom_across
        M[0, :, -1, -1] = shift[0] + np.float32((self.height - 1) / 2)
        M[1, :, -1, -1] = shift[1] + np.float32((self.width - 1) / 2)
        places = self.room[:2, :count]
        fields = places.reshape(2, count, self.height, self.width)
        np.matmul(self.down @ M, self.across, out=fields)
        return places

    def _look_up(self, pictures: Pixels, rows: Array, columns: Array, out: Array) -> None:
        """out ← the pictures at these places, which are overwritten.

        At the row r + u and the column q + v, with 0 <= u, v < 1, a picture I is
        (1 − u) ((1 − v) I[r, q] + v I[r, q+1]) + u ((1 − v) I[r+1, q] + v I[r+1, q+1]).
        """
        count, height, width = len(pictures), self.height, self.width
        self.padded[:count, 1:-2, 1:-2] = pictures.reshape(count, height, width)
        # beyond the padding, one pixel before and two behind, there is as little as in it
        np.clip(rows, -1, height, out=rows)
        np.clip(columns, -1, width, out=columns)
        top, left, right, below = self.room[2:, :count]
        np.floor(rows, out=top)
        np.floor(columns, out=left)
        rows -= top  # u
        columns -= left  # v
        # in the padded pictures, pixel (r, q) stands at r + 1, q + 1
        line = width + 3
        top *= line
        top += left
        top += line + 1
        indices = self.indices[:count]
        np.add(top.astype(np.int32), self.starts[:count], out=indices)
        flat = self.padded.ravel()

        for offset, pixels in ((0, left), (line, below)):
            # no index is out of range; with the default mode numpy would copy, to be able to raise
            flat[offset:].take(indices, out=pixels, mode="wrap")
            flat[offset + 1 :].take(indices, out=right, mode="wrap")
            right -= pixels
            right *= columns
            pixels += right
        below -= left
        below *= rows
        np.add(left, below, out=out.reshape(count, -1))


def _basis(size: int, smooth: float) -> Array:
    """U, (size, n): weights of the points of a grid, distance from the centre, and 1.

    The weights are Gaussians exp(−d² / 2σ²) of the distance d to the point, with norm 1 for each
    pixel, so that the displacement is as large everywhere. Points √2 σ apart, or closer, make a
    field that does not show the grid. Without smoothing there are no points.
    """
    pixels = np.arange(size)
    grid = np.linspace(0, size - 1, ceil((size - 1) / (sqrt(2) * smooth)) + 1 if smooth else 0)
    weights = np.exp(-((pixels[:, None] - grid) ** 2) / (2 * (smooth or 1) ** 2))
    weights /= np.sqrt((weights**2).sum(axis=1, keepdims=True))
    basis = np.column_stack([weights, pixels - (size - 1) / 2, np.ones(size)])
    return basis.astype(np.float32)


def side_of(inputs: int) -> int:
    """The side of a square picture of so many pixels. Raises ValueError where there is none."""
    side = isqrt(inputs)
    if side * side != inputs or side < 2:
        raise ValueError(
            f"deformations need square pictures, and a case has {inputs:,} numbers here. "
            "Example: set augment none"
        )
    return side
