"""Random deformations of pictures, and the setting that says how much."""

from dataclasses import dataclass, field, fields
from math import ceil, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitnet.engine.arrays import Array, Integers, Pixels


def _amount(most: float, least: float = 0, usual: float = 0.0) -> Any:
    return field(default=usual, metadata={"limits": (least, most)})


@dataclass(frozen=True, slots=True)
class Augment:
    """The maximum deformations; the actual amounts are drawn uniformly for each case."""

    rotation: float = _amount(180)  # degrees, either way
    zoom: float = _amount(0.9)  # height and width are each divided by 1 ± zoom at most
    shear: float = _amount(2)  # horizontal displacement per pixel of height
    shift: float = _amount(20)  # pixels, in each direction
    elastic: float = _amount(10)  # root-mean-square displacement, in pixels
    # σ of the Gaussian that smooths it (Simard et al. 2003, for 28 by 28)
    smooth: float = _amount(20, least=1, usual=4.0)

    def __post_init__(self) -> None:
        for f in fields(self):
            value, (least, most) = getattr(self, f.name), f.metadata["limits"]
            if not least <= value <= most:
                raise ValueError(f"has {f.name} from {least:g} to {most:g}, not {value:g}")

    @classmethod
    def parse(cls, text: str) -> "Augment":
        """Reads a name or `rotation=12,zoom=0.1`. Raises ValueError, with the reason."""
        if text in NAMED:
            return NAMED[text]
        amounts = {}
        for part in text.split(","):
            name, equals, value = part.partition("=")
            if name not in LIMITS or not equals or name in amounts:
                raise ValueError(
                    f"is {', '.join(NAMED)}, or amounts of {', '.join(LIMITS)}, as in "
                    "rotation=12,shift=2"
                )
            try:
                amounts[name] = float(value)
            except ValueError:
                raise ValueError(f"has a number for {name}, as in {name}=0.1") from None
        return cls(**amounts)


LIMITS = {f.name: f.metadata["limits"] for f in fields(Augment)}  # least and most

NAMED = {  # strengths
    "none": Augment(),
    "light": Augment(rotation=8, zoom=0.08, shift=1),
    "strong": Augment(rotation=12, zoom=0.12, shear=0.15, shift=2, elastic=1.2),
}

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # the increment of SplitMix64: 2⁶⁴ / φ, as an odd number


