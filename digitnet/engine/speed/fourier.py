"""The sums of a convolution, computed with fewer multiplications in the frequency domain.

After a discrete Fourier transform of both, a correlation of n numbers x with k weights w takes one
multiplication per frequency, rather than one per output and weight (the convolution theorem; for
networks: Mathieu, Henaff and LeCun 2014, arXiv 1312.5851). The transform makes sums that wrap
around after n numbers, but the n − k + 1 outputs of a valid convolution never reach that far, so
nothing is padded. With Gauss's three real multiplications for one of complex numbers:

    z = C [(A x) ⊙ (B w)],    A (m, n), B (m, k), C (n − k + 1, m) real, m about 3 n / 2

and in two dimensions, with the same matrices on both axes,

    z = C [(A x Aᵀ) ⊙ (B w Bᵀ)] Cᵀ,
    dC/dx = Aᵀ [(Cᵀ δ C) ⊙ (B w Bᵀ)] A,    dC/dw = Bᵀ [(A x Aᵀ) ⊙ (Cᵀ δ C)] B.

Kernels of 5 by 5 on pictures of 12 by 12 take 17² = 289 multiplications for each pair of channels
instead of 64 · 25 = 1,600. For a batch with many channels, each of them is a matrix product.

Arrays have the two axes of the picture first, (height, width, pictures, channels), so that a
transform is a product with a long matrix.
"""

from functools import cache
from math import prod

import numpy as np

from digitnet.engine.arrays import Array, Buffer, Shape
from digitnet.engine.speed import threads

TILE = 900_000  # numbers in the transforms of a tile's inputs and outputs
MAX_SPECTRUM = 1 << 24  # maximum number of transformed weights: 64 MiB in float32

TRANSFORM_COST = 3  # of a multiplication in a transform, in those of a large product; measured


def is_faster(input_shape: Shape, kernel: int, channels: int, pictures: int) -> bool:
    """Whether this takes fewer operations for so many pictures than their patches do."""
    height, width, depth = input_shape
    rows, columns = height - kernel + 1, width - kernel + 1
    m, n = (len(correlation(size, kernel)[0]) for size in (height, width))
    if m * n * depth * channels > MAX_SPECTRUM:
        return False
    x, z = m * width * (height + n), n * rows * (m + columns)
    w = m * kernel * (kernel + n)
    transforms = pictures * (depth * x + channels * z) + depth * channels * w
    sums = pictures * depth * channels
    return sums * m * n + TRANSFORM_COST * transforms < sums * rows * columns * kernel * kernel


