"""The gradients of back-propagation against numeric ones, for every pair that may be built."""

import numpy as np
import pytest
from engine_helpers import HIDDEN, OUTPUTS, differences, gradients, made

from digitnet.engine.gradcheck import check_gradient
from digitnet.engine.layers import ACTIVATIONS
from digitnet.engine.network import Network, cost_for
from digitnet.engine.optimizers import Penalties


def small_network(hidden: str, output: str, cost: str, *, bias: bool = True) -> Network:
    how = {"hidden": hidden, "output": output, "cost": cost, "bias": bias}
    network = made("5-4-4-3", 7, dtype=np.float64, **how)
    rng = np.random.default_rng(8)
    for parameter in network.parameters:  # also biases away from zero
        parameter.value[...] += 0.3 * rng.standard_normal(parameter.value.shape)
    return network


def cases(count: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(9)
    targets = np.eye(3)[rng.integers(3, size=count)]
    return rng.standard_normal((count, 5)), targets


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize(("output", "cost"), OUTPUTS)
@pytest.mark.parametrize("bias", [True, False])
def test_backpropagation_agrees_with_differences(
    hidden: str, output: str, cost: str, bias: bool
) -> None:
    network = small_network(hidden, output, cost, bias=bias)
    x, y = cases()
    for p, gradient in zip(network.parameters, gradients(network, x, y), strict=True):
        numeric = differences(lambda: network.cost.value(network.forward(x), y), p.value)
        np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-9)


def test_batches_give_their_parts_of_the_mean_over_all() -> None:
    network = small_network("tanh", "softmax", "cross-entropy")
    x, y = cases()
    whole = gradients(network, x, y)
    parts = []
    for few in (slice(0, 2), slice(2, 6)):
        network.backward(network.forward(x[few]), y[few], mean_over=len(x))
        parts.append([p.whole_gradient.copy() for p in network.parameters])
    for gradient, *of_parts in zip(whole, *parts, strict=True):
        np.testing.assert_allclose(sum(of_parts), gradient, rtol=1e-12)


def test_what_does_not_fit_together_is_refused() -> None:
    for output in ("linear", "tanh", "relu"):
        with pytest.raises(ValueError, match="between 0 and 1"):
            cost_for("cross-entropy", output)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_are_finite_at_the_extremes(name: str, dtype: type) -> None:
    z = np.array([[-1e4, -50.0, 0.0, 50.0, 1e4]], dtype)
    with np.errstate(all="raise", under="ignore"):
        ACTIVATIONS[name].forward(z)
    assert np.isfinite(z).all()


@pytest.mark.parametrize(
    ("weights", "biases", "l2", "checked"),
    [
        (1e7, [-1e9] * 4, 1e-4, 20),  # dead units: beside the penalty, little is left of the cost
        (1e14, [-1e16] * 4, 1e-4, 0),  # and nothing
        (1.0, [50, 0, 0], 0.0, 0),  # saturated outputs, all right: the gradient is below ε
    ],
)
def test_what_rounding_hides_is_no_error_of_the_gradient(
    weights: float, biases: list[float], l2: float, checked: int
) -> None:
    network, (x, y) = small_network("relu", "softmax", "cross-entropy"), cases()
    layer = network.layers[0 if len(biases) == 4 else -1]
    layer.weights[...] *= weights
    layer.biases[...] = biases
    y = y if len(biases) == 4 else 0 * y + [1, 0, 0]
    check = check_gradient(network, x, y, penalties=Penalties(l2))
    assert (check.checked, check.max_relative_error <= 1e-6) == (checked, True)


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_answers_whose_cost_is_cut_off_are_not_checked(output: str) -> None:
    network = small_network("relu", output, "cross-entropy")
    x, y = cases()
    network.layers[-1].weights[...] = 0
    network.layers[-1].biases[...] = [-50, 0, 0]  # the first is ruled out
    few = check_gradient(network, x, y)
    assert few.checked == 20
    assert few.max_relative_error <= 1e-6
    assert check_gradient(network, x, 0 * y + [1, 0, 0]).checked == 0
