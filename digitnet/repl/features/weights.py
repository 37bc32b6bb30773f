"""`w` shows the weights of the first layer, and what it makes of a case."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from rich.console import RenderableType
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
from digitnet.repl.result import Said
from digitnet.repl.session import Session

LARGE = 28  # approximate width of a unit shown alone


def _about(first: FirstLayer, member: str) -> dict[str, Any]:
    """What the JSON says of the first layer. member: see `single`."""
    fields = {"layer": first.layer.kind, "units": len(first.weights)}
    return fields | ({"member": member} if member else {})


def _title(first: FirstLayer, member: str, what: str) -> str:
    """`first layer (256 units, relu): weights`."""
    noun = "channel" if first.layer.kind == "convolution" else "unit"
    units = counted(len(first.weights), noun)
    by = f"\n{member}" if member else ""
    return f"first layer ({units}, {first.layer.activation.name}): {what}{by}"


def _units(
    order: list[int], pictures: Array, view: View, *, common: bool
) -> Iterator[RenderableType]:
    """As many units as fit, in this order. common: whether all have the same scale."""
    if (pictures < 0).any():
        yield legend(view)
    lines = view.height - AROUND
    shown = framed_units(order, pictures[order], view, lines=lines, common=common)
    yield gallery(shown, view)
    if len(shown) < len(order):
        yield f"{len(shown):,} of {len(order):,} are shown; w UNIT shows one"


def all_units(first: FirstLayer, member: str = "") -> Said:
    """The weights of the first layer: the largest first, if they are pictures."""
    weights, biases, is_dense = first.weights, first.layer.biases, first.layer.kind == "dense"
    sizes = np.square(weights).reshape(len(weights), -1).sum(axis=1)
    order = by_size(sizes) if is_dense else list(range(len(weights)))

    def shown(view: View) -> Iterator[RenderableType]:
        if weights.ndim == 2:
            yield _title(first, member, "weights into each unit")
            yield weights_table(weights, biases)
            return
        what = "weights into each unit, largest first" if is_dense else "kernels"
        yield _title(first, member, what)
        yield from _units(order, weights, view, common=False)

    listed = {"weights": weights.tolist(), "biases": None if biases is None else biases.tolist()}
    return Said(shown, _about(first, member) | listed)


def one_unit(first: FirstLayer, unit: int, member: str = "") -> Said:
    """The weights of one unit of the first layer."""
    every = {"weights": first.weights, "bias": first.layer.biases, "outgoing": first.outgoing}
    its = {name: None if v is None else v[unit] for name, v in every.items()}
    weights, bias, outgoing = first.weights[unit], its["bias"], its["outgoing"]

    def shown(view: View) -> Iterator[RenderableType]:
        noun = "unit" if first.layer.kind == "dense" else "channel"
        yield _title(first, member, f"weights into {noun} {unit}")
        if weights.ndim == 1:
            alone = None if bias is None else np.atleast_1d(bias)
            yield weights_table(weights[None], alone, first=unit)
            return
        yield legend(view)
        times = LARGE // weights.shape[1] // 2 * 2 or 1  # even: two rows make a line
        enlarged = weights.repeat(times, axis=0).repeat(times, axis=1)
        picture = pixels(enlarged, view, signed=True)
        lines = [f"weights {weights.min():.3g} to {weights.max():.3g}"]
        if bias is not None:
            lines.append(f"bias {bias:.3g}")
        if outgoing is not None and len(outgoing) > 1:
            lines += ["", "weights to the answers:"]
            lines += [f"{answer} {weight:z6.2f}" for answer, weight in enumerate(outgoing)]
        beside, width = Text("\n".join(lines)), enlarged.shape[1] + 3 + 24
        yield side_by_side(picture, beside, view.width, width)

    listed = {name: None if v is None else v.tolist() for name, v in its.items()}
    return Said(shown, _about(first, member) | {"unit": unit} | listed)


def _response(
    first: FirstLayer, member: str, case: Case, name: str, maps: Array, outputs: Array | None
) -> Said:
    """The first layer's response to a case; name, maps, outputs: as of `first_layer_maps`."""
    what = f"feature maps of {name}, largest"
    if outputs is not None:
        what = "weights times pixels, largest outputs"
    order = by_size(maps.sum(axis=(1, 2)) if outputs is None else outputs)

    def shown(view: View) -> Iterator[RenderableType]:
        yield f"{case}, {with_article(case.answer)}"
        yield _title(first, member, f"{what} first")
        yield from _units(order, maps, view, common=True)

    listed = {"maps": maps.tolist(), "outputs": None if outputs is None else outputs.tolist()}
    return Said(shown, _about(first, member) | case.as_json() | listed)


@command("w", "weights", group="Asking", rank=8, is_picture=True)
def weights(session: Session, unit: kinds.UNIT = None, index: kinds.INDEX = None) -> Said:
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
    network = model.trainer.with_answering_weights()
    first = first_layer(network)
    if not np.isfinite(first.weights).all():
        raise CommandError("the weights are not numbers: undo brings an earlier version back")
    if unit == "case":
        data = session.data_for(model)
        if first.weights.ndim == 2:
            raise CommandError("w case needs pictures; c INDEX layers shows the units")
        case = Case.of(session, data, index)
        x, _ = Feeder(data.test, model.network.dtype).batch(np.array([case.index]))
        return _response(first, member, case, *first_layer_maps(network, x))
    if index is not None:
        raise CommandError("w: a unit is shown without a case. Example: w case 17")
    if unit is None:
        return all_units(first, member)
    if int(unit) > (last := len(first.weights) - 1):
        raise CommandError(f"there is no unit {unit:,}: the first layer has units 0 to {last:,}")
    return one_unit(first, int(unit), member)
