"""The first layer's weights as pictures, and what each layer makes of a case."""

import numpy as np
import pytest
from engine_helpers import made

from digitnet.engine.layers import Dense
from digitnet.engine.network import Committee, Network
from digitnet.engine.pictures import Convolution
from digitnet.insight.inside import first_layer, first_layer_maps, responses, scene_of


def case(network: Network) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    return np.random.default_rng(1).random((1, network.inputs), np.float32)


def test_the_weights_into_a_unit_lie_as_its_pixels_do() -> None:
    network = made("36-5-3")
    first = first_layer(network)
    assert isinstance(first.layer, Dense)
    assert first.weights.shape == (5, 6, 6)
    assert first.weights[2, 4, 1] == first.layer.weights[4 * 6 + 1, 2]
    assert first.outgoing is not None
    assert first.outgoing.shape == (5, 3)


def test_a_kernel_is_that_of_its_channel() -> None:
    first = first_layer(made("8x8-4c3-p2-5"))
    assert isinstance(first.layer, Convolution)
    assert first.weights.shape == (4, 3, 3)
    assert first.weights[3, 2, 0] == first.layer.weights[2 * 3 + 0, 3]
    assert first.outgoing is None


@pytest.mark.parametrize(
    ("shape", "weights"),
    [
        *(("6x6x2-4c3-5", (4, 3, 6)), ("6x6x2-5-3", (5, 6, 12)), ("8x8-p2-5-3", (5, 4, 4))),
        *(("9-4-2", (4, 9)), ("30-4-2", (4, 30))),  # no picture
    ],
)
def test_channels_of_the_input_stand_side_by_side(shape: str, weights: tuple[int, ...]) -> None:
    first = first_layer(made(shape))
    assert first.weights.shape == weights
    if shape == "6x6x2-5-3":  # (row 1, column 2, channel 1) is input (1 · 6 + 2) · 2 + 1
        assert first.weights[4, 1, 6 + 2] == first.layer.weights[17, 4]


def test_a_committee_has_no_first_layer() -> None:
    committee = Network([Committee((36,), members=[(made("36-5-3"), 1.0)])], "cross-entropy")
    with pytest.raises(ValueError, match="a committee has no weights of its own"):
        first_layer(committee)


@pytest.mark.parametrize(
    ("shape", "texts"),
    [
        ("36-5-4-3", ["", "5", "4", "3"]),
        ("8x8-4c3-p2-6-3", ["", "4c3-p2", "6", "3"]),
        ("8x8-a2-4c3-b-a2-6-3", ["a2", "4c3-b-a2", "6", "3"]),
        ("8x8-d0.5-4c3-d0.5-3", ["", "4c3", "3"]),
    ],
)
def test_every_layer_that_makes_something_is_told(shape: str, texts: list[str]) -> None:
    network = made(shape)
    x = case(network)
    told = responses(network, x)
    assert [text for text, _ in told] == texts
    assert [column.name for column in scene_of(network, x[0], np.eye(3)[0]).columns] == texts
    np.testing.assert_array_equal(told[-1][1], network.forward(x))
    again = responses(network, np.zeros_like(x))  # arrays of their own
    np.testing.assert_array_equal(told[-1][1], network.forward(x))
    assert not np.array_equal(told[0][1], again[0][1])


def test_weights_times_pixels_add_up_to_what_excites_a_unit() -> None:
    network = made("8x8-p2-5-3")
    x = case(network)
    _, maps, outputs = first_layer_maps(network, x)
    first = first_layer(network)
    assert outputs is not None
    z = maps.sum(axis=(1, 2)) + first.layer.biases
    np.testing.assert_allclose(np.maximum(z, 0), outputs, rtol=1e-5)


def test_maps_of_a_convolution_are_its_channels() -> None:
    network = made("8x8-4c3-p2-3")
    x = case(network)
    name, maps, outputs = first_layer_maps(network, x)
    assert outputs is None
    text, values = responses(network, x)[1]
    assert name == text
    assert maps.shape == (4, 3, 3)
    np.testing.assert_array_equal(maps[2], values[0, :, :, 2])
