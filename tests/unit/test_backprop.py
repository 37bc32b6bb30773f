"""Back-propagation as it is defined: against sums worked out by hand, and against the engine."""

from math import exp, log

import numpy as np
import pytest

from digitnet.digits.datasets import SOURCES
from digitnet.engine.activations import ACTIVATIONS
from digitnet.engine.costs import COSTS
from digitnet.engine.layers import EXACT, Dense
from digitnet.engine.network import Committee, Network
from digitnet.engine.shapes import network_of
from digitnet.insight.why import Backpropagation, backpropagate
from digitnet.recipes import RECIPES, build

PAIRS = [(hidden, output, cost) for cost, outputs in COSTS.items() for output in outputs
         for hidden in ACTIVATIONS if hidden != "softmax"]  # fmt: skip
SHAPES = [
    "6x6-2c3-p2-3",
    "7x6-2c3-p2-2c2-4-3",
    "6x7x2-3c2-a2-3",
    "6x6-p2-2c2-3",
    "6x6-2c3-b-p2-5-b-d0.5-3",
    "6x6-2c3-p2-b-5-3",
    "9-4-b-3",
]


def filled(network: Network, seed: int = 1) -> Network:
    """The network with random numbers in all that its answers depend on."""
    rng = np.random.default_rng(seed)
    for parameter in network.parameters:
        parameter.value[...] = rng.standard_normal(parameter.value.shape)
    for norm in network.batch_norms:
        norm.mean[:], norm.variance[:] = rng.standard_normal(len(norm.mean)), rng.random()
    return network


def check_against_the_engine(network: Network, x: np.ndarray, y: np.ndarray) -> None:
    """The same outputs, cost and gradients, to 1e-12 of the largest."""
    found = backpropagate(network, x, y)
    a = network.forward(x[np.newaxis].copy(), EXACT).copy()
    network.backward(a, y[np.newaxis])
    np.testing.assert_allclose(found.outputs, a[0], rtol=1e-12, atol=1e-14)
    assert found.cost == pytest.approx(network.cost.value(a, y[np.newaxis]), rel=1e-12)
    gradients = [g for p in found.passes for g in p.gradients.values()]
    assert len(gradients) == len(network.parameters)
    for gradient, parameter in zip(gradients, network.parameters, strict=True):
        expected = parameter.whole_gradient()
        assert gradient.shape == expected.shape
        np.testing.assert_allclose(gradient, expected, atol=1e-12 * max(1, abs(expected).max()))


@pytest.mark.parametrize("recipe", ["truth", "mini", "mini3"])
def test_it_has_the_engines_gradients_on_every_case_of_the_tables(recipe: str) -> None:
    network, cases = build(RECIPES[recipe], 3).network, SOURCES[recipe].read([]).test
    for x, y in zip(cases.inputs, cases.targets, strict=True):
        check_against_the_engine(network, x.astype(np.float64), y)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("hidden", ["relu", "tanh"])
def test_it_has_the_engines_gradients_through_every_kind_of_layer(shape: str, hidden: str) -> None:
    network = filled(network_of(shape, hidden=hidden, dtype=np.float64))
    x = np.random.default_rng(2).standard_normal(network.inputs)
    check_against_the_engine(network, x, np.array([0.0, 1, 0]))


@pytest.mark.parametrize(("hidden", "output", "cost"), PAIRS)
def test_it_has_the_engines_gradients_for_every_cost_and_activation(
    hidden: str, output: str, cost: str
) -> None:
    options = {"hidden": hidden, "output": output, "cost": cost}
    network = filled(network_of("5-4-4-3", dtype=np.float64, **options))
    x = np.random.default_rng(2).standard_normal(5)
    check_against_the_engine(network, x, np.array([0.0, 1, 0]))


def test_of_equal_pixels_the_same_one_has_the_gradient() -> None:
    network = filled(network_of("4x4-3c1:linear-p2-2", dtype=np.float64))
    network.layers[0].weights[...] = 1  # type: ignore[attr-defined]
    x = np.tile([[0.0, 1], [1, 0]], (2, 2))
    check_against_the_engine(network, x.ravel(), np.array([1.0, 0]))


def logistic(z: float) -> float:
    return 1 / (1 + exp(-z))


