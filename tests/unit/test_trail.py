"""The trail of an answer: what a weighted sum is made of, and which input it leads down to."""

import numpy as np
import pytest
from test_backprop import SHAPES, filled

from digitnet.engine.shapes import network_of
from digitnet.insight.why import backpropagate, largest, terms_of, trail


@pytest.mark.parametrize("shape", SHAPES)
def test_at_every_place_the_terms_and_the_bias_add_up_to_z(shape: str) -> None:
    network = filled(network_of(shape, hidden="tanh", dtype=np.float64))
    x = np.random.default_rng(2).standard_normal(network.inputs)
    for p in backpropagate(network, x, np.array([0.0, 1, 0])).passes:
        for place in np.ndindex(*p.layer.shape):
            terms = terms_of(p, place)
            assert terms.products.sum() + terms.bias == pytest.approx(p.z[place])
            for number in range(terms.x.size):
                assert p.x[terms.place_of(number)] == terms.x.ravel()[number]


def test_the_trail_leads_through_the_largest_terms_to_the_pixel() -> None:
    """Only one pixel is lit, and one way leads from it to each output."""
    network = network_of("6x6-2c3-p2-2", dtype=np.float64)
    convolution, _, _, dense = network.layers
    convolution.weights[:, 1] = 1  # type: ignore[attr-defined]
    dense.weights[:, 0] = 1  # type: ignore[attr-defined]
    dense.weights[3, 0] = 5  # type: ignore[attr-defined]  # row 0, column 1, channel 1
    x = np.zeros((6, 6))
    x[2, 4] = 1
    passes = backpropagate(network, x.ravel(), np.array([1.0, 0])).passes
    assert trail(passes, 0) == [(0, 2, 1), (0, 1, 1), (3,), (0,)]
    assert largest(terms_of(passes[0], (0, 2, 1)).products, 5) == [8]  # the patch's last pixel
    assert terms_of(passes[0], (0, 2, 1)).place_of(8) == (2, 4, 0)


def test_below_an_inhibiting_unit_the_trail_follows_what_made_it_negative() -> None:
    network = network_of("2-2:relu-1:tanh-2", dtype=np.float64)
    first, second, third = network.layers
    first.weights[...] = np.eye(2)  # type: ignore[attr-defined]
    second.weights[...] = [[1.0], [-3.0]]  # type: ignore[attr-defined]
    third.weights[...] = [[-1.0, 1.0]]  # type: ignore[attr-defined]
    passes = backpropagate(network, np.ones(2), np.array([1.0, 0])).passes
    assert passes[1].a[0] < 0
    assert trail(passes, 0) == [(1,), (0,), (0,)]
    assert trail(passes, 1) == [(1,), (0,), (1,)]
    assert largest(terms_of(passes[1], (0,)).products, 2) == [1, 0]
