"""Each layer against its definition, written out plainly."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from engine_helpers import differences, made

from digitnet.engine.gradcheck import check_gradient
from digitnet.engine.layers import EXACT, BatchNorm, Layer, Step
from digitnet.engine.network import Network, folded
from digitnet.engine.pictures import AveragePool, Convolution, MaxPool
from digitnet.engine.shapes import network_of
from digitnet.engine.speed import convolution, fourier, threads
from digitnet.engine.speed.convolution import FastConvolution, FastPool, Passes, prepare

STEP = Step(seed=1, number=2)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pictures(count: int, *shape: int) -> np.ndarray:
    return rng(count).standard_normal((count, *shape))


def filled(layer: Layer) -> Any:
    for p in layer.parameters:
        p.value[...] = rng(len(p.name)).standard_normal(p.value.shape)
    return layer


SIZES = [
    # pictures, height, width, depth, channels, kernel
    (1, 5, 5, 1, 1, 1),
    (3, 6, 9, 1, 4, 3),
    (2, 7, 4, 3, 2, 4),
    (5, 8, 8, 8, 3, 2),
    (4, 9, 7, 5, 6, 5),
]


@pytest.fixture(
    params=[
        ("plain", "one tile"),
        *product(["patches", "fourier"], ["tiles of one picture", "one tile"]),
    ],
    ids=str,
)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each way in which the sums of a convolution can be computed."""
    name, size = request.param
    monkeypatch.setattr(fourier, "is_faster", lambda *_: name == "fourier")
    for module in (convolution, fourier):
        monkeypatch.setattr(module, "TILE", 1 if size == "tiles of one picture" else 10**6)
    return str(name)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_convolution_is_the_sum_over_its_kernel_and_its_transpose_on_the_way_back(
    size: tuple[int, ...], way: str
) -> None:
    """C = Σ g · y is linear in x and in W, so ⟨g, y − b⟩ = ⟨dC/dx, x⟩ = ⟨dC/dW, W⟩."""
    count, height, width, depth, channels, k = size
    layer = filled(
        Convolution((height, width, depth), channels=channels, kernel=k, dtype=np.float64)
    )
    x, w = pictures(count, height, width, depth), layer.weights.reshape(k, k, depth, channels)
    expected = np.zeros((count, *layer.shape)) + layer.biases
    for i, j in product(range(layer.shape[0]), range(layer.shape[1])):
        patch = x[:, i : i + k, j : j + k]
        expected[:, i, j] += np.einsum("nrsc,rscf->nf", patch, w)
    of: Passes = layer if way == "plain" else FastConvolution(layer, None)
    y = of.forward(x, STEP).copy()
    np.testing.assert_allclose(y, expected, atol=1e-12)
    y -= layer.biases
    for seed in range(3):
        g = rng(seed).standard_normal(y.shape)
        of.forward(x, STEP)
        into = of.backward(g.copy())
        assert into is not None
        assert (g * y).sum() == pytest.approx((into * x).sum())
        gradient = layer.parameters[0].whole_gradient
        assert (g * y).sum() == pytest.approx((gradient * layer.weights).sum())


@pytest.mark.parametrize("is_fast", [False, True])
@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("shape", [(6, 6, 2), (7, 5, 1), (3, 8, 3)], ids=str)
def test_pooling_takes_the_largest_or_the_mean_of_each_window(
    size: int, shape: tuple[int, int, int], is_fast: bool
) -> None:
    x = pictures(4, *shape)
    for kind, of in ((MaxPool, np.max), (AveragePool, np.mean)):
        layer = kind(shape, size=size, dtype=np.float64)
        pool = prepare([layer])[0] if is_fast else layer
        y = pool.forward(x, STEP).copy()
        for i, j in product(range(layer.shape[0]), range(layer.shape[1])):
            window = x[:, i * size : (i + 1) * size, j * size : (j + 1) * size]
            np.testing.assert_allclose(y[:, i, j], of(window, axis=(1, 2)))
        g = rng().standard_normal(y.shape)
        into = pool.backward(g.copy())
        assert into is not None
        assert (g * y).sum() == pytest.approx((into * x).sum())  # both are linear around x


