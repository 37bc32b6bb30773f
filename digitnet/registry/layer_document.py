"""The part of the save schema that describes a network: converts it to a document and back."""

from math import prod
from typing import Any

from digitnet.engine.activations import ACTIVATIONS
from digitnet.engine.costs import COSTS
from digitnet.engine.layers import LAYERS, Committee, Dropout, Layer
from digitnet.engine.network import Network
from digitnet.engine.types import Shape
from digitnet.registry.codec import Document
from digitnet.registry.errors import DamagedSave
from digitnet.registry.fields import DTYPES, Fields, array_document

MAX_UNITS = 1 << 20
"""Maximum number of units, channels or pixels."""

CONFIGS: dict[str, dict[str, type]] = {
    "dense": {"units": int, "activation": str, "bias": bool},
    "convolution": {"channels": int, "kernel": int, "activation": str, "bias": bool},
    "max_pool": {"size": int},
    "average_pool": {"size": int},
    "batch_norm": {"activation": str},
    "dropout": {"probability": float, "number": int},
    "flatten": {},
}
"""Kind of layer → the names and types of its options."""


def network_document(network: Network) -> Document:
    """The input shape, dtype, cost and layers of a network."""
    return {
        "input_shape": list(network.input_shape),
        "dtype": network.dtype.newbyteorder("<").str,
        "cost": network.cost_name,
        "layers": [
            _layer_document(layer)
            for layer in network.layers
            if not (isinstance(layer, Dropout) and layer.from_setting)
        ],
    }


def _layer_document(layer: Layer) -> Document:
    """The kind, options and arrays of a layer."""
    if isinstance(layer, Committee):
        members = [network_document(m) | {"scale": scale} for m, scale in layer.members]
        return {"kind": layer.kind, "members": members}
    config = layer.config()
    return {
        "kind": layer.kind,
        "config": {name: config[name] for name in CONFIGS[layer.kind]},
        "parameters": {p.name: array_document(p.value) for p in layer.parameters},
        "statistics": {name: array_document(s) for name, s in layer.statistics.items()},
    }


def read_network(fields: Fields, *, in_committee: bool = False) -> Network:
    """Builds the network in a document.

    Raises DamagedSave for anything that `network_document` does not write.
    """
    documents = fields.inners("layers")
    if not documents:
        raise fields.bad("layers", "is empty")
    if documents[0].has("activation"):  # format 1, which had only dense layers
        below = documents[0].peek_shape("weights")[:1]
        dtype = documents[0].peek_dtype("weights")
    else:
        below, dtype = _input_shape(fields), DTYPES[fields.text("dtype", DTYPES)]
    layers: list[Layer] = []
    for document in documents:
        layers.append(_read_layer(document, below, dtype, in_committee=in_committee))
        below = layers[-1].shape
    try:
        return Network(layers, fields.text("cost", COSTS))
    except ValueError as error:
        raise DamagedSave(f"its network is not valid: {error}") from None


def _input_shape(fields: Fields) -> Shape:
    """The shape of a case: (numbers,) or (height, width, channels)."""
    sizes = fields.wholes("input_shape", 1, MAX_UNITS)
    if len(sizes) not in (1, 3) or prod(sizes) > MAX_UNITS:
        raise fields.bad("input_shape", "is no shape of a case")
    return tuple(sizes)


def _read_layer(fields: Fields, below: Shape, dtype: Any, *, in_committee: bool) -> Layer:
    """Builds one layer. below: the output shape of the layer before.

    A crafted document cannot make this allocate much: the new layer consists of zeros, which take
    no memory until they are written to, and its arrays are checked before that.
    """
    kind = fields.text("kind", LAYERS)
    if kind == Committee.kind:
        return _read_committee(fields, below, in_committee=in_committee)
    if fields.has("activation"):
        config, parameters, statistics = _format_1(fields)
    else:
        config = _config(fields.inner("config"), kind)
        parameters, statistics = fields.inner("parameters"), fields.inner("statistics")
    fields.end()
    try:
        layer = LAYERS[kind](below, dtype=dtype, **config)
    except ValueError as error:
        raise DamagedSave(f"its network is not valid: {error}") from None
    for p in layer.parameters:
        p.value[...] = parameters.array(p.name, p.value.shape, dtype)
    for name, array in layer.statistics.items():
        array[...] = statistics.array(name, array.shape, dtype)
        if name == "variance" and (array < 0).any():
            raise statistics.bad(name, "is below zero")
    parameters.end()
    statistics.end()
    return layer


def _config(fields: Fields, kind: str) -> dict[str, Any]:
    """The options of a layer."""
    config: dict[str, Any] = {}
    for name, of in CONFIGS[kind].items():
        if of is int:
            config[name] = fields.whole(name, 0 if name == "number" else 1, MAX_UNITS)
        elif of is bool:
            config[name] = fields.boolean(name)
        elif of is str:
            config[name] = fields.text(name, ACTIVATIONS)
        else:
            config[name] = fields.fraction(name)
    fields.end()
    return config


def _format_1(fields: Fields) -> tuple[dict[str, Any], Fields, Fields]:
    """The options, parameters and (no) statistics of a dense layer in format 1."""
    activation = fields.text("activation", ACTIVATIONS)
    units = fields.peek_shape("weights")[-1]
    bias = fields.maybe("biases")
    config = {"units": units, "activation": activation, "bias": bias}
    names = ["weights", "biases"] if bias else ["weights"]
    return config, fields.split(names), fields.split([])


def _read_committee(fields: Fields, below: Shape, *, in_committee: bool) -> Committee:
    """Builds a committee, whose members must not be committees."""
    if in_committee:
        raise fields.bad("members", "has a committee in a committee")
    members = []
    for member in fields.inners("members"):
        scale = member.real("scale")
        if not 0 < scale <= MAX_UNITS:
            raise member.bad("scale", "is out of bounds")
        members.append((read_network(member, in_committee=True), scale))
        member.end()
    fields.end()
    try:
        return Committee(below, members=members)
    except ValueError as error:
        raise DamagedSave(f"its network is not valid: {error}") from None
