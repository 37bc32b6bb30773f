"""`look`: a network and a case as columns of units, and what each unit gives those above it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from digitnet.engine.arrays import Array
from digitnet.engine.layers import Weighted
from digitnet.engine.network import Committee, Network
from digitnet.engine.pictures import Convolution, Flatten
from digitnet.insight.why import Pass, backpropagate


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
    """The columns for one case, inputs first; its target y, and its cost."""

    columns: list[Column]
    y: Array
    cost: float

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
        guess, last = int(self.outputs.argmax()), len(self.columns) - 1
        score = (np.arange(self.outputs.size) == guess).astype(float)
        units = [sorted(_largest(self.outputs, most[last]))]
        score = score[units[0]]
        for column, above, limit in zip(
            self.columns[-2::-1], self.columns[:0:-1], most[-2::-1], strict=True
        ):
            links = np.abs(above.links(units[0]))
            relevance = links @ score if links.size else numbers_of(column.values)
            if relevance.size != column.count:  # pixels: a picture is shown whole
                relevance = np.zeros(column.count)
            units.insert(0, sorted(_largest(relevance, limit)))
            score = relevance[units[0]] / (relevance.max(initial=0.0) or 1.0)
        return units


def _largest(values: Array, most: int) -> list[int]:
    return [int(unit) for unit in np.argsort(-values, kind="stable")[:most]]


def scene_of(network: Network, x: Array, y: Array) -> Scene:
    last = network.layers[-1]
    if isinstance(last, Committee):
        return _committee_scene(network, last, x, y)
    page = backpropagate(network, x, y)
    columns = [Column("", page.passes[0].x)]
    for p in page.passes:
        if isinstance(p.layer, Flatten):
            continue
        if isinstance(p.layer, Weighted):
            below = columns[-1].values
            is_map = below.ndim == 3 and (len(columns) > 1 or p.z.ndim == 3)
            count, gradient = below.shape[-1] if is_map else below.size, p.gradients["weights"]
            parts = p.a, p.delta, _inputs(p), p.layer.weights, gradient, count
            columns.append(Column(p.layer.text, *parts))
        else:
            name = "-".join(name for name in (columns[-1].name, p.layer.text) if name)
            columns[-1] = replace(columns[-1], name=name, values=p.a, signal=p.delta)
    return Scene(columns, y, page.cost)


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
    members = Column(f"{count} members", outputs[:, mean.argmax()])
    answers = Column("", mean, inputs=np.ones(count), weights=outputs / count, below=count)
    cost = network.cost.value(mean[np.newaxis], y[np.newaxis])
    return Scene([Column("", x), members, answers], y, cost)


def responses(network: Network, x: Array) -> list[Array]:
    """What each column, of a network that is no committee, makes of cases x, (cases, inputs)."""
    columns = [x.astype(network.dtype).reshape(len(x), *network.input_shape)]
    for layer in network.layers:
        a = layer.forward(columns[-1].reshape(len(x), *layer.input_shape)).copy()
        if isinstance(layer, Weighted):
            columns.append(a)
        elif not isinstance(layer, Flatten):
            columns[-1] = a
    return columns