@pytest.mark.parametrize(
    ("pixels", "winner"), [([1, 1, 1, 1], 0), ([0, 1, 1, 1], 2), ([0, 1, 0, 1], 1)], ids=str
)
def test_of_equal_pixels_the_leftmost_then_the_topmost_has_the_gradient(
    pixels: list[float], winner: int
) -> None:
    layer = MaxPool((2, 2, 1), size=2, dtype=np.float64)
    for pool in (layer, FastPool(layer)):
        pool.forward(np.reshape(np.array(pixels, np.float64), (1, 2, 2, 1)), STEP)
        into = pool.backward(np.full((1, 1, 1, 1), 5.0))
        assert into is not None
        assert np.flatnonzero(into).tolist() == [winner]


@pytest.mark.parametrize("shape", [(5,), (4, 3, 2)], ids=str)
def test_batch_normalization_centres_and_scales_each_channel(shape: tuple[int, ...]) -> None:
    layer = filled(BatchNorm(shape, dtype=np.float64))
    x = 3 + 2 * pictures(7, *shape)
    axes = tuple(range(len(shape)))
    mean, variance = x.mean(axis=axes), x.var(axis=axes)
    expected = layer.gamma * (x - mean) / np.sqrt(variance + 1e-5) + layer.beta
    np.testing.assert_allclose(layer.forward(x, STEP), expected)
    np.testing.assert_allclose(layer.batch_mean, mean)
    np.testing.assert_allclose(layer.batch_variance, variance)
    layer.mean[:], layer.variance[:] = 1, 4
    expected = layer.gamma * (x - 1) / np.sqrt(4 + 1e-5) + layer.beta
    for step in (None, EXACT):
        np.testing.assert_allclose(layer.forward(x, step), expected)


@pytest.mark.parametrize("shape", [(5,), (4, 3, 2)], ids=str)
def test_the_gradient_of_batch_normalization_in_training_agrees_with_differences(
    shape: tuple[int, ...],
) -> None:
    layer = filled(BatchNorm(shape, activation="tanh", dtype=np.float64))
    x = pictures(6, *shape)
    g = rng().standard_normal(x.shape)
    layer.forward(x, STEP)
    into = layer.backward(g.copy())
    gradients = [into, *(p.whole_gradient.copy() for p in layer.parameters)]
    arrays = [x, *(p.value for p in layer.parameters)]
    for array, gradient in zip(arrays, gradients, strict=True):
        numeric = differences(lambda: float((g * layer.forward(x, STEP)).sum()), array)
        np.testing.assert_allclose(gradient, numeric, atol=1e-7)


SHAPES = [
    "9x8-4c3-p2-3",
    "9x8-4c3:tanh-p2-3",
    "9x8-4c3:sigmoid-a2-6-3",
    "9x8x2-3c2-b-p2-4c2-b-7-b-3",
    "9x8-p2-4c2-d0.5-3",
    "9x8-4c3:linear-p3-5:sigmoid-d0.25-3",
    "12-b-5-3",
]