def by_hand() -> tuple[Backpropagation, Backpropagation]:
    """Of 2-2-1 and 2-2-2, with weights that can be followed."""
    first, second = (
        network_of("2-2-1", hidden="sigmoid", output="sigmoid", cost="squared", dtype=np.float64),
        network_of("2-2-2", dtype=np.float64),
    )
    for network in (first, second):
        network.layers[0].weights[...] = [[0.5, -1.0], [0.25, 2.0]]  # type: ignore[attr-defined]
        network.layers[0].biases[...] = [0.1, -0.5]  # type: ignore[attr-defined]
    first.layers[1].weights[...] = [[1.5], [-2.0]]  # type: ignore[attr-defined]
    first.layers[1].biases[...] = [0.3]  # type: ignore[attr-defined]
    second.layers[1].weights[...] = [[1.5, 0.5], [-2.0, 1.0]]  # type: ignore[attr-defined]
    x = np.array([1.0, 2.0])
    return (
        backpropagate(first, x, np.array([1.0])),
        backpropagate(second, x, np.array([0.0, 1.0])),
    )


def test_the_columns_of_sigmoids_and_the_squared_error_are_those_worked_out_by_hand() -> None:
    page, _ = by_hand()
    hidden, output = page.passes
    z = [1 * 0.5 + 2 * 0.25 + 0.1, 1 * -1.0 + 2 * 2.0 - 0.5]
    a = [logistic(z[0]), logistic(z[1])]
    z_out = a[0] * 1.5 + a[1] * -2.0 + 0.3
    a_out = logistic(z_out)
    assert hidden.z.tolist() == pytest.approx(z)
    assert hidden.a.tolist() == pytest.approx(a)
    assert output.x.tolist() == pytest.approx(a)
    assert output.z.tolist() == pytest.approx([z_out])
    assert output.a.tolist() == pytest.approx([a_out])
    assert page.cost == pytest.approx((a_out - 1) ** 2 / 2)
    assert output.da is not None
    assert output.slope is not None
    assert output.da.tolist() == pytest.approx([a_out - 1])
    assert output.slope.tolist() == pytest.approx([a_out * (1 - a_out)])
    delta = (a_out - 1) * a_out * (1 - a_out)
    assert output.delta.tolist() == pytest.approx([delta])
    assert output.gradients["weights"].ravel().tolist() == pytest.approx(
        [a[0] * delta, a[1] * delta]
    )
    assert output.gradients["biases"].tolist() == pytest.approx([delta])
    below = [1.5 * delta, -2.0 * delta]
    assert hidden.da is not None
    assert hidden.da.tolist() == pytest.approx(below)
    deltas = [below[k] * a[k] * (1 - a[k]) for k in range(2)]
    assert hidden.delta.tolist() == pytest.approx(deltas)
    assert hidden.gradients["weights"].tolist() == [
        pytest.approx([1 * deltas[0], 1 * deltas[1]]),
        pytest.approx([2 * deltas[0], 2 * deltas[1]]),
    ]
    assert hidden.gradients["biases"].tolist() == pytest.approx(deltas)


def test_the_columns_of_relu_softmax_and_cross_entropy_are_those_worked_out_by_hand() -> None:
    _, page = by_hand()
    hidden, output = page.passes
    assert hidden.a.tolist() == pytest.approx([1.1, 2.5])
    z = [1.1 * 1.5 + 2.5 * -2.0, 1.1 * 0.5 + 2.5 * 1.0]
    powers = [exp(z[0]), exp(z[1])]
    a = [powers[0] / sum(powers), powers[1] / sum(powers)]
    assert output.a.tolist() == pytest.approx(a)
    assert page.cost == pytest.approx(-log(a[1]))
    assert output.da is None
    delta = [a[0], a[1] - 1]
    assert output.delta.tolist() == pytest.approx(delta)
    below = [1.5 * delta[0] + 0.5 * delta[1], -2.0 * delta[0] + 1.0 * delta[1]]
    assert hidden.delta.tolist() == pytest.approx(below)  # both units are on: f' = 1
    assert output.gradients["weights"].tolist() == [
        pytest.approx([1.1 * delta[0], 1.1 * delta[1]]),
        pytest.approx([2.5 * delta[0], 2.5 * delta[1]]),
    ]


def test_a_network_in_float32_is_explained_in_float64_and_left_as_it_is() -> None:
    network = filled(network_of("4-3-2"))
    page = backpropagate(network, np.ones(4), np.array([1.0, 0]))
    assert network.dtype == np.float32
    assert {p.z.dtype for p in page.passes} == {np.dtype(np.float64)}
    assert isinstance(page.passes[0].layer, Dense)
    np.testing.assert_array_equal(page.passes[0].layer.weights, network.layers[0].weights)  # type: ignore[attr-defined]


def test_a_committee_is_refused() -> None:
    member = filled(network_of("4-3-2"))
    committee = Network([Committee((4,), members=[(member, 1.0)])], "cross-entropy")
    with pytest.raises(ValueError, match="no gradient"):
        backpropagate(committee, np.ones(4), np.array([1.0, 0]))
