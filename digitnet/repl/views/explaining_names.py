"""The names of layers, units, inputs and weights in `why` and `step`; all are counted from 0."""

from typing import TYPE_CHECKING

import numpy as np
from rich.text import Text

from digitnet.engine.layers import BatchNorm, Convolution, Dense, Flatten, Layer
from digitnet.insight.backprop import Pass
from digitnet.insight.trail import Place
from digitnet.repl.views.info import layer_line
from digitnet.repl.views.sheet import Sheet

if TYPE_CHECKING:
    from digitnet.repl.commands.explaining import WhyResult

WHOLE = 10
"""A layer with at most this many inputs and units is written out whole."""
SIGNS = {"gamma": "γ", "beta": "β"}
"""Parameter → its symbol."""


def is_whole(p: Pass) -> bool:
    """Whether every number of a layer is written out."""
    return isinstance(p.layer, Dense | BatchNorm) and p.x.size <= WHOLE and p.a.size <= WHOLE


def is_output(result: "WhyResult", number: int) -> bool:
    """Whether a layer is the last."""
    return number == len(result.page.passes) - 1


def block_title(result: "WhyResult", sheet: Sheet, number: int) -> Text:
    """The title of a layer's block."""
    return layer_title(result.page.passes[number].layer, number + 1, sheet)


def layer_title(layer: Layer, number: int, sheet: Sheet) -> Text:
    """`layer 2: dense 256 to 10, softmax`."""
    shapes = {"kind": layer.kind, "inputs": layer.input_shape, "outputs": layer.shape}
    return sheet.title(f"layer {number}: {layer_line(shapes | layer.described())}")


def unit_headings(result: "WhyResult", number: int) -> list[str]:
    """The headings of columns that are a layer's units."""
    units = range(result.page.passes[number].a.size)
    return [unit_name(result, number, (k,)) for k in units]


def unit_name(result: "WhyResult", number: int, place: Place) -> str:
    """A layer's output: `unit 112`, `pixel 3,8 of channel 12`, `output 7`."""
    if is_output(result, number):
        return f"output {place[0]}"
    layer = result.page.passes[number].layer
    if isinstance(layer, Flatten):
        place = tuple(int(i) for i in np.unravel_index(place[0], layer.input_shape))
    return _place_name(place)


def input_name(result: "WhyResult", number: int, place: Place) -> str:
    """A layer's input: a unit of the layer below, a pixel, or a number of a table."""
    if number:
        return unit_name(result, number - 1, place)
    if result.inputs.ndim == 2:
        row, column = divmod(place[0], result.inputs.shape[1]) if len(place) == 1 else place[:2]
        return f"pixel {row},{column}"
    return f"input {place[0]}"


def weight_name(layer: Layer, name: str, number: int) -> str:
    """One number of a parameter: `w3 → 0`, `b → 0`, `0,1 of kernel 4 → 7`, `γ of channel 3`."""
    if name == "biases":
        return f"b → {number}"
    if isinstance(layer, Dense):
        row, unit = divmod(number, layer.shape[0])
        return f"w{row} → {unit}"
    if isinstance(layer, Convolution):
        k, depth, channels = layer.kernel, layer.input_shape[2], layer.channels
        place = np.unravel_index(number, (k, k, depth, channels))
        return "{},{} of kernel {} → {}".format(*place)
    return f"{SIGNS.get(name, name)} of channel {number}"


def _place_name(place: Place) -> str:
    if len(place) == 3:
        row, column, channel = place
        return f"pixel {row},{column} of channel {channel}"
    return f"unit {place[0]}"
