"""Shapes: networks written as text, such as `28x28-32c5-p2-64c5-p2-150-10`.

The parts are separated by hyphens; the first is the size of a case:
    784, 28x28        numbers in a row; pictures of 28 by 28 pixels (28x28x3: three channels)
    100               a dense layer of 100 units
    32c5              a convolution: 32 channels, kernels of 5 by 5 pixels
    p2, a2            max pooling, average pooling, over windows of 2 by 2 pixels
    b                 batch normalization
    d0.5              dropout with probability 0.5
A dense layer, a convolution or a `b` may have an activation of its own: `100:tanh`.
"""

import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.arrays import Shape
from digitnet.engine.layers import ACTIVATIONS, LAYERS, BatchNorm, Dense, Layer, Weighted
from digitnet.engine.network import Network
from digitnet.engine.pictures import Flatten, Pool

MAX_PARAMETERS = 10_000_000  # trainable ones: with an optimizer's state, they still fit in a save
_INPUT = re.compile(r"[1-9]\d{0,6}(x[1-9]\d{0,3}){0,2}")


class _Part(NamedTuple):
    text: str
    layer: type[Layer]
    config: dict[str, Any]


def network_of(
    shape: str,
    *,
    hidden: str = "relu",
    output: str = "softmax",
    cost: str = "cross-entropy",
    bias: bool = True,
    initializer: str = "",
    dtype: DTypeLike = np.float32,
) -> Network:
    """Builds the network that a shape describes, with all weights zero.

    hidden, output: the activations of layers that name none. bias: whether dense layers and
    convolutions have biases. initializer: of all layers; if empty, each uses its activation's.
    Raises ValueError, naming the part.
    """
    below, parts = parse(shape)
    _assign_activations(parts, hidden, output)
    layers: list[Layer] = []
    for part in parts:
        config = dict(part.config)
        if issubclass(part.layer, Weighted):
            config = {"bias": bias, "initializer": initializer} | config
        if "number" in part.layer.options:
            config["number"] = len(layers)
        try:
            if part.layer is Dense and len(below) > 1:
                layers.append(Flatten(below, dtype=dtype))
                below = layers[-1].shape
            layers.append(part.layer(below, dtype=dtype, **config))
        except ValueError as error:
            raise ValueError(f"{part.text} in {shape}: {error}") from None
        below = layers[-1].shape
        if sum(p.value.size for layer in layers for p in layer.parameters) > MAX_PARAMETERS:
            raise ValueError(f"a network has at most {MAX_PARAMETERS:,} weights here")
    return Network(layers, cost)


def spelled_out(network: Network) -> str:
    """The shape of a network with the activation of every layer, in the syntax of `network_of`."""
    size, *texts = network.shape.split("-")
    layers = [layer for layer in network.layers if layer.text]
    for place, layer in enumerate(layers):
        activation = getattr(layer, "activation", None)
        if activation is not None:
            texts[place] += f":{activation.name}"
    return "-".join([size, *texts])


def units(shape: str) -> int:
    """The number of outputs of a shape. Raises ValueError for an invalid shape."""
    outputs: int = parse(shape)[1][-1].config["units"]
    return outputs


def parse(shape: str) -> tuple[Shape, list[_Part]]:
    """The size of a case, and the parts that follow. Raises ValueError for an invalid shape."""
    first, *texts = shape.lower().split("-")
    if not _INPUT.fullmatch(first):
        raise ValueError(f"{first or 'nothing'} is not the size of a case, such as 784 or 28x28")
    sizes = tuple(int(n) for n in first.split("x"))
    if not texts:
        raise ValueError("a shape has at least two parts, as in 784-100-10")
    parts = [_part(text) for text in texts]
    if parts[-1].layer is not Dense:
        raise ValueError("the last layer is a dense one, with a unit for each answer")
    return (*sizes, 1) if len(sizes) == 2 else sizes, parts


def _part(text: str) -> _Part:
    word, colon, activation = text.partition(":")
    spelled = [layer for layer in LAYERS.values() if layer.notation.spelling]
    matches = [(layer, re.fullmatch(layer.pattern(), word)) for layer in spelled]
    layer, match = next((pair for pair in matches if pair[1]), (Dense, None))
    if match is None:
        examples = ", ".join(layer.notation.example for layer in spelled)
        raise ValueError(f"{text or 'an empty part'} is not a layer: {examples}")
    texts = match.groupdict().items()
    config: dict[str, Any] = {name: layer.options[name](value) for name, value in texts}
    if colon:
        if "activation" not in layer.options or activation not in ACTIVATIONS:
            raise ValueError(f"{text}: an activation is one of {', '.join(ACTIVATIONS)}")
        config["activation"] = activation
    return _Part(text, layer, config)


def _assign_activations(parts: list[_Part], hidden: str, output: str) -> None:
    """A layer below batch normalization becomes linear and passes its activation on to it, also
    over a pooling layer: `32c5-p2-b` convolves, pools, normalizes and then activates.
    """
    for place, part in enumerate(parts):
        if "activation" not in part.layer.options:
            continue
        above = next((p for p in parts[place + 1 :] if not issubclass(p.layer, Pool)), None)
        if above and above.layer is BatchNorm and part.layer is not BatchNorm:
            if "activation" in part.config:
                above.config.setdefault("activation", part.config["activation"])
            part.config.update(activation="linear", bias=False)
        part.config.setdefault("activation", output if above is None else hidden)
