"""Convolution in the frequency domain: its matrices, its precision, and when it is chosen."""

import numpy as np
import pytest

from digitnet.engine.layers import Step
from digitnet.engine.pictures import Convolution
from digitnet.engine.speed import fourier
from digitnet.engine.speed.convolution import FastConvolution


@pytest.mark.parametrize("n", range(1, 14))
def test_the_matrices_compute_a_correlation(n: int) -> None:
    rng = np.random.default_rng(n)
    for k in range(1, n + 1):
        of_x, of_w, of_z = fourier.correlation(n, k)
        x, w = rng.standard_normal(n), rng.standard_normal(k)
        expected = np.correlate(x, w, "valid")
        np.testing.assert_allclose(of_z @ ((of_x @ x) * (of_w @ w)), expected, atol=1e-13)
        assert len(of_x) == len(of_w) == n // 2 + 1 + 2 * ((n - 1) // 2)


def test_in_single_precision_it_is_as_exact_as_patches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are compared with double precision, at the sizes of the recipe conv."""
    rng = np.random.default_rng(1)
    x, g = rng.random((32, 12, 12, 32)), rng.standard_normal((32, 8, 8, 64))
    weights = 0.05 * rng.standard_normal((800, 64))

    def passes(way: str, dtype: type) -> list[np.ndarray]:
        monkeypatch.setattr(fourier, "is_faster", lambda *_: way == "fourier")
        layer = Convolution((12, 12, 32), channels=64, kernel=5, dtype=dtype)
        layer.weights[...] = weights
        fast = FastConvolution(layer, None)
        y = fast.forward(x.astype(dtype), Step()).copy()
        into = fast.backward(g.astype(dtype))
        assert into is not None
        return [y, into, layer.parameters[0].whole_gradient]

    exact = passes("patches", np.float64)
    errors = {
        way: [np.abs(a - b).max() for a, b in zip(passes(way, np.float32), exact, strict=True)]
        for way in ("patches", "fourier")
    }
    for ours, theirs, of in zip(errors["fourier"], errors["patches"], exact, strict=True):
        assert ours < 3 * theirs + 1e-6 * np.abs(of).max()


@pytest.mark.parametrize(
    ("input_shape", "kernel", "channels", "pictures", "chosen"),
    [
        ((28, 28, 1), 5, 32, 100, False),  # one channel: the transforms take longer than the sums
        ((12, 12, 32), 5, 64, 1, False),  # one picture: the weights have to be transformed, too
        ((12, 12, 32), 5, 64, 16, True),
        ((12, 12, 32), 1, 64, 100, False),
        ((12, 12, 3000), 5, 3000, 10**6, False),  # transformed, the weights would take 10 GB
    ],
)
def test_it_is_chosen_where_it_takes_less(
    input_shape: tuple[int, int, int], kernel: int, channels: int, pictures: int, chosen: bool
) -> None:
    assert fourier.is_faster(input_shape, kernel, channels, pictures) == chosen


def test_a_layer_computes_the_same_with_few_pictures_and_with_many() -> None:
    """With one picture it takes patches, with twenty the frequency domain."""
    layer = Convolution((12, 12, 32), channels=64, kernel=5, activation="relu", dtype=np.float64)
    layer.initialize(np.random.default_rng(1))
    fast = FastConvolution(layer, None)
    x = np.random.default_rng(2).random((20, 12, 12, 32))
    together = fast.forward(x).copy()
    alone = [fast.forward(x[n : n + 1]).copy() for n in range(20)]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-12)
    layer.weights *= 2  # the transform of the weights is that of the weights now
    np.testing.assert_allclose(fast.forward(x), 2 * together, atol=1e-12)
