"""Weights that other programs wrote: the matrices and biases of a dense network, without more."""

import re
from collections.abc import Iterator
from itertools import pairwise, permutations
from typing import Any

from digitnet.engine.arrays import Array
from digitnet.engine.network import Network, usual_cost
from digitnet.engine.report import Report
from digitnet.engine.shapes import network_of
from digitnet.registry.codec import Document, Fields
from digitnet.registry.files import DamagedSave, RegistryError

MAX_ORDERS = 6
"""Up to so many layers, any order is tried in which their shapes fit together."""

Layers = list[tuple[str, Array, Array | None]]
"""The name, the weights (inputs, outputs) and the biases of each layer, first layer first."""


class ActivationNeeded(RegistryError):
    """The file does not tell the activation of the hidden units, and it was not given."""


def network_of_weights(arrays: dict[str, Document], activation: str, report: Report) -> Network:
    """The dense network of a state dict of PyTorch, or of matrices of Keras or scikit-learn.

    activation: of the hidden units. report: called with a sentence on how the file was understood.
    Raises DamagedSave, with the reason; ActivationNeeded if there are hidden units without it.
    """
    layers, is_transposed = _in_order(_paired(arrays))
    sizes = [len(layers[0][1]), *(weights.shape[1] for _, weights, _ in layers)]
    if len(layers) > 1 and not activation:
        raise ActivationNeeded("the file does not say which activation the hidden units have")
    output = "softmax" if sizes[-1] > 1 else "sigmoid"
    try:
        network = network_of(
            "-".join(map(str, sizes)),
            hidden=activation or "linear",
            output=output,
            cost=usual_cost(output),
            bias=layers[0][2] is not None,
            dtype=layers[0][1].dtype,
        )
    except ValueError as error:
        raise DamagedSave(f"its network is not valid: {error}") from None
    for layer, (_, weights, biases) in zip(network.layers, layers, strict=True):
        for parameter, value in zip(layer.parameters, (weights, biases), strict=False):
            parameter.value[...] = value
    names = ", ".join(f"{name} {w.shape[0]} x {w.shape[1]}" for name, w, _ in layers)
    report(
        f"Understood as weights (inputs x outputs{', transposed' * is_transposed}): {names}. "
        f"Taken to be: {output} outputs{f', {activation} hidden units' * (len(layers) > 1)}, "
        "pixels from 0 to 1."
    )
    return network


def _paired(documents: dict[str, Document]) -> Layers:
    """Each matrix with its biases: that of the same name but for its end, else by their order."""
    fields = Fields(documents, "file")
    named = {name: fields.array(name) for name in sorted(documents, key=_natural)}
    odd = [name for name, array in named.items() if array.ndim > 2 or not array.size]
    if odd:
        raise DamagedSave(f"{odd[0]!r} belongs to no dense layer, and only these are read")
    matrices = {name: array for name, array in named.items() if array.ndim == 2}
    vectors = {name: array for name, array in named.items() if array.ndim == 1}
    if not matrices:
        raise DamagedSave("it has no description of a network, and no matrices of weights")
    if len({array.dtype for array in named.values()}) > 1:
        raise DamagedSave("its arrays have two precisions")
    if vectors and len(vectors) != len(matrices):
        raise DamagedSave(
            f"it has {len(matrices)} matrices and {len(vectors)} vectors: not the weights and "
            "biases of dense layers"
        )
    by_stem = {name.rpartition(".")[0]: vector for name, vector in vectors.items()}
    in_order: list[Array | None] = [*vectors.values()] or [None] * len(matrices)
    return [
        (name, matrix, by_stem.get(name.rpartition(".")[0] or "-", vector))
        for (name, matrix), vector in zip(matrices.items(), in_order, strict=True)
    ]


def _natural(name: str) -> list[Any]:
    """Sorts `arr_2` before `arr_10`."""
    return [(not p.isdecimal(), int(p) if p.isdecimal() else p) for p in re.split(r"(\d+)", name)]


def _in_order(layers: Layers) -> tuple[Layers, bool]:
    """The layers in an order in which they fit together, and whether they had to be transposed.

    PyTorch's `fc1.weight` is (outputs, inputs); the matrices of others are (inputs, outputs).
    """
    is_torch = all(name.endswith(".weight") for name, *_ in layers)
    for order in _orders(layers):
        for is_transposed in (is_torch, not is_torch):
            turned = [(name, w.T if is_transposed else w, b) for name, w, b in order]
            chain = all(a.shape[1] == len(b) for (_, a, _), (_, b, _) in pairwise(turned))
            if chain and all(b is None or len(b) == w.shape[1] for _, w, b in turned):
                return turned, is_transposed
    shapes = ", ".join(f"{name} {w.shape[0]} x {w.shape[1]}" for name, w, _ in layers[:MAX_ORDERS])
    raise DamagedSave(f"its matrices do not fit together as layers: {shapes}")


def _orders(layers: Layers) -> Iterator[Layers]:
    yield layers
    if len(layers) <= MAX_ORDERS:
        yield from map(list, permutations(layers))