@cache
def correlation(n: int, k: int) -> tuple[Array, Array, Array]:
    """The matrices A (m, n), B (m, k) and C (n − k + 1, m), with C [(A x) ⊙ (B w)] the correlation
    of x and w: z[i] = Σ over r of x[i + r] w[r].

    With X = Σ x[t] e^(−iφt), W = Σ w[t] e^(iφt) and Z = X W at the frequencies φ = 2π f / n,
    z[t] = Σ over f of Re(Z e^(iφt)) / n, where f and n − f contribute equally. Gauss: for
    Z = (a + ib)(c + id), Re Z = (a + b) c − b (c + d) and Im Z = (a + b) c + a (d − c).
    """
    rows: list[tuple[Array, Array, Array]] = []
    for f in range(n // 2 + 1):
        phase = 2 * np.pi * f / n * np.arange(n)
        a, b, c, d = np.cos(phase), -np.sin(phase), np.cos(phase[:k]), np.sin(phase[:k])
        re, im = np.cos(phase[: n - k + 1]) / n, -np.sin(phase[: n - k + 1]) / n
        if f in (0, n / 2):  # X is real
            rows.append((a, c, re))
        else:
            rows += [(a + b, c, 2 * (re + im)), (a, d - c, 2 * im), (b, c + d, -2 * re)]
    of_x, of_w, of_z = (np.array(matrix) for matrix in zip(*rows, strict=True))
    return of_x, of_w, of_z.T


class Transform:
    """R x Cᵀ over the first two axes of x: y[i, j] = Σ over r, s of R[i, r] C[j, s] x[r, s]. The
    result is reused by the next call.
    """

    def __init__(self, rows: Array, columns: Array, channels: int) -> None:
        """rows: R. columns: C. channels: the length of x's last axis."""
        self.rows, self.columns = rows, columns
        self._half = Buffer((len(rows) * columns.shape[1] * channels,), rows.dtype)
        self._result = Buffer((len(rows) * len(columns) * channels,), rows.dtype)

    def __call__(self, x: Array) -> Array:
        """x: (height, width, n, channels). Returns (len R, len C, n, channels)."""
        height, width, n, channels = x.shape
        half = self._half(n).reshape(len(self.rows), width, -1)
        result = self._result(n).reshape(len(self.rows), len(self.columns), -1)
        np.matmul(self.rows, x.reshape(height, -1), out=half.reshape(len(self.rows), -1))
        np.matmul(self.columns, half, out=result)
        whole: Array = result.reshape(*result.shape[:2], n, channels)
        return whole


class Spectrum:
    """B w Bᵀ, of a layer's weights, for all threads; x, w, z: A, B, C of the rows and columns."""

    def __init__(self, input_shape: Shape, kernel: int, weights: Array) -> None:
        """weights: (kernel · kernel · depth, channels), used as they are at each `update`."""
        height, width, self.depth = input_shape
        self.weights, self.kernel, self.channels = weights, kernel, weights.shape[1]
        self.x, self.w, self.z = (
            (rows.astype(weights.dtype), columns.astype(weights.dtype))
            for rows, columns in zip(
                correlation(height, kernel), correlation(width, kernel), strict=True
            )
        )
        self.axes = len(self.w[0]), len(self.w[1])
        self.values = np.empty((*self.axes, self.depth, self.channels), weights.dtype)
        self._half = Buffer((kernel * self.depth * self.channels,), weights.dtype)

    def update(self) -> None:
        rows, columns = self.w
        half, k = self._half(len(rows)), self.kernel
        np.matmul(rows, self.weights.reshape(k, -1), out=half)
        half = half.reshape(len(rows), k, -1)
        values = self.values.reshape(*self.axes, -1)

        def work(part: slice) -> None:
            np.matmul(columns, half[part], out=values[part])

        threads.for_rows(len(rows), TRANSFORM_COST * k * values[0].size, work, minimum=1)


class FourierProduct:
    """The sums of a convolution for tiles of pictures, in one thread. See `PatchProduct`."""

    def __init__(self, spectrum: Spectrum) -> None:
        depth, channels, dtype = spectrum.depth, spectrum.channels, spectrum.weights.dtype
        self.spectrum, products = spectrum, prod(spectrum.axes)
        self.pictures = max(1, TILE // (products * (depth + channels)))
        (x_rows, x_columns), (z_rows, z_columns) = spectrum.x, spectrum.z
        self._to_x = Transform(x_rows, x_columns, depth)
        self._from_x = Transform(x_rows.T, x_columns.T, depth)
        self._to_z = Transform(z_rows, z_columns, channels)
        self._from_z = Transform(z_rows.T, z_columns.T, channels)
        self._from_w = Transform(spectrum.w[0].T, spectrum.w[1].T, channels)
        self._x = Buffer((x_rows.shape[1] * x_columns.shape[1] * depth,), dtype)
        self._delta = Buffer((len(z_rows) * len(z_columns) * channels,), dtype)
        self._outputs = Buffer((products * channels,), dtype)
        self._gradient = Buffer((products * channels,), dtype)

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """x ∗ W for a tile x, (pictures, rows, columns, channels), in `out` if given."""
        sums = self._outputs(len(x)).reshape(*self.spectrum.axes, len(x), -1)
        self._last = self._transformed(x)
        np.matmul(self._last, self.spectrum.values, out=sums)
        z: Array = self._to_z(sums).transpose(2, 0, 1, 3)
        if out is None:
            return z
        np.copyto(out, z)
        return out

    def delta(self, count: int) -> Array:
        """A buffer for dC/dz of `count` pictures, (pictures, rows, columns, channels)."""
        rows, columns = (len(matrix) for matrix in self.spectrum.z)
        buffer: Array = self._delta(count).reshape(rows, columns, count, -1)
        return buffer.transpose(2, 0, 1, 3)

    def backward(self, x: Array | None, delta: Array, gradient: Array, into: Array | None) -> None:
        """gradient += dC/dW, into ← dC/dx, for delta = dC/dz and a tile x, or that of `forward`."""
        by_axes = delta.transpose(1, 2, 0, 3)
        if not by_axes.flags.c_contiguous:
            (buffer := self.delta(len(delta)))[...] = delta
            by_axes = buffer.transpose(1, 2, 0, 3)
        transformed = self._from_z(by_axes)
        inputs = self._last if x is None else self._transformed(x)
        products = self._gradient(self.spectrum.depth).reshape(self.spectrum.values.shape)
        np.matmul(inputs.swapaxes(2, 3), transformed, out=products)
        gradient += self._from_w(products).reshape(gradient.shape)
        if into is not None:
            np.matmul(transformed, self.spectrum.values.swapaxes(2, 3), out=inputs)
            np.copyto(into, self._from_x(inputs).transpose(2, 0, 1, 3))

    def _transformed(self, x: Array) -> Array:
        """A x Aᵀ, (rows, columns, pictures, depth)."""
        count, height, width, depth = x.shape
        by_axes = self._x(count).reshape(height, width, count, depth)
        np.copyto(by_axes, x.transpose(1, 2, 0, 3))
        return self._to_x(by_axes)
