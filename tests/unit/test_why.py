"""Back-propagation of one case, against numbers worked out by hand and the training engine."""

from math import exp

import numpy as np
import pytest
from engine_helpers import HIDDEN, OUTPUTS

from digitnet.digits.datasets import SOURCES
from digitnet.engine.layers import EXACT, Dense
from digitnet.engine.network import Committee, Network
from digitnet.engine.pictures import Convolution
from digitnet.engine.shapes import network_of
from digitnet.insight.why import Backpropagation, backpropagate, largest, terms_of, trail
from digitnet.recipes import RECIPES, build

SHAPES = [
    "6x6-2c3-p2-3",
    "7x6-2c3-p2-2c2-4-3",
    "6x7x2-3c2-a2-3",
    "6x6-p2-2c2-3",
    "6x6-2c3-b-p2-5-b-d0.5-3",
    "6x6-2c3-p2-b-5-3",
    "9-4-b-3",
]


def filled(network: Network) -> Network:
    """The network with random numbers in all that its answers depend on."""
    rng = np.random.default_rng(1)
    for parameter in network.parameters:
        parameter.value[...] = rng.standard_normal(parameter.value.shape)
    for norm in network.batch_norms:
        norm.mean[:], norm.variance[:] = rng.standard_normal(len(norm.mean)), rng.random()
    return network


def set_weights(network: Network, *layers: tuple[object, object]) -> Network:
    """The network with these weights and biases in its dense layers and convolutions."""
    weighted = [la for la in network.layers if isinstance(la, Dense | Convolution)]
    for layer, (weights, biases) in zip(weighted, layers, strict=True):
        layer.weights[...] = weights
        if layer.biases is not None:
            layer.biases[...] = biases
    return network


def check_against_training(network: Network, x: np.ndarray, y: np.ndarray) -> None:
    """The same outputs, cost and gradients as in training, to 1e-12 of the largest."""
    page = backpropagate(network, x, y)
    a = network.forward(x[np.newaxis].copy(), EXACT).copy()
    network.backward(a, y[np.newaxis])
    np.testing.assert_allclose(page.outputs, a[0], rtol=1e-12, atol=1e-14)
    assert page.cost == pytest.approx(network.cost.value(a, y[np.newaxis]), rel=1e-12)
    gradients = [g for p in page.passes for g in p.gradients.values()]
    for gradient, parameter in zip(gradients, network.parameters, strict=True):
        expected = parameter.whole_gradient
        np.testing.assert_allclose(gradient, expected, atol=1e-12 * max(1, abs(expected).max()))


@pytest.mark.parametrize("recipe", ["truth", "mini", "mini3"])
def test_every_case_of_the_tables_has_the_gradients_of_training(recipe: str) -> None:
    network, cases = build(RECIPES[recipe], 3).network, SOURCES[recipe].read([]).test
    for x, y in zip(cases.inputs, cases.targets, strict=True):
        check_against_training(network, x.astype(np.float64), y)


@pytest.mark.parametrize(("shape", "options"), [
    *((shape, {"hidden": hidden}) for shape in SHAPES for hidden in ("relu", "tanh")),
    *(("5-4-4-3", {"hidden": hidden, "output": output, "cost": cost})
      for hidden in HIDDEN for output, cost in OUTPUTS),
])  # fmt: skip
def test_every_layer_activation_and_cost_has_the_gradients_of_training(
    shape: str, options: dict[str, str]
) -> None:
    network = filled(network_of(shape, dtype=np.float64, **options))
    x = np.random.default_rng(2).standard_normal(network.inputs)
    check_against_training(network, x, np.array([0.0, 1, 0]))


def test_of_equal_pixels_the_one_that_training_chooses_has_the_gradient() -> None:
    network = filled(network_of("4x4-3c1:linear-p2-2", dtype=np.float64))
    network.layers[0].weights[...] = 1  # type: ignore[attr-defined]
    x = np.tile([[0.0, 1], [1, 0]], (2, 2))
    check_against_training(network, x.ravel(), np.array([1.0, 0]))


FIRST = ([[0.5, -1.0], [0.25, 2.0]], [0.1, -0.5])
X = np.array([1.0, 2.0])


def check(page: Backpropagation, expected: list[dict[str, object]]) -> None:
    """The columns of each layer are those expected."""
    for p, columns in zip(page.passes, expected, strict=True):
        values = vars(p) | p.gradients
        for name, numbers in columns.items():
            np.testing.assert_allclose(values[name], numbers, rtol=1e-12, err_msg=name)


