"""Chooses the faster way to compute the sums of a convolution: by patches or by frequencies."""

from collections.abc import Sequence

from digitnet.engine.speed import fourier
from digitnet.engine.speed.fourier import FourierProduct, Spectrum
from digitnet.engine.speed.patches import PatchProduct
from digitnet.engine.speed.threads import divide
from digitnet.engine.types import Array, Shape

TileProduct = PatchProduct | FourierProduct
"""Computes the sums of a convolution in one thread."""


class TileProducts:
    """The products of a convolution, one for each thread, and what they share."""

    def __init__(self, input_shape: Shape, kernel: int, weights: Array) -> None:
        """weights: (kernel · kernel · depth, channels), used as they are at each `choose`."""
        self.input_shape, self.kernel, self.weights = input_shape, kernel, weights
        self._spectrum: Spectrum | None = None
        self._by_patches: list[PatchProduct] = []
        self._by_fourier: list[FourierProduct] = []

    def choose(self, threads: int, pictures: int) -> Sequence[TileProduct]:
        """For each of so many threads, the product that is faster for this number of pictures.

        To be called after the weights have changed: their transform is computed here.
        """
        shape, channels = self.input_shape, self.weights.shape[1]
        if not fourier.is_faster(shape, self.kernel, channels, pictures):
            while len(self._by_patches) < threads:
                self._by_patches.append(PatchProduct(shape, self.kernel, self.weights))
            return self._by_patches[:threads]
        if self._spectrum is None:
            self._spectrum = Spectrum(shape, self.kernel, self.weights)
        self._spectrum.update()
        while len(self._by_fourier) < threads:
            self._by_fourier.append(FourierProduct(self._spectrum))
        return self._by_fourier[:threads]


def tiles(count: int, size: int, start: int = 0) -> list[slice]:
    """Divides `count` pictures, from `start` on, into equal tiles of at most `size`."""
    parts = divide(count, -(-count // size))
    return [slice(start + part.start, start + part.stop) for part in parts]
