"""The activations of the hidden layers, for `c layers`."""

from collections.abc import Iterator, Sequence

import numpy as np
from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from digitnet.engine.types import Array
from digitnet.repl.views.filters import by_size, framed_units
from digitnet.repl.views.gallery import gallery
from digitnet.repl.views.signed import legend, signed, unsigned
from digitnet.repl.views.words import counted

MAX_AS_NUMBERS = 16
"""Up to this many units are shown as numbers."""
MAX_ACROSS = 64
"""Maximum number of units in a row."""
MIN_LINES = 8
"""Minimum number of lines for the feature maps of a layer."""


def activations(
    layers: Sequence[tuple[str, Array]], console: Console, options: ConsoleOptions
) -> Iterator[RenderableType]:
    """Each layer under its text: feature maps as a gallery, units in rows."""
    if not layers:
        yield "There are no hidden layers."
    if any((values < 0).any() for _, values in layers):
        yield legend(console, options)
    for text, values in layers:
        yield ""
        yield _title(text, values)
        if values.ndim == 3:
            lines = max(MIN_LINES, console.height // len(layers))
            channels = by_size(values.sum(axis=(0, 1)))
            maps = values.transpose(2, 0, 1)[channels]
            shown = framed_units(channels, maps, console, options, lines=lines, common=True)
            yield gallery(shown, options)
        else:
            yield _units(values, console, options)


def _title(text: str, values: Array) -> Text:
    """`16c5-p2: 16 feature maps of 12 x 12, 86 % zero, largest 2.02`."""
    if values.ndim == 3:
        rows, columns, channels = values.shape
        title = f"{text}: {counted(channels, 'feature map')} of {rows} x {columns}"
    else:
        title = counted(len(values), "unit")
    zero = (values == 0).mean()
    none = f", {zero:.0%} zero".replace("%", " %") if zero else ""
    return Text(f"{title}{none}, largest {values.max():.3g}", "bold")


def _units(values: Array, console: Console, options: ConsoleOptions) -> Text:
    """The units of a dense layer: a few as numbers, many as shades in rows."""
    if len(values) <= MAX_AS_NUMBERS:
        return Text("  ".join(f"{value:.3g}" for value in values))
    across = min(MAX_ACROSS, options.max_width)
    rows = -(-len(values) // across)
    picture = np.zeros((rows, across), values.dtype)
    picture.flat[: len(values)] = values
    draw = signed if (values < 0).any() else unsigned
    return draw(picture, float(np.abs(values).max()), console, options)
