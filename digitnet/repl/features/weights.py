from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult

from digitnet.engine.arrays import Array, Feeder, answers_of
from digitnet.insight.inside import FirstLayer, first_layer, first_layer_maps
from digitnet.registry.model import Model
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.features.check import case_number
from digitnet.repl.pictures.digit import gallery, legend, lines_of
from digitnet.repl.pictures.tables import counted
from digitnet.repl.pictures.units import by_size, framed_units, unit, weights_table
from digitnet.repl.session import Session


@dataclass(frozen=True)
class WeightsResult:
    """The weights of the first layer. order: the units in the order they are shown."""

    first: "FirstLayer"
    order: list[int]

    def as_json(self) -> dict[str, Any]:
        """The layer, its weights by unit, and its biases."""
        return _layer(self.first) | {
            "weights": self.first.weights.tolist(),
            "biases": _biases(self.first),
        }

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        weights = self.first.weights
        if weights.ndim == 2:
            yield f"{_title(self.first)}: weights into each unit"
            yield weights_table(weights, self.first.layer.biases)
            return
        lines = lines_of(console)
        weights = weights[self.order]
        shown = framed_units(self.order, weights, console, options, lines=lines, common=False)
        is_dense = self.first.layer.kind == "dense"
        what = "weights into each unit, largest first" if is_dense else "kernels"
        yield f"{_title(self.first)}: {what}"
        yield legend(console, options)
        yield gallery(shown, options)
        if len(shown) < len(self.order):
            yield f"{len(shown):,} of {len(self.order):,} are shown; w UNIT shows one"


@dataclass(frozen=True)
class UnitResult:
    """One unit of the first layer."""

    first: "FirstLayer"
    unit: int

    def as_json(self) -> dict[str, Any]:
        """The layer, the unit's weights and bias, and its weights to the answers."""
        outgoing, biases = self.first.outgoing, _biases(self.first)
        return _layer(self.first) | {
            "unit": self.unit,
            "weights": self.first.weights[self.unit].tolist(),
            "bias": None if biases is None else biases[self.unit],
            "outgoing": None if outgoing is None else outgoing[self.unit].tolist(),
        }

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        weights, biases = self.first.weights[self.unit], self.first.layer.biases
        noun = "unit" if self.first.layer.kind == "dense" else "channel"
        yield f"{_title(self.first)}: weights into {noun} {self.unit}"
        if weights.ndim == 1:
            some = slice(self.unit, self.unit + 1)
            alone = None if biases is None else biases[some]
            yield weights_table(self.first.weights[some], alone, first=self.unit)
            return
        yield legend(console, options)
        bias = None if biases is None else float(biases[self.unit])
        outgoing = None if self.first.outgoing is None else self.first.outgoing[self.unit]
        yield unit(weights, bias, outgoing, console, options)


@dataclass(frozen=True)
class MapsResult:
    """The first layer's response to a case.

    maps: (units, rows, columns): the feature maps of a convolution, or each dense unit's weights
    times the pixels. outputs: of the units of a dense layer; None for a convolution, whose outputs
    are the maps.
    """

    first: "FirstLayer"
    set: str
    index: int
    answer: int
    order: list[int]
    maps: "Array"
    outputs: list[float] | None

    def as_json(self) -> dict[str, Any]:
        """The layer, the case, and the maps and outputs by unit."""
        return _layer(self.first) | {
            "set": self.set,
            "index": self.index,
            "answer": self.answer,
            "maps": self.maps.tolist(),
            "outputs": self.outputs,
        }

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield f"case {self.index:,} of the {self.set} set, a {self.answer}"
        what = "feature maps, largest first"
        if self.outputs is not None:
            what = "weights times pixels, largest outputs first"
        yield f"{_title(self.first)}: {what}"
        if (self.maps < 0).any():
            yield legend(console, options)
        lines, maps = lines_of(console), self.maps[self.order]
        shown = framed_units(self.order, maps, console, options, lines=lines, common=True)
        yield gallery(shown, options)
        if len(shown) < len(self.order):
            yield f"{len(shown):,} of {len(self.order):,} are shown"


@command(
    "w",
    "weights",
    group="Asking",
    examples={
        "w": "the first layer's weights, or its kernels",
        "w case 17": "the first layer's response to test case 17",
        "w 3": "unit 3, with its weights to the answers",
    },
    is_picture=True,
)
def weights(
    session: Session,
    unit: Annotated[int | str | None, kinds.UNIT] = None,
    index: Annotated[int | None, kinds.INDEX] = None,
) -> WeightsResult | UnitResult | MapsResult:
    """Show the weights of the first layer as pictures, or its response to a test case.

    The weights of a dense unit form a picture of what it responds to: a bright pixel excites it
    where the weight is above zero, and inhibits it where it is below. For a convolution, the
    kernels are shown. Each picture has its own scale.

    w case shows the feature maps of a convolution for a test case, random or with that number. For
    a dense layer it shows the weights times the pixels; their sum, plus the bias, is the unit's z.
    """
    model = session.network()
    try:
        first = first_layer(model.trainer.answering())
    except ValueError as error:
        raise CommandError(str(error)) from None
    if not np.isfinite(first.weights).all():
        raise CommandError("the weights are not numbers: undo brings an earlier version back")
    count = len(first.weights)
    if unit == "case":
        return _maps(session, model, first, index)
    if index is not None:
        raise CommandError("w: a unit is shown without a case. Example: w case 17")
    if unit is None:
        with np.errstate(over="ignore"):  # huge weights overflow
            sizes = np.square(first.weights).reshape(count, -1).sum(axis=1)
        in_order = first.layer.kind == "convolution" or first.weights.ndim == 2
        return WeightsResult(first, list(range(count)) if in_order else by_size(sizes))
    if int(unit) >= count:
        raise CommandError(
            f"there is no unit {unit:,}: those of the first layer are numbered 0 to {count - 1:,}"
        )
    return UnitResult(first, int(unit))


def _maps(session: Session, model: "Model", first: "FirstLayer", index: int | None) -> MapsResult:
    """The result of `w case`."""
    data = session.data_for(model)
    if first.weights.ndim == 2:
        raise CommandError("w case needs cases that are pictures; c INDEX layers shows the units")
    index = case_number(session, data, index)
    x, y = Feeder(data.test, 1, model.network.dtype).batch(np.array([index]))
    maps, outputs = first_layer_maps(model.trainer.answering(), x)
    return MapsResult(
        first,
        f"{data.name} test",
        index,
        int(answers_of(y)[0]),
        by_size(maps.sum(axis=(1, 2)) if outputs is None else outputs),
        maps,
        None if outputs is None else outputs.tolist(),
    )


def _layer(first: "FirstLayer") -> dict[str, Any]:
    """The layer's kind and number of units, as JSON fields."""
    return {"layer": first.layer.kind, "units": len(first.weights)}


def _biases(first: "FirstLayer") -> list[float] | None:
    return None if first.layer.biases is None else first.layer.biases.tolist()


def _title(first: "FirstLayer") -> str:
    """`first layer (256 units, relu)`."""
    noun = "channel" if first.layer.kind == "convolution" else "unit"
    return f"first layer ({counted(len(first.weights), noun)}, {first.layer.activation.name})"