def test_sigmoids_and_the_squared_error_are_as_worked_out_by_hand() -> None:
    how = {"hidden": "sigmoid", "output": "sigmoid", "cost": "squared"}
    network = network_of("2-2-1", dtype=np.float64, **how)
    page = backpropagate(set_weights(network, FIRST, ([[1.5], [-2.0]], [0.3])), X, np.array([1.0]))
    z = np.array([1 * 0.5 + 2 * 0.25 + 0.1, 1 * -1.0 + 2 * 2.0 - 0.5])
    a = 1 / (1 + np.exp(-z))
    z_out = a[0] * 1.5 + a[1] * -2.0 + 0.3
    out = 1 / (1 + exp(-z_out))
    delta = (out - 1) * out * (1 - out)
    below = np.array([1.5 * delta, -2.0 * delta])
    deltas = below * a * (1 - a)
    assert page.cost == pytest.approx((out - 1) ** 2 / 2)
    check(page, [
        {"x": X, "z": z, "a": a, "da": below, "delta": deltas, "biases": deltas,
         "weights": [deltas, 2 * deltas]},
        {"x": a, "z": [z_out], "a": [out], "da": [out - 1], "slope": [out * (1 - out)],
         "delta": [delta], "biases": [delta], "weights": [[a[0] * delta], [a[1] * delta]]},
    ])  # fmt: skip


def test_a_network_in_float32_is_explained_in_float64_and_left_as_it_is() -> None:
    network = filled(network_of("4-3-2"))
    before = [p.value.copy() for p in network.parameters]
    page = backpropagate(network, np.ones(4), np.array([1.0, 0]))
    assert {p.z.dtype for p in page.passes} == {np.dtype(np.float64)}
    for p, value in zip(network.parameters, before, strict=True):
        np.testing.assert_array_equal(p.value, value, strict=True)


def test_a_committee_is_refused() -> None:
    committee = Network([Committee((4,), members=[(network_of("4-3-2"), 1.0)])], "cross-entropy")
    with pytest.raises(ValueError, match="no gradient"):
        backpropagate(committee, np.ones(4), np.array([1.0, 0]))


@pytest.mark.parametrize("shape", SHAPES)
def test_at_every_place_the_terms_and_the_bias_add_up_to_z(shape: str) -> None:
    network = filled(network_of(shape, hidden="tanh", dtype=np.float64))
    x = np.random.default_rng(2).standard_normal(network.inputs)
    for p in backpropagate(network, x, np.array([0.0, 1, 0])).passes:
        for place in np.ndindex(*p.layer.shape):
            terms = terms_of(p, place)
            assert terms.products.sum() + terms.bias == pytest.approx(p.z[place])
            if isinstance(p.layer, Convolution):
                assert terms.x.shape == (p.layer.kernel, p.layer.kernel, p.x.shape[2])
            for number in range(terms.x.size):
                assert p.x[terms.place_of(number)] == terms.x.ravel()[number]


def test_weights_of_zero_are_terms_too() -> None:
    passes = backpropagate(network_of("4x4-2c3-3"), np.ones(16), np.array([1.0, 0, 0])).passes
    assert [terms_of(p, (0,) * p.z.ndim).x.size for p in passes] == [9, 1, 8]


def test_the_trail_leads_through_the_largest_terms_to_the_pixel() -> None:
    """Only one pixel is lit, and one way leads from it to each output."""
    kernels, weights = np.zeros((9, 2)), np.zeros((8, 2))
    kernels[:, 1], weights[:, 0] = 1, 1
    weights[3, 0] = 5  # row 0, column 1, channel 1
    network = set_weights(network_of("6x6-2c3-p2-2", dtype=np.float64), (kernels, 0), (weights, 0))
    x = np.zeros((6, 6))
    x[2, 4] = 1
    passes = backpropagate(network, x.ravel(), np.array([1.0, 0])).passes
    assert trail(passes, 0) == [(0, 2, 1), (0, 1, 1), (3,), (0,)]
    terms = terms_of(passes[0], (0, 2, 1))
    assert largest(terms.products, 5) == [8]  # the patch's last pixel
    assert terms.place_of(8) == (2, 4, 0)


def test_below_an_inhibiting_unit_the_trail_follows_what_made_it_negative() -> None:
    network = set_weights(
        network_of("2-2:relu-1:tanh-2", dtype=np.float64),
        (np.eye(2), 0), ([[1.0], [-3.0]], 0), ([[-1.0, 1.0]], 0),
    )  # fmt: skip
    passes = backpropagate(network, np.ones(2), np.array([1.0, 0])).passes
    assert passes[1].a[0] < 0
    assert trail(passes, 0) == [(1,), (0,), (0,)]
    assert trail(passes, 1) == [(1,), (0,), (1,)]
    assert largest(terms_of(passes[1], (0,)).products, 2) == [1, 0]