def filled_and_batch(shape: str) -> tuple[Network, np.ndarray, np.ndarray]:
    """The network with random parameters and statistics, in float64, and a batch for it."""
    network = made(shape, 5, dtype=np.float64)
    for p in network.parameters:
        p.value[...] += 0.2 * rng(7).standard_normal(p.value.shape)
    x = pictures(6, network.inputs)
    network.measure_statistics([x])
    return network, x, np.eye(3)[rng().integers(3, size=6)]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_gradient_of_every_layer_is_checked(shape: str) -> None:
    found = check_gradient(*filled_and_batch(shape))
    assert found.checked == 20
    assert found.max_relative_error < 1e-6


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("step", [STEP, EXACT], ids=["training", "exact"])
def test_what_is_fast_computes_what_the_layers_do(shape: str, step: Step) -> None:
    network, x, y = filled_and_batch(shape)
    a = network.forward(x, step).copy()
    network.backward(a, y)
    fast = [p.whole_gradient.copy() for p in network.parameters]
    plain: Any = x.reshape(len(x), *network.input_shape)
    for layer in network.layers:
        plain = layer.forward(plain, step)
    np.testing.assert_allclose(a, plain, atol=1e-12)
    signal: Any = network.cost.gradient(plain.copy(), y, len(x))
    for layer in reversed(network.layers):
        signal = layer.backward(signal)
    for p, gradient in zip(network.parameters, fast, strict=True):
        np.testing.assert_allclose(gradient, p.whole_gradient, atol=1e-12)


def test_a_wrong_gradient_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = FastConvolution.backward
    monkeypatch.setattr(FastConvolution, "backward", lambda self, grad: right(self, grad * 1.01))
    assert check_gradient(*filled_and_batch(SHAPES[0])).max_relative_error > 1e-4


@pytest.mark.serial
@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("shape", SHAPES)
def test_two_threads_compute_what_one_does(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for number in (1, 2):
        with threads.limited_to(number):
            network, x, y = filled_and_batch(shape)
            a = network.forward(x, STEP).copy()
            network.backward(a, y)
            results.append([a, *(p.whole_gradient.copy() for p in network.parameters)])
        monkeypatch.setattr(threads, "MIN_WORK", 1)
        monkeypatch.setattr(threads, "MIN_ROWS", 1)
    for mine, other in zip(*results, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_folding_changes_no_answer(shape: str) -> None:
    network, x, _ = filled_and_batch(shape)
    answer = folded(network)
    np.testing.assert_allclose(answer.forward(x), network.forward(x), atol=1e-12)
    assert ("-b" in answer.shape) == (shape == "12-b-5-3")  # below it is nothing to fold into
    assert "-d" not in answer.shape
    assert (folded(answer) is answer) == ("-b" not in answer.shape)


def test_statistics_are_the_mean_over_batches_of_units_none_of_which_is_left_out() -> None:
    network, x, _ = filled_and_batch("9x8-4c3-b-3")
    (norm,) = network.batch_norms
    moments = []
    for batch in (x[:2], x[2:4], x[4:]):
        network.forward(batch, STEP)
        moments.append((norm.batch_mean.copy(), norm.batch_variance.copy()))
    network.measure_statistics([x[:2], x[2:4], x[4:]])
    np.testing.assert_allclose(norm.mean, np.mean([m for m, _ in moments], axis=0))
    np.testing.assert_allclose(norm.variance, np.mean([v for _, v in moments], axis=0))
    variances = []
    for shape in ("12-8:linear-d0.5-b-3", "12-8-b-3"):
        network = made(shape, 5, dtype=np.float64)
        network.measure_statistics([pictures(30, 12)])
        variances.append(network.batch_norms[0].variance)
    np.testing.assert_allclose(*variances)


@pytest.mark.parametrize(
    ("shape", "kinds"),
    {
        "12-8-6-3": ["dense", "dropout", "dense", "dropout", "dense"],
        "12-8-b-3": ["dense", "batch_norm", "dropout", "dense"],
        "12-b-8-3": ["batch_norm", "dense", "dropout", "dense"],
        "9x8-4c3-b-p2-5-3": [
            *("convolution", "batch_norm", "max_pool", "flatten"),
            *("dense", "dropout", "dense"),
        ],
    }.items(),
)
def test_the_setting_leaves_out_activated_units_of_hidden_dense_layers(
    shape: str, kinds: list[str]
) -> None:
    network = network_of(shape)
    before = list(network.layers)
    for probability in (0.5, 0.2):
        network.set_dropout(probability)
        assert [layer.kind for layer in network.layers] == kinds
    assert folded(network).shape == folded(network_of(shape)).shape
    network.set_dropout(0)
    assert network.layers == before
