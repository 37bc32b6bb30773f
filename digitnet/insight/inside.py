"""What is inside a network: the first layer's weights as pictures, what each layer makes of a case,
and, for `look`, network and case as columns of units with what each gives those above it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import isqrt

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from digitnet.engine.arrays import Array, Shape
from digitnet.engine.layers import Dense, Dropout, Layer, Weighted
from digitnet.engine.network import Committee, Network
from digitnet.engine.pictures import Convolution, Flatten
from digitnet.insight.why import Pass, backpropagate

MIN_SIDE = 4  # of a picture: flat inputs that would make a smaller square are shown as a table


@dataclass(frozen=True)
class FirstLayer:
    """The first layer with weights, prepared for display."""

    layer: Dense | Convolution
    picture_shape: Shape  # of the layer's input before flattening
    weights: Array  # (units, rows, columns), channels side by side, or (units, inputs)
    outgoing: Array | None  # (units, answers), the weights to the output layer, if that is the next


def first_layer(network: Network) -> FirstLayer:
    """The first layer of a network. Raises ValueError for a committee, which has several."""
    if network.is_committee:
        raise ValueError("a committee has no weights of its own: load one of its members")
    layer, *above = [la for la in network.layers if isinstance(la, Dense | Convolution)]
    is_dense, shape = isinstance(layer, Dense), layer.input_shape
    if is_dense and (flat := [la for la in network.layers if isinstance(la, Flatten)]):
        shape = flat[0].input_shape
    kernel = (layer.kernel, layer.kernel, shape[-1]) if isinstance(layer, Convolution) else shape
    outgoing = above[0].weights if is_dense and len(above) == 1 else None
    return FirstLayer(layer, shape, _as_pictures(layer.weights.T, kernel), outgoing)


def _as_pictures(rows: Array, shape: Shape) -> Array:
    """(count, values) as (count, rows, columns), channels side by side; as they are if flat."""
    if len(shape) == 1:
        side = isqrt(shape[0])
        if side < MIN_SIDE or side * side != shape[0]:
            return rows
        shape = (side, side, 1)
    height, width, channels = shape
    by_channel = rows.reshape(-1, height, width, channels).transpose(0, 1, 3, 2)
    return by_channel.reshape(-1, height, channels * width)


def first_layer_maps(network: Network, x: Array) -> tuple[str, Array, Array | None]:
    """The response to one case x (1, inputs) of the first layer with those above it that have no
    weights: their names, a picture per unit, and the units' outputs.

    For a convolution: the feature maps (channels, rows, columns), and None. For a dense layer: the
    products of weights and pixels (units, rows, columns), which with the bias add up to z, and the
    outputs (units,).
    """
    first, ((_, below), (name, a), *_) = first_layer(network), responses(network, x)
    if isinstance(first.layer, Convolution):
        return name, a[0].transpose(2, 0, 1), None
    pixels = _as_pictures(below.reshape(1, -1), first.picture_shape)
    return name, first.weights * pixels, a[0]


@dataclass(frozen=True)
class Column:
    """The inputs, or a layer with weights together with the layers above it that have none."""

    name: str  # in the network's shape; empty for the inputs
    values: Array  # a = f(z), (units,), or feature maps (rows, columns, units)
    signal: Array = field(default_factory=lambda: np.empty(0))  # δ = dC/dz, if it can be trained
    # z = Σ inputs · weights + b, (fan-in,), (fan-in, units); of a convolution, over all places
    inputs: Array = field(default_factory=lambda: np.empty(0))
    weights: Array = field(default_factory=lambda: np.empty(0))
    gradient: Array = field(default_factory=lambda: np.empty(0))  # dC/dw
    below: int = 0  # the number of units these inputs come from
    first: int = 0  # the number of its first unit
    number: int = 1  # of its layer with weights, the first layer of the network being 1

    @property
    def count(self) -> int:
        return int(self.values.shape[-1])

    def links(self, units: Sequence[int], kind: str = "forward") -> Array:
        """What there is between each unit below and each of these units, (units below, units).

        `forward`: what the unit below gives, Σ x w; `backward`: the error signal that comes back,
        Σ w δ; `change`: the direction in which the weights would change, −Σ dC/dw.
        """
        if not self.below:
            return np.zeros((0, len(units)))
        terms = -self.gradient[:, units] if kind == "change" else self.weights[:, units]
        if kind == "forward":
            terms = self.inputs[:, np.newaxis] * terms
        elif kind == "backward":
            terms = terms * numbers_of(self.signal)[units]
        sums: Array = terms.reshape(-1, self.below, len(units)).sum(axis=0)
        return sums


def numbers_of(values: Array) -> Array:
    """One number for each unit: its value; for a feature map, the one furthest from zero."""
    if values.ndim == 1:
        return values
    places = values.reshape(-1, values.shape[-1])
    furthest: Array = places[np.abs(places).argmax(axis=0), np.arange(places.shape[1])]
    return furthest


@dataclass(frozen=True)
class Scene:
    """The columns for one case, inputs first; the rest is as in `Backpropagation`."""

    columns: list[Column]
    y: Array
    cost: float
    answered: Array

    @property
    def outputs(self) -> Array:
        return self.columns[-1].values

    @property
    def has_signal(self) -> bool:
        """Whether there is a way back; a committee has none."""
        return self.columns[-1].signal.size > 0

    def chosen(self, most: Sequence[int]) -> list[list[int]]:
        """Of each column, in order, at most so many units: those that contribute most to the guess.
        From the guess down, a unit's weight is Σ |x w| times the weights of the units it goes to.
        """
        units = [_largest(self.outputs, most[-1])]
        score = (np.array(units[0]) == self.answered.argmax()).astype(float)
        for column, above, limit in zip(
            self.columns[-2::-1], self.columns[:0:-1], most[-2::-1], strict=True
        ):
            links = np.abs(above.links(units[0]))
            relevance = links @ score if links.size else numbers_of(column.values)
            if relevance.size != column.count:  # pixels: a picture is shown whole
                relevance = np.zeros(column.count)
            units.insert(0, _largest(relevance, limit))
            score = relevance[units[0]] / (relevance.max(initial=0.0) or 1.0)
        return units


def _largest(values: Array, most: int) -> list[int]:
    return sorted(np.argsort(-values, kind="stable")[:most].tolist())


def scene_of(network: Network, x: Array, y: Array) -> Scene:
    last = network.layers[-1]
    if isinstance(last, Committee):
        return _committee_scene(network, last, x, y)
    page = backpropagate(network, x, y)
    columns = [Column("", page.passes[0].x)]
    for number, p in enumerate(page.passes, 1):
        if isinstance(p.layer, Flatten | Dropout):  # which change nothing in answering
            continue
        if isinstance(p.layer, Weighted):
            below = columns[-1].values
            is_map = below.ndim == 3 and (len(columns) > 1 or p.z.ndim == 3)
            count, gradient = below.shape[-1] if is_map else below.size, p.gradients["weights"]
            parts = p.a, p.delta, _inputs(p), p.layer.weights, gradient, count
            columns.append(Column(p.layer.text, *parts, number=number))
        else:
            name = _joined(columns[-1].name, p.layer)
            columns[-1] = replace(columns[-1], name=name, values=p.a, signal=p.delta)
    return Scene(columns, y, page.cost, page.answered)


def _inputs(p: Pass) -> Array:
    """The inputs of a layer with weights; of a convolution, the sum of its patches."""
    if not isinstance(p.layer, Convolution):
        return p.x
    patches = sliding_window_view(p.x, (p.layer.kernel, p.layer.kernel), axis=(0, 1))
    sums: Array = patches.sum(axis=(0, 1)).transpose(1, 2, 0).ravel()
    return sums


def _committee_scene(network: Network, committee: Committee, x: Array, y: Array) -> Scene:
    """The members as units, each with its output for the committee's guess."""
    outputs = np.array(
        [
            member.forward((x * scale)[np.newaxis].astype(member.dtype))[0].astype(np.float64)
            for member, scale in committee.members
        ]
    )
    mean, count = outputs.mean(axis=0), len(outputs)
    members = Column(f"{count} members", outputs[:, mean.argmax()], first=1)
    answers = Column(
        "", mean, inputs=np.ones(count), weights=outputs / count, below=count, number=2
    )
    cost = network.cost.value(mean[np.newaxis], y[np.newaxis])
    return Scene([Column("", x), members, answers], y, cost, mean)


def responses(network: Network, x: Array) -> list[tuple[str, Array]]:
    """The name of each column of a network that is no committee, and what it makes of cases x,
    (cases, inputs).
    """
    columns = [("", x.astype(network.dtype).reshape(len(x), *network.input_shape))]
    of_layers = network.activations(columns[0][1], layers=network.layers)  # not the faster ones
    for layer, a in zip(network.layers, of_layers, strict=True):
        if isinstance(layer, Weighted):
            columns.append((layer.text, a.copy()))
        elif not isinstance(layer, Flatten | Dropout):
            columns[-1] = _joined(columns[-1][0], layer), a.copy()
    return columns


def _joined(below: str, layer: Layer) -> str:
    return f"{below}-{layer.text}".lstrip("-")