def uniform(seed: int, numbers: Integers, draws: int) -> Array:
    """Uniform random numbers between −1 and 1, float32, (numbers, draws): a row for each number.

    Each is a hash of the seed, the number and the column, a multiple of 2⁻¹⁶: SplitMix64 as a
    counter-based generator (Steele, Lea and Flood 2014, OOPSLA, doi 10.1145/2660193.2660195).
    """
    start = _mixed(np.array([seed % 2**64], np.uint64))
    base = _mixed(numbers.astype(np.uint64) + start)
    steps = np.arange(1, -(-draws // 4) + 1, dtype=np.uint64) * GOLDEN
    bits = _mixed(base[:, None] + steps)
    # 64 bits give four numbers, midpoints of 65,536 equal intervals
    result: Array = bits.view(np.uint16)[:, :draws].astype(np.float32)
    result -= np.float32(2**15 - 0.5)
    result *= np.float32(2**-15)
    return result


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The output function of SplitMix64; products are modulo 2⁶⁴."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


BLOCK = 64  # cases deformed at a time, few enough to stay in the cache
DRAWS = 6  # random numbers per case, apart from those of the elastic field

# Root mean square of the elastic field before scaling: either coordinate is a weighted sum of
# uniform numbers between −1 and 1, of variance 1/3, with weights of norm 1.
SPREAD = sqrt(2 / 3)


class Deformer:
    """Deforms pictures of one size, in buffers allocated once. Not thread-safe."""

    def __init__(self, height: int, width: int, seed: int, augment: Augment) -> None:
        self.height, self.width, self.seed, self.augment = height, width, seed, augment
        smooth = augment.smooth if augment.elastic else 0.0
        # U and Vᵀ; Vᵀ is copied because BLAS is slower with a transposed view
        self.down = _basis(height, smooth)
        self.across = np.ascontiguousarray(_basis(width, smooth).T)
        # for a block of cases
        self.padded: Array = np.zeros((BLOCK, height + 3, width + 3), np.float32)
        self.starts = np.arange(BLOCK)[:, None] * self.padded[0].size
        self.indices = np.empty((BLOCK, height * width), np.intp)  # take() copies other types
        self.workspace: Array = np.empty((6, BLOCK, height * width), np.float32)

    def __call__(self, pictures: Pixels, numbers: Integers, out: Array) -> None:
        """out ← the deformed pictures, (cases, height, width) or (cases, pixels); out may be these.

        numbers: for each case, how many cases were seen before it in training. The deformation of a
        case depends on the seed and this number alone, not on the other cases of the call.
        """
        for start in range(0, len(pictures), BLOCK):
            block = slice(start, start + BLOCK)
            rows, columns = self.positions(numbers[block])
            self._interpolate(pictures[block], rows, columns, out[block])

    def positions(self, numbers: Integers) -> Array:
        """Returns the position from which each pixel of up to BLOCK cases is sampled.

        The array is (2, cases, pixels): rows, then columns. It is reused by the next call. For each
        case they are U M Vᵀ, (height, m) · (m, n) · (n, width), where U and V are of `_basis`, and
        M has the noise at the grid points and, in its last two rows and columns, A and c + s. The
        products have the same size for each case, so that rounding does not depend on the batch.
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
        # A = rotation · shear · zoom; lean moves columns in proportion to the row
        M[0, :, -2, -1], M[0, :, -1, -2] = (cos - sin * lean) * zoom_down, -sin * zoom_across
        M[1, :, -2, -1], M[1, :, -1, -2] = (sin + cos * lean) * zoom_down, cos * zoom_across
        M[0, :, -1, -1] = shift[0] + np.float32((self.height - 1) / 2)
        M[1, :, -1, -1] = shift[1] + np.float32((self.width - 1) / 2)
        positions = self.workspace[:2, :count]
        fields = positions.reshape(2, count, self.height, self.width)
        np.matmul(self.down @ M, self.across, out=fields)
        return positions

    def _interpolate(self, pictures: Pixels, rows: Array, columns: Array, out: Array) -> None:
        """out ← the pictures sampled at `rows` and `columns`, which are overwritten.

        At row r + u and column q + v, 0 <= u, v < 1, the value of a picture I is
        (1 − u) ((1 − v) I[r, q] + v I[r, q+1]) + u ((1 − v) I[r+1, q] + v I[r+1, q+1]).
        """
        count, height, width = len(pictures), self.height, self.width
        self.padded[:count, 1:-2, 1:-2] = pictures.reshape(count, height, width)
        # the padding, one pixel before and two after, is 0, like everything beyond it
        np.clip(rows, -1, height, out=rows)
        np.clip(columns, -1, width, out=columns)
        top, left, right, below = self.workspace[2:, :count]
        np.floor(rows, out=top)
        np.floor(columns, out=left)
        rows -= top  # u
        columns -= left  # v
        # pixel (r, q) is at (r + 1, q + 1) in the padded picture
        line = width + 3
        top *= line
        top += left
        top += line + 1
        indices = self.indices[:count]
        np.add(top.astype(np.int32), self.starts[:count], out=indices)
        flat = self.padded.ravel()

        for offset, pixels in ((0, left), (line, below)):
            # no index is out of range; the default mode, which checks, would copy
            flat[offset:].take(indices, out=pixels, mode="wrap")
            flat[offset + 1 :].take(indices, out=right, mode="wrap")
            right -= pixels
            right *= columns
            pixels += right
        below -= left
        below *= rows
        np.add(left, below, out=out.reshape(count, -1))


def _basis(size: int, smooth: float) -> Array:
    """U, (size, n): for each row of pixels the weights of the points of a grid, the distance from
    the centre, and 1.

    The weights are Gaussians exp(−d² / 2σ²) of the distance d to the point, scaled to norm 1. The
    points are at most √2 σ apart, so that the grid does not show; without smoothing there are none.
    """
    pixels = np.arange(size)
    grid = np.linspace(0, size - 1, ceil((size - 1) / (sqrt(2) * smooth)) + 1 if smooth else 0)
    weights = np.exp(-((pixels[:, None] - grid) ** 2) / (2 * (smooth or 1) ** 2))
    weights /= np.sqrt((weights**2).sum(axis=1, keepdims=True))
    basis = np.column_stack([weights, pixels - (size - 1) / 2, np.ones(size)])
    return basis.astype(np.float32)
