"""Shapes: what a line says a network is, and how a wrong one is explained."""

import pytest

from digitnet.engine.shapes import network_of


@pytest.mark.parametrize(
    ("text", "shapes"),
    {
        "784-10": [(10,)],
        "784-100-10": [(100,), (10,)],
        "28x28-32c5-p2-64c5-p2-150-10": [
            (24, 24, 32),
            (12, 12, 32),
            (8, 8, 64),
            (4, 4, 64),
            (1024,),
            (150,),
            (10,),
        ],
        "28x28x3-a2-5": [(14, 14, 3), (588,), (5,)],
        "28x28-8c3-b-d0.5-10": [(26, 26, 8), (26, 26, 8), (26, 26, 8), (5408,), (10,)],
    }.items(),
)
def test_a_shape_says_what_each_layer_makes(text: str, shapes: list[tuple[int, ...]]) -> None:
    network = network_of(text)
    assert [layer.shape for layer in network.layers] == shapes
    assert network.shape == text.replace("28x28x1", "28x28")


def test_activations_are_the_hidden_one_the_output_one_or_ones_own() -> None:
    network = network_of("28x28-4c3:tanh-p2-8-6:linear-10", hidden="sigmoid", output="softmax")
    found = [layer.activation.name for layer in network.layers if hasattr(layer, "activation")]
    assert found == ["tanh", "sigmoid", "linear", "softmax"]


@pytest.mark.parametrize(
    ("shape", "activation"),
    [("28x28-4c3-b-10", "relu"), ("28x28-4c3:tanh-b-10", "tanh"), ("28x28-4c3-p2-b-10", "relu")],
)
def test_batch_normalisation_stands_between_the_sum_and_its_activation(
    shape: str, activation: str
) -> None:
    network = network_of(shape)
    conv = network.layers[0].config()
    assert (conv["activation"], conv["bias"]) == ("linear", False)
    assert network.batch_norms[0].config()["activation"] == activation


@pytest.mark.parametrize(
    ("text", "reason"),
    {
        "": "not the size of a case",
        "784": "at least two parts",
        "0-10": "0 is not the size of a case",
        "784-": "an empty part is not a layer",
        "784-x-10": "x is not a layer",
        "784-0-10": "0 is not a layer",
        "784-32c5-10": "32c5 in 784-32c5-10: a convolution needs pictures",
        "784-p2-10": "p2 in 784-p2-10: pooling needs pictures",
        "28x28-32c5-p2-64c5-p2-64c5-10": "a 5x5 kernel does not fit pictures of 4x4",
        "28x28-32c5-p30-10": "windows of 30x30 do not fit pictures of 24x24",
        "300x300-p257-10": "windows of 257x257 are too large",
        "28x28-32c5": "the last layer is a dense one",
        "784-10-b": "the last layer is a dense one",
        "784-100:softmax-10": "is for the last layer",
        "784-100:magic-10": "an activation is one of",
        "784-p2:relu-10": "an activation is one of",
        "784-d1-10": "d1 is not a layer",
        "784-9999999-10": "at most",
        "28x28-9999c5-9999c5-10": "at most",
        "28x28-" + "1c1-" * 70 + "10": "at most 60 layers",
    }.items(),
)
def test_a_wrong_shape_is_explained(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        network_of(text)
    assert reason in str(caught.value)
