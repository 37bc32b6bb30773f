"""`w` shows the weights of the first layer, and what it makes of a case."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import RenderResult
from rich.text import Text

from digitnet.engine.arrays import Array, Feeder
from digitnet.insight.inside import FirstLayer, first_layer, first_layer_maps
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.features.check import Case, single
from digitnet.repl.pictures import View
from digitnet.repl.pictures.digit import (
    AROUND,
    by_size,
    framed_units,
    gallery,
    legend,
    pixels,
    side_by_side,
    weights_table,
)
from digitnet.repl.pictures.tables import counted, with_article
from digitnet.repl.result import Merged, Record, ScreenOnly
from digitnet.repl.session import Session

LARGE = 28  # approximate width of a unit shown alone


@dataclass(frozen=True)
class LayerResult(Record):
    """What is shown of the first layer. member: see `single`."""

    first: ScreenOnly[FirstLayer]
    member: ScreenOnly[str]

    def as_json(self) -> dict[str, Any]:
        fields = {"layer": self.first.layer.kind, "units": len(self.first.weights)}
        return fields | ({"member": self.member} if self.member else {}) | super().as_json()

    def title(self, what: str) -> str:
        """`first layer (256 units, relu): weights`."""
        noun = "channel" if self.first.layer.kind == "convolution" else "unit"
        units = counted(len(self.first.weights), noun)
        by = f"\n{self.member}" if self.member else ""
        return f"first layer ({units}, {self.first.layer.activation.name}): {what}{by}"

    def units(self, order: list[int], pictures: Array, view: View, *, common: bool) -> RenderResult:
        """As many units as fit, in this order. common: whether all have the same scale."""
        if (pictures < 0).any():
            yield legend(view)
        lines = view.height - AROUND
        shown = framed_units(order, pictures[order], view, lines=lines, common=common)
        yield gallery(shown, view)
        if len(shown) < len(order):
            yield f"{len(shown):,} of {len(order):,} are shown; w UNIT shows one"


@dataclass(frozen=True)
class WeightsResult(LayerResult):
    """The weights of the first layer. order: the units in the order they are shown."""

    order: ScreenOnly[list[int]]

    def as_json(self) -> dict[str, Any]:
        weights, biases = self.first.weights.tolist(), self.first.layer.biases
        listed = None if biases is None else biases.tolist()
        return super().as_json() | {"weights": weights, "biases": listed}

    def drawn(self, view: View) -> RenderResult:
        weights = self.first.weights
        if weights.ndim == 2:
            yield self.title("weights into each unit")
            yield weights_table(weights, self.first.layer.biases)
            return
        is_dense = self.first.layer.kind == "dense"
        yield self.title("weights into each unit, largest first" if is_dense else "kernels")
        yield from self.units(self.order, weights, view, common=False)


@dataclass(frozen=True)
class UnitResult(LayerResult):
    """One unit of the first layer."""

    unit: int

    def as_json(self) -> dict[str, Any]:
        numbers = {
            "weights": self.first.weights,
            "bias": self.first.layer.biases,
            "outgoing": self.first.outgoing,
        }
        listed = {k: None if v is None else v[self.unit].tolist() for k, v in numbers.items()}
        return super().as_json() | listed

    def drawn(self, view: View) -> RenderResult:
        weights, biases = self.first.weights[self.unit], self.first.layer.biases
        noun = "unit" if self.first.layer.kind == "dense" else "channel"
        yield self.title(f"weights into {noun} {self.unit}")
        if weights.ndim == 1:
            alone = None if biases is None else biases[self.unit : self.unit + 1]
            yield weights_table(weights[None], alone, first=self.unit)
            return
        yield legend(view)
        times = LARGE // weights.shape[1] // 2 * 2 or 1  # even: two rows make a line
        enlarged = weights.repeat(times, axis=0).repeat(times, axis=1)
        picture = pixels(enlarged, view, signed=True)
        lines = [f"weights {weights.min():.3g} to {weights.max():.3g}"]
        if biases is not None:
            lines.append(f"bias {biases[self.unit]:.3g}")
        outgoing = None if self.first.outgoing is None else self.first.outgoing[self.unit]
        if outgoing is not None and len(outgoing) > 1:
            lines += ["", "weights to the answers:"]
            lines += [f"{answer} {weight:z6.2f}" for answer, weight in enumerate(outgoing)]
        beside, width = Text("\n".join(lines)), enlarged.shape[1] + 3 + 24
        yield side_by_side(picture, beside, view.width, width)


@dataclass(frozen=True)
class MapsResult(LayerResult):
    """The first layer's response to a case.

    maps: (units, rows, columns): the feature maps of a convolution, or each dense unit's weights
    times the pixels. outputs: of the units of a dense layer; None for a convolution, whose outputs
    are the maps.
    """

    case: Merged[Case]
    maps: Array
    outputs: Array | None

    def drawn(self, view: View) -> RenderResult:
        yield f"{self.case}, {with_article(self.case.answer)}"
        is_dense = self.outputs is not None
        what = "weights times pixels, largest outputs" if is_dense else "feature maps, largest"
        yield self.title(f"{what} first")
        order = by_size(self.maps.sum(axis=(1, 2)) if self.outputs is None else self.outputs)
        yield from self.units(order, self.maps, view, common=True)


@command("w", "weights", group="Asking", rank=8, is_picture=True)
def weights(
    session: Session, unit: kinds.UNIT = None, index: kinds.INDEX = None
) -> WeightsResult | UnitResult | MapsResult:
    """Show the weights of the first layer as pictures, or its response to a test case.

    The weights of a dense unit form a picture of what it responds to: a bright pixel excites it
    where the weight is above zero, and inhibits it where it is below. For a convolution, the
    kernels are shown. Each picture has its own scale.

    w case shows the feature maps of a convolution for a test case, random or with that number. For
    a dense layer it shows the weights times the pixels; their sum, plus the bias, is the unit's z.
    Of a committee, the first member is shown.

    w: the first layer's weights, or its kernels
    w case 17: the first layer's response to test case 17
    w 3: unit 3, with its weights to the answers
    """
    model, member = single(session)
    first = first_layer(model.trainer.answering())
    if not np.isfinite(first.weights).all():
        raise CommandError("the weights are not numbers: undo brings an earlier version back")
    count = len(first.weights)
    if unit == "case":
        data = session.data_for(model)
        if first.weights.ndim == 2:
            raise CommandError(
                "w case needs cases that are pictures; c INDEX layers shows the units"
            )
        case = Case.of(session, data, index)
        x, _ = Feeder(data.test, 1, model.network.dtype).batch(np.array([case.index]))
        return MapsResult(first, member, case, *first_layer_maps(model.trainer.answering(), x))
    if index is not None:
        raise CommandError("w: a unit is shown without a case. Example: w case 17")
    if unit is None:
        sizes = np.square(first.weights).reshape(count, -1).sum(axis=1)
        in_order = first.layer.kind == "convolution" or first.weights.ndim == 2
        return WeightsResult(first, member, list(range(count)) if in_order else by_size(sizes))
    if int(unit) >= count:
        raise CommandError(
            f"there is no unit {unit:,}: those of the first layer are numbered 0 to {count - 1:,}"
        )
    return UnitResult(first, member, int(unit))
